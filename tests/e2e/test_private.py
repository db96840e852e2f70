#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rtt run`: a command sees a provider's view over the project, and nobody and nothing else does."""
import hashlib
import os
import pty
import signal
import stat
import subprocess
import unittest

from rtt_case import RTT, RttCase, main

NOBODY = 65534
SKILL = """---
name: tidy
description: Tidies up
---
Run scripts/tidy.sh.
"""


def allowed(user=None):
    """Whether such a user may have mounts of its own here."""
    words = ["unshare", "-m"] if user is None and os.getuid() == 0 else ["unshare", "-r", "-m"]
    whom = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    return subprocess.run([*words, "true"], capture_output=True, **whom).returncode == 0


@unittest.skipUnless(allowed(), "this machine gives this user no mounts of its own")
class PrivateView(RttCase):
    def setUp(self):
        super().setUp()
        self.agent("reviewer", words="Look at the change.")
        self.write("skills/tidy/SKILL.md", SKILL)
        self.write("skills/tidy/scripts/tidy.sh", "#!/bin/sh\nexit 0\n")
        os.chmod(self.path("skills/tidy/scripts/tidy.sh"), 0o755)
        self.write("rules/main.md", "Be kind.\n")
        self.write("src/main.c", "int main;\n")
        self.ok("init", "--yes")

    def git(self, *words, cwd=None):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=cwd or self.ws,
                              check=True, capture_output=True, text=True,
                              env={**self.me.env, "GIT_CONFIG_GLOBAL": "/dev/null"}).stdout

    def tracked(self):
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-qm", "all")

    def tree(self):
        """Every name of the project with its kind, mode and bytes, but what is RTT's and git's own."""
        found = {}
        for folder, folders, files in os.walk(self.ws):
            folders[:] = [name for name in folders if name not in (".rtt", ".git")]
            for name in folders + files:
                path = os.path.join(folder, name)
                info = os.lstat(path)
                body = ""
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        body = hashlib.sha256(file.read()).hexdigest()
                elif stat.S_ISLNK(info.st_mode):
                    body = os.readlink(path)
                found[os.path.relpath(path, self.ws)] = (info.st_mode, body)
        return found

    def sh(self, script, *flags, provider="codex", check=0, **how):
        """What a shell prints that sees the view."""
        return self.run_rtt("run", "--provider", provider, *flags, "--", "sh", "-c", script, check=check, **how).out

    def start(self, script="echo there; read line; true", **how):
        """A run that has begun, by default one that ends with its input."""
        run = subprocess.Popen([RTT, "run", "--provider", "codex", "--", "sh", "-c", script], cwd=self.ws,
                               env=self.me.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **how)
        self.addCleanup(run.wait)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.stdin.close)
        self.assertEqual("there\n", run.stdout.readline())
        return run

    def end(self, run):
        run.stdin.close()
        return run.wait(20)

    def guards(self):
        return [pid for pid, words in self.processes().items() if words.startswith("rtt-guard")]

    def assert_untouched(self, before):
        self.eventually(lambda: not self.guards(), why="a guard stays after its run")
        self.assertEqual(before, self.tree())

    # ---- what is seen, and by whom

    def test_shown_inside_and_not_outside(self):
        before = self.tree()
        seen = self.sh("cat AGENTS.md .codex/agents/reviewer.toml .agents/skills/tidy/SKILL.md; "
                       "test -x .agents/skills/tidy/scripts/tidy.sh && echo runs")
        for text in ("Be kind.", "developer_instructions", "Look at the change.", "Tidies up", "runs"):
            self.assertIn(text, seen)
        self.assert_untouched(before)

    def test_outside_nobody_can_read_or_commit_what_is_shown_meanwhile(self):
        self.tracked()
        before = self.tree()
        run = self.start()
        self.assertEqual("", self.git("status", "--short", "--untracked-files=all"))
        self.assertEqual("", self.git("add", "-A", "--dry-run"))
        self.assertEqual([], [name for _, _, files in os.walk(self.path(".codex")) for name in files])
        self.assertEqual([], [name for _, _, files in os.walk(self.path(".agents")) for name in files])
        with self.assertRaises(OSError):
            self.read("AGENTS.md")
        self.assertEqual(0, self.end(run))
        self.assert_untouched(before)

    def test_git_inside_takes_nothing_of_it(self):
        self.tracked()
        before = self.tree()
        seen = self.sh("ls AGENTS.md; echo more > src/more.c; git add -A; git status --short")
        self.assertEqual("AGENTS.md\nA  src/more.c\n", seen)
        self.git("reset", "-q", "--hard")
        self.assert_untouched(before)

    def test_git_in_a_folder_below_the_top_of_its_checkout(self):
        self.git("init", "-q", cwd=self.me.home)
        seen = self.sh("git status --short --untracked-files=all .")
        self.assertIn("src/main.c", seen)
        self.assertNotIn("AGENTS.md", seen)

    def test_each_provider_has_its_own_at_the_same_time(self):
        before = self.tree()
        run = self.start()
        self.assertIn("Look at the change.", self.sh("cat .claude/agents/reviewer.md; ls .codex/agents", provider="claude"))
        self.assertIn("Be kind.", self.sh("cat .rules .agents/skills/tidy/SKILL.md", provider="zed"))
        # The first run's names are held until it ends, though others ended since.
        self.eventually(lambda: len(self.guards()) == 1)
        self.assertTrue(os.path.isdir(self.path(".codex/agents")))
        run.stdin.write("\n")
        self.assertEqual(0, self.end(run))
        self.assert_untouched(before)

    def test_a_run_in_a_run(self):
        before = self.tree()
        inner = f"{RTT} run --provider claude -- sh -c 'cat .claude/agents/reviewer.md; cat AGENTS.md'"
        seen = self.sh(f"{inner}; {RTT} run --provider codex -- cat .codex/agents/reviewer.toml")
        self.assertIn("name: reviewer", seen)
        self.assertIn("Be kind.", seen)
        self.assertIn("developer_instructions", seen)
        self.assert_untouched(before)

    def test_the_projects_own_files_win_and_that_is_told(self):
        self.write("AGENTS.md", "The project's own.\n")
        self.write(".codex/agents/own.toml", 'name = "own"\n')
        self.write(".codex/agents/reviewer.toml", 'name = "mine"\n')
        before = self.tree()
        told = self.run_rtt("run", "--provider", "codex", "--", "sh", "-c",
                            "cat AGENTS.md .codex/agents/reviewer.toml .agents/skills/tidy/SKILL.md; ls .codex/agents",
                            check=0)
        for text in ("The project's own.", '"mine"', "own.toml", "Tidies up"):
            self.assertIn(text, told.out)
        self.assertIn("2 paths are not shown", told.err)
        self.assertEqual("", self.run_rtt("--quiet", "run", "--provider", "codex", "--", "true", check=0).err)
        dry = self.json("run", "--dry-run", "--provider", "codex")
        self.assertEqual({"AGENTS.md", ".codex/agents/reviewer.toml"}, {row["path"] for row in dry["kept"]})
        self.assertEqual([".agents/skills"], dry["shown"])
        self.assert_untouched(before)

    def test_entries_beside_what_a_folder_holds(self):
        self.write(".codex/agents/own.toml", 'name = "own"\n')
        self.write(".agents/skills/mine/SKILL.md", SKILL.replace("tidy", "mine"))
        before = self.tree()
        seen = self.sh("ls .codex/agents .agents/skills; cat .codex/agents/reviewer.toml .agents/skills/tidy/SKILL.md")
        for text in ("own.toml", "reviewer.toml", "mine", "Look at the change.", "Tidies up"):
            self.assertIn(text, seen)
        self.assert_untouched(before)

    def test_nothing_is_shown_behind_a_link(self):
        os.makedirs(os.path.join(self.base, "elsewhere"))
        os.symlink(os.path.join(self.base, "elsewhere"), self.path(".codex"))
        dry = self.json("run", "--dry-run", "--provider", "codex")
        self.assertIn(".codex/agents", {row["path"] for row in dry["kept"]})
        self.assertEqual("", self.sh("ls -A .codex/"))
        self.assertEqual([], os.listdir(os.path.join(self.base, "elsewhere")))

    def test_beside_a_mounted_view(self):
        self.json("view", "mount", "codex", timeout=120)
        before = self.tree()
        dry = self.json("run", "--dry-run", "--provider", "codex")
        self.assertEqual([], dry["kept"])
        self.assertIn("Look at the change.", self.sh("cat .codex/agents/reviewer.toml"))
        self.assertIn("Be kind.", self.sh("cat .claude/rules/main.md CLAUDE.md 2>/dev/null; true", provider="claude"))
        self.assert_untouched(before)

    # ---- the project is the real one

    def test_edits_new_files_renames_and_links_land(self):
        self.sh("echo changed >> src/main.c; echo top > top.txt; mv src/main.c moved.c; ln moved.c hard.c; "
                "mkdir -p .codex/more; echo own > .codex/more/own.txt; rm rules/main.md")
        self.assertEqual(b"int main;\nchanged\n", self.read("moved.c"))
        self.assertEqual(2, os.stat(self.path("hard.c")).st_nlink)
        self.assertEqual(b"top\n", self.read("top.txt"))
        self.assertFalse(os.path.exists(self.path("rules/main.md")))
        # What the command made in a folder that was held is the project's, and so is the folder.
        self.eventually(lambda: not self.guards())
        self.assertEqual(b"own\n", self.read(".codex/more/own.txt"))
        self.assertEqual(["more"], os.listdir(self.path(".codex")))

    def test_both_sides_see_what_the_other_does(self):
        run = self.start("echo there; read line; cat src/main.c; echo inside > src/main.c; cat new.txt; read line")
        self.write("src/new", "outside\n")
        os.rename(self.path("src/new"), self.path("src/main.c"))
        self.write("new.txt", "new\n")
        run.stdin.write("\n")
        run.stdin.flush()
        self.assertEqual(["outside\n", "new\n"], [run.stdout.readline(), run.stdout.readline()])
        self.assertEqual(b"inside\n", self.read("src/main.c"))
        self.assertEqual(1, self.end(run))

    def test_the_view_is_read_only(self):
        before = self.tree()
        seen = self.sh("for f in AGENTS.md .codex/agents/reviewer.toml; do echo x 2>/dev/null >> $f || echo no; done; "
                       "rm -f AGENTS.md 2>/dev/null || echo no; echo x 2>/dev/null > .codex/agents/new.toml || echo no")
        self.assertEqual("no\n" * 4, seen)
        self.assert_untouched(before)

    # ---- the command is the process

    def test_working_folder_environment_input_and_status(self):
        self.assertEqual(self.path("src") + "\n", self.sh("pwd -P", cwd=self.path("src")))
        self.assertEqual("seen\n", self.sh("echo $WORD", env={"WORD": "seen"}))
        self.assertEqual("typed", self.sh("cat", stdin=b"typed"))
        self.assertEqual(7, self.run_rtt("run", "--provider", "codex", "--", "sh", "-c", "exit 7").status)
        self.assertEqual(-signal.SIGTERM,
                         self.run_rtt("run", "--provider", "codex", "--", "sh", "-c", "kill -TERM $$").status)
        run = self.start("sleep 1000 & trap \"kill $!; echo caught; exit 3\" TERM; echo there; wait")
        self.assertIn("sh", self.proc(run.pid, "comm").decode())
        run.send_signal(signal.SIGTERM)
        self.assertEqual("caught\n", run.stdout.readline())
        self.assertEqual(3, run.wait(20))

    def test_it_has_no_children_it_did_not_start(self):
        self.assertEqual("done\n", self.sh("wait; python3 -c 'import os\ntry: os.wait()\nexcept ChildProcessError: "
                                           "print(\"done\")'"))

    def test_the_terminals_foreground_is_the_commands(self):
        pid, ours = pty.fork()
        if pid == 0:
            os.chdir(self.ws)
            os.execve(RTT, [RTT, "run", "--provider", "codex", "--", "sh", "-c",
                            "trap 'echo interrupted; exit 9' INT; test -t 0 && echo terminal; sleep 60 & wait $!"],
                      self.me.env)
        shown = b""
        while b"terminal" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"\x03")
        try:
            while True:
                shown += os.read(ours, 4096)
        except OSError:
            pass
        os.close(ours)
        self.assertIn(b"interrupted", shown)
        self.assertEqual(9, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    def test_a_symlinked_path_to_the_project(self):
        link = os.path.join(self.base, "link")
        os.symlink(self.ws, link)
        self.assertIn("Be kind.", self.sh("cat AGENTS.md", cwd=link))
        self.assertIn("Be kind.", self.run_rtt("run", "--provider", "codex", "-C", link, "--", "cat",
                                               f"{link}/AGENTS.md", cwd=self.base, check=0).out)

    def test_a_project_that_is_a_mount_of_its_own(self):
        if os.getuid() != 0:
            self.skipTest("mounting needs root")
        self.assertEqual("Be kind.\n", subprocess.run(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$1" && cd "$1" && exec "$2" run --provider codex -- '
             "cat AGENTS.md", "sh", self.ws, RTT], env=self.me.env, capture_output=True, text=True, check=True).stdout)

    def test_the_commands_name_says_whose_view(self):
        for name, file in (("codex", ".codex/agents/reviewer.toml"), ("agy", ".agents/agents/reviewer.md")):
            program = self.write(f"bin/{name}", f"#!/bin/sh\ncat {file} && echo \"$@\"\n")
            os.chmod(program, 0o755)
            told = self.ok("run", program, "--help", "-C", "x")
            self.assertIn("Look at the change.", told.out)
            self.assertIn("--help -C x", told.out)

    def test_a_panel_that_runs_has_it_in_its_journal(self):
        self.sh("true")
        self.assertEqual([], self.panels())
        self.ok("panel", "start")
        self.sh("echo secret-argument")
        self.eventually(lambda: "\"run\"" in self.ok("log", "--json", "--action", "run").out)
        records = self.ok("audit", "--export", "--json").out
        self.assertIn('"command":"sh"', records)
        self.assertIn('"provider":"codex"', records)
        self.assertNotIn("secret-argument", records)

    # ---- ends of all kinds

    def test_killed_in_the_middle_nothing_is_left(self):
        self.tracked()
        before = self.tree()
        run = self.start()
        run.kill()
        run.wait(20)
        self.assert_untouched(before)
        run = self.start("sleep 1000 & echo there; wait", start_new_session=True)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait(20)
        self.assert_untouched(before)

    def test_all_killed_at_once_the_next_run_takes_what_is_left(self):
        before = self.tree()
        run = self.start()
        for pid in self.guards():
            self.kill(pid)
        run.kill()
        run.wait(20)
        self.assertNotEqual(before, self.tree())
        for name, (mode, body) in self.tree().items():
            if name not in before:
                self.assertTrue(stat.S_ISDIR(mode) or stat.S_ISSOCK(mode), name)
        self.sh("true", provider="zed")
        self.assert_untouched(before)

    def test_what_somebody_put_in_a_held_place_stays(self):
        run = self.start()
        self.write("agents.tmp", "mine\n")
        os.rename(self.path("agents.tmp"), self.path("AGENTS.md"))
        self.write(".codex/agents/mine.toml", 'name = "mine"\n')
        self.end(run)
        self.eventually(lambda: not self.guards())
        self.assertEqual(b"mine\n", self.read("AGENTS.md"))
        self.assertEqual(b'name = "mine"\n', self.read(".codex/agents/mine.toml"))
        self.assertFalse(os.path.exists(self.path(".agents")))

    # ---- who may

    def test_a_user_without_privileges_keeps_its_ids_and_gains_nothing(self):
        if os.getuid() != 0:
            self.skipTest("becoming another user needs root")
        if not allowed(NOBODY):
            self.skipTest("this machine gives users no namespaces")
        if subprocess.run([RTT, "--version"], user=NOBODY, group=NOBODY, extra_groups=[],
                          capture_output=True).returncode != 0:
            self.skipTest("others may not run this rtt")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.base], check=True)
        before = self.tree()
        inner = f"{RTT} run --provider claude -- cat .claude/agents/reviewer.md"
        self.assertIn("Look at the change.", self.sh(inner, user=NOBODY))
        self.eventually(lambda: not self.guards())
        seen = self.sh("id -u; id -g; stat -c %u src AGENTS.md; cat AGENTS.md; echo new > new.txt; "
                       "grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status", user=NOBODY)
        self.assertEqual([str(NOBODY)] * 4 + ["Be kind."], seen.splitlines()[:5])
        for line in seen.splitlines()[5:]:
            name, value = line.split()
            self.assertEqual(1 if name == "NoNewPrivs:" else 0, int(value, 16), line)
        self.assertEqual(NOBODY, os.stat(self.path("new.txt")).st_uid)
        os.remove(self.path("new.txt"))
        self.assert_untouched(before)

    def test_where_it_is_not_allowed_the_error_says_so(self):
        if os.getuid() != 0 or not allowed(NOBODY):
            self.skipTest("needs root and a machine that allows namespaces to users")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.base], check=True)
        before = self.tree()
        # In a user namespace that may have no more of them.
        told = subprocess.run(
            ["unshare", "-r", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv '
             '--bounding-set=-all --inh-caps=-all --securebits=+noroot "$0" run --provider codex --json -- true', RTT],
            cwd=self.ws, env=self.me.env, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True)
        self.assertEqual(1, told.returncode, told)
        self.assertIn("RTT0903", told.stdout)
        self.assertIn("max_user_namespaces is 0", told.stdout)
        self.assertIn("rtt view mount", told.stdout)
        self.assert_untouched(before)

    def test_a_project_of_any_name(self):
        for name in ("a b,c:d", "back\\slash", "new\nline", "-dash", "\u00fcml\u00e4ut", "(deleted)"):
            ws = os.path.join(self.me.home, name)
            os.makedirs(ws)
            self.agent("reviewer", ws=ws)
            self.write("rules/main.md", "Be kind.\n", ws=ws)
            self.git("init", "-q", cwd=ws)
            if self.run_rtt("init", "--yes", ws=ws).status != 0:
                continue  # told: no workspace of that name
            seen = self.sh("cat AGENTS.md; git status --short --untracked-files=all", ws=ws)
            self.assertIn("Be kind.", seen)
            self.assertNotIn("AGENTS.md", seen)
            self.eventually(lambda: not self.guards())
            self.assertFalse(os.path.lexists(os.path.join(ws, "AGENTS.md")))
            self.assertFalse(os.path.lexists(os.path.join(ws, ".codex")))

    # ---- mistakes

    def test_mistakes_are_told(self):
        self.assertIn("codex", self.refused("RTT0103", 2, "run", "--", "sh", "-c", "true")["hint"])
        self.refused("RTT0103", 2, "run")
        self.assertEqual("rtt init", self.refused("RTT0301", 1, "run", "--provider", "codex", "--", "true",
                                                  cwd=self.base)["hint"])
        self.assertIn("codex", self.refused("RTT0105", 1, "run", "--provider", "codexx", "--", "true")["hint"])
        self.refused("RTT0105", 127, "run", "--provider", "codex", "--", "no-such-program")
        self.write("plain.txt", "text\n")
        self.refused("RTT0903", 126, "run", "--provider", "codex", "--", "./plain.txt")
        self.write(".rtt/sockets/run.json", "{")
        self.refused("RTT0211", 1, "run", "--provider", "codex", "--", "true")
        # A record that comes with somebody's files reaches nothing outside of the project.
        outside = os.path.join(self.base, "outside")
        open(outside, "w").close()
        self.write(".rtt/sockets/run.json", {"held": [{"kind": "file", "path": "../../outside"}], "v": 1})
        self.refused("RTT0211", 1, "run", "--provider", "codex", "--", "true")
        self.assertTrue(os.path.exists(outside))

    def test_a_view_file_counts_and_one_that_is_not_in_force_stops_it(self):
        self.write("views/codex.view.json", {"show": ["skill/*"]})
        self.refused("RTT0401", 3, "run", "--provider", "codex", "--", "true")
        self.ok("sign", "--yes")
        self.assertEqual([".agents/skills"], self.json("run", "--dry-run", "--provider", "codex")["shown"])

    def test_overlays_of_an_environment_that_is_asked_for(self):
        self.write("overlays/env/ci/reviewer.patch.json",
                   {"target": "agent/reviewer", "merge": {"description": "Reviews in CI"}})
        self.ok("sign", "--yes")
        self.assertIn("Reviews in CI", self.sh("cat .codex/agents/reviewer.toml", "--env", "ci"))
        self.assertNotIn("Reviews in CI", self.sh("cat .codex/agents/reviewer.toml"))


if __name__ == "__main__":
    main()
