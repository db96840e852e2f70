# SPDX-License-Identifier: Apache-2.0
"""A well-behaved MCP server with a few small tools.

notes.py [--name NAME] [--shape FILE] [--seen FILE]
  --shape FILE  JSON {tool: definition members} merged into what is listed: a server that changed its mind
  --seen FILE   appends one JSON line with the SHA-256 of each variable of the environment and of each argument
"""
import argparse
import hashlib
import json
import os
import sys
import time

from stdio_server import Server, text

parser = argparse.ArgumentParser()
parser.add_argument("--name", default="notes")
parser.add_argument("--shape")
parser.add_argument("--seen")
options, _ = parser.parse_known_args()
server = Server(options.name, instructions=f"{options.name} keeps notes.")
notes = []


def digest(value):
    return hashlib.sha256(value.encode()).hexdigest()


@server.tool("echo", {"message": {"type": "string"}}, ["message"])
def echo(_, given):
    """Says the message back."""
    return text(f"Echo: {given['message']}")


@server.tool("add", {"a": {"type": "number"}, "b": {"type": "number"}}, ["a", "b"])
def add(_, given):
    """Adds two numbers."""
    total = given["a"] + given["b"]
    return {**text(total), "structuredContent": {"total": total}}


@server.tool("keep", {"text": {"type": "string"}}, ["text"])
def keep(_, given):
    """Keeps a note."""
    notes.append(given["text"])
    return text(len(notes))


@server.tool("sleep", {"ms": {"type": "integer"}}, ["ms"])
def sleep(request_id, given):
    """Answers after a while, or at once when the call is withdrawn."""
    end = time.monotonic() + given["ms"] / 1000
    while time.monotonic() < end:
        if request_id in server.cancelled:
            print("call withdrawn", file=sys.stderr, flush=True)
            return None
        time.sleep(0.005)
    return text(f"slept {given['ms']}")


@server.tool("fail")
def fail(_, given):
    """Always fails."""
    raise RuntimeError("the notebook is full")


@server.tool("pid")
def pid(_, given):
    """The process that serves this."""
    return text(os.getpid())


@server.tool("digest", {"name": {"type": "string"}}, ["name"])
def environment(_, given):
    """The SHA-256 of a variable of the environment."""
    value = os.environ.get(given["name"])
    return text("absent" if value is None else digest(value))


@server.tool("complain", {"line": {"type": "string"}}, ["line"])
def complain(_, given):
    """Writes a line to stderr."""
    print(given["line"], file=sys.stderr, flush=True)
    return text("said")


if options.seen:
    with open(options.seen, "a", encoding="utf-8") as seen:
        seen.write(json.dumps({"pid": os.getpid(), "env": {k: digest(v) for k, v in os.environ.items()},
                               "argv": [digest(word) for word in sys.argv[1:]]}) + "\n")
if options.shape and os.path.exists(options.shape):
    with open(options.shape, encoding="utf-8") as shape:
        for name, members in json.load(shape).items():
            if members is None:
                server.tools.pop(name, None)
            else:
                server.tools[name] = {**server.tools.get(name, {"name": name}), **members}
                server.handlers.setdefault(name, echo)
server.run()
