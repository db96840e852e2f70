# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the panel, at random and at chosen moments: what was acknowledged stays, the rest is whole or absent."""
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from rtt_case import RTT, RttCase, main

KILLS = int(os.environ.get("RTT_TEST_KILLS", "200"))
STRACE_SECONDS = 25


class Crash(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.wire(6)
        self.pairs = [(f"rtt://ui/hook/h{i}", f"rtt://core/api/a{i}") for i in range(6)]

    def kill_panels(self):
        victims = self.panels()
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it was ending anyway
                pass
        return victims

    def want_another_wiring(self):
        self.wanted = self.random.sample(self.pairs, self.random.randrange(1, 7))
        self.routes(*self.wanted)
        self.ok("sign", "--yes")
        return self.json("plan")

    def state(self):
        document = self.json("status")
        return document["seq"], document["graph"]

    def operation(self):
        """The words of one change of the graph."""
        kind = self.random.choice(("apply", "apply", "rollback", "undo"))
        if kind == "apply":
            self.want_another_wiring()
            return ["apply"]
        if kind == "rollback":
            near = sorted(self.committed)[-64:]   # of the last 128 commits, which are kept
            return ["rollback", str(self.random.choice([0, *near]))]
        return ["undo"]

    def one_kill(self, typical):
        """Starts a change, kills the panel somewhere in it, and checks what is left. Returns how it ended."""
        before = self.state()
        words = self.operation()
        began = time.monotonic()
        running = subprocess.Popen([RTT, *words, "--json"], cwd=self.ws, env=self.me.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait = self.random.random() * typical
        while time.monotonic() - began < wait:
            pass
        victims = self.kill_panels()
        out, err = running.communicate(timeout=60)
        answer = json.loads(out) if out.strip() else {"error": {"message": err.decode()}}
        acknowledged = "error" not in answer
        self.assertIn(running.returncode, (0, 1, 6), f"{words}: {answer}")
        self.kill_panels()  # the change may have started another one
        self.eventually(lambda: not self.panels())
        disk = self.state()
        self.assertEqual("up", self.json("panel", "start")["panel"])
        after = self.state()
        self.assertEqual(disk, after, "the restarted panel and the disk disagree")
        if acknowledged:
            self.assertEqual((answer["seq"], answer["graph"]), after,
                             f"{words} was acknowledged and is gone: {answer}")
        elif after != before:
            self.whole_or_taken_back(words, before, after)
        self.note(after)
        return bool(victims), acknowledged, after != before

    def whole_or_taken_back(self, words, before, after):
        """A change nobody was told of: all of it is there, or it was taken back by a commit of its own."""
        self.assertGreater(after[0], before[0])
        commits = [line for line in self.run_rtt("log", "--json", check=0).lines if line["after"]]
        self.assertEqual(after, (commits[-1]["seq"], commits[-1]["after"]))
        if after[1] == before[1]:
            return
        earlier = [line for line in commits if line["seq"] <= before[0]]
        self.assertEqual(before[1], commits[len(earlier)]["before"], "it did not start from the graph in force")
        if words[0] == "apply":
            there = {(row["from"].split("@")[0], row["to"].split("@")[0])
                     for row in self.json("ls", "routes")["routes"]}
            self.assertEqual(set(self.wanted), there, "the graph is not the plan's result")
        elif words[0] == "undo":
            self.assertEqual(earlier[-1]["before"], after[1], "the graph is not the one before the last commit")
        elif words[1] == "0":
            self.assertEqual([], self.json("ls", "routes")["routes"])
        else:
            self.assertEqual(self.committed[int(words[1])], after[1], f"the graph is not that of commit {words[1]}")

    def note(self, state):
        seq, graph = state
        if seq:
            self.assertEqual(graph, self.committed.setdefault(seq, graph), "a commit has two graphs")

    def test_200_random_kill_points_restore_the_last_committed_graph(self):
        self.committed = {}
        self.want_another_wiring()
        first = self.json("apply")
        self.note((first["seq"], first["graph"]))
        began = time.monotonic()
        self.json("undo")
        typical = (time.monotonic() - began) * 1.3 + 0.01
        self.note(self.state())
        counts = {"killed": 0, "acknowledged": 0, "changed": 0, "changed but not told": 0}
        for i in range(KILLS):
            killed, acknowledged, changed = self.one_kill(typical)
            counts["killed"] += killed
            counts["acknowledged"] += acknowledged
            counts["changed"] += changed
            counts["changed but not told"] += changed and not acknowledged
            if i % 20 == 19:
                self.assertTrue(self.json("audit", "--verify")["ok"])
        print(counts, flush=True)
        self.assertGreater(counts["killed"], KILLS // 4, "the kills missed the panel")
        self.every_commit_is_in_the_journal()

    def every_commit_is_in_the_journal(self):
        records = {line["seq"]: line for line in self.run_rtt("audit", "--export", "--json", check=0).lines}
        for seq, graph in self.committed.items():
            self.assertEqual(("COMMIT", graph), (records[seq]["type"], records[seq]["after"]))

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_a_commit_is_synced_before_it_is_answered(self):
        """kill -9 leaves the page cache, so only the order of system calls shows that a sync is missing."""
        probe = subprocess.run(["strace", "-o", "/dev/null", "-e", "trace=getppid", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("strace may not trace here")
        self.want_another_wiring()
        log = self.path("calls.txt")
        traced = subprocess.Popen(
            ["strace", "-f", "-qq", "-y", "-s", "4096", "-o", log, "-e",
             "trace=pwrite64,pwritev,pwritev2,fdatasync,fsync,write,sendto,sendmsg",
             RTT, "panel", "run", "-C", self.ws], env=self.me.env, cwd=self.ws, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.eventually(lambda: os.path.exists(self.path(".rtt/sockets/panel.sock")), 15)
            self.assertEqual("committed", self.json("apply")["state"])
        finally:
            self.run_rtt("panel", "stop")
            self.kill_panels()
            traced.wait(20)
        with open(log, encoding="utf-8", errors="replace") as file:
            calls = file.read().splitlines()
        answered = next(i for i, call in enumerate(calls) if "send" in call and "committed" in call)
        segment = [call for call in calls[:answered] if ".seg>" in call]
        writes = [i for i, call in enumerate(segment) if "pwrite" in call]
        self.assertGreaterEqual(len(writes), 2, "PREPARE and COMMIT are written one after the other")
        for i in writes:
            self.assertIn("sync(", "".join(segment[i + 1:i + 2]), f"written and not synced: {segment[i][:100]}")

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_killed_at_each_write_sync_and_rename(self):
        """The panel dies at the entry of its K-th pwrite64, fdatasync or rename while two changes go on."""
        probe = subprocess.run(["strace", "-o", "/dev/null", "-e", "trace=getppid", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("strace may not trace here")
        self.committed = {}
        end = time.monotonic() + STRACE_SECONDS
        points = died = 0
        for when, call in itertools.product(range(1, 9), ("pwrite64", "fdatasync", "renameat2,rename,renameat")):
            if time.monotonic() > end:
                break
            died += self.one_injection(call, when)
            points += 1
        print(f"{points} points, the panel died at {died} of them", flush=True)
        self.assertGreaterEqual(points, 9)
        self.assertGreaterEqual(died, 4)
        self.assertTrue(self.json("audit", "--verify")["ok"])

    def one_injection(self, call, when):
        before = self.state()
        self.want_another_wiring()
        traced = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
             f"inject={call}:signal=SIGKILL:when={when}",
             RTT, "panel", "run", "-C", self.ws], env=self.me.env, cwd=self.ws, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            socket = self.path(".rtt/sockets/panel.sock")
            self.eventually(lambda: traced.poll() is not None or os.path.exists(socket), 15)
            told = before
            for words in (["apply"], ["rollback", "0"], ["undo"]):
                answer = self.run_rtt(*words, "--json")
                self.assertIn(answer.status, (0, 1, 6), str(answer))
                if answer.status == 0:
                    told = (answer.doc["seq"], answer.doc["graph"])
                if traced.poll() is not None:
                    break
            died = traced.poll() is not None
        finally:
            self.run_rtt("panel", "stop")
            self.kill_panels()
            traced.wait(20)
        self.json("panel", "start")
        after = self.state()
        self.assertGreaterEqual(after[0], told[0], f"{call} {when}: an acknowledged commit is gone")
        if after[0] == told[0]:
            self.assertEqual(told[1], after[1])
        self.note(after)
        self.ok("panel", "stop")
        return died

    def test_a_torn_tail_is_told_cut_and_set_aside(self):
        self.want_another_wiring()
        applied = self.json("apply")
        self.ok("down")
        [segment] = [n for n in os.listdir(self.path(".rtt/wal")) if n.endswith(".seg")]
        path = self.path(".rtt/wal", segment)
        records = self.run_rtt("audit", "--export", "--json", check=0).lines
        data = open(path, "rb").read()
        used = len(data.rstrip(b"\0"))
        with open(path, "r+b") as file:
            file.seek((used + 7) // 8 * 8)
            file.write(b"\x80\0\0\0half a record")
        document = self.json("audit", "--verify", status=7)
        self.assertEqual((False, records[-1]["seq"] + 1), (document["ok"], document["bad_seq"]))
        started = self.run_rtt("panel", "start", check=0)
        self.assertEqual((applied["seq"], applied["graph"]), self.state())
        self.assertTrue(self.json("audit", "--verify")["ok"])
        self.assertTrue([n for n in os.listdir(self.path(".rtt/wal")) if n.startswith("torn-")])
        told = started.text + "".join(line["reason"] + line["action"] for line in self.run_rtt("log", "--json").lines)
        self.assertIn("torn", told)

    def test_damage_in_the_middle_keeps_the_panel_from_starting(self):
        self.want_another_wiring()
        self.ok("apply")
        self.ok("undo")
        self.ok("down")
        os.remove(self.path(".rtt/wal/checkpoints.json"))  # a start behind a checkpoint trusts what it signs
        [segment] = [n for n in os.listdir(self.path(".rtt/wal")) if n.endswith(".seg")]
        with open(self.path(".rtt/wal", segment), "r+b") as file:
            file.seek(64 + 80)
            byte = file.read(1)
            file.seek(64 + 80)
            file.write(bytes([byte[0] ^ 1]))
        document = self.json("audit", "--verify", status=7)
        self.assertEqual((False, 1), (document["ok"], document["bad_seq"]))
        self.run_rtt("status", check=7)
        for words in (["apply"], ["rollback", "0"], ["call", "core/a0"], ["panel", "start"]):
            error = self.refused("RTT0601", 7, *words)
            self.assertIn("record 1 of the journal", error["message"])


if __name__ == "__main__":
    main()
