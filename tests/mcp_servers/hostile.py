# SPDX-License-Identifier: Apache-2.0
"""An MCP server that does what servers must not do, on request.

hostile.py START [--state DIR]
  START  fine | junk | hang | exit | flood | stubborn: how it behaves when it is started
  Its tools are the ways a call can go wrong. The behaviour at the start can be overridden by a file DIR/start.
"""
import json
import os
import signal
import subprocess
import sys
import time

from stdio_server import Server, text

start = sys.argv[1]
state = sys.argv[sys.argv.index("--state") + 1] if "--state" in sys.argv else None
if state and os.path.exists(os.path.join(state, "start")):
    with open(os.path.join(state, "start"), encoding="utf-8") as override:
        start = override.read().strip()
server = Server("hostile")
BIG = 50_000_000


@server.tool("fine")
def fine(_, given):
    """Behaves."""
    return text("fine")


@server.tool("junk")
def junk(request_id, given):
    """Prints lines that are no JSON-RPC before it answers."""
    server.write(b"Loading model... done\n\x00\xff\xfe\x80 not utf-8\n{\"half\": \n[]\n42\n{\"jsonrpc\":\"2.0\"}\n")
    server.write(b'{"jsonrpc":"2.0","id":"nobody asked","result":{}}\n' + b"x" * 300_000 + b"\n")
    return text("after the junk")


@server.tool("hang")
def hang(_, given):
    """Never answers."""
    return None


@server.tool("late", {"ms": {"type": "integer"}}, ["ms"])
def late(_, given):
    """Answers after its caller gave up."""
    time.sleep(given["ms"] / 1000)
    return text("late")


@server.tool("twice")
def twice(request_id, given):
    """Answers twice."""
    server.reply(request_id, text("first"))
    server.reply(request_id, text("second"))


@server.tool("exit")
def leave(_, given):
    """Exits in the middle of the call."""
    os._exit(3)


@server.tool("half")
def half(request_id, given):
    """Writes half an answer and exits."""
    server.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"te' % request_id)
    os._exit(0)


@server.tool("huge")
def huge(request_id, given):
    """Answers with 50 MB."""
    server.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request_id)
    for _ in range(50):
        server.write(b"a" * (BIG // 50))
    server.write(b'"}]}}\n')


@server.tool("stderr")
def stderr(_, given):
    """Writes 100,000 lines to stderr before it answers."""
    sys.stderr.write("".join(f"line {i} of much noise\n" for i in range(100_000)))
    sys.stderr.flush()
    return text("after the noise")


@server.tool("trickle")
def trickle(request_id, given):
    """Answers one byte at a time."""
    answer = {"jsonrpc": "2.0", "id": request_id, "result": text("drop by drop")}
    for byte in json.dumps(answer).encode() + b"\n":
        server.write(bytes([byte]))


@server.tool("deaf")
def deaf(_, given):
    """Closes its stdout and lives on."""
    os.close(1)


@server.tool("wrong")
def wrong(request_id, given):
    """Answers with another call's id, then with neither result nor error."""
    server.reply(request_id + 1_000_000, text("not yours"))
    server.send({"jsonrpc": "2.0", "id": request_id})


@server.tool("deep")
def deep(request_id, given):
    """Answers with JSON nested 200,000 levels deep."""
    server.write(b'{"jsonrpc":"2.0","id":%d,"result":' % request_id + b"[" * 200_000 + b"]" * 200_000 + b"}\n")


def keep_living():
    while True:
        time.sleep(3600)


if start == "junk":
    server.write(b"Welcome to the server!\n\xff\xfe\x00\n" * 100)
elif start == "hang":
    keep_living()
elif start == "exit":
    print("no licence found", file=sys.stderr, flush=True)
    sys.exit(3)
elif start == "flood":
    sys.stderr.write("".join(f"starting up, step {i}\n" for i in range(100_000)))
    sys.stderr.flush()
elif start == "stubborn":
    # Ignores polite signals and the end of its input, and so does its own child.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-S", "-E", "-c", "import signal, time\n"
                      "for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
                      "while True: time.sleep(3600)", os.getcwd()], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
server.run()
if start == "stubborn":
    keep_living()
