# SPDX-License-Identifier: Apache-2.0
"""An MCP server whose list depends on what its client can do, and on nothing else.

caps.py [--late] [--shuffle] [--starts FILE]
  --late         adds what depends on the client after `initialized`, and says so (list_changed)
  --shuffle      lists in another order each time
  --starts FILE  appends a line for each start
"""
import random
import sys

from stdio_server import Server, schema, text

server = Server("caps")
late, shuffle = "--late" in sys.argv, "--shuffle" in sys.argv
if "--starts" in sys.argv:
    with open(sys.argv[sys.argv.index("--starts") + 1], "a", encoding="utf-8") as starts:
        starts.write("start\n")
client = {}


@server.tool("always", {"x": {"type": "string"}})
def always(_, given):
    """For every client."""
    return text("always")


def add(name, properties=None, required=()):
    server.tools[name] = {"name": name, "description": f"The tool {name}.", "inputSchema": schema(properties, required)}
    server.handlers[name] = lambda _, given: text(name)


def adapt():
    add("mixed", {"prompt": {"type": "string"}}, ["prompt"]) if "sampling" in client else add("mixed")
    if "roots" in client:
        add("roots")
    if "sampling" in client:
        add("ask_model")
    if "url" in client.get("elicitation", {}):
        add("open_page")
    if "elicitation" not in client:
        add("ask_by_mail")


def initialize(request_id, params):
    client.update(params.get("capabilities") or {})
    if not late:
        adapt()
    server.reply(request_id, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": True}},
                              "serverInfo": server.info})


handle = server.handle


def listen(message):
    if message.get("method") == "tools/list" and shuffle:
        names = list(server.tools)
        random.shuffle(names)
        return server.reply(message["id"], {"tools": [server.tools[name] for name in names]})
    handle(message)
    if late and message.get("method") == "tools/list" and "mixed" not in server.tools:
        adapt()
        server.send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})


server.initialize = initialize
server.handle = listen
server.run()
