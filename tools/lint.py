#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over src, remembered by content.

A file that had no finding is not looked at again until it, a header of ours that it reaches, src/.clang-tidy, its command
line or clang-tidy itself changes: build/clang-tidy remembers, one small file for each source. Files are taken longest
unseen first, among those the latest committed first, so that what just changed is looked at even when the time is
over before the end. Then the rest is named and the run fails: what nobody looked at has not passed. What it did see
is remembered, so the next run goes on from there.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
CACHE = ROOT / "build" / "clang-tidy"
TOOL = "clang-tidy-19"
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.M)
# What g++ is told and clang does not know.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-deprecated-declarations", "--extra-arg=-Wno-missing-designated-field-initializers"]


class Keys:
    """Hashes of a file together with everything of ours it includes."""

    def __init__(self, generated: pathlib.Path):
        self.generated = generated
        self.version = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
        self.bytes: dict[pathlib.Path, bytes] = {}

    def read(self, path: pathlib.Path) -> bytes:
        if path not in self.bytes:
            self.bytes[path] = path.read_bytes()
        return self.bytes[path]

    def reached(self, path: pathlib.Path) -> list[pathlib.Path]:
        seen, todo = {path}, [path]
        while todo:
            for name in INCLUDE.findall(self.read(todo.pop())):
                for folder in (SRC, self.generated):
                    target = folder / name.decode()
                    if target.is_file() and target not in seen:
                        seen.add(target)
                        todo.append(target)
        return sorted(seen)

    def key(self, path: pathlib.Path, command: str) -> str:
        digest = hashlib.sha256((ROOT / "src" / ".clang-tidy").read_bytes())
        digest.update(self.version)
        digest.update(command.replace(str(ROOT), "").encode())
        for one in self.reached(path):
            digest.update(self.read(one))
        return digest.hexdigest()


def lint(build: str, path: pathlib.Path) -> tuple[pathlib.Path, int, str]:
    run = subprocess.run([TOOL, "-p", build, "--quiet", *EXTRA, str(path)], capture_output=True, text=True)
    return path, run.returncode, run.stdout + (run.stderr if run.returncode not in (0, 1) else "")


def committed_order() -> dict[str, int]:
    """Paths by how lately they were committed or edited, 0 the latest; empty where there is no git."""
    edited = subprocess.run(["git", "diff", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    log = subprocess.run(["git", "log", "--max-count=300", "--format=", "--name-only"], cwd=ROOT,
                         capture_output=True, text=True)
    order: dict[str, int] = {}
    for name in (edited.stdout + log.stdout).split():
        order.setdefault(name, len(order))
    return order


class Memory:
    """The key under which a file last passed; when that was is the file's time."""

    def __init__(self, source: pathlib.Path, key: str):
        self.stamp = CACHE / str(source.relative_to(SRC)).replace("/", "+")
        self.key = key

    def passed(self) -> bool:
        return self.stamp.is_file() and self.stamp.read_text() == self.key

    def seen(self) -> float:
        return self.stamp.stat().st_mtime if self.stamp.is_file() else 0.0

    def keep(self):
        # Renamed into place: a run stopped here leaves no half key.
        part = self.stamp.with_name(self.stamp.name + ".part")
        part.write_text(self.key)
        part.rename(self.stamp)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=420)
    parser.add_argument("--partial", action="store_true", help="do not fail for files that the time was too short for")
    parser.add_argument("files", nargs="*", help="only files whose path contains one of these")
    options = parser.parse_args()

    commands = json.loads((pathlib.Path(options.build) / "compile_commands.json").read_text())
    keys = Keys(pathlib.Path(options.build).resolve() / "generated")
    todo, total = [], 0
    for entry in commands:
        path = pathlib.Path(entry["file"]).resolve()
        if not path.is_relative_to(SRC) or path.stem.endswith(("_test", "_fuzz", "_bench")):
            continue
        if options.files and not any(part in str(path) for part in options.files):
            continue
        memory = Memory(path, keys.key(path, entry["command"]))
        total += 1
        if not memory.passed():
            todo.append((path, memory))
    CACHE.mkdir(parents=True, exist_ok=True)
    recent = committed_order()
    todo.sort(key=lambda item: (item[1].seen(), recent.get(str(item[0].relative_to(ROOT)), len(recent))))

    deadline = time.monotonic() + options.seconds
    findings, left = 0, []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def work(item):
            if time.monotonic() > deadline:
                return None
            return lint(options.build, item[0])

        for (path, memory), result in zip(todo, pool.map(work, todo)):
            if result is None:
                left.append(path)
            elif result[1] == 0:
                memory.keep()
            else:
                findings += 1
                print(result[2].strip(), flush=True)
    for path in left:
        print(f"not looked at: {path.relative_to(ROOT)}")
    print(f"clang-tidy: {total} files, {total - len(todo)} unchanged since they passed, {len(todo) - len(left)} looked at, "
          f"{findings} with findings, {len(left)} not looked at")
    if left:
        print(f"{options.seconds} seconds were not enough for all; the next run goes on with the rest (--seconds N for more)")
    if total == 0:
        print("no source file matched, so nothing was checked")
    return 1 if findings or (left and not options.partial) or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
