# SPDX-License-Identifier: Apache-2.0
"""One tool that several servers provide: who answers, who takes over, and what is never done twice."""
import os

from mcp_client import McpClient
from rtt_case import RttCase, main

CHANGED = "notifications/tools/list_changed"


class Equivalents(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.take("first", "second")
        self.mcp_settings("  equivalents:\n    - {servers: [second, first]}\n")

    def mood(self, name, mood):
        self.write(f"moods/{name}.new", mood)
        os.replace(self.path("moods", f"{name}.new"), self.path("moods", name))

    def take(self, *names, more=()):
        for name in names:
            self.mood(name, "well")
        self.mcp_json({name: self.server_entry("moody.py", self.path("moods", name), *more) for name in names})
        self.json("mcp", "import", "--yes", timeout=120)

    def client(self):
        client = McpClient(cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def who(self, client, tool):
        """Which server answers, by its own word and by the provenance."""
        result = client.call(tool, text="hello")["result"]
        told = result["_meta"]["io.github.rtt/provenance"]["provider"]
        name = result["content"][0]["text"].split(" of ")[1]
        self.assertEqual(f"rtt://{name}/tool/{tool.split('__')[-1]}@1.0.0", told)
        return name

    def test_one_tool_in_the_files_order_which_fails_over_before_and_after_it_was_sent(self):
        client = self.client()
        self.assertEqual(["do", "say"], client.tools())
        self.assertEqual("second", self.who(client, "say"))
        # It ends over a call that only reads: the other one is asked.
        self.mood("second", "exits")
        self.assertEqual("first", self.who(client, "say"))
        # It cannot be started any more, and is set aside; its tools stay, for the other one has them.
        for _ in range(3):
            self.assertEqual("first", self.who(client, "say"))
        self.assertEqual(["do", "say"], client.tools())
        self.assertEqual([], [m for m in client.waiting if m.get("method") == CHANGED])
        # Nor is it asked for what may not be done twice, as nothing was sent.
        self.assertEqual("first", self.who(client, "do"))
        # With none left the tool is gone from the list, and a call says why.
        self.mood("first", "exits")
        errors = [client.call("say", text="x")["error"]["data"]["code"] for _ in range(2)]
        self.assertEqual(["RTT0807", "RTT0805"], errors)
        while not any(m.get("method") == CHANGED for m in client.waiting):
            client.waiting.append(client.next_message())
        self.assertEqual([], client.tools())
        self.assertEqual("RTT0809", client.call("say", text="x")["error"]["data"]["code"])
        # Found well, it is the first again.
        self.mood("second", "well")
        self.ok("mcp", "restart", "second")
        self.assertEqual("second", self.who(client, "say"))

    def test_what_was_sent_and_is_not_harmless_is_not_done_again(self):
        client = self.client()
        self.assertEqual("second", self.who(client, "do"))
        self.mood("second", "exits")
        error = client.call("do", text="x")["error"]
        self.assertEqual("RTT0807", error["data"]["code"])
        self.assertIn("second", error["message"])
        self.assertEqual("first", self.who(client, "do"))  # the next one finds it dead at its start

    def test_each_attempt_has_its_receipt(self):
        client = self.client()
        self.assertEqual("second", self.who(client, "say"))
        self.mood("second", "exits")
        self.assertEqual("first", self.who(client, "say"))
        kept = self.eventually(lambda: (lines := self.run_rtt(
            "audit", "--action", "call", "--json", check=0).lines) and len(lines) == 3 and lines)
        kept.sort(key=lambda line: int(line["receipt"]))
        self.assertEqual(["second", "second", "first"], [line["to"].split("/")[2] for line in kept])

    def test_policy_and_schemas_are_held(self):
        self.take("third", more=["other"])
        self.mcp_settings("  equivalents:\n    - {servers: [second, third, nobody]}\n")
        warnings = [problem["message"] for problem in self.json("mcp", "ls")["warnings"]]
        self.assertEqual(3, len(warnings), warnings)
        self.assertIn("server 'nobody' is not accepted here", warnings[0])
        self.assertIn("tool 'say' of 'third' is not that of 'second'", " ".join(warnings))
        self.assertEqual(warnings, [p["message"] for p in self.json("plan")["warnings"] if "equivalents" in p["message"]])
        self.assertIn("first__say", self.client().tools())
        self.mcp_settings("  equivalents:\n    - {servers: [second, first]}\n")
        policy = self.read_json(".rtt/policy.json")
        policy.setdefault("deny", []).append({"from": "rtt://client/agent/*", "to": "rtt://second/*/*"})
        self.write(".rtt/policy.json", policy)
        self.signed()
        self.assertEqual("first", self.who(self.client(), "second__say"))


if __name__ == "__main__":
    main()
