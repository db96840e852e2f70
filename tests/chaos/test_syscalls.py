# SPDX-License-Identifier: Apache-2.0
"""The panel dies at, or is refused, its K-th call of every kind that writes, for every K until one is never reached.

strace kills at the entry of a call, so the file is as it was; an error is the kernel's word that nothing was done. A short
write is real: a limit on the file's size that lies inside the record (RLIMIT_FSIZE) cuts it there. In ctest a sample that
fits the time; with RTT_CHAOS_SWEEP=SECONDS (make soak) one by one, for as long in each sweep."""
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import time
import unittest

from chaos_case import RTT, ChaosCase, main

ALL = "RTT_CHAOS_SWEEP" in os.environ
SECONDS = float(os.environ.get("RTT_CHAOS_SWEEP", "20"))
WRITING = ("pwrite64", "write", "fdatasync", "fsync", "rename,renameat,renameat2", "openat", "openat2",
           "symlink,symlinkat", "mkdir,mkdirat", "unlink,unlinkat", "ftruncate", "fallocate")
# Which errors a call may meet.
ERRORS = {"EIO": ("pwrite64", "write", "fdatasync", "fsync", "rename,renameat,renameat2", "ftruncate", "fallocate"),
          "ENOSPC": ("pwrite64", "write", "fdatasync", "fsync", "rename,renameat,renameat2", "openat", "mkdir,mkdirat",
                     "symlink,symlinkat", "ftruncate", "fallocate"),
          "EMFILE": ("openat", "openat2")}
TIMES_MAX = 400   # of one kind of call in one life


def traces():
    if not shutil.which("strace"):
        return False
    probe = subprocess.run(["strace", "-o", "/dev/null", "-e", "trace=getppid", "true"], capture_output=True)
    return probe.returncode == 0


