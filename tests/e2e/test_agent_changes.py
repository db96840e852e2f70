# SPDX-License-Identifier: Apache-2.0
"""An agent changes the wiring through rtt_apply and rtt_qc: what a person signed at a terminal, and nothing else."""
import json
import os
import shutil

from mcp_client import McpClient
from rtt_case import RttCase, main

HOOK = "rtt://ui/hook/h0@1.0.0"
SPARE = "rtt://spare/api/a0@1.0.0"


class AgentChanges(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.symbol(SPARE)
        self.allow(("rtt://client/agent/*", "rtt://rtt/*/*"))
        self.wire(2)
        self.plan = self.json("plan")["plan_id"]
        self.ok("panel", "start")
        self.agent = McpClient("rtt", cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: self.agent.process.poll() is None and self.agent.close())
        self.agent.open()

    def asked(self, tool, **arguments):
        return self.agent.call(tool, timeout=60, **arguments)["result"]

    def done(self, tool, **arguments):
        result = self.asked(tool, **arguments)
        self.assertNotIn("isError", result, result)
        return result["structuredContent"]

    def refusal(self, code, tool, **arguments):
        before = self.json("status")["graph"]
        result = self.asked(tool, **arguments)
        self.assertTrue(result.get("isError"), result)
        error = json.loads(result["content"][0]["text"])["error"]
        self.assertEqual(code, error["code"], error)
        self.assertEqual(before, self.json("status")["graph"])
        return error

    def approval(self, plan=None):
        return f".rtt/plans/{plan or self.plan}.approval.json"

    def test_a_plan_nobody_signed_at_a_terminal_is_refused(self):
        self.assertIn(f"rtt sign {self.plan}", self.refusal("RTT0104", "rtt_apply", plan=self.plan)["hint"])
        self.assertIn("terminal", self.refused("RTT0104", 3, "sign", self.plan, "--yes")["message"])
        self.refused("RTT0104", 3, "sign", self.plan)
        shown, status = self.at_terminal("sign", self.plan, "--yes")
        self.assertEqual(3, status, shown)
        shown, status = self.at_terminal("sign", self.plan, answers=[b"n\n"])
        self.assertEqual(3, status, shown)
        self.refusal("RTT0104", "rtt_apply", plan=self.plan)
        self.refusal("RTT0103", "rtt_apply", plan=self.path(".rtt/plans", self.plan + ".plan.json"))

    def test_a_signed_plan_is_applied_once(self):
        shown, status = self.at_terminal("sign", self.plan)
        self.assertEqual(0, status, shown)
        self.assertIn(f"+ {HOOK} -> rtt://core/api/a0@1.0.0", shown)
        first = self.done("rtt_apply", plan=self.plan)
        self.assertEqual(("committed", self.plan, 2), (first["state"], first["plan_id"], first["added"]))
        self.assertEqual(first["graph"], self.json("status")["graph"])
        again = self.done("rtt_apply", plan=self.plan)
        self.assertEqual(("unchanged", first["seq"]), (again["state"], again["seq"]))
        self.assertIn("asked by an agent", self.ok("log", "--json").out)
        # Taken back by a person, it is not done again on the old word, though the wiring is the same again.
        self.ok("undo")
        self.assertIn("commit 0", self.refusal("RTT0510", "rtt_apply", plan=self.plan)["message"])
        self.assertEqual(0, self.at_terminal("sign", self.plan)[1])
        self.assertEqual("committed", self.done("rtt_apply", plan=self.plan)["state"])

    def test_an_approval_is_of_its_plan_its_workspace_and_its_person(self):
        self.assertEqual(0, self.at_terminal("sign", self.plan)[1])
        good = self.read_json(self.approval())
        for key, value, code in (("commit", 7, "RTT0404"), ("plan", "sha256-" + "0" * 64, "RTT0404"),
                                 ("workspace", "/elsewhere", "RTT0404"), ("allow", "all", "RTT0404"),
                                 ("sign", [], "RTT0104")):
            with self.subTest(key):
                self.write(self.approval(), {**good, key: value})
                self.assertIn("rtt sign", self.refusal(code, "rtt_apply", plan=self.plan)["hint"])
        self.write(self.approval(), b"{")
        self.refusal("RTT0201", "rtt_apply", plan=self.plan)
        self.write(self.approval(), good)

        other = os.path.join(self.base, "other")  # the same plan of another workspace of this person
        shutil.copytree(self.ws, other, ignore=shutil.ignore_patterns("sockets", "wal"), dirs_exist_ok=True)
        self.ok("panel", "start", ws=other)
        there = McpClient("rtt", cwd=other, env=self.me.env)
        there.open()
        result = there.call("rtt_apply", plan=self.plan, timeout=60)["result"]
        self.assertIn("RTT0406", result["content"][0]["text"])
        self.assertEqual(0, there.close())

        self.symbol("rtt://core/api/a9@1.0.0")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        self.routes((HOOK.split("@")[0], "rtt://core/api/a9"))
        self.ok("sign", "--yes")
        new = self.json("plan")["plan_id"]
        shutil.copyfile(self.path(self.approval()), self.path(self.approval(new)))  # a word for one is none for another
        self.refusal("RTT0406", "rtt_apply", plan=new)
        # What the old plan was made from holds no more, whoever agreed to it.
        self.ok("apply", new)
        self.refusal("RTT0510", "rtt_apply", plan=self.plan)
        self.refused("RTT0510", 3, "sign", self.plan)

    def test_a_tampered_plan_is_refused(self):
        self.assertEqual(0, self.at_terminal("sign", self.plan)[1])
        name = f".rtt/plans/{self.plan}.plan.json"
        sealed = self.read_json(name)
        sealed["objective"]["churn"] += 1
        self.write(name, sealed)
        self.refusal("RTT0406", "rtt_apply", plan=self.plan)

    def test_a_quick_connect_needs_its_own_signature(self):
        self.ok("apply")
        error = self.refusal("RTT0104", "rtt_qc", **{"from": HOOK, "to": SPARE})
        self.assertIn(f"rtt qc {HOOK} {SPARE} --plan", error["hint"])
        planned = self.json("qc", HOOK, SPARE, "--plan")
        self.assertEqual("planned", planned["state"])
        self.assertTrue(os.path.exists(self.path(planned["path"])))
        self.refusal("RTT0104", "rtt_qc", **{"from": HOOK, "to": SPARE})
        shown, status = self.at_terminal("sign", planned["plan_id"])
        self.assertEqual(0, status, shown)
        self.assertIn(f"+ {HOOK} -> {SPARE}", shown)
        self.refusal("RTT0104", "rtt_qc", **{"from": "rtt://ui/hook/h1@1.0.0", "to": SPARE})
        moved = self.done("rtt_qc", **{"from": HOOK, "to": SPARE})
        self.assertEqual(("committed", planned["plan_id"]), (moved["state"], moved["plan_id"]))
        self.assertEqual("unchanged", self.done("rtt_qc", **{"from": HOOK, "to": SPARE})["state"])

    def test_without_a_panel_nothing_is_changed(self):
        self.assertEqual(0, self.at_terminal("sign", self.plan)[1])
        self.kill(self.panel_pid())
        result = self.asked("rtt_apply", plan=self.plan)
        self.assertIn("rtt panel start", result["content"][0]["text"])
        self.assertEqual([], self.panels())


if __name__ == "__main__":
    main()
