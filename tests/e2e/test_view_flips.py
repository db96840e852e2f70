#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""10,000 reads while views flip: none sees a part of a file, none two generations in one folder, none a hole."""
import multiprocessing
import os
import unittest

from rtt_case import main
from test_view_mounts import Mounted

AGENTS = [f"a{number}" for number in range(8)]
READS, FLIPS, READERS = 10_000, 20, 2
MARKS = {"1": "Version 1." + "1" * 3000, "2": "Version 2." + "2" * 5000}


def bytes_at(path, folder=None):
    fd = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def version_in(data):
    """Which version a file shows whole; nothing, if it is neither."""
    for version, text in MARKS.items():
        if text.encode() in data and b"description" in data:
            return version
    return None


def read_on(root, reads, enough, results):
    """Folders opened and read through, single files by their paths, and two clients through the one link."""
    counts = {"reads": 0, "mixed": 0, "torn": 0, "missing": 0, "versions": set()}

    def note(paths, folder):
        seen = set()
        for path in paths:
            counts["reads"] += 1
            try:
                version = version_in(bytes_at(path, folder))
            except OSError:
                counts["missing"] += 1
                continue
            counts["torn"] += version is None
            seen.add(version)
        counts["versions"] |= seen
        return seen

    while counts["reads"] < reads or not enough.is_set():
        for path, paths in ((".claude/agents", [f"{name}.md" for name in AGENTS]),
                            (".rtt/registry/views/now", ["claude/.claude/agents/a0.md", "codex/.codex/agents/a0.toml"])):
            folder = os.open(f"{root}/{path}", os.O_RDONLY | os.O_DIRECTORY)
            counts["mixed"] += len(note(paths, folder)) > 1
            os.close(folder)
        note([f"{root}/.codex/agents/{name}.toml" for name in AGENTS], None)
    results.put(counts)


class ViewFlips(Mounted):
    def version(self, number):
        for name in AGENTS:
            self.write(f"agents/{name}.md", f"---\nname: {name}\ndescription: Reads\n---\n{MARKS[number]}\n")
        self.ok("sign", "--yes")

    def flips_by(self, mechanism):
        os.remove(self.path("agents/reviewer.md"))
        os.remove(self.path("agents/reviewer.md.sig"))
        self.mechanism(mechanism)
        self.version("1")
        done = self.json("view", "mount", "claude", "codex", timeout=120)
        self.assertEqual(mechanism, done["shown"]["mechanism"])
        self.version("2")
        self.apply()
        enough, results = multiprocessing.Event(), multiprocessing.Queue()
        readers = [multiprocessing.Process(target=read_on, args=(self.ws, READS // READERS, enough, results))
                   for _ in range(READERS)]
        for reader in readers:
            reader.start()
        for _ in range(FLIPS):
            self.ok("undo")
        enough.set()
        counts = [results.get(timeout=60) for _ in readers]
        for reader in readers:
            reader.join()
        self.assertGreaterEqual(sum(one["reads"] for one in counts), READS)
        for one in counts:
            self.assertEqual((0, 0, 0), (one["mixed"], one["torn"], one["missing"]), one)
            self.assertEqual({"1", "2"}, one["versions"])
        self.ok("view", "unmount", "claude", "codex")

    def test_by_links(self):
        self.flips_by("links")

    @unittest.skipUnless(os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK), "no FUSE mount can be made here")
    def test_by_the_mount(self):
        self.flips_by("fuse")


if __name__ == "__main__":
    main()
