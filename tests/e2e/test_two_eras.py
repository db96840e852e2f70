# SPDX-License-Identifier: Apache-2.0
"""Servers of both eras of the protocol behind rtt, for clients of both: the same answers as without it.

The same requests are made of a server directly and through rtt, over {legacy, modern} client x {legacy, modern} server
x {pipes, HTTP}: what comes back is equal but for ids and `_meta`. A server that alters one byte must be seen. The modern
server is reached over HTTP too.
"""
import json
import sys

from era_clients import CLIENTS, META, Http, ModernClient, Pipe
from http_session import Front
from rtt_case import RTT, SERVERS, RttCase, main

sys.path.insert(0, SERVERS)
from modern_http import ModernHttp  # noqa: E402

ERAS = ("legacy", "modern")
REQUESTS = [
    ("tools/list", {}), ("prompts/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
    ("tools/call", {"name": "say", "arguments": {"text": "héllo \u2028 \\ \" \x7f"}}),
    ("tools/call", {"name": "shape", "arguments": {"value": {"b": [1.0, 1e3, "x"], "a": None}}}),
    ("tools/call", {"name": "fails", "arguments": {}}), ("tools/call", {"name": "breaks", "arguments": {}}),
    ("tools/call", {"name": "ask", "arguments": {"count": 0}}), ("tools/call", {"name": "ask", "arguments": {}}),
    ("tools/call", {"name": "ask", "arguments": {"count": 4}}), ("tools/call", {"name": "sample", "arguments": {}}),
    ("tools/call", {"name": "count", "arguments": {}}), ("tools/call", {"name": "log", "arguments": {}}),
    ("prompts/get", {"name": "greet", "arguments": {"who": "ü"}}), ("prompts/get", {"name": "asks"}),
    ("resources/read", {"uri": "two://one"}), ("resources/read", {"uri": "two://item/7"}),
    ("resources/read", {"uri": "two://nothing"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "who", "value": "x"}}),
]


def done(client):
    """What came of each request. Log messages on pipes may overtake nothing, but belong to no request there."""
    return [[method, params, client.do(method, params, progress=True)] for method, params in REQUESTS]


