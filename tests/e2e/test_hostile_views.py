#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is shown to clients, made of the worst there is: each fault is named, the rest goes on, and nothing is lost."""
import json
import os
import socket
import unittest

from rtt_case import RttCase, main

AGENT = "---\nname: x\ndescription: d\n---\nDo.\n"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))


class Hostile(RttCase):
    def put(self, path, content=AGENT):
        """Also names that are no text."""
        path = os.path.join(os.fsencode(self.ws), path if isinstance(path, bytes) else path.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def told(self, body):
        return [(one["file"], one["message"]) for one in body["problems"]]

    def one_of(self, body, file, words):
        found = [message for name, message in self.told(body) if name.startswith(file)]
        self.assertTrue(any(words in message for message in found), f"{file}: {words}\n{json.dumps(body, indent=1)[:3000]}")

    def imported(self, *words):
        body = self.json("view", "import", *words, "--yes")
        return body, {row["path"] for row in body["files"]}

    def shown(self, *providers):
        self.ok("init", "--yes")
        self.run_rtt("sign", "--yes")
        body = self.json("view", "mount", *(providers or ("codex",)), timeout=120)
        self.assertEqual("committed", body["state"])
        return body


class Names(Hostile):
    def test_names_that_can_be_no_items(self):
        bad = ["a\nb", "a\u202eb", "x" * 250, "__proto__", "a..b", ".hidden", "sp ace", "-dash", "README"]
        for name in bad:
            self.put(f".claude/agents/{name}.md")
        self.put(b".claude/agents/\xff\xfe.md")
        self.put(".claude/skills/..x/SKILL.md")
        self.put(".claude/agents/good.md")
        body, files = self.imported(".claude")
        self.assertEqual({"agents/good.md"}, files)
        self.assertEqual(len(bad) + 2, len(body["problems"]))
        for _, message in self.told(body):
            self.assertRegex(message, "name|README.md is for people")
        # Shown to a person, nothing of a name can pose as something else.
        text = self.run_rtt("view", "import", ".claude", "--yes").out
        self.assertNotIn("\u202e", text)
        self.assertNotIn("a\nb", text)

    def test_names_that_differ_only_by_case(self):
        for name in ("Reviewer", "reviewer"):
            self.put(f"agents/{name}.md", AGENT.replace("x", name))
        self.one_of(self.shown(), "agents/reviewer.md", "differs from Reviewer (agents/Reviewer.md) only by case")

    def test_files_of_a_skill_that_no_view_can_have(self):
        self.put("skills/good/SKILL.md")
        for name, path in {"lines": "a\nb", "text": b"\xff", "deep": "d/" * 40 + "f", "git": "x/.GIT/config"}.items():
            folder = f"skills/{name}/".encode()
            self.put(folder + b"SKILL.md", AGENT.replace("x", name))
            self.put(folder + (path if isinstance(path, bytes) else path.encode()), "1")
        body = self.shown()
        self.one_of(body, "skills/lines/SKILL.md", "control character")
        self.one_of(body, "skills/text/SKILL.md", "not UTF-8")
        self.one_of(body, "skills/deep/SKILL.md", "deep")
        self.one_of(body, "skills/git/SKILL.md", "`.git` is git's own")
        self.assertEqual(["x"], os.listdir(self.path(".agents/skills")))


class Things(Hostile):
    def test_what_is_no_file_keeps_its_skill_away_whole(self):
        for name in ("pipe", "socket", "link", "big", "many", "good"):
            self.put(f".claude/skills/{name}/SKILL.md", AGENT.replace("x", name))
            self.put(f".claude/skills/{name}/run.sh", "1")
        os.mkfifo(self.path(".claude/skills/pipe/in"))
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        here = os.open(self.path(".claude/skills/socket"), os.O_PATH)
        listener.bind(f"/proc/self/fd/{here}/in")
        os.close(here)
        os.symlink(".", self.path(".claude/skills/link/self"))
        self.put(".claude/skills/big/big.bin", bytes((16 << 20) + 1))
        for number in range(1001):
            self.put(f".claude/skills/many/{number}", "1")
        body, files = self.imported(".claude")
        self.assertEqual({"skills/good/SKILL.md", "skills/good/run.sh"}, files)
        for file, words in {"pipe/in": "a pipe, socket or device", "socket/in": "a pipe, socket or device",
                            "link/self": "a symbolic link", "big/big.bin": "larger than 16777216",
                            "many/": "1002 files beside a skill; 1000 are the most"}.items():
            self.one_of(body, f".claude/skills/{file}", words)
        # The same where the workspace has them itself.
        os.rename(self.path(".claude/skills"), self.path("theirs"))
        for name in ("pipe", "socket", "link", "big", "many"):
            os.rename(self.path("theirs", name), self.path("skills", name))
        body = self.shown("claude")
        for name in ("pipe", "socket", "link", "big", "many"):
            self.one_of(body, f"skills/{name}/SKILL.md", "the skill is not shown")
        self.assertEqual(["good"], os.listdir(self.path(".claude/skills")))

    def test_links_in_circles(self):
        self.put("agents/x.md")
        os.symlink("../agents", self.path("agents/again"))
        os.makedirs(self.path("skills"))
        os.symlink("../skills", self.path("skills/loop"))
        os.makedirs(self.path(".claude/agents"))
        os.symlink("../agents", self.path(".claude/agents/again"))
        os.symlink("../../.claude", self.path(".claude/skills"))
        body, files = self.imported(".claude")
        self.assertEqual(set(), files)
        self.one_of(body, ".claude/agents/again", "a symbolic link")
        self.one_of(body, ".claude/skills", "a symbolic link")
        self.shown("claude")
        self.assertTrue(os.path.islink(self.path(".claude/agents/again")))
        self.assertIn("Do.", self.read(".claude/agents/x.md").decode())

    def test_what_cannot_be_read(self):
        if os.getuid() != 0:
            self.skipTest("files of somebody else are made by root")
        self.put(".claude/agents/good.md")
        self.put(".claude/agents/secret.md")
        self.put(".claude/commands/secret.md")
        os.chmod(self.path(".claude/agents/secret.md"), 0)
        os.chmod(self.path(".claude/commands"), 0)
        for folder, _, _ in os.walk(self.base):
            os.chown(folder, 65534, 65534)
        body = self.json("view", "import", ".claude", "--yes", user=65534)
        self.assertEqual(["agents/good.md"], [row["path"] for row in body["files"]])
        self.one_of(body, ".claude/agents/secret.md", "cannot open")
        self.one_of(body, ".claude/commands", "cannot")


class Texts(Hostile):
    def test_encodings(self):
        self.put(".claude/agents/bad.md", b"---\nname: x\ndescription: \xff\n---\nDo.\n")
        self.put(".claude/agents/mark.md", "\ufeff" + AGENT)
        self.put(".claude/agents/lines.md", AGENT.replace("\n", "\r\n"))
        self.put(".claude/agents/open.md", "---\nname: x\nDo.\n")
        self.put("CLAUDE.md", "\ufeffHi\r\nyou\r\n")
        body, files = self.imported()
        self.assertEqual({"agents/mark.md", "agents/lines.md", "rules/main.md"}, files)
        self.one_of(body, ".claude/agents/bad.md", "not UTF-8")
        self.one_of(body, ".claude/agents/open.md", "no closing line")
        self.assertEqual(self.read("agents/mark.md").replace(b"mark", b"lines"), self.read("agents/lines.md"))
        self.assertNotIn(b"\r", self.read("agents/lines.md"))
        self.assertEqual(b"Hi\nyou\n", self.read("rules/main.md"))

    def test_texts_that_are_too_large_or_grow(self):
        self.put(".claude/agents/big.md", AGENT + "x" * (1 << 20))
        self.put(".claude/agents/laughs.md", "---\nname: x\n" + LAUGHS + "---\nDo.\n")
        self.put(".claude/agents/deep.md", "---\nx: " + "[" * 10_000 + "]" * 10_000 + "\n---\nDo.\n")
        self.put(".codex/agents/deep.toml", "x = " + "[" * 10_000 + "]" * 10_000)
        self.put(".kiro/agents/deep.json", '{"a":' * 10_000 + "1" + "}" * 10_000)
        body, files = self.imported()
        self.assertEqual(set(), files)
        self.one_of(body, ".claude/agents/big.md", "at most 1048576 are read")
        self.one_of(body, ".claude/agents/laughs.md", "aliases grow too large")
        for file in (".claude/agents/deep.md", ".kiro/agents/deep.json"):
            self.one_of(body, file, "nested more than 64 levels deep")
        self.one_of(body, ".codex/agents/deep.toml", "")


class Overlays(Hostile):
    def fits_not(self, overlay, words, path="overlays/provider/codex/x.patch.json"):
        """Nothing is shown of what an overlay does not fit to, and what was shown stays."""
        self.put("agents/x.md")
        self.shown()
        before = self.read(".codex/agents/x.toml")
        self.put(path, overlay if isinstance(overlay, str) else json.dumps(overlay))
        self.run_rtt("sign", "--yes")
        body = self.json("view", "ls")
        self.one_of(body, path, words)
        self.json("plan")
        self.json("apply", timeout=120)
        self.assertEqual(before, self.read(".codex/agents/x.toml"))
        return body

    def test_a_merge_patch_ten_thousand_deep(self):
        self.put("agents/x.md")
        self.put("overlays/provider/codex/x.patch.json", '{"a":' * 10_000 + "1" + "}" * 10_000)
        self.ok("init", "--yes")
        self.one_of(self.json("scan"), "overlays/provider/codex/x.patch.json", "nested more than 64 levels deep")
        self.shown()
        self.assertTrue(os.path.exists(self.path(".codex/agents/x.toml")))

    def test_a_pointer_ten_thousand_deep(self):
        self.fits_not([{"op": "add", "path": "/metadata" + "/a" * 10_000, "value": 1}], "does not fit agent/x")

    def test_a_patch_that_builds_depth(self):
        self.fits_not([{"op": "add", "path": "/metadata" + "/a" * depth, "value": {}} for depth in range(200)],
                      "nested deeper")

    def test_a_patch_that_copies_itself(self):
        self.fits_not([{"op": "add", "path": "/metadata", "value": {"a": "x" * 1000}}] +
                      [{"op": "copy", "from": "/metadata", "path": f"/metadata/b{at}"} for at in range(40)],
                      "the patch writes more than")

    def test_overlays_for_nobody_change_nothing_and_are_told(self):
        self.put("agents/x.md")
        self.put("overlays/provider/nobody/x.patch.json", '{"model":"m"}')
        self.put("overlays/provider/codex/gone.patch.json", '{"model":"gpt-5"}')
        self.put("views/nobody.view.json", "{}")
        body = self.shown()
        self.one_of(body, "overlays/provider/nobody/x.patch.json", "no provider `nobody`")
        self.one_of(body, "overlays/provider/codex/gone.patch.json", "no agent/gone for this overlay")
        self.one_of(body, "views/nobody.view.json", "no provider `nobody`")
        self.assertIn("Do.", self.read(".codex/agents/x.toml").decode())


class Providers(Hostile):
    def test_places_that_collide_or_are_not_theirs(self):
        rows = {"one": "agents: .one/*.md, rules: .one/*.md", "two": "agents: ../x/*.md", "three": "agents: .git/*.md",
                "four": "agents: .rtt/*.md", "five": "agents: agents/*.md", "six": "skills: .six, agents: .six/x/*.md",
                "seven": "main_rules: .seven/a.md, agents: .seven/*.md", "eight": "agents: /tmp/*.md",
                "good": "agents: .good/agents/*.md"}
        self.put("agents/x.md")
        self.put("providers/providers.yaml", "providers:\n" + "".join(f"  {name}: {{like: claude, {row}}}\n"
                                                                       for name, row in rows.items()))
        self.ok("init", "--yes")
        self.run_rtt("sign", "--yes")
        known = {row["name"] for row in self.json("view", "ls", "--all")["known"]}
        self.assertEqual({"good"}, known & set(rows))
        body = self.json("view", "mount", "good", timeout=120)
        at = {one["line"]: one["message"] for one in body["problems"] if one["file"] == "providers/providers.yaml"}
        self.assertEqual(set(range(2, 2 + len(rows) - 1)), set(at))
        self.assertIn("lie in one place", at[2])
        self.assertIn("`.git` is git's own", at[4])
        self.assertIn("`agents` is the workspace's own folder", at[6])
        self.assertTrue(os.path.exists(self.path(".good/agents/x.md")))
        for name in ("one", "six"):
            self.refused("RTT0105", 1, "view", "mount", name)


if __name__ == "__main__":
    main()
