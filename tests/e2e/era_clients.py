# SPDX-License-Identifier: Apache-2.0
"""MCP clients of both eras over pipes and over HTTP: each does a request whole, answers what it is asked on the way,
and says what it saw: {"end": result or error, "asked": […], "told": […]}, without ids and `_meta`."""
import http.client
import json
import queue
import subprocess
import threading

from http_session import Events

META = "io.modelcontextprotocol/"
CAPABILITIES = {"sampling": {}, "elicitation": {}, "roots": {}}
INFO = {"name": "tester", "version": "1"}
ANSWERS = {
    "elicitation/create": lambda params: {"action": "accept", "content": {"name": params["message"] + " Me ü"}},
    "sampling/createMessage": lambda params: {"role": "assistant", "model": "m", "content": {"type": "text",
                                                                                             "text": "é"}},
    "roots/list": lambda params: {"roots": [{"uri": "file:///r", "name": "r"}]},
}


def bare(value):
    """Without ids and `_meta`, and with its members in one order."""
    if isinstance(value, dict):
        return {key: bare(value[key]) for key in sorted(value) if key not in ("_meta", "progressToken")}
    return [bare(item) for item in value] if isinstance(value, list) else value


class Pipe:
    def __init__(self, words, cwd=None, env=None):
        self.process = subprocess.Popen(words, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.inbox = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.inbox.put(json.loads(line))
        self.inbox.put(None)

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def next(self):
        message = self.inbox.get(timeout=40)
        if message is None:
            raise EOFError("the server closed its output")
        return message

    def messages(self, message):
        """What comes, up to the answer."""
        self.send(message)
        while True:
            came = self.next()
            yield came
            if came.get("id") == message["id"] and "method" not in came:
                return

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.reader.join(5)
            self.process.stdout.close()


class Http:
    def __init__(self, front, path="/mcp"):
        self.front, self.path, self.session, self.status = front, path, None, None

    def post(self, message, accept="application/json, text/event-stream"):
        headers = {"Content-Type": "application/json", "Accept": accept, "Authorization": f"Bearer {self.front.token}"}
        params = message.get("params") or {}
        version = (params.get("_meta") or {}).get(META + "protocolVersion")
        if version:
            headers.update({"MCP-Protocol-Version": version, "Mcp-Method": message["method"]})
            named = params.get("name", params.get("uri"))
            if named is not None and message["method"] in ("tools/call", "prompts/get", "resources/read"):
                headers["Mcp-Name"] = named
        elif self.session:
            headers.update({"Mcp-Session-Id": self.session, "MCP-Protocol-Version": "2025-11-25"})
        connection = http.client.HTTPConnection(self.front.host, self.front.port, timeout=40)
        connection.request("POST", self.path, json.dumps({"jsonrpc": "2.0", **message}), headers)
        return connection, connection.getresponse()

    def send(self, message):
        connection, response = self.post(message)
        response.read()
        connection.close()

    def messages(self, message):
        connection, response = self.post(message)
        self.status = response.status
        self.session = response.headers.get("Mcp-Session-Id", self.session)
        if response.headers["Content-Type"] == "text/event-stream":
            events = Events(connection, response)
            while (event := events.next()) is not None:
                if event[1] is not None:
                    yield event[1]
            connection.close()
            return
        body = response.read()
        connection.close()
        yield json.loads(body)

    def close(self):
        pass


class LegacyClient:
    def __init__(self, wire):
        self.wire, self.next_id = wire, 1
        self.do("initialize", {"protocolVersion": "2025-11-25", "capabilities": CAPABILITIES, "clientInfo": INFO})
        wire.send({"method": "notifications/initialized"})
        self.do("logging/setLevel", {"level": "info"})

    def do(self, method, params=None, progress=False):
        self.next_id += 1
        seen = {"asked": [], "told": []}
        params = {**(params or {}), **({"_meta": {"progressToken": self.next_id}} if progress else {})}
        for message in self.wire.messages({"id": self.next_id, "method": method, "params": params}):
            if "method" not in message:
                if message.get("id") == self.next_id:
                    seen["end"] = bare(message.get("result", message.get("error")))
            elif "id" in message:
                seen["asked"].append([message["method"], bare(message.get("params", {}))])
                self.wire.send({"id": message["id"], "result": ANSWERS[message["method"]](message.get("params"))})
            else:
                seen["told"].append([message["method"], bare(message.get("params", {}))])
        return seen

    def close(self):
        self.wire.close()


class ModernClient:
    def __init__(self, wire):
        self.wire, self.next_id = wire, 1

    def meta(self, **more):
        return {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": CAPABILITIES,
                META + "clientInfo": INFO, META + "logLevel": "info", **more}

    def do(self, method, params=None, progress=False):
        seen, more = {"asked": [], "told": []}, {}
        while True:
            self.next_id += 1
            meta = self.meta(**({"progressToken": self.next_id} if progress else {}))
            end = None
            for message in self.wire.messages({"id": self.next_id, "method": method,
                                               "params": {**(params or {}), **more, "_meta": meta}}):
                if "method" not in message:
                    end = message.get("result", message.get("error"))
                else:
                    assert "id" not in message, f"a modern client was asked: {message}"
                    seen["told"].append([message["method"], bare(message.get("params", {}))])
            if end.get("resultType") != "input_required":
                return {**seen, "end": bare(end)}
            more = {"inputResponses": {}}
            for name, asked in end.get("inputRequests", {}).items():
                seen["asked"].append([asked["method"], bare(asked.get("params", {}))])
                more["inputResponses"][name] = ANSWERS[asked["method"]](asked.get("params"))
            if "requestState" in end:
                more["requestState"] = end["requestState"]

    def close(self):
        self.wire.close()


CLIENTS = {"legacy": LegacyClient, "modern": ModernClient}
