# SPDX-License-Identifier: Apache-2.0
"""What is accepted of MCP servers goes back by `undo` and `rollback` like any other commit, and comes again."""
import os

from mcp_client import McpClient
from rtt_case import ShapedNotes, main

MANIFEST = ".rtt/manifests/mcp.notes.json"
ACTIONS = ("mcp_import", "mcp_accept", "mcp_rm", "mcp_sandbox", "apply", "rollback", "undo")


class Undo(ShapedNotes):
    def commits(self):
        return [line for line in self.run_rtt("log", "--json").lines
                if line["action"] in ACTIONS and line["before"] is not None]

    def listed(self, client):
        return next(t["description"] for t in client.ask("tools/list")["result"]["tools"] if t["name"] == "echo")

    def hears(self, client):
        while not any(m.get("method") == "notifications/tools/list_changed" for m in client.waiting):
            client.waiting.append(client.next_message())
        client.waiting.clear()

    OTHER = {"echo": {"description": "Other words.", "inputSchema": {
        "type": "object", "properties": {"message": {"type": "string"}, "to": {"type": "string"}},
        "required": ["message", "to"]}}}

    def test_an_accepted_change_goes_back_and_comes_again(self):
        old = self.read(MANIFEST), self.read(MANIFEST + ".sig")
        client = McpClient(cwd=self.ws, env=self.me.env)
        client.open()
        self.assertEqual("Says the message back.", self.listed(client))
        self.reshape(**self.OTHER)
        self.ok("mcp", "accept", "notes", "--yes")
        self.hears(client)
        self.assertEqual("Other words.", self.listed(client))
        self.assertEqual("Echo: a", client.said("echo", message="a", to="b"))
        new = self.read(MANIFEST), self.read(MANIFEST + ".sig")
        imported, accepted = self.commits()
        self.assertEqual(("mcp_import", "mcp_accept"), (imported["action"], accepted["action"]))
        self.assertTrue(accepted["who"].startswith("key:"))
        self.assertEqual(accepted["before"], accepted["after"])
        [change] = accepted["accepted"]
        self.assertEqual(MANIFEST, change["path"])
        self.assertNotEqual(change["before"]["manifest"], change["after"]["manifest"])

        undone = self.json("undo")
        self.assertEqual(("committed", [MANIFEST], []), (undone["state"], undone["accepted"], undone["kept"]))
        self.assertEqual(old, (self.read(MANIFEST), self.read(MANIFEST + ".sig")))
        self.hears(client)
        self.assertEqual("Says the message back.", self.listed(client))
        refused = client.call("echo", message="a", to="b")
        self.assertEqual("RTT0414", refused["error"]["data"]["code"])
        self.assertTrue(self.json("mcp", "diff", "notes", status=4)["servers"][0]["changed"])
        self.ok("check")

        again = self.json("undo")
        self.assertEqual(("committed", [MANIFEST]), (again["state"], again["accepted"]))
        self.assertEqual(new, (self.read(MANIFEST), self.read(MANIFEST + ".sig")))
        self.hears(client)
        self.assertEqual("Other words.", self.listed(client))
        self.assertEqual("Echo: a", client.said("echo", message="a", to="b"))
        self.assertFalse(self.json("mcp", "diff", "notes")["servers"][0]["changed"])

        back = self.json("rollback", str(imported["seq"]))
        self.assertEqual(("committed", [MANIFEST]), (back["state"], back["accepted"]))
        self.assertEqual(old, (self.read(MANIFEST), self.read(MANIFEST + ".sig")))
        self.assertEqual("unchanged", self.json("rollback", str(imported["seq"]))["state"])
        self.assertEqual(0, client.close())
        self.assertTrue(self.json("audit", "--verify")["ok"])
        self.assertTrue(self.json("registry", "verify")["ok"])

    def test_import_and_rm_go_back_with_their_rule(self):
        rule = b'"rtt://client/agent/*"'
        self.assertIn(rule, self.read(".rtt/policy.json"))
        self.ok("undo")
        self.assertFalse(os.path.exists(self.path(MANIFEST)))
        self.assertFalse(os.path.exists(self.path(MANIFEST + ".sig")))
        self.assertNotIn(rule, self.read(".rtt/policy.json"))
        self.assertEqual([], self.json("mcp", "ls")["servers"])
        self.ok("check")
        self.ok("undo")
        self.assertEqual("3\n", self.ok("call", "notes/add", "a=1", "b=2").out)
        self.assertIn(rule, self.read(".rtt/policy.json"))
        self.ok("check")

        self.ok("mcp", "rm", "notes", "--yes")
        self.assertNotIn(rule, self.read(".rtt/policy.json"))
        self.ok("undo")
        self.assertIn(rule, self.read(".rtt/policy.json"))
        client = McpClient(cwd=self.ws, env=self.me.env)
        client.open()
        self.assertEqual("5", client.said("add", a=2, b=3))
        self.assertEqual(0, client.close())
        back = self.json("rollback", "0")
        self.assertEqual([MANIFEST], back["accepted"])
        self.assertEqual([], self.json("mcp", "ls")["servers"])

    def test_what_was_signed_by_hand_since_stays(self):
        self.reshape(**self.OTHER)
        self.ok("mcp", "accept", "notes", "--yes")
        manifest = self.read_json(MANIFEST)
        manifest["contracts"][0]["symbol"]["driver"]["params"]["drift"] = "refuse"
        self.write(MANIFEST, manifest)
        error = self.refused("RTT0405", 3, "mcp", "import", "--yes")
        self.assertIn("rtt sign", error["hint"])
        self.ok("sign", "--yes")
        kept = self.read(MANIFEST)
        undone = self.json("undo")
        self.assertEqual(("unchanged", [], [MANIFEST]), (undone["state"], undone["accepted"], undone["kept"]))
        self.assertEqual(kept, self.read(MANIFEST))
        self.assertIn("changed since", self.ok("undo").out)

    def test_a_revoked_signer_is_not_put_back(self):
        self.reshape(**self.OTHER)
        first = self.json("ls", "keys")["keys"][0]["key_id"]
        self.ok("keys", "new")
        self.ok("mcp", "accept", "notes", "--yes")
        new = self.read(MANIFEST), self.read(MANIFEST + ".sig")
        self.ok("keys", "revoke", first, "--yes")
        undone = self.json("undo", status=5)
        self.assertEqual("rolled_back", undone["state"])
        self.assertIn("revoked", undone["reason"])
        self.assertEqual(new, (self.read(MANIFEST), self.read(MANIFEST + ".sig")))

    def test_wiring_and_definitions_go_back_together(self):
        self.allow(("rtt://local/proc/cli", "rtt://notes/tool/*"))
        self.routes(("rtt://local/proc/cli", "rtt://notes/tool/echo"))
        self.ok("sign", "--yes")
        self.ok("plan")
        first = self.json("apply")
        old = self.read(MANIFEST)
        self.reshape(**self.OTHER)
        self.ok("mcp", "accept", "notes", "--yes")
        self.ok("plan")
        second = self.json("apply")
        self.assertNotEqual(first["graph"], second["graph"])
        new = self.read(MANIFEST), self.read(MANIFEST + ".sig")
        # The route of then cannot be brought up to a server that lists what is now: all of it stays.
        refused = self.json("rollback", str(first["seq"]), status=5)
        self.assertEqual(("rolled_back", second["graph"]), (refused["state"], refused["graph"]))
        self.assertEqual(new, (self.read(MANIFEST), self.read(MANIFEST + ".sig")))
        self.ok("call", "notes/echo", "message=a", "to=b")
        self.reshape()
        back = self.json("rollback", str(first["seq"]))
        self.assertEqual(("committed", first["graph"], [MANIFEST]), (back["state"], back["graph"], back["accepted"]))
        self.assertEqual(old, self.read(MANIFEST))
        self.ok("call", "notes/echo", "message=a")
        self.reshape(**self.OTHER)
        again = self.json("undo")
        self.assertEqual((second["graph"], [MANIFEST]), (again["graph"], again["accepted"]))
        self.ok("call", "notes/echo", "message=a", "to=b")


if __name__ == "__main__":
    main()
