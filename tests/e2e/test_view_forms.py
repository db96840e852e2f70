#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How views come into a project: hard links, copies and EROFS images, from one to another, and who is woken."""
import ctypes
import os
import re
import select
import struct
import subprocess

from rtt_case import RttCase, main

AGENT = "---\nname: {name}\nsaddr: rtt://common/agent/{name}@1.0.{version}\ndescription: Reviews code\n---\nVersion {version}.\n"
SKILL = "---\nname: tidy\ndescription: Tidies up\n---\n\nRun it.\n"  # as views have it


class Watch:
    """inotify of one folder: the names of its events."""
    MOVED_TO, CREATE, DELETE = 0x80, 0x100, 0x200

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self.fd, os.fsencode(folder), self.MOVED_TO | self.CREATE | self.DELETE) < 0:
            raise OSError(ctypes.get_errno(), folder)

    def events(self):
        found = []
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 65536)
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                found.append((mask, data[16:16 + length].rstrip(b"\0").decode()))
                data = data[16 + length:]
        return found

    def close(self):
        os.close(self.fd)


class ViewForms(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.write("agents/reviewer.md", AGENT.format(name="reviewer", version=1))
        self.write("skills/tidy/SKILL.md", SKILL)
        self.write("rules/main.md", "Be kind.\n")
        self.ok("sign", "--yes")
        self.addCleanup(self.unmount_all)

    def unmount_all(self):
        for place in self.images():
            subprocess.run(["umount", "-l", place], check=False)

    def images(self):
        with open("/proc/self/mounts", encoding="utf-8") as file:
            rows = [line.split() for line in file]
        return [row[1] for row in rows if row[2] == "erofs" and self.base in row[0] + row[1]]

    def mechanism(self, word):
        text = self.read(".rtt/panel.yaml").decode()
        self.write(".rtt/panel.yaml", re.sub(r"mechanism: \w+", f"mechanism: {word}", text))
        self.ok("sign", "--yes")

    def version(self, number, name="reviewer"):
        self.write(f"agents/{name}.md", AGENT.format(name=name, version=number))
        self.ok("sign", "--yes")
        self.json("plan")
        return self.json("apply", timeout=120)

    def text(self, name):
        return self.read(name).decode()

    def links(self):
        return [os.path.join(folder, name) for folder, folders, files in os.walk(self.ws)
                for name in [*folders, *files] if os.path.islink(os.path.join(folder, name)) and "/.rtt/" not in folder + "/"]

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=self.ws, check=True,
                              capture_output=True, text=True, env={**self.me.env, "GIT_CONFIG_GLOBAL": "/dev/null"}).stdout

    def shown_by(self, word, *providers):
        self.mechanism(word)
        done = self.json("view", "mount", *providers, timeout=120)
        if word == "erofs" and done["shown"]["mechanism"] != "erofs":
            self.assertRegex(done["shown"]["why"], "^erofs cannot be had: ")
            self.skipTest(done["shown"]["why"])
        self.assertEqual({"mechanism": word, "why": "panel.yaml asks for it"}, done["shown"])
        return done

    def test_hard_links_share_the_stores_files_and_no_symbolic_link_is_made(self):
        self.git("init", "-q")
        self.shown_by("hardlinks", "codex", "claude")
        self.assertEqual([], self.links())
        for name in (".codex/agents/reviewer.toml", ".agents/skills/tidy/SKILL.md", ".claude/agents/reviewer.md"):
            self.assertGreater(os.stat(self.path(name)).st_nlink, 1, name)
        self.assertEqual(1, os.stat(self.path("AGENTS.md")).st_nlink)
        rows = {row["provider"]: row["mechanism"] for row in self.json("view", "ls")["views"]}
        self.assertEqual({"claude": "hard links and copies", "codex": "hard links and copies"}, rows)
        self.git("add", "agents", "skills", "rules", "views", ".rtt")
        self.assertEqual([], [line for line in self.git("status", "--porcelain").splitlines() if not line.startswith("A ")])
        self.assertEqual("committed", self.version(2)["state"])
        self.assertIn("Version 2.", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual("committed", self.json("undo")["state"])
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.json("view", "unmount", "codex", "claude")
        for name in (".codex", ".claude", ".agents", "AGENTS.md"):
            self.assertFalse(os.path.exists(self.path(name)), name)

    def test_an_edit_in_place_is_told_and_kept_and_the_store_is_made_whole(self):
        self.shown_by("hardlinks", "codex", "claude")
        edited = self.path(".claude/skills/tidy/SKILL.md")
        os.chmod(edited, 0o644)
        with open(edited, "a", encoding="utf-8") as file:
            file.write("mine\n")
        drift = {(row["provider"], one["path"]) for row in self.json("view", "diff", status=4)["views"] for one in row["drift"]}
        self.assertLessEqual({("claude", ".claude/skills/tidy/SKILL.md"), ("codex", ".agents/skills/tidy/SKILL.md")}, drift)
        self.assertEqual("committed", self.version(2)["state"])
        self.assertIn("Version 2.", self.text(".claude/agents/reviewer.md"))
        self.assertEqual(SKILL + "mine\n", self.text(".claude/skills/tidy/SKILL.md"))
        for provider, folder in (("claude", ".claude"), ("codex", ".agents")):
            self.assertEqual(SKILL, self.text(f".rtt/registry/views/now/{provider}/{folder}/skills/tidy/SKILL.md"))
        self.json("view", "unmount", "codex", "claude")
        self.assertEqual(SKILL + "mine\n", self.text(".claude/skills/tidy/SKILL.md"))
        self.assertFalse(os.path.exists(self.path(".claude/agents")))

    def test_copies_are_files_of_their_own(self):
        self.shown_by("copies", "codex", "claude")
        self.assertEqual([], self.links())
        for name in (".codex/agents/reviewer.toml", ".agents/skills/tidy/SKILL.md", ".claude/skills/tidy/SKILL.md"):
            self.assertEqual(1, os.stat(self.path(name)).st_nlink, name)
        self.write(".claude/skills/tidy/SKILL.md", "mine\n")
        self.assertEqual("committed", self.version(2)["state"])
        self.assertEqual("mine\n", self.text(".claude/skills/tidy/SKILL.md"))
        self.assertEqual(SKILL, self.text(".agents/skills/tidy/SKILL.md"))
        self.assertIn("Version 2.", self.text(".codex/agents/reviewer.toml"))

    def test_an_image_is_read_through_the_projects_links_and_cannot_be_written(self):
        self.shown_by("erofs", "codex", "claude")
        [mount] = self.images()
        for name in (".codex/agents", ".claude/agents", ".claude/skills", ".agents/skills"):
            self.assertTrue(os.path.realpath(self.path(name)).startswith(mount + "/"), name)
        self.assertFalse(os.path.exists(self.path(".rtt/registry/views/trees")))
        with self.assertRaises(OSError):
            open(self.path(".codex/agents/reviewer.toml"), "a")  # pylint: disable=consider-using-with
        old = os.open(self.path(".codex/agents/reviewer.toml"), os.O_RDONLY)
        self.assertEqual("committed", self.version(2)["state"])
        self.assertIn("Version 2.", self.text(".claude/agents/reviewer.md"))
        self.assertIn(b"Version 1.", os.read(old, 4096))
        os.close(old)
        self.assertFalse(self.json("view", "diff")["differs"])
        self.assertEqual(1, len(self.images()))
        self.assertNotEqual([mount], self.images())
        self.assertEqual("committed", self.json("undo")["state"])
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.ok("down")
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        # As the machine's next start leaves it.
        self.unmount_all()
        self.assertFalse(self.json("view", "ls")["shown"]["readable"])
        for row in self.json("view", "diff", status=4)["views"]:
            self.assertEqual(["unreadable"], [one["state"] for one in row["drift"]])
        self.json("panel", "start", timeout=120)
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.json("view", "unmount", "codex", "claude")
        self.assertEqual([], self.images())

    def test_a_living_workspace_goes_from_each_to_each(self):
        self.write(".claude/settings.json", "{}\n")
        self.json("view", "mount", "codex", "claude", timeout=120)
        names = (".codex/agents/reviewer.toml", ".claude/skills/tidy/SKILL.md", "CLAUDE.md", ".agents/skills/tidy/SKILL.md")
        texts = [self.text(name) for name in names]
        for word in ("hardlinks", "erofs", "copies", "hardlinks", "links", "copies", "erofs", "links"):
            self.mechanism(word)
            done = self.json("apply", timeout=120)
            if done["shown"]["mechanism"] != word:  # no EROFS here
                self.assertEqual(("erofs", "links"), (word, done["shown"]["mechanism"]))
            self.assertEqual(texts, [self.text(name) for name in names], word)
            self.assertFalse(self.json("view", "diff")["differs"], word)
            self.assertEqual(word in ("links", "erofs"), os.path.islink(self.path(".codex/agents")), word)
            self.assertEqual(word == "erofs" and done["shown"]["mechanism"] == "erofs", bool(self.images()), word)
        self.json("view", "unmount", "codex", "claude")
        self.assertEqual("{}\n", self.text(".claude/settings.json"))
        self.assertEqual(["settings.json"], os.listdir(self.path(".claude")))
        for name in (".codex", ".agents", "AGENTS.md", "CLAUDE.md"):
            self.assertFalse(os.path.exists(self.path(name)), name)

    def test_an_apply_wakes_who_watches_a_projects_folder_once(self):
        self.shown_by("links", "codex", "claude")
        watches = {folder: Watch(self.path(folder)) for folder in (".codex", ".claude", ".agents")}
        for watch in watches.values():
            self.addCleanup(watch.close)
        self.assertEqual("committed", self.version(2)["state"])
        for folder, names in ((".codex", ["agents"]), (".claude", ["agents", "skills"]), (".agents", ["skills"])):
            seen = watches[folder].events()
            self.assertEqual(names, sorted(name for mask, name in seen if mask & Watch.MOVED_TO), folder)
            self.assertEqual([], [name for mask, name in seen if mask & Watch.DELETE], folder)
        self.json("apply")  # of nothing wakes nobody
        self.assertEqual([], [event for watch in watches.values() for event in watch.events()])


if __name__ == "__main__":
    main()
