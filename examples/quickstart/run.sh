#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# RTT's main job on real MCP servers, step by step, each step checked. Ends with a one-screen report; exit 1 if any step
# is not as it should be. Everything it makes lies below build/quickstart; run it as often as you like.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rtt=${RTT:-$here/../../build/release/bin/rtt}
rtt=$(realpath "$rtt") || { echo "build rtt first: make build" >&2; exit 1; }
work=${QUICKSTART_DIR:-$here/../../build/quickstart}
ws=$work/workspace
export XDG_CONFIG_HOME=$work/config   # its own identity: yours is not touched
report=()
failures=0

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ok() { report+=("ok    $*"); printf '  ok: %s\n' "$*"; }
bad() { report+=("FAIL  $*"); failures=$((failures + 1)); printf '  FAIL: %s\n' "$*"; }
# check TEXT CMD…: the step holds if the command succeeds.
check() { local text=$1; shift; if "$@" >/dev/null 2>&1; then ok "$text"; else bad "$text"; fi; }
# refused TEXT CODE EXIT CMD…: the step holds if the command fails with that code and exit status; its message is shown.
refused() {
  local text=$1 code=$2 want=$3 out status; shift 3
  out=$("$@" 2>&1 </dev/null); status=$?
  printf '%s\n' "$out" | sed 's/^/    /' | head -8
  if [[ $status == "$want" && $out == *"$code"* ]]; then ok "$text ($code, exit $want)"; else bad "$text: wanted $code and exit $want, got exit $status"; fi
}
field() { jq -r "$1" 2>/dev/null; }
latency_us() { "$rtt" call "$1" "$2" --json | field '.latency_ns / 1000 | floor'; }

if [[ -d $ws ]]; then "$rtt" down -C "$ws" >/dev/null 2>&1; fi   # what an interrupted run left behind
rm -rf "$work"; mkdir -p "$work"
trap '"$rtt" down -C "$ws" >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM
cp -r "$here/workspace" "$ws"; ws=$(realpath "$ws"); cd "$ws" || exit 1
sed -e "s|@MODULES@|$here/node_modules|g" -e "s|@WORKSPACE@|$ws|g" mcp.json.in > .mcp.json; rm mcp.json.in

say "1  From a folder with a .mcp.json to a wired workspace: rtt up"
"$rtt" up --yes || true
check "up: four servers imported, agents signed, wiring committed" jq -e '.panel == "up" and .seq > 0 and .routes == 7' <("$rtt" status --json)
check "up again changes nothing" jq -e '.changed == false' <("$rtt" up --yes --json)
check "check agrees with the committed files" "$rtt" check

say "2  The wiring, and why"
"$rtt" plan --explain | head -40
check "nothing is pending" "$rtt" plan --check
"$rtt" ls routes

say "3  A call on each server"
for call in "everything/echo message=hello" "filesystem/read_text_file path=$ws/data/letter.txt" "memory/read_graph" "notes/add_note text=first"; do
  read -r tool argument <<<"$call"
  "$rtt" call "$tool" ${argument:+"$argument"} >/dev/null 2>&1   # starts the server
  if us=$("$rtt" call "$tool" ${argument:+"$argument"} --json | field '.latency_ns / 1000 | floor') && [[ -n $us ]]; then
    ok "call $tool: $us µs"
  else
    bad "call $tool"
  fi
done

say "4  The same tools for an AI client: the MCP inspector through rtt mcp serve"
inspector=$here/node_modules/.bin/mcp-inspector
if [[ -x $inspector ]]; then
  check "the inspector lists the workspace's tools" jq -e '[.tools[].name] | index("echo") and index("read_text_file") and index("read_graph")' \
    <("$inspector" --cli "$rtt" mcp serve -C "$ws" --method tools/list)
  check "the inspector calls one of them" grep -q 'Echo: through rtt' \
    <("$inspector" --cli "$rtt" mcp serve everything -C "$ws" --method tools/call --tool-name echo --tool-arg 'message=through rtt')
else
  bad "the inspector is not installed: run make deps"
fi

say "5  kill -9 of the panel while calls go on"
before=$("$rtt" status --json); pid=$(field .pid <<<"$before"); graph=$(field .graph <<<"$before")
"$rtt" call everything/echo message=x --repeat 20000 --json > "$work/calls.json" & calls=$!
under_way() { [[ $("$rtt" mcp ls --json | field '.servers[] | select(.name == "everything") | .calls // 0') -ge 200 ]]; }
until under_way || ! kill -0 "$calls" 2>/dev/null; do :; done
kill -9 "$pid"
if kill -0 "$calls" 2>/dev/null; then ok "the panel was killed while calls were going on"; else bad "the calls were over before the panel was killed"; fi
wait "$calls"
check "20,000 calls on the open link, none failed" jq -e '.calls == 20000 and .errors == 0' "$work/calls.json"
after=$("$rtt" panel start --json >/dev/null; "$rtt" status --json)
check "the panel came back by itself with the same graph" test "$(field .graph <<<"$after")" = "$graph" -a "$(field .pid <<<"$after")" != "$pid"
check "a call right after" "$rtt" call everything/echo message=back

