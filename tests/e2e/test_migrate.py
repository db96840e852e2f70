#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies that several AI clients have of the same items: found, made one, and put back byte for byte."""
import hashlib
import json
import os
import subprocess
import unittest

from rtt_case import RTT, RttCase, main

AGENTS = {"reviewer": ("Reviews code", "Look at the change.\nSay what is wrong."),
          "planner": ("Plans work", "Split it into steps."),
          "tester": ("Writes tests", "Each test must be able to fail.")}
SKILL = "---\nname: tidy\ndescription: Tidies up\nallowed-tools: Bash(git add:*) Read\n---\n\nRun scripts/tidy.sh.\n"
RULES = "# House rules\n\nBe kind.\n"


def toml(text):
    return json.dumps(text)


def client_files():
    """What seven clients' users had by hand: the same, but for a few lines."""
    files = {}
    for name, (what, text) in AGENTS.items():
        front = f"name: {name}\ndescription: {what}\n"
        files[f".claude/agents/{name}.md"] = f"---\n{front}tools: Read, Grep\nmodel: sonnet\n---\n\n{text}\n"
        files[f".codex/agents/{name}.toml"] = (f"name = {toml(name)}\ndescription = {toml(what)}\n"
                                               f"developer_instructions = {toml(text)}\n")
        files[f".gemini/agents/{name}.md"] = f"---\n{front}---\n{text}\n"
        files[f".opencode/agents/{name}.md"] = f"---\ndescription: '{what}'\nmode: subagent\n---\n\n{text}\n"
        files[f".cursor/agents/{name}.md"] = f"---\n{front}model: inherit\n---\n\n{text}\n"
        files[f".github/agents/{name}.agent.md"] = f"---\n{front}---\n\n{text}\n"
        files[f".vibe/agents/{name}.toml"] = (f'agent_type = "subagent"\ndisplay_name = "{name}"\n'
                                              f'description = "{what}"\nsystem_prompt_id = "{name}"\n')
        files[f".vibe/prompts/{name}.md"] = text + "\n"
    for folder in (".claude", ".agents", ".gemini", ".opencode", ".cursor", ".github", ".vibe"):
        files[f"{folder}/skills/tidy/SKILL.md"] = SKILL
        files[f"{folder}/skills/tidy/scripts/tidy.sh"] = "#!/bin/sh\nexit 0\n"
    for name in ("CLAUDE.md", "AGENTS.md", "GEMINI.md", ".github/copilot-instructions.md"):
        files[name] = RULES
    # Drifted since: a description, a prompt, and a model that is its client's alone.
    files[".cursor/agents/reviewer.md"] = files[".cursor/agents/reviewer.md"].replace("Reviews code", "Reviews it")
    files[".gemini/agents/planner.md"] += "And say when.\n"
    files[".codex/agents/tester.toml"] += 'model = "gpt-5"\n'
    # What is no copy of anything.
    files[".claude/settings.json"] = '{"model": "opus"}\n'
    files[".cursor/agents/README.txt"] = "Ours.\n"
    files[".claude/commands/fix.md"] = "---\ndescription: Mends\n---\n\nMend $ARGUMENTS\n"
    return files


class Clients(RttCase):
    def setUp(self):
        super().setUp()
        for name, text in client_files().items():
            self.write(name, text)
            if name.endswith(".sh"):
                os.chmod(self.path(name), 0o755)
        os.chmod(self.path(".codex/agents"), 0o750)
        os.chmod(self.path(".claude/agents/reviewer.md"), 0o600)
        for name in (".claude/agents/planner.md", ".vibe/prompts", "AGENTS.md"):
            os.utime(self.path(name), ns=(1_700_000_000_123_456_789, 1_700_000_001_987_654_321))

    def text(self, name):
        return self.read(name).decode()

    def tree(self, times=True):
        """Everything but .rtt and .git: kind, mode, time and bytes of each name."""
        out = {}
        for folder, folders, files in os.walk(self.ws):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in
                          (self.path(".rtt"), self.path(".git"))]
            for name in folders + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                content = (os.readlink(path) if os.path.islink(path) else "" if os.path.isdir(path) else
                           hashlib.sha256(self.read(path)).hexdigest())
                out[os.path.relpath(path, self.ws)] = (oct(info.st_mode), info.st_mtime_ns if times else 0, content)
        return out

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=self.ws, check=True,
                              capture_output=True, text=True, env={**self.me.env, "GIT_CONFIG_GLOBAL": "/dev/null"}).stdout

    def report(self, status):
        [tree] = self.json("dedupe", status=status)["trees"]
        return tree


