# SPDX-License-Identifier: Apache-2.0
"""A bus as a driver on the json wire: what is sent to it is an event for everybody who is wired to it."""
import itertools
import json
import sys

links = set()
names = itertools.count(1)


def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(method, params):
    if method == "hello":
        return {"ver": 1, "name": "events", "language": "python", "methods": ["hello", "open", "tx", "rx", "health", "close"]}
    if method == "probe":
        return {"symbols": []}
    if method == "open":
        links.add(name := str(next(names)))
        return {"link": name}
    if params.get("link") not in links:
        return {"error": {"code": -32002, "message": "no such link"}}
    if method == "tx":
        payload = params.get("payload", "")
        say({"method": "evt", "params": {"link": params["link"], "payload": payload}})
        return {"bytes": len(payload)}
    if method == "rx":
        return {"error": {"code": -32001, "message": "empty"}}
    if method == "health":
        return {"ok": True, "lag_ms": 0, "qdepth": 0}
    if method == "close":
        links.discard(params["link"])
        return {}
    return {"error": {"code": -32601, "message": f"no method {method}"}}


for line in sys.stdin:
    request = json.loads(line)
    result = answer(request["method"], request.get("params") or {})
    say({"id": request["id"], **(result if "error" in result else {"result": result})})
