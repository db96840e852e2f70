# SPDX-License-Identifier: Apache-2.0
"""A driver in Python on the json wire: counts the words of what it is sent (docs/formats/driver.md).

Send it text, or {"text": "..."}; it answers {"words": {"word": count}} with the words that occur at least `least`
times, a parameter of the contract.
"""
import base64
import collections
import itertools
import json
import sys

links = {}   # name -> (parameters, answers not fetched yet)
names = itertools.count(1)   # never used twice


class Failure(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def link_of(params):
    if params.get("link") not in links:
        raise Failure(-32002, "no such link")
    return links[params["link"]]


def payload_of(params):
    return base64.b64decode(params["b64"]) if "b64" in params else params["payload"].encode()


def count(payload, least):
    text = payload.decode("utf-8", "replace")
    try:
        text = json.loads(text)["text"]
    except (ValueError, TypeError, KeyError):
        pass
    words = collections.Counter(str(text).split())
    return json.dumps({"words": {word: n for word, n in sorted(words.items()) if n >= least}})


def answer(method, params):
    if method == "hello":
        return {"ver": 1, "name": "words", "language": "python",
                "methods": ["hello", "probe", "open", "tx", "rx", "health", "close"]}
    if method == "probe":
        return {"symbols": []}
    if method == "open":
        name = f"link{next(names)}"
        links[name] = (params.get("params", {}), collections.deque())
        return {"link": name}
    if method == "tx":
        settings, answers = link_of(params)
        payload = payload_of(params)
        answers.append(count(payload, settings.get("least", 1)))
        return {"bytes": len(payload)}
    if method == "rx":
        _, answers = link_of(params)
        if not answers:
            raise Failure(-32001, "empty")
        return {"payload": answers.popleft()}
    if method == "health":
        return {"ok": True, "lag_ms": 0, "qdepth": len(link_of(params)[1])}
    if method == "close":
        link_of(params)
        del links[params["link"]]
        return {}
    raise Failure(-32601, f"no method {method}")


for line in sys.stdin:
    try:
        request = json.loads(line)
        reply = {"jsonrpc": "2.0", "id": request["id"]}
    except (ValueError, TypeError, KeyError):
        continue   # not a request: nobody waits for an answer
    try:
        reply["result"] = answer(request.get("method"), request.get("params") or {})
    except Failure as failure:
        reply["error"] = {"code": failure.code, "message": str(failure)}
    except Exception as error:   # of one request, not of the driver
        reply["error"] = {"code": -32005, "message": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