class TwoEras(RttCase):
    def workspace(self, *servers):
        for name, words in servers:
            self.entries = {**getattr(self, "entries", {}), name: self.server_entry("two_eras.py", *words)}
        self.mcp_json(self.entries)
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)

    def open(self, client, wire):
        made = CLIENTS[client](wire)
        self.addCleanup(made.close)
        return made

    def pipe(self, *words):
        return Pipe([RTT, "mcp", "serve", *words], cwd=self.ws, env=self.me.env)

    def direct(self, era, *words):
        entry = self.server_entry("two_eras.py", era, *words)
        return self.open(era, Pipe([entry["command"], *entry["args"]]))

    def front(self, *words):
        front = Front(*words, cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: front.process.poll() is None and front.close())
        return front

    def assert_same(self, wanted, got, what):
        for one, other in zip(wanted, got, strict=True):
            self.assertEqual(json.dumps(one, indent=1), json.dumps(other, indent=1), what)

    def test_the_same_answers_as_directly_in_all_eight_ways(self):
        self.workspace(*((era, [era]) for era in ERAS))
        wanted = {era: done(self.direct(era)) for era in ERAS}
        # Both references say the same, where their eras have the same words.
        self.assertEqual([entry[2]["asked"] for entry in wanted["legacy"]],
                         [entry[2]["asked"] for entry in wanted["modern"]])
        for server in ERAS:
            front = self.front(server)
            for client in ERAS:
                with self.subTest(client=client, server=server, over="pipes"):
                    self.assert_same(wanted[client], done(self.open(client, self.pipe(server))), (client, server))
                with self.subTest(client=client, server=server, over="http"):
                    self.assert_same(wanted[client], done(self.open(client, Http(front))), (client, server))
            front.close()

    def test_one_altered_byte_is_seen(self):
        self.workspace(*((era, [era, "--alter"]) for era in ERAS))
        for era in ERAS:
            wanted = done(self.direct(era))
            for server in ERAS:
                got = done(self.open(era, self.pipe(server)))
                with self.assertRaises(AssertionError):
                    self.assert_same(wanted, got, "")
                self.assertEqual(2, sum(one != other for one, other in zip(wanted, got)))  # the two texts read

    def test_servers_that_take_the_probe_badly_are_served(self):
        servers = {"quits": ("legacy", "--quits"), "mute": ("legacy", "--mute"), "late": ("modern", "--late")}
        self.workspace(*((name, list(words)) for name, words in servers.items()))
        for name, (era, _) in servers.items():
            manifest = self.read(f".rtt/manifests/mcp.{name}.json").decode()
            self.assertIn({"legacy": "2025-11-25", "modern": "2026-07-28"}[era], manifest)
            for client in ERAS:
                with self.subTest(server=name, client=client):
                    end = self.open(client, self.pipe(name)).do("tools/call", {"name": "ask", "arguments": {}})["end"]
                    self.assertIn("Who 0? Me", end["content"][0]["text"])

    def test_the_command_line_calls_servers_of_both_eras(self):
        self.workspace(*((era, [era]) for era in ERAS))
        for era in ERAS:
            words = ("call", f"rtt://{era}/tool/shape", '{"value":"x"}')
            answer = self.ok(*words)
            self.assertIn('"given"', answer.out)
            self.assertNotIn("resultType", answer.out)

    def far(self):
        """A modern server over HTTP, imported as `far`."""
        server = ModernHttp()
        self.addCleanup(server.close)
        self.entries = {"far": {"type": "http", "url": server.url}}
        self.workspace()
        return server

    def test_a_modern_server_over_http_answers_as_directly(self):
        server = self.far()
        self.assertIn("2026-07-28", self.read(".rtt/manifests/mcp.far.json").decode())
        front = self.front("far")
        for client in ERAS:
            wanted = done(self.direct(client))[1:]  # but for the tool `hang`
            with self.subTest(client=client, over="pipes"):
                self.assert_same(wanted, done(self.open(client, self.pipe("far")))[1:], client)
            with self.subTest(client=client, over="http"):
                self.assert_same(wanted, done(self.open(client, Http(front)))[1:], client)
        front.close()
        self.assertEqual([], server.messages("initialize"))

    def test_what_is_withdrawn_from_a_modern_http_server_is_closed_and_not_said(self):
        server = self.far()
        for client in ERAS:
            with self.subTest(client=client):
                server.hung.clear()
                server.closed.clear()
                mine = self.open(client, self.pipe("far"))
                meta = {"_meta": mine.meta()} if client == "modern" else {}
                mine.wire.send({"id": "h", "method": "tools/call", "params": {"name": "hang", "arguments": {}, **meta}})
                self.assertTrue(server.hung.wait(30))
                hung = [one["id"] for one in server.messages("tools/call") if one["params"]["name"] == "hang"][-1]
                self.assertNotIn(hung, server.closed)
                mine.wire.send({"method": "notifications/cancelled", "params": {"requestId": "h"}})
                self.assertTrue(server.wait_closed(hung))
                end = mine.do("tools/call", {"name": "say", "arguments": {"text": "on"}})["end"]
                self.assertEqual("on", end["content"][0]["text"])
        self.assertEqual([], server.messages("notifications/cancelled"))

    def test_a_subscription_that_is_no_stream_is_refused(self):
        self.workspace(("modern", ["modern"]))
        wire = Http(self.front("modern"))
        mine = ModernClient(wire)
        connection, response = wire.post({"id": "s", "method": "subscriptions/listen", "params": {
            "_meta": mine.meta(), "notifications": {}}}, accept="application/json")
        self.assertEqual(406, response.status)
        said = json.loads(response.read())
        self.assertEqual(("s", -32600), (said["id"], said["error"]["code"]))
        self.assertIn("text/event-stream", said["error"]["message"])
        connection.close()

    def test_updates_reach_who_subscribed(self):
        far = self.far()
        self.workspace(*((era, [era]) for era in ERAS))

        def listening():
            return sum("two://one" in uris for one in list(far.listening.values()) for uris in one.listens.values())

        for server in (*ERAS, "far"):
            for client in ERAS:
                with self.subTest(client=client, server=server):
                    mine = self.open(client, self.pipe(server))
                    before = listening()  # of the client before this one, which is still open
                    if client == "legacy":
                        self.assertEqual({}, mine.do("resources/subscribe", {"uri": "two://one"})["end"])
                    else:
                        mine.wire.send({"id": "sub", "method": "subscriptions/listen", "params": {
                            "_meta": mine.meta(), "notifications": {"resourceSubscriptions": ["two://one"]}}})
                        first = mine.wire.next()
                        self.assertEqual("notifications/subscriptions/acknowledged", first["method"])
                        self.assertEqual("sub", first["params"]["_meta"][META + "subscriptionId"])
                    if server == "far":  # each message goes its own way there
                        self.eventually(lambda: listening() > before)
                    told = mine.do("tools/call", {"name": "touch", "arguments": {}})["told"]
                    if not told:  # it may come after the answer
                        message = mine.wire.next()
                        told = [[message["method"], {"uri": message["params"]["uri"]}]]
                    self.assertEqual([["notifications/resources/updated", {"uri": "two://one"}]], told)

    def test_a_state_is_good_for_its_call_alone(self):
        self.workspace(("legacy", ["legacy"]))
        mine = self.open("modern", self.pipe("legacy"))

        def call(request_id, name="ask", **more):
            return list(mine.wire.messages({"id": request_id, "method": "tools/call", "params": {
                "name": name, "arguments": {"count": 1}, "_meta": mine.meta(), **more}}))[-1]
        first = call(1)["result"]
        self.assertEqual("input_required", first["resultType"])
        name, = first["inputRequests"]
        inputs = {"requestState": first["requestState"],
                  "inputResponses": {name: {"action": "accept", "content": {"name": "n"}}}}
        for state in (first["requestState"] + "x", first["requestState"][:-1], "forged"):
            self.assertEqual(-32602, call(2, **{**inputs, "requestState": state})["error"]["code"])
        self.assertEqual(-32602, call(3, name="say", **inputs)["error"]["code"])
        again = call(4, requestState=first["requestState"])["result"]  # nothing answered: asked again
        self.assertEqual(first["inputRequests"], again["inputRequests"])
        end = call(5, **{**inputs, "requestState": again["requestState"]})["result"]
        self.assertEqual('[{"name": "n"}]', end["content"][0]["text"])
        self.assertEqual(-32602, call(6, **inputs)["error"]["code"])  # used

    def test_modern_http_says_in_its_headers_what_its_body_says(self):
        self.workspace(("modern", ["modern"]))
        wire = Http(self.front("modern"))
        mine = ModernClient(wire)
        self.assertEqual("complete", mine.do("server/discover")["end"]["resultType"])
        self.assertIsNone(wire.session)
        for method, status, code in (("ping", 404, -32601), ("initialize", 404, -32601)):
            end = mine.do(method)["end"]
            self.assertEqual((status, code), (wire.status, end["code"]), method)
        post = wire.post

        def with_headers(**headers):
            def changed(message):
                connection, _ = post({"id": 0, "method": "server/discover", "params": {"_meta": mine.meta()}})
                connection.close()
                connection.request("POST", wire.path, json.dumps({"jsonrpc": "2.0", **message}), {
                    "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                    "Authorization": f"Bearer {wire.front.token}", **headers})
                return connection, connection.getresponse()
            return changed
        good = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "say"}
        say = ("tools/call", {"name": "say", "arguments": {"text": "x"}})
        wire.post = with_headers(**good)
        self.assertEqual("x", mine.do(*say)["end"]["content"][0]["text"])
        for name in good:
            for value in (None, "wrong"):
                headers = {**good, name: value}
                wire.post = with_headers(**{key: text for key, text in headers.items() if text})
                self.assertEqual(-32020, mine.do(*say)["end"]["code"], headers)
                self.assertEqual(400, wire.status)


if __name__ == "__main__":
    main()
