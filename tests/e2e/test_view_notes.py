#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What keeps a view from being what it is to be is told by every verb that looks: places that could not be made, files of
the project's own, edits in what is shown, overlays that do not fit, and a mount or image that is not there."""
import os
import re
import subprocess

from rtt_case import RTT, RttCase, main

AGENT = "---\nname: {name}\ndescription: {words}\n---\n\nLook at it.\n"


class ViewNotes(RttCase):
    def setUp(self):
        super().setUp()
        self.json("init", "--yes")
        self.agent("reviewer", "Reviews code")
        self.agent("planner", "Plans")
        self.run_rtt("sign", "--yes", check=0)
        self.addCleanup(self.open_all)
        self.closed = []

    def agent(self, name, words):
        self.write(f"agents/{name}.md", AGENT.format(name=name, words=words))

    def text(self, name):
        return self.read(name).decode()

    def close_folder(self, name):
        """Nothing can be made there, whoever tries."""
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        if os.getuid() != 0:
            os.chmod(path, 0o555)
        elif subprocess.run(["mount", "--bind", path, path], check=False, capture_output=True).returncode != 0:
            self.skipTest("no bind mounts here")
        else:
            subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        self.closed.append(path)

    def open_all(self):
        while self.closed:
            path = self.closed.pop()
            if os.getuid() != 0:
                os.chmod(path, 0o755)
            else:
                subprocess.run(["umount", path], check=True)

    def mechanism(self, name):
        text = self.text(".rtt/panel.yaml")
        changed = re.sub(r"mechanism: \w+", f"mechanism: {name}", text)
        self.assertIn(f"mechanism: {name}", changed)
        self.write(".rtt/panel.yaml", changed)

    def views(self, verb, status=0):
        return {row["provider"]: row for row in self.json("view", verb, status=status)["views"]}

    def drift(self, provider, status=4):
        return [(one["path"], one["state"]) for one in self.views("diff", status)[provider]["drift"]]

    def doctor(self, status=0):
        [views] = [row for row in self.json("doctor", status=status)["checks"] if row["name"] == "views"]
        return views

    def save(self, name, text):
        """As an editor does: the old file goes, a new one comes."""
        target = os.path.realpath(self.path(name))
        os.chmod(os.path.dirname(target), 0o755)
        if os.path.exists(target):
            os.remove(target)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)

    def aside(self, answer):
        return [note for note in answer.get("view_notes", []) if note["state"] == "set_aside"]

    def test_a_place_that_cannot_be_made_is_told_and_made_by_the_next_apply(self):
        self.close_folder(".codex")
        mounted = self.json("view", "mount", "codex", status=1, timeout=120)
        self.assertEqual("committed", mounted["state"])
        self.assertEqual([".codex/agents"], [one["path"] for one in mounted["views"][0]["kept"]])
        self.assertEqual([], mounted["views"][0]["places"])
        self.assertEqual([("codex", ".codex/agents", "not_placed")],
                         [(one["provider"], one["path"], one["state"]) for one in mounted["view_notes"]])
        self.assertEqual([(".codex/agents", "gone")], self.drift("codex"))
        self.assertIn(".codex/agents", str(self.views("ls")["codex"]["drift"]))
        self.assertEqual("fail", self.doctor(1)["state"])
        again = self.run_rtt("apply", check=1)
        self.assertIn("not placed .codex/agents", again.out)
        self.open_all()
        applied = self.json("apply")
        self.assertEqual("unchanged", applied["state"])
        self.assertNotIn("view_notes", applied)
        self.assertIn("Reviews code", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual([], self.drift("codex", 0))
        self.assertEqual("ok", self.doctor()["state"])

    def test_what_a_client_saved_in_what_is_shown_outlives_a_flip_and_an_undo(self):
        self.json("view", "mount", "codex", "opencode", timeout=120)
        shown = self.text(".opencode/agents/planner.md")
        self.save(".opencode/agents/planner.md", "mine\n")
        self.assertEqual([(".opencode/agents/planner.md", "changed")], self.drift("opencode"))
        self.assertEqual([], self.views("diff", 4)["opencode"]["changes"])
        self.assertEqual([(".opencode/agents/planner.md", "changed")],
                         [(one["path"], one["state"]) for one in self.views("ls")["opencode"]["drift"]])
        self.assertEqual("warn", self.doctor()["state"])
        self.agent("planner", "Plans more")
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        applied = self.json("apply", timeout=120)
        [note] = self.aside(applied)
        self.assertEqual("opencode", note["provider"])
        self.assertEqual("mine\n", self.text(note["path"]))
        self.assertIn("Plans more", self.text(".opencode/agents/planner.md"))
        self.assertIn(os.path.dirname(note["path"]).split("/.opencode")[0], self.json("view", "ls")["set_aside"])
        self.assertEqual("committed", self.json("undo", timeout=120)["state"])
        self.assertEqual(shown, self.text(".opencode/agents/planner.md"))
        self.assertEqual([], self.drift("opencode"))  # what is pending is none
        self.assertEqual("mine\n", self.text(note["path"]))

    def test_a_file_is_named_through_whatever_leads_to_the_workspace(self):
        self.json("view", "mount", "opencode", timeout=120)
        os.symlink(self.ws, self.ws + "-too")
        self.addCleanup(os.remove, self.ws + "-too")
        name = ".opencode/agents/planner.md"
        for root in (self.ws, self.ws + "-too"):
            self.assertEqual(name, self.json("view", "why", f"{root}/{name}")["path"])
            self.json("view", "pull", f"{root}/{name}")
        self.refused("RTT0304", 1, "view", "why", f"/{name}")

    def test_an_edit_in_a_view_that_stays_is_set_aside_too(self):
        self.json("view", "mount", "codex", "opencode", timeout=120)
        self.save(".opencode/agents/planner.md", "mine\n")
        self.write("overlays/provider/codex/planner.patch.json", '{"description":"For Codex"}')
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        [note] = self.aside(self.json("apply", timeout=120))
        self.assertEqual(("opencode", "mine\n"), (note["provider"], self.text(note["path"])))
        self.assertIn("Plans", self.text(".opencode/agents/planner.md"))

    def test_unmount_tells_of_edits_and_keeps_them(self):
        self.write("rules/main.md", "Be kind.\n")
        self.run_rtt("sign", "--yes", check=0)
        self.json("view", "mount", "codex", timeout=120)
        self.save(".codex/agents/planner.toml", "mine\n")
        self.save(".codex/agents/new.toml", "new\n")
        self.write("AGENTS.md", "Be quick.\n")
        gone = self.json("view", "unmount", "codex", timeout=120)
        self.assertEqual({"new\n", "mine\n"}, {self.text(note["path"]) for note in self.aside(gone)})
        self.assertEqual(["AGENTS.md"], [one["path"] for one in gone["view_notes"] if one["state"] == "left"])
        self.assertEqual("Be quick.\n", self.text("AGENTS.md"))
        self.assertFalse(os.path.exists(self.path(".codex")))

    def test_an_unmount_that_goes_back_leaves_the_view_file(self):
        self.json("view", "mount", "codex", timeout=120)
        shown = self.text(".codex/agents/planner.toml")
        names = ["views/codex.view.json", "views/codex.view.json.sig"]
        before = [self.text(name) for name in names]
        self.close_folder(".codex")
        answer = self.json("view", "unmount", "codex", status=5, timeout=120)
        self.assertEqual(("rolled_back", []), (answer["state"], answer["removed"]))
        self.assertEqual(before, [self.text(name) for name in names])
        self.open_all()
        self.assertEqual("unchanged", self.json("up", "--yes", timeout=120)["state"])
        self.assertEqual(shown, self.text(".codex/agents/planner.toml"))
        self.json("view", "unmount", "codex", timeout=120)
        self.assertFalse(os.path.exists(self.path(".codex")))

    def test_an_edit_is_seen_where_a_pack_has_the_same_tree(self):
        for i in range(2100):  # more than are shown as real files where there is a mount: a pack is kept of them
            self.write(f"skills/big{i % 3}/{i}.txt", str(i))
        for i in range(3):
            self.write(f"skills/big{i}/SKILL.md", f"---\nname: big{i}\ndescription: Has much\n---\nRead them.\n")
        self.mechanism("links")
        self.run_rtt("sign", "--yes", check=0)
        self.json("view", "mount", "opencode", timeout=170)
        self.assertNotEqual([], os.listdir(self.path(".rtt/registry/views/packs")))
        self.save(".opencode/agents/planner.md", "mine\n")
        self.save(".opencode/agents/new.md", "new\n")
        self.assertIn((".opencode/agents/planner.md", "changed"), self.drift("opencode"))
        self.json("eject", "--yes", timeout=170)
        self.assertEqual(("mine\n", "new\n"),
                         (self.text(".opencode/agents/planner.md"), self.text(".opencode/agents/new.md")))

    def test_what_is_written_while_an_apply_runs_is_not_lost(self):
        self.mechanism("copies")
        for i in range(300):
            self.agent(f"a{i:03}", "before")
        self.run_rtt("sign", "--yes", check=0)
        self.json("view", "mount", "opencode", timeout=120)
        for i in range(300):
            self.agent(f"a{i:03}", "after")
        self.run_rtt("sign", "--yes", check=0)
        self.json("plan")
        first, last = (self.path(f".opencode/agents/a{i:03}.md") for i in (0, 299))
        was = os.stat(first).st_ino
        with subprocess.Popen([RTT, "apply"], cwd=self.ws, env=self.me.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as apply:
            while os.stat(first).st_ino == was and apply.poll() is None:
                pass
            with open(last, "a", encoding="utf-8") as file:
                file.write("MINE\n")
            out = apply.communicate(timeout=120)[0].decode()
        self.assertTrue(self.text(".opencode/agents/a299.md").endswith("MINE\n"), out)
        self.assertEqual([(".opencode/agents/a299.md", "changed")], self.drift("opencode"))
        if apply.returncode != 0:  # it was written before its turn came
            self.assertEqual(1, apply.returncode, out)
            self.assertIn("a299.md", out)
        self.assertEqual([], [name for name in os.listdir(self.path(".opencode/agents")) if name.startswith(".tmp")])

    def test_a_file_of_the_projects_own_that_says_something_else_is_drift(self):
        self.write(".opencode/agents/planner.md", "---\ndescription: My own\nmode: subagent\n---\n\nLook at it.\n")
        self.json("view", "mount", "opencode", timeout=120)
        self.assertEqual([(".opencode/agents/planner.md", "own")], self.drift("opencode"))
        self.assertIn(".opencode/agents/planner.md", str(self.views("ls")["opencode"]["drift"]))
        self.assertEqual("warn", self.doctor()["state"])
        self.assertIn("My own", self.text(".opencode/agents/planner.md"))
        # The same in other bytes is none.
        self.write(".opencode/agents/planner.md", "---\nmode: subagent\ndescription: 'Plans'\n---\n\nLook at it.\n")
        self.assertEqual([], self.drift("opencode", 0))
        self.assertEqual("ok", self.doctor()["state"])

    def test_an_overlay_that_does_not_fit_is_an_error_wherever_it_is_looked_for(self):
        self.json("view", "mount", "codex", timeout=120)
        self.write("overlays/provider/codex/planner.patch.json", '[{"op":"remove","path":"/nothing"}]')
        self.write("overlays/provider/gemini/planner.patch.json", '[{"op":"remove","path":"/nothing"}]')
        self.run_rtt("sign", "--yes", check=0)
        problems = self.json("check", status=1)["problems"]
        self.assertIn("overlays/provider/codex/planner.patch.json", [one["file"] for one in problems])
        self.assertEqual("broken", self.views("diff", 4)["codex"]["state"])
        self.assertEqual("fail", self.doctor(1)["state"])
        refused = self.run_rtt("view", "mount", "gemini", "--json", check=1)
        self.assertIn("overlays/provider/gemini/planner.patch.json", refused.out)
        self.assertFalse(os.path.exists(self.path("views/gemini.view.json")))
        self.json("view", "mount", "codex", status=1, timeout=120)

    def test_a_view_file_that_shows_nothing_of_what_it_names_is_told(self):
        self.json("view", "mount", "codex", timeout=120)
        self.write("views/codex.view.json", '{"show":["agents/*"]}')
        self.assertIn("did you mean agent/", self.run_rtt("sign", "--yes").text)
        self.assertIn("Plans", self.text(".codex/agents/planner.toml"))
        for text, word in (('{"show":["agent/nope","agent/planner"]}', "agent/nope"), ('{"env":"nosuch"}', "nosuch")):
            self.write("views/codex.view.json", text)
            self.run_rtt("sign", "--yes", check=0)
            told = [one["message"] for one in self.json("view", "ls")["problems"] if one["file"] == "views/codex.view.json"]
            self.assertIn(word, str(told), text)
        told = self.json("view", "mount", "opencode", "--env", "nosuch", timeout=120)["problems"]
        self.assertIn("nosuch", str(told))


if __name__ == "__main__":
    main()
