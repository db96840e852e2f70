# SPDX-License-Identifier: Apache-2.0
"""An import writes all that it signs or nothing, and what it refuses it names."""
import glob
import os
import sys

from mcp_client import McpClient
from rtt_case import Person, RttCase, main


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return {"type": "object", "properties": {"deep": schema}}


class Import(RttCase):
    def state(self):
        """Everything under .rtt that a person would commit, by content."""
        found = {}
        for path in glob.glob(self.path(".rtt/**"), recursive=True):
            if os.path.isfile(path) and not any(part in path for part in ("/wal", "/cas/", "index.json", "/sockets/",
                                                                         "/cache/", "/plans/")):
                found[path] = self.read(path)
        return found

    def test_a_definition_that_cannot_be_signed_changes_nothing(self):
        shape = self.path("shape.json")
        self.ok("init", "--yes")
        self.write("shape.json", {"pit": {"description": "x", "inputSchema": nested(56)}})
        entry = self.server_entry("notes.py", "--shape", shape)
        self.mcp_json({"notes": entry})
        before = self.state()
        failed = self.json("mcp", "import", "--yes", status=1)
        [row] = failed["servers"]
        self.assertEqual(("failed", "RTT0203"), (row["state"], row["error"]["code"]))
        self.assertIn("tool 'pit' of server 'notes'", row["error"]["message"])
        self.assertEqual(before, self.state())
        # It is in nobody's way.
        self.mcp_json({"notes": entry, "diary": self.server_entry("notes.py")})
        both = self.json("mcp", "import", "--yes", status=1)
        self.assertEqual({"notes": "failed", "diary": "imported"}, {s["name"]: s["state"] for s in both["servers"]})
        self.assertEqual(["allow rtt://client/agent/* -> rtt://diary/*/*"], both["rules"])
        self.ok("check")
        self.ok("mcp", "rm", "diary", "--yes")

        self.write("shape.json", {})
        self.ok("mcp", "import", "--only", "notes", "--yes")
        self.write("shape.json", {"pit": {"description": "x", "inputSchema": nested(56)}})
        before = self.state()
        error = self.refused("RTT0203", 1, "mcp", "accept", "notes", "--yes")
        self.assertIn("tool 'pit' of server 'notes'", error["message"])
        self.assertEqual(before, self.state())
        self.ok("check")

    def test_what_cannot_be_signed_is_put_back(self):
        """A second definition of the same address in the tree is found only when all of it is read."""
        self.ok("init", "--yes")
        entry = self.server_entry("notes.py")
        added = [entry["command"], *entry["args"]]
        self.ok("mcp", "add", "notes", "--yes", "--env", "T=first", "--", *added)
        manifest = self.read_json(".rtt/manifests/mcp.notes.json")
        self.ok("mcp", "rm", "notes", "--yes")
        self.write("services/copy/rtt.manifest.json", manifest)
        secret = os.path.join(self.me.config, "rtt/secrets/notes.T")
        before = self.state()
        self.run_rtt("mcp", "add", "notes", "--yes", "--env", "T=second", "--env", "U=new", "--", *added, check=1)
        self.assertEqual(before, self.state())
        with open(secret, encoding="utf-8") as file:
            self.assertEqual("first", file.read())
        self.assertFalse(os.path.exists(os.path.join(self.me.config, "rtt/secrets/notes.U")))

    def test_a_manifest_nobody_signed_can_be_removed(self):
        self.ok("init", "--yes")
        self.write(".rtt/manifests/mcp.wild.json", {"contracts": nested(80)})
        self.ok("mcp", "rm", "wild", "--yes")
        self.assertFalse(os.path.exists(self.path(".rtt/manifests/mcp.wild.json")))
        self.refused("RTT0105", 1, "mcp", "rm", "wild", "--yes")

    def test_an_argument_that_would_be_cut_is_refused(self):
        self.ok("init", "--yes")
        for where in ("args", "env"):
            entry = self.server_entry("notes.py")
            if where == "args":
                entry["args"].append("--name=a\0b")
            else:
                entry["env"] = {"NAME": "a\0b"}
            self.mcp_json({"notes": entry})
            failed = self.json("mcp", "import", "--yes", status=1)
            [row] = failed["servers"]
            self.assertEqual(("failed", "RTT0211"), (row["state"], row["error"]["code"]), row)
            self.assertIn("zero byte", row["error"]["message"])
            self.assertFalse(os.path.exists(self.path(".rtt/manifests/mcp.notes.json")))

    def test_servers_of_the_user_need_no_workspace_and_are_listed_where_they_are_served(self):
        place = os.path.join(self.base, "elsewhere")
        os.makedirs(place)
        entry = self.server_entry("notes.py", ws=place)
        self.write(".claude.json", {"mcpServers": {"notes": entry}}, ws=self.me.home)
        shown = self.run_rtt("mcp", "import", "--user", ws=place, check=3).text
        self.assertIn("make a workspace of " + os.path.join(self.me.config, "rtt"), shown)
        self.assertFalse(os.path.exists(os.path.join(self.me.config, "rtt", ".rtt")))
        done = self.json("mcp", "import", "--user", "--yes", ws=place)
        self.assertEqual([("notes", "imported")], [(s["name"], s["state"]) for s in done["servers"]])
        self.ok("init", "--yes")
        [row] = self.json("mcp", "ls")["servers"]
        self.assertEqual(("notes", "user"), (row["name"], row["scope"]))
        seen = self.json("mcp", "ls", "--as", "claude")["view"]
        client = McpClient(cwd=self.ws, env=self.me.env)
        client.open()
        self.assertEqual(sorted(client.tools()), [tool["name"] for tool in seen["tools"]])
        self.assertEqual(0, client.close())

    def test_a_clone_says_whose_signature_is_missing(self):
        other = Person(self.base, "other", self.mark)
        self.mcp_json({"notes": self.server_entry("notes.py")})
        self.ok("init", "--yes", who=other)
        self.ok("mcp", "import", "--yes", who=other)
        self.ok("down", who=other)
        [key] = [row["key_id"] for row in self.json("ls", "keys", who=other)["keys"]]
        trust = f"rtt keys trust {key}"
        listed = self.json("mcp", "ls")
        self.assertEqual([], listed["servers"])
        self.assertIn(trust, listed["trouble"])
        self.assertIn(key, self.ok("mcp", "ls").out)
        for words in (["import", "--yes"], ["rm", "wild", "--yes"], ["accept", "notes", "--yes"], ["diff"],
                      ["sandbox", "notes", "--no-network", "--yes"], ["connect", "claude"],
                      ["add", "more", "--yes", "--", sys.executable]):
            with self.subTest(words):
                error = self.refused("RTT0402", 3, "mcp", *words)
                self.assertEqual(trust, error["hint"])
                self.assertIn(key, error["message"])
        client = McpClient(cwd=self.ws, env=self.me.env)
        welcome = client.open()
        self.assertIn(trust, welcome["instructions"])
        self.assertNotIn("rtt mcp import", welcome["instructions"])
        self.assertEqual([], list(client.tools()))
        client.close()
        self.ok("keys", "trust", key, "--yes")
        self.assertEqual(["notes"], [row["name"] for row in self.json("mcp", "ls")["servers"]])
        self.assertEqual("3\n", self.ok("call", "notes/add", "a=1", "b=2").out)


if __name__ == "__main__":
    main()
