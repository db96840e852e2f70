# SPDX-License-Identifier: Apache-2.0
"""MCP servers that misbehave: the one call gets a clear error, everybody else goes on, and no process is left."""
import os
import time

from mcp_client import McpClient
from rtt_case import RttCase, main

QUICK_SECONDS = 5  # how long a call of a well-behaved neighbour may take on a busy machine; hangs last far longer


class Hostile(RttCase):
    def setUp(self):
        super().setUp()
        self.state = os.path.join(self.base, "state")
        os.makedirs(self.state)
        self.workspace_with_notes(hostile=self.server_entry("hostile.py", "fine", "--state", self.state))
        self.assertEqual("Echo: up\n", self.ok("call", "notes/echo", "message=up").out)

    def start_as(self, mode):
        with open(os.path.join(self.state, "start"), "w", encoding="utf-8") as file:
            file.write(mode)

    def neighbour_is_quick(self):
        began = time.monotonic()
        self.assertEqual("Echo: still\n", self.ok("call", "notes/echo", "message=still").out)
        self.assertLess(time.monotonic() - began, QUICK_SECONDS)

    def hostile(self, tool, status, code=None, *words):
        document = self.json("call", f"hostile/{tool}", *words, status=status)
        if code:
            self.assertIn(document["error"]["code"], code if isinstance(code, tuple) else (code,), document)
            self.assertIn("hostile", "".join(document["error"][part] for part in ("message", "where", "hint")))
        self.neighbour_is_quick()
        return document

    def said(self, document):
        return document["result"]["content"][0]["text"]

    def fine_again(self):
        self.assertEqual("fine", self.said(self.hostile("fine", 0)))


class Calls(Hostile):
    def test_junk_between_answers_is_skipped(self):
        self.assertEqual("after the junk", self.said(self.hostile("junk", 0)))
        self.fine_again()

    def test_a_call_that_never_ends_ends_at_its_deadline(self):
        self.hostile("hang", 1, "RTT0705", "--deadline", "300")
        self.fine_again()

    def test_an_answer_that_comes_late_is_dropped(self):
        self.hostile("late", 1, "RTT0705", "ms=400", "--deadline", "100")
        self.fine_again()
        self.assertEqual("late", self.said(self.hostile("late", 0, None, "ms=100")))

    def test_an_answer_that_comes_twice_counts_once(self):
        self.assertEqual("first", self.said(self.hostile("twice", 0)))
        self.fine_again()

    def test_a_server_that_exits_in_a_call_is_started_again(self):
        for tool, codes in (("exit", ("RTT0807", "RTT0704")), ("half", ("RTT0806",))):  # half: of an answer
            self.hostile(tool, 1, codes)
            self.fine_again()

    def test_fifty_megabytes(self):
        self.hostile("huge", 1, ("RTT0206", "RTT0806"), "--deadline", "25000")
        self.fine_again()
        for pid, words in self.processes().items():
            if "driver-host" in words:
                peak = [line for line in self.proc(pid, "status").splitlines() if line.startswith(b"VmHWM")][0]
                self.assertLess(int(peak.split()[1]), 150_000, f"{words} held {peak} of a 50 MB answer")

    def test_a_hundred_thousand_lines_of_stderr(self):
        self.assertEqual("after the noise", self.said(self.hostile("stderr", 0)))
        logs = self.json("mcp", "logs", "hostile", "--lines", "5")
        self.assertIn("line 99999 of much noise", logs["lines"])
        self.assertEqual(5, len(logs["lines"]))

    def test_an_answer_in_single_bytes(self):
        self.assertEqual("drop by drop", self.said(self.hostile("trickle", 0)))

    def test_answers_that_are_nobodys(self):
        self.hostile("wrong", 1, ("RTT0705", "RTT0806"), "--deadline", "1000")
        self.fine_again()

    def test_an_answer_nested_200000_deep(self):
        self.hostile("deep", 1, "RTT0806")  # at once, not at the deadline
        self.fine_again()

    def test_a_server_that_closes_its_output(self):
        self.hostile("deaf", 1, ("RTT0807", "RTT0704"), "--deadline", "5000")
        self.fine_again()

    def test_a_client_served_beside_all_this(self):
        client = McpClient("-C", self.ws, cwd=self.ws, env=self.me.env)
        try:
            client.open()
            owed = {tool: client.post("tools/call",
                                      {"name": tool,
                                       "arguments": {}}) for tool in ("hang", "junk", "twice", "stderr")}
            for _ in range(20):
                self.assertEqual("Echo: me", client.said("echo", message="me"))
            self.assertEqual("first", client.answer(owed["twice"])["result"]["content"][0]["text"])
            self.assertEqual("after the junk", client.answer(owed["junk"])["result"]["content"][0]["text"])
            self.assertEqual("after the noise", client.answer(owed["stderr"])["result"]["content"][0]["text"])
            gone = client.post("tools/call", {"name": "exit", "arguments": {}})
            for request in (gone, owed["hang"]):
                error = client.answer(request)["error"]
                self.assertIn(error["data"]["code"], ("RTT0807", "RTT0704"), error)
            self.assertEqual("fine", client.said("fine"))
        finally:
            self.assertEqual(0, client.close())