class Dedupe(Clients):
    def test_copies_are_told_from_what_differs(self):
        before = self.tree()
        tree = self.report(4)
        self.assertEqual(["claude", "codex", "copilot", "cursor", "gemini", "opencode", "vibe"], tree["providers"])
        rows = {row["item"]: row for row in tree["items"]}
        self.assertEqual({"agent/planner", "agent/reviewer", "agent/tester", "command/fix", "rules/main", "skill/tidy"},
                         set(rows))
        states = {(item, one["providers"][0]): (one["state"], one["differs"])
                  for item, row in rows.items() for one in row["copies"]}
        self.assertEqual({("agent/reviewer", "cursor"): ("drifted", ["/description"]),
                          ("agent/planner", "gemini"): ("drifted", ["/instructions"]),
                          ("agent/tester", "codex"): ("more", ["/model"])},
                         {key: value for key, value in states.items() if value[0] != "same"})
        self.assertEqual([["claude"], ["codex", "cursor", "opencode", "vibe"], ["copilot"], ["gemini"]],
                         sorted(one["providers"] for one in rows["rules/main"]["copies"]))
        self.assertEqual(3 * 6 + 3 + 6, tree["duplicates"])
        self.assertEqual(2, tree["drifted"])
        files = [name for name in client_files() if name not in (".claude/settings.json", ".cursor/agents/README.txt")]
        self.assertEqual(sum(len(client_files()[name].encode()) for name in files), tree["bytes_before"])
        self.assertLess(tree["bytes_left"], 0.4 * tree["bytes_before"])
        # It is a function of the files, and touches nothing.
        self.assertEqual(self.run_rtt("dedupe", "--json").out, self.run_rtt("dedupe", "--json").out)
        self.assertEqual(before, self.tree())
        self.assertFalse(os.path.exists(self.path(".rtt")))
        self.assertIn("drifted .cursor/agents/reviewer.md", self.run_rtt("dedupe", "--report", check=4).out)

    def test_the_preferred_client_decides(self):
        [tree] = self.json("dedupe", "--prefer", "cursor", status=4)["trees"]
        self.assertEqual({"cursor"}, {row["from"] for row in tree["items"]} - {"claude"})
        self.assertIn("--prefer claude|codex", self.refused("RTT0105", 1, "dedupe", "--prefer", "zed")["hint"])

    def test_nothing_twice_is_no_finding(self):
        os.makedirs(os.path.join(self.base, "empty"))
        self.assertEqual([], self.json("dedupe", os.path.join(self.base, "empty"))["trees"][0]["items"])
        both = self.json("dedupe", self.ws, os.path.join(self.base, "empty"), status=4)
        self.assertEqual(2, len(both["trees"]))
        self.refused("RTT0105", 1, "dedupe", "nowhere")


