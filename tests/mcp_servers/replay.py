# SPDX-License-Identifier: Apache-2.0
"""An MCP server that lists what a file holds, and answers every call with the same words.

replay.py FILE   {"tools":[…],"resources":[…],"resourceTemplates":[…],"prompts":[…],"info":{…},"instructions":"…",
                 "refuses":"tools/list"};
                 when the tool `reload` is called, the file is read again and list_changed sent
"""
import json
import sys

from stdio_server import Server, text

server = Server("replay")
LISTS = {"tools/list": "tools", "resources/list": "resources", "resources/templates/list": "resourceTemplates",
         "prompts/list": "prompts"}


def load():
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


shown = load()
handle = server.handle


def listen(message):
    global shown
    method, request_id = message.get("method"), message.get("id")
    if method == "initialize":
        result = {"protocolVersion": "2025-11-25", "serverInfo": {**server.info, **shown.get("info", {})},
                  "capabilities": {"tools": {"listChanged": True}, "resources": {}, "prompts": {}}}
        if "instructions" in shown:
            result["instructions"] = shown["instructions"]
        return server.reply(request_id, result)
    if method in LISTS and method == shown.get("refuses"):
        return server.send({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32000, "message": "not now"}})
    if method in LISTS:
        return server.reply(request_id, {LISTS[method]: shown.get(LISTS[method], [])})
    if method == "tools/call":
        if message["params"]["name"] == "reload":
            shown = load()
            server.send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        return server.reply(request_id, text("replayed"))
    if method == "prompts/get":
        return server.reply(request_id, {"messages": []})
    handle(message)


server.handle = listen
server.run()
