# SPDX-License-Identifier: Apache-2.0
"""`rtt apply --canary`: a part of a plan is wired and watched; a good one is promoted, a bad one goes back by itself, and a
panel that dies meanwhile leaves no part behind."""
import json
import os
import re
import signal

from rtt_case import RTT, main
from test_endpoints import BUILD, POLICY, EndpointsCase

ASK_ALL = f"{BUILD}/examples/ask_all"
SERVE = f"{BUILD}/examples/serve"
CONSUMER = "rtt://ui/hook/refresh"
PORTS = [f"rtt://core/api/m{i}" for i in range(10)]


def contract(saddr, kind, direction, **more):
    return {"$schema": "https://rtt/spec/v1",
            "symbol": {"saddr": saddr, "type": kind, "direction": direction, **more}}


class CanaryCase(EndpointsCase):
    BUDGET = {}   # of the consumer's contract

    def setUp(self):
        super().setUp()
        contracts = [contract(f"{CONSUMER}@1.0.0", "hook", "consumer", **self.BUDGET)]
        contracts += [contract(f"{port}@{version}#{variant}", "api", "provider")
                      for port in PORTS for version, variant in (("1.0.0", "old"), ("2.0.0", "new"))]
        self.write("manifests/panel.api.json", {"contracts": contracts})
        self.write("policy.json", POLICY)
        self.want("old")
        self.ok("apply")
        self.before = self.json("status")["graph"]

    def write(self, name, document):
        with open(f"{self.ws}/.rtt/{name}", "w") as file:
            json.dump(document, file)

    def want(self, variant, ports=PORTS):
        self.write("routes.json", {"routes": [{"from": CONSUMER, "to": f"{port}#{variant}"} for port in ports]})
        self.ok("sign", "--yes")
        self.ok("plan")

    def serve(self, variant, how):
        return self.start(SERVE, ".", " ".join(f"{port}#{variant}" for port in PORTS), how)

    def routes(self):
        return self.json("ls", "routes")["routes"]

    def new_routes(self):
        return [route for route in self.routes() if route["to"].endswith("#new")]

    def in_use(self, new):
        """Both providers and the asker are there, and every route carries calls; then the new ones are wanted."""
        self.serve("old", "good")
        provider = self.serve("new", new)
        asker = self.start(ASK_ALL, ".", CONSUMER, "2000", *PORTS)
        self.wait_for(lambda: all(route["state"] == "ready" for route in self.routes()))
        self.wait_for(lambda: self.attached(provider.pid))
        self.want("new")
        return asker

    def canary(self, percent=10, window="2s"):
        return self.start(RTT, "apply", "--canary", str(percent), "--window", window, "--json")

    def audit(self, action):
        return [line for line in self.run_rtt("audit", "--json").lines if line["action"] == action]

    def answer(self, process):
        out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out.splitlines()[-1]), err


class Verdicts(CanaryCase):
    def test_a_good_canary_is_promoted(self):
        self.in_use("good")
        applying = self.canary()
        self.wait_for(lambda: len(self.new_routes()) == 1)   # 10 % of ten
        code, answer, err = self.answer(applying)
        self.assertEqual((0, "committed"), (code, answer["state"]), f"{answer} {err}")
        self.assertEqual({"of": 10, "routes": 1, "window_ms": 2000}, answer["canary"])
        self.assertEqual(10, len(self.new_routes()))
        self.assertIn("1 of 10 routes", self.audit("canary")[0]["reason"])
        self.assertRegex(self.audit("promote")[0]["reason"], r"calls answered, 0 errors, p99 \d+ us")
        self.ok("undo")
        self.assertEqual(self.before, self.json("status")["graph"], "undone with its canary")

    def goes_back(self, how, why):
        self.in_use(how)
        code, answer, err = self.answer(self.canary(window="60s"))   # it does not take that long
        self.assertEqual((5, "rolled_back"), (code, answer["state"]), f"{answer} {err}")
        self.assertRegex(answer["reason"], why)
        self.assertEqual(self.before, self.json("status")["graph"])
        self.assertEqual([], self.new_routes())
        self.assertEqual(1, len(self.audit("canary")))
        self.assertRegex(self.audit("rollback")[-1]["reason"], why)
        self.assertEqual([], self.audit("promote"))

    def test_a_failing_canary_goes_back(self):
        self.goes_back("failing", r"\d+ of \d+ calls over the watched routes failed")

    def test_a_slow_canary_goes_back(self):
        self.goes_back("slow", r"p99 of the watched routes is \d+ us")

    def test_a_canary_that_nobody_calls_goes_back(self):
        self.want("new")
        code, answer, _ = self.answer(self.canary(window="1s"))
        self.assertEqual(5, code, answer)
        self.assertIn("no call came", answer["reason"])
        self.assertEqual(self.before, self.json("status")["graph"])


class Whole(CanaryCase):
    """--canary 100: there is no rest to compare with, and the contracts say how slow is too slow."""
    BUDGET = {"qos": {"latency_budget_ms": 3000}}

    def test_a_whole_plan_that_keeps_its_budget_stays(self):
        self.in_use("good")
        code, answer, err = self.answer(self.canary(100))
        self.assertEqual((0, "committed"), (code, answer["state"]), f"{answer} {err}")
        self.assertEqual({"of": 10, "routes": 10, "window_ms": 2000}, answer["canary"])
        self.assertEqual(10, len(self.new_routes()))
        self.assertEqual(1, len(self.audit("promote")))
        self.ok("down")
        self.ok("panel", "start")
        self.assertEqual(10, len(self.new_routes()), "it is decided, so the next panel leaves it")
        self.ok("undo")
        self.assertEqual(self.before, self.json("status")["graph"])


