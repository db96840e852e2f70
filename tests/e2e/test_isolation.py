# SPDX-License-Identifier: Apache-2.0
"""Of twenty servers one hangs, one ends and one is slow: the others go on, and the client hears what is missing."""
import os

from mcp_client import McpClient
from rtt_case import RttCase, main

GOOD = [f"good{i:02}" for i in range(17)]
BAD = ["ending", "hanging"]
CHANGED = "notifications/tools/list_changed"


class Isolation(RttCase):
    def setUp(self):
        super().setUp()
        servers = {}
        for name in [*GOOD, *BAD, "slow"]:
            self.mood(name, "well")
            servers[name] = self.server_entry("moody.py", self.path("moods", name))
        self.mcp_json(servers)
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)
        self.mcp_settings("  tools:\n    - {match: 'rtt://hanging/tool/*', call_ms: 1000}\n")

    def mood(self, name, mood):
        self.write(f"moods/{name}.new", mood)
        os.replace(self.path("moods", f"{name}.new"), self.path("moods", name))

    def client(self):
        client = McpClient(cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    @staticmethod
    def post(client, name):
        return client.post("tools/call", {"name": f"{name}__say", "arguments": {"text": "hello"}})

    def heard(self, client, count):
        """Reads until this many list_changed have come; all messages of the client that nobody asked for so far."""
        self.assertLessEqual(sum(m.get("method") == CHANGED for m in client.waiting), count, client.waiting)
        while sum(m.get("method") == CHANGED for m in client.waiting) < count:
            client.waiting.append(client.next_message())
        return client.waiting

    def rows(self):
        """Of `mcp ls`, once the panel knows the gateway."""
        rows = {row["name"]: row for row in self.json("mcp", "ls")["servers"]}
        return rows if "breaker" in rows["slow"] else None

    def all_say(self, client, names):
        asked = {name: self.post(client, name) for name in names}
        for name, request in asked.items():
            self.assertEqual(f"hello of {name}", client.answer(request)["result"]["content"][0]["text"])

    def test_a_hanging_an_ending_and_a_slow_server_cost_the_others_nothing(self):
        self.ok("panel", "start")
        client = self.client()
        everything = client.tools()
        self.assertEqual(sorted(f"{name}__{tool}" for name in [*GOOD, *BAD, "slow"] for tool in ("do", "say")), everything)
        # One that runs: how long it takes to start says nothing of how it answers.
        self.eventually(lambda: "result" in client.answer(self.post(client, "hanging")))
        for name, mood in (("ending", "exits"), ("hanging", "hangs"), ("slow", "slow")):
            self.mood(name, mood)
        slow = self.post(client, "slow")
        hanging = [self.post(client, "hanging") for _ in range(4)]
        ending = self.post(client, "ending")
        self.all_say(client, GOOD)

        # Both are set aside, each after the calls that showed it, and the client hears of each once.
        codes = {request: client.answer(request)["error"]["data"]["code"] for request in [ending, *hanging]}
        self.assertEqual("RTT0805", codes[ending])
        self.assertEqual({"RTT0705"}, {codes[request] for request in hanging})
        self.heard(client, 2)
        left = client.tools()
        self.assertEqual([name for name in everything if name.split("__")[0] not in BAD], left)
        rows = self.eventually(self.rows)
        for name in BAD:
            self.assertEqual("failed", rows[name]["state"])
            self.assertNotEqual("closed", rows[name]["breaker"])
        self.assertEqual({"ready"}, {rows[name]["state"] for name in GOOD})

        # Called all the same, they are not asked, and the answer says what, where, why and what to do.
        self.mood("hanging", "well")
        for name in BAD:
            error = client.answer(self.post(client, name))["error"]
            self.assertEqual("RTT0809", error["data"]["code"])
            self.assertIn(f"rtt://{name}/connector/", error["data"]["where"])
            self.assertIn(f"rtt mcp restart {name}", error["data"]["hint"])
            self.assertIn("exit code 3" if name == "ending" else "did not answer in time", error["message"])
        self.assertEqual(3, rows["ending"]["restarts"])  # the first start and three more for the one call
        self.all_say(client, GOOD)
        self.assertNotIn(slow, [m.get("id") for m in client.waiting])

        # Found well by RTT's own tries: one answers no ping and is started anew.
        self.mood("ending", "well")
        self.mood("slow", "well")
        self.assertEqual("hello of slow", client.answer(slow)["result"]["content"][0]["text"])
        self.assertEqual(4, len(self.heard(client, 4)))
        self.assertEqual(everything, client.tools())
        self.all_say(client, [*GOOD, *BAD, "slow"])

    def test_set_aside_for_one_client_is_not_for_another_and_a_restart_ends_it(self):
        first, second = self.client(), self.client()
        self.mood("ending", "exits")
        self.assertIn("error", first.answer(self.post(first, "ending")))
        self.heard(first, 1)
        self.assertEqual(38, len(first.tools()))
        self.assertEqual(40, len(second.tools()))  # its own instance has not been started
        self.mood("ending", "well")
        self.ok("mcp", "restart", "ending")
        self.heard(first, 2)
        self.assertEqual(40, len(first.tools()))
        self.all_say(first, ["ending"])
        self.all_say(second, ["ending"])
        self.assertEqual([], second.waiting)


if __name__ == "__main__":
    main()
