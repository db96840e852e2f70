#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real AI clients on a workspace's tools through `rtt mcp serve`, offline and without a login: codex and opencode list
# them, and codex, its model played by a server on loopback, calls one. `make clients` runs it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rtt=$(realpath "${RTT:-$here/../../build/release/bin/rtt}") || { echo "build rtt first: make build" >&2; exit 1; }
modules=$here/node_modules
codex=$modules/codex/vendor/x86_64-unknown-linux-musl/bin/codex
opencode=$modules/opencode-linux-x64/bin/opencode
work=$(mktemp -d); passed=0; failed=0
trap '"$rtt" down -C "$work/ws" >/dev/null 2>&1; [[ -n ${model:-} ]] && kill "$model" 2>/dev/null; rm -rf "$work"' EXIT
check() { local text=$1; shift; if "$@" >/dev/null 2>&1; then echo "ok    $text"; passed=$((passed + 1)); else echo "FAIL  $text"; failed=$((failed + 1)); fi; }

mkdir -p "$work/ws" "$work/home/.codex" "$work/home/.config"
cp "$here/../../examples/quickstart/workspace/servers/notes.mjs" "$work/ws/"
printf '{"mcpServers":{"notes":{"command":"%s","args":["%s"]}}}\n' "$(command -v node)" "$work/ws/notes.mjs" > "$work/ws/.mcp.json"
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config NO_COLOR=1 TERM=dumb
"$rtt" up --yes -C "$work/ws" >/dev/null || { echo "rtt up failed"; exit 1; }
cd "$work/ws" || exit 1
: > "$work/empty"

{ printf '[projects."%s"]\ntrust_level = "trusted"\n\n' "$work/ws"
  "$rtt" mcp connect codex --json | jq -r '.add[]'; } > "$HOME/.codex/config.toml"
timeout 60 "$codex" mcp list --json < "$work/empty" > "$work/codex.list" 2>"$work/codex.err"
check "codex reads the entry that mcp connect prints" jq -e '.[] | select(.name == "notes")' "$work/codex.list"

timeout 60 node "$here/model.mjs" > "$work/model.log" 2>&1 & model=$!
until port=$(sed -n 's/^port //p' "$work/model.log") && [[ -n $port ]]; do kill -0 "$model" || break; done
timeout 90 "$codex" exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox \
  -c 'model_provider="m"' -c 'model="test"' \
  -c "model_providers.m={name=\"m\",base_url=\"http://127.0.0.1:$port/v1\",wire_api=\"responses\"}" \
  "keep a note" < "$work/empty" > "$work/codex.out" 2>&1
check "codex offers the tools to its model" grep -q '^offered .*add_note' "$work/model.log"
check "codex calls one through rtt" grep -q '^called .*kept by codex: 1' "$work/model.log"
check "and rtt's audit has the call" bash -c "'$rtt' audit --json | grep -q 'rtt://notes/tool/add_note'"

"$rtt" mcp connect opencode --json | jq -r '.add[]' > opencode.json
timeout 90 "$opencode" mcp list < "$work/empty" > "$work/opencode.list" 2>&1
check "opencode connects to it" grep -Eq 'notes.*connected' "$work/opencode.list"

[[ $failed == 0 ]] || { tail -5 "$work"/codex.err "$work"/codex.out "$work"/model.log "$work"/opencode.list; }
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
