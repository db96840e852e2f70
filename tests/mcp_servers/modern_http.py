# SPDX-License-Identifier: Apache-2.0
"""The modern server of two_eras.py over HTTP, in threads of the test: a POST an exchange, its answer a stream of events.

A request whose headers and body differ is refused, as the protocol has it; `closed` holds the requests whose client
closed the stream before its end. The tool `hang` answers never, and `hung` says that it was reached.
"""
import json
import select
import threading

from http_server import HttpServer
from two_eras import LISTS, META, Call, Modern

NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Exchange(Modern):
    """One POST; what is told goes on its stream."""

    def __init__(self, owner, handler):
        super().__init__(False)
        self.owner, self.handler, self.begun = owner, handler, False

    def send(self, message):
        with self.lock:
            if not self.begun:
                self.handler.stream()
                self.begun = True
            self.handler.event({"jsonrpc": "2.0", **message})

    def result(self, call):
        if call.method == "tools/list":
            tools = [*LISTS["tools/list"]["tools"], {"name": "hang", "inputSchema": {"type": "object"}}]
            return {"resultType": "complete", "tools": tools, "ttlMs": 60000, "cacheScope": "private"}
        if call.method == "tools/call" and call.params["name"] == "hang":
            self.handler.stream()
            self.owner.hung.set()
            self.until_closed(call.id)
        return super().result(call)

    def answer(self, call):
        if call.method == "subscriptions/listen":
            self.owner.listening[call.id, self] = self
        super().answer(call)
        if call.method == "subscriptions/listen":
            try:
                self.until_closed(call.id)
            finally:
                self.owner.listening.pop((call.id, self), None)

    def until_closed(self, number):
        self.handler.wfile.flush()
        while not self.owner.over.is_set():
            ready, _, _ = select.select([self.handler.connection], [], [], 0.05)
            if ready and not self.more():
                with self.owner.changed:
                    self.owner.closed.add(number)
                    self.owner.changed.notify_all()
                raise ConnectionResetError

    def more(self):
        try:
            return self.handler.connection.recv(1)
        except ConnectionResetError:
            return b""

    def updated(self, uri):
        for one in list(self.owner.listening.values()):
            super(Exchange, one).updated(uri)


class ModernHttp(HttpServer):
    def __init__(self):
        self.hung, self.over, self.changed = threading.Event(), threading.Event(), threading.Condition()
        self.closed, self.listening = set(), {}
        super().__init__()
        self.url = self.origin + "/mcp"

    def close(self):
        self.over.set()
        super().close()

    def messages(self, method):
        with self.lock:
            return [one["message"] for one in self.seen if one["message"] and one["message"].get("method") == method]

    def wait_closed(self, number):
        with self.changed:
            return self.changed.wait_for(lambda: number in self.closed, 30)

    def on_post(self, handler):
        message = json.loads(handler.body_bytes())
        self.note(handler, message)
        meta = message.get("params", {}).get("_meta", {})
        wanted = {"MCP-Protocol-Version": meta.get(META + "protocolVersion"), "Mcp-Method": message.get("method")}
        if message.get("method") in NAMED:
            wanted["Mcp-Name"] = message["params"][NAMED[message["method"]]]
        differs = [name for name, value in wanted.items() if handler.headers.get(name) != value]
        if "id" not in message:
            handler.answer(202)
        elif differs or "Mcp-Session-Id" in handler.headers:
            handler.answer(400, {"jsonrpc": "2.0", "id": message["id"],
                                 "error": {"code": -32020, "message": f"header mismatch: {differs}"}})
        else:
            exchange = Exchange(self, handler)
            exchange.answer(Call(exchange, message))
