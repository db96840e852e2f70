# SPDX-License-Identifier: Apache-2.0
"""An MCP server over HTTP that behaves and misbehaves as its tools and options say, and an authorization server.

Both run in threads of the test; `seen` holds every request, so a test can say what was asked and with which headers.
"""
import base64
import hashlib
import http.server
import json
import secrets
import ssl
import threading
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.owner.connections += 1

    def body_bytes(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body=b"", kind="application/json", **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        if body or status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def stream(self, **headers):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True

    def event(self, message=None, event_id=None, retry=None, kind=None):
        text = ""
        if kind is not None:
            text += f"event: {kind}\n"
        if event_id is not None:
            text += f"id: {event_id}\n"
        if retry is not None:
            text += f"retry: {retry}\n"
        if message is None:
            text += "data: \n"
        else:
            lines = message if isinstance(message, str) else json.dumps(message)
            text += "".join(f"data: {line}\n" for line in lines.split("\n"))
        self.wfile.write((text + "\n").encode())
        self.wfile.flush()

    def do_GET(self):
        self.server.owner.on_get(self)

    def do_POST(self):
        self.server.owner.on_post(self)

    def do_DELETE(self):
        self.server.owner.on_delete(self)


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that left


class HttpServer:
    def __init__(self, certificate=None, key=None):
        self.connections = 0
        self.seen = []
        self.lock = threading.Lock()
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.owner = self
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def note(self, handler, message=None):
        with self.lock:
            self.seen.append({"verb": handler.command, "path": handler.path, "headers": dict(handler.headers),
                              "message": message})

    def on_get(self, handler):
        handler.answer(404)

    on_post = on_delete = on_get


def tool(name, **properties):
    return {"name": name, "description": f"The tool {name}.",
            "inputSchema": {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}}


class HttpMcp(HttpServer):
    """Options: events (answer as a stream), sessions, listens (offers GET), token (the one that is believed),
    old (HTTP+SSE of 2024-11-05 only), challenge (of the 401)."""

    def __init__(self, certificate=None, key=None, **options):
        self.options = {"events": False, "sessions": True, "listens": False, "token": None, "old": False,
                        "challenge": None, "scope": None, "version": "1.2.3", **options}
        self.tools = [tool("echo", message="string"), tool("pretty"), tool("progress"), tool("drop"), tool("gone"),
                      tool("wrong"), tool("cut"), tool("fail"), tool("away"), tool("near"), tool("big", bytes="integer"),
                      tool("lose"), tool("hang"), tool("refuse"), tool("more")]
        self.sessions = set()
        self.kept = {}
        self.old_streams = {}
        self.hung = threading.Event()
        self.release = threading.Event()
        super().__init__(certificate, key)
        self.url = self.origin + "/mcp"

    def messages(self, method):
        with self.lock:
            return [one for one in self.seen if one["message"] and one["message"].get("method") == method]

    def allowed(self, handler):
        token = self.options["token"]
        if token is None or handler.headers.get("Authorization") == f"Bearer {token}":
            return True
        headers = {"WWW_Authenticate": self.options["challenge"]} if self.options["challenge"] else {}
        handler.answer(401, {"error": "who are you"}, **headers)
        return False

    def on_get(self, handler):
        self.note(handler)
        if not self.allowed(handler):
            return
        if self.options["old"]:
            session = secrets.token_hex(8)
            self.old_streams[session] = handler  # before it is named: the client may be quicker
            handler.stream()
            handler.event(f"/post?session={session}", kind="endpoint")
            self.release.wait()
            return
        last = handler.headers.get("Last-Event-ID")
        if last in self.kept:
            handler.stream()
            handler.event(self.kept.pop(last), event_id=last + "+")
            return
        if not self.options["listens"]:
            handler.answer(405)
            return
        handler.stream()
        handler.event({"jsonrpc": "2.0", "method": "notifications/message",
                       "params": {"level": "info", "data": "listening"}})
        self.release.wait()

    def on_delete(self, handler):
        self.note(handler)
        self.sessions.discard(handler.headers.get("Mcp-Session-Id"))
        handler.answer(204)

    def on_post(self, handler):
        body = handler.body_bytes()
        message = json.loads(body)
        self.note(handler, message)
        if not self.allowed(handler):
            return
        if self.options["old"]:
            self.post_old(handler, message)
            return
        session = handler.headers.get("Mcp-Session-Id")
        if self.options["sessions"] and message.get("method") != "initialize" and session not in self.sessions:
            handler.answer(404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "no session"}})
            return
        if "id" not in message or "method" not in message:
            handler.answer(202)
            return
        self.request(handler, message)

    def post_old(self, handler, message):
        if not handler.path.startswith("/post"):
            handler.answer(405, b"no", kind="text/plain")
            return
        stream = self.old_streams[urllib.parse.parse_qs(handler.path.split("?")[1])["session"][0]]
        handler.answer(202)
        if "id" in message:
            with self.lock:
                stream.event({"jsonrpc": "2.0", "id": message["id"], "result": self.result(message)}, kind="message")

    def result(self, message):
        method, params = message["method"], message.get("params", {})
        if method == "initialize":
            return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                    "serverInfo": {"name": "http-fixture", "version": self.options["version"]}}
        if method == "tools/list":
            return {"tools": self.tools}
        arguments = params.get("arguments", {})
        return {"content": [{"type": "text", "text": arguments.get("message", "done")}]}

    def request(self, handler, message):
        headers = {}
        if message["method"] == "initialize" and self.options["sessions"]:
            session = secrets.token_hex(16)
            self.sessions.add(session)
            headers["Mcp_Session_Id"] = session
        name = message.get("params", {}).get("name") if message["method"] == "tools/call" else None
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": None}
        misdeed = getattr(self, f"tool_{name}", None)
        if misdeed:
            misdeed(handler, message, reply)
            return
        try:
            reply["result"] = self.result(message)
        except KeyError:
            reply = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no such method"}}
        if self.options["events"]:
            handler.stream(**headers)
            handler.event(reply, event_id="1")
        else:
            handler.answer(200, reply, **headers)

    # ---- what the tools do

    def text(self, reply, text):
        reply["result"] = {"content": [{"type": "text", "text": text}]}
        return reply

    def tool_pretty(self, handler, _, reply):
        handler.answer(200, json.dumps(self.text(reply, "over\nlines"), indent=2).replace("\n", "\r\n").encode())

    def tool_progress(self, handler, message, reply):
        token = message["params"].get("_meta", {}).get("progressToken")
        handler.stream()
        for step in (1, 2):
            handler.event({"jsonrpc": "2.0", "method": "notifications/progress",
                           "params": {"progressToken": token, "progress": step, "total": 2}})
        handler.event(json.dumps(self.text(reply, "stepped"), indent=1))

    def tool_drop(self, handler, _, reply):
        self.kept["first"] = self.text(reply, "resumed")
        handler.stream()
        handler.event(event_id="first", retry=10)

    def tool_gone(self, handler, *_):
        handler.stream()

    def tool_wrong(self, handler, *_):
        handler.answer(200, b"<html>hello</html>", kind="text/html")

    def tool_cut(self, handler, *_):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"jsonrpc":"2.0",')
        handler.wfile.flush()
        handler.close_connection = True

    def tool_fail(self, handler, message, _):
        handler.answer(500, {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "broken inside"}})

    def tool_away(self, handler, *_):
        handler.answer(307, Location="http://127.0.0.1:9/elsewhere")

    def tool_near(self, handler, message, reply):
        if handler.path == "/mcp":
            handler.answer(308, Location="/mcp/moved")
        else:
            handler.answer(200, self.text(reply, "moved"))

    def tool_big(self, handler, message, reply):
        handler.answer(200, self.text(reply, "x" * message["params"]["arguments"]["bytes"]))

    def tool_lose(self, handler, _, reply):
        self.sessions.clear()
        handler.answer(200, self.text(reply, "forgotten"))

    def tool_hang(self, handler, *_):
        handler.stream()
        handler.wfile.flush()
        self.hung.set()
        self.release.wait()

    def tool_refuse(self, handler, message, _):
        handler.answer(400, {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "not like that"}})

    def tool_more(self, handler, *_):
        handler.answer(403, {}, WWW_Authenticate='Bearer error="insufficient_scope", scope="notes:write"')

    def close(self):
        self.release.set()
        super().close()