say "6  rollback, and the proof"
seq=$(field .seq <<<"$after")
check "rollback 0: the empty wiring" jq -e '.state == "committed"' <("$rtt" rollback 0 --json)
check "rollback $seq: as it was, the same graph" jq -e --arg g "$graph" '.state == "committed" and .graph == $g' <("$rtt" rollback "$seq" --json)
check "undo, twice" bash -c "'$rtt' undo && '$rtt' undo"
"$rtt" log | tail -6
check "audit --verify: the whole chain holds" jq -e '.ok' <("$rtt" audit --verify --json)

say "7  Refusals"
mkdir -p services/billing
cat > services/billing/rtt.manifest.json <<'JSON'
{"$schema": "https://rtt/spec/v1", "symbol": {"saddr": "rtt://billing/service/invoice@1.0.0", "type": "service",
 "direction": "provider", "driver": {"use": "process", "params": {"command": "echo", "args": ["paid"]}}}}
JSON
refused "an unsigned manifest is not used" RTT0401 3 "$rtt" call billing/invoice
check "signed, it is" bash -c "'$rtt' sign --yes services && '$rtt' call billing/invoice"

object=$(field '.symbols[] | select(.saddr | test("/tool/echo@")) | .hash' < <("$rtt" ls symbols --json)); object=${object#sha256-}
file=.rtt/registry/cas/sha256/${object:0:2}/$object.json
cp "$file" "$work/object"; chmod u+w "$file"; sed -i 's/Echo/Ecko/;s/echo/ecko/' "$file"
refused "a tampered object is found by verify" "$object" 7 "$rtt" registry verify
refused "and is not used" RTT0406 7 "$rtt" call everything/echo message=x
cat "$work/object" > "$file"; chmod a-w "$file"

cat > agents/common/clerk.md <<'MD'
---
name: clerk
saddr: rtt://common/agent/clerk@1.0.0
description: Keeps notes.
tools: [rtt://notes/tool/add_note@*]
---
Keep a note of what was decided.
MD
"$rtt" sign --yes >/dev/null; plan=$("$rtt" plan --json | field .path); cp "$plan" "$work/first.plan.json"
stranger=$work/stranger; cp -r "$ws" "$stranger"
XDG_CONFIG_HOME=$work/stranger-config "$rtt" keys new -C "$stranger" >/dev/null
jq '.sign = []' "$work/first.plan.json" > "$work/unsigned.plan.json"
key=$(basename "$(ls "$stranger"/.rtt/registry/trust/keys/*.pub | head -1)" .pub)
for key in "$stranger"/.rtt/registry/trust/keys/*.pub; do XDG_CONFIG_HOME=$work/stranger-config "$rtt" keys trust "$(basename "$key" .pub)" --yes -C "$stranger" >/dev/null; done
rm -f "$stranger"/.rtt/plans/*; foreign=$(XDG_CONFIG_HOME=$work/stranger-config "$rtt" plan --json -C "$stranger" | field .path)
refused "a plan signed by a stranger" RTT0416 3 "$rtt" apply "$stranger/$foreign"
refused "a plan nobody signed" RTT0416 3 "$rtt" apply "$work/unsigned.plan.json"

sed -i 's/add_note@\*]/count_notes@*]/' agents/common/clerk.md
"$rtt" sign --yes >/dev/null; "$rtt" plan >/dev/null; "$rtt" apply >/dev/null
refused "a plan that starts from another wiring" RTT0510 3 "$rtt" apply "$work/first.plan.json"

sed -i 's/\["text"\]/["text", "author"]/; s/"text": { "type": "string" } }/"text": { "type": "string" }, "author": { "type": "string" } }/' servers/notes.tools.json
"$rtt" mcp restart notes >/dev/null 2>&1
refused "a tool whose schema changed since it was accepted" RTT0414 3 "$rtt" call notes/add_note text=second
check "its unchanged neighbour goes on" "$rtt" call notes/count_notes
"$rtt" mcp diff notes
check "accepted, it works again" bash -c "'$rtt' mcp accept notes --yes && '$rtt' call notes/add_note text=second author=ada"
echo "// edited" >> servers/notes.mjs
"$rtt" mcp restart notes >/dev/null 2>&1
refused "a server that is other code now" RTT0414 3 "$rtt" call notes/count_notes
check "accepted, it is called again" bash -c "'$rtt' mcp accept notes --yes && '$rtt' call notes/count_notes"

say "8  Down: nothing stays behind"
"$rtt" down
left=$(pgrep -f "$work" | grep -vw $$ | wc -l)
check "no process left" test "$left" = 0

say "Report"
printf '%s\n' "${report[@]}"
printf '\n%d steps, %d failed\n' "${#report[@]}" "$failures"
[[ $failures == 0 ]]
