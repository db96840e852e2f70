#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What providers are shown: imported, mounted, changed, taken back, and never in git's way."""
import json
import os
import subprocess
import unittest

from rtt_case import RttCase, main

REVIEWER = """---
name: reviewer
description: Reviews code
tools: Read, Grep
model: sonnet
color: red
---
Look at the change. Say what is wrong.
"""
SKILL = """---
name: tidy
description: Tidies up
---
Run scripts/tidy.sh.
"""


class Views(RttCase):
    def setUp(self):
        super().setUp()
        self.write(".claude/agents/reviewer.md", REVIEWER)
        self.write(".claude/skills/tidy/SKILL.md", SKILL)
        self.write(".claude/skills/tidy/scripts/tidy.sh", "#!/bin/sh\nexit 0\n")
        os.chmod(self.path(".claude/skills/tidy/scripts/tidy.sh"), 0o755)

    def text(self, name):
        return self.read(name).decode()

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=self.ws, check=True,
                              capture_output=True, text=True, env={**self.me.env, "GIT_CONFIG_GLOBAL": "/dev/null"}).stdout

    def test_two_commands_take_an_agent_from_one_client_to_two_others(self):
        asked = self.run_rtt("view", "import", ".claude", check=3)
        self.assertFalse(os.path.exists(self.path("agents")))
        self.assertIn("agents/reviewer.md", str(asked))
        taken = self.json("view", "import", ".claude", "--yes")
        self.assertEqual({"agents/reviewer.md", "skills/tidy/SKILL.md", "skills/tidy/scripts/tidy.sh"},
                         {row["path"] for row in taken["files"]})
        # Read and Grep are Claude Code's words, so nobody else holds the agent to them: that is said.
        self.assertEqual([(".claude/agents/reviewer.md", True)],
                         [(one["file"], "give it every tool" in one["message"]) for one in taken["problems"]])
        shown = self.json("view", "mount", "codex", "opencode", timeout=120)
        self.assertEqual("committed", shown["state"])
        self.assertIn('developer_instructions', self.text(".codex/agents/reviewer.toml"))
        self.assertIn("Reviews code", self.text(".opencode/agents/reviewer.md"))
        self.assertTrue(os.access(self.path(".agents/skills/tidy/scripts/tidy.sh"), os.X_OK))
        self.assertTrue(os.path.islink(self.path(".codex/agents")))
        self.assertFalse(os.path.islink(self.path(".codex")))
        self.assertFalse(os.path.islink(self.path(".agents/skills/tidy/SKILL.md")))
        rows = {row["provider"]: row for row in self.json("view", "ls")["views"]}
        self.assertEqual({"codex": "shown", "opencode": "shown"}, {name: row["state"] for name, row in rows.items()})
        self.assertFalse(self.json("view", "diff")["differs"])
        # What is imported twice changes nothing.
        again = self.json("view", "import", ".claude", "--yes")
        self.assertEqual({"kept"}, {row["state"] for row in again["files"]})

    def test_whose_trust_a_client_wants_is_told_and_never_written(self):
        self.json("view", "import", ".claude", "--yes")
        wants = lambda answer: {one["file"]: one["hint"] for one in answer["problems"] if "trusts the folder" in one["message"]}
        told = wants(self.json("view", "mount", "codex", "opencode", "gemini", timeout=120))
        self.assertEqual({"views/codex.view.json", "views/gemini.view.json"}, set(told))
        self.assertIn(f'projects."{self.ws}".trust_level = "trusted"', told["views/codex.view.json"])
        self.assertFalse(os.path.exists(os.path.join(self.me.home, ".codex")))
        os.mkdir(os.path.join(self.me.home, ".codex"))
        with open(os.path.join(self.me.home, ".codex/config.toml"), "w", encoding="utf-8") as file:
            file.write(f'[projects."{self.ws}"]\ntrust_level = "trusted"\n')
        self.assertEqual({"views/gemini.view.json"}, set(wants(self.json("view", "ls"))))

    def test_what_clients_allow_in_their_files_is_no_obstacle(self):
        """A name beside the file's, tools of a server that is not here, a skill's own keys: all of it comes through."""
        self.write(".claude/agents/reviewer.md", "---\nname: Code Reviewer\ndescription: Reviews code\n"
                                                 "tools: mcp__gone__read\nskills: nowhere\n---\nLook.\n")
        self.write(".claude/skills/tidy/SKILL.md", "---\nname: tidy\ndescription: Tidies up\n"
                                                   "allowed-tools: Bash(git add:*) Read\nmodel: haiku\n---\nRun.\n")
        self.assertEqual([], self.json("view", "import", ".claude", "--yes")["problems"])
        os.rename(self.path(".claude"), self.path("was"))
        self.assertEqual("committed", self.json("view", "mount", "codex", "claude", timeout=120)["state"])
        self.assertIn('name = "reviewer"', self.text(".codex/agents/reviewer.toml"))
        agent = self.text(".claude/agents/reviewer.md")
        for line in ("name: Code Reviewer", "tools: mcp__gone__read", "skills:", "description: Reviews code"):
            self.assertIn(line, agent)
        self.assertIn("allowed-tools: Bash(git add:*) Read\n", self.text(".agents/skills/tidy/SKILL.md"))
        self.assertNotIn("haiku", self.text(".agents/skills/tidy/SKILL.md"))
        self.assertIn("model: haiku\n", self.text(".claude/skills/tidy/SKILL.md"))

    def test_import_reads_and_writes_nothing_behind_links(self):
        outside = os.path.join(self.base, "outside")
        os.makedirs(outside)
        os.symlink(outside, self.path("agents"))
        self.refused("RTT0304", 1, "view", "import", ".claude", "--yes")
        self.assertEqual([], os.listdir(outside))
        os.remove(self.path("agents"))
        os.rename(self.path(".claude/skills"), os.path.join(outside, "skills"))
        os.symlink(os.path.join(outside, "skills"), self.path(".claude/skills"))
        taken = self.json("view", "import", ".claude", "--yes")
        self.assertEqual(["agents/reviewer.md"], [row["path"] for row in taken["files"]])
        self.assertIn("a symbolic link", taken["problems"][0]["message"])

    def mounted(self, *providers):
        self.json("view", "import", ".claude", "--yes")
        return self.json("view", "mount", *providers, timeout=120)

    def test_changes_flip_with_the_plan_and_come_back_with_undo(self):
        self.mounted("codex", "gemini")
        before = {name: self.text(name) for name in (".codex/agents/reviewer.toml", ".gemini/agents/reviewer.md")}
        self.write("agents/reviewer.md", self.text("agents/reviewer.md").replace("Say what is wrong.", "Say it kindly."))
        self.assertIn("Say what is wrong", self.text(".codex/agents/reviewer.toml"))
        self.run_rtt("sign", "--yes", check=0)
        pending = self.json("view", "diff", status=4)
        self.assertEqual({"codex", "gemini"}, {row["provider"] for row in pending["views"] if row["changes"]})
        planned = self.json("plan")
        self.assertEqual(2, len(planned["views_add"]))
        self.assertEqual("committed", self.json("apply")["state"])
        for name in before:
            self.assertIn("Say it kindly", self.text(name))
        self.assertEqual("unchanged", self.json("apply")["state"])
        self.assertEqual("committed", self.json("undo")["state"])
        self.assertEqual(before, {name: self.text(name) for name in before})

    def test_a_panel_that_was_killed_shows_what_is_committed(self):
        self.mounted("codex")
        os.remove(self.path(".rtt/registry/views/now"))
        self.assertFalse(os.path.exists(self.path(".codex/agents/reviewer.toml")))
        os.kill(self.panel_pid(), 9)
        self.json("panel", "start")
        self.assertIn("Reviews code", self.text(".codex/agents/reviewer.toml"))

    def test_git_status_is_clean_and_unmount_leaves_nothing(self):
        self.git("init", "-q")
        self.git("add", ".claude")
        self.git("commit", "-qm", "mine")
        self.mounted("codex", "claude", "opencode")
        self.git("add", "agents", "skills", "views", ".rtt")
        self.git("commit", "-qm", "rtt")
        self.assertEqual("", self.git("status", "--porcelain"))
        self.assertEqual([], [name for name in self.git("ls-files").splitlines() if "registry/views" in name])
        kept = {row["provider"]: row["kept"] for row in self.json("view", "mount", "claude")["views"]}
        self.assertIn(".claude/agents/reviewer.md", [one["path"] for one in kept["claude"]])
        self.assertEqual(REVIEWER, self.text(".claude/agents/reviewer.md"))
        self.json("view", "unmount", "codex", "claude", "opencode")
        for name in (".codex", ".opencode", ".agents"):
            self.assertFalse(os.path.exists(self.path(name)), name)
        self.assertEqual([" D views/claude.view.json", " D views/claude.view.json.sig"],
                         [line for line in self.git("status", "--porcelain").splitlines() if "claude" in line])

    def test_what_somebody_writes_into_the_store_is_kept_and_shown_again_as_planned(self):
        self.mounted("codex")
        tree = os.path.realpath(self.path(".rtt/registry/views/now/codex"))
        agent = os.path.join(tree, ".codex/agents/reviewer.toml")
        os.chmod(os.path.dirname(agent), 0o755)
        os.chmod(agent, 0o644)
        with open(agent, "a", encoding="utf-8") as file:
            file.write("# mine\n")
        self.write("agents/reviewer.md", self.text("agents/reviewer.md") + "More.\n")
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        applied = self.json("apply")
        self.assertEqual("committed", applied["state"])
        self.assertIn("More.", self.text(".codex/agents/reviewer.toml"))
        [note] = applied["view_notes"]
        self.assertEqual(("codex", "set_aside"), (note["provider"], note["state"]))
        self.assertIn("# mine", self.text(note["path"]))

    def test_what_git_cannot_be_told_is_said(self):
        self.git("init", "-q")
        os.remove(self.path(".git/info/exclude"))
        os.mkdir(self.path(".git/info/exclude"))
        shown = self.mounted("codex")
        self.assertEqual("committed", shown["state"])
        self.assertIn("git will show what is placed", str(shown["problems"]))

    def test_what_a_client_writes_is_drift(self):
        self.write("rules/main.md", "Be kind.\n")
        self.mounted("codex")
        self.assertIn("Be kind.", self.text("AGENTS.md"))
        self.write("AGENTS.md", "Be quick.\n")
        rows = self.json("view", "diff", status=4)["views"]
        self.assertEqual([{"path": "AGENTS.md", "state": "changed"}], rows[0]["drift"])
        self.json("apply")
        self.assertEqual("Be quick.\n", self.text("AGENTS.md"))

    def test_a_place_that_is_gone_comes_back_with_the_next_apply(self):
        self.write("rules/main.md", "Be kind.\n")
        self.mounted("codex")
        os.remove(self.path("AGENTS.md"))
        os.remove(self.path(".codex/agents"))
        rows = self.json("view", "diff", status=4)["views"]
        self.assertEqual([("AGENTS.md", "gone"), (".codex/agents", "gone")],
                         sorted(((one["path"], one["state"]) for one in rows[0]["drift"]), reverse=True))
        self.assertEqual("unchanged", self.json("apply")["state"])
        self.assertEqual("Be kind.\n", self.text("AGENTS.md"))
        self.assertIn("Reviews code", self.text(".codex/agents/reviewer.toml"))

    def test_what_is_placed_has_the_users_modes(self):
        self.write("rules/main.md", "Be kind.\n")
        self.mounted("codex")
        umask = os.umask(0o022)
        os.umask(umask)
        mode = {name: os.stat(self.path(name)).st_mode & 0o777 for name in (".codex", "AGENTS.md")}
        self.assertEqual({".codex": 0o777 & ~umask, "AGENTS.md": 0o666 & ~umask}, mode)

    def test_ls_views_takes_a_filter(self):
        self.mounted("codex", "gemini")
        self.assertEqual(["gemini"], [row["provider"] for row in self.json("ls", "views", "gem")["views"]])
        self.assertEqual([], self.json("ls", "views", "zed")["views"])

    def test_an_overlay_that_does_not_fit_leaves_what_is_shown(self):
        self.mounted("codex", "gemini")
        self.write("overlays/provider/codex/reviewer.patch.json", '[{"op":"remove","path":"/nothing"}]')
        self.run_rtt("sign", "--yes", check=0)
        rows = {row["provider"]: row["state"] for row in self.json("view", "ls")["views"]}
        self.assertEqual({"codex": "broken", "gemini": "shown"}, rows)
        self.json("apply")
        self.assertIn("Reviews code", self.text(".codex/agents/reviewer.toml"))
        self.write("overlays/provider/codex/reviewer.patch.json", '{"description":"For Codex"}')
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        self.json("apply")
        self.assertIn("For Codex", self.text(".codex/agents/reviewer.toml"))
        self.assertIn("Reviews code", self.text(".gemini/agents/reviewer.md"))
        [why] = self.json("view", "why", ".codex/agents/reviewer.toml")["from"]
        self.assertEqual(("agent/reviewer", ["overlays/provider/codex/reviewer.patch.json"]),
                         (why["item"], why["overlays"]))

    def test_a_provider_of_ones_own(self):
        self.write("providers/providers.yaml", "providers:\n  house:\n    like: claude\n    agents: .house/agents/*.md\n"
                                               "    skills: .house/skills\n    commands: null\n")
        self.mounted("house")
        self.assertIn("description: Reviews code", self.text(".house/agents/reviewer.md"))
        self.assertTrue(os.path.exists(self.path(".house/skills/tidy/SKILL.md")))
        known = [row["name"] for row in self.json("view", "ls", "--all")["known"]]
        self.assertIn("house", known)
        [row] = self.json("ls", "views")["views"]
        self.assertEqual(("house", "shown"), (row["provider"], row["state"]))
        self.assertEqual([], self.json("ls", "views", "nobody")["views"])

    def test_what_a_provider_of_ones_own_has_is_imported(self):
        self.json("init", "--yes")
        self.write("providers/providers.yaml", "providers:\n  house: {like: claude, agents: .house/agents/*.md}\n")
        self.write(".house/agents/cook.md", "---\nname: cook\ndescription: Cooks\n---\nCook.\n")
        self.refused("RTT0105", 1, "view", "import", "--from", "house", "--yes")
        self.run_rtt("sign", "--yes", check=0)
        taken = self.json("view", "import", "--from", "house", "--yes")["files"]
        self.assertIn({"path": "agents/cook.md", "from": "house", "state": "created"}, taken)

    def signature(self, provider):
        [root] = [row["root"] for row in self.json("view", "ls")["views"] if row["provider"] == provider]
        return ".rtt/registry/views/signed/" + root.removeprefix("sha256-") + ".sig.json"

    def pending(self, words):
        self.write("agents/reviewer.md", self.text("agents/reviewer.md") + words + "\n")
        self.run_rtt("sign", "--yes", check=0)
        return self.json("plan")

    def wanted_signature(self, plan, provider):
        [root] = [row["root"] for row in plan["views_add"] if row["provider"] == provider]
        return ".rtt/registry/views/signed/" + root.removeprefix("sha256-") + ".sig.json"

    def test_a_view_whose_signature_does_not_count_is_not_shown(self):
        self.mounted("codex", "gemini")
        before = self.text(".codex/agents/reviewer.toml")
        name = self.wanted_signature(self.pending("More."), "codex")
        good = self.read(name)
        record = json.loads(good)
        flipped = json.loads(good)
        text = flipped["sign"][0]["sig"]
        flipped["sign"][0]["sig"] = ("B" if text[0] == "A" else "A") + text[1:]
        stranger = json.loads(good)
        stranger["sign"][0]["key_id"] = "0123456789abcdef"
        other = json.loads(self.read(self.signature("gemini")))
        for code, bytes_ in (("RTT0404", json.dumps(flipped)), ("RTT0402", json.dumps(stranger)),
                             ("RTT0404", json.dumps(other)), ("RTT0404", "{"),
                             ("RTT0401", json.dumps({**record, "sign": []}))):
            self.write(name, bytes_)
            refused = self.refused(code, 3, "apply")
            self.assertIn(name, refused["where"])
            self.assertEqual("rtt plan", refused["hint"].split(",")[0])
            self.assertEqual(before, self.text(".codex/agents/reviewer.toml"))
        bad = self.json("registry", "verify", status=0)["bad"]
        self.assertEqual([], bad)
        self.write(name, json.dumps(flipped))
        [bad] = self.json("registry", "verify", status=7)["bad"]
        self.assertIn(name, bad["file"])
        self.json("plan")
        self.assertEqual(good, self.read(name))
        self.assertEqual("committed", self.json("apply")["state"])
        self.assertIn("More.", self.text(".codex/agents/reviewer.toml"))
        self.assertTrue(self.json("check")["ok"])
        # What is shown and nobody vouches for any more: told, left as it is, and not shown anew.
        self.write(name, json.dumps(flipped))
        told = self.json("check", status=3)
        self.assertIn(name, json.dumps(told["problems"]))
        self.json("panel", "stop")
        self.json("panel", "start")
        self.assertIn("More.", self.text(".codex/agents/reviewer.toml"))
        self.json("panel", "stop")
        os.remove(self.path(".rtt/registry/views/now"))
        self.json("panel", "start")
        self.assertFalse(os.path.exists(self.path(".codex/agents/reviewer.toml")))
        self.assertIn("Look at the change", self.text(".gemini/agents/reviewer.md"))
        told = [row["reason"] for row in self.run_rtt("log", "--json").lines if row["action"] == "views_failed"]
        self.assertEqual(["the signature over the view of codex does not verify"] * 2, told)

    def test_a_plan_carries_its_views_signatures_and_without_them_is_refused(self):
        self.mounted("codex")
        plan = self.pending("More.")
        name = self.wanted_signature(plan, "codex")
        os.remove(self.path(name))
        stored = json.loads(self.read(plan["path"]))
        bare = {key: value for key, value in stored.items() if key != "views_sign"}
        self.write(plan["path"], json.dumps(bare))
        self.assertIn(name, self.refused("RTT0401", 3, "apply")["where"])
        stranger = json.loads(json.dumps(stored))
        stranger["views_sign"][0]["sign"][0]["key_id"] = "0123456789abcdef"
        self.write(plan["path"], json.dumps(stranger))
        self.assertIn(plan["path"], self.refused("RTT0402", 3, "apply")["where"])
        self.write(plan["path"], json.dumps(stored))
        self.assertEqual("committed", self.json("apply")["state"])
        self.assertTrue(os.path.exists(self.path(name)))

    def test_without_strict_mode_a_view_needs_no_signature_and_none_may_be_false(self):
        self.mounted("codex")
        self.write(".rtt/panel.yaml", "security: {mode: relaxed}\n")
        self.run_rtt("sign", "--yes", check=0)
        plan = self.pending("More.")
        name = self.wanted_signature(plan, "codex")
        good = json.loads(self.read(name))
        stored = {key: value for key, value in json.loads(self.read(plan["path"])).items() if key != "views_sign"}
        self.write(plan["path"], json.dumps(stored))
        self.write(name, json.dumps({**good, "sign": [{**good["sign"][0], "sig": "A" * 86 + "=="}]}))
        self.assertIn(name, self.refused("RTT0404", 3, "apply")["where"])
        os.remove(self.path(name))
        self.assertEqual("committed", self.json("apply")["state"])

    def test_a_view_file_that_was_changed_is_refused_in_strict_mode(self):
        self.write("rules/main.md", "Be kind.\n")
        self.mounted("codex")
        self.write("views/codex.view.json", '{"show":["rules/*"]}')
        self.assertEqual("RTT0405", self.json("check", status=3)["problems"][0]["code"])
        self.assertEqual([], self.json("plan")["views_add"])  # the signed one stays in force
        self.assertTrue(os.path.exists(self.path(".codex/agents/reviewer.toml")))
        os.remove(self.path("views/codex.view.json.sig"))
        self.write("views/gemini.view.json", "{}")
        self.assertEqual([], self.json("plan")["views_add"])
        self.assertIn("views/gemini.view.json", json.dumps(self.json("check", status=3)["problems"]))
        self.run_rtt("sign", "--yes", check=0)
        self.assertEqual(["codex", "gemini"], [row["provider"] for row in self.json("plan")["views_add"]])

    def test_a_rollback_shows_what_was_shown_then_whatever_the_sources_are_now(self):
        self.write("rules/main.md", "Number 0.\n")
        self.mounted("codex")
        seqs = []
        for number in range(1, 4):
            self.write("rules/main.md", f"Number {number}.\n")
            self.run_rtt("sign", "--yes", check=0)
            self.json("plan")
            seqs.append(self.json("apply")["seq"])
        os.makedirs(self.path(".rtt/registry/views/trees/" + "0" * 64))  # of no commit
        self.json("rollback", str(seqs[1]))
        self.eventually(lambda: not os.path.exists(self.path(".rtt/registry/views/trees/" + "0" * 64)))
        self.assertEqual("Number 2.\n", self.text("AGENTS.md"))
        self.json("rollback", str(seqs[0]))
        self.assertEqual("Number 1.\n", self.text("AGENTS.md"))
        self.json("undo")
        self.assertEqual("Number 2.\n", self.text("AGENTS.md"))

    def test_mistakes(self):
        self.json("view", "import", ".claude", "--yes")
        self.assertIn("did you mean codex?", self.refused("RTT0105", 1, "view", "mount", "codx")["hint"])
        self.refused("RTT0105", 1, "view", "unmount", "codex")
        self.write("providers/providers.yaml", "providers:\n  house: {like: nobody}\n")
        self.run_rtt("sign", "--yes")
        unknown = self.refused("RTT0105", 1, "view", "mount", "house")
        self.assertIn("providers/providers.yaml", json.dumps(unknown))
        self.json("view", "mount", "gemini")
        there = self.refused("RTT0103", 2, "view", "mount", "gemini", "--env", "ci")
        self.assertIn("rtt sign views/gemini.view.json", there["hint"])
        self.refused("RTT0105", 1, "view", "why", "nothing.md")


if __name__ == "__main__":
    main()
