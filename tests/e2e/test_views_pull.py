#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people and clients edit in a provider's files comes back into the workspace, and from there to the others."""
import json
import os
import subprocess
import unittest

from rtt_case import RttCase, main

REVIEWER = """---
# kept as it is
name: reviewer
description: Reviews code
tools:
  - {to: "rtt://fs/tool/read@^1", optional: true}
model: sonnet
permissions: {edit: deny}
---

Look at the change.
"""


class Pull(RttCase):
    def setUp(self):
        super().setUp()
        self.json("init", "--yes")
        self.write("agents/reviewer.md", REVIEWER)
        self.write("rules/main.md", "Be kind.\n")
        self.write("skills/tidy/SKILL.md", "---\nname: tidy\ndescription: Tidies\n---\nRun run.sh.\n")
        self.write("skills/tidy/run.sh", "#!/bin/sh\n")
        os.chmod(self.path("skills/tidy/run.sh"), 0o755)
        self.run_rtt("sign", "--yes", check=0)

    def text(self, name):
        return self.read(name).decode()

    def mount(self, *providers):
        # A folder that holds something of its own gets its entries one by one.
        self.write(".claude/agents/notes.txt", "mine")
        self.write(".claude/skills/notes.txt", "mine")
        return self.json("view", "mount", *providers, timeout=120)

    def edit(self, name, old, new):
        text = self.text(name)
        self.assertIn(old, text)
        if os.path.islink(self.path(name)) or os.path.realpath(self.path(name)) != os.path.join(
                os.path.realpath(self.ws), name):
            target = os.path.realpath(self.path(name))
            os.chmod(os.path.dirname(target), 0o755)
            os.chmod(target, os.stat(target).st_mode | 0o200)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new))
        else:
            self.write(name, text.replace(old, new))

    def test_an_edited_copy_becomes_a_change_of_its_item_and_the_others_see_it(self):
        self.mount("claude", "codex")
        self.edit("AGENTS.md", "Be kind.", "Be quick.")
        asked = self.run_rtt("view", "pull", check=3)
        self.assertIn("rules/main.md", str(asked))
        self.assertEqual("Be kind.\n", self.text("rules/main.md"))
        self.assertIn("rtt view pull", self.run_rtt("view", "diff", check=4).out)
        pulled = self.json("view", "pull", "--yes", timeout=120)
        [change] = pulled["changes"]
        self.assertEqual(("rules/main.md", "changed", "AGENTS.md", "codex", ["/instructions"]),
                         (change["path"], change["state"], change["from"], change["provider"], change["members"]))
        self.assertEqual(["-Be kind.", "+Be quick."], change["diff"])
        self.assertEqual("committed", pulled["state"])
        self.assertEqual("Be quick.\n", self.text("rules/main.md"))
        self.assertEqual("Be quick.\n", self.text("CLAUDE.md"))
        self.assertFalse(self.json("view", "diff")["differs"])
        self.assertTrue(self.json("check")["ok"])
        self.assertEqual([], self.json("view", "pull", "--yes")["changes"])

    def change_workspace(self, name, old, new):
        self.assertIn(old, self.text(name))
        self.write(name, self.text(name).replace(old, new))
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        self.json("apply", timeout=120)

    def test_an_edit_is_told_from_what_it_began_with_whatever_was_shown_since(self):
        self.write(".codex/agents/notes.txt", "mine")
        self.mount("claude", "codex")
        copy = ".codex/agents/reviewer.toml"
        self.edit(copy, "Look at the change.", "Look well at the change.")
        self.change_workspace("agents/reviewer.md", "Reviews code", "Reviews all code")
        self.change_workspace("agents/reviewer.md", "model: sonnet", "model: opus")
        self.assertIn("Reviews code", self.text(copy))  # theirs, so nothing touched it
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual(["/instructions"], pulled["changes"][0]["members"])
        text = self.text("agents/reviewer.md")
        for said in ("Reviews all code", "model: opus", "Look well at"):
            self.assertIn(said, text)
        for name in (copy, ".claude/agents/reviewer.md"):
            self.assertIn("Reviews all code", self.text(name))
            self.assertIn("Look well at", self.text(name))
        self.assertFalse(self.json("view", "diff")["differs"])
        # The same member in both.
        self.edit(copy, "Reviews all code", "Reviews some code")
        self.change_workspace("agents/reviewer.md", "Reviews all code", "Reviews no code")
        refused = self.refused("RTT0418", 3, "view", "pull", "--yes")
        self.assertIn("the workspace changed it too", refused["message"])
        self.assertIn("Reviews no code", self.text("agents/reviewer.md"))
        self.assertIn("Reviews some code", self.text(copy))

    def test_a_file_keeps_its_mode(self):
        os.chmod(self.path("rules/main.md"), 0o600)
        self.mount("codex")
        self.edit("AGENTS.md", "Be kind.", "Be quick.")
        self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual("Be quick.\n", self.text("rules/main.md"))
        self.assertEqual(0o600, os.stat(self.path("rules/main.md")).st_mode & 0o777)

    def test_what_a_provider_is_not_told_stays(self):
        self.mount("claude")
        os.remove(self.path(".claude/agents/reviewer.md"))  # an editor that saves by renaming
        self.write(".claude/agents/reviewer.md",
                   "---\nname: reviewer\ndescription: Reviews all\ntools: mcp__fs__read, mcp__git__diff\nmodel: opus\n"
                   "color: red\n---\n\nLook at the change.\n")
        pulled = self.json("view", "pull", "claude", "--yes", timeout=120)
        self.assertEqual(["/description", "/model", "/native/claude/color", "/tools"], pulled["changes"][0]["members"])
        text = self.text("agents/reviewer.md")
        for kept in ("# kept as it is", "permissions: {edit: deny}", "optional", "rtt://fs/tool/read@^1",
                     "rtt://git/tool/diff", "model: opus", "color", "Reviews all"):
            self.assertIn(kept, text)
        self.assertFalse(self.json("view", "diff")["differs"])
        self.assertIn("color: red", self.text(".claude/agents/reviewer.md"))

    def test_new_files_beside_ours_become_items(self):
        self.mount("claude", "gemini")
        self.write(".claude/agents/cook.md", "---\nname: cook\ndescription: Cooks\n---\n\nCook.\n")
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual([("agents/cook.md", "created")], [(row["path"], row["state"]) for row in pulled["changes"]])
        self.assertIn("Cook.", self.text(".gemini/agents/cook.md"))
        self.assertFalse(self.json("view", "diff")["differs"])
        self.assertEqual("mine", self.text(".claude/agents/notes.txt"))

    def test_a_tree_that_was_written_into_and_a_file_of_a_skill(self):
        self.mount("codex")
        self.edit(".agents/skills/tidy/run.sh", "#!/bin/sh\n", "#!/bin/sh\nexit 0\n")
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual(["skills/tidy/run.sh"], [row["path"] for row in pulled["changes"]])
        self.assertEqual("#!/bin/sh\nexit 0\n", self.text("skills/tidy/run.sh"))
        self.assertTrue(os.access(self.path("skills/tidy/run.sh"), os.X_OK))
        self.assertEqual("#!/bin/sh\nexit 0\n", self.text(".agents/skills/tidy/run.sh"))

    def test_what_was_set_aside_of_an_earlier_tree_is_taken_once(self):
        self.mount("codex")
        self.edit(".codex/agents/reviewer.toml", "Look at", "Look well at")
        self.json("view", "mount", "gemini", timeout=120)  # codex is shown its tree as it was again
        self.assertNotIn("Look well", self.text(".codex/agents/reviewer.toml"))
        self.change_workspace("agents/reviewer.md", "Reviews code", "Reviews all code")
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual([("agents/reviewer.md", ["/instructions"])],
                         [(row["path"], row["members"]) for row in pulled["changes"]])
        for said in ("Reviews all code", "Look well at"):
            self.assertIn(said, self.text("agents/reviewer.md"))
            self.assertIn(said, self.text(".codex/agents/reviewer.toml"))
        self.change_workspace("agents/reviewer.md", "Look well at", "Look long at")
        self.assertEqual([], self.json("view", "pull", "--yes")["changes"])

    def test_what_was_set_aside_of_a_client_that_is_shown_nothing_is_told(self):
        self.mount("codex", "opencode")
        self.edit(".codex/agents/reviewer.toml", "Look at", "Look well at")
        [note] = [one for one in self.json("view", "unmount", "codex", timeout=120)["view_notes"]
                  if one["state"] == "set_aside"]
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual([], pulled["changes"])
        [problem] = [one for one in pulled["problems"] if "nothing is shown" in one["message"]]
        self.assertTrue(note["path"].startswith(problem["file"] + "/"), problem)
        self.assertIn("rtt view mount codex", problem["hint"])
        error = self.refused("RTT0105", 1, "view", "pull", note["path"])
        self.assertIn("rtt view mount codex", error["hint"])
        self.json("view", "mount", "codex", timeout=120)
        self.json("view", "pull", "--yes", timeout=120)
        self.assertIn("Look well at", self.text("agents/reviewer.md"))

    def test_files_beside_a_skill_may_be_anything_but_its_signatures(self):
        self.mount("claude")
        self.write(".claude/skills/new/SKILL.md", "---\nname: new\ndescription: New\n---\n\nNew.\n")
        self.write(".claude/skills/new/data.bin", b"\xff\x00\xfe")
        self.write(".claude/skills/new/SKILL.md.sig", "[]")
        self.assertIn("signatures", self.refused("RTT0418", 3, "view", "pull", "--yes")["message"])
        os.remove(self.path(".claude/skills/new/SKILL.md.sig"))
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual({"skills/new/SKILL.md", "skills/new/data.bin"}, {row["path"] for row in pulled["changes"]})
        self.assertEqual(b"\xff\x00\xfe", self.read("skills/new/data.bin"))

    def test_both_changed_is_shown_and_nothing_is_written(self):
        self.mount("claude", "codex")
        self.edit("AGENTS.md", "Be kind.", "Be quick.")
        self.edit("CLAUDE.md", "Be kind.", "Be slow.")
        refused = self.refused("RTT0418", 3, "view", "pull", "--yes")
        self.assertIn("/instructions: CLAUDE.md was edited too", refused["message"])
        self.assertIn("rtt view pull CLAUDE.md", refused["hint"])
        self.assertEqual("AGENTS.md", refused["where"])
        self.assertEqual("Be kind.\n", self.text("rules/main.md"))
        self.assertEqual("Be slow.\n", self.text("CLAUDE.md"))
        # One of them by name.
        self.json("view", "pull", "CLAUDE.md", "--yes", timeout=120)
        self.assertEqual("Be slow.\n", self.text("rules/main.md"))
        # The workspace's own file changed meanwhile, and is not signed.
        self.edit("CLAUDE.md", "Be slow.", "Be slower.")
        self.write("rules/main.md", "Be loud.\n")
        self.assertIn("rtt sign", self.refused("RTT0418", 3, "view", "pull", "CLAUDE.md", "--yes")["hint"])
        self.assertEqual("Be loud.\n", self.text("rules/main.md"))

    def test_what_comes_from_an_overlay_or_from_nowhere(self):
        self.write("overlays/provider/claude/reviewer.patch.json", '{"description":"For Claude"}')
        self.run_rtt("sign", "--yes", check=0)
        self.mount("claude")
        os.remove(self.path(".claude/agents/reviewer.md"))
        shown = self.text(".rtt/registry/views/now/claude/.claude/agents/reviewer.md")
        self.write(".claude/agents/reviewer.md", shown.replace("For Claude", "For you"))
        refused = self.refused("RTT0418", 3, "view", "pull", "--yes")
        self.assertIn("overlay", refused["message"])
        self.write(".claude/agents/reviewer.md", shown.replace("Look at", "Look well at"))
        self.json("view", "pull", "--yes", timeout=120)
        self.assertIn("Look well at", self.text("agents/reviewer.md"))
        self.assertIn("Reviews code", self.text("agents/reviewer.md"))
        self.refused("RTT0105", 1, "view", "pull", "gemini")
        self.refused("RTT0304", 1, "view", "pull", "/etc/hosts")

    def test_a_skill_that_import_leaves_out_is_not_taken_either(self):
        skill = "---\nname: loop\n# mine\ndescription: Loops\n---\nb\n"
        self.write(".claude/skills/loop/SKILL.md", skill)
        self.write(".claude/skills/fine/SKILL.md", skill.replace("loop", "fine"))
        os.symlink(".", self.path(".claude/skills/loop/self"))
        self.mount("claude")
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual(["skills/fine/SKILL.md"], [row["path"] for row in pulled["changes"]])
        told = {problem["file"]: problem["message"] for problem in pulled["problems"]}
        self.assertIn("symbolic link", told[".claude/skills/loop/self"])
        self.assertIn("left out", told[".claude/skills/loop/"])
        self.assertEqual(skill, self.text(".claude/skills/loop/SKILL.md"))
        self.assertFalse(os.path.exists(self.path("skills/loop")))

    def test_what_a_client_s_file_says_beside_its_item_is_not_lost(self):
        mine = "# legal text\nname = \"mine\"\n\ndescription = \"m\"   # short\ndeveloper_instructions = \"x\"\n"
        self.write(".codex/agents/mine.toml", mine)
        for words in (["init", "-q"], ["add", ".codex"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
            subprocess.run(["git", *words], cwd=self.ws, env=self.me.env, check=True)
        self.mount("codex", "gemini")
        self.write(".codex/agents/fresh.toml", mine.replace("mine", "fresh"))
        copy = self.text(".codex/agents/reviewer.toml")
        self.write(".codex/agents/reviewer.toml", "# why\n" + copy.replace("Reviews code", "Reviews all"))
        pulled = self.json("view", "pull", "--yes", timeout=120)
        self.assertEqual({"agents/fresh.md", "agents/mine.md", "agents/reviewer.md"},
                         {row["path"] for row in pulled["changes"]})
        self.assertEqual(mine, self.text(".codex/agents/mine.toml"))  # git's
        self.assertEqual("", subprocess.run(["git", "status", "--porcelain", ".codex"], cwd=self.ws, env=self.me.env,
                                            check=True, capture_output=True).stdout.decode())
        self.assertIn("name: mine", self.text(".gemini/agents/mine.md"))
        told = {problem["file"]: problem["message"] for problem in pulled["problems"]}
        self.assertEqual({".codex/agents/fresh.toml", ".codex/agents/mine.toml", ".codex/agents/reviewer.toml"},
                         set(told))
        for name, said in (("fresh", "# legal text"), ("reviewer", "# why")):
            self.assertNotIn("#", self.text(f".codex/agents/{name}.toml"))
            kept = told[f".codex/agents/{name}.toml"].split()[-1]
            self.assertTrue(self.text(kept).startswith(said + "\n"), kept)
        self.assertEqual([], self.json("view", "pull", "--yes")["problems"])

    def test_an_edit_that_cannot_be_read_is_refused(self):
        self.write(".codex/agents/notes.txt", "mine")
        self.mount("codex")
        name = ".codex/agents/reviewer.toml"
        as_it_was = self.text(name)
        for text in (b"desc = [[[", b"x" * 3_000_000, b"x" * 17_000_000):
            self.write(name, text)
            refused = self.refused("RTT0418", 3, "view", "pull", "--yes")
            self.assertTrue(refused["where"].startswith(name), refused)
            self.assertIn("rtt view pull", self.run_rtt("view", "diff", check=4).out)
        os.remove(self.path(name))
        self.json("view", "pull", "--yes")
        gone = self.run_rtt("view", "diff", check=4).out
        self.assertIn("gone " + name, gone)
        self.assertIn("help: rtt apply", gone)
        self.json("apply", timeout=120)
        self.assertEqual(as_it_was, self.text(name))

    def test_what_is_gone_or_broken_is_told(self):
        self.mount("claude", "codex")
        os.remove(self.path("CLAUDE.md"))
        self.write(".claude/agents/bad.md", "---\nname: bad\n")
        told = json.dumps(self.json("view", "pull", "--yes")["problems"])
        self.assertIn("CLAUDE.md", told)
        self.assertIn(".claude/agents/bad.md", told)
        self.assertFalse(os.path.exists(self.path("agents/bad.md")))


if __name__ == "__main__":
    main()
