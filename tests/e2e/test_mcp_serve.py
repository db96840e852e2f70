# SPDX-License-Identifier: Apache-2.0
"""`rtt mcp serve` as an AI client sees it: raw JSON-RPC over pipes, through restarts, kills and policy."""
import json
import os
import subprocess
import unittest

from mcp_client import INITIALIZE, McpClient
from rtt_case import HERE, RTT, RttCase, main

QUICKSTART = os.path.join(HERE, "../../examples/quickstart/node_modules")


class Serve(RttCase):
    def client(self, *words, who=None, cwd=None, env=None):
        who = who or self.me
        client = McpClient(*words, cwd=cwd or self.ws, env={**who.env, **(env or {})})
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        return client

    def backends(self):
        return [pid for pid, words in self.processes().items() if "/servers/" in words]


class One(Serve):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()

    def test_initialize(self):
        client = self.client()
        reply = client.ask("initialize", INITIALIZE)["result"]
        self.assertEqual("2025-11-25", reply["protocolVersion"])
        self.assertEqual("rtt", reply["serverInfo"]["name"])
        self.assertEqual({"listChanged": True}, reply["capabilities"]["tools"])
        self.assertEqual([], self.backends())
        older = self.client()
        self.assertEqual("2025-06-18", older.ask("initialize",
                                                 {**INITIALIZE,
                                                  "protocolVersion": "2025-06-18"})["result"]["protocolVersion"])
        unknown = self.client()
        self.assertRegex(unknown.ask("initialize",
                                     {**INITIALIZE, "protocolVersion": "1999-01-01"})["result"]["protocolVersion"],
                                     r"^20\d\d-")
        for one in (client, older, unknown):
            self.assertEqual(0, one.close())

    def test_the_list_is_the_same_bytes_before_any_server_runs_and_after_restarts(self):
        lists = []
        for how in ("cold", "warm", "after a call", "after down"):
            client = self.client()
            client.open()
            client.post("tools/list", {}, request_id="same")
            lists.append(client.next_line())
            if how == "cold":
                self.assertEqual([], self.backends(), "a list started a server")
            client.call("echo", message="x")
            client.post("tools/list", {}, request_id="same")
            lists.append(client.next_line())
            self.assertEqual(0, client.close())
            if how == "after a call":
                self.ok("down")
        self.assertEqual(1, len(set(lists)))
        tools = json.loads(lists[0])["result"]["tools"]
        names = [tool["name"] for tool in tools]
        self.assertEqual(sorted(names), names)
        self.assertEqual({"add", "complain", "digest", "echo", "fail", "keep", "pid", "sleep"}, set(names))
        echo = next(tool for tool in tools if tool["name"] == "echo")
        self.assertEqual(("Says the message back.", ["message"]),
                         (echo["description"], echo["inputSchema"]["required"]))

    def test_calls_results_and_errors(self):
        client = self.client("notes")
        client.open()
        result = client.call("add", a=2, b=3)["result"]
        self.assertEqual(({"total": 5}, "5"), (result["structuredContent"], result["content"][0]["text"]))
        self.assertTrue(client.call("fail")["result"]["isError"])
        self.assertIn("error", client.call("nothing"))
        self.assertEqual({}, client.ask("ping")["result"])
        self.assertEqual(-32601, client.ask("no/such/method")["error"]["code"])
        self.assertEqual(0, client.close())

    def test_ids_come_back_as_they_went(self):
        client = self.client()
        client.open()
        for request_id in ("", "a b", "ünï", 0, 7, -3, 9007199254740991, "7", "x" * 200):
            self.assertEqual({}, client.ask("ping", request_id=request_id)["result"])
            self.assertEqual("Echo: i", client.ask("tools/call", {"name": "echo", "arguments": {"message": "i"}},
                                                   request_id=request_id)["result"]["content"][0]["text"])
        self.assertEqual(0, client.close())

    def test_junk_from_the_client_is_answered_and_survived(self):
        client = self.client()
        client.send_raw(b"this is no JSON\n")
        self.assertEqual(-32700, client.next_message()["error"]["code"])
        client.send_raw(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}\n')
        self.assertIn(client.next_message()["error"]["code"], (-32700, -32600))
        client.send_raw(b'{"jsonrpc":"2.0","id":1}\n')
        self.assertEqual(-32600, client.next_message()["error"]["code"])
        client.open()
        client.send_raw(b"\n\n   \n" + b"[" * 100_000 + b"\n")
        self.assertIn("error", client.next_message())
        self.assertEqual("Echo: ok", client.said("echo", message="ok"))
        self.assertEqual(0, client.close())

    def test_a_request_before_initialize_is_refused(self):
        client = self.client()
        self.assertIn("error", client.ask("tools/call", {"name": "echo", "arguments": {"message": "x"}}))
        self.assertEqual(0, client.close())

    def test_a_cancelled_call_is_withdrawn_at_the_server(self):
        client = self.client()
        client.open()
        request = client.post("tools/call", {"name": "sleep", "arguments": {"ms": 60000}})
        self.assertEqual("Echo: first", client.said("echo", message="first"))
        client.send({"method": "notifications/cancelled", "params": {"requestId": request, "reason": "enough"}})
        self.eventually(lambda: "call withdrawn" in self.json("mcp", "logs", "notes")["lines"])
        self.assertEqual("Echo: next", client.said("echo", message="next"))
        self.assertEqual([], [m for m in client.waiting if m.get("id") == request and "result" in m])
        self.assertEqual(0, client.close())

    def test_calls_overlap(self):
        client = self.client()
        client.open()
        slow = client.post("tools/call", {"name": "sleep", "arguments": {"ms": 600}})
        quick = [client.post("tools/call", {"name": "echo", "arguments": {"message": str(i)}}) for i in range(50)]
        for i, request in enumerate(quick):
            self.assertEqual(f"Echo: {i}", client.answer(request)["result"]["content"][0]["text"])
        self.assertEqual("slept 600", client.answer(slow)["result"]["content"][0]["text"])
        self.assertEqual(0, client.close())

    def test_policy_filters_the_list_and_the_calls(self):
        self.write(".rtt/policy.json", {"allow": [{"from": "rtt://client/agent/friend", "to": "rtt://notes/tool/*"},
                                                  {"from": "rtt://client/agent/*", "to": "rtt://notes/tool/echo"}],
                                        "deny": [{"from": "rtt://client/agent/*", "to": "rtt://notes/tool/pid"}]})
        self.ok("sign", "--yes")
        friend, other = self.client("--as", "friend"), self.client("--as", "other")
        friend.open()
        other.open("friend")  # its own name does not count beside --as
        self.assertNotIn("pid", friend.tools())
        self.assertIn("add", friend.tools())
        self.assertEqual(["echo"], other.tools())
        self.assertEqual("Echo: 1", other.said("echo", message="1"))
        denied = other.call("add", a=1, b=2)["error"]
        self.assertEqual("RTT0412", denied["data"]["code"])
        named = self.client()
        named.open("friend")
        self.assertIn("add", named.tools())
        for client in (friend, other, named):
            self.assertEqual(0, client.close())
        self.ok("panel", "start")  # calls are recorded when there is a panel to write them down
        self.eventually(lambda: "rtt://client/agent/other" in self.callers())

    def callers(self):
        return " ".join(line["who"] for line in self.run_rtt("audit", "--json", check=0).lines if line["action"] == "call")

    def test_a_list_that_policy_empties_says_why(self):
        self.write(".rtt/policy.json", {"allow": []})
        self.ok("sign", "--yes")
        client = self.client()
        instructions = client.open().get("instructions", "")
        reply = client.ask("tools/list")
        self.assertEqual([], reply["result"]["tools"])
        told = instructions + json.dumps(reply) + json.dumps(client.waiting)
        self.assertIn("policy", told)
        self.assertEqual(0, client.close())

    def test_a_new_import_reaches_the_client_that_is_served(self):
        client = self.client()
        client.open()
        self.assertNotIn("other__echo", client.tools())
        self.mcp_json({"other": self.server_entry("notes.py", "--name", "other")})
        self.ok("mcp", "import", "--yes")
        self.eventually(lambda: any("__" in name for name in client.tools()))
        self.assertIn("notifications/tools/list_changed", [m.get("method") for m in client.waiting])
        names = client.tools()
        self.assertIn("notes__echo", names)
        self.assertIn("other__echo", names)
        self.assertEqual("Echo: o", client.said("other__echo", message="o"))
        alone = self.client("other")
        alone.open()
        self.assertIn("echo", alone.tools())
        for one in (client, alone):
            self.assertEqual(0, one.close())

    def test_a_name_that_is_no_server(self):
        client = self.client("noets")
        reply = client.ask("initialize", INITIALIZE)
        self.assertIn("notes", json.dumps(reply))
        self.assertEqual(1, client.close())
        self.assertIn("no MCP server `noets`", "".join(client.errors))
        both = self.client("noets", "notes")
        both.open()
        self.assertIn("echo", both.tools())
        self.assertEqual(0, both.close())
        self.assertIn("no MCP server `noets`", "".join(both.errors))

    def test_the_panel_killed_during_calls(self):
        client = self.client()
        client.open()
        self.json("panel", "start")
        pid = self.panel_pid()
        owed = [client.post("tools/call", {"name": "sleep", "arguments": {"ms": 300}}) for _ in range(3)]
        self.kill(pid)
        for i in range(30):
            self.assertEqual(f"Echo: {i}", client.said("echo", message=str(i)))
        for request in owed:
            self.assertIn("result", client.answer(request))
        self.assertEqual("Echo: cli\n", self.ok("call", "notes/echo", "message=cli").out)
        self.assertNotEqual(pid, self.panel_pid())
        self.assertEqual("Echo: end", client.said("echo", message="end"))
        self.assertEqual(0, client.close())

    def test_the_gateway_killed_is_replaced(self):
        client = self.client()
        client.open()
        client.said("echo", message="x")
        for pid in self.gateways():
            self.kill(pid)
        self.assertEqual("Echo: y", client.said("echo", message="y"))
        self.assertEqual(0, client.close())
        again = self.client()
        again.open()
        self.assertEqual("Echo: back", again.said("echo", message="back"))
        self.assertEqual(0, again.close())

    def serve_three(self):
        clients = [self.client() for _ in range(3)]
        for client in clients:
            client.open()
        return clients, [client.said("pid") for client in clients]

    def test_each_client_has_a_server_of_its_own_in_one_gateway(self):
        clients, pids = self.serve_three()
        self.assertEqual(3, len(set(pids)))
        self.assertEqual(1, len(self.gateways()))
        clients[0].process.kill()
        clients[0].process.wait()
        clients[0].close()
        self.eventually(lambda: not os.path.exists(f"/proc/{pids[0]}"))
        self.assertEqual(pids[1], clients[1].said("pid"))
        for client in clients[1:]:
            self.assertEqual(0, client.close())
        self.eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))

    def test_clients_share_a_server_whose_manifest_says_so(self):
        manifest = self.path(".rtt/manifests/mcp.notes.json")
        with open(manifest, encoding="utf-8") as file:
            document = json.load(file)
        document["contracts"][0]["symbol"]["driver"]["params"]["instances"] = "workspace"
        with open(manifest, "w", encoding="utf-8") as file:
            json.dump(document, file)
        self.ok("sign", "--yes")
        clients, pids = self.serve_three()
        self.assertEqual(1, len(set(pids)))
        self.assertEqual(1, len(self.gateways()))
        clients[0].process.kill()
        clients[0].process.wait()
        clients[0].close()
        self.assertEqual("Echo: y", clients[1].said("echo", message="y"))
        for client in clients[1:]:
            self.assertEqual(0, client.close())

    def test_the_clients_pipe_stays_blocking(self):
        client = self.client()
        client.open()
        client.said("echo", message="x")
        self.assertEqual({0: False, 1: False}, client.flags_of_pipes())
        self.assertEqual(0, client.close())
        self.assertEqual("", "".join(client.errors))

    def test_a_client_that_does_not_read_harms_nobody(self):
        deaf, other = self.client(), self.client()
        other.open()
        read, write = os.pipe()  # its output: nobody reads this end
        process = subprocess.Popen([RTT, "mcp", "serve"], cwd=self.ws, env=self.me.env, stdin=subprocess.PIPE,
                                   stdout=write,
                                   stderr=subprocess.DEVNULL)
        os.close(write)
        lines = [{"id": 0, "method": "initialize", "params": INITIALIZE}, {"method": "notifications/initialized"}]
        lines += [{"id": i, "method": "tools/call", "params": {"name": "echo", "arguments": {"message": "z" * 2000}}}
                  for i in range(1, 200)]
        process.stdin.write(b"".join(json.dumps({"jsonrpc": "2.0", **line}).encode() + b"\n" for line in lines))
        process.stdin.flush()
        for i in range(50):
            self.assertEqual(f"Echo: {i}", other.said("echo", message=str(i)))
        os.close(read)
        process.stdin.close()
        process.wait(10)
        self.assertEqual(0, other.close())
        deaf.close()


