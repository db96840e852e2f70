# SPDX-License-Identifier: Apache-2.0
# The one door. `make deps` needs the network, nothing else does; build, run and test call it when it was not run yet.
JOBS    ?= 2
PREFIX  ?= /usr/local
MINUTES ?= 30
RING_FRAMES ?= 100000000
KILLS   ?= 10000
CRASH_STATES ?= 5000000
WORLDS  ?= 100000
SESSIONS ?= 10000
SWAPS   ?= 1000
CHAOS_RUNS ?= 20

# A clone in another folder finds what was compiled in this one.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

RELEASE := build/release
BIN     := $(RELEASE)/bin
QUICKSTART := examples/quickstart
APT_STAMP  := build/.deps
NPM_STAMP  := $(QUICKSTART)/node_modules/.rtt-deps
VECTORS_STAMP := tests/vectors/node_modules/.rtt-deps
SPEC_STAMP := spec/syntax/node_modules/.rtt-deps

.PHONY: build deps run test check bench soak clients conformance peers spec format clean install help
.DEFAULT_GOAL := build

help:
	@echo "make deps     install what is missing from packages.txt, the example servers and published test vectors"
	@echo "make build    $(BIN)/rtt"
	@echo "make run      RTT's main job on real MCP servers, with a report"
	@echo "make test     every test"
	@echo "make check    style, clang-tidy and the unit tests under sanitizers"
	@echo "make bench    measurements; QUICK=1 ends within 45 s"
	@echo "make soak     RING_FRAMES=$(RING_FRAMES) between two processes, CRASH_STATES=$(CRASH_STATES), SESSIONS=$(SESSIONS) ended at random,"
	@echo "              SWAPS=$(SWAPS), CHAOS_RUNS=$(CHAOS_RUNS) of every case; for MINUTES=$(MINUTES) each the explorer, four sweeps of faults"
	@echo "              through system calls and the tests in random order; within three times that WORLDS=$(WORLDS) simulated,"
	@echo "              and again KILLS=$(KILLS) of the panel"
	@echo "make clients  real AI clients against RTT, and on its views"
	@echo "make conformance  the protocol's own suite against RTT"
	@echo "make peers    other MCP gateways, rulesync and ruler beside RTT, in one run"
	@echo "make spec     the written protocol by Spin, with seeded bugs; by TLC too with TLA_JAR=path/to/tla2tools.jar"
	@echo "make format   clang-format in place;   make clean;   make install PREFIX=$(PREFIX)"

deps: $(APT_STAMP) $(NPM_STAMP) $(VECTORS_STAMP) $(SPEC_STAMP)

$(APT_STAMP): packages.txt tools/deps.sh
	@tools/deps.sh packages.txt
	@mkdir -p build && touch $@

$(NPM_STAMP): $(QUICKSTART)/package-lock.json $(QUICKSTART)/package.json | $(APT_STAMP)
	cd $(QUICKSTART) && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

$(VECTORS_STAMP): tests/vectors/package-lock.json | $(APT_STAMP)
	cd tests/vectors && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

$(SPEC_STAMP): spec/syntax/package-lock.json | $(APT_STAMP)
	cd spec/syntax && npm ci --legacy-peer-deps --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

build: $(APT_STAMP)
	@cmake --preset release >/dev/null
	ninja -C $(RELEASE) -j$(JOBS)

run: build $(NPM_STAMP)
	$(QUICKSTART)/run.sh
	examples/panel/run.sh

test: build $(NPM_STAMP) $(VECTORS_STAMP)
	ctest --test-dir $(RELEASE) --output-on-failure -j$(JOBS) $(CTEST_FLAGS)

check: build
	JOBS=$(JOBS) tools/check.sh

bench: build
	$(BIN)/rtt_bench $(if $(QUICK),--quick) --json $(RELEASE)/bench.json

