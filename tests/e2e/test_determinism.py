# SPDX-License-Identifier: Apache-2.0
"""Same inputs, same plan: whatever order, layout, locale, signer or folder they come in. Applying twice is once."""
import json
import os
import shutil
import subprocess

from rtt_case import Person, RttCase, main

SHUFFLES = 60


class World:
    """One wanted wiring, as values; `spell` writes it in a way the random source chooses."""

    def __init__(self):
        self.symbols = []
        for i in range(4):
            self.symbols.append({"saddr": f"rtt://ui/hook/h{i}@1.{i}.0", "type": "hook", "direction": "consumer"})
            for version in ("1.0.0", "1.2.0", "2.0.0"):
                self.symbols.append({"saddr": f"rtt://core/api/a{i}@{version}", "type": "api",
                                     "direction": "provider",
                                     "capabilities": ["pull", "stream"], "qos": {"latency_budget_ms": 2 + i},
                                     "inputs": [{"name": "query",
                                                 "schema": {"type": "object", "title": "\u0130ı query"}}]})
        self.routes = [{"from": f"rtt://ui/hook/h{i}",
                        "to": f"rtt://core/api/a{j}@^1"} for i in range(4) for j in range(4)]
        self.policy = {"allow": [{"from": "rtt://ui/hook/*", "to": "rtt://core/api/*"},
                                 {"from": "rtt://common/agent/*", "to": "rtt://core/api/*"}],
                       "deny": [{"from": "rtt://ui/hook/h3", "to": "rtt://core/api/a9"}]}
        self.agents = [{"$schema": "https://rtt/spec/agent/v1",
                        "symbol": {"saddr": f"rtt://common/agent/g{i}@1.0.0", "type": "agent",
                                   "direction": "consumer"},
                        "agent": {"name": f"g{i}", "description": "Does things.", "instructions": "Çalış.",
                                  "tools": [f"rtt://core/api/a{i}@*"]}} for i in range(2)]

    def spell(self, ws, random):
        def text(value):
            value = keys_shuffled(value, random)
            form = random.randrange(3)
            return json.dumps(value, indent=random.choice((1, 2, 4)) if form else None, ensure_ascii=form == 2)

        files = {".rtt/policy.json": text(self.policy),
                 ".rtt/routes.json": text({"routes": random.sample(self.routes, len(self.routes))})}
        for agent in self.agents:
            name = agent["agent"]["name"]
            files[random.choice(("agents/", "agents/deep/er/")) + name + ".agent.json"] = text(agent)
        contracts = [{"$schema": "https://rtt/spec/v1", "symbol": symbol} for symbol in self.symbols]
        random.shuffle(contracts)
        folder = 0
        while contracts:
            taken = [contracts.pop() for _ in range(min(len(contracts), random.choice((1, 1, 2, 5))))]
            manifest = taken[0] if len(taken) == 1 else {"contracts": taken}
            files[f"s{random.randrange(100)}/d{folder}/rtt.manifest.json"] = text(manifest)
            folder += 1
        for name in random.sample(sorted(files), len(files)):
            path = os.path.join(ws, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(files[name] + random.choice(("", "\n")))


def keys_shuffled(value, random):
    if isinstance(value, dict):
        return {k: keys_shuffled(value[k], random) for k in random.sample(sorted(value), len(value))}
    if isinstance(value, list):
        return [keys_shuffled(item, random) for item in value]
    return value


class PlanId(RttCase):
    def locales(self):
        """tr_TR, whose lower case of I is no i and whose decimal point is a comma, made where it can be made."""
        path = os.path.join(self.base, "locales")
        os.makedirs(path)
        if shutil.which("localedef"):
            subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", os.path.join(path, "tr_TR.UTF-8")],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return [{"LC_ALL": "C"}, {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": path},
                {"LC_ALL": "C.UTF-8", "TZ": "Pacific/Apia"}]

    def test_plan_id_over_shuffles_of_files_keys_locale_signer_and_place(self):
        world, people = World(), [self.me, Person(self.base, "other", self.mark)]
        locales = self.locales()
        seen = {}
        for i in range(SHUFFLES):
            ws = os.path.join(self.base, "x" * self.random.randrange(1, 40), f"w{i}")
            os.makedirs(ws)
            world.spell(ws, self.random)
            env, who = self.random.choice(locales), self.random.choice(people)
            self.ok("init", "--yes", ws=ws, who=who, env=env)
            plan = self.json("plan", ws=ws, who=who, env=env)
            self.assertEqual(18, len(plan["add"]))
            seen.setdefault(plan["plan_id"], []).append(ws)
            shutil.rmtree(ws)
        self.assertEqual(1, len(seen), f"seed gives {len(seen)} plan ids: {[(k, v[0]) for k, v in seen.items()]}")

    def test_the_highest_version_in_range_is_chosen(self):
        World().spell(self.ws, self.random)
        self.ok("init", "--yes")
        chosen = {route["to"].split("@")[1] for route in self.json("plan")["add"] if route["origin"] == "routes"}
        self.assertEqual({"1.2.0"}, {version.split("?")[0] for version in chosen})

    def test_two_people_who_trust_one_another_plan_the_same(self):
        other = Person(self.base, "other", self.mark)
        World().spell(self.ws, self.random)
        self.ok("init", "--yes")
        mine = self.json("plan")
        self.refuse_before_trust(other)
        [key] = [row["key_id"] for row in self.json("ls", "keys", who=other)["keys"] if not row["own"]]
        self.assertTrue(self.json("keys", "trust", key, "--yes", who=other)["changed"])
        self.ok("keys", "new", who=other)
        theirs = self.json("plan", who=other)
        self.assertEqual(mine["plan_id"], theirs["plan_id"])
        self.assertNotEqual(self.read_json(mine["path"])["sign"], [])

    def refuse_before_trust(self, other):
        document = self.run_rtt("check", "--json", who=other, check=3).doc
        self.assertIn("RTT0402", {problem["code"] for problem in document["problems"]})

    def test_what_a_plan_depends_on_changes_it(self):
        """The other direction: an id that never moved would pass every test above."""
        World().spell(self.ws, self.random)
        self.ok("init", "--yes")
        ids = [self.json("plan")["plan_id"]]
        changes = [lambda: self.routes(("rtt://ui/hook/h0", "rtt://core/api/a0@^2")),
                   lambda: self.allow(("rtt://ui/hook/h0", "rtt://elsewhere/api/*")),
                   lambda: self.symbol("rtt://core/api/a0@2.1.0"),
                   lambda: self.write(".rtt/panel.yaml", "routing:\n  prefer: [uds]\n"),
                   lambda: self.write(".rtt/flags.json", {"beta": True}),
                   lambda: self.write(".rtt/topology.json", {"nodes": [{"id": "here"}]})]
        for change in changes:
            change()
            self.ok("sign", "--yes")
            ids.append(self.json("plan")["plan_id"])
        self.assertEqual(len(ids), len(set(ids)), ids)


