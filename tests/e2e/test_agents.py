#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example of three agents: signed, shown to three clients as written down beside it, and callable."""
import json
import os
import random
import unittest

from rtt_case import HERE, RttCase, main

EXAMPLE = os.path.join(HERE, "../../examples/agents")
INDEX = os.path.join(EXAMPLE, "agents.index.json")


def files_below(folder):
    out = {}
    for place, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                out[os.path.relpath(path, folder)] = file.read()
    return out


class Agents(RttCase):
    def example(self, place, shuffled=False):
        """The workspace, its files written in any order."""
        files = sorted(files_below(os.path.join(EXAMPLE, "workspace")).items())
        if shuffled:
            random.Random(self.random.random()).shuffle(files)
        for path, content in files:
            self.write(path, content, ws=place)
        self.ok("init", "--yes", ws=place)
        self.ok("sign", "--yes", ws=place)
        self.ok("plan", ws=place)
        self.assertEqual("committed", self.json("apply", ws=place, timeout=120)["state"])

    def test_are_listed_shown_as_written_down_and_called(self):
        self.example(self.ws)
        rows = self.json("ls", "agents")["agents"]
        with open(INDEX, encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"agents": [{key: row[key] for key in
                             ("saddr", "name", "description", "source", "hash", "tools", "skills")} for row in rows]})
        self.assertEqual({"signed"}, {row["standing"] for row in rows})
        for provider in ("claude", "codex", "opencode"):
            shown = files_below(self.path(".rtt/registry/views/now", provider))
            self.assertEqual(files_below(os.path.join(EXAMPLE, "expected", provider)), shown)
            for path, content in shown.items():
                self.assertEqual(content, self.read(path), path)
        call = lambda agent, **words: self.json("call", agent, *(f"{key}={value}" for key, value in words.items()))["result"]
        self.assertEqual({"summary": "It has 25 wheels.", "numbers": ["25", "15"], "words": 8},
                         call("common/agent/summarize", text="It has 25 wheels. It weighs 15 tonnes."))
        self.assertEqual({"places": [{"file": "data/letter.txt", "line": 2}]}, call("common/search", query="wheels"))
        self.assertEqual({"code": "f(a[1)])", "why": "]) was missing"}, call("common/code_fix", code="f(a[1)"))

    def test_the_order_of_files_does_not_matter(self):
        """Two workspaces whose files were written in other orders show the same roots."""
        roots = []
        for name in ("one", "two"):
            place = os.path.join(self.me.home, name)
            os.makedirs(place)
            self.example(place, shuffled=True)
            roots.append({row["provider"]: row["root"] for row in self.json("view", "ls", ws=place)["views"]})
        self.assertEqual(roots[0], roots[1])
        self.assertEqual(3, len(set(roots[0].values())))

    def test_an_overlay_less_is_another_root(self):
        self.example(self.ws)
        before = {row["provider"]: row["root"] for row in self.json("view", "ls")["views"]}
        for name in ("summarize.patch.json", "summarize.patch.json.sig"):
            os.remove(self.path("overlays/env/ci", name))
        self.ok("plan")
        self.json("apply", timeout=120)
        after = {row["provider"]: row["root"] for row in self.json("view", "ls")["views"]}
        self.assertEqual({"codex"}, {name for name in before if before[name] != after[name]})
        self.assertIn("Keep names, numbers", self.read(".codex/agents/summarize.toml").decode())


if __name__ == "__main__":
    main()
