# SPDX-License-Identifier: Apache-2.0
"""The command line in a fresh workspace: every verb's answer and exit status, as docs/cli promises them."""
import os
import shutil
import subprocess

from rtt_case import Person, RttCase, main

SHA = r"^sha256-[0-9a-f]{64}$"
TS = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
KEY = r"^[0-9a-f]{16}$"
ASKING = [("init",), ("up",), ("sign",), ("mcp", "import"), ("keys", "trust", "KEY"), ("keys", "revoke", "KEY")]


class Fresh(RttCase):
    def test_scan_plan_apply_in_a_fresh_workspace(self):
        self.ok("init", "--yes")
        for verb in ("scan", "plan", "apply"):
            self.ok(verb)
        plan = self.json("plan")
        self.assertEqual(([], []), (plan["add"], plan["del"]))
        again = self.json("apply")
        self.assertEqual(("unchanged", 0), (again["state"], again["seq"]))

    def test_transcript(self):
        self.agent("search", ["rtt://notes/tool/echo@*"])
        self.mcp_json({"notes": self.server_entry("notes.py")})
        init = self.json("init", "--yes")
        self.assertEqual(self.ws, init["workspace"])
        self.assertIn(".rtt/policy.json", init["created"])
        self.assertIn("rtt://common/agent/search@1.0.0", init["signed"])
        self.assertEqual(sorted(init["created"]), init["created"])
        again = self.json("init", "--yes")
        self.assertEqual(([], []), (again["created"], again["signed"]))

        scan = self.json("scan")
        for count in ("symbols", "added", "changed", "removed", "unsigned", "elapsed_ms"):
            self.assertIsInstance(scan[count], int, scan)
        self.assertRegex(scan["registry"], SHA)
        self.assertEqual([], scan["problems"])
        self.assertEqual([{"name": "notes", "file": ".mcp.json"}],
                         [{k: s[k] for k in ("name", "file")} for s in scan["servers"]])
        self.assertIn("rtt://common/agent/search@1.0.0", [found["saddr"] for found in scan["found"]])

        imported = self.json("mcp", "import", "--yes")
        [server] = imported["servers"]
        self.assertEqual(("notes", "notes", "1.0.0", "imported"),
                         tuple(server[k] for k in ("name", "namespace", "version", "state")))
        self.assertEqual((8, 0, 0), tuple(server[k] for k in ("tools", "resources", "prompts")))
        self.assertEqual([".rtt/manifests/mcp.notes.json"], imported["manifests"])
        self.assertEqual(["allow rtt://client/agent/* -> rtt://notes/*/*"], imported["rules"])
        repeated = self.json("mcp", "import", "--yes")
        self.assertEqual(("unchanged", []), (repeated["servers"][0]["state"], repeated["manifests"]))

        self.allow(("rtt://common/agent/*", "rtt://notes/tool/*"))
        self.refused_policy_stays_in_force()
        signed = self.json("sign", "--yes")
        self.assertEqual([".rtt/policy.json"], [row["path"] for row in signed["signed"]])
        self.assertRegex(signed["signed"][0]["hash"], SHA)
        self.assertRegex(signed["signed"][0]["supersedes"], SHA)
        self.assertRegex(signed["key_id"], KEY)
        self.assertEqual([], self.json("sign", "--yes")["signed"])

        symbols = self.json("ls", "symbols")["symbols"]
        addresses = [row["saddr"] for row in symbols]
        self.assertEqual(sorted(addresses), addresses)
        echo = next(row for row in symbols if row["saddr"] == "rtt://notes/tool/echo@1.0.0")
        self.assertEqual(("tool", "provider", signed["key_id"]), (echo["type"], echo["direction"], echo["signed_by"]))
        self.assertRegex(echo["hash"], SHA)
        self.assertEqual(1, len(self.json("ls", "symbols", "rtt://notes/tool/ec*")["symbols"]))
        [agent] = self.json("ls", "agents")["agents"]
        self.assertEqual(("search", ["rtt://notes/tool/echo"]), (agent["name"], agent["tools"]))
        [key] = self.json("ls", "keys")["keys"]
        self.assertEqual((True, False), (key["own"], key["revoked"]))

        self.plan_apply_and_back(signed["key_id"])

    def refused_policy_stays_in_force(self):
        problems = self.json("scan")["problems"]
        self.assertEqual(["RTT0405"], [p["code"] for p in problems if p["file"] == ".rtt/policy.json"])
        self.assertIn("rtt sign", problems[0]["hint"])

    def plan_apply_and_back(self, key_id):
        pending = self.json("plan", "--check", status=4)
        self.assertNotIn("path", {k: v for k, v in pending.items() if v is not None})
        plan = self.json("plan", "--explain")
        self.assertRegex(plan["plan_id"], SHA)
        self.assertEqual(pending["plan_id"], plan["plan_id"])
        self.assertTrue(os.path.exists(self.path(plan["path"])), plan["path"])
        self.assertEqual(plan["plan_id"], self.read_json(plan["path"])["plan_id"])
        self.assertEqual({"latency_ns", "churn", "bound", "gap_ppm"}, set(plan["objective"]))
        [route] = plan["add"]
        self.assertEqual((1, "rtt://common/agent/search@1.0.0", "rtt://notes/tool/echo@1.0.0", "req", "agent"),
                         tuple(route[k] for k in ("id", "from", "to", "class", "origin")))
        self.assertEqual("rtt://notes/tool/echo@1.0.0", route["explain"]["chosen"])
        self.assertTrue(route["explain"]["because"])
        self.assertIsInstance(route["explain"]["rejected"], list)

        down = self.json("status")
        self.assertEqual(("down", None, None, 0),
                         tuple(down[k] for k in ("panel", "pid", "generation", "routes")))
        [imported] = [line for line in self.run_rtt("log", "--json").lines if line["action"] == "mcp_import"]
        self.assertEqual(imported["seq"], down["seq"])
        applied = self.json("apply")
        self.assertEqual(("committed", plan["plan_id"]), (applied["state"], applied["plan_id"]))
        self.assertGreater(applied["seq"], 0)
        self.assertRegex(applied["graph"], SHA)
        up = self.json("status")
        self.assertEqual(("up", applied["seq"], applied["graph"], 1),
                         tuple(up[k] for k in ("panel", "seq", "graph", "routes")))
        self.assertIsInstance(up["pid"], int)
        routes = self.json("ls", "routes")
        self.assertEqual((applied["graph"], applied["seq"]), (routes["graph"], routes["seq"]))
        self.assertEqual({"id", "from", "to", "lane", "class", "state", "breaker", "origin"},
                         set(routes["routes"][0]) & {"id", "from", "to", "lane", "class", "state", "breaker",
                                                     "origin"})
        self.assertEqual("unchanged", self.json("apply")["state"])
        self.assertEqual([], self.json("plan")["add"])
        self.assertEqual(1, self.json("plan")["unchanged"])

        back = self.json("rollback", "0")
        self.assertEqual("committed", back["state"])
        self.assertGreater(back["seq"], applied["seq"])
        undone = self.json("undo")
        self.assertEqual(("committed", applied["graph"]), (undone["state"], undone["graph"]))
        self.assertEqual("unchanged", self.json("rollback", str(applied["seq"]))["state"])
        not_one = self.refused("RTT0603", 2, "rollback", str(applied["seq"] - 1))
        self.assertIn(str(applied["seq"]), not_one["message"] + not_one["hint"])

        log = self.run_rtt("log", "--json", check=0).lines
        self.assertEqual({"schema", "seq", "ts", "who", "action", "reason", "before", "after"},
                         set(log[0]) & {"schema", "seq", "ts", "who", "action", "reason", "before", "after"})
        for line in log:
            self.assertEqual("rtt.log/1", line["schema"])
            self.assertRegex(line["ts"], TS)
        self.assertEqual(sorted(line["seq"] for line in log), [line["seq"] for line in log])
        commits = [line for line in log if line["before"] != line["after"]]
        self.assertEqual([applied["seq"], back["seq"], undone["seq"]], [line["seq"] for line in commits])
        self.assertIn(key_id, commits[0]["who"])
        self.assertEqual(log[-2:], self.run_rtt("log", "--limit", "2", "--json", check=0).lines)

        verified = self.json("audit", "--verify")
        self.assertTrue(verified["ok"])
        self.assertGreaterEqual(verified["records"], undone["seq"])
        self.assertRegex(verified["root"], SHA)
        shown = self.json("audit", "--show", str(applied["seq"]))
        self.assertEqual((applied["seq"], "COMMIT"), (shown["seq"], shown["type"]))
        exported = self.run_rtt("audit", "--export", "--json", check=0).lines
        self.assertEqual(list(range(1, len(exported) + 1)), [line["seq"] for line in exported])
        for before, after in zip(exported, exported[1:]):
            self.assertEqual(before["hash"], after["prev"])
        self.refused("RTT0105", 1, "audit", "--show", "999999")

        check = self.json("check")
        self.assertEqual((True, []), (check["ok"], check["problems"]))
        self.assertTrue(self.json("registry", "verify")["ok"])
        self.assertTrue(self.json("doctor")["ok"])
        self.assertTrue(self.json("lint")["ok"])
        [listed] = [row for row in self.json("ls", "plans")["plans"] if row["plan_id"] == applied["plan_id"]]
        self.assertEqual((1, 0), (listed["add"], listed["del"]))
        stopped = self.json("down")
        self.assertEqual("down", stopped["panel"])
        self.assertTrue(stopped["changed"])
        self.assertEqual({}, self.processes())
        self.assertFalse(self.json("down")["changed"])
        again = self.json("status")
        self.assertEqual(("down", undone["seq"], applied["graph"]), (again["panel"], again["seq"], again["graph"]))

    def test_up_from_nothing_and_up_again_changes_nothing(self):
        self.mcp_json({"notes": self.server_entry("notes.py")})
        up = self.json("up", "--yes", timeout=120)
        self.assertTrue(up["changed"])
        self.assertEqual("up", up["panel"])
        self.assertEqual(["notes"], [server["name"] for server in up["imported"]])
        self.assertTrue(any("rtt mcp " in line for line in up["connect"]), up["connect"])
        files = self.files()
        again = self.json("up", "--yes")
        self.assertEqual((False, [], []), (again["changed"], again["created"], again["imported"]))
        self.assertEqual([], [name for name, data in self.files().items() if files.get(name) != data])
        called = self.json("call", "notes/echo", "message=hello")
        self.assertEqual([{"type": "text", "text": "Echo: hello"}], called["result"]["content"])
        self.assertIsInstance(called["latency_ns"], int)
        self.assertEqual(0, called["route"])
        self.assertEqual("rtt://notes/tool/echo@1.0.0", called["saddr"])
        self.assertEqual("Echo: hello\n", self.ok("call", "notes/echo", "message=hello").out)
        repeated = self.json("call", "notes/add", "a=2", "b=3", "--repeat", "20")
        self.assertEqual((20, 0, {"total": 5}), (repeated["calls"], repeated["errors"],
                                                 repeated["result"]["structuredContent"]))

    def test_a_client_connected_in_the_same_file_is_no_server_to_import(self):
        self.mcp_json({"notes": self.server_entry("notes.py")})
        self.ok("up", "--yes", timeout=120)
        self.json("mcp", "connect", "claude", "--project", "--write", "--yes")
        self.assertIn("serve", self.read_json(".mcp.json")["mcpServers"]["notes"]["args"])
        self.assertEqual([], self.json("scan")["servers"])
        self.assertEqual([], self.json("scan")["servers"])
        self.assertFalse(self.json("up", "--yes")["changed"])
        files = self.files()
        row = self.json("mcp", "import", "--yes")["servers"][0]
        self.assertEqual(("notes", "skipped"), (row["name"], row["state"]))
        self.assertIn("rtt mcp serve", row["error"]["message"])
        self.assertEqual(files, self.files())
        self.assertEqual("Echo: hello\n", self.ok("call", "notes/echo", "message=hello").out)

    def test_a_server_nobody_called_has_no_latency(self):
        self.mcp_json({name: self.server_entry("notes.py", "--name", name) for name in ("called", "idle")})
        self.ok("up", "--yes", timeout=120)
        self.assertEqual([], self.json("scan")["servers"])  # imported, both
        self.mcp_json({name: self.server_entry("notes.py", "--name", name) for name in ("called", "more")})
        self.assertEqual(["more"], [row["name"] for row in self.json("scan")["servers"]])
        self.ok("call", "called/echo", "message=x")
        p99 = {row["name"]: row["p99_ns"] for row in self.json("mcp", "ls")["servers"]}
        self.assertIsInstance(p99["called"], int)
        self.assertIsNone(p99["idle"])

    def test_log_tells_imports_accepts_trust_and_lost_hosts_with_and_without_a_panel(self):
        other = Person(self.base, "other", self.mark)
        self.ok("keys", "new", who=other)
        self.workspace_with_notes()  # no panel runs
        self.assertEqual([], self.panels())
        actions = lambda: {line["action"]: line for line in self.run_rtt("log", "--json", check=0).lines}
        self.assertIn(".rtt/manifests/mcp.notes.json", actions()["mcp_import"]["reason"])
        self.assertRegex(actions()["mcp_import"]["who"], "^key:")
        self.ok("check")  # a journal alone makes nothing pending
        self.ok("call", "notes/echo", "message=x")
        self.write("x.json", {"mcpServers": {"more": self.server_entry("notes.py")}})
        self.ok("mcp", "import", self.path("x.json"), "--yes")  # a panel runs
        self.eventually(lambda: "mcp.more.json" in actions()["mcp_import"]["reason"])
        for pid in self.gateways():
            self.kill(pid)
        self.eventually(lambda: "host_lost" in actions())
        self.assertIn("mcp", actions()["host_lost"]["reason"])
        self.ok("down")
        self.ok("sign", "--yes", who=other)
        [key] = [row["key_id"] for row in self.json("ls", "keys", who=other)["keys"] if row["own"]]
        self.json("keys", "trust", key, "--yes")
        self.assertIn(key, actions()["keys_trust"]["reason"])
        self.json("keys", "revoke", key, "--yes")
        self.assertIn(key, actions()["keys_revoke"]["reason"])
        self.assertTrue(self.json("audit", "--verify")["ok"])

    def test_what_an_agent_asks_for_is_named_by_file_and_line(self):
        self.agent("a1", ["rtt://none/tool/nosuch"])
        self.ok("init", "--yes")
        error = self.json("plan", status=1)["error"]
        self.assertEqual("agents/a1.md:5", error["where"])
        self.assertEqual({"agents/a1.md:5"}, {one["where"] for one in error["conflict"]})

    def test_a_route_may_start_at_the_command_line_or_an_ai_client(self):
        self.workspace_with_notes()
        self.routes(("rtt://local/proc/cli", "rtt://notes/tool/echo"),
                    ("rtt://client/agent/claude", "rtt://notes/tool/echo"))
        self.ok("sign", "--yes")
        self.assertEqual(["rtt://client/agent/claude@0.0.0", "rtt://local/proc/cli@0.0.0"],
                         [route["from"] for route in self.json("plan")["add"]])
        self.json("apply")
        called = self.json("call", "notes/echo", "message=x")
        self.assertEqual({"rtt://client/agent/claude@0.0.0": "ready", "rtt://local/proc/cli@0.0.0": "ready"},
                         {route["from"]: route["state"] for route in self.json("ls", "routes")["routes"]})
        ids = {route["from"]: route["id"] for route in self.json("ls", "routes")["routes"]}
        self.assertEqual(ids["rtt://local/proc/cli@0.0.0"], called["route"])
        self.ok("check")
        self.routes(("rtt://local/proc/cli@^1", "rtt://notes/tool/echo"))
        self.ok("sign", "--yes")
        self.assertIn("cli", self.json("plan", status=1)["error"]["message"])

    def test_doctor_and_keys_ls_answer_outside_a_workspace(self):
        self.json("keys", "new", "--label", "mine")
        [key] = self.json("keys", "ls")["keys"]
        self.assertEqual(("mine", True), (key["label"], key["own"]))
        checks = {check["name"]: check["state"] for check in self.json("doctor")["checks"]}
        self.assertEqual({"signing key": "ok", "workspace": "warn"}, checks)
        self.assertEqual([], os.listdir(self.ws))

    def test_a_refused_call_names_the_file_or_the_route(self):
        self.ok("init", "--yes")
        self.symbol("rtt://core/proc/date@1.0.0", driver={"use": "process", "params": {"command": "date"}})
        error = self.run_rtt("call", "core/date", "--json").error
        self.assertEqual("services/core-proc-date/rtt.manifest.json", error["where"])
        self.write(".rtt/policy.json", {"allow": []})
        self.ok("sign", "--yes")
        error = self.run_rtt("call", "core/date", "--json", check=3).error
        self.assertEqual("rtt://local/proc/cli@0.0.0 -> rtt://core/proc/date@1.0.0", error["where"])

    def test_check_answers_for_a_clone_which_has_no_store(self):
        self.ok("init", "--yes")
        self.ok("check")
        os.rename(self.path(".rtt/policy.json.sig"), self.path("elsewhere"))
        answer = self.json("check", status=3)
        self.assertIn((".rtt/policy.json", "RTT0401"), [(p["file"], p["code"]) for p in answer["problems"]])

    def test_an_up_that_fails_tells_what_it_did(self):
        self.symbol("rtt://ui/hook/h@1.0.0", "consumer")
        self.write(".rtt/routes.json", {"routes": [{"from": "rtt://ui/hook/h", "to": "rtt://core/api/none"}]})
        answer = self.json("up", "--yes", status=1)
        self.assertIn("rtt://ui/hook/h@1.0.0", answer["signed"])
        self.assertIn(".rtt/policy.json", answer["created"])
        self.assertIn("no plan", answer["error"]["message"])

    def test_a_folder_of_sockets_others_may_enter_is_refused(self):
        self.ok("init", "--yes")
        os.chmod(self.path(".rtt/sockets"), 0o755)
        error = self.refused("RTT0903", 1, "panel", "start")
        self.assertIn("chmod 700", error["hint"])
        os.chmod(self.path(".rtt/sockets"), 0o700)
        self.ok("panel", "start")

    def files(self):
        """Every file of the workspace that is not generated while it runs, with its bytes."""
        found = {}
        for folder, names, files in os.walk(self.ws):
            names[:] = [n for n in names if n not in ("wal", "sockets", "cache")]
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.ws)] = file.read()
        return found

    def test_a_workspace_is_found_upward_and_exactly_with_C(self):
        self.ok("init", "--yes")
        below = self.path("a/b/c")
        os.makedirs(below)
        self.assertEqual(self.ws, self.json("status", cwd=below)["workspace"])
        self.assertEqual(self.ws, self.json("status", "-C", self.ws, cwd=self.base)["workspace"])
        self.assertEqual("RTT0301", self.refused("RTT0301", 1, "status", "-C", below)["code"])
        outside = os.path.join(self.base, "elsewhere")
        os.makedirs(outside)
        self.assertIn("rtt init", self.refused("RTT0301", 1, "plan", "-C", outside)["hint"])


