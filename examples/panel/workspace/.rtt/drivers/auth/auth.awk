# SPDX-License-Identifier: Apache-2.0
# An identity service on the line wire: whoever is named `guest` is refused, everybody else gets a ticket.
BEGIN { FS = OFS = "\t" }
function say(a, b) { print $1, a (b == "" ? "" : OFS b); fflush() }
$2 == "hello" { print $1, "ok", 1, "awk", "auth", "probe open tx rx health close bye"; fflush(); next }
$2 == "open" { up[++n] = 1; say("ok", n); next }
$2 == "bye" { say("ok"); exit }
$2 == "probe" { say("ok"); next }
!($3 in up) { if (NF > 1) print $1, "err", "link", "no such link"; fflush(); next }
$2 == "tx" { queue[$3, ++last[$3]] = ($4 ~ /"guest"/) ? "{\"allowed\":false}" : "{\"allowed\":true,\"ticket\":" ++ticket "}"; say("ok", length($4)); next }
$2 == "rx" { if (first[$3] < last[$3]) say("ok", queue[$3, ++first[$3]]); else say("err", "empty"); next }
$2 == "health" { print $1, "ok", 0, last[$3] - first[$3]; fflush(); next }
$2 == "close" { delete up[$3]; say("ok") }
