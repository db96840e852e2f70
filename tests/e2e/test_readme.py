# SPDX-License-Identifier: Apache-2.0
"""README's commands work as they stand, in order, in a fresh folder that holds nothing but a .mcp.json.

Run are the lines that start with `$ ` of every block fenced as ```sh, after the one that installs; a block fenced
otherwise (```console, ```text, or none) is not.
"""
import os
import re
import subprocess
import unittest

from rtt_case import HERE, RTT, RttCase, main

README = os.path.join(HERE, "../../README.md")
BUILDS = re.compile(r"^(git clone|cd |make\b|sudo |apt|export PATH)")


def commands(text):
    """[(line number, command)] of the blocks to run; a command goes on while its line ends in a backslash."""
    found, running, fence = [], False, None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"^(```+)\s*(\S*)", line)
        if mark and (fence is None or mark.group(1) == fence):
            running, fence = (fence is None and mark.group(2) == "sh"), (mark.group(1) if fence is None else None)
        elif running and line.startswith("$ "):
            found.append([number, line[2:]])
        elif running and found and found[-1][1].endswith("\\"):
            found[-1][1] = found[-1][1][:-1] + line.strip()
    return [(number, command) for number, command in found if not BUILDS.match(command)]


class Readme(RttCase):
    def test_the_reader_of_blocks(self):
        text = "```sh\n$ rtt a \\\n  b\nout\n```\n```console\n$ rtt no\n```\n```sh\n$ make build\n$ rtt c\n```\n"
        self.assertEqual([(2, "rtt a b"), (11, "rtt c")], commands(text))

    @unittest.skipUnless(os.path.exists(README), "there is no README yet")
    def test_its_commands_run_in_order(self):
        wanted = commands(open(README, encoding="utf-8").read())
        self.assertTrue(any("rtt up" in command for _, command in wanted), "README shows no `rtt up`")
        self.assertTrue(any("rtt call" in command for _, command in wanted), "README shows no call")
        servers = {name: self.server_entry("notes.py", "--name",
                                           name) for name in ("notes", "everything", "filesystem", "memory")}
        self.mcp_json(servers)
        env = {**self.me.env, "PATH": os.path.dirname(RTT) + os.pathsep + self.me.env["PATH"]}
        for number, command in wanted:
            with self.subTest(line=number, command=command):
                done = subprocess.run(["bash", "-c", command], cwd=self.ws, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
                self.assertEqual(0, done.returncode, f"README.md:{number}: {command}\n{done.stdout}")


if __name__ == "__main__":
    main()