soak: build $(NPM_STAMP) $(VECTORS_STAMP)
	RTT_RING_FRAMES=$(RING_FRAMES) $(BIN)/ring_process_test
	RTT_SCRIBBLE_SECONDS=60 $(BIN)/fabric_test --gtest_filter='ring_hostile.*'
	RTT_SOAK_FLIPS=20000 $(BIN)/fabric_test --gtest_filter='ChainLoad.*'
	RTT_SOAK_KILLS=200 $(BIN)/chain_process_test
	$(BIN)/explore --long --minutes $(MINUTES)
	seq 0 $$(( $(JOBS) - 1 )) | xargs -P $(JOBS) -I@ sh -c '$(BIN)/world --minutes $$(( 3 * $(MINUTES) )) \
	  --first $$(( 2001 + @ * $(WORLDS) / $(JOBS) )) --seeds $$(( $(WORLDS) / $(JOBS) ))'
	RTT_CRASH_STATES=$(CRASH_STATES) RTT_GOLDEN_ALL=1 $(BIN)/journal_test --gtest_filter='Crash.random*:Golden.*'
	RTT_BIN=$(BIN)/rtt RTT_CHAOS_KILLS=$(KILLS) RTT_CHAOS_MINUTES=$$(( 3 * $(MINUTES) )) python3 -B tests/chaos/test_kills.py
	RTT_BIN=$(BIN)/rtt RTT_CHAOS_SWEEP=$$((60 * $(MINUTES))) python3 -B tests/chaos/test_syscalls.py
	RTT_BIN=$(BIN)/rtt RTT_SESSIONS=$(SESSIONS) timeout 7200 python3 -B tests/e2e/test_lives.py Ends
	RTT_BIN=$(BIN)/rtt RTT_SWAPS=$(SWAPS) RTT_KILLS=$$(( ($(SWAPS) + 4) / 5 )) timeout 3600 python3 -B tests/e2e/test_endpoints.py
	RTT_BIN=$(BIN)/rtt RTT_CHAOS_RUNS=$(CHAOS_RUNS) timeout 3600 python3 -B tests/e2e/test_chaos.py
	@end=$$(( $$(date +%s) + 60 * $(MINUTES) )); round=0; \
	while [ $$(date +%s) -lt $$end ]; do \
	  round=$$((round + 1)); \
	  ctest --test-dir $(RELEASE) --output-on-failure --schedule-random -j$(JOBS) || exit 1; \
	done; echo "soak: $$round rounds passed"

CLIENTS_STAMP := tests/clients/node_modules/.rtt-deps
$(CLIENTS_STAMP): tests/clients/package-lock.json | $(APT_STAMP)
	cd tests/clients && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

# Not `npm ci`: one client names optional packages that no registry has, so no lock file can. Versions and hashes are the
# lock file's all the same.
VIEW_CLIENTS_STAMP := tests/clients/views/node_modules/.rtt-deps
$(VIEW_CLIENTS_STAMP): tests/clients/views/package-lock.json | $(APT_STAMP)
	cd tests/clients/views && npm install --no-save --ignore-scripts --omit=optional --no-fund --no-audit --loglevel=error
	@touch $@

clients: $(APT_STAMP) $(CLIENTS_STAMP) $(VIEW_CLIENTS_STAMP)
	@cmake --preset release >/dev/null
	ninja -C $(RELEASE) -j$(JOBS) rtt
	@failed=0; tests/clients/run.sh || failed=1; tests/clients/views/run.sh || failed=1; exit $$failed

CONFORMANCE_STAMP := tests/conformance/node_modules/.rtt-deps
$(CONFORMANCE_STAMP): tests/conformance/package-lock.json | $(APT_STAMP)
	cd tests/conformance && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

conformance: $(APT_STAMP) $(CONFORMANCE_STAMP)
	@cmake --preset release >/dev/null
	ninja -C $(RELEASE) -j$(JOBS) rtt
	tests/conformance/run.sh

PEERS_STAMP := bench/peers/node_modules/.rtt-deps
$(PEERS_STAMP): bench/peers/package-lock.json | $(APT_STAMP)
	cd bench/peers && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

peers: build $(PEERS_STAMP)
	bench/peers/run.sh $(if $(QUICK),--quick)

spec: build $(SPEC_STAMP)
	$(BIN)/spec_trace_test --gtest_brief=1
	spec/invariants.py .
	TLA_JAR=$(TLA_JAR) spec/run.py

format:
	git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

clean:
	rm -rf build

install: build
	cmake --install $(RELEASE) --prefix $(DESTDIR)$(PREFIX)
