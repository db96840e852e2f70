#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Living endpoints, step by step, each step checked: a hook asks metrics over shared memory and publishes events; a bus in
# Python hands them to a logger that writes NDJSON; an identity service in awk. The metrics provider is swapped while the
# hook asks, a driver and the panel are killed. Everything it makes lies below build/panel; run it as often as you like.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${BUILD:-$here/../../build/release}") || exit 1
rtt=$build/bin/rtt
work=${PANEL_DIR:-$here/../../build/panel}
ws=$work/workspace
export XDG_CONFIG_HOME=$work/config   # its own identity: yours is not touched
report=()
failures=0
started=()

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ok() { report+=("ok    $*"); printf '  ok: %s\n' "$*"; }
bad() { report+=("FAIL  $*"); failures=$((failures + 1)); printf '  FAIL: %s\n' "$*"; }
check() { local text=$1; shift; if "$@" >/dev/null 2>&1; then ok "$text"; else bad "$text"; fi; }
field() { jq -r "$1" 2>/dev/null; }
# until_true COMMAND: waits for it, at most about 20 s; every look is a question to RTT, so it never spins idle.
until_true() { local i; for ((i = 0; i < 200; i++)); do if "$@" >/dev/null 2>&1; then return 0; fi; read -rt 0.1 <> <(:) || true; done; return 1; }
# The hook: how it ended and what it published count over all its runs.
published=0
hook_failed=0
start_hook() { "$build/examples/refresh" . 100 >> "$work/refresh.out" 2>> "$work/refresh.err" & hook=$!; started+=("$hook"); }
end_hook() {
  kill "$hook"; wait "$hook" || hook_failed=1
  published=$((published + $(tail -1 "$work/refresh.out" | field .published)))
}
landed() { [[ $(wc -l < logs/events.ndjson) == "$published" ]]; }   # each event once: neither fewer nor more
ready() { "$rtt" ls routes --json | jq -e --argjson n "$1" '[.routes[] | select(.state == "ready")] | length >= $n'; }
stop_started() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done; wait 2>/dev/null; }

if [[ -d $ws ]]; then "$rtt" down -C "$ws" >/dev/null 2>&1; fi   # what an interrupted run left behind
rm -rf "$work"; mkdir -p "$work"
cp -r "$here/workspace" "$ws"; ws=$(realpath "$ws"); mkdir "$ws/logs"; cd "$ws" || exit 1
trap 'stop_started; "$rtt" down -C "$ws" >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM

say "1  The wiring: six contracts, three routes"
"$rtt" init --yes >/dev/null
"$rtt" plan
check "applied; the routes wait for their endpoints" jq -e '.state == "committed"' <("$rtt" apply --json)

say "2  Endpoints attach"
"$build/examples/metrics" . 'rtt://core/api/metrics#prom' prom & started+=($!)
"$build/examples/metrics" . 'rtt://core/api/metrics#fast' fast & started+=($!)
start_hook
check "every route is carried" until_true ready 3
"$rtt" ls routes
check "hook to metrics over shared memory" jq -e '.routes[] | select(.to | test("metrics")) | .lane == "shm"' <("$rtt" ls routes --json)
check "the hook asked and was answered" until_true grep -q prom "$work/refresh.out"

check "the identity service in awk answers a call" jq -e '.result.allowed' <("$rtt" call idp/auth user=hook --json)
check "and refuses a guest" jq -e '.result.allowed == false' <("$rtt" call idp/auth user=guest --json)

say "3  Another provider takes over while the hook asks"
"$rtt" qc ui/refresh 'core/metrics#fast'
check "the other one answers now" until_true grep -q fast "$work/refresh.out"
"$rtt" qc ui/refresh 'core/metrics#prom'
check "and back" until_true bash -c "[[ \$(grep -c prom '$work/refresh.out') -ge 2 ]]"

say "4  What the routes carry"
"$rtt" tap --flight 1s
"$rtt" tap --flight 1s --json > "$work/flight.ndjson"
check "flight lines carry every field" jq -es 'length > 0 and all(has("ts") and has("route_id") and has("p50") and has("p95") and has("p99") and has("qdepth") and has("drops") and has("drop_reason") and has("breaker_state") and has("syscalls_delta"))' "$work/flight.ndjson"

say "5  A driver is killed: restarted, and counted"
driver() { "$rtt" status --json | jq -r '.drivers[] | select(.name == "driver-events") | .child'; }
check "the bus driver runs" until_true bash -c "'$rtt' status --json | jq -e '.drivers[] | select(.name == \"driver-events\") | .child.pid > 0'"
end_hook   # an event that a dying driver has in hand may be lost: none is on its way when it dies
check "every event that was published is in the file" until_true landed
kill -9 "$(driver | field .pid)"
start_hook
check "it is back" until_true bash -c "'$rtt' status --json | jq -e '.drivers[] | select(.name == \"driver-events\") | .child | .restarts >= 1 and .pid > 0'"
check "the hook that came meanwhile has all its routes" until_true ready 3

say "6  The panel is killed: lanes go on, the next panel adopts them"
kill -9 "$("$rtt" status --json | field .pid)"
before=$(wc -l < logs/events.ndjson)
check "events still land in the file" until_true bash -c "[[ \$(wc -l < logs/events.ndjson) -gt $before ]]"
"$rtt" panel start
check "adopted: every route ready again" until_true ready 3

say "7  The end"
end_hook
cat "$work/refresh.out" "$work/refresh.err"
check "no call of the hook failed through all of it" test "$hook_failed" = 0
check "every event that was published is in the file" until_true landed
check "in their order, over two runs of the hook" jq -es '[range(1; length) as $i | select(.[$i].asked <= .[$i - 1].asked)] | length == 1' logs/events.ndjson
"$rtt" call 'obs/logger' op=tail lines=2 || true
stop_started
"$rtt" down
left=$(pgrep -f "$work" | grep -vw $$ | wc -l)
check "no process left" test "$left" = 0
trap - EXIT

say "Report"
printf '%s\n' "${report[@]}"
printf '\n%d steps, %d failed\n' "${#report[@]}" "$failures"
[[ $failures == 0 ]]
