# SPDX-License-Identifier: Apache-2.0
"""What the command line says when files are wrong, absent or not yet signed, and when history is asked for."""
import json
import os
import subprocess

from rtt_case import RTT, RttCase, main

APPLIERS = 8


class BrokenFiles(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")

    def test_routes_that_cannot_be_read_are_told_and_nothing_is_planned(self):
        self.wire(1)
        self.ok("plan")
        self.ok("apply")
        plans = os.listdir(self.path(".rtt/plans"))
        for content in ('{"routes":["a -> b"]}', "", '{"routes":[', '{"routes":[],"raotes":[]}'):
            with self.subTest(content):
                self.write(".rtt/routes.json", content)
                text = self.run_rtt("plan", check=3)
                self.assertIn(".rtt/routes.json", text.out)
                self.assertIn("error RTT02", text.out)
                self.assertNotIn("nothing to change", text.text)
                document = self.json("plan", status=3)
                self.assertRegex(document["error"]["where"], r"^\.rtt/routes\.json")
                self.assertIn("rtt sign .rtt/routes.json", document["error"]["hint"])
                self.assertNotIn("path", document)
                self.assertEqual(plans, os.listdir(self.path(".rtt/plans")))
                self.run_rtt("plan", "--check", check=3)
                signed = self.run_rtt("sign", "--yes", check=1)
                self.assertIn(".rtt/routes.json", signed.out)
                self.assertTrue(self.json("sign", "--yes", status=1)["problems"])
                up = self.run_rtt("up", "--yes")
                self.assertEqual(1, up.status, str(up))
                self.assertIn(".rtt/routes.json", up.text)
                self.assertNotIn("everything is in place", up.text)

    def test_a_broken_panel_yaml_too(self):
        self.write(".rtt/panel.yaml", "routing: [\n")
        self.assertIn(".rtt/panel.yaml", self.run_rtt("plan", check=3).text)
        self.assertIn(".rtt/panel.yaml", self.run_rtt("sign", "--yes", check=1).text)

    def test_what_is_only_unsigned_is_told_and_planned_without(self):
        self.wire(1)
        self.symbol("rtt://core/api/new@1.0.0")
        plan = self.ok("plan")
        self.assertIn("RTT0401", plan.out)
        self.assertIn("+ rtt://ui/hook/h0", plan.out)
        self.assertEqual([], [p for p in self.json("sign", "--yes")["problems"] if p["severity"] == "error"])
        self.assertNotIn("RTT0401", self.ok("plan").out)

    def test_a_denial_under_an_unsigned_policy_says_what_to_sign(self):
        self.symbol("rtt://ui/hook/h0@1.0.0", "consumer")
        self.symbol("rtt://core/api/a0@1.0.0")
        self.routes(("rtt://ui/hook/h0", "rtt://core/api/a0"))
        self.ok("sign", "--yes")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        error = self.json("plan", status=1)["error"]
        self.assertEqual(("RTT0412", "rtt sign .rtt/policy.json"), (error["code"], error["hint"]))
        text = self.run_rtt("plan", check=1)
        self.assertIn("RTT0405", text.out)
        self.assertEqual(1, text.err.count("rtt://core/api/a0"), text.err)  # the route is named once
        self.ok("sign", "--yes")
        self.ok("plan")

    def test_an_absent_policy_is_told(self):
        self.wire(1)
        os.remove(self.path(".rtt/policy.json"))
        for words, status in ((["plan"], 1), (["sign", "--yes"], 0), (["lint"], 0), (["scan"], 0)):
            with self.subTest(words):
                self.assertIn("there is no policy.json", self.run_rtt(*words, check=status).out)
        self.ok("init", "--yes")
        self.assertNotIn("there is no policy.json", self.ok("scan").out)

    def test_lint_of_one_path(self):
        self.agent("good")
        self.write("agents/bad.md", "---\nname: bad\ntools: [nonsense]\n---\nx\n")
        self.ok("sign", "--yes", "agents/good.md")
        for path in ("agents/bad.md", "agents", ".", self.path("agents/bad.md")):
            answer = self.run_rtt("lint", path, check=1)
            self.assertIn("agents/bad.md:3", answer.out, path)
        self.ok("lint", "agents/good.md")
        self.assertIn("bad.md", self.run_rtt("lint", "bad.md", cwd=self.path("agents"), check=1).out)
        self.refused("RTT0105", 1, "lint", "agents/absent.md")
        self.refused("RTT0304", 1, "lint", "/etc/passwd")

    def test_check_says_that_changes_are_pending(self):
        self.wire(1)
        self.ok("plan")
        self.ok("apply")
        self.routes()
        self.ok("sign", "--yes")
        answer = self.run_rtt("check", check=4)
        self.assertIn("changes are pending", answer.out)
        self.assertIn("rtt plan", answer.out)
        self.assertTrue(self.json("check", status=4)["pending"])


class Places(RttCase):
    """Where a problem is: a file and a line, or a route."""

    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")

    def test_an_agents_wish_is_named_by_file_and_line(self):
        self.write("agents/a.md", "---\nname: a\nsaddr: rtt://common/agent/a@1.0.0\ntools:\n"
                   "  - rtt://x/tool/one\n  - rtt://x/tool/two\n---\nx\n")
        self.symbol("rtt://x/tool/one@1.0.0")
        self.symbol("rtt://core/service/s@1.0.0", "both",
                    requires=[{"to": "rtt://x/tool/one"}, {"to": "rtt://x/tool/none"}])
        self.allow(("rtt://*/*/*", "rtt://x/tool/*"))
        self.ok("sign", "--yes")
        conflicts = self.json("plan", status=1)["error"]["conflict"]
        conflict = {c["constraint"].split(" ")[0]: c["where"] for c in conflicts}
        self.assertEqual("agents/a.md:6", conflict["rtt://common/agent/a@1.0.0"])
        self.assertRegex(conflict["rtt://core/service/s@1.0.0"], r"^services/core-service-s/rtt\.manifest\.json:\d+$")
        with open(self.path("services/core-service-s/rtt.manifest.json"), encoding="ascii") as file:
            lines = file.read().splitlines()
        first = int(conflict["rtt://core/service/s@1.0.0"].split(":")[1]) - 1
        self.assertIn("rtt://x/tool/none", "".join(lines[first:first + 3]), "the wish begins on that line")
        self.assertNotIn("rtt://x/tool/one", "".join(lines[first:]))
        problems = self.json("check", status=1)["problems"]
        self.assertIn(("agents/a.md", 6), [(p["file"], p["line"]) for p in problems])
        self.symbol("rtt://x/tool/two@1.0.0")
        self.symbol("rtt://x/tool/none@1.0.0")
        self.ok("sign", "--yes")
        because = [line for route in self.json("plan", "--explain")["add"] for line in route["explain"]["because"]]
        self.assertIn("wanted by agents/a.md:5", because)
        self.assertIn("wanted by agents/a.md:6", because)

    def test_a_refused_call_names_its_route_or_its_file(self):
        self.symbol("rtt://x/api/a@1.0.0")
        self.symbol("rtt://y/api/b@1.0.0")
        self.write(".rtt/policy.json", '{"deny": [\n {"from": "rtt://local/proc/cli", "to": "rtt://y/api/*"}]}')
        self.ok("sign", "--yes")
        where = self.refused("RTT0412", 3, "call", "x/a")["where"]
        self.assertEqual("rtt://local/proc/cli@0.0.0 -> rtt://x/api/a@1.0.0", where)
        self.assertEqual(".rtt/policy.json:2", self.refused("RTT0412", 3, "call", "y/b")["where"])
        self.symbol("rtt://z/api/c@1.0.0")
        where = self.refused("RTT0401", 3, "call", "z/c")["where"]
        self.assertTrue(where.endswith("rtt.manifest.json"), where)

    def test_every_refusal_says_what_to_try(self):
        for words, status in ((["status", "-C", "/nonexistent"], 1), (["mcp", "import", "nofile.json", "--yes"], 1),
                              (["rollback", "99"], 2), (["log", "--since", "frob"], 2), (["sign", "nofile"], 1),
                              (["lint", "nofile"], 1)):
            with self.subTest(words):
                error = self.json(*words, status=status)["error"]
                self.assertTrue(error["hint"], error)
                self.assertNotEqual("rtt lint", error["hint"])


class Plans(RttCase):
    def test_plans_are_listed_as_the_page_says(self):
        self.ok("init", "--yes")
        self.wire(2)
        first = self.json("plan")
        self.routes(("rtt://ui/hook/h0", "rtt://core/api/a1"))
        self.ok("sign", "--yes")
        second = self.json("plan")
        self.routes()
        self.ok("sign", "--yes")
        third = self.json("plan")
        rows = self.json("ls", "plans")["plans"]
        self.assertEqual([p["plan_id"] for p in (first, second, third)], [row["plan_id"] for row in rows])
        key = self.json("ls", "keys")["keys"][0]["key_id"]
        for row, plan in zip(rows, (first, second, third)):
            self.assertEqual((plan["base"], key, len(plan["add"]), len(plan["del"]), "trusted"),
                             tuple(row[k] for k in ("base", "signed_by", "add", "del", "state")))
        self.assertEqual([False, False, True], [row["latest"] for row in rows])
        table = self.ok("ls", "plans").out
        self.assertIn(key, table)
        self.assertNotIn("unsigned", table)
        self.assertIn(first["base"][:19], table)
        self.assertEqual(3, len(self.json("ls", "plans", key)["plans"]), "the filter looks at every field")


class History(RttCase):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()
        policy = self.read_json(".rtt/policy.json")
        self.write(".rtt/policy.json", {**policy, "deny": [{"from": "rtt://local/proc/cli", "to": "rtt://core/api/*"}]})
        self.wire(2)
        self.ok("plan")
        self.applied = self.json("apply")
        self.routes(("rtt://ui/hook/h0", "rtt://core/api/a0"))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.second = self.json("apply")
        self.ok("call", "notes/echo", "message=1")
        self.run_rtt("call", "core/a0", check=3)

    def lines(self, verb, *words):
        return self.run_rtt(verb, *words, "--json", check=0).lines

    def test_history_is_asked_by_route_actor_and_action(self):
        commits = [line["seq"] for line in self.lines("log", "--action", "apply")]
        self.assertEqual([self.applied["seq"], self.second["seq"]], commits)
        self.assertEqual(commits, [line["seq"] for line in self.lines("log", "--route", "ui/hook/h1 -> core/api/a1")])
        self.assertEqual(commits[:1], [line["seq"] for line in self.lines("log", "--route", "rtt://ui/hook/h0@*",
                                                                         "--action", "apply")])
        self.assertEqual(commits[:1], [line["seq"] for line in
                                       self.lines("log", "--route", "rtt://ui/hook/h0 -> rtt://core/api/a0")])
        self.assertEqual([], self.lines("log", "--route", "core/api/a1 -> ui/hook/h1"))
        [refused] = self.eventually(lambda: self.lines("log", "--route", "core/api/a0", "--action", "refused"))
        self.assertIn("rtt://core/api/a0", refused["reason"])
        key = self.json("ls", "keys")["keys"][0]["key_id"]
        mine = self.lines("log", "--who", "key:" + key)
        self.assertEqual(commits, [line["seq"] for line in mine if line["action"] == "apply"])
        self.assertEqual(["mcp_import"], [line["action"] for line in mine if line["action"] != "apply"])

        calls = self.eventually(lambda: self.lines("audit", "--action", "call"))
        self.assertEqual({"rtt://notes/tool/echo@1.0.0"}, {call["to"] for call in calls})
        self.assertTrue(all(call["outcome"] for call in calls), calls)
        self.assertTrue(self.lines("audit", "--route", "notes/tool/echo", "--who", "local/proc/cli"))
        self.assertEqual([], self.lines("audit", "--route", "notes/tool/other"))
        self.assertEqual([], self.lines("audit", "--action", "call", "--who", "client/agent"))
        self.assertIn("rtt://notes/tool/echo@1.0.0", self.ok("audit", "--action", "call").out)

    def test_limits_and_contradictions(self):
        self.assertEqual([], self.lines("log", "--limit", "0"))
        self.assertEqual(1, len(self.lines("log", "--limit", "1")))
        self.refused("RTT0103", 2, "audit", "--verify", "--show", "1")
        self.assertEqual(1, self.json("audit", "--show", "1")["seq"])
        self.refused("RTT0105", 1, "audit", "--show", "9999")

    def test_a_record_behind_damage_is_not_called_absent(self):
        self.ok("down")
        [segment] = [n for n in os.listdir(self.path(".rtt/wal")) if n.endswith(".seg")]
        with open(self.path(".rtt/wal", segment), "r+b") as file:
            file.seek(64 + 80)
            byte = file.read(1)
            file.seek(64 + 80)
            file.write(bytes([byte[0] ^ 1]))
        for seq in ("1", "2"):
            self.refused("RTT0601", 7, "audit", "--show", seq)

    def test_status_has_no_empty_columns(self):
        self.ok("call", "notes/echo", "message=1")
        table = self.ok("status").out
        self.assertIn("mcp", table)
        self.assertNotIn("KIND", table)
        self.assertNotIn("SERVES", table)

    def test_a_foreign_file_in_the_store_is_told_without_a_hash(self):
        self.write(".rtt/registry/cas/sha256/zz/x.json", "{}")
        answer = self.run_rtt("registry", "verify", check=7)
        self.assertRegex(answer.out, r"(?m)^bad \S+: ")


class Appliers(RttCase):
    """Eight at once: one panel, one change at a time, nothing lost and nothing done twice."""

    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.wire(APPLIERS)

    def at_once(self, *commands):
        running = [subprocess.Popen([RTT, *words, "--json"], cwd=self.ws, env=self.me.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for words in commands]
        answers = []
        for process in running:
            out, err = process.communicate(timeout=120)
            answers.append((process.returncode, self.document(out, err)))
        return answers

    def document(self, out, err):
        self.assertTrue(out.strip(), err)
        return json.loads(out)

    def commits(self):
        return [line for line in self.run_rtt("audit", "--export", "--json", check=0).lines
                if line["type"] == "COMMIT"]

    def test_of_eight_with_one_plan_one_commits(self):
        plan = self.json("plan")
        answers = self.at_once(*[["apply", plan["plan_id"]]] * APPLIERS)
        self.assertEqual([0] * APPLIERS, [status for status, _ in answers], answers)
        states = sorted(document["state"] for _, document in answers)
        self.assertEqual(["committed"] + ["unchanged"] * (APPLIERS - 1), states)
        [commit] = self.commits()
        self.assertEqual({(commit["seq"], commit["after"])},
                         {(document["seq"], document["graph"]) for _, document in answers})
        self.assertEqual(1, len(self.panels()))

    def test_of_eight_different_plans_one_commits_and_seven_are_stale(self):
        plans = []
        for i in range(APPLIERS):
            self.routes((f"rtt://ui/hook/h{i}", f"rtt://core/api/a{i}"))
            self.ok("sign", "--yes")
            plans.append(self.json("plan")["path"])
        answers = self.at_once(*[["apply", self.path(path)] for path in plans])
        winners = [i for i, (_, document) in enumerate(answers) if document.get("state") == "committed"]
        self.assertEqual(1, len(winners), answers)
        for i, (status, document) in enumerate(answers):
            if i not in winners:
                self.assertEqual((3, "RTT0510"), (status, document["error"]["code"]), document)
        [commit] = self.commits()
        [route] = self.json("ls", "routes")["routes"]
        self.assertEqual(f"rtt://ui/hook/h{winners[0]}@1.0.0", route["from"])
        self.assertEqual(answers[winners[0]][1]["graph"], commit["after"])
        self.assertTrue(self.json("audit", "--verify")["ok"])


if __name__ == "__main__":
    main()
