#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the written spec: Spin on spin/apply.pml always, the syntax of tla/ where `make deps` has brought a parser, TLC on
tla/ when TLA_JAR names a jar.

Every run is searched to its end. Every seeded bug (BUG_… in apply.pml) must be refuted, else this fails. Works in a
temporary folder and leaves nothing behind. The last lines say what was not run.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "spin" / "apply.pml"
NOT_RUN = 77  # ctest says skipped
SECONDS_MAX = 240  # one search; none takes a tenth of it on one idle core
FAULTS = ("NACKS", "DEATHS", "LOSSES", "DOUBLES", "VERIFIES", "JOURNALS", "FILE_FAULTS", "CRASHES", "EDITS")

# name, bounds (those not named are 0; PLANS is 1), other switches
SAFE = (
    ("faults", {"NACKS": 1, "DEATHS": 1, "VERIFIES": 1, "CRASHES": 1}, ()),
    ("messages", {"LOSSES": 1, "DOUBLES": 1}, ()),
    ("journal", {"VERIFIES": 1, "JOURNALS": 1, "CRASHES": 2}, ()),
    ("two plans", {"CRASHES": 1, "EDITS": 1, "PLANS": 2}, ()),
    ("files", {"NACKS": 1, "FILE_FAULTS": 1, "JOURNALS": 1, "CRASHES": 1}, ("ACCEPTS",)),
)
LIVE = (
    ("liveness", {"NACKS": 1, "CRASHES": 1}, ("LIVE",)),
    ("liveness of loss", {"LOSSES": 1, "VERIFIES": 1}, ("LIVE",)),
    ("liveness of death", {"DEATHS": 1}, ("LIVE",)),
)
# bug, the bounds under which it must show, other switches. LIVE: only the search for liveness is asked.
BUGS = (
    ("BUG_FLIP_BEFORE_DURABLE", {"CRASHES": 1}, ()),
    ("BUG_COMMIT_AS_ABORT", {"CRASHES": 1}, ()),
    ("BUG_PREPARE_NOT_AWAITED", {}, ()),
    ("BUG_NACK_IS_DONE", {"NACKS": 1}, ()),
    ("BUG_TORN_IS_COMMIT", {"CRASHES": 1}, ()),
    ("BUG_TAIL_NOT_CUT", {"CRASHES": 1}, ()),
    ("BUG_STALE_ANSWERS", {"LOSSES": 1, "DOUBLES": 1}, ()),
    ("BUG_VERIFY_IGNORED", {"VERIFIES": 1}, ()),
    ("BUG_FLIP_BACK_SKIPPED", {"VERIFIES": 1}, ()),
    ("BUG_SILENT_COUNTS", {"NACKS": 1, "VERIFIES": 1}, ()),
    ("BUG_DOUBT_IS_ROLLBACK", {"JOURNALS": 1}, ()),
    ("BUG_RECOVERY_FORGETS_ROLLBACK", {"VERIFIES": 1, "CRASHES": 1}, ()),
    ("BUG_RECOVERY_KEEPS_PREPARE", {"CRASHES": 1}, ()),
    ("BUG_RECOVERY_LEAVES_FILES", {"CRASHES": 1}, ("ACCEPTS",)),
    ("BUG_STALE_PLAN", {"EDITS": 1, "PLANS": 2}, ()),
    ("BUG_NO_TIMER", {"LOSSES": 1}, ()),
    ("BUG_NO_TIMER", {"LOSSES": 1}, ("LIVE",)),
)


class Search:
    """What pan said: `broken` names the invariant or cycle it found, or is empty."""

    def __init__(self, said):
        self.said = said
        numbers = re.search(r"^\s*(\d+) states, stored", said, re.M)
        self.states = int(numbers.group(1)) if numbers else 0
        law = re.search(r"^law: (.*)$", said, re.M)
        other = re.search(r"^pan:\d+: (.*?)( \(at depth.*)?$", said, re.M)
        self.broken = law.group(1) if law else other.group(1) if other else ""
        self.whole = "errors: 0" in said and "Search not completed" not in said


