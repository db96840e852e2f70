# SPDX-License-Identifier: Apache-2.0
"""`rtt mcp serve --http` as clients see it: http.client, and raw sockets where a client would not do such a thing."""
import json
import os
import socket
import stat
import unittest

from http_session import Events, Front, HttpSession
from rtt_case import RttCase, main

ASKS = {"sampling": {}, "elicitation": {}}


class OverHttp(RttCase):
    def setUp(self):
        super().setUp()
        self.mcp_json({"demo": self.server_entry("demo_server.py")})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)

    def front(self, *words, **more):
        front = Front(*words, cwd=self.ws, env=self.me.env, **more)
        self.addCleanup(lambda: front.process.poll() is None and front.close())
        return front

    def session(self, front=None, **more):
        session = HttpSession(front or self.front())
        session.open(**more)
        return session

    def backends(self):
        return [pid for pid, words in self.processes().items() if "/servers/" in words]

    def raw_socket(self, front):
        sock = socket.create_connection((front.host, front.port), timeout=20)
        self.addCleanup(sock.close)
        return sock

    @staticmethod
    def to_end(sock):
        found = b""
        while True:
            try:
                piece = sock.recv(65536)
            except ConnectionResetError:
                return found
            if not piece:
                return found
            found += piece


class Sessions(OverHttp):
    def test_initialize_list_call_and_end(self):
        session = HttpSession(self.front())
        result = session.open()
        self.assertEqual(("2025-11-25", "rtt"), (result["protocolVersion"], result["serverInfo"]["name"]))
        self.assertRegex(session.id, r"^[0-9a-f]{32}$")
        kind, answer = session.request("tools/list")
        self.assertEqual("application/json", kind)
        self.assertIn("echo", [tool["name"] for tool in answer["result"]["tools"]])
        self.assertEqual("over http", session.said("echo", text="over http"))
        self.assertEqual(1, len(self.backends()))
        self.assertEqual(204, session.raw("DELETE")[0])
        self.eventually(lambda: not self.backends(), why="the session's server outlives it")
        status, _, body = session.send({"id": 9, "method": "tools/list"})
        self.assertEqual(404, status)
        self.assertIn("initialize", json.loads(body)["error"]["message"])
        self.assertEqual(404, session.listen())
        self.assertEqual(404, session.raw("DELETE")[0])

    def test_each_session_has_its_own_state_and_an_unguessable_name(self):
        front = self.front()
        first, second = self.session(front), self.session(front)
        self.assertNotEqual(first.id, second.id)
        first.said("keep", text="mine")
        self.assertEqual('"nothing"', second.said("kept", what="text"))
        self.assertEqual('"mine"', first.said("kept", what="text"))

    def test_older_revisions(self):
        front = self.front()
        for version in ("2025-06-18", "2025-03-26", "2024-11-05"):
            session = HttpSession(front, version=version)
            self.assertEqual(version, session.open()["protocolVersion"])
            self.assertEqual("x", session.said("echo", text="x"))
        self.assertEqual(200, session.send({"id": 5, "method": "ping"}, MCP_Protocol_Version=None)[0])
        batch = session.raw("POST", json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]))
        self.assertEqual(400, batch[0])
        self.assertIn("batch", json.loads(batch[2])["error"]["message"])

    def test_what_the_session_header_must_be(self):
        session = self.session()
        self.assertEqual(400, session.send({"id": 1, "method": "tools/list"}, Mcp_Session_Id=None)[0])
        self.assertEqual(404, session.send({"id": 1, "method": "tools/list"}, Mcp_Session_Id="f" * 32)[0])
        status, _, body = session.send({"id": 1, "method": "ping"}, MCP_Protocol_Version="2099-01-01")
        self.assertEqual(400, status)
        self.assertIn("2025-11-25", json.loads(body)["error"]["message"])

    def test_an_initialize_that_fails_makes_no_session(self):
        front = self.front()
        status, headers, body = HttpSession(front).send({"id": 1, "method": "initialize", "params": {}})
        self.assertEqual((200, -32602, None),
                         (status, json.loads(body)["error"]["code"], headers["Mcp-Session-Id"]))

    def test_bodies_over_lines_pass_and_junk_is_told(self):
        session = self.session()
        pretty = json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
                             "params": {"name": "echo", "arguments": {"text": "a\nb"}}}, indent=2)
        status, _, body = session.raw("POST", pretty.replace("\n", "\r\n"))
        self.assertEqual((200, "a\nb"), (status, json.loads(body)["result"]["content"][0]["text"]))
        for junk, code in (("{", -32700), ("{}", -32600), ("", -32700), ('{"a":"b\nc"}', -32700), ("\xff", -32700)):
            status, _, body = session.raw("POST", junk.encode("latin-1"))
            self.assertEqual((400, code), (status, json.loads(body)["error"]["code"]), junk)
        self.assertEqual("still there", session.said("echo", text="still there"))

    def test_the_front_ends_with_its_program_and_so_do_its_sessions(self):
        front = self.front()
        session = self.session(front)
        session.said("echo", text="x")
        stream = session.listen()
        front.close()
        self.assertEqual([], stream.messages())
        self.eventually(lambda: not self.backends())
        with self.assertRaises(OSError):
            session.raw("GET")

    def test_a_killed_gateway_is_replaced_and_clients_begin_new_sessions(self):
        front = self.front()
        session = self.session(front)
        session.said("echo", text="x")
        stream = session.listen()
        for _ in range(2):
            for pid in self.gateways():
                self.kill(pid)
            try:  # closed at once, not kept waiting
                self.assertEqual([], stream.messages())
            except OSError:
                pass

            def asked():
                try:
                    return session.send({"id": 9, "method": "ping"})
                except OSError:  # nobody listens for a moment
                    return None
            status, _, body = self.eventually(asked, 30)
            self.assertEqual(404, status)
            self.assertIn("initialize", json.loads(body)["error"]["message"])
            session = self.session(front)
            self.assertEqual("again", session.said("echo", text="again"))
            stream = session.listen()
        self.ok("down")
        self.assertEqual(75, front.process.wait(10))
        self.assertEqual([], self.gateways())