class Statuses(RttCase):
    """Each exit status, as text and as JSON."""

    def test_1_failed(self):
        self.workspace_with_notes()
        failed = self.json("call", "notes/fail", status=1)
        self.assertEqual("RTT0804", failed["error"]["code"])
        self.assertIn("the notebook is full", failed["error"]["message"] + str(failed["result"]))
        self.assertTrue(failed["result"]["isError"])
        self.assertIn("the notebook is full", self.run_rtt("call", "notes/fail", check=1).text)

    def test_1_no_plan_names_every_constraint(self):
        self.ok("init", "--yes")
        self.wire(1)
        self.routes(("rtt://ui/hook/h0", "rtt://core/api/none@^2"), ("rtt://ui/hook/h0", "rtt://core/api/a0@^7"))
        self.ok("sign", "--yes")
        document = self.json("plan", status=1)
        conflict = document["error"]["conflict"]
        self.assertTrue(all({"constraint", "where"} <= set(c) for c in conflict), conflict)
        self.assertEqual({"RTT0501", "RTT0503"}, {c["code"] for c in conflict} | {document["error"]["code"]})
        self.assertTrue(all(c["where"].startswith(".rtt/routes.json:") for c in conflict), conflict)

    def test_2_usage(self):
        self.ok("init", "--yes")
        for words in (["rollback"], ["rollback", "seven"], ["call"], ["plan", "extra"], ["apply", "--trust-key"],
                      ["ls"], ["explain", "RTT9999"], ["--color", "sometimes", "status"]):
            with self.subTest(words):
                self.run_rtt(*words, check=2 if words[0] != "explain" else None)
                self.assertNotEqual(0, self.run_rtt(*words).status)

    def test_3_refused(self):
        self.ok("init", "--yes")
        self.refused("RTT0104", 3, "sign") if self.symbol("rtt://core/api/a@1.0.0") else None

    def test_4_pending(self):
        self.ok("init", "--yes")
        self.wire(1)
        self.run_rtt("plan", "--check", check=4)
        self.ok("plan")
        self.ok("apply")
        self.ok("plan", "--check")
        self.ok("check")
        self.routes()
        self.ok("sign", "--yes")
        self.run_rtt("check", check=4)

    def test_5_a_provider_that_cannot_start_rolls_the_apply_back(self):
        self.workspace_with_notes()
        self.agent("search", ["rtt://notes/tool/echo@*"])
        self.allow(("rtt://common/agent/*", "rtt://notes/tool/*"))
        self.ok("sign", "--yes")
        self.ok("plan")
        os.rename(self.path("servers/notes.py"), self.path("servers/away.py"))
        before = self.json("status")
        document = self.json("apply", status=5)
        self.assertEqual("rolled_back", document["state"])
        self.assertTrue(document["reason"])
        after = self.json("status")
        self.assertEqual((before["seq"], before["graph"], 0), (after["seq"], after["graph"], after["routes"]))
        os.rename(self.path("servers/away.py"), self.path("servers/notes.py"))
        self.assertEqual("committed", self.json("apply")["state"])

    def test_6_no_panel(self):
        self.ok("init", "--yes")
        self.wire(1)
        self.ok("plan")
        sockets = self.path(".rtt/sockets")
        shutil.rmtree(sockets, ignore_errors=True)
        self.write(".rtt/sockets", "in the way")
        error = self.json("apply", status=6)["error"]
        self.assertEqual("RTT0701", error["code"])
        os.remove(sockets)

    def test_7_corrupt(self):
        self.ok("init", "--yes")
        self.wire(1)
        row = self.json("ls", "symbols")["symbols"][0]
        digest = row["hash"].removeprefix("sha256-")
        path = self.path(f".rtt/registry/cas/sha256/{digest[:2]}/{digest}.json")
        self.assertEqual(0o444, os.stat(path).st_mode & 0o777)
        self.assertEqual(digest, subprocess.run(["sha256sum", path], capture_output=True,
                                                text=True).stdout.split()[0])
        os.chmod(path, 0o644)
        with open(path, "r+b") as file:
            file.seek(10)
            file.write(b"#")
        document = self.json("registry", "verify", status=7)
        self.assertFalse(document["ok"])
        self.assertIn(row["hash"], [bad["hash"] for bad in document["bad"]])


