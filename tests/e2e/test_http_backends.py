# SPDX-License-Identifier: Apache-2.0
"""Servers over HTTP and HTTPS behind `rtt mcp serve`: answers of every kind, lost sessions, misdeeds, config, TLS."""
import json
import os
import subprocess
import sys

from mcp_client import McpClient
from rtt_case import SERVERS, RttCase, main

sys.path.insert(0, SERVERS)
from http_server import HttpMcp  # noqa: E402


class Http(RttCase):
    def fixture(self, **options):
        server = HttpMcp(**options)
        self.addCleanup(server.close)
        return server

    def imported(self, entry, *flags, status=0):
        self.ok("init", "--yes")
        self.write(".mcp.json", {"mcpServers": {"far": entry}})
        return self.json("mcp", "import", "--yes", *flags, status=status)

    def client(self, *words):
        client = McpClient(*words, cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def says(self, reply):
        return reply["result"]["content"][0]["text"]

    def wrong(self, reply):
        """The words of an answer that is a failure, however it is put."""
        return json.dumps(reply["error"] if "error" in reply else reply["result"] if reply["result"].get("isError")
                          else self.fail(reply))


class Answers(Http):
    def check_calls(self, **options):
        server = self.fixture(**options)
        row = self.imported({"type": "http", "url": server.url})["servers"][0]
        self.assertEqual(("imported", "1.2.3", len(server.tools)), (row["state"], row["version"], row["tools"]), row)
        client = self.client("far")
        for word in ("one", "two\nlines", "ü"):
            self.assertEqual(word, self.says(client.call("echo", message=word)))
        self.assertEqual(0, client.close())
        return server

    def test_json_answers(self):
        server = self.check_calls()
        for one in server.messages("tools/call"):
            self.assertEqual("2025-11-25", one["headers"]["MCP-Protocol-Version"])
            self.assertIn("Mcp-Session-Id", one["headers"])
        for one in server.messages("initialize"):
            self.assertEqual("application/json, text/event-stream", one["headers"]["Accept"])
        self.ok("down")
        self.assertEqual(set(), server.sessions, "a session was left open")
        self.assertLessEqual(server.connections, 12)

    def test_event_answers(self):
        self.check_calls(events=True)

    def test_no_session_and_a_stream_of_its_own(self):
        server = self.check_calls(sessions=False, listens=True)
        self.assertTrue(any(one["verb"] == "GET" for one in server.seen))

    def test_the_first_transport_of_2024(self):
        self.check_calls(old=True)

    def test_messages_on_several_lines_progress_and_taking_up_a_broken_stream(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        client = self.client("far")
        self.assertEqual("over\nlines", self.says(client.call("pretty")))
        self.assertEqual("resumed", self.says(client.call("drop")))
        self.assertEqual(["first"], [one["headers"]["Last-Event-ID"] for one in server.seen
                                     if "Last-Event-ID" in one["headers"]])
        client.post("tools/call", {"name": "progress", "arguments": {}, "_meta": {"progressToken": "mine"}},
                    request_id=77)
        lines = [json.loads(client.next_line()) for _ in range(3)]
        self.assertEqual([("mine", 1), ("mine", 2)],
                         [(one["params"]["progressToken"], one["params"]["progress"]) for one in lines[:2]])
        self.assertEqual(77, lines[2]["id"])
        self.assertEqual(0, client.close())

    def test_a_lost_session_is_begun_again_and_the_call_made_once(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        client = self.client("far")
        self.assertEqual("a", self.says(client.call("echo", message="a")))
        begun = len(server.messages("initialize"))
        self.assertEqual("forgotten", self.says(client.call("lose")))
        self.assertEqual("b", self.says(client.call("echo", message="b")))
        self.assertEqual(begun + 1, len(server.messages("initialize")))
        self.assertEqual(0, client.close())

    def test_a_server_that_changed_behind_a_lost_session_is_held_to_its_pin(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        client = self.client("far")
        client.call("echo", message="a")
        server.tools[0]["inputSchema"]["properties"]["extra"] = {"type": "string"}
        client.call("lose")
        self.assertIn("RTT0414", self.wrong(client.call("echo", message="b")))
        self.assertEqual("over\nlines", self.says(client.call("pretty")))
        self.assertEqual(0, client.close())


class Misdeeds(Http):
    def test_each_harms_its_own_call_only(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        client = self.client("far")
        asked = len(server.messages("initialize"))
        for tool, words, arguments in (
                ("gone", "ended the stream", {}), ("wrong", "text/html", {}), ("cut", "did not answer", {}),
                ("fail", "HTTP 500: broken inside", {}), ("away", "redirects", {}), ("refuse", "not like that", {}),
                ("more", "rtt mcp login far --scope 'notes:write'", {}),
                ("big", "16777216 bytes", {"bytes": 17 << 20})):
            with self.subTest(tool):
                self.assertIn(words, self.wrong(client.call(tool, **arguments)))
                self.assertEqual(tool, self.says(client.call("echo", message=tool)))
        self.assertEqual("moved", self.says(client.call("near")))
        self.assertEqual("x" * (8 << 20), self.says(client.call("big", bytes=8 << 20)))
        self.assertEqual(asked + 1, len(server.messages("initialize")), "a session was lost over it")
        self.assertEqual(0, client.close())

    def test_a_hung_call_is_cancelled_and_others_go_on(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        client = self.client("far")
        client.post("tools/call", {"name": "hang", "arguments": {}}, request_id="hung")
        self.assertTrue(server.hung.wait(30))
        self.assertEqual("on", self.says(client.call("echo", message="on")))
        client.send({"method": "notifications/cancelled", "params": {"requestId": "hung"}})
        self.assertEqual("on", self.says(client.call("echo", message="on")))
        cancelled = server.messages("notifications/cancelled")[0]["message"]["params"]
        hung = next(one["message"] for one in server.messages("tools/call")
                    if one["message"]["params"]["name"] == "hang")
        self.assertEqual(hung["id"], cancelled["requestId"])
        self.assertEqual(0, client.close())

    def test_nobody_there(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        server.close()
        client = self.client("far")
        client.post("tools/list", {}, request_id=5)
        self.assertEqual(len(server.tools), len(json.loads(client.next_line())["result"]["tools"]))
        self.assertIn("cannot be reached", self.wrong(client.call("echo", message="x")))
        self.assertEqual(0, client.close())

    def test_import_says_what_is_wrong_with_an_address(self):
        server = self.fixture()
        self.ok("init", "--yes")
        for url, words in ((server.origin + "/mcp?x=1", None), ("http://192.0.2.7/mcp", "everybody on the way reads along"),
                           ("ftp://127.0.0.1/", "not a web address"), ("http://127.0.0.1:1/", "cannot be reached")):
            with self.subTest(url):
                self.write(".mcp.json", {"mcpServers": {"far": {"url": url}}})
                row = self.json("mcp", "import", "--yes", status=0 if words is None else 1)["servers"][0]
                self.assertEqual("imported" if words is None else "failed", row["state"])
                if words:
                    self.assertIn(words, row["error"]["message"])


class Config(Http):
    def test_secrets_of_headers_and_address_stay_out_of_everything(self):
        server = self.fixture()
        server.options["token"] = "tok-SECRET-1"
        entry = {"type": "http", "url": server.url + "?key=SECRET-2",
                 "headers": {"Authorization": "Bearer tok-SECRET-1", "X-Key": "SECRET-3"}}
        self.imported(entry)
        client = self.client("far")
        self.assertEqual("x", self.says(client.call("echo", message="x")))
        call = server.messages("tools/call")[0]
        self.assertEqual(("/mcp?key=SECRET-2", "Bearer tok-SECRET-1", "SECRET-3"),
                         (call["path"], call["headers"]["Authorization"], call["headers"]["X-Key"]))
        self.assertEqual(0, client.close())
        manifest = self.read(".rtt/manifests/mcp.far.json").decode()
        self.assertIn('"transport": "http"', manifest)
        for text in (manifest, self.ok("mcp", "logs", "far").text, self.ok("audit").text, self.ok("mcp", "ls").text):
            self.assertNotIn("SECRET", text)
        server.options["token"] = "another"
        client = self.client("far")
        words = self.wrong(client.call("echo", message="x"))
        self.assertIn("login", words)
        self.assertNotIn("SECRET", words)

    def test_entries_of_every_client(self):
        server = self.fixture()
        self.ok("init", "--yes")
        url = server.url
        forms = {
            ".mcp.json": {"mcpServers": {"a": {"type": "http", "url": server.url}, "b": {"type": "sse", "url": server.url}}},
            ".cursor/mcp.json": {"mcpServers": {"c": {"url": server.url}}},
            ".gemini/settings.json": {"mcpServers": {"d": {"httpUrl": server.url}}},
            ".vscode/mcp.json": {"servers": {"e": {"type": "http", "url": server.url}}},
            "opencode.json": {"mcp": {"f": {"type": "remote", "url": server.url}}},
            ".zed/settings.json": {"context_servers": {"g": {"url": server.url}}},
            ".codex/config.toml": f'[mcp_servers.h]\nurl = "{url}"\n',
            ".vibe/config.toml": f'[[mcp_servers]]\nname = "i"\ntransport = "streamable-http"\nurl = "{url}"\n',
            "windsurf.json": {"mcpServers": {"j": {"serverUrl": server.url}}},
        }
        for path, content in forms.items():
            self.write(path, content)
        rows = self.json("mcp", "import", "--yes", *forms)["servers"]
        self.assertEqual({name: "imported" for name in "abcdefghij"}, {row["name"]: row["state"] for row in rows})

    def test_connect_and_eject_bring_the_entry_back(self):
        server = self.fixture()
        self.imported({"type": "http", "url": server.url})
        before = b'{\n  // mine\n  "mcpServers": {"far": {"type": "http", "url": "' + server.url.encode() + b'"}}\n}\n'
        path = os.path.join(self.me.home, ".cursor", "mcp.json")
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(before)
        self.ok("mcp", "connect", "cursor", "--write", "--yes")
        with open(path, "rb") as file:
            self.assertIn(b'"serve"', file.read())
        self.ok("eject", "--yes")
        with open(path, "rb") as file:
            self.assertEqual(before, file.read())

    def test_https_with_a_private_authority(self):
        folder = os.path.join(self.base, "tls")
        os.makedirs(folder)

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                "-subj", "/CN=test authority")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "it.key", "-out", "it.csr", "-subj", "/CN=it")
        with open(os.path.join(folder, "it.ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "it.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "it.ext", "-out", "it.pem")
        server = self.fixture(certificate=os.path.join(folder, "it.pem"), key=os.path.join(folder, "it.key"))
        row = self.imported({"url": server.url}, status=1)["servers"][0]
        self.assertIn("certificate", row["error"]["message"])
        self.assertEqual([], server.seen, "something was sent to a server that is not trusted")
        row = self.json("mcp", "import", "--yes", "--ca-file", os.path.join(folder, "ca.pem"))["servers"][0]
        self.assertEqual("imported", row["state"])
        client = self.client("far")
        self.assertEqual("safe", self.says(client.call("echo", message="safe")))
        self.assertEqual(0, client.close())


if __name__ == "__main__":
    main()