class Twice(RttCase):
    def wal(self):
        names = sorted(name for name in os.listdir(self.path(".rtt/wal")) if name.endswith(".seg"))
        return {name: self.read(f".rtt/wal/{name}") for name in names}

    def test_apply_twice_equals_once(self):
        self.ok("init", "--yes")
        self.wire()
        plan = self.json("plan")
        first = self.json("apply")
        self.assertEqual("committed", first["state"])
        journal = self.wal()
        for words in (["apply"], ["apply", plan["plan_id"]], ["apply", self.path(plan["path"])],
                      ["apply", plan["plan_id"][:20]]):
            again = self.json(*words)
            self.assertEqual(("unchanged", first["seq"], first["graph"]),
                             tuple(again[k] for k in ("state", "seq", "graph")))
            self.assertEqual(journal, self.wal(), words)

    def test_two_identical_plans_are_one_file(self):
        self.ok("init", "--yes")
        self.wire()
        first, second = self.json("plan"), self.json("plan")
        self.assertEqual(first["path"], second["path"])
        self.assertEqual(1, len([row for row in self.json("ls",
                                                          "plans")["plans"] if row["plan_id"] == first["plan_id"]]))

    def test_index_is_rebuilt_byte_equal(self):
        World().spell(self.ws, self.random)
        self.ok("init", "--yes")
        self.symbol("rtt://core/api/new@1.0.0")
        self.ok("sign", "--yes")
        self.symbol("rtt://core/api/new@1.0.0", description="changed")
        self.ok("sign", "--yes")
        index = self.read(".rtt/registry/index.json")
        os.remove(self.path(".rtt/registry/index.json"))
        self.json("registry", "rebuild")
        self.assertEqual(index, self.read(".rtt/registry/index.json"))
        self.assertFalse(self.json("registry", "rebuild")["changed"])
        self.write(".rtt/registry/index.json", b"{}")
        self.assertTrue(self.json("registry", "rebuild")["changed"])
        self.assertEqual(index, self.read(".rtt/registry/index.json"))

    def test_a_fresh_clone_makes_the_same_index(self):
        World().spell(self.ws, self.random)
        self.ok("init", "--yes")
        index = self.read(".rtt/registry/index.json")
        clone = os.path.join(self.me.home, "clone")
        shutil.copytree(self.ws, clone, ignore=shutil.ignore_patterns("cas", "index.json", "wal", "cache", "sockets",
                                                                      "plans"))
        self.ok("plan", ws=clone)
        self.json("registry", "rebuild", ws=clone)
        self.assertEqual(index, self.read(".rtt/registry/index.json", ws=clone))


if __name__ == "__main__":
    main()