class Streams(OverHttp):
    def test_progress_and_log_messages_come_before_their_answer(self):
        session = self.session()
        kind, stream = session.call("progress", meta={"progressToken": "mine"}, steps=3)
        self.assertEqual("text/event-stream", kind)
        *progress, answer = stream.messages()
        self.assertEqual([("mine", 1), ("mine", 2), ("mine", 3)],
                         [(m["params"]["progressToken"], m["params"]["progress"]) for m in progress])
        self.assertEqual("done", answer["result"]["content"][0]["text"])
        kind, stream = session.call("say", level="error")
        self.assertEqual(["notifications/message", None], [m.get("method") for m in stream.messages()])

    def test_what_a_server_asks_comes_with_the_call_and_is_answered_by_a_post(self):
        session = self.session(capabilities=ASKS)
        _, stream = session.call("ask", method="sampling/createMessage", params='{"maxTokens":7}')
        self.assertIsNone(stream.next()[1], "the stream begins with an id to come back to")
        _, ask = stream.next()
        self.assertEqual(("sampling/createMessage", 7), (ask["method"], ask["params"]["maxTokens"]))
        self.assertEqual(202, session.send({"id": ask["id"], "result": {"role": "assistant", "model": "m"}})[0])
        answer, = stream.messages()
        self.assertIn("assistant", answer["result"]["content"][0]["text"])

    def test_a_json_only_client_gets_json_and_the_rest_on_its_own_stream(self):
        session = self.session()
        kind, answer = session.request("tools/call", {"name": "say", "arguments": {"level": "error"}},
                                       Accept="application/json")
        self.assertEqual("application/json", kind)
        self.assertEqual("said", answer["result"]["content"][0]["text"])
        stream = session.listen()
        self.assertIsNone(stream.next()[1])
        self.assertEqual("notifications/message", stream.next()[1]["method"])
        self.assertEqual(409, session.listen())
        stream.close()
        self.eventually(lambda: isinstance(session.listen(), Events))

    def test_a_changed_list_is_told_on_the_session_s_stream(self):
        session = self.session()
        stream = session.listen()
        self.assertIsNone(stream.next()[1])
        self.write(".rtt/policy.json", {"deny": [{"from": "rtt://client/agent/*", "to": "rtt://demo/tool/echo"}],
                                        **self.read_json(".rtt/policy.json")})
        self.ok("sign", "--yes")
        self.json("mcp", "ls")
        self.eventually(lambda: "echo" not in [
            tool["name"] for tool in session.request("tools/list")[1]["result"]["tools"]])
        self.assertEqual("notifications/tools/list_changed", stream.next()[1]["method"])

    def test_a_lost_stream_goes_on_after_the_last_event(self):
        session = self.session(capabilities=ASKS)
        _, stream = session.call("ask", method="roots/list")
        first, _ = stream.next()
        _, ask = stream.next()
        stream.close()
        session.send({"id": ask["id"], "result": {"roots": []}})
        again = session.listen(last=first)
        messages = again.messages()
        self.assertEqual(["roots/list", None], [m.get("method") for m in messages])
        self.assertIn("roots", messages[1]["result"]["content"][0]["text"])
        self.assertEqual(400, session.listen(last="77-1"))
        self.assertEqual(400, session.listen(last="junk"))

    def hanging_call(self, session):
        connection = session.connect()
        connection.request("POST", "/mcp", json.dumps(
            {"jsonrpc": "2.0", "id": "h", "method": "tools/call", "params": {"name": "hang", "arguments": {}}}),
            session.headers())
        self.eventually(self.backends)  # the call has started it
        return connection

    def test_a_withdrawn_call_ends_its_exchange(self):
        session = self.session()
        connection = self.hanging_call(session)
        session.send({"method": "notifications/cancelled", "params": {"requestId": "h"}})
        self.assertEqual(202, connection.getresponse().status)
        connection.close()

    def test_a_call_outlives_its_connection_and_a_session_s_end_ends_it(self):
        session = self.session()
        connection = self.hanging_call(session)
        session.raw("DELETE")
        self.assertEqual(404, connection.getresponse().status)
        connection.close()

    def test_large_results_and_readers_that_do_not_read(self):
        front = self.front()
        session = self.session(front)
        kind, answer = session.call("huge", bytes=8 << 20)
        self.assertEqual(8 << 20, len(answer["result"]["content"][0]["text"]))
        deaf = [self.raw_socket(front) for _ in range(3)]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": "huge", "arguments": {"bytes": 8 << 20}}}).encode()
        for i, sock in enumerate(deaf):
            sock.sendall(self.head(session, len(body)) + body.replace(b'"id": 1', b'"id": "%d"' % i))
        self.assertEqual("others are served", session.said("echo", text="others are served"))

    @staticmethod
    def head(session, length, *more):
        lines = ["POST /mcp HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *more]
        lines += [f"{name}: {value}" for name, value in session.headers().items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Gate(OverHttp):
    def test_the_token(self):
        front = self.front()
        self.assertEqual(0o600, stat.S_IMODE(os.stat(front.token_file).st_mode))
        self.assertTrue(front.token_file.startswith(self.me.config))
        self.assertIn(front.token, front.text)
        self.assertGreaterEqual(len(front.token), 32)
        for token in (None, "", front.token[:-1], front.token + "0", front.token.upper() + "x"):
            status, headers, body = HttpSession(front, token=token).send({"id": 1, "method": "ping"})
            self.assertEqual(401, status, token)
            self.assertIn("Bearer", headers["WWW-Authenticate"])
            self.assertIn("Authorization", json.loads(body)["error"]["message"])
        front.close()
        again = self.front()
        self.assertEqual(front.token, again.token)
        self.assertNotIn(front.token, again.text, "it is shown once")
        os.chmod(front.token_file, 0o644)
        with self.assertRaisesRegex(EOFError, "others may read"):
            self.front()

    def test_a_token_of_one_s_own_or_none(self):
        file = self.write("my.token", "a-token-of-my-own\n")
        os.chmod(file, 0o600)
        front = self.front("--token-file", file)
        self.assertEqual("a-token-of-my-own", front.token)
        self.session(front)
        front.close()
        open_front = self.front("--no-token")
        self.assertIn("NO TOKEN", open_front.text)
        self.session(open_front)
        self.write("my.token", "short")
        with self.assertRaisesRegex(EOFError, "16 characters"):
            self.front("--token-file", file)

    def test_host_and_origin(self):
        front = self.front("--origin", "https://app.example")
        session = self.session(front)
        ping = {"id": 1, "method": "ping"}
        for host in ("localhost", f"LOCALHOST:{front.port}", "127.0.0.1", "127.0.0.1:1", "[::1]:80"):
            self.assertEqual(200, session.send(ping, Host=host)[0], host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "192.168.1.1", "",
                     "localhost@evil.example", "127.0.0.1:80:80"):
            status, _, body = session.send(ping, Host=host)
            self.assertEqual(403, status, host)
            self.assertIn("Host", json.loads(body)["error"]["message"])
        for origin in ("http://localhost", "http://127.0.0.1:6274", "https://[::1]:1", "https://app.example"):
            status, headers, _ = session.send(ping, Origin=origin)
            self.assertEqual((200, origin), (status, headers["Access-Control-Allow-Origin"]), origin)
        for origin in ("null", "http://evil.example", "https://app.example.evil", "http://localhost.evil",
                       "https://app.example:444", "file://", "ftp://localhost"):
            self.assertEqual(403, session.send(ping, Origin=origin)[0], origin)

    def test_a_page_may_look_before_it_asks(self):
        front = self.front()
        page = HttpSession(front, token=None)
        asks = {"Origin": "http://localhost:5173", "Access_Control_Request_Method": "POST"}
        status, headers, _ = page.raw("OPTIONS", **asks)
        self.assertEqual(204, status)
        self.assertIn("Mcp-Session-Id", headers["Access-Control-Allow-Headers"])
        self.assertEqual(403, page.raw("OPTIONS", **{**asks, "Origin": "http://evil.example"})[0])

    def test_methods_paths_and_kinds(self):
        session = self.session()
        for method in ("PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"):
            status, headers, _ = session.raw(method)
            self.assertEqual((405, "POST, GET, DELETE"), (status, headers["Allow"]), method)
        for path in ("/", "/mcp/", "/sse", "/mcpx", "/../mcp"):
            self.assertEqual(404, session.raw("GET", path=path)[0], path)
        self.assertEqual(415, session.send({"id": 1, "method": "ping"}, Content_Type="text/plain")[0])
        self.assertEqual(406, session.send({"id": 1, "method": "ping"}, Accept="text/html")[0])
        self.assertEqual(406, session.raw("GET", Accept="application/json")[0])
        self.assertEqual(200, session.send({"id": 1, "method": "ping"}, Accept="*/*")[0])
        self.assertEqual(200, session.send({"id": 1, "method": "ping"},
                                           Content_Type="application/json; charset=utf-8")[0])

    def test_what_the_command_line_refuses(self):
        for words, told in ((("--http", "0.0.0.0:0"), "--allow-remote"), (("--http", "nowhere:1"), "numeric"),
                            (("--http", "127.0.0.1:70000"), "ADDRESS:PORT"), (("--http", "127.0.0.1"), "ADDRESS:PORT"),
                            (("--no-token",), "--http"), (("--origin", "x"), "--http"),
                            (("--http", "0.0.0.0:0", "--allow-remote", "--no-token"), "anybody"),
                            (("--http", "0", "--token-file", "nowhere"), "nowhere"),
                            (("--http", "0", "--token-file", "x", "--no-token"), "exclude")):
            answer = self.run_rtt("mcp", "serve", *words)
            self.assertIn(answer.status, (1, 2), answer)
            self.assertIn(told, answer.text, answer)
        front = self.front()
        answer = self.run_rtt("mcp", "serve", "--http", str(front.port))
        self.assertEqual(1, answer.status)
        self.assertIn("another program listens", answer.text)

    def test_listening_beyond_loopback(self):
        front = self.front("--allow-remote", at="0.0.0.0:0")
        session = HttpSession(front)
        session.open()
        self.assertEqual(200, session.send({"id": 1, "method": "ping"}, Host="192.0.2.7:80")[0])
        self.assertEqual(403, session.send({"id": 1, "method": "ping"}, Host="evil.example")[0])
        self.assertEqual(401, HttpSession(front, token=None).send({"id": 1, "method": "ping"})[0])


class Wire(OverHttp):
    def test_one_connection_carries_many_requests_even_pipelined_and_cut_anywhere(self):
        front = self.front()
        session = self.session(front)
        connection = session.connect()
        for i in range(20):
            status, _, body = session.raw("POST", json.dumps({"jsonrpc": "2.0", "id": i, "method": "ping"}),
                                          connection=connection)
            self.assertEqual((200, i), (status, json.loads(body)["id"]))
        connection.close()
        requests = b""
        for i in range(10):
            body = json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/call",
                               "params": {"name": "echo", "arguments": {"text": f"no {i}"}}}).encode()
            if i % 2:
                requests += Streams.head(session, len(body)) + body
            else:
                half = len(body) // 2
                requests += Streams.head(session, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
                requests += b"%x;a=b\r\n%s\r\n%X\r\n%s\r\n0\r\nT: t\r\n\r\n" % (half, body[:half], len(body) - half,
                                                                            body[half:])
        sock = self.raw_socket(front)
        at = 0
        while at < len(requests):
            step = self.random.randrange(1, 400)
            sock.sendall(requests[at:at + step])
            at += step
        found = b""
        while found.count(b'"jsonrpc"') < 10:
            found += sock.recv(65536)
        places = [found.index(f'"no {i}"'.encode()) for i in range(10)]
        self.assertEqual(sorted(places), places, "answers come in the order of the requests")

    def test_expect_continue(self):
        front = self.front()
        session = self.session(front)
        body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        sock = self.raw_socket(front)
        sock.sendall(Streams.head(session, len(body), "Expect: 100-continue"))
        self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", sock.recv(1000))
        sock.sendall(body)
        self.assertIn(b"200 OK", sock.recv(1000))
        session.token = "wrong-wrong-wrong"
        refused = self.raw_socket(front)
        refused.sendall(Streams.head(session, 10_000_000, "Expect: 100-continue"))
        self.assertTrue(self.to_end(refused).startswith(b"HTTP/1.1 401"))

    def test_a_refused_body_is_not_waited_for_and_the_answer_arrives(self):
        front = self.front()
        sock = self.raw_socket(front)
        sock.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n" + b"x" * 300_000)
        found = self.to_end(sock)
        self.assertTrue(found.startswith(b"HTTP/1.1 401"), found[:100])
        self.assertIn(b"Connection: close", found)

    def test_requests_that_are_none_and_too_large_ones(self):
        front = self.front()
        session = self.session(front)
        good = Streams.head(session, 2)
        for request, status in (
                (b"\x16\x03\x01\x02\x00\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400),
                (b"GET http://localhost/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
                (b"GET /mcp HTTP/1.1\r\n\r\n", 400), (b"GET /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
                (good.replace(b"Content-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked"), 400),
                (good.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3"), 400),
                (good.replace(b"Content-Length: 2", b"Content-Length: -2"), 400),
                (good.replace(b"Content-Length: 2", b"Content-Length: 99999999999"), 413),
                (good.replace(b"Content-Length: 2", b"Transfer-Encoding: gzip"), 400),
                (b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431)):
            sock = self.raw_socket(front)
            sock.sendall(request)
            found = self.to_end(sock)
            self.assertTrue(found.startswith(b"HTTP/1.1 %d " % status), (request[:200], found[:300]))
            self.assertIn("error", json.loads(found.partition(b"\r\n\r\n")[2]))
        self.assertEqual("alive", session.said("echo", text="alive"))

    def test_http_1_0(self):
        front = self.front()
        session = self.session(front)
        body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        sock = self.raw_socket(front)
        sock.sendall(Streams.head(session, len(body)).replace(b"HTTP/1.1", b"HTTP/1.0") + body)
        self.assertIn(b'"result":{}', self.to_end(sock))
        body = (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{"level":"error"}}}')
        sock = self.raw_socket(front)
        sock.sendall(Streams.head(session, len(body)).replace(b"HTTP/1.1", b"HTTP/1.0") + body)
        found = self.to_end(sock)
        self.assertNotIn(b"chunked", found)
        self.assertRegex(found, rb"\n\nid: \d+-2\nevent: message\ndata: {.*}\n\n$")

    def test_many_connections_and_none_too_many(self):
        front = self.front()
        session = self.session(front)
        socks = [self.raw_socket(front) for _ in range(200)]
        for sock in socks:
            sock.sendall(b"POST /mcp HTTP/1.1\r\n")
        self.assertEqual("served", session.said("echo", text="served"))


if __name__ == "__main__":
    main()