class AuthServer(HttpServer):
    """Gives tokens for `resource` to whoever comes with PKCE; `faults` names what it does wrong."""

    def __init__(self, mcp, faults=(), certificate=None, key=None, registration=True, secret=None, methods=None):
        self.mcp, self.faults, self.registration = mcp, set(faults), registration
        self.secret, self.methods = secret, methods  # of a confidential client, and how it may be shown
        self.codes, self.refreshes, self.clients = {}, {}, {}
        self.life = 3600
        self.token_asks = []
        super().__init__(certificate, key)
        mcp.options["token"] = "nobody-has-this-one"
        self.here = self.origin + "/tenant"
        mcp.options["challenge"] = f'Bearer realm="x", resource_metadata="{self.origin}/resource", scope="notes:read"'

    def on_get(self, handler):
        self.note(handler)
        url = urllib.parse.urlsplit(handler.path)
        if url.path == "/resource":
            other = "https://other.example/mcp"
            handler.answer(200, {"resource": other if "resource" in self.faults else self.mcp.url,
                                 "authorization_servers": [self.here]})
        elif url.path == "/.well-known/oauth-authorization-server/tenant":
            document = {"issuer": self.origin if "issuer" in self.faults else self.here,
                        "authorization_endpoint": self.here + "/authorize", "token_endpoint": self.here + "/token",
                        "code_challenge_methods_supported": ["plain"] if "pkce" in self.faults else ["S256"],
                        "authorization_response_iss_parameter_supported": True}
            if self.methods:
                document["token_endpoint_auth_methods_supported"] = self.methods
            if self.registration:
                document["registration_endpoint"] = self.here + "/register"
            handler.answer(200, document)
        elif url.path == "/tenant/authorize":
            self.authorize(handler, dict(urllib.parse.parse_qsl(url.query)))
        else:
            handler.answer(404)

    def known(self, handler, ask):
        """Whether the client showed its secret in the one way that is taken."""
        if self.methods and "client_secret_post" in self.methods:
            return ask.get("client_secret") == self.secret and "Authorization" not in handler.headers
        pair = base64.b64decode(handler.headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
        name, _, secret = pair.partition(":")
        ask["client_id"] = urllib.parse.unquote_plus(name)
        return urllib.parse.unquote_plus(secret) == self.secret and "client_secret" not in ask

    def authorize(self, handler, ask):
        if ask["redirect_uri"] not in self.clients.get(ask["client_id"], [ask["redirect_uri"]]):
            handler.answer(400)
            return
        code = secrets.token_urlsafe(16)
        self.codes[code] = ask
        back = {"code": code, "state": ask["state"], "iss": "https://evil.example" if "iss" in self.faults else self.here}
        if "denied" in self.faults:
            back = {"error": "access_denied", "state": ask["state"], "iss": self.here}
        handler.answer(302, Location=ask["redirect_uri"] + "?" + urllib.parse.urlencode(back))

    def on_post(self, handler):
        body = handler.body_bytes()
        if handler.path == "/tenant/register":
            client = "client-" + secrets.token_hex(4)
            self.clients[client] = json.loads(body)["redirect_uris"]
            handler.answer(201, {"client_id": client})
            return
        ask = dict(urllib.parse.parse_qsl(body.decode()))
        self.token_asks.append(ask)
        if self.secret and not self.known(handler, ask):
            handler.answer(401, {"error": "invalid_client"})
            return
        if ask["grant_type"] == "authorization_code":
            begun = self.codes.pop(ask["code"], None)
            digest = hashlib.sha256(ask["code_verifier"].encode()).digest()
            good = begun and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == begun["code_challenge"]
            good = good and ask["resource"] == begun["resource"] == self.mcp.url
            good = good and ask["client_id"] == begun["client_id"] and ask["redirect_uri"] == begun["redirect_uri"]
        else:
            good = self.refreshes.pop(ask["refresh_token"], None) and ask["resource"] == self.mcp.url
        if not good:
            handler.answer(400, {"error": "invalid_grant", "error_description": "not this one"})
            return
        token, refresh = "access-" + secrets.token_urlsafe(16), "refresh-" + secrets.token_urlsafe(16)
        self.mcp.options["token"] = token
        self.refreshes[refresh] = True
        handler.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.life,
                             "refresh_token": refresh, "scope": "notes:read"})
