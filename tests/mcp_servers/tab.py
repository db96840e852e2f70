# SPDX-License-Identifier: Apache-2.0
"""A server with a state, like a browser: one open page; and one that leaves daemons behind.

`daemon` starts a process the way daemons start (setsid, two forks), deaf to what can be ignored, and says its pid.
"""
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stdio_server import Server, text  # noqa: E402

page = "about:blank"


class Tab(Server):
    """With one resource, the open page, and a memory of what its client asked of it beside calls."""
    heard = []

    def initialize(self, request_id, params):
        self.reply(request_id, {"protocolVersion": params["protocolVersion"], "serverInfo": self.info,
                                "capabilities": {"tools": {}, "logging": {}, "resources": {"subscribe": True}}})

    def handle(self, message):
        method, params = message.get("method"), message.get("params") or {}
        if method == "logging/setLevel":
            self.heard.append(f"level {params['level']}")
        elif method == "resources/subscribe":
            self.heard.append(f"subscribe {params['uri']}")
        elif method == "resources/list":
            return self.reply(message["id"], {"resources": [{"uri": "tab://page", "name": "page"}]})
        else:
            return super().handle(message)
        self.reply(message["id"], {})


server = Tab("tab")


@server.tool("go", {"url": {"type": "string"}}, ["url"])
def go(_, arguments):
    """Opens a page."""
    global page
    page = arguments["url"]
    server.send({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "tab://page"}})
    return text(arguments["url"])


@server.tool("heard")
def heard(_, __):
    """What its client asked of it beside calls."""
    return text("\n".join(server.heard))


@server.tool("page")
def current(_, __):
    """The page that is open."""
    return text(page)


@server.tool("pid")
def pid(_, __):
    """The process of this server."""
    return text(os.getpid())


@server.tool("variable", {"key": {"type": "string"}}, ["key"])
def variable(_, arguments):
    """A variable of its environment."""
    return text(os.environ.get(arguments["key"], "(unset)"))


@server.tool("folder")
def folder(_, __):
    """Where it runs."""
    return text(os.getcwd())


@server.tool("load", {"path": {"type": "string"}}, ["path"])
def load(_, arguments):
    """Reads a file."""
    with open(arguments["path"], encoding="utf-8") as file:
        return text(file.read())


@server.tool("save", {"path": {"type": "string"}}, ["path"])
def save(_, arguments):
    """Writes a file."""
    with open(arguments["path"], "w", encoding="utf-8") as file:
        file.write("saved")
    return text("saved")


@server.tool("dial", {"port": {"type": "integer"}}, ["port"])
def dial(_, arguments):
    """Connects to a port of this machine."""
    with socket.create_connection(("127.0.0.1", arguments["port"])):
        return text("connected")


@server.tool("daemon")
def daemon(_, __):
    """Starts a daemon."""
    read, write = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.write(write, str(os.getpid()).encode())
        os.closerange(0, 64)
        while True:
            signal.pause()
    os.close(write)
    os.waitpid(middle, 0)
    number = os.read(read, 32).decode()
    os.close(read)
    return text(number)


if __name__ == "__main__":
    server.run()