@unittest.skipUnless(traces(), "strace is not installed, or may not trace here")
class Syscalls(ChaosCase):
    def setUp(self):
        super().setUp()
        self.views = self.random.choice(("links", "copies"))
        self.make_wirings(2)
        self.ok("down")

    def traced(self, calls, what, words, output=subprocess.PIPE):
        return subprocess.Popen(["strace", "-f", "-qq", "-o", self.path("strace.txt"), "-e", f"trace={calls}", "-e",
                                 f"inject={calls}:{what}", RTT, *words], cwd=self.ws, env=self.me.env,
                                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def reached(self):
        """Whether the call that was to be hit was made at all."""
        try:
            with open(self.path("strace.txt"), errors="replace") as file:
                text = file.read()
        except OSError:
            return False
        return "(INJECTED)" in text or "killed by SIGKILL" in text

    def test_a_panel_that_cannot_say_who_it_is_does_not_start(self):
        """Every file that a panel opens to begin with is refused in turn: who cannot find it cannot end it."""
        for k in itertools.count(1):
            panel = self.traced("openat", f"error=EMFILE:when={k}", ["panel", "run", "-C", self.ws], subprocess.DEVNULL)
            self.eventually(lambda: panel.poll() is not None or self.json("status")["panel"] == "up", 20, f"open {k}")
            self.ok("down")
            panel.wait(20)
            self.check_orphans(f"open {k}")
            if not self.reached():
                break
        self.assertGreater(k, 20)

    def panel_point(self, calls, what):
        """One life of a panel in which one call is hit. Whether it was reached."""
        why = f"{calls}:{what}"
        before = self.state()
        seq, wanted, _ = self.other(before[1])
        panel = self.traced(calls, what, ["panel", "run", "-C", self.ws], subprocess.DEVNULL)
        sock = self.path(".rtt/sockets/panel.sock")
        try:
            self.eventually(lambda: panel.poll() is not None or os.path.exists(sock), 20, why)
            answer = self.answer_of(self.command("rollback", str(seq)), why)
            now = self.check(why, before, wanted, answer)
            # A panel that lives on takes the next change, or says why not.
            again = self.answer_of(self.command("rollback", str(self.other(now[1])[0])), why)
            now = self.check(why, now, self.other(now[1])[1], again)
        finally:
            down = self.run_rtt("down")
            try:
                panel.wait(20)
            except subprocess.TimeoutExpired:
                for pid in self.processes():
                    os.kill(pid, signal.SIGKILL)
                panel.wait()
                self.fail(f"{why}: `rtt down` left a panel behind: {down}")
        hit = self.reached()
        # The next panel takes over whatever this one left.
        answer = self.answer_of(self.command("rollback", str(self.other(now[1])[0])), why)
        self.assertEqual("committed", answer.get("state"), f"{why}: the next panel does not go on: {answer}")
        self.check(why, now, self.other(now[1])[1], answer)
        self.check_orphans(why)
        self.ok("down")
        return hit

    def sweep(self, name, kinds, point):
        """Every kind, every K until one is not reached; in ctest kinds by turns and K as far as the time goes."""
        end = time.monotonic() + SECONDS
        points, open_kinds = 0, list(kinds)
        for when in range(1, TIMES_MAX):
            for kind in list(open_kinds):
                if time.monotonic() > end:
                    open_kinds = []
                    break
                # The first calls one by one, then, in a sample, ever wider apart.
                k = when if ALL or when <= 4 else 4 + (when - 4) * 5 + self.random.randrange(5)
                points += 1
                if not point(kind, k):
                    open_kinds.remove(kind)
            if not open_kinds:
                break
        self.check_journal(name)
        print(json.dumps({"sweep": name, "points": points, **self.counts}), flush=True)
        self.assertGreater(points, 10)

    def test_the_panel_dies_at_every_writing_call(self):
        self.sweep("kill", WRITING, lambda calls, k: self.panel_point(calls, f"signal=SIGKILL:when={k}"))

    def test_the_panel_is_refused_every_writing_call(self):
        kinds = [(calls, error) for error, list_of in ERRORS.items() for calls in list_of]
        self.random.shuffle(kinds)
        self.sweep("errors", kinds, lambda kind, k: self.panel_point(kind[0], f"error={kind[1]}:when={k}"))

    def test_the_command_dies_or_is_refused_and_the_panel_stays_whole(self):
        """The command line's own calls: whatever happens to it, the panel's change is whole, and the panel lives."""
        self.ok("panel", "start")
        panel = self.panel_of()

        def point(kind, k):
            calls, fault = kind
            before = self.state()
            seq, wanted, _ = self.other(before[1])
            command = self.traced(calls, f"{fault}:when={k}", ["rollback", str(seq), "--json"])
            out, err = command.communicate(timeout=60)
            try:
                answer = json.loads(out)
            except ValueError:
                answer = {}   # it died, or could not write
            self.check(f"the command's {kind} {k}: {out} {err}", before, wanted, answer)
            self.assertEqual(panel, self.panel_of(), f"{kind} {k} of the command ended the panel")
            return self.reached()

        kinds = [(calls, "signal=SIGKILL") for calls in WRITING] + \
                [(calls, f"error={error}") for error, list_of in ERRORS.items() for calls in list_of]
        self.random.shuffle(kinds)
        self.sweep("command", kinds, point)
        self.check_orphans("the command's sweep")

    def test_a_record_that_is_written_short_is_whole_or_absent(self):
        """A limit on file sizes moves byte by byte through what a change writes; above it everything is refused."""
        self.ok("panel", "start")
        end = time.monotonic() + SECONDS
        [segment] = sorted(n for n in os.listdir(self.path(".rtt/wal")) if n.endswith(".seg"))[-1:]

        def used():
            with open(self.path(".rtt/wal", segment), "rb") as file:
                return len(file.read().rstrip(b"\0"))
        steps = range(0, 1400) if ALL else [0, 1, 3, 4, 7, 8, 23, 24, 100] + sorted(self.random.sample(range(1400), 60))
        points = cut = 0
        for offset in steps:
            if time.monotonic() > end:
                break
            why = f"a file limit {offset} bytes behind the journal's end"
            before = self.state()
            seq, wanted, _ = self.other(before[1])
            panel = self.panel_of()
            hard = resource.prlimit(panel, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(panel, resource.RLIMIT_FSIZE, (used() + offset, hard))
            answer = self.answer_of(self.command("rollback", str(seq)), why)
            cut += "error" in answer or answer.get("state") == "rolled_back"
            now = self.check(why, before, wanted, answer)
            try:
                resource.prlimit(panel, resource.RLIMIT_FSIZE, (hard, hard))
            except ProcessLookupError:
                self.fail(f"{why}: the panel died of it")
            # Room again: the same panel, or at the latest the next one, goes on.
            again = self.answer_of(self.command("rollback", str(self.other(now[1])[0])), why)
            now = self.check(why, now, self.other(now[1])[1], again)
            if again.get("state") != "committed":
                self.ok("panel", "stop")
                answer = self.answer_of(self.command("rollback", str(self.other(now[1])[0])), why)
                self.assertEqual("committed", answer.get("state"), f"{why}: {answer}")
                self.check(why, now, self.other(now[1])[1], answer)
            points += 1
        self.assertGreater(cut, 0, "no write was cut")
        self.check_journal("short writes")
        print(json.dumps({"sweep": "short writes", "points": points, "cut": cut, **self.counts}), flush=True)


if __name__ == "__main__":
    main()
