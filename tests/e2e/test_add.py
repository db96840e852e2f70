# SPDX-License-Identifier: Apache-2.0
"""`mcp add` takes a server that no file names, with its secrets kept out; `mcp rm` leaves nothing of it in force."""
import json
import os

from mcp_client import McpClient
from rtt_case import RttCase, main


class Add(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        entry = self.server_entry("notes.py")
        self.words = [entry["command"], *entry["args"]]

    def manifest(self):
        return self.path(".rtt", "manifests", "mcp.notes.json")

    def test_added_it_is_served_removed_it_is_not(self):
        self.refused("RTT0104", 3, "mcp", "add", "notes", "--", *self.words)
        self.assertFalse(os.path.exists(self.manifest()))
        added = self.json("mcp", "add", "notes", "--yes", "--", *self.words)
        self.assertEqual([("notes", "imported")], [(s["name"], s["state"]) for s in added["servers"]])
        self.assertEqual(["allow rtt://client/agent/* -> rtt://notes/*/*"], added["rules"])
        self.assertEqual("3\n", self.ok("call", "notes/add", "a=1", "b=2").out)
        client = McpClient(cwd=self.ws, env=self.me.env)
        client.open()
        self.assertIn("echo", client.tools())

        error = self.refused("RTT0307", 1, "mcp", "add", "Notes", "--yes", "--", *self.words)
        self.assertIn("rtt mcp rm", error["hint"])
        self.refused("RTT0104", 3, "mcp", "rm", "notes")
        self.assertTrue(os.path.exists(self.manifest()))

        removed = self.json("mcp", "rm", "notes", "--yes")
        self.assertEqual([".rtt/manifests/mcp.notes.json"], removed["manifests"])
        self.assertEqual(added["rules"], removed["rules"])
        self.assertFalse(os.path.exists(self.manifest()))
        self.assertEqual([], self.json("mcp", "ls")["servers"])
        while client.next_message().get("method") != "notifications/tools/list_changed":
            pass
        self.assertEqual([], list(client.tools()))
        client.close()
        self.assertNotEqual(0, self.run_rtt("call", "notes/add", "a=1", "b=2").status)
        self.ok("check")
        self.json("mcp", "add", "notes", "--yes", "--", *self.words)
        self.assertEqual("3\n", self.ok("call", "notes/add", "a=1", "b=2").out)

    def test_a_variable_keeps_its_value_out_of_the_manifest(self):
        secret = "s3cr3t-of-this-test"
        added = self.json("mcp", "add", "notes", "--env", "NOTES_TOKEN", "--env", "NOTES_LEVEL=debug", "--yes", "--",
                          *self.words, env={"NOTES_TOKEN": secret})
        self.assertIn("notes.NOTES_TOKEN", added["secrets"])
        for folder, _, files in os.walk(self.path(".rtt")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(secret.encode(), file.read(), name)
        self.refused("RTT0103", 2, "mcp", "add", "more", "--env", "NOT_SET_HERE", "--yes", "--", *self.words)

    def kept(self, *values):
        """No file of the workspace holds any of the values."""
        for folder, _, files in os.walk(self.path(".rtt")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read()
                for value in values:
                    self.assertNotIn(value.encode(), text, name)

    def test_arguments_that_look_like_secrets_stay_out_of_the_manifest_and_are_told(self):
        secrets = ("sk-123456", "ghp_0123456789", "pw-of-mine")
        words = [*self.words, "--api-key", secrets[0], f"--token={secrets[1]}", "DB_PASSWORD=" + secrets[2], "--name", "k"]
        shown = self.run_rtt("mcp", "add", "notes", "--", *words, check=3).text
        for value in secrets:
            self.assertNotIn(value, shown)
        for told in ("notes.api-key", "notes.token", "notes.DB_PASSWORD", "--api-key looks like a secret",
                     "--plain api-key"):
            self.assertIn(told, shown)
        added = self.json("mcp", "add", "notes", "--yes", "--", *words)
        self.assertEqual(["notes.DB_PASSWORD", "notes.api-key", "notes.token"], sorted(added["secrets"]))
        self.kept(*secrets)
        self.assertEqual("3\n", self.ok("call", "notes/add", "a=1", "b=2").out)
        self.ok("mcp", "rm", "notes", "--yes")
        self.json("mcp", "add", "notes", "--yes", "--plain", "api-key", "--", *words)
        self.assertIn(secrets[0].encode(), self.read(".rtt/manifests/mcp.notes.json"))
        self.assertNotIn(secrets[1].encode(), self.read(".rtt/manifests/mcp.notes.json"))

    def test_a_marked_argument_is_a_secret(self):
        words = [*self.words, "--hush", "hush-hush", "positional-9"]
        place = str(len(words) - 1)
        added = self.json("mcp", "add", "notes", "--secret-arg=--hush", "--secret-arg", place, "--yes", "--", *words)
        self.assertEqual([f"notes.arg{place}", "notes.hush"], sorted(added["secrets"]))
        self.kept("hush-hush", "positional-9")
        self.mcp_json({"one": {"command": self.words[0], "args": [*self.words[1:], "--hush", "hush-hush"]},
                       "two": {"command": self.words[0], "args": self.words[1:]}})
        both = self.json("mcp", "import", "--secret-arg=--hush", "--yes")
        self.assertEqual((["one.hush"], 2), (both["secrets"], len(both["servers"])))
        self.kept("hush-hush")
        error = self.refused("RTT0103", 2, "mcp", "import", "--secret-arg", "99", "--yes")
        self.assertIn("--secret-arg 99", error["message"])

    def test_what_came_from_a_variable_is_struck_out_of_the_log(self):
        secret = "value-of-the-variable"
        self.write("loud.py", "import os, sys\nprint(os.environ['LOUD'], sys.argv[1:], file=sys.stderr, flush=True)\n"
                              "sys.argv[1:] = []\nexec(open(os.path.join(os.path.dirname(__file__), 'servers/notes.py')).read())\n")
        self.mcp_json({"notes": {"command": self.words[0], "args": ["-B", self.path("loud.py"), "--x=${FROM_SHELL}"],
                                 "env": {"LOUD": "${FROM_SHELL}", "PYTHONPATH": self.path("servers")}}})
        env = {"FROM_SHELL": secret}
        self.json("mcp", "import", "--plain", "PYTHONPATH", "--yes", env=env)
        client = McpClient("notes", cwd=self.ws, env={**self.me.env, **env})
        client.open()
        client.call("add", a=1, b=2)
        log = self.ok("mcp", "logs", "notes").out
        self.assertNotIn(secret, log)
        self.assertIn("{secret} ['--x={secret}']", log)
        self.assertEqual(0, client.close())

    def test_what_makes_no_server_is_refused(self):
        for words in (["notes"], ["notes", "--header", "a", "--", "true"], ["notes", "--env", "=x", "--", "true"],
                      ["notes", "https://localhost/mcp", "more"], ["notes", "--header", "none", "http://127.0.0.1:1/mcp"]):
            self.assertEqual(2, self.run_rtt("mcp", "add", "--yes", *words).status, words)
        failed = self.json("mcp", "add", "notes", "--yes", "--", "/bin/false", status=1)
        self.assertEqual("failed", failed["servers"][0]["state"])
        self.assertFalse(os.path.exists(self.manifest()))
        self.refused("RTT0105", 1, "mcp", "rm", "notes")

    def test_a_rule_somebody_wrote_stays(self):
        self.ok("mcp", "add", "notes", "--yes", "--", *self.words)
        policy = json.loads(self.read(".rtt/policy.json"))
        policy["allow"].append({"from": "rtt://client/agent/codex", "to": "rtt://notes/*/*"})
        self.write(".rtt/policy.json", policy)
        error = self.refused("RTT0405", 3, "mcp", "rm", "notes", "--yes")
        self.assertIn("rtt sign", error["hint"])
        self.ok("sign", "--yes")
        self.ok("mcp", "rm", "notes", "--yes")
        self.assertIn(b"rtt://client/agent/codex", self.read(".rtt/policy.json"))
        self.assertNotIn(b'rtt://client/agent/*"', self.read(".rtt/policy.json"))


if __name__ == "__main__":
    main()