class Mistakes(RttCase):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()

    def test_the_nearest_real_word_is_offered(self):
        for words, code, status, near in [
                (["plna"], "RTT0101", 2, "plan"), (["statsu"], "RTT0101", 2, "status"),
                (["mcp", "imprt"], "RTT0101", 2, "import"), (["ls", "symbol"], "RTT0101", 2, "symbols"),
                (["plan", "--explian"], "RTT0102", 2, "--explain"), (["apply", "--jsno"], "RTT0102", 2, "--json"),
                (["call", "notes/ecoh", "message=1"], "RTT0105", 1, "notes/echo"),
                (["call", "rtt://notes/tool/ecko", "message=1"], "RTT0105", 1, "echo"),
                (["mcp", "restart", "note"], "RTT0105", 1, "notes"), (["mcp", "logs", "nots"], "RTT0105", 1, "notes"),
                (["mcp", "diff", "nodes"], "RTT0105", 1, "notes")]:
            with self.subTest(words):
                error = self.refused(code, status, *words)
                self.assertIn(near, error["message"] + error["hint"])
                text = self.run_rtt(*words, check=status)
                self.assertEqual("", text.out)
                self.assertIn(code, text.err)
                self.assertIn(near, text.err)

    def test_a_bare_arrow_is_explained(self):
        for words in (["policy", "why", "rtt://a/api/b", "-"], ["policy", "why", "notes/echo", "-"]):
            error = self.refused("RTT0107", 2, *words)
            self.assertRegex(error["message"] + error["hint"], "redirect|shell")

    def test_policy_why(self):
        cli = "rtt://local/proc/cli"
        yes = self.json("policy", "why", cli, "notes/echo")
        self.assertTrue(yes["allowed"])
        self.assertTrue(yes["rules"][0]["decides"])
        self.assertRegex(yes["rules"][0]["where"], r"^\.rtt/policy\.json:\d+")
        self.assertTrue(self.json("policy", "why", f"{cli} -> rtt://notes/tool/echo")["allowed"])
        no = self.json("policy", "why", "rtt://ui/hook/x", "notes/echo", status=3)
        self.assertEqual((False, []), (no["allowed"], no["rules"]))
        self.assertTrue(no["reason"])

    def test_unusable_arguments_of_a_call(self):
        for words in (["call", "notes/echo", "{not json"], ["call", "notes/echo", "word"],
                      ["call", "notes/echo", "message=a", "--deadline", "soon"]):
            with self.subTest(words):
                self.run_rtt(*words, check=2)
        short = self.refused("RTT0705", 1, "call", "notes/sleep", "ms=60000", "--deadline", "100")
        self.assertIn("100", short["message"])

    def test_an_ambiguous_short_address(self):
        self.mcp_json({"notes": self.server_entry("notes.py"),
                       "other": self.server_entry("notes.py", "--name", "other")})
        self.json("mcp", "import", "--yes")
        error = self.refused("RTT0106", 2, "call", "echo", "message=1")
        self.assertIn("rtt://notes/tool/echo", str(error))
        self.assertIn("rtt://other/tool/echo", str(error))