class OverBudget(CanaryCase):
    BUDGET = {"qos": {"latency_budget_ms": 1}}

    def test_a_route_slower_than_its_contract_goes_back(self):
        self.in_use("slow")
        code, answer, err = self.answer(self.canary(100, window="60s"))
        self.assertEqual((5, "rolled_back"), (code, answer["state"]), f"{answer} {err}")
        self.assertRegex(answer["reason"], r"p99 of .* is \d+ us, and its contract allows 1000 us")
        self.assertEqual(self.before, self.json("status")["graph"])
        self.assertEqual([], self.new_routes())


class Verified(CanaryCase):
    """A window alone: all that the plan adds is watched, and what nobody called stays."""
    BUDGET = {"qos": {"latency_budget_ms": 1}}

    def configure(self, window_ms):
        with open(f"{self.ws}/.rtt/panel.yaml") as file:
            text = file.read()
        with open(f"{self.ws}/.rtt/panel.yaml", "w") as file:
            file.write(re.sub(r"verify_window_ms: \d+", f"verify_window_ms: {window_ms}", text))
        self.ok("sign", "--yes")

    def apply(self, *words):
        return self.answer(self.start(RTT, "apply", *words, "--json"))

    def test_what_nobody_called_stays(self):
        self.want("new")
        code, answer, err = self.apply("--window", "1s")
        self.assertEqual((0, "committed"), (code, answer["state"]), f"{answer} {err}")
        self.assertEqual({"of": 10, "routes": 10, "window_ms": 1000}, answer["canary"])
        self.assertEqual(["0 calls answered, 0 errors, p99 0 us"],
                         [line["reason"].rpartition(": ")[2] for line in self.audit("promote")])
        self.want("old")
        self.assertNotIn("canary", self.json("apply"), "nobody asked for a window")

    def test_what_the_plan_takes_away_goes_at_once(self):
        self.want("new", PORTS[7:])   # the numbers of routes that go are given again
        applying = self.start(RTT, "apply", "--window", "100s", "--json")
        self.wait_for(lambda: len(self.new_routes()) == 3)
        self.assertEqual(3, len(self.routes()))
        self.ok("undo")
        code, answer, err = self.answer(applying)
        self.assertEqual((5, "rolled_back"), (code, answer["state"]), f"{answer} {err}")
        self.assertEqual(self.before, self.json("status")["graph"])

    def test_what_fails_goes_back(self):
        self.in_use("failing")
        code, answer, err = self.apply("--window", "60s")
        self.assertEqual((5, "rolled_back"), (code, answer["state"]), f"{answer} {err}")
        self.assertRegex(answer["reason"], r"calls over the watched routes failed")
        self.assertEqual(self.before, self.json("status")["graph"])

    def test_the_configuration_asks_for_it_of_every_apply(self):
        self.configure(60000)
        self.in_use("slow")
        code, answer, err = self.apply()
        self.assertEqual((5, "rolled_back"), (code, answer["state"]), f"{answer} {err}")
        self.assertRegex(answer["reason"], r"p99 of .* is \d+ us, and its contract allows 1000 us")
        self.assertEqual(self.before, self.json("status")["graph"])
        code, answer, err = self.apply("--window", "0")
        self.assertEqual((0, "committed"), (code, answer["state"]), f"{answer} {err}")
        self.assertNotIn("canary", answer)


class Ends(CanaryCase):
    def watched(self):
        self.in_use("good")
        applying = self.canary(window="200s")
        self.wait_for(lambda: len(self.new_routes()) == 1)
        self.wait_for(lambda: self.audit("canary"))
        return applying

    def test_undo_ends_it(self):
        applying = self.watched()
        self.assertEqual("committed", self.json("undo")["state"])
        code, answer, _ = self.answer(applying)
        self.assertEqual(5, code)
        self.assertIn("rtt undo was asked for", answer["reason"])
        self.assertEqual(self.before, self.json("status")["graph"])

    def test_the_next_panel_takes_it_back(self):
        applying = self.watched()
        os.kill(self.json("status")["pid"], signal.SIGKILL)
        applying.communicate(timeout=60)
        self.ok("panel", "start")
        self.wait_for(lambda: self.json("status")["graph"] == self.before)
        self.assertRegex(self.audit("rollback")[-1]["reason"], r"canary \d+ was in force when its panel ended")

    def test_what_cannot_be_a_canary_is_refused(self):
        self.want("new")
        for words, why in ((("--canary", "0"), "1 to 100"), (("--canary", "10", "--window", "5m"), "not from"),
                           (("--canary", "10", "--window", "soon"), "soon"), (("--window", "5m"), "not from"),
                           (("--window", "10ms"), "not from")):
            refused = self.run_rtt("apply", *words)
            self.assertEqual(2, refused.status, refused)
            self.assertIn(why, refused.err)
        self.assertEqual(self.before, self.json("status")["graph"])


if __name__ == "__main__":
    main()
