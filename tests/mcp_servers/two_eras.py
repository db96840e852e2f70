# SPDX-License-Identifier: Apache-2.0
"""One set of tools, prompts and resources, served in either era of the protocol: `two_eras.py legacy|modern`.

A tool is a generator: it yields what it wants of its client and is sent the answer. The legacy server asks and waits;
the modern one answers `input_required`, keeps the answers so far in `requestState`, and plays the generator again.
`--alter` changes one byte of one answer, so that a test which compares can be seen to fail. A legacy server with `--quits`
ends when it is told anything before initialize, one with `--mute` says nothing to that; a modern one with `--late` takes
its time to start.
"""
import base64
import json
import os
import sys
import threading
import time

from stdio_server import schema

META = "io.modelcontextprotocol/"
ASK = ("elicitation/create", {"message": "Who?", "requestedSchema": schema({"name": {"type": "string"}}, ["name"])})
SAMPLE = ("sampling/createMessage", {"messages": [{"role": "user", "content": {"type": "text", "text": "Say é"}}],
                                     "maxTokens": 5})
ROOTS = ("roots/list", {})


def text(value, **more):
    return {"content": [{"type": "text", "text": str(value)}], **more}


class Fault(Exception):
    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


def say(server, arguments):
    return text(arguments.get("text", ""))
    yield


def shape(server, arguments):
    value = {"list": [1, 2.5, -3e20, None, True, "ü\u2028\\"], "deep": {"a": {"b": {}}}, "given": arguments.get("value")}
    return {"content": [{"type": "text", "text": json.dumps(value)},
                        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
                        {"type": "resource_link", "uri": "two://one", "name": "one"}], "structuredContent": value}
    yield


def fails(server, arguments):
    return text("it failed", isError=True)
    yield


def breaks(server, arguments):
    raise Fault(-32050, "broken", {"why": "asked to"})
    yield


def ask(server, arguments):
    said = []
    for i in range(arguments.get("count", 1)):
        answer = yield ASK[0], {**ASK[1], "message": f"Who {i}?"}
        said.append(answer.get("content", answer["action"]))
    return text(json.dumps(said, sort_keys=True))


def sample(server, arguments):
    answer = yield SAMPLE
    roots = yield ROOTS
    return text(answer["content"]["text"] + " in " + roots["roots"][0]["uri"])


def count(server, arguments):
    for i in range(3):
        server.progress(i + 1, 3)
    return text("counted")
    yield


def log(server, arguments):
    for level in ("debug", "info", "error"):
        server.log(level, f"a {level} message")
    return text("logged")
    yield


def touch(server, arguments):
    server.updated("two://one")
    return text("touched")
    yield


TOOLS = {tool.__name__: tool for tool in (ask, breaks, count, fails, log, sample, say, shape, touch)}
LISTS = {
    "tools/list": {"tools": [{"name": name, "description": name, "inputSchema": schema(
        {"text": {"type": "string"}, "count": {"type": "integer"}, "value": {}})} for name in sorted(TOOLS)]},
    "prompts/list": {"prompts": [{"name": "asks", "description": "asks first"},
                                 {"name": "greet", "arguments": [{"name": "who", "required": True}]}]},
    "resources/list": {"resources": [{"uri": "two://one", "name": "one"}, {"uri": "two://two", "name": "two"}]},
    "resources/templates/list": {"resourceTemplates": [{"uriTemplate": "two://item/{id}", "name": "item"}]},
}
CAPABILITIES = {"tools": {"listChanged": True}, "prompts": {}, "resources": {"subscribe": True}, "logging": {},
                "completions": {}}


def prompt(params):
    if params["name"] == "asks":
        answer = yield ASK
        return {"messages": [{"role": "user", "content": {"type": "text", "text": answer["content"]["name"]}}]}
    return {"description": "a greeting", "messages": [
        {"role": "user", "content": {"type": "text", "text": "Hello " + params["arguments"]["who"]}}]}


class Call:
    """One request under way."""

    def __init__(self, server, message):
        self.server, self.id, self.method = server, message["id"], message["method"]
        self.params = message.get("params") or {}
        self.meta = self.params.get("_meta") or {}

    def progress(self, done, total):
        if "progressToken" in self.meta:
            self.server.tell("notifications/progress", {"progressToken": self.meta["progressToken"], "progress": done,
                                                        "total": total, "message": f"{done} of {total}"})

    def log(self, level, data):
        if self.server.logs(self, level):
            self.server.tell("notifications/message", {"level": level, "logger": "two", "data": data})

    def updated(self, uri):
        self.server.updated(uri)

    def play(self):
        """The generator of this request, or its answer."""
        if self.method == "tools/call":
            if self.params["name"] not in TOOLS:
                raise Fault(-32602, "no such tool")
            return TOOLS[self.params["name"]](self, self.params.get("arguments") or {})
        if self.method == "prompts/get":
            return prompt(self.params)
        if self.method == "resources/read":
            uri = self.params["uri"]
            if uri not in ("two://one", "two://two") and not uri.startswith("two://item/"):
                raise Fault(self.server.NOT_FOUND, "Resource not found", {"uri": uri})
            return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": f"the text of {uri}"}]}
        if self.method == "completion/complete":
            return {"completion": {"values": [self.params["argument"]["value"] + "da"], "total": 1, "hasMore": False}}
        raise Fault(-32601, "Method not found")


