# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the real panel at random moments, while changes go on and calls travel over a lane between two processes; and
now and then of a driver host as well, which whoever follows has to notice and start again."""
import collections
import json
import os
import re
import signal
import subprocess
import time
import unittest

from chaos_case import RTT, ChaosCase, main

KILLS = int(os.environ.get("RTT_CHAOS_KILLS", "100"))   # make soak: 10,000
MINUTES = int(os.environ.get("RTT_CHAOS_MINUTES", "0"))   # as many kills as come in so long; 0: all
BUILD = os.path.dirname(os.path.dirname(RTT))
CALLER, METRICS, HELLO = "rtt://ui/hook/refresh", "rtt://core/api/metrics", "rtt://core/proc/hello"


class Kills(ChaosCase):
    def setUp(self):
        super().setUp()
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            process.kill()
            process.communicate()

    def start(self, program, *words):
        process = subprocess.Popen([f"{BUILD}/examples/{program}", *words], cwd=self.ws, env=self.me.env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.running.append(process)
        return process

    def routes(self, *pairs):
        """Beside whatever is wired there is always the lane that carries calls, and a route to a driver host."""
        return super().routes((CALLER, METRICS), (CALLER, HELLO), *pairs)

    def allow(self, *pairs):
        return super().allow(*pairs, ("rtt://ui/hook/*", "rtt://core/proc/*"), ("rtt://local/proc/cli", HELLO))

    def kill_host(self):
        for pid in self.gateways():
            try:
                os.kill(pid, signal.SIGKILL)
                self.hosts_killed += 1
            except ProcessLookupError:
                pass

    def served(self):
        """A host is there again, one, and answers."""
        called = self.run_rtt("call", HELLO, "--json", timeout=60)
        self.assertEqual(0, called.status, called)
        self.eventually(lambda: len(self.gateways()) == 1)   # one that found another there is on its way out

    def ready(self):
        """Both of the caller's routes, so that all three processes are attached."""
        mine = [row["state"] for row in self.json("ls", "routes")["routes"] if row["from"].startswith(CALLER + "@")]
        return mine == ["ready"] * 2

    def held(self, *pids):
        """Descriptors, each by what it is, and mapped lanes."""
        counts = collections.Counter()
        for pid in pids:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    counts[f"{pid} " + re.sub(r"[0-9]+", "N", os.readlink(f"/proc/{pid}/fd/{fd}"))] += 1
                except FileNotFoundError:
                    pass
            counts[f"{pid} maps"] = self.proc(pid, "maps").count(b"/memfd:rtt-")
        return counts

    def one_kill(self, typical):
        before = self.state()
        wanted = self.random.choice([one[1] for one in self.wirings if one[1] != before[1]])
        seq = self.newest(wanted)
        began = time.monotonic()
        change = self.command("rollback", str(seq))
        wait = self.random.random() * typical
        while time.monotonic() - began < wait:   # spun, as a kill that comes a millisecond late is another one
            pass
        if self.random.random() < 0.15:   # before, with or behind it
            self.kill_host()
        killed = self.kill_panel()
        if self.random.random() < 0.15:
            self.kill_host()
        answer = self.answer_of(change, f"rollback {seq}, killed after {wait * 1e3:.1f} ms")
        self.check(f"rollback {seq}, killed after {wait * 1e3:.1f} ms", before, wanted, answer)
        return killed

    def test_random_kills_lose_halve_and_leave_nothing(self):
        self.symbol(f"{CALLER}@1.0.0", "consumer")
        self.symbol(f"{METRICS}@1.0.0")
        self.symbol(f"{HELLO}@1.0.0", driver={"use": "process", "params": {"command": "echo", "args": ["hello"]}})
        self.hosts_killed = 0
        self.views = self.random.choice(("links", "copies"))
        self.make_wirings()
        provider = self.start("metrics", ".", METRICS, "m")
        asker = self.start("ask", ".", str(10**9), "10000")
        self.eventually(self.ready)
        began = time.monotonic()
        self.ok("rollback", str(self.wirings[0][0]))
        self.acknowledged.update([self.state()])
        typical = (time.monotonic() - began) * 2.5 + 0.02   # reaches into the start of the next panel too
        kills, before, end = 0, None, time.monotonic() + 60 * MINUTES
        for i in range(KILLS * 3):
            kills += self.one_kill(typical)
            if i == 10:
                self.ok("panel", "start")   # the kill may have found it with its work done
                self.eventually(self.ready)
                before = self.held(provider.pid, asker.pid)
            if i % 20 == 19:
                self.served()
            if i % 500 == 499:
                self.check_journal(f"after {kills} kills")
                print(f"{kills} kills", flush=True)
            if kills >= KILLS or (MINUTES and before and time.monotonic() > end):
                break
        self.assertGreater(kills, i / 3, "most kills found no panel")
        self.ok("panel", "start")
        self.check_journal("at the end")
        self.eventually(self.ready)
        self.served()
        self.check_orphans("at the end", provider.pid, asker.pid, *self.gateways())
        after = self.held(provider.pid, asker.pid)
        if after - before:   # perhaps it is on its way out
            self.eventually(lambda: not self.held(provider.pid, asker.pid) - before,
                            why=f"descriptors and lanes of the endpoints: {before} before, {after - before} more after")
        out, err = asker.communicate("stop\n", timeout=60)
        calls = json.loads(out.splitlines()[-1])
        self.assertEqual(calls["asked"], calls["answered"], f"{calls} {err}")
        self.assertEqual(0, calls["wrong"])
        provider.terminate()
        answered = int(provider.communicate(timeout=30)[0])
        self.assertEqual(calls["asked"], answered, "a call was doubled or lost")
        print(json.dumps({"kills": kills, "hosts_killed": self.hosts_killed, **self.counts, "calls": calls["asked"]}), flush=True)


if __name__ == "__main__":
    main()
