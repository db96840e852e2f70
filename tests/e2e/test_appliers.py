#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many who apply, roll back and undo at one time: one after the other, each whole, and nobody is told what is not so."""
import json
import subprocess

from rtt_case import RTT, RttCase, main

APPLIERS, ROUNDS, PAIRS = 8, 5, 4


class Appliers(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        for i in range(PAIRS):
            self.symbol(f"rtt://ui/hook/h{i}@1.0.0", "consumer")
            self.symbol(f"rtt://core/api/a{i}@1.0.0")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))

    def plan(self, shift):
        self.routes(*[(f"rtt://ui/hook/h{i}", f"rtt://core/api/a{(i + shift) % PAIRS}") for i in range(PAIRS)])
        self.ok("sign", "--yes")
        return self.json("plan")["plan_id"]

    def together(self, *commands):
        """Each started before any is waited for; what they answered, and with what status."""
        running = [subprocess.Popen([RTT, *words, "--json"], cwd=self.ws, env=self.me.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for words in commands]
        ended = [(process, *process.communicate(timeout=120)) for process in running]
        return [(process.returncode, json.loads(out.splitlines()[-1])) for process, out, _ in ended]

    def commits(self):
        return [line for line in self.run_rtt("audit", "--export", "--json").lines if line["type"] == "COMMIT"]

    def test_one_plan_that_eight_apply_is_committed_once(self):
        for shift in range(ROUNDS):
            plan, before = self.plan(shift % PAIRS if shift < PAIRS else 0), len(self.commits())
            answers = self.together(*[("apply", plan)] * APPLIERS)
            self.assertEqual([0] * APPLIERS, [status for status, _ in answers], answers)
            self.assertEqual(1, [answer["state"] for _, answer in answers].count("committed"), answers)
            self.assertEqual(1, len({(answer["seq"], answer["graph"]) for _, answer in answers}), answers)
            self.assertEqual(before + 1, len(self.commits()))

    def test_eight_plans_from_one_graph_are_committed_once_and_stale_else(self):
        plans = [self.plan(shift) for shift in range(PAIRS)] * (APPLIERS // PAIRS)
        answers = self.together(*[("apply", plan) for plan in plans])
        won = {answer["plan_id"] for _, answer in answers if answer.get("state") == "committed"}
        self.assertEqual(1, len(won), answers)
        for plan, (status, answer) in zip(plans, answers):
            if plan in won:
                self.assertEqual(0, status, answer)
            else:
                self.assertEqual((3, "RTT0510"), (status, answer["error"]["code"]), answer)
        self.assertEqual(1, len(self.commits()))

    def test_applies_undos_and_rollbacks_at_once_leave_one_whole_history(self):
        for shift in range(2):
            self.plan(shift)
            self.ok("apply")
        first, second = self.commits()
        known = {first["before"], first["after"], second["after"]}
        for _ in range(ROUNDS):
            answers = self.together(*[("undo",), ("rollback", str(first["seq"])), ("undo",), ("rollback", str(second["seq"]))] * 2)
            for status, answer in answers:
                self.assertEqual(0, status, answer)
        history = self.commits()
        for one, after in zip(history, history[1:]):
            self.assertEqual(one["after"], after["before"])
        self.assertLessEqual({line["after"] for line in history}, known, "half a change")
        self.assertEqual(history[-1]["after"], self.json("status")["graph"])
        self.ok("audit", "--verify")


if __name__ == "__main__":
    main()