def search(folder, bounds, switches):
    live = "LIVE" in switches
    limits = {**dict.fromkeys(FAULTS, 0), "PLANS": 1, **bounds}
    defines = [f"-D{name}={value}" for name, value in limits.items()] + [f"-D{switch}" for switch in switches]
    subprocess.run(["spin", "-a", *defines, str(MODEL)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    how = ["-DNFAIR=4"] if live else ["-DSAFETY"]
    optimise = "-O1" if not any(s.startswith("BUG_") for s in switches) else "-O0"
    subprocess.run(["cc", optimise, "-w", "-DCOLLAPSE", "-DMEMLIM=1500", *how, "-o", "pan", "pan.c"], cwd=folder, check=True)
    run = subprocess.run(["./pan", "-m200000", "-n", "-E" if not live else "-a", *(["-f"] if live else [])], cwd=folder,
                         capture_output=True, text=True, timeout=SECONDS_MAX)
    return Search(run.stdout + run.stderr)


def spin(folder):
    failed = 0
    for name, bounds, switches in SAFE + LIVE:
        began = time.monotonic()
        found = search(folder, bounds, switches)
        good = found.whole and not found.broken
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'} spin {name}: {found.states} states, "
              f"{time.monotonic() - began:.1f} s {found.broken}", flush=True)
        if not good and not found.broken:
            print(found.said)
    for bug, bounds, switches in BUGS:
        found = search(folder, bounds, (bug, *switches))
        failed += not found.broken
        print(f"{'ok    ' if found.broken else 'FAILED'} {bug}{' (liveness)' if 'LIVE' in switches else ''}: "
              f"{'refuted by ' + found.broken if found.broken else 'survives'}", flush=True)
    return failed


def syntax(modules):
    run = subprocess.run(["node", str(HERE / "syntax" / "parse.cjs"), *map(str, modules)], capture_output=True, text=True,
                         timeout=60)
    print(f"{'ok    ' if run.returncode == 0 else 'FAILED'} syntax of {len(modules)} TLA+ modules", run.stdout, sep="\n",
          end="", flush=True)
    return run.returncode != 0


def tlc(folder, jar):
    """TLC on each run of tla/, and whether it reached as many states as the port in trace/ (tla/states.txt)."""
    failed = 0
    counted = dict(line.split() for line in (HERE / "tla" / "states.txt").read_text().splitlines() if line[0] != "#")
    for config in sorted((HERE / "tla").glob("*.cfg")):
        began = time.monotonic()
        run = subprocess.run(["java", "-XX:+UseParallelGC", "-cp", jar, "tlc2.TLC", "-workers", "2", "-metadir", folder,
                              "-noGenerateSpecTE", "-config", str(config), "Runs.tla"],
                             cwd=HERE / "tla", capture_output=True, text=True, timeout=15 * 60)
        states = re.search(r"(\d+) distinct states found, 0 states left", run.stdout)
        number = states.group(1) if states else "0"
        good = "Model checking completed. No error has been found." in run.stdout and number == counted[config.stem]
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'} tlc {config.stem}: {number} states, the port has {counted[config.stem]}, "
              f"{time.monotonic() - began:.1f} s", flush=True)
        if not good:
            print(run.stdout[-4000:])
    return failed


def main():
    absent = [tool for tool in ("spin", "cc") if shutil.which(tool) is None]
    if absent:
        print(f"spec: not run: {', '.join(absent)} is not here (make deps)")
        return NOT_RUN
    jar = os.environ.get("TLA_JAR", "")
    unrun = []
    with tempfile.TemporaryDirectory(prefix="rtt-spec-") as folder:
        failed = spin(folder)
        if shutil.which("node") is None or not (HERE / "syntax" / "node_modules").is_dir():
            unrun.append("the syntax of spec/tla (make deps)")
        else:
            failed += syntax(sorted((HERE / "tla").glob("*.tla")))
        if not jar:
            unrun.append("TLC on spec/tla (give TLA_JAR=path/to/tla2tools.jar)")
        elif shutil.which("java") is None:
            unrun.append("TLC on spec/tla (no java here)")
        elif not pathlib.Path(jar).exists():
            print(f"FAILED no such jar: {jar}")
            failed += 1
        else:
            failed += tlc(folder, str(pathlib.Path(jar).resolve()))
    for what in unrun:
        print(f"not run: {what}")
    print(f"spec: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
