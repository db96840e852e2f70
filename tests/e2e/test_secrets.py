# SPDX-License-Identifier: Apache-2.0
"""Fifty planted secrets: the servers get them, and nothing else ever shows them.

Looked at after everything rtt can do with them: every byte below the test's folder but the secret store itself and
the file they were planted in, every answer of every command as text and as JSON, and every command line of every process.
"""
import hashlib
import json
import os
import threading

from mcp_client import McpClient
from rtt_case import RttCase, main


SECRETS = 50


class Secrets(RttCase):
    def setUp(self):
        super().setUp()
        self.sentinels = [f"sEnT1nel-{i:02d}-{self.random.randbytes(12).hex()}" for i in range(SECRETS)]
        self.seen = os.path.join(self.base, "seen")  # written by the server, hashes only
        self.command_lines = set()

    def planted(self):
        """The servers of .mcp.json with all fifty in them; env of the two that run."""
        left = iter(self.sentinels)
        take = lambda: next(left)
        env_a = {f"TOKEN_{i}": take() for i in range(12)}
        env_a["DATABASE_URL"] = f"postgres://ada:{take()}@localhost/shop?sslpassword={take()}"
        env_a["HOME_PAGE"] = f"https://localhost/{take()}"
        env_b = {f"API_KEY_{i}": take() for i in range(14)}
        env_b["MIXED"] = f"prefix {take()} suffix"
        env_b["WITH_DEFAULT"] = "${RTT_NO_SUCH_VARIABLE:-" + take() + "}"
        web = {"type": "http", "url": f"https://bob:{take()}@localhost:1/mcp?key={take()}&token={take()}",
               "headers": {"Authorization": f"Bearer {take()}", **{f"X-Key-{i}": take() for i in range(8)}}}
        sse = {"type": "sse", "url": f"http://localhost:1/sse?apikey={take()}",
               "headers": {"Cookie": f"session={take()}"}}
        broken = {"command": "/nonexistent/program", "args": [], "env": {f"B_{i}": take() for i in range(3)}}
        odd = {"command": 7, "env": {"ODD": take()}, "oauth": {"clientSecret": take()}}
        self.assertEqual([], list(left))
        return {"alpha": self.server_entry("notes.py", "--name", "alpha", "--seen", self.seen, env=env_a),
                "beta": self.server_entry("notes.py", "--name", "beta", "--seen", self.seen, env=env_b),
                "web": web, "stream": sse, "broken": broken, "odd": odd}, env_a, env_b

    def watch_command_lines(self, stop):
        while not stop.is_set():
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    words = self.proc(entry, "cmdline")
                    if words not in self.command_lines:
                        self.command_lines.add(words)
            stop.wait(0.002)

    def test_fifty_sentinels(self):
        servers, env_a, env_b = self.planted()
        planted_in = self.mcp_json(servers)
        stop = threading.Event()
        watcher = threading.Thread(target=self.watch_command_lines, args=(stop,))
        watcher.start()
        try:
            self.everything(env_a, env_b)
        finally:
            stop.set()
            watcher.join()
        os.remove(planted_in)
        self.look_everywhere()

    def both(self, *words, **how):
        self.run_rtt(*words, **how)
        return self.run_rtt(*words, "--json", **how)

    def everything(self, env_a, env_b):
        self.run_rtt("init", "--yes")
        for words in (["scan"], ["scan", "--all"], ["lint"], ["mcp", "import"], ["up"]):
            self.both(*words)
        for name in ("odd", "web", "stream", "broken"):
            self.both("mcp", "import", "--only", name, "--yes", timeout=90)
        imported = self.json("mcp", "import", "--only", "alpha", "--only", "beta", "--yes", timeout=90)
        self.assertEqual({"alpha": "imported", "beta": "imported"}, {s["name"]: s["state"] for s in imported["servers"]})
        self.agent("search", ["rtt://alpha/tool/echo@*"])
        self.allow(("rtt://common/agent/*", "rtt://alpha/tool/*"))
        for words in (["sign"], ["sign", "--yes"], ["plan", "--explain"], ["plan"], ["apply"], ["status"], ["doctor"],
                      ["ls", "symbols"], ["ls", "routes"], ["ls", "drivers"], ["mcp", "ls"],
                      ["mcp", "connect", "codex"], ["mcp", "connect", "codex", "--write", "--yes"],
                      ["mcp", "disconnect", "codex", "--yes"],
                      ["mcp", "diff"], ["mcp", "accept", "alpha", "--yes"], ["registry", "verify"], ["check"]):
            self.both(*words, timeout=90)
        self.servers_received(env_a, env_b)
        self.failures()
        for words in (["log"], ["audit"], ["audit", "--export"], ["audit", "--verify"], ["mcp", "logs", "alpha"],
                      ["mcp", "logs", "beta"], ["mcp", "restart", "alpha"], ["down"], ["status"]):
            self.both(*words)

    def servers_received(self, env_a, env_b):
        expected = {"alpha": env_a, "beta": env_b}
        for server, env in expected.items():
            for name, value in env.items():
                if name == "WITH_DEFAULT":
                    value = value.removeprefix("${RTT_NO_SUCH_VARIABLE:-").removesuffix("}")
                said = self.json("call", f"{server}/digest", f"name={name}")["result"]["content"][0]["text"]
                self.assertEqual(hashlib.sha256(value.encode()).hexdigest(), said, f"{server} got another {name}")

    def failures(self):
        client = McpClient("-C", self.ws, cwd=self.ws, env=self.me.env)
        client.open()
        client.call("fail")
        client.call("no such tool")
        self.kill(self.panel_pid())
        self.kill(self.gateways()[0])
        self.assertEqual(0, client.close())
        self.shown = "".join(client.errors)
        for words in (["call", "alpha/fail"], ["call", "alpha/nothing"], ["call", "alpha/echo", "{"],
                      ["call", "broken/echo"],
                      ["call", "alpha/sleep", "ms=9999", "--deadline", "50"]):
            self.both(*words)
        store = os.path.join(self.me.config, "rtt/secrets")
        away = store + ".away"
        self.ok("mcp", "restart", "alpha")
        os.rename(store, away)  # a secret that is missing is named, not shown
        self.ok("down")
        missing = self.run_rtt("call", "alpha/echo", "message=x", "--json")
        self.assertEqual((3, "RTT0415"), (missing.status, missing.error["code"]))
        self.both("doctor")
        os.rename(away, store)
        self.ok("call", "alpha/echo", "message=x")

    def look_everywhere(self):
        store = os.path.join(self.me.config, "rtt/secrets")
        needles = [s.encode() for s in self.sentinels]
        stored = b""
        for folder, names, files in os.walk(self.base):
            for name in files:
                path = os.path.join(folder, name)
                self.assertFalse([n for n in needles if n in name.encode()], path)
                data = open(path, "rb").read()
                if folder == store:
                    self.assertEqual(0o600, os.stat(path).st_mode & 0o777, path)
                    stored += data
                    continue
                found = [n for n in needles if n in data]
                self.assertEqual([], found, f"{len(found)} secrets in {path}")
        self.assertEqual(0o700, os.stat(store).st_mode & 0o777)
        self.assertGreaterEqual(sum(n in stored for n in needles), 29, "the servers' secrets are in the store")
        for answer in self.transcript:
            found = [s for s in self.sentinels if s in answer.text]
            self.assertEqual([], found, f"shown by rtt {' '.join(answer.args)}")
        self.assertEqual([], [s for s in self.sentinels if s in self.shown])
        lines = [line for line in self.command_lines if any(n in line for n in needles)]
        self.assertEqual([], lines, "in a command line")
        self.assertTrue(any(b"notes.py" in line for line in self.command_lines), "the watcher saw nothing")

    def test_a_secret_in_an_argument_is_on_that_servers_command_line_and_nowhere_else(self):
        """A server that takes a secret as an argument cannot be given it otherwise; rtt itself never carries it."""
        secret = "argument-" + self.random.randbytes(12).hex()
        self.mcp_json({"alpha": self.server_entry("notes.py", "--name", "alpha", f"https://ada:{secret}@localhost/")})
        self.ok("init", "--yes")
        self.ok("mcp", "import", "--yes")
        self.ok("call", "alpha/echo", "message=x")
        shown = {pid for pid, words in self.processes().items() if secret in words}
        self.assertEqual({int(self.json("call", "alpha/pid")["result"]["content"][0]["text"])}, shown)
        for words in (["mcp", "ls"], ["status"], ["audit", "--export"], ["mcp", "diff"], ["down"]):
            self.run_rtt(*words, "--json")
        os.remove(self.path(".mcp.json"))
        holders = []  # beside it the store holds the user's name, for that is userinfo too
        for folder, _, files in os.walk(self.base):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    if secret.encode() in file.read():
                        holders.append(os.path.join(folder, name))
        self.assertEqual([os.path.join(self.me.config, "rtt/secrets/alpha.url.password")], holders)
        self.assertEqual([], [answer.args for answer in self.transcript if secret in answer.text])

    def test_a_secret_changed_changes_no_hash(self):
        self.mcp_json({"alpha": self.server_entry("notes.py", "--name", "alpha", env={"TOKEN": "first-value-of-it"})})
        self.ok("init", "--yes")
        self.ok("mcp", "import", "--yes")
        before = self.json("plan")["plan_id"], self.read(".rtt/manifests/mcp.alpha.json")
        self.mcp_json({"alpha": self.server_entry("notes.py", "--name", "alpha",
                                                  env={"TOKEN": "second-value-of-it"})})
        again = self.json("mcp", "import", "--yes")
        self.assertEqual([], again["manifests"])
        self.assertEqual(before, (self.json("plan")["plan_id"], self.read(".rtt/manifests/mcp.alpha.json")))
        self.ok("down")
        said = self.json("call", "alpha/digest", "name=TOKEN")["result"]["content"][0]["text"]
        self.assertEqual(hashlib.sha256(b"second-value-of-it").hexdigest(), said)

    def test_plain_keeps_a_value_in_sight(self):
        self.mcp_json({"alpha": self.server_entry("notes.py", "--name", "alpha",
                                                  env={"REGION": "north", "TOKEN": "hidden-value"})})
        self.ok("init", "--yes")
        imported = self.json("mcp", "import", "--yes", "--plain", "REGION")
        manifest = json.dumps(self.read_json(".rtt/manifests/mcp.alpha.json"))
        self.assertIn("north", manifest)
        self.assertNotIn("hidden-value", manifest)
        self.assertEqual(1, len(imported["secrets"]))
        self.assertIn("TOKEN", imported["secrets"][0])

    def test_a_server_that_prints_its_secret_is_silenced(self):
        secret = "printed-by-the-server-itself"
        self.mcp_json({"alpha": self.server_entry("notes.py", "--name", "alpha", env={"TOKEN": secret})})
        self.ok("init", "--yes")
        self.ok("mcp", "import", "--yes")
        self.ok("call", "alpha/complain", json.dumps({"line": "using token " + secret}))
        said = "".join(self.json("mcp", "logs", "alpha")["lines"])
        self.assertIn("using token", said)
        self.assertNotIn(secret, said)
        logs = b"".join(open(os.path.join(f, n), "rb").read() for f, _,
                        names in os.walk(self.path(".rtt")) for n in names
                        if os.path.isfile(os.path.join(f, n)))
        self.assertNotIn(secret.encode(), logs)


if __name__ == "__main__":
    main()
