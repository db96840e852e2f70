# SPDX-License-Identifier: Apache-2.0
"""Three agents as one driver on the json wire. They have no model: each does the smallest honest version of its work,
so that the same question always has the same answer."""
import itertools
import json
import os
import re
import sys

PAIRS = {"(": ")", "[": "]", "{": "}"}


def summarize(asked):
    """The first sentence, and the numbers that occur."""
    text = " ".join(str(asked.get("text", "")).split())
    first = re.match(r".*?[.!?](?=\s|$)", text)
    return {"summary": first.group(0) if first else text[:80], "numbers": re.findall(r"\d+(?:[.,]\d+)*", text),
            "words": len(text.split())}


def search(asked):
    """Places, not guesses: file and line below data/."""
    query, places = str(asked.get("query", "")), []
    root = os.path.join(sys.argv[1], "data")
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8", errors="replace") as file:
                places += [{"file": os.path.relpath(path, sys.argv[1]), "line": number}
                           for number, line in enumerate(file, 1) if query and query in line]
    return {"places": places}


def code_fix(asked):
    """Closes what is open."""
    code, open_ = str(asked.get("code", "")), []
    for char in code:
        if char in PAIRS:
            open_.append(PAIRS[char])
        elif open_ and char == open_[-1]:
            open_.pop()
    missing = "".join(reversed(open_))
    return {"code": code + missing, "why": f"{missing} was missing" if missing else "nothing is open"}


AGENTS = {"summarize": summarize, "search": search, "code_fix": code_fix}
names = itertools.count(1)
links, answers = {}, {}


def answer(method, params):
    if method == "hello":
        return {"ver": 1, "name": "agents", "language": "python", "methods": ["open", "tx", "rx", "health", "close"]}
    if method == "open":
        agent = params["saddr"].split("/")[-1].split("@")[0]
        if agent not in AGENTS:
            return {"error": {"code": -32004, "message": f"no agent {agent}"}}
        links[name := str(next(names))] = AGENTS[agent]
        return {"link": name}
    link = params.get("link")
    if link not in links:
        return {"error": {"code": -32002, "message": "no such link"}}
    if method == "tx":
        payload = params.get("payload", "")
        answers.setdefault(link, []).append(json.dumps(links[link](json.loads(payload or "{}"))))
        return {"bytes": len(payload.encode())}
    if method == "rx":
        waiting = answers.get(link)
        return {"payload": waiting.pop(0)} if waiting else {"error": {"code": -32001, "message": "empty"}}
    if method == "health":
        return {"ok": True, "lag_ms": 0, "qdepth": len(answers.get(link, []))}
    if method == "close":
        links.pop(link), answers.pop(link, None)
        return {}
    return {"error": {"code": -32601, "message": f"no method {method}"}}


for line in sys.stdin:
    request = json.loads(line)
    result = answer(request["method"], request.get("params") or {})
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **(result if "error" in result else {"result": result})}),
          flush=True)
