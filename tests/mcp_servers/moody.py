# SPDX-License-Identifier: Apache-2.0
"""A server with a tool that only reads and one that does something, whose mood is what its file says: well, exits,
hangs or slow. With a second argument its tools want more.

`exits`: it ends at its start and at each call. `hangs`: from the next call on it reads nothing any more. `slow`: it
answers a call once its mood is another.
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stdio_server import Server, text  # noqa: E402


def mood():
    with open(sys.argv[1], encoding="ascii") as file:
        return file.read().strip()


def end():
    sys.stderr.write("no database\n")
    sys.stderr.flush()
    os._exit(3)


class Moody(Server):
    def call(self, request_id, params):
        if mood() == "exits":
            end()
        if mood() == "slow":
            while mood() == "slow":
                time.sleep(0.01)
        super().call(request_id, params)

    def handle(self, message):
        if message.get("method") == "tools/call" and mood() == "hangs":
            threading.Event().wait()
        super().handle(message)


if mood() == "exits":
    end()
server = Moody("moody")


REQUIRED = ["text"] if len(sys.argv) > 2 else []


@server.tool("say", {"text": {"type": "string"}}, REQUIRED, annotations={"readOnlyHint": True})
def say(_, arguments):
    """Says it."""
    return text(f"{arguments.get('text', '')} of {os.path.basename(sys.argv[1])}")


@server.tool("do", {"text": {"type": "string"}}, REQUIRED)
def do(_, arguments):
    """Does it."""
    return say(_, arguments)


server.run()