class Consent(RttCase):
    def tree(self):
        found = {}
        for folder, names, files in os.walk(self.base):
            names[:] = [n for n in names if n not in ("sockets", "cache")]
            for name in files:
                path = os.path.join(folder, name)
                found[path] = open(path, "rb").read()
        return found

    def test_verbs_that_ask_change_nothing_without_a_terminal(self):
        self.symbol("rtt://core/api/a@1.0.0")
        self.mcp_json({"notes": self.server_entry("notes.py", "--seen", self.path("seen"))})
        empty = self.tree()
        for verb in ("init", "up"):
            self.refused("RTT0104", 3, verb)
            self.run_rtt(verb, check=3)
            self.run_rtt(verb, stdin=b"y\ny\ny\n", check=3)
            self.assertEqual(empty, self.tree(), verb)
        self.ok("init", "--yes")
        self.symbol("rtt://core/api/b@1.0.0")
        key = self.json("ls", "keys")["keys"][0]["key_id"]
        before = self.tree()
        for words in ASKING[1:]:
            words = [key if word == "KEY" else word for word in words]
            if words[:2] == ["keys", "trust"]:
                continue  # one's own key needs no trust
            with self.subTest(words):
                error = self.refused("RTT0104", 3, *words)
                self.assertIn("--yes", error["hint"] + error["message"])
                self.assertEqual(before, self.tree(), words)
        self.assertFalse(os.path.exists(self.path("seen")), "a server was started before anybody agreed")

    def test_what_would_be_done_is_shown(self):
        self.mcp_json({"notes": self.server_entry("notes.py")})
        self.ok("init", "--yes")
        shown = self.run_rtt("mcp", "import", check=3).text
        self.assertIn("notes.py", shown)
        self.symbol("rtt://core/api/b@1.0.0")
        self.assertIn("rtt://core/api/b@1.0.0", self.run_rtt("sign", check=3).text)

    def test_connect_prints_and_writes_only_when_told(self):
        self.ok("init", "--yes")
        self.refused("RTT0105", 1, "mcp", "connect", "codex")  # nothing to serve yet
        self.mcp_json({"notes": self.server_entry("notes.py")})
        self.ok("mcp", "import", "--yes")
        for client in ("codex", "claude"):
            printed = self.json("mcp", "connect", client)
            self.assertFalse(printed["written"])
            self.assertIn("mcp", " ".join(printed["clients"][0]["diff"]))
        before = self.tree()
        self.refused("RTT0104", 3, "mcp", "connect", "codex", "--write")
        self.assertEqual(before, self.tree())


