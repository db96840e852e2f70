# SPDX-License-Identifier: Apache-2.0
"""A Model Context Protocol server over stdin and stdout, in the standard library alone.

Each call runs on a thread of its own, so that a tool that sleeps does not hold back another one.
"""
import json
import sys
import threading


def text(value):
    return {"content": [{"type": "text", "text": str(value)}]}


def schema(properties=None, required=()):
    return {"type": "object", "properties": properties or {}, "required": list(required)}


class Server:
    def __init__(self, name, version="1.0.0", instructions=""):
        self.info = {"name": name, "version": version}
        self.instructions = instructions
        self.tools = {}
        self.handlers = {}
        self.lock = threading.Lock()
        self.cancelled = []  # ids of requests the client withdrew

    def tool(self, name, properties=None, required=(), **more):
        def add(handler):
            self.tools[name] = {"name": name, "description": handler.__doc__ or name,
                                "inputSchema": schema(properties, required), **more}
            self.handlers[name] = handler
            return handler
        return add

    def write(self, data):
        with self.lock:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def send(self, message):
        self.write(json.dumps(message).encode() + b"\n")

    def reply(self, request_id, result):
        self.send({"jsonrpc": "2.0", "id": request_id, "result": result})

    def refuse(self, request_id, code, message):
        self.send({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}})

    def initialize(self, request_id, params):
        result = {"protocolVersion": params.get("protocolVersion", "2025-11-25"), "capabilities": {"tools": {}},
                  "serverInfo": self.info}
        if self.instructions:
            result["instructions"] = self.instructions
        self.reply(request_id, result)

    def call(self, request_id, params):
        handler = self.handlers.get(params.get("name"))
        if handler is None:
            return self.refuse(request_id, -32602, f"no tool {params.get('name')}")
        try:
            result = handler(request_id, params.get("arguments") or {})
            if result is not None:  # a handler that returns nothing has answered by itself, or never will
                self.reply(request_id, result)
        except Exception as error:  # the tool's own failure, told as the protocol wants it
            self.reply(request_id, {"content": [{"type": "text", "text": str(error)}], "isError": True})

    def handle(self, message):
        request_id, method, params = message.get("id"), message.get("method"), message.get("params") or {}
        if method == "notifications/cancelled":
            self.cancelled.append(params.get("requestId"))
        if request_id is None:
            return
        if method == "initialize":
            self.initialize(request_id, params)
        elif method == "ping":
            self.reply(request_id, {})
        elif method == "tools/list":
            self.reply(request_id, {"tools": list(self.tools.values())})
        elif method == "tools/call":
            threading.Thread(target=self.call, args=(request_id, params), daemon=True).start()
        else:
            self.refuse(request_id, -32601, f"no method {method}")

    def run(self):
        for line in sys.stdin.buffer:
            if line.strip():
                self.handle(json.loads(line))
