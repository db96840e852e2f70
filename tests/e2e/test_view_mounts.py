#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Views shown by the FUSE mount: what readers see through a project's links, and every process of it killed."""
import errno
import os
import re
import shutil
import subprocess
import threading
import unittest

from rtt_case import RTT, RttCase, main

AGENT = "---\nname: {name}\nsaddr: rtt://common/agent/{name}@1.0.{version}\ndescription: Reviews code\n---\nVersion {version}.\n"
NOBODY = 65534


class Mounted(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.agents(1, "reviewer")

    def agents(self, version, *names, ws=None):
        for name in names:
            self.write(f"agents/{name}.md", AGENT.format(name=name, version=version), ws=ws)
        self.ok("sign", "--yes", ws=ws)

    def mechanism(self, word, ws=None):
        text = self.read(".rtt/panel.yaml", ws=ws).decode()
        self.write(".rtt/panel.yaml", re.sub(r"mechanism: \w+", f"mechanism: {word}", text), ws=ws)
        self.ok("sign", "--yes", ws=ws)

    def shown(self, ws=None):
        return self.json("view", "ls", ws=ws)["shown"]

    def text(self, name, ws=None):
        return self.read(name, ws=ws).decode()

    def apply(self, ws=None):
        self.json("plan", ws=ws)
        return self.json("apply", ws=ws, timeout=120)

    def mounts(self):
        with open("/proc/self/mounts", encoding="utf-8") as file:
            return [line.split()[1] for line in file if line.startswith("rtt-views ") and self.base in line]

    def serving(self, word="--view-server"):
        return [pid for pid, words in self.processes().items() if f" {word} " in words]


class ViewMounts(Mounted):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
            self.skipTest("no FUSE mount can be made here: not root, or no /dev/fuse")

    def mounted(self, *providers, ws=None):
        self.mechanism("fuse", ws=ws)
        done = self.json("view", "mount", *providers, ws=ws, timeout=120)
        self.assertEqual({"mechanism": "fuse", "why": "panel.yaml asks for it"}, done["shown"])
        return done

    def test_a_project_reads_through_its_links_and_can_write_nothing(self):
        self.write("skills/tidy/SKILL.md", "---\nname: tidy\ndescription: Tidies up\n---\nRun it.\n")
        self.write("skills/tidy/run.sh", "#!/bin/sh\nexit 0\n")
        os.chmod(self.path("skills/tidy/run.sh"), 0o755)
        self.write("rules/main.md", "Be kind.\n")
        self.ok("sign", "--yes")
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
        subprocess.run([*git, "init", "-q"], cwd=self.ws, check=True)
        self.mounted("codex", "opencode", "gemini")
        [mount] = self.mounts()
        for name in (".codex/agents", ".opencode/agents", ".gemini/agents", ".agents/skills"):
            self.assertTrue(os.path.islink(self.path(name)), name)
            self.assertTrue(os.path.realpath(self.path(name)).startswith(mount + "/"), name)
        self.assertFalse(os.path.islink(self.path("AGENTS.md")))
        self.assertEqual("Be kind.", self.text("AGENTS.md").strip())
        self.assertFalse(os.path.exists(self.path(".rtt/registry/views/trees")))

        def sh(command):
            return subprocess.run(["sh", "-c", command], cwd=self.ws, check=True, capture_output=True, text=True).stdout
        self.assertEqual("reviewer.toml\n", sh("ls .codex/agents/"))
        self.assertIn("Version 1.", sh("cat .opencode/agents/reviewer.md"))
        self.assertEqual(".gemini/agents/reviewer.md\n", sh("grep -rl 'Version 1' .gemini/agents/"))
        self.assertEqual(".agents/skills/tidy/SKILL.md\n.agents/skills/tidy/run.sh\n",
                         sh("find -L .agents -type f | sort"))
        sh(".agents/skills/tidy/run.sh")
        subprocess.run([*git, "add", "agents", "skills", "rules", "views", ".rtt"], cwd=self.ws, check=True)
        self.assertEqual("", sh("git status --porcelain | grep -v '^A '; true"))
        for write in (lambda: open(self.path(".codex/agents/reviewer.toml"), "a"),  # pylint: disable=consider-using-with
                      lambda: open(self.path(".codex/agents/mine.toml"), "w"),  # pylint: disable=consider-using-with
                      lambda: os.remove(self.path(".codex/agents/reviewer.toml"))):
            with self.assertRaises(OSError) as refused:
                write()
            self.assertEqual(errno.EROFS, refused.exception.errno)
        self.assertFalse(self.json("view", "diff")["differs"])
        [views] = [row for row in self.json("doctor")["checks"] if row["name"] == "views"]
        self.assertEqual("ok", views["state"], views)
        self.assertIn("3 providers by fuse (panel.yaml asks for it)", views["detail"])

    def test_down_leaves_what_is_shown_and_the_last_unmount_takes_the_mount(self):
        self.mounted("codex")
        self.ok("down")
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual(1, len(self.serving()))
        self.json("view", "unmount", "codex")
        self.eventually(lambda: not self.serving() and not self.serving("--views") and not self.mounts())
        self.assertFalse(os.path.exists(self.path(".codex")))

    def test_a_new_version_shows_after_the_apply_and_who_reads_the_old_one_reads_on(self):
        self.agents(1, "second")
        self.mounted("codex", "gemini")
        old = os.open(self.path(".codex/agents/reviewer.toml"), os.O_RDONLY)
        folder = os.open(self.path(".gemini/agents"), os.O_RDONLY)
        try:
            commits = []
            for version in range(2, 6):
                self.agents(version, "reviewer", "second")
                done = self.apply()
                self.assertEqual("committed", done["state"])
                commits.append(str(done["seq"]))
                for name in (".codex/agents/reviewer.toml", ".gemini/agents/second.md"):
                    self.assertIn(f"Version {version}.", self.text(name))
            self.assertIn(b"Version 1.", os.read(old, 4096))
            beneath = os.open("second.md", os.O_RDONLY, dir_fd=folder)
            self.assertIn(b"Version 1.", os.read(beneath, 4096))
            os.close(beneath)
        finally:
            os.close(old)
            os.close(folder)
        self.assertEqual("committed", self.json("undo")["state"])
        self.assertIn("Version 4.", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual("committed", self.json("rollback", commits[0])["state"])
        for name in (".codex/agents/reviewer.toml", ".gemini/agents/second.md"):
            self.assertIn("Version 2.", self.text(name))
        self.assertEqual("fuse", self.shown()["mechanism"])

    def test_a_server_killed_under_load_shows_no_half_tree(self):
        names = [f"a{i}" for i in range(30)]
        self.agents(1, *names)
        self.mounted("codex")
        versions, wrong, stop = set(), [], threading.Event()

        def read_all():
            while not stop.is_set():
                try:
                    folder = os.open(self.path(".codex/agents"), os.O_RDONLY)
                except OSError as error:
                    wrong.append(repr(error))
                    continue
                seen = set()
                try:
                    for name in names:
                        file = os.open(f"{name}.toml", os.O_RDONLY, dir_fd=folder)
                        seen.add(re.search(rb"Version (\d+)\.", os.read(file, 4096)).group(1))
                        os.close(file)
                except (OSError, AttributeError) as error:
                    wrong.append(repr(error))
                os.close(folder)
                if len(seen) != 1:
                    wrong.append(repr(seen))
                versions.update(seen)

        readers = [threading.Thread(target=read_all) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            for version in range(2, 7):
                [server] = self.eventually(self.serving)
                os.kill(server, 9)
                self.agents(version, *names)
                self.assertEqual("committed", self.apply()["state"])
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        self.assertEqual([], wrong[:3])
        self.assertIn(b"6", versions | {re.search(r"Version (\d+)", self.text(".codex/agents/a0.toml")).group(1).encode()})

    def test_a_killed_keeper_takes_nothing_away(self):
        self.mounted("codex")
        held = os.open(self.path(".codex/agents/reviewer.toml"), os.O_RDONLY)
        self.addCleanup(os.close, held)
        wrong, stop = [], threading.Event()

        def read_on():
            while not stop.is_set():
                try:
                    os.listdir(self.path(".codex/agents"))
                    self.text(".codex/agents/reviewer.toml")
                except OSError as error:
                    wrong.append(repr(error))

        reader = threading.Thread(target=read_on)
        reader.start()
        try:
            for _ in range(3):
                [keeper], [server] = self.eventually(lambda: self.serving("--views") and self.serving() and
                                                     (self.serving("--views"), self.serving()))
                os.kill(keeper, 9)
                self.eventually(lambda: self.serving("--views") and self.serving() and
                                keeper not in self.serving("--views") and server not in self.serving())
            self.agents(2, "reviewer")
            self.assertEqual("committed", self.apply()["state"])
        finally:
            stop.set()
            reader.join()
        self.assertEqual([], wrong[:3])
        self.assertEqual(1, len(self.mounts()))
        self.assertIn(b"Version 1.", os.pread(held, 4096, 0))
        self.assertIn("Version 2.", self.text(".codex/agents/reviewer.toml"))
        self.json("view", "unmount", "codex")
        self.eventually(lambda: not self.serving() and not self.serving("--views") and not self.mounts())

    def test_a_panel_brings_back_a_mount_that_lost_all_its_processes(self):
        self.mounted("codex")
        [keeper], [server] = self.serving("--views"), self.serving()
        os.kill(keeper, 19)  # so that neither acts on the other's end
        os.kill(server, 9)
        os.kill(keeper, 9)

        def back():
            try:
                return "Version 1." in self.text(".codex/agents/reviewer.toml")
            except OSError:
                return False
        self.eventually(back)
        self.assertEqual(1, len(self.mounts()))

    def test_a_mount_that_lost_all_its_processes_is_there_again_with_the_next_panel(self):
        self.mounted("codex")
        os.kill(self.panel_pid(), 9)
        [keeper], [server] = self.serving("--views"), self.serving()
        os.kill(keeper, 19)  # so that neither acts on the other's end
        os.kill(server, 9)
        os.kill(keeper, 9)
        self.eventually(lambda: not self.serving() and not self.serving("--views"))
        self.json("panel", "start", timeout=120)
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.assertEqual({"mechanism": "fuse", "why": "panel.yaml asks for it", "readable": True}, self.shown())
        self.assertEqual(1, len(self.mounts()))

    def test_a_lost_mount_is_told(self):
        self.mounted("codex")
        self.ok("down")
        os.kill(self.serving("--views")[0], 15)
        self.eventually(lambda: not self.serving() and not self.mounts())
        self.assertFalse(self.shown()["readable"])
        [views] = [row for row in self.json("doctor", status=1)["checks"] if row["name"] == "views"]
        self.assertEqual(("fail", "rtt panel start"), (views["state"], views["hint"]))
        [row] = self.json("view", "diff", status=4)["views"]
        self.assertEqual(([], ["unreadable"]), (row["changes"], [one["state"] for one in row["drift"]]))
        self.json("panel", "start", timeout=120)
        self.assertTrue(self.shown()["readable"])
        self.assertFalse(self.json("view", "diff")["differs"])

    def test_a_damaged_pack_is_told_and_nothing_else(self):
        self.mounted("codex")
        packs = self.path(".rtt/registry/views/packs")
        [name] = [name for name in os.listdir(packs) if name.endswith(".pack")]
        os.chmod(os.path.join(packs, name), 0o600)
        for at in (1, 2):
            with open(os.path.join(packs, name), "r+b") as file:
                file.seek(os.path.getsize(file.name) * at // 3)
                file.write(b"XXXXXXXXXXXXXXXX")
            [row] = self.json("view", "diff", status=4)["views"]
            self.assertEqual(([], ["damaged"]), (row["changes"], [one["state"] for one in row["drift"]]))
            self.assertNotIn("/trees/", row["drift"][0]["path"])
        [views] = [row for row in self.json("doctor", status=1)["checks"] if row["name"] == "views"]
        self.assertEqual("fail", views["state"])

    def test_a_living_workspace_changes_its_mechanism(self):
        self.mounted("codex")
        for word in ("links", "fuse", "copies", "fuse", "hardlinks", "fuse", "links"):
            self.mechanism(word)
            self.assertEqual(word, self.json("plan")["shown"]["mechanism"])
            done = self.json("apply", timeout=120)
            self.assertEqual(("unchanged", word), (done["state"], done["shown"]["mechanism"]))
            self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
            inside = any(os.path.realpath(self.path(".codex/agents/reviewer.toml")).startswith(mount)
                         for mount in self.mounts())
            self.assertEqual(word == "fuse", inside)
        self.eventually(lambda: not self.serving() and not self.mounts())

    def test_two_workspaces_share_one_mount(self):
        other = os.path.join(self.me.home, "other")
        os.makedirs(other)
        self.ok("init", "--yes", ws=other)
        self.agents(7, "reviewer", ws=other)
        for ws in (self.ws, other):
            self.mechanism("fuse", ws=ws)
        both = [subprocess.Popen([RTT, "view", "mount", "codex", "--json"], cwd=ws, env=self.me.env,
                                 stdout=subprocess.PIPE) for ws in (self.ws, other)]
        for process in both:  # whoever comes first starts it
            self.assertIn(b'"mechanism":"fuse"', process.communicate(timeout=120)[0])
        self.assertEqual(1, len(self.mounts()))
        self.assertEqual(1, len(self.serving("--views")))
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))
        self.assertIn("Version 7.", self.text(".codex/agents/reviewer.toml", ws=other))
        self.json("view", "unmount", "codex")
        self.assertIn("Version 7.", self.text(".codex/agents/reviewer.toml", ws=other))
        # One that was removed as a folder is forgotten when another one's views change.
        self.ok("down", ws=other)
        shutil.rmtree(other, onerror=lambda *_: None)
        subprocess.run(["rm", "-rf", other], check=False)
        self.json("view", "mount", "codex", timeout=120)
        self.eventually(lambda: len(os.listdir(self.mounts()[0])) == 1)

    def test_a_hundred_providers_in_one_workspace(self):
        self.agents(1, *[f"a{i}" for i in range(20)])
        names = [f"house-{i}" for i in range(100)]
        self.write("providers/providers.yaml", "providers:\n" + "".join(
            f"  {name}:\n    like: {'claude' if i % 2 else 'codex'}\n    agents: .{name}/agents/*.{'md' if i % 2 else 'toml'}\n"
            f"    skills: .{name}/skills\n    servers: null\n    rules: null\n"
            + ("    commands: null\n" if i % 2 else "") for i, name in enumerate(names)))
        self.ok("sign", "--yes")
        self.mounted(*names)
        for i, name in enumerate(names):
            for agent in (0, 19):
                self.assertIn("Version 1.", self.text(f".{name}/agents/a{agent}.{'md' if i % 2 else 'toml'}"))
        self.assertEqual(100, len(os.listdir(os.path.join(self.mounts()[0], os.listdir(self.mounts()[0])[0]))))
        memory = {word: int(re.search(rb"RssAnon:\s+(\d+)", self.proc(str(pid), "status")).group(1))
                  for word in ("--views", "--view-server") for pid in self.serving(word)}
        print(f"100 providers, {100 * 21} files: anonymous memory in kB {memory} ", end="", flush=True)
        self.assertEqual("committed", self.json("view", "unmount", *names, timeout=120)["state"])


class ManyAtOnce(Mounted):
    def test_verbs_that_plan_for_themselves_plan_again_where_others_commit_in_between(self):
        names = ("codex", "opencode", "claude", "vibe", "gemini", "copilot", "cursor", "kiro")
        started = [subprocess.Popen([RTT, "view", "mount", name, "--json"], cwd=self.ws, env=self.me.env,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for name in names]
        for process in started:
            out = process.communicate(timeout=150)[0]
            self.assertEqual(0, process.returncode, out)
        self.assertEqual(set(names), {row["provider"] for row in self.json("view", "ls")["views"]
                                      if row["state"] == "shown"})


class WithoutAMount(Mounted):
    """What cannot be had falls back, and says why."""

    def test_a_store_that_cannot_be_made_falls_back_to_links(self):
        self.write("state", "a file, not a folder")
        self.mechanism("fuse")
        shown = self.json("view", "mount", "codex", env={"XDG_STATE_HOME": self.path("state")}, timeout=120)["shown"]
        self.assertEqual("links", shown["mechanism"])
        self.assertRegex(shown["why"], "^fuse cannot be had: ")
        self.assertIn("Version 1.", self.text(".codex/agents/reviewer.toml"))

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_somebody_elses_home_falls_back_to_links(self):
        theirs = os.path.join(self.base, "theirs")
        os.makedirs(theirs)
        os.chown(theirs, NOBODY, NOBODY)
        self.mechanism("fuse")
        shown = self.json("view", "mount", "codex", env={"XDG_STATE_HOME": theirs}, timeout=120)["shown"]
        self.assertEqual("links", shown["mechanism"])
        self.assertIn("user 65534", shown["why"])
        self.assertEqual([], os.listdir(theirs))

    def test_what_is_no_mechanism_is_refused_with_the_nearest(self):
        self.write(".rtt/panel.yaml", "views: {mechanism: hardlink}\n")
        self.run_rtt("sign", "--yes")
        refused = self.run_rtt("plan")
        self.assertIn("hardlinks", refused.text)


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
class NotRoot(Mounted):
    """The whole of it as a user without rights, with a /dev/fuse as this machine has it or as distributions have it."""

    def setUp(self):
        super().setUp()
        self.mechanism("fuse")
        self.ok("down")
        for folder, names, files in os.walk(self.base):
            for name in [*names, *files]:
                os.lchown(os.path.join(folder, name), NOBODY, NOBODY)
        os.chown(self.base, NOBODY, NOBODY)
        os.chmod(self.base, 0o755)

    def as_nobody(self, device, script):
        """Runs a script as nobody in a mount namespace of its own, where /dev/fuse has this mode, or is not there."""
        node = os.path.join(self.base, "dev")
        os.makedirs(node, exist_ok=True)
        words = (f"mount --make-rprivate / && mount -t tmpfs none {node} && mknod -m {device} {node}/fuse c 10 229 && "
                 f"mount --bind {node}/fuse /dev/fuse && exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "
                 f"sh -ec '{script}'")
        done = subprocess.run(["unshare", "-m", "sh", "-c", words], cwd=self.ws, env={**self.me.env, "RTT": RTT},
                              capture_output=True, text=True, timeout=120, check=False)
        if "unshare" in done.stderr or "mknod" in done.stderr or "mount:" in done.stderr:
            self.skipTest("no device of its own here: " + done.stderr.strip())
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_a_closed_device_falls_back_and_says_why(self):
        out = self.as_nobody("0600", "$RTT view mount codex --json; cat .codex/agents/reviewer.toml; $RTT down >/dev/null")
        self.assertIn('"mechanism":"links"', out)
        self.assertIn("/dev/fuse cannot be opened", out)
        self.assertIn("Version 1.", out)

    def test_an_open_device_is_mounted_by_fusermount3(self):
        if not shutil.which("fusermount3"):
            self.skipTest("no fusermount3 here")
        out = self.as_nobody("0666", "$RTT view mount codex --json; cat .codex/agents/reviewer.toml; "
                                     "grep -c rtt-views /proc/self/mounts; $RTT view unmount codex >/dev/null; "
                                     "$RTT down >/dev/null")
        self.assertIn('"mechanism":"fuse"', out)
        self.assertIn("Version 1.", out)
        self.assertEqual("1", out.splitlines()[-1])


if __name__ == "__main__":
    main()
