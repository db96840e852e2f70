# SPDX-License-Identifier: Apache-2.0
# A driver in awk on the line wire (rtt-stub/1): answers what it is sent in capitals. mawk needs `-W interactive`, or it
# waits for a whole buffer of requests; other awks run it as it is.
BEGIN { FS = OFS = "\t" }
function say(a, b, c, d) { print $1, a (b == "" ? "" : OFS b) (c == "" ? "" : OFS c) (d == "" ? "" : OFS d); fflush() }
$2 == "hello" { print $1, "ok", 1, "awk", "upper", "probe open tx rx health close bye"; fflush(); next }
$2 == "probe" { say("ok"); next }
$2 == "open" && $4 == "enc=b64" { say("err", "refused", "awk holds no bytes but text"); next }
$2 == "open" { up[++n] = 1; say("ok", n); next }
$2 == "bye" { say("ok"); exit }
!($3 in up) { if (NF > 1) say("err", "link", "no such link"); next }
$2 == "tx" { queue[$3, ++last[$3]] = toupper($4); say("ok", length($4)); next }
$2 == "rx" { if (first[$3] < last[$3]) print $1, "ok", queue[$3, ++first[$3]]; else print $1, "err", "empty"; fflush(); next }
$2 == "health" { say("ok", 0, last[$3] - first[$3] ""); next }
$2 == "close" { delete up[$3]; say("ok") }