class Starts(Hostile):
    def test_junk_before_initialize(self):
        self.start_as("junk")
        self.fine_again()

    def test_a_flood_of_stderr_before_initialize(self):
        self.start_as("flood")
        self.fine_again()

    def test_exit_at_once(self):
        self.start_as("exit")
        error = self.hostile("fine", 1, "RTT0805")["error"]
        self.assertIn("rtt mcp logs hostile", error["hint"] + error["message"])
        self.assertIn("no licence found", "".join(self.json("mcp", "logs", "hostile")["lines"]))
        [row] = [row for row in self.json("mcp", "ls")["servers"] if row["name"] == "hostile"]
        self.assertIn(row["state"], ("failed", "stopped"))

    def test_a_hang_in_initialize(self):
        self.start_as("hang")
        self.hostile("fine", 1, ("RTT0805", "RTT0705"), "--deadline", "500")

    def test_no_such_program(self):
        python = self.path("servers/python")
        self.mcp_json({"gone": {"command": python, "args": []}})
        document = self.json("mcp", "import", "--yes", status=1)
        self.assertEqual(("failed", "RTT0805"), (document["servers"][0]["state"],
                                                 document["servers"][0]["error"]["code"]))
        self.neighbour_is_quick()

    def test_import_takes_the_good_and_names_the_bad(self):
        bad = lambda mode: self.server_entry("hostile.py", mode)
        self.mcp_json({"good": self.server_entry("notes.py", "--name", "good"), "quits": bad("exit"),
                       "talks": bad("junk"),
                       "shouts": bad("flood")})
        document = self.json("mcp", "import", "--yes", status=1, timeout=90)
        states = {row["name"]: row["state"] for row in document["servers"]}
        self.assertEqual({"good": "imported", "quits": "failed", "talks": "imported", "shouts": "imported"}, states)
        self.assertEqual("Echo: x\n", self.ok("call", "good/echo", "message=x").out)


class Leftovers(Hostile):
    def servers(self):
        return [pid for pid, words in self.processes().items() if "/servers/" in words or "import signal" in words]

    def test_stubborn_servers_and_their_children_end_with_down(self):
        self.start_as("stubborn")
        self.fine_again()
        self.assertGreaterEqual(len(self.servers()), 3)
        stopped = self.json("down")
        self.assertTrue(stopped["changed"])
        self.eventually(lambda: not self.processes(), 5, why=f"left: {self.processes()}")   # killed with their host

    def test_killed_panel_and_gateway_leave_no_server(self):
        self.start_as("stubborn")
        self.fine_again()
        self.kill(self.panel_pid())
        self.kill(self.gateways()[0])
        self.eventually(lambda: not self.servers(), 5, why="servers survive their gateway")
        self.fine_again()

    def test_down_finds_what_a_killed_panel_left(self):
        self.fine_again()
        self.kill(self.panel_pid())
        self.assertTrue(self.servers())
        self.ok("down")
        self.assertEqual({}, self.processes())

    def test_a_call_under_way_fails_when_its_gateway_dies(self):
        client = McpClient("-C", self.ws, cwd=self.ws, env=self.me.env)
        client.open()
        hanging = client.post("tools/call", {"name": "hang", "arguments": {}})
        self.assertEqual("fine", client.said("fine"))
        self.kill(self.gateways()[0])
        self.assertEqual("RTT0704", client.answer(hanging)["error"]["data"]["code"])
        self.assertEqual(0, client.close())


if __name__ == "__main__":
    main()
