# SPDX-License-Identifier: Apache-2.0
"""Quick connect: one edge moved at once, by a signed plan that later plans keep."""
from rtt_case import RttCase, main

HOOK = "rtt://ui/hook/refresh@1.0.0"
MAIN = "rtt://core/api/metrics@1.2.0"
SPARE = "rtt://spare/api/metrics@1.0.0"


class QuickConnect(RttCase):
    """One consumer, two providers of one type with a process driver each, wired to the first."""

    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.symbol(HOOK, "consumer")
        for saddr, word in ((MAIN, "main"), (SPARE, "spare")):
            self.symbol(saddr, driver={"use": "process", "params": {"command": "echo", "args": [word]}})
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        self.routes(("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1"))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.before = self.json("apply")

    def wired(self):
        return [(r["from"], r["to"], r["origin"]) for r in self.json("ls", "routes")["routes"]]

    def sign_policy(self, **keys):
        self.write(".rtt/policy.json", {**self.read_json(".rtt/policy.json"), **keys})
        self.ok("sign", "--yes")

    def test_moves_the_edge_and_planning_keeps_it(self):
        latest = self.read(".rtt/plans/LATEST")
        moved = self.json("qc", "refresh", "spare/api/metrics")
        self.assertEqual(("committed", HOOK, SPARE, MAIN, 1, 1),
                         tuple(moved[k] for k in ("state", "from", "to", "replaced", "added", "deleted")))
        self.assertGreater(moved["seq"], self.before["seq"])
        self.assertGreater(moved["flip_ns"], 0)
        self.assertNotEqual(self.before["graph"], moved["graph"])
        self.assertEqual([(HOOK, SPARE, "qc")], self.wired())

        sealed = self.read_json(f".rtt/plans/{moved['plan_id']}.plan.json")
        self.assertEqual("rtt://core/api/metrics@^1", sealed["routes_add"][0]["replaces"])
        self.assertTrue(sealed["sign"])
        self.assertEqual(latest, self.read(".rtt/plans/LATEST"))
        [commit] = [line for line in self.run_rtt("log", "--json", check=0).lines if line.get("seq") == moved["seq"]]
        self.assertEqual("qc", commit["action"])

        plan = self.json("plan")
        self.assertEqual(([], [], 1), (plan["add"], plan["del"], plan["unchanged"]))
        self.assertEqual([SPARE], [route["to"] for route in plan["qc"]])
        self.assertIn(f"= {HOOK} -> {SPARE}", self.ok("plan").out)
        self.assertIn("(qc)", self.ok("plan").out)
        self.ok("plan", "--check")
        self.ok("check")
        self.assertEqual("unchanged", self.json("apply")["state"])

        again = self.json("qc", f"{HOOK} -> {SPARE}")
        self.assertEqual(("unchanged", moved["seq"], moved["graph"], 0),
                         tuple(again[k] for k in ("state", "seq", "graph", "flip_ns")))

    def test_undo_and_reset_lead_back(self):
        self.ok("qc", HOOK, SPARE)
        undone = self.json("undo")
        self.assertEqual(("committed", self.before["graph"]), (undone["state"], undone["graph"]))
        self.assertIn(f"~ {HOOK} -> {SPARE}  was {MAIN}", self.ok("qc", HOOK, SPARE).out)
        self.ok("plan", "--reset")
        self.assertEqual(self.before["graph"], self.json("apply")["graph"])

    def test_goes_with_a_changed_reference(self):
        self.ok("qc", HOOK, SPARE)
        self.routes(("rtt://ui/hook/refresh", "rtt://core/api/metrics@1.2.0"))
        self.ok("sign", "--yes")
        plan = self.json("plan")
        self.assertEqual(([MAIN], [SPARE]), tuple([r["to"] for r in plan[k]] for k in ("add", "del")))

    def test_a_renewed_contract_stays_connected_without_an_allow_rule(self):
        self.ok("qc", HOOK, SPARE)
        self.symbol(SPARE, driver={"use": "process", "params": {"command": "echo", "args": ["renewed"]}})
        self.ok("sign", "--yes")
        self.assertEqual([SPARE], [r["to"] for r in self.json("plan")["add"]])
        self.assertEqual("committed", self.json("apply")["state"])
        self.assertEqual([(HOOK, SPARE, "qc")], self.wired())

    def test_without_a_route_of_the_type_it_adds(self):
        self.symbol("rtt://spare/tool/grep@1.0.0")
        self.ok("sign", "--yes")
        added = self.json("qc", "ui/refresh", "grep")
        self.assertEqual(("committed", None, 1, 0),
                         tuple(added[k] for k in ("state", "replaced", "added", "deleted")))
        self.assertEqual(2, self.json("plan")["unchanged"])

    def test_several_are_listed(self):
        self.symbol("rtt://core/api/other@1.0.0")
        self.routes(("rtt://ui/hook/refresh", "rtt://core/api/metrics@^1"),
                    ("rtt://ui/hook/refresh", "rtt://core/api/other"))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.ok("apply")
        error = self.refused("RTT0106", 2, "qc", HOOK, SPARE)
        self.assertIn(MAIN, error["message"])
        self.assertIn("rtt://core/api/other@1.0.0", error["message"])
        self.assertEqual(2, len(self.wired()))

    def test_the_policy_refuses(self):
        self.sign_policy(qc=[])
        self.assertIn("policy.json", str(self.refused("RTT0412", 3, "qc", HOOK, SPARE)))
        self.sign_policy(qc=[{"from": "rtt://local/proc/cli", "to": "rtt://spare/*/*"}],
                         deny=[{"from": "rtt://ui/hook/*", "to": "rtt://spare/api/*"}])
        error = self.refused("RTT0412", 3, "qc", HOOK, SPARE)
        self.assertIn("policy.json:", error["where"])
        self.assertEqual([(HOOK, MAIN, "routes")], self.wired())
        self.sign_policy(deny=[])
        self.ok("qc", HOOK, SPARE)

    def test_wrong_words_are_answered_with_the_nearest(self):
        self.assertIn("refresh", self.refused("RTT0105", 1, "qc", "refersh", SPARE)["hint"])
        self.assertIn("spare/api/metrics", self.refused("RTT0105", 1, "qc", HOOK, "rtt://spare/api/metrisc")["hint"])
        self.assertIn("provider only", self.refused("RTT0509", 1, "qc", "spare/api/metrics", SPARE)["message"])
        self.assertIn("consumer only", self.refused("RTT0509", 1, "qc", HOOK, HOOK)["message"])
        self.refused("RTT0106", 2, "qc", HOOK, "metrics")
        error = self.refused("RTT0107", 2, "qc", HOOK, "-")
        self.assertIn("redirection", error["message"])

    def test_a_provider_that_cannot_start_changes_nothing(self):
        self.symbol("rtt://spare/api/broken@1.0.0",
                    driver={"use": "process", "params": {"command": "/nowhere/at-all", "args": []}})
        self.ok("sign", "--yes")
        failed = self.json("qc", HOOK, "spare/api/broken", status=5)
        self.assertEqual(("rolled_back", self.before["graph"]), (failed["state"], failed["graph"]))
        self.assertEqual([(HOOK, MAIN, "routes")], self.wired())


if __name__ == "__main__":
    main()
