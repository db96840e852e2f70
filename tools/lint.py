#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over src, remembered by content.

A file that had no finding is not looked at again until it, a header of ours that it reaches, .clang-tidy or its
command line changes. Files are taken longest unseen first; when the time is over the rest is named and left for the
next run, so that a cold cache costs a bounded time.
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
CACHE = ROOT / ".cache" / "clang-tidy"
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.M)
# What g++ is told and clang does not know.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-deprecated-declarations", "--extra-arg=-Wno-missing-designated-field-initializers"]


class Keys:
    """Hashes of a file together with everything of ours it includes."""

    def __init__(self, generated: pathlib.Path):
        self.generated = generated
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
        digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
        digest.update(command.replace(str(ROOT), "").encode())
        for one in self.reached(path):
            digest.update(self.read(one))
        return digest.hexdigest()


def lint(build: str, path: pathlib.Path) -> tuple[pathlib.Path, int, str]:
    run = subprocess.run(["clang-tidy-19", "-p", build, "--quiet", *EXTRA, str(path)], capture_output=True, text=True)
    return path, run.returncode, run.stdout + (run.stderr if run.returncode not in (0, 1) else "")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=420)
    parser.add_argument("files", nargs="*", help="only files whose path contains one of these")
    options = parser.parse_args()

    commands = json.loads((pathlib.Path(options.build) / "compile_commands.json").read_text())
    keys = Keys(pathlib.Path(options.build).resolve() / "generated")
    todo = []
    for entry in commands:
        path = pathlib.Path(entry["file"]).resolve()
        if not path.is_relative_to(SRC) or path.stem.endswith(("_test", "_fuzz", "_bench")):
            continue
        if options.files and not any(part in str(path) for part in options.files):
            continue
        stamp = CACHE / keys.key(path, entry["command"])
        if not stamp.exists():
            todo.append((path, stamp))
    CACHE.mkdir(parents=True, exist_ok=True)

    deadline = time.monotonic() + options.seconds
    findings, left = 0, []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        def work(item):
            if time.monotonic() > deadline:
                return None
            return lint(options.build, item[0])

        for (path, stamp), result in zip(todo, pool.map(work, todo)):
            if result is None:
                left.append(path)
            elif result[1] == 0:
                stamp.touch()
            else:
                findings += 1
                print(result[2].strip(), flush=True)
    print(f"clang-tidy: {len(todo) - len(left)} files looked at, {findings} with findings, "
          f"{len(left)} left for the next run")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
