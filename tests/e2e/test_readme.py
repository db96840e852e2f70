# SPDX-License-Identifier: Apache-2.0
"""README's commands work as they stand, in order, typed at a terminal in a folder that holds a .mcp.json and one agent of Claude Code.

Run is every indented line whose first word is `rtt`, without the comment behind it; questions are answered with yes.
Lines of one indented block share a folder; a block that begins with `rtt init` gets a fresh one, as its reader would.
"""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from mcp_client import McpClient
from rtt_case import HERE, RTT, RttCase, main

README = os.path.join(HERE, "../../README.md")
# The server that README's example names; where it is not installed, one of our own that answers the same call.
EVERYTHING = os.path.abspath(os.path.join(HERE, "../../examples/quickstart/node_modules/@modelcontextprotocol/"
                                          "server-everything/dist/index.js"))
SECONDS = 120


def blocks(text):
    """[[(line number, command)]]: the rtt lines of each indented block that has any."""
    found, block = [], []
    for number, line in enumerate(text.splitlines() + [""], 1):
        if line.startswith("    "):
            command = re.sub(r"\s+# .*", "", line.strip())
            if re.match(r"rtt\b", command):
                block.append((number, command))
        elif block:
            found.append(block)
            block = []
    return found


class Readme(RttCase):
    def test_the_reader_of_blocks(self):
        text = "words\n\n    make\n    rtt a b   # c\n\n    rtt init && rtt d\nrtt no\n    error[x]\n"
        self.assertEqual([[(4, "rtt a b")], [(6, "rtt init && rtt d")]], blocks(text))

    def everything(self, ws):
        if os.path.exists(EVERYTHING):
            return {"command": "node", "args": [EVERYTHING, "stdio"]}
        print("server-everything is not installed (make deps): notes.py stands in", flush=True)
        return self.server_entry("notes.py", "--name", "everything", ws=ws)

    def typed(self, command, cwd, env):
        """The command's status and what a terminal shows; every question is answered with yes."""
        ours, theirs = pty.openpty()
        running = subprocess.Popen(["bash", "-c", command], cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
                                   start_new_session=True)
        os.close(theirs)
        shown, answered, end = "", 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 1)
            try:
                data = os.read(ours, 65536) if ready else b""
            except OSError:  # the last one that had the terminal is gone
                break
            shown += data.decode("utf-8", "replace")
            if shown.count("[y/N] ") > answered:
                answered += 1
                os.write(ours, b"y\n")
            if not data and running.poll() is not None:
                break
        else:
            os.killpg(running.pid, signal.SIGKILL)
        os.close(ours)
        return running.wait(10), shown, answered

    def serves(self, ws, env):
        """What the client's file now holds, started as the client starts it, answers a tool call."""
        with open(os.path.join(self.me.home, ".claude.json"), encoding="utf-8") as file:
            entry = json.load(file)["projects"][ws]["mcpServers"]["everything"]
        self.assertEqual(["mcp", "serve"], entry["args"][:2])
        client = McpClient(*entry["args"][2:], cwd=ws, env=env, rtt=entry["command"])
        client.open()
        self.assertEqual("Echo: hello", client.said("echo", message="hello"))
        self.assertEqual(0, client.close())

    @unittest.skipUnless(os.path.exists(README), "there is no README yet")
    def test_its_commands_run_in_order(self):
        with open(README, encoding="utf-8") as file:
            wanted = blocks(file.read())
        for word in ("rtt up", "rtt call", "rtt mcp connect claude --write"):
            self.assertTrue([c for block in wanted for _, c in block if word in c], f"README shows no `{word}`")
        env = {**self.me.env, "PATH": os.path.dirname(RTT) + os.pathsep + self.me.env["PATH"], "TERM": "xterm"}
        questions = 0
        for i, block in enumerate(wanted):
            if i == 0 or block[0][1].startswith("rtt init"):
                ws = os.path.join(self.me.home, f"my-project-{i}")
                os.makedirs(ws)
                self.mcp_json({"everything": self.everything(ws)}, ws=ws)
                self.write(".claude/agents/reviewer.md", "---\nname: reviewer\ndescription: Reviews\n---\nReview.\n", ws=ws)
            for number, command in block:
                status, shown, answered = self.typed(command, ws, env)
                self.assertEqual(0, status, f"README.md:{number}: {command}\n{shown}")
                questions += answered
                if command.startswith("rtt up"):
                    self.assertTrue(1 <= answered <= 3, f"{answered} questions:\n{shown}")
                if command.startswith("rtt mcp connect claude --write"):
                    self.serves(ws, env)
                if command.startswith("rtt view mount codex"):
                    self.assertIn(b"Review.", self.read(".codex/agents/reviewer.toml", ws=ws))
                if command.startswith("rtt call everything/echo message=hello"):
                    self.assertIn("Echo: hello", shown)
        self.assertGreater(questions, 0)


if __name__ == "__main__":
    main()
