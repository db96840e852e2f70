#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh: everything that is checked without running RTT on real servers. Goes on after a failure, so that one run
# shows all of them; the closing line counts.
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-2}
passed=0
failed=()

step() {  # step NAME COMMAND…
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  if "$@"; then
    passed=$((passed + 1))
    echo "== $name: ok, $((SECONDS - start)) s"
  else
    failed+=("$name")
    echo "== $name: FAILED"
  fi
}

format() {
  git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run -Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c >build/format.txt
  if [[ -s build/format.txt ]]; then
    echo "not as clang-format lays it out (make format):"
    cat build/format.txt
    return 1
  fi
}

# Without the widest explorations and enumerations of pure code: they take minutes at -O0, are whole in `make test`, and
# narrower tests walk the same code here.
sanitizers() {
  cmake --preset asan >/dev/null && ninja -C build/asan -j"$jobs" unit_tests &&
    RTT_CRASH_STATES=20000 GTEST_FILTER='-HandshakeExplorer.converges_*:Explore.*_parties_*:Golden.every_*' \
      ctest --test-dir build/asan -L unit --output-on-failure -j"$jobs" ${CTEST_FLAGS:-}
}

# TSan over one mapping: the ring as it is has no race, the one planted in a second build is reported.
races() {
  cmake --preset tsan >/dev/null && ninja -C build/tsan -j"$jobs" ring_race ring_race_planted &&
    ctest --test-dir build/tsan -R '^ring_race' --output-on-failure
}

step tidy build/release/bin/tidy .
step clang-format format
step "ring under TSan" races
step clang-tidy tools/lint.py --build build/release --jobs "$jobs" ${LINT_FLAGS:---seconds 1200}
step "unit tests under ASan and UBSan" sanitizers

echo "check: $passed passed, ${#failed[@]} failed${failed:+ (${failed[*]})}"
((${#failed[@]} == 0))