class Server:
    def __init__(self, alter):
        self.alter, self.lock, self.level = alter, threading.Lock(), "debug"

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False)
        if self.alter:
            data = data.replace("the text of", "the test of")
        with self.lock:
            sys.stdout.buffer.write(data.encode() + b"\n")
            sys.stdout.buffer.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def answer(self, call):
        try:
            self.send({"id": call.id, "result": self.result(call)})
        except Fault as fault:
            self.send({"id": call.id, "error": fault.error})

    def run(self):
        for line in sys.stdin.buffer:
            if line.strip():
                self.take(json.loads(line))


class Legacy(Server):
    NOT_FOUND = -32002

    def __init__(self, alter):
        super().__init__(alter)
        self.next_id, self.waiting, self.subscribed, self.initialized = 1, {}, set(), False

    def take(self, message):
        if "method" not in message:
            event, slot = self.waiting.pop(message["id"])
            slot.append(message)
            event.set()
        elif "id" in message:
            if not self.initialized and message["method"] != "initialize":
                if "--quits" in sys.argv:
                    os._exit(1)
                if "--mute" in sys.argv:
                    return
                self.send({"id": message["id"], "error": {"code": -32602, "message": "initialize first"}})
                return
            self.initialized = True
            threading.Thread(target=self.answer, args=(Call(self, message),), daemon=True).start()

    def logs(self, call, level):
        order = ["debug", "info", "error"]
        return order.index(level) >= order.index(self.level)

    def updated(self, uri):
        if uri in self.subscribed:
            self.tell("notifications/resources/updated", {"uri": uri})

    def ask(self, method, params):
        event, slot = threading.Event(), []
        with self.lock:
            number, self.next_id = self.next_id, self.next_id + 1
            self.waiting[number] = event, slot
        self.send({"id": number, "method": method, "params": params})
        event.wait()
        if "error" in slot[0]:
            raise Fault(-32603, "the client said: " + slot[0]["error"]["message"])
        return slot[0]["result"]

    def result(self, call):
        if META + "protocolVersion" in call.meta or "requestState" in call.params:
            raise Fault(-32603, "what is modern came through")
        if call.method == "initialize":
            return {"protocolVersion": "2025-11-25", "capabilities": CAPABILITIES,
                    "serverInfo": {"name": "two", "version": "1.0.0"}}
        if call.method == "ping":
            return {}
        if call.method == "logging/setLevel":
            self.level = call.params["level"]
            return {}
        if call.method in ("resources/subscribe", "resources/unsubscribe"):
            getattr(self.subscribed, "add" if call.method == "resources/subscribe" else "discard")(call.params["uri"])
            return {}
        if call.method in LISTS:
            return LISTS[call.method]
        work = call.play()
        if isinstance(work, dict):
            return work
        answer = None
        try:
            while True:
                answer = self.ask(*work.send(answer))
        except StopIteration as end:
            return end.value


class Modern(Server):
    NOT_FOUND = -32602

    def __init__(self, alter):
        super().__init__(alter)
        self.listens = {}

    def take(self, message):
        if message.get("method") == "notifications/cancelled":
            self.listens.pop(message["params"]["requestId"], None)
        elif "id" in message and "method" in message:
            threading.Thread(target=self.answer, args=(Call(self, message),), daemon=True).start()

    def answer(self, call):
        if call.method != "subscriptions/listen":
            return super().answer(call)
        self.listens[call.id] = set(call.params["notifications"].get("resourceSubscriptions", []))
        self.tell("notifications/subscriptions/acknowledged", {"_meta": {META + "subscriptionId": call.id},
                                                               "notifications": call.params["notifications"]})
        return None

    def logs(self, call, level):
        order = ["debug", "info", "error"]
        wanted = call.meta.get(META + "logLevel")
        return wanted in order and order.index(level) >= order.index(wanted)

    def updated(self, uri):
        for number, uris in list(self.listens.items()):
            if uri in uris:
                self.tell("notifications/resources/updated",
                          {"uri": uri, "_meta": {META + "subscriptionId": number}})

    def result(self, call):
        if META + "protocolVersion" not in call.meta or META + "clientCapabilities" not in call.meta:
            raise Fault(-32602, "the request does not say what it is of")
        kept = {"ttlMs": 60000, "cacheScope": "private"}
        if call.method == "server/discover":
            return {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": CAPABILITIES,
                    **kept, "_meta": {META + "serverInfo": {"name": "two", "version": "1.0.0"}}}
        if call.method in LISTS:
            return {"resultType": "complete", **LISTS[call.method], **kept}
        work = call.play()
        if isinstance(work, dict):
            more = {**kept, "ttlMs": 0} if call.method == "resources/read" else {}
            return {"resultType": "complete", **work, **more}
        state = call.params.get("requestState")
        answers = json.loads(base64.b64decode(state)) if state else []
        if answers and "next" in (call.params.get("inputResponses") or {}):
            answers[-1] = call.params["inputResponses"]["next"]
        try:
            wanted = work.send(None)
            for answer in answers:
                wanted = work.send(answer)
        except StopIteration as end:
            return {"resultType": "complete", **end.value}
        kept = base64.b64encode(json.dumps([*answers, None]).encode()).decode()
        return {"resultType": "input_required", "requestState": kept,
                "inputRequests": {"next": {"method": wanted[0], "params": wanted[1]}}}


if __name__ == "__main__":
    if "--late" in sys.argv:  # later than a probe is waited for alone
        time.sleep(4)
    {"legacy": Legacy, "modern": Modern}[sys.argv[1]]("--alter" in sys.argv).run()
