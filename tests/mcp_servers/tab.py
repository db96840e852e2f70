# SPDX-License-Identifier: Apache-2.0
"""A server with a state, like a browser: one open page; and one that leaves daemons behind.

`daemon` starts a process the way daemons start (setsid, two forks), deaf to what can be ignored, and says its pid.
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stdio_server import Server, text  # noqa: E402

server = Server("tab")
page = "about:blank"


@server.tool("go", {"url": {"type": "string"}}, ["url"])
def go(_, arguments):
    """Opens a page."""
    global page
    page = arguments["url"]
    return text(page)


@server.tool("page")
def current(_, __):
    """The page that is open."""
    return text(page)


@server.tool("pid")
def pid(_, __):
    """The process of this server."""
    return text(os.getpid())


@server.tool("variable", {"name": {"type": "string"}}, ["name"])
def variable(_, arguments):
    """A variable of its environment."""
    return text(os.environ.get(arguments["name"], "(unset)"))


@server.tool("folder")
def folder(_, __):
    """Where it runs."""
    return text(os.getcwd())


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
            time.sleep(1000)
    os.close(write)
    os.waitpid(middle, 0)
    number = os.read(read, 32).decode()
    os.close(read)
    return text(number)


if __name__ == "__main__":
    server.run()