class Migrate(Clients):
    def what_clients_read(self):
        """Each client's own files, as items, read by a workspace of its own."""
        out = {}
        for client in ("claude", "codex", "copilot", "cursor", "gemini", "opencode", "vibe"):
            place = os.path.join(self.base, "read-" + client + os.urandom(4).hex())
            subprocess.run(["cp", "-rL", self.ws, place], check=True)
            for name in os.listdir(place):
                if not name.startswith(".") and not name.endswith(".md") or name == ".rtt":
                    subprocess.run(["rm", "-r", os.path.join(place, name)], check=True)
            self.json("view", "import", "--from", client, "--yes", ws=place)
            out[client] = {}
            for folder, _, files in os.walk(place):
                for name in files:
                    path = os.path.relpath(os.path.join(folder, name), place)
                    if path.split("/")[0] in ("agents", "skills", "rules", "commands") and not name.endswith(".sig"):
                        out[client][path] = self.read(path, ws=place)
        return out

    def test_every_client_reads_what_it_read_and_nothing_is_there_twice(self):
        had = self.what_clients_read()
        asked = self.run_rtt("migrate", check=3)
        self.assertIn("agent/reviewer: agents/reviewer.md from ", str(asked))
        self.assertFalse(os.path.exists(self.path("agents")))
        dry = self.json("migrate", "--dry-run")
        self.assertEqual("planned", dry["result"])
        self.assertFalse(os.path.exists(self.path(".rtt")))
        done = self.json("migrate", "--yes", timeout=120)
        self.assertEqual(("migrated", "committed", []), (done["result"], done["state"], done["left"]))
        self.assertEqual(dry["written"], done["written"])
        self.assertEqual(0, self.report(0)["duplicates"])
        self.assertTrue(os.path.islink(self.path(".codex/agents")))
        self.assertTrue(os.path.isfile(self.path(".cursor/agents/README.txt")))
        self.assertEqual('{"model": "opus"}\n', self.text(".claude/settings.json"))
        has = self.what_clients_read()
        for client, files in had.items():
            for path, content in files.items():
                self.assertEqual(content.decode(), has[client][path].decode(), f"{client} {path}")
        self.assertIn("Reviews it", self.text(".cursor/agents/reviewer.md"))
        self.assertIn("Reviews code", self.text(".gemini/agents/reviewer.md"))
        self.assertIn("gpt-5", self.text(".codex/agents/tester.toml"))
        self.assertFalse(self.json("view", "diff")["differs"])
        # Once more there is nothing to do.
        self.assertEqual("nothing", self.json("migrate", "--yes")["result"])

    def test_undo_gives_every_byte_mode_and_time_back(self):
        before = self.tree()
        self.json("migrate", "--yes", timeout=120)
        self.assertNotEqual(before, self.tree())
        self.run_rtt("migrate", "--undo", check=3)
        back = self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(("undone", []), (back["result"], back["left"]))
        self.assertEqual(before, self.tree())
        self.refused("RTT0105", 1, "migrate", "--undo", "--yes")
        # And forth again.
        self.assertEqual("migrated", self.json("migrate", "--yes", timeout=120)["result"])
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(before, self.tree())

    def test_big_files_beside_a_skill_come_back(self):
        for folder in (".claude", ".agents", ".gemini", ".opencode", ".cursor", ".github", ".vibe"):
            self.write(f"{folder}/skills/tidy/data.bin", b"x" * (2 << 20))
        before = self.tree()
        self.assertEqual("migrated", self.json("migrate", "--yes", timeout=120)["result"])
        self.assertEqual(2 << 20, os.path.getsize(self.path("skills/tidy/data.bin")))
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(before, self.tree())

    def test_an_undo_whose_plan_fails_keeps_everything_and_is_done_again(self):
        before = self.tree()
        self.json("migrate", "--yes", timeout=120)
        now = self.path(".rtt/registry/views/now")
        os.rename(now, now + ".aside")
        self.write(".rtt/registry/views/now/in-the-way", "")  # no set can be flipped to
        failed = self.json("migrate", "--undo", "--yes", timeout=120, status=None)
        self.assertIn("error", failed)
        self.assertIn("rtt migrate --undo", failed["error"]["hint"])
        kept = [line for line in failed["error"].get("causes", []) if "/files" in line]
        self.assertNotEqual([], kept, failed)
        self.assertTrue(os.path.exists(kept[0].split(" lie in ")[1] + "/CLAUDE.md"), failed)
        os.remove(self.path(".rtt/registry/views/now/in-the-way"))
        os.rmdir(now)
        os.rename(now + ".aside", now)
        self.assertEqual("undone", self.json("migrate", "--undo", "--yes", timeout=120)["result"])
        self.assertEqual(before, self.tree())

    def test_what_a_private_view_holds_is_nobodys(self):
        self.json("init", "--yes")
        self.write("agents/extra.md", "---\nname: extra\ndescription: More\n---\nDo it.\n")
        self.ok("sign", "--yes")
        before = self.json("dedupe", status=None)
        run = subprocess.Popen([RTT, "run", "--provider", "claude", "--", "sh", "-c", "echo there; read line; true"],
                               cwd=self.ws, env=self.me.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(run.wait)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.stdin.close)
        self.assertEqual("there\n", run.stdout.readline())
        self.assertTrue(os.path.exists(self.path(".claude/agents/extra.md")))  # an empty file, for the mount
        self.assertEqual(before, self.json("dedupe", status=None))
        taken = self.json("view", "import", ".claude", status=None)
        self.assertNotIn("extra", json.dumps(taken))

    def test_what_was_edited_since_is_not_lost(self):
        self.json("migrate", "--yes", timeout=120)
        self.write("CLAUDE.md", "Mine now.\n")
        refused = self.refused("RTT0414", 3, "migrate", "--undo", "--yes")
        self.assertIn("CLAUDE.md", refused["message"])
        os.rename(self.path("CLAUDE.md"), self.path("mine.md"))
        self.write("agents/reviewer.md", "---\nname: reviewer\n---\nAnew.\n")
        back = self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual([["agents/reviewer.md"]], [one["files"] for one in back["left"]])
        self.assertEqual(RULES, self.text("CLAUDE.md"))
        self.assertIn("Anew.", self.text("agents/reviewer.md"))

    def test_what_git_tracks_stays_real_files(self):
        self.git("init", "-q")
        self.git("add", ".claude", "AGENTS.md")
        self.git("commit", "-qm", "mine")
        before, status = self.tree(), self.git("status", "--porcelain")
        self.json("migrate", "--yes", timeout=120)
        for name in (".claude/agents/reviewer.md", ".claude/skills/tidy/SKILL.md", "AGENTS.md"):
            self.assertTrue(os.path.isfile(self.path(name)) and not os.path.islink(self.path(name)), name)
        self.assertFalse(os.path.islink(self.path(".claude/agents")))
        self.assertTrue(os.path.islink(self.path(".codex/agents")))
        self.assertEqual([], [line for line in self.git("status", "--porcelain").splitlines()
                              if line.startswith((" D", "D", " T"))])
        self.assertEqual(0, self.report(0)["duplicates"])
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(before, self.tree())
        self.assertEqual(status, self.git("status", "--porcelain").replace("?? .rtt/\n", ""))

    def test_a_workspace_that_has_an_item_keeps_it(self):
        self.write("agents/reviewer.md", "---\nname: reviewer\ndescription: Reviews code\n---\nMine.\n")
        self.ok("init", "--yes")
        self.ok("sign", "--yes")
        self.write("agents/planner.md", "---\nname: planner\n---\nUnsigned.\n")
        mine = self.text("agents/reviewer.md")
        done = self.json("migrate", "--yes", timeout=120)
        self.assertEqual(mine, self.text("agents/reviewer.md"))
        self.assertIn("Look at the change.", self.text(".claude/agents/reviewer.md"))
        left = [name for one in done["left"] for name in one["files"]]
        self.assertIn(".claude/agents/planner.md", left)
        self.assertIn("Plans work", self.text(".claude/agents/planner.md"))
        self.assertIn("Unsigned.", self.text("agents/planner.md"))
        self.assertTrue(os.path.isfile(self.path(".codex/agents/planner.toml")))

    def test_scripts_that_differ_stay_until_one_is_preferred(self):
        self.write(".cursor/skills/tidy/scripts/tidy.sh", "#!/bin/sh\nexit 1\n")
        done = self.json("migrate", "--yes", timeout=120)
        [left] = done["left"]
        self.assertEqual([".cursor/skills/tidy/SKILL.md", ".cursor/skills/tidy/scripts/tidy.sh"], left["files"])
        self.assertEqual("#!/bin/sh\nexit 1\n", self.text(".cursor/skills/tidy/scripts/tidy.sh"))
        self.assertEqual(1, self.report(4)["duplicates"])
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.write(".claude/skills/tidy/scripts/more.sh", "#!/bin/sh\n")
        done = self.json("migrate", "--yes", "--prefer", "cursor", timeout=120)
        self.assertEqual([], done["left"])
        self.assertEqual("#!/bin/sh\nexit 1\n", self.text(".claude/skills/tidy/scripts/tidy.sh"))
        self.assertEqual(0, self.report(0)["duplicates"])

    def test_a_folder_that_holds_more_than_its_skill_stays(self):
        os.makedirs(self.path(".cursor/skills/tidy/.git/objects"))
        os.makedirs(self.path(".gemini/skills/tidy/empty"))
        before = self.tree()
        done = self.json("migrate", "--yes", timeout=120)
        self.assertEqual([".cursor/skills/tidy/SKILL.md", ".gemini/skills/tidy/SKILL.md"],
                         sorted(one["file"] for one in done["problems"]))
        for name in (".cursor", ".gemini"):
            self.assertEqual(SKILL, self.text(f"{name}/skills/tidy/SKILL.md"))
            self.assertFalse(os.path.islink(self.path(name, "skills/tidy")))
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(before, self.tree())

    def test_links_are_left_as_they_are(self):
        subprocess.run(["rm", "-r", self.path(".cursor/skills")], check=True)
        os.symlink("../.agents/skills", self.path(".cursor/skills"))
        before = self.tree()
        done = self.json("migrate", "--yes", timeout=120)
        self.assertTrue(os.path.islink(self.path(".cursor/skills")))
        self.assertIn("a symbolic link", json.dumps(done["problems"]))
        self.assertEqual(SKILL, self.text(".cursor/skills/tidy/SKILL.md"))
        self.json("migrate", "--undo", "--yes", timeout=120)
        self.assertEqual(before, self.tree())

    def test_a_migration_killed_anywhere_is_undone_by_the_next_run(self):
        before = self.tree()
        # A first whole one makes .rtt and tells how many steps there are.
        self.json("migrate", "--yes", timeout=120)
        self.json("migrate", "--undo", "--yes", timeout=120)
        states = set()
        for cut in (0, 1, 7, 23, 41, 60):
            self.killed_after(cut)
            states.add(os.path.exists(self.path(".claude/agents/reviewer.md")))
            # Cut before anything or done with everything, there is nothing to mend; else the next run says so.
            asked = self.run_rtt("migrate")
            self.assertIn(asked.status, (0, 3), str(asked))
            if "not finished" in str(asked):
                self.assertEqual("undone", self.json("migrate", "--yes", timeout=120)["result"])
            else:
                back = self.run_rtt("migrate", "--undo", "--yes", timeout=120)
                self.assertIn(back.status, (0, 1), str(back))
            self.assertEqual(before, self.tree(), f"cut after {cut} moves")
        self.assertEqual({True, False}, states)

    def killed_after(self, moves):
        """Kills a migration as soon as so many files lie aside."""
        replaced = self.path(".rtt/registry/views/replaced")
        process = subprocess.Popen([RTT, "migrate", "--yes"], cwd=self.ws, env=self.me.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def aside():
            return sum(len(files) for folder, _, files in os.walk(replaced) if "/files" in folder)

        while process.poll() is None and not (os.path.exists(replaced) and aside() >= moves):
            pass
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
