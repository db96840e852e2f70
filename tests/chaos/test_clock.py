# SPDX-License-Identifier: Apache-2.0
"""The wall clock of everything jumps, an hour, a day and a year, forward and back, under a panel, its drivers and its
clients: nothing is rolled back, tripped, refused or reordered by it."""
import datetime
import json
import os
import subprocess
import sys

from chaos_case import RTT, ChaosCase, main

HOUR = 3_600_000
JUMPS = (HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 366 * 24 * HOUR, -366 * 24 * HOUR, 0)
DRIVER = '''
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    n, method, params = request["id"], request["method"], request["params"]
    reply = {"hello": {"ver": 1, "name": "echo", "language": "python", "methods": ["open", "tx", "rx", "health", "close"]},
             "open": {"link": "l"}, "tx": {"bytes": 1}, "rx": {"payload": "\\"here\\""}, "close": {},
             "health": {"ok": True, "lag_ms": 0, "qdepth": 0}}[method]
    print(json.dumps({"jsonrpc": "2.0", "id": n, "result": reply}), flush=True)
'''


class Clock(ChaosCase):
    def setUp(self):
        super().setUp()
        self.clock = os.path.join(self.base, "clock")
        self.me.env["RTT_CLOCK_SHIFT"] = self.clock
        self.shift(0)

    def shift(self, ms):
        with open(self.clock + ".new", "w") as file:
            file.write(f"{ms}\n")
        os.rename(self.clock + ".new", self.clock)

    def stamps(self):
        return [line["ts"] for line in self.run_rtt("log", "--json", check=0).lines]

    def test_nothing_hangs_on_the_wall_clock(self):
        self.write(".rtt/drivers/echo/driver.json", {"name": "echo", "exec": [sys.executable, "-B", "-c", DRIVER], "wire": "json"})
        self.symbol("rtt://demo/api/echo@1.0.0", driver={"use": "echo", "params": {}})
        self.make_wirings(2)
        self.ok("panel", "start")
        self.assertEqual("here", self.json("call", "demo/echo", "x=1")["result"])
        panel = self.panel_of()
        drivers = [(row["name"], row["pid"], row["restarts"]) for row in self.json("status")["drivers"]]
        self.assertTrue(drivers)
        for jump in JUMPS:
            self.shift(jump)
            why = f"the clock is {jump} ms off"
            seq, wanted, _ = next(one for one in self.wirings if one[1] != self.state()[1])
            before = self.state()
            answer = self.answer_of(self.command("rollback", str(seq)), why)
            self.assertEqual("committed", answer.get("state"), f"{why}: {answer}")
            self.check(why, before, wanted, answer)
            self.assertEqual("here", self.json("call", "demo/echo", "x=1")["result"], why)
            status = self.json("status")
            self.assertEqual(panel, status["pid"], why)
            self.assertEqual(drivers, [(row["name"], row["pid"], row["restarts"]) for row in status["drivers"]], why)
            self.assertTrue(all(row["state"] == "ready" for row in status["drivers"]), why)
            # A plan made under one clock holds under the next; nothing is due again because of its date.
            planned = wanted == self.wirings[-1][1]  # else what was taken back is pending, as under any clock
            self.assertEqual(0 if planned else 4, self.run_rtt("check").status, why)
            self.assertTrue(self.json("audit", "--verify")["ok"], why)
        self.check_journal("after all jumps")
        shown = self.stamps()
        self.assertEqual([f"{offset:+d}" for offset in self.signs(shown)], ["+1", "-1"] * 3 + ["+0"],
                         "the clock of the journal's records did not jump: the test shifts nothing")

    def signs(self, stamps):
        """Of each of the last commits: which way its clock was off."""
        now = datetime.datetime.now(datetime.timezone.utc)
        ages = [(datetime.datetime.fromisoformat(ts.replace("Z", "+00:00")) - now).total_seconds() for ts in stamps[-len(JUMPS):]]
        return [(age > 1800) - (age < -1800) for age in ages]

    def test_a_restart_under_a_clock_that_went_back_goes_on_behind_the_same_commit(self):
        self.make_wirings(2)
        self.shift(366 * 24 * HOUR)
        self.ok("rollback", str(self.wirings[0][0]))
        before = self.state()
        self.acknowledged[before[0]] = before[1]
        self.kill_panel()
        self.shift(-366 * 24 * HOUR)
        self.ok("panel", "start")
        self.assertEqual(before, self.state())
        self.ok("rollback", str(self.wirings[1][0]))
        self.acknowledged.update([self.state()])
        self.check_journal("under a clock that went back two years")


if __name__ == "__main__":
    main()
