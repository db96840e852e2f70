# SPDX-License-Identifier: Apache-2.0
"""What the sweeps share: a workspace whose wiring goes from one whole graph to another, and the laws that hold whatever
was done to the panel meanwhile: nothing acknowledged is lost, nothing is half applied, nothing is left behind."""
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from rtt_case import RTT, RttCase, main  # noqa: E402,F401

PAIRS = 8
AGENTS = ("coder", "reader", "tester")
SHOWN = {"claude": ".claude/agents/{}.md", "codex": ".codex/agents/{}.toml"}


class ChaosCase(RttCase):
    """Every change of the graph is a rollback to one of a few commits, whose graphs are known, or the apply of a plan
    between them. So each commit of the journal can be told whole by its graph alone. With `views`, each wiring shows two
    clients agents of its own, of which every file says whose it is."""
    views = None   # a mechanism

    def setUp(self):
        super().setUp()
        self.counts = {"commits": 0, "lost": 0, "half": 0, "orphans": 0}
        self.acknowledged = {}   # seq -> graph
        self.whole = set()       # graphs

    def make_wirings(self, count=4):
        self.ok("init", "--yes")
        for i in range(PAIRS):
            self.symbol(f"rtt://ui/hook/h{i}@1.0.0", "consumer")
            self.symbol(f"rtt://core/api/a{i}@1.0.0")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        if self.views:
            text = self.read(".rtt/panel.yaml").decode()
            self.write(".rtt/panel.yaml", re.sub(r"mechanism: \w+", f"mechanism: {self.views}", text))
            self.agents("first")
            self.ok("sign", "--yes")
            self.ok("view", "mount", *SHOWN)
            self.whole.add(self.state()[1])
        self.wirings = []   # (seq, graph, the routes as pairs)
        for shift in range(count):
            self.agents(shift)
            self.want(shift)
            applied = self.json("apply")
            self.assertEqual("committed", applied["state"])
            self.wirings.append((applied["seq"], applied["graph"], self.pairs()))
            self.acknowledged[applied["seq"]] = applied["graph"]
        self.assertEqual(count, len({graph for _, graph, _ in self.wirings}))
        self.whole |= {graph for _, graph, _ in self.wirings}
        self.may_show = {self.wirings[-1][1]}
        self.check_views("at first", self.may_show)

    def agents(self, wiring):
        for name in AGENTS if self.views else ():
            self.write(f"agents/{name}.md", f"---\nname: {name}\ndescription: Of one\n---\nWiring {wiring}.\n" +
                       f"It is {wiring}.\n" * 200)

    def check_views(self, why, graphs, but=()):
        """Each client is shown the files of one of these graphs, whole, `but` at these paths. Copies are replaced one by
        one: where a panel ended among them, until the next one begins, of several."""
        numbers = {f"{number}" for number, one in enumerate(self.wirings) if one[1] in graphs}
        for provider, path in SHOWN.items() if self.views else ():
            seen = set()
            for name in AGENTS:
                if path.format(name) in but:
                    continue
                text = self.read(path.format(name)).decode()
                said = re.findall(r"(?:Wiring|It is) (\w+)\.", text)
                seen.add(said[0] if len(said) == 201 and len(set(said)) == 1 else f"{name} torn: {set(said)} {len(said)}")
            if (len(seen) > 1 and self.views != "copies") or not seen <= numbers:
                self.counts["half"] += 1
                self.fail(f"{why}: {provider} is shown {seen} by {self.views}, and may be shown {numbers}")

    def other(self, graph):
        """Another wiring, by its newest commit: `rollback` knows the last 128."""
        _, wanted, pairs = next(one for one in self.wirings if one[1] != graph)
        return self.newest(wanted), wanted, pairs

    def newest(self, graph):
        return max(seq for seq, kept in self.acknowledged.items() if kept == graph)

    def want(self, shift):
        """Writes, signs and plans a wiring; most of its routes are in no other."""
        self.routes(*[(f"rtt://ui/hook/h{i}", f"rtt://core/api/a{(i + shift) % PAIRS}") for i in range(PAIRS - shift)])
        self.ok("sign", "--yes")
        return self.json("plan")

    def pairs(self):
        return sorted((row["from"], row["to"]) for row in self.json("ls", "routes")["routes"])

    def state(self):
        document = self.json("status")
        return document["seq"], document["graph"]

    def panel_of(self):
        """The pid that the panel's lock names; 0: none was ever there."""
        try:
            with open(self.path(".rtt/sockets/panel.json")) as file:
                return json.load(file)["pid"]
        except (OSError, ValueError, KeyError):
            return 0

    def command(self, *words):
        return subprocess.Popen([RTT, *words, "--json"], cwd=self.ws, env=self.me.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def answer_of(self, command, why):
        """What a change answered: its document; an error must carry a code and say why."""
        out, err = command.communicate(timeout=60)
        self.assertIn(command.returncode, (0, 1, 3, 5, 6, 7), f"{why}: {out} {err}")
        document = json.loads(out)
        if "error" in document:
            self.assertRegex(document["error"]["code"], r"^RTT\d{4}$", why)
            self.assertTrue(document["error"]["message"], why)
        return document

    def check(self, why, before, wanted, answer):
        """What is on disk after a change that something was done to."""
        seq, graph = self.state()
        if answer.get("state") == "committed":
            self.acknowledged[answer["seq"]] = answer["graph"]
            self.counts["commits"] += 1
            if (seq, graph) != (answer["seq"], answer["graph"]):
                self.counts["lost"] += 1
                self.fail(f"{why}: {answer} was acknowledged, and in force is {seq} {graph}")
        if seq < before[0]:
            self.counts["lost"] += 1
            self.fail(f"{why}: commit {before[0]} is gone, in force is {seq}")
        if graph not in (before[1], wanted):
            self.counts["half"] += 1
            self.fail(f"{why}: {graph} is neither what was nor what was wanted")
        # What was answered is shown, but where the answer itself says that a file could not be put; behind a panel that
        # ended before that, what was or what is to be.
        told = {note["path"] for note in answer.get("view_notes", ()) if note["state"] == "not_placed"}
        if answer.get("state") == "committed":
            self.check_views(f"{why}: {answer}", {graph}, told)
        whole = answer.get("state") == "committed" and not told
        self.may_show = {graph} if whole else self.may_show | {before[1], wanted}
        self.check_views(f"{why}: {answer}", self.may_show)
        return seq, graph

    def check_journal(self, why):
        """Every acknowledged commit is in the journal; every commit of the journal is whole."""
        verified = self.run_rtt("audit", "--verify", "--json")
        if verified.status == 7 and "torn" in verified.doc.get("problem", "") + verified.text:
            self.ok("panel", "start")   # cuts it, and says so
            verified = self.run_rtt("audit", "--verify", "--json")
        self.assertTrue(verified.doc.get("ok"), f"{why}: {verified}")
        commits = {line["seq"]: line["after"] for line in self.run_rtt("audit", "--export", "--json", check=0).lines
                   if line["type"] == "COMMIT"}
        for seq, graph in self.acknowledged.items():
            if commits.get(seq) != graph:
                self.counts["lost"] += 1
                self.fail(f"{why}: commit {seq} was acknowledged and is not in the journal")
        for seq, graph in commits.items():
            if graph not in self.whole:
                self.counts["half"] += 1
                self.fail(f"{why}: commit {seq} is half a change")
        shown = self.pairs()
        in_force = self.state()[1]
        self.assertIn(shown, [pairs for _, graph, pairs in self.wirings if graph == in_force], why)

    def check_orphans(self, why, *known):
        """One panel at most, and no process but the ones that are known."""
        def strangers():
            return {pid: words for pid, words in self.processes().items()
                    if pid not in known and pid != self.panel_of()}
        try:
            self.eventually(lambda: not strangers(), 10)
        except AssertionError:
            self.counts["orphans"] += len(strangers())
            self.fail(f"{why}: left behind: {strangers()}")

    def kill_panel(self):
        """Whether one was there to be killed."""
        pid = self.panel_of()
        words = self.proc(pid, "cmdline") if pid else b""
        if self.ws.encode() not in words:   # another process has the number by now, or none
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