class Git(RttCase):
    def git(self, *words, cwd=None):
        done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-c",
                               "init.defaultBranch=main",
                               *words], cwd=cwd or self.ws, env={**self.me.env, "GIT_CONFIG_NOSYSTEM": "1"},
                              capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_two_branches_that_change_different_agents_merge(self):
        for name in ("search", "summarize"):
            self.agent(name)
        self.wire_files()
        self.ok("init", "--yes")
        self.ok("plan")
        self.ok("apply")
        self.git("init", "-q")
        self.git("add", ".")
        kept = self.git("ls-files").split()
        for generated in ("cas", "index.json", "cache", "wal", "sockets", "tuned", "plans"):
            self.assertFalse([f for f in kept if generated in f.split("/")], kept)
        for authored in (".rtt/policy.json", ".rtt/policy.json.sig", "agents/search.md", "agents/search.md.sig"):
            self.assertIn(authored, kept)
        self.git("commit", "-qm", "workspace")
        self.git("branch", "other")
        other = os.path.join(self.me.home, "other")
        self.git("worktree", "add", "-q", other, "other")
        self.agent("search", words="Be thorough.")
        self.ok("sign", "--yes")
        self.git("commit", "-qam", "search")
        self.agent("summarize", words="Be short.", ws=other)
        self.ok("sign", "--yes", ws=other)
        self.git("commit", "-qam", "summarize", cwd=other)
        self.git("merge", "-q", "other")
        self.assertTrue(self.json("check")["ok"])
        merged = {row["saddr"]: row["hash"] for row in self.json("ls", "agents")["agents"]}
        theirs = {row["saddr"]: row["hash"] for row in self.json("ls", "agents", ws=other)["agents"]}
        self.assertEqual(theirs["rtt://common/agent/summarize@1.0.0"], merged["rtt://common/agent/summarize@1.0.0"])
        self.assertNotEqual(theirs["rtt://common/agent/search@1.0.0"], merged["rtt://common/agent/search@1.0.0"])
        clone = os.path.join(self.me.home, "clone")
        self.git("clone", "-q", self.ws, clone)
        self.assertTrue(self.json("check", ws=clone)["ok"])

    def wire_files(self):
        self.symbol("rtt://ui/hook/h@1.0.0", "consumer")
        self.symbol("rtt://core/api/a@1.0.0")
        self.write(".rtt/policy.json", {"allow": [{"from": "rtt://ui/hook/*", "to": "rtt://core/api/*"}]})
        self.routes(("rtt://ui/hook/h", "rtt://core/api/a"))


if __name__ == "__main__":
    main()
