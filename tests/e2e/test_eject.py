#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The way out: real files in place of views, nothing in git's way before and after, no server listed twice."""
import os
import subprocess
import unittest

from rtt_case import RttCase, main

AGENT = "---\nname: reviewer\ndescription: Reviews code\n---\n\nLook.\n"
SKILL = "---\nname: tidy\ndescription: Tidies up\n---\n\nRun run.sh.\n"


class Eject(RttCase):
    def setUp(self):
        super().setUp()
        self.write("README.md", "A project.\n")
        self.write(".claude/agents/mine.md", AGENT.replace("reviewer", "mine"))
        self.write(".cursor/rules/notes.txt", "untracked\n")
        self.write("agents/reviewer.md", AGENT)
        self.write("skills/tidy/SKILL.md", SKILL)
        self.write("skills/tidy/run.sh", "#!/bin/sh\n")
        os.chmod(self.path("skills/tidy/run.sh"), 0o755)
        self.write("rules/main.md", "Be kind.\n")
        self.git("init", "-q")

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=self.ws, check=True,
                              capture_output=True, text=True, env={**self.me.env, "GIT_CONFIG_GLOBAL": "/dev/null"}).stdout

    def text(self, name):
        return self.read(name).decode()

    def committed(self, *providers):
        self.ok("up", "--yes", timeout=120)
        self.json("view", "mount", *providers, timeout=120)
        self.git("add", "README.md", ".claude/agents/mine.md", "agents", "skills", "rules", "views", ".rtt")
        self.git("commit", "-qm", "all")
        return self.git("status", "--porcelain")

    def shown(self):
        """What clients find, links followed."""
        out = {}
        for top in (".claude", ".codex", ".agents", ".opencode", "CLAUDE.md", "AGENTS.md"):
            for folder, _, files in os.walk(self.path(top), followlinks=True):
                for name in files:
                    path = os.path.join(folder, name)
                    out[os.path.relpath(path, self.ws)] = (self.read(path), os.access(path, os.X_OK))
            if os.path.isfile(self.path(top)):
                out[top] = (self.read(top), False)
        return out

    def links(self):
        return [os.path.relpath(os.path.join(folder, name), self.ws) for folder, folders, files in os.walk(self.ws)
                if "/.rtt" not in folder and "/.git" not in folder
                for name in folders + files if os.path.islink(os.path.join(folder, name))]

    def test_git_sees_the_same_after_up_and_after_eject(self):
        status = self.committed("claude", "codex", "opencode")
        self.assertEqual("?? .cursor/\n", status)
        self.ok("up", "--yes", timeout=120)
        self.assertEqual(status, self.git("status", "--porcelain"))
        before = self.shown()
        self.assertNotEqual([], self.links())
        asked = self.run_rtt("eject", check=3)
        self.assertIn("leave .codex/agents as real files", str(asked))
        self.assertNotEqual([], self.links())
        done = self.json("eject", "--yes")
        self.assertEqual({"claude", "codex", "opencode"}, {one["provider"] for one in done["views"]})
        self.ok("down")
        self.assertEqual([], self.links())
        self.assertEqual(before, self.shown())
        self.assertEqual(status, self.git("status", "--porcelain"))
        # A clone made now has no link that leads nowhere.
        clone = os.path.join(self.base, "clone")
        self.git("clone", "-q", self.ws, clone)
        self.assertEqual([], [name for folder, folders, files in os.walk(clone) for name in folders + files
                              if os.path.islink(os.path.join(folder, name))])

    def test_what_was_ejected_is_the_clients_until_it_is_mounted_again(self):
        status = self.committed("codex")
        self.json("eject", "--yes")
        self.assertEqual([], self.json("eject", "--yes")["views"])
        self.assertTrue(self.json("view", "ls")["ejected"])
        self.write(".codex/agents/own.toml", 'name = "own"\n')
        self.write("AGENTS.md", "Mine.\n")
        self.write("agents/reviewer.md", AGENT.replace("Look.", "Look twice."))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.assertEqual("committed", self.json("apply", timeout=120)["state"])
        self.assertIn('"Look."', self.text(".codex/agents/reviewer.toml"))
        self.ok("down")
        self.ok("panel", "start")
        self.assertEqual([], self.links())
        again = self.json("view", "mount", "codex", timeout=120)
        self.assertIn("Look twice.", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual(("Mine.\n", 'name = "own"\n'), (self.text("AGENTS.md"), self.text(".codex/agents/own.toml")))
        self.assertIn("AGENTS.md", [one["path"] for one in again["views"][0]["kept"]])
        self.assertNotEqual([], self.links())
        self.assertNotIn("ejected", self.json("view", "ls"))
        seen = self.git("status", "--porcelain", "--untracked-files=all")
        self.assertNotIn("reviewer.toml", seen)
        self.assertIn("?? .codex/agents/own.toml", seen)
        self.assertIn("?? .cursor/", status)

    def test_what_is_unmounted_after_an_eject_stays(self):
        self.committed("codex", "opencode")
        self.json("eject", "--yes")
        os.remove(self.path("views/opencode.view.json"))
        os.remove(self.path("views/opencode.view.json.sig"))
        self.ok("plan")
        self.json("apply", timeout=120)
        self.json("view", "mount", "codex", timeout=120)
        self.assertIn("Look.", self.text(".opencode/agents/reviewer.md"))
        self.assertFalse(os.path.islink(self.path(".opencode/agents")))

    def test_servers_start_without_rtt(self):
        self.mcp_json({"notes": self.server_entry("notes.py", env={"MODE": "plain"})})
        self.ok("up", "--yes", timeout=120)
        os.remove(self.path(".mcp.json"))
        self.json("view", "mount", "codex", "claude", timeout=120)
        for file in (".codex/config.toml", ".mcp.json"):
            self.assertIn('"serve"', self.text(file))
        self.json("eject", "--yes")
        for file in (".codex/config.toml", ".mcp.json"):
            self.assertNotIn('"serve"', self.text(file))
            self.assertIn(self.path("servers/notes.py"), self.text(file))
        self.assertEqual({"MODE": "${MODE}"}, self.read_json(".mcp.json")["mcpServers"]["notes"]["env"])

    def test_a_file_of_servers_keeps_all_else_that_it_says(self):
        self.mcp_json({"notes": self.server_entry("notes.py"), "other": self.server_entry("notes.py")})
        self.write("rules/typed.md", "---\nglobs: [src/**]\n---\n\nUse tabs.\n")
        self.write("overlays/provider/opencode/notes.server.patch.json", '{"native":{"opencode":{"timeout":4000}}}')
        self.write("views/opencode.view.json", '{"show":["rules/*","server/notes"]}')
        self.write("views/vibe.view.json", "{}")
        self.ok("up", "--yes", timeout=120)
        self.json("view", "mount", "opencode", "vibe", timeout=120)
        before = self.read_json("opencode.json")
        self.assertEqual({"instructions", "mcp"}, {"instructions", "mcp"} & set(before))
        self.json("eject", "--yes")
        after = self.read_json("opencode.json")
        [server] = [after["mcp"].pop("notes")]
        self.assertIn(self.path("servers/notes.py"), server["command"])
        self.assertEqual(4000, server["timeout"])
        before["mcp"].pop("notes")
        self.assertEqual(before, after)  # `other` was not shown, so it is not left either

    def test_what_was_changed_stays_as_it_is_and_is_told(self):
        self.mcp_json({"notes": self.server_entry("notes.py")})
        self.ok("up", "--yes", timeout=120)
        os.remove(self.path(".mcp.json"))
        self.committed("codex")
        self.assertTrue(os.path.islink(self.path(".codex/agents")))
        config, agent = self.text(".codex/config.toml") + "# mine\n", self.text(".codex/agents/reviewer.toml")
        self.write(".codex/config.toml", config)
        stored = os.path.realpath(self.path(".codex/agents/reviewer.toml"))
        os.chmod(stored, 0o644)
        with open(stored, "a", encoding="utf-8") as file:
            file.write("# mine too\n")
        asked = str(self.run_rtt("eject", check=3))
        self.assertIn("keep .codex/config.toml as it is, for it was changed there", asked)
        self.assertNotIn("leave .codex/config.toml", asked)
        self.assertIn("leave what was written into the view of codex as it is", asked)
        [view] = self.json("eject", "--yes")["views"]
        self.assertEqual([".codex/config.toml"], [one["path"] for one in view["kept"]])
        self.assertTrue(view["edited"])
        self.assertEqual([], self.links())
        self.assertEqual(config, self.text(".codex/config.toml"))
        self.assertEqual(agent + "# mine too\n", self.text(".codex/agents/reviewer.toml"))

    def test_rules_are_named_where_there_is_no_server(self):
        self.write("rules/typed.md", "---\nglobs: [src/**]\n---\n\nUse tabs.\n")
        self.committed("opencode")
        before = self.text("opencode.json")
        self.assertIn("typed.md", before)
        self.json("eject", "--yes")
        self.assertEqual(before, self.text("opencode.json"))


class Twice(RttCase):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()
        os.remove(self.path(".mcp.json"))
        self.write("rules/main.md", "Be kind.\n")
        self.ok("sign", "--yes")

    def rows(self, document):
        return {(one["client"], row["name"]): (row["state"], row.get("why", ""))
                for one in document["clients"] for row in one["servers"]}

    def test_a_client_that_is_shown_a_server_is_not_connected_to_it_again(self):
        self.json("view", "mount", "codex", "vscode", timeout=120)
        for client in ("codex", "vscode"):
            rows = self.rows(self.json("mcp", "connect", client, "--write", "--yes"))
            state, why = rows[client, "notes"]
            self.assertEqual("left", state)
            self.assertIn("has RTT's entry already", why)
        self.refused("RTT0307", 1, "mcp", "connect", "codex", "--single", "--write", "--yes")

    def test_a_client_that_was_connected_is_told_when_it_is_shown_the_same(self):
        for client in ("codex", "vscode"):
            self.json("mcp", "connect", client, "--write", "--yes")
        shown = self.json("view", "mount", "codex", "vscode", timeout=120)
        # Codex merges its files by name; VS Code lists both.
        self.assertEqual(["rtt mcp disconnect vscode"], [one["hint"] for one in shown["problems"]])
        self.json("mcp", "disconnect", "vscode", "--yes")
        self.assertEqual([], self.json("view", "mount", "vscode")["problems"])


if __name__ == "__main__":
    main()
