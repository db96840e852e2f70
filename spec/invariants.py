#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""invariants.py ROOT: every `file:name` in spec/invariants.md is a function, test or seeded bug of that file, every
invariant of the models is in the table, and every row of the table that is no other program's is checked by TLC."""
import pathlib
import re
import sys

ELSEWHERE = ("one-link", "both-ends-agree", "proves-itself", "seq-increases", "rollback-is-exact",
         "InDoubtStops", "NotStale", "OneGeneration", "FramesOnce", "PositionsInside")  # not of the models


def missing(root, place):
    path, name = place.split(":")
    file = root / path
    if not file.is_file():
        return f"{place}: no such file"
    text = file.read_text(encoding="utf-8")
    word = re.escape(name)
    if path.endswith("_test.cc"):
        pattern = rf"TEST(_F|_P)?\(\w+,\s*{word}\)"
    elif path.endswith(".cmake"):
        pattern = rf"^seeded_bug\({word} "
    elif path.endswith(".py"):
        pattern = rf"^\s*(def {word}\(|{word} = )"
    else:  # a definition: a type, the name, its parameters, and a body
        pattern = rf"^ {{0,2}}[\w:<>,*&\[\] ]*[\s:]{word}\([^;{{}}]*\)[^;{{}}]*\{{"
    return None if re.search(pattern, text, re.M) else f"{place}: no such function, test or seeded bug"


def problems(root):
    table = (root / "spec/invariants.md").read_text(encoding="utf-8")
    places = set(re.findall(r"`([\w./]+\.(?:cc|h|py|cmake):\w+)`", table))
    found = [problem for problem in (missing(root, place) for place in sorted(places)) if problem]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "name"]
    for row in rows:
        if len(row) < 4 or not all(row):
            found.append(f"{row[0]}: an empty cell")
        elif "`" not in row[-1]:
            found.append(f"{row[0]}: nothing is named that holds it")
    named = {row[0] for row in rows} - set(ELSEWHERE)
    tla = (root / "spec/tla/Apply.tla").read_text(encoding="utf-8")
    spin = (root / "spec/spin/apply.pml").read_text(encoding="utf-8")
    configured = set()
    for config in (root / "spec/tla").glob("*.cfg"):
        part = config.read_text(encoding="utf-8").split("INVARIANTS")[1].split("CHECK_DEADLOCK")[0]
        configured |= set(part.replace("PROPERTIES", "").split())
    for name in sorted(named | configured):
        if name not in named:
            found.append(f"{name}: checked by a model and not in the table")
        elif name not in configured or not re.search(rf"^{name} ==", tla, re.M):
            found.append(f"{name}: not checked in spec/tla")
    for law in re.findall(r"^  Law\((\w+)\)", spin, re.M):
        if law not in named:
            found.append(f"{law}: checked by Spin and not in the table")
    return found, len(places), len(rows)


def main():
    found, places, rows = problems(pathlib.Path(sys.argv[1]))
    for problem in found:
        print(problem)
    print(f"invariants: {rows} rows, {places} places named, {len(found)} wrong")
    return 1 if found or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