class Elsewhere(Serve):
    def test_without_a_workspace_the_reason_is_the_answer(self):
        outside = os.path.join(self.base, "nowhere")
        os.makedirs(outside)
        client = self.client(cwd=outside)
        reply = client.ask("initialize", INITIALIZE)
        told = json.dumps(reply) + json.dumps(client.ask("tools/list"))
        self.assertIn("rtt init", told.replace("rtt up", "rtt init"))
        self.assertEqual(1, client.close())
        self.assertEqual([], os.listdir(outside))

    def test_C_names_the_workspace(self):
        self.workspace_with_notes()
        client = self.client("-C", self.ws, cwd=self.base)
        client.open()
        self.assertIn("echo", client.tools())
        self.assertEqual(0, client.close())

    @unittest.skipUnless(os.path.exists(QUICKSTART), "the inspector is not installed: make deps")
    def test_the_inspector_lists_and_calls(self):
        self.workspace_with_notes()

        def inspector(*words):
            done = subprocess.run([f"{QUICKSTART}/.bin/mcp-inspector", "--cli", RTT, "mcp", "serve", "-C",
                                   self.ws, *words],
                                  cwd=self.base, env=self.me.env, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            return json.loads(done.stdout)
        self.assertIn("echo", [tool["name"] for tool in inspector("--method", "tools/list")["tools"]])
        called = inspector("--method", "tools/call", "--tool-name", "echo", "--tool-arg", "message=through rtt")
        self.assertEqual("Echo: through rtt", called["content"][0]["text"])


if __name__ == "__main__":
    main()
