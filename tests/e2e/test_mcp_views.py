# SPDX-License-Identifier: Apache-2.0
"""What an AI client sees of many servers: names, the meta view, policy, checks and budgets, and RTT's own tools."""
import json
import os
import unittest

from mcp_client import McpClient
from rtt_case import RttCase, main


class Views(RttCase):
    def client(self, *words):
        client = McpClient(*words, cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client


class Names(Views):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes(other=self.server_entry("notes.py"))

    def test_one_line_changes_the_mode_and_every_name_still_calls_its_tool(self):
        self.assertIn("notes__echo", self.client().tools())
        self.mcp_settings("  names: plain\n")
        plain = self.client()
        self.assertIn("echo", plain.tools())
        self.assertEqual("Echo: x", plain.said("echo", message="x"))
        self.mcp_settings("  names: prefixed\n")
        prefixed = self.client()
        self.assertTrue(all("__" in name for name in prefixed.tools()), prefixed.tools())
        self.assertEqual("Echo: x", prefixed.said("other__echo", message="x"))
        self.assertIn("echo", self.client("notes").tools())  # asked for by name: as if the client had started it
        self.assertIn("echo", self.client("--name-mode", "plain").tools())
        self.assertEqual(2, self.run_rtt("mcp", "serve", "--name-mode", "plian").status)

    def test_the_meta_view_finds_describes_and_calls(self):
        client = self.client("--meta")
        self.assertEqual(["call_tool", "describe_tool", "search_tools"], client.tools())
        found = client.call("search_tools", query="says the message back")["result"]["structuredContent"]
        self.assertEqual("notes__echo", found["tools"][0]["name"])
        self.assertEqual(16, found["total"])
        described = client.call("describe_tool", name="notes__echo")["result"]["structuredContent"]
        self.assertEqual(["message"], described["inputSchema"]["required"])
        direct = client.call("notes__add", a=2, b=3)["result"]
        through = client.call("call_tool", name="notes__add", arguments={"a": 2, "b": 3})["result"]
        through.pop("_meta", None), direct.pop("_meta", None)
        self.assertEqual(direct, through)
        self.assertIn("error", client.call("call_tool", name="nothing"))
        self.mcp_settings("  view: auto\n  meta_above: 15\n")
        self.assertEqual(3, len(self.client().tools()))
        self.assertEqual(8, len(self.client("notes").tools()))  # not more than 15

    def test_ls_as_says_what_a_client_sees_and_what_hides_the_rest(self):
        policy = self.read_json(".rtt/policy.json")
        policy["deny"] = [{"from": "rtt://client/agent/carol", "to": "rtt://notes/tool/*"}]
        self.write(".rtt/policy.json", policy)
        self.signed()
        view = self.json("mcp", "ls", "--as", "carol")["view"]
        self.assertEqual("rtt://client/agent/carol@0.0.0", view["client"])
        self.assertTrue(view["tools"] and all(tool["server"] == "other" for tool in view["tools"]), view)
        self.assertTrue(view["hidden"] and all("deny" in tool["rule"] for tool in view["hidden"]), view)
        self.assertEqual([], self.json("mcp", "ls", "--as", "dave")["view"]["hidden"])
        self.assertIn("deny .rtt/policy.json", self.ok("mcp", "ls", "--as", "carol").out)
        served = McpClient("--as", "carol", cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: served.process.poll() is None and served.close())
        served.open()
        self.assertEqual([tool["name"] for tool in view["tools"]], served.tools())


class Checks(Views):
    def setUp(self):
        super().setUp()
        self.mcp_json({"notes": self.server_entry("notes.py", "--shape", self.write("shape.json", {
            "add": {"outputSchema": {"type": "object", "properties": {"total": {"type": "string"}}}}}))})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)

    def test_a_result_that_breaks_its_schema_warns_unless_told_otherwise(self):
        self.assertEqual({"total": 5}, self.client().call("add", a=2, b=3)["result"]["structuredContent"])
        self.assertIn("structuredContent/total is not of type string", self.ok("mcp", "logs", "notes").out)
        self.mcp_settings('  tools:\n    - {match: "rtt://notes/tool/add", output: refuse}\n')
        error = self.client().call("add", a=2, b=3)["error"]
        self.assertIn("structuredContent/total is not of type string", error["message"])
        self.assertEqual("Echo: x", self.client().said("echo", message="x"))

    def test_arguments_size_and_time_are_held(self):
        self.mcp_settings('  tools:\n    - {match: "rtt://notes/tool/echo", arguments: refuse, result_bytes: 100}\n'
                      '    - {match: "rtt://notes/tool/sleep", call_ms: 50}\n')
        client = self.client()
        self.assertIn("message is missing", client.call("echo")["error"]["message"])
        self.assertIn("100 are allowed", client.call("echo", message="x" * 100)["error"]["message"])
        self.assertEqual("Echo: x", client.said("echo", message="x"))
        self.assertEqual("RTT0705", client.call("sleep", ms=20_000)["error"]["data"]["code"])


class Own(Views):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()

    def test_nobody_sees_it_until_a_rule_says_so(self):
        self.assertFalse([name for name in self.client().tools() if name.startswith("rtt_")])
        alone = McpClient("rtt", cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: alone.process.poll() is None and alone.close())
        self.assertIn("default deny", alone.open()["instructions"])
        self.assertEqual([], alone.tools())

    def test_it_answers_what_the_command_line_prints(self):
        self.allow(("rtt://client/agent/*", "rtt://rtt/*/*"))
        self.signed()
        client = self.client("rtt")
        self.assertEqual(["rtt_apply", "rtt_audit", "rtt_explain", "rtt_health", "rtt_plan", "rtt_qc", "rtt_status"], client.tools())

        def asked(name, **arguments):
            result = client.call(name, timeout=60, **arguments)["result"]
            self.assertNotIn("isError", result, result)
            self.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])
            return result["structuredContent"]

        status = self.json("status")
        self.assertEqual((status["graph"], status["workspace"]),
                         (asked("rtt_status")["graph"], asked("rtt_status")["workspace"]))
        self.assertEqual("notes", asked("rtt_health")["servers"][0]["name"])
        explained = self.json("explain", "RTT0412")
        explained.pop("schema")
        self.assertEqual(explained, asked("rtt_explain", code="RTT0412"))
        plans = sorted(os.listdir(self.path(".rtt/registry/plans"))) if os.path.isdir(
            self.path(".rtt/registry/plans")) else []
        self.assertEqual([], asked("rtt_plan")["add"])
        self.assertEqual(plans, sorted(os.listdir(self.path(".rtt/registry/plans"))) if plans else [])
        self.assertLessEqual(len(asked("rtt_audit", limit=2)["records"]), 2)
        self.assertTrue(asked("rtt_audit", verify=True)["ok"])
        self.assertTrue(client.call("rtt_explain", code="nonsense")["result"]["isError"])
        self.assertIn("echo", self.client().tools())
        self.assertIn("rtt_status", self.client().tools())  # beside the others


if __name__ == "__main__":
    main()
