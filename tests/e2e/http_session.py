# SPDX-License-Identifier: Apache-2.0
"""An MCP client over HTTP as raw as its messages, and the `rtt mcp serve --http` it speaks to."""
import http.client
import json
import re
import socket
import subprocess
import threading

from mcp_client import INITIALIZE
from rtt_case import RTT

BOTH = "application/json, text/event-stream"


class Front:
    """`rtt mcp serve --http`, started; `url`, `host`, `port` and `token` are what it said."""

    def __init__(self, *words, cwd, env, at="127.0.0.1:0"):
        self.process = subprocess.Popen([RTT, "mcp", "serve", "--http", at, *words], cwd=cwd, env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said, self.token = [], None
        for line in self.process.stderr:
            self.said.append(line.decode())
            if re.search(r"the token is in|NO TOKEN", self.said[-1]):
                break
        found = re.search(r"http://(\S+):(\d+)/mcp", self.text)
        if not found:
            self.process.wait()
            raise EOFError(self.text)
        self.url, self.host, self.port = found.group(0), found.group(1).strip("[]"), int(found.group(2))
        kept = re.search(r"the token is in (\S+);", self.text)
        if kept:
            self.token_file = kept.group(1)
            with open(self.token_file, encoding="ascii") as file:
                self.token = file.read().strip()
        self.rest = threading.Thread(target=lambda: self.said.extend(l.decode() for l in self.process.stderr),
                                     daemon=True)
        self.rest.start()

    @property
    def text(self):
        return "".join(self.said)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(10)
        self.rest.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return status


class Events:
    """The events of an answer that is under way."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response

    def next(self):
        """(id, data) of the next event; data is None where it is empty. None at the end of the stream."""
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if line == "" and fields:
                data = fields.get("data", "")
                return fields.get("id"), json.loads(data) if data else None
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")

    def messages(self):
        """The messages to the end of the stream."""
        found = []
        while (event := self.next()) is not None:
            if event[1] is not None:
                found.append(event[1])
        return found

    def close(self):
        self.connection.sock and self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


class HttpSession:
    def __init__(self, front, token=True, version="2025-11-25"):
        self.front, self.id, self.next_id, self.version = front, None, 1, version
        self.token = front.token if token is True else token

    def headers(self, **more):
        found = {"Content-Type": "application/json", "Accept": BOTH}
        if self.token:
            found["Authorization"] = f"Bearer {self.token}"
        if self.id:
            found["Mcp-Session-Id"] = self.id
            found["MCP-Protocol-Version"] = self.version
        found.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in found.items() if value is not None}

    def connect(self):
        return http.client.HTTPConnection(self.front.host, self.front.port, timeout=20)

    def raw(self, method, body=None, path="/mcp", connection=None, **headers):
        """(status, headers, body) of one exchange."""
        own = connection or self.connect()
        own.request(method, path, body, self.headers(**headers))
        response = own.getresponse()
        try:
            return response.status, response.headers, response.read()
        finally:
            if connection is None:
                own.close()

    def send(self, message, **headers):
        return self.raw("POST", json.dumps({"jsonrpc": "2.0", **message}), **headers)

    def open(self, **params):
        status, headers, body = self.send({"id": 0, "method": "initialize", "params": {
            **INITIALIZE, "protocolVersion": self.version, **params}})
        assert status == 200, (status, body)
        self.id = headers["Mcp-Session-Id"]
        assert self.send({"method": "notifications/initialized"})[0] == 202
        return json.loads(body)["result"]

    def request(self, method, params=None, **headers):
        """(content type, answer or Events) of a request."""
        connection = self.connect()
        self.next_id += 1
        connection.request("POST", "/mcp", json.dumps({
            "jsonrpc": "2.0", "id": self.next_id, "method": method, **({"params": params} if params else {})}),
            self.headers(**headers))
        response = connection.getresponse()
        kind = response.headers["Content-Type"]
        if kind == "text/event-stream":
            return kind, Events(connection, response)
        body = response.read()
        connection.close()
        return kind, json.loads(body)

    def call(self, name, meta=None, **arguments):
        return self.request("tools/call", {"name": name, "arguments": arguments, **({"_meta": meta} if meta else {})})

    def said(self, name, **arguments):
        kind, answer = self.call(name, **arguments)
        assert kind == "application/json", kind
        return answer["result"]["content"][0]["text"]

    def listen(self, last=None):
        """The session's own stream; Events, or the status it was refused with."""
        connection = self.connect()
        connection.request("GET", "/mcp", headers=self.headers(
            Content_Type=None, Accept="text/event-stream", **({"Last_Event_ID": last} if last else {})))
        response = connection.getresponse()
        if response.status != 200:
            response.read()
            connection.close()
            return response.status
        return Events(connection, response)
