# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test stands on: a folder of its own, a person of its own, and nothing left behind.

A test gets a temporary home with its own XDG_CONFIG_HOME and a workspace in it; no other environment reaches rtt but
PATH and a locale. At the end `rtt down` runs in every workspace it used, and no process may be left that carries the
test's mark (a variable of the environment, or its folder in the command line or as the working folder).
"""
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = os.path.join(os.path.dirname(HERE), "mcp_servers")
RTT = os.path.abspath(os.environ.get("RTT_BIN", os.path.join(HERE, "../../build/release/bin/rtt")))
SEED = int(os.environ.get("RTT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
EMPTY_GRAPH_SEQ = 0


class Answer:
    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err

    def __str__(self):
        return f"rtt {' '.join(self.args)}\nexit {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def text(self):
        return self.out + self.err

    @property
    def doc(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self):
        return self.doc["error"]


class Person:
    """A user with a home: keys, trust and secrets of their own."""

    def __init__(self, base, name, mark):
        self.home = os.path.join(base, name)
        self.config = os.path.join(self.home, ".config")
        os.makedirs(self.config)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "XDG_CONFIG_HOME": self.config,
                    "LC_ALL": "C.UTF-8", "RTT_E2E": mark, "TMPDIR": base}
        for sanitizer in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if sanitizer in os.environ:
                self.env[sanitizer] = os.environ[sanitizer]


class RttCase(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(RTT):
            raise unittest.SkipTest(f"no rtt at {RTT}")

    def setUp(self):
        self.random = random.Random(SEED)
        self.base = os.path.realpath(tempfile.mkdtemp(prefix="rtt-e2e-"))
        self.mark = os.path.basename(self.base)
        self.me = Person(self.base, "home", self.mark)
        self.ws = os.path.join(self.me.home, "shop")
        os.makedirs(self.ws)
        self.transcript = []
        self.began = time.monotonic()
        self.addCleanup(self.leave_nothing)

    # ---- running

    def run_rtt(self, *args, ws=None, who=None, env=None, cwd=None, stdin=None, timeout=60, user=None, check=None):
        who = who or self.me
        words = [RTT, *args]
        place = ws or self.ws
        done = subprocess.run(words, cwd=cwd or place, env={**who.env, **(env or {})},
                              input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              **({"user": user, "group": user, "extra_groups": []} if user is not None else {}))
        answer = Answer(args, done.returncode, done.stdout.decode("utf-8", "replace"),
                        done.stderr.decode("utf-8", "replace"))
        self.transcript.append(answer)
        if check is not None:
            self.assertEqual(check, answer.status, str(answer))
        return answer

    def ok(self, *args, **how):
        return self.run_rtt(*args, check=0, **how)

    def json(self, *args, status=0, **how):
        """One document on stdout, with its schema; returns it."""
        words = args.index("--") if "--" in args else len(args)
        answer = self.run_rtt(*args[:words], "--json", *args[words:], check=status, **how)
        try:
            document = answer.doc
        except json.JSONDecodeError:
            self.fail(f"not one JSON document:\n{answer}")
        self.assertRegex(document.get("schema", ""), r"^rtt(\.[a-z.]+)?/1$", str(answer))
        return document

    def refused(self, code, status, *args, **how):
        """The verb ends with this status and error code, as JSON and as text; returns the error."""
        document = self.json(*args, status=status, **how)
        self.assertIn("error", document)
        for field in ("code", "message", "where", "hint"):
            self.assertIn(field, document["error"])
        self.assertEqual(code, document["error"]["code"], document)
        self.assertTrue(document["error"]["message"], document)
        return document["error"]

    # ---- authoring

    def path(self, *parts, ws=None):
        return os.path.join(ws or self.ws, *parts)

    def write(self, relative, content, ws=None):
        path = self.path(relative, ws=ws)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content, indent=1)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, relative, ws=None):
        with open(self.path(relative, ws=ws), "rb") as file:
            return file.read()

    def read_json(self, relative, ws=None):
        return json.loads(self.read(relative, ws=ws))

    def symbol(self, saddr, direction="provider", ws=None, file=None, **more):
        kind = saddr.split("/")[3]
        name = saddr.removeprefix("rtt://").split("@")[0].replace("/", "-")
        return self.write(file or f"services/{name}/rtt.manifest.json", {
            "$schema": "https://rtt/spec/v1",
            "symbol": {"saddr": saddr, "type": kind, "direction": direction, **more}}, ws=ws)

    def agent(self, name, tools=(), version="1.0.0", words="Be brief.", ws=None):
        lines = ["---", f"name: {name}", f"saddr: rtt://common/agent/{name}@{version}", f"description: The {name}.",
                 "tools: [" + ", ".join(tools) + "]", "---", words, ""]
        return self.write(f"agents/{name}.md", "\n".join(lines), ws=ws)

    def routes(self, *pairs, ws=None):
        return self.write(".rtt/routes.json", {"routes": [{"from": a, "to": b} for a, b in pairs]}, ws=ws)

    def allow(self, *pairs, ws=None):
        """Adds allow rules to the policy, unsigned."""
        policy = self.read_json(".rtt/policy.json",
                                ws=ws) if os.path.exists(self.path(".rtt/policy.json", ws=ws)) else {}
        policy.setdefault("allow", []).extend({"from": a, "to": b} for a, b in pairs)
        return self.write(".rtt/policy.json", policy, ws=ws)

    def server_entry(self, script, *args, env=None, ws=None):
        """An entry of .mcp.json that runs a copy of the script which lies in the workspace."""
        for name in ("stdio_server.py", script):
            with open(os.path.join(SERVERS, name), "rb") as source:
                self.write(f"servers/{name}", source.read(), ws=ws)
        entry = {"command": sys.executable, "args": ["-B", "-S", "-E", self.path("servers", script, ws=ws), *args]}
        if env:
            entry["env"] = env
        return entry

    def mcp_json(self, servers, ws=None):
        return self.write(".mcp.json", {"mcpServers": servers}, ws=ws)

    def workspace_with_notes(self, **more):
        """An initialised workspace with the `notes` server imported."""
        self.mcp_json({"notes": self.server_entry("notes.py"), **more})
        self.ok("init", "--yes")
        return self.json("mcp", "import", "--yes", timeout=120)

    def at_terminal(self, *args, answers=(b"y\n",), ws=None):
        """What rtt shows a person at a terminal, and its exit status. Each of `answers` goes to one question: the bytes
        that are typed, or what does something first and returns them."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([RTT, *args], cwd=ws or self.ws, env=self.me.env, stdin=theirs, stdout=theirs,
                                   stderr=theirs)
        os.close(theirs)
        shown, answered = "", 0
        while True:
            try:
                more = os.read(ours, 65536).decode()
            except OSError:  # the program has ended
                more = ""
            if not more:
                break
            shown += more
            while answered < min(shown.count("[y/N]"), len(answers)):
                answer = answers[answered]
                answered += 1
                os.write(ours, answer() if callable(answer) else answer)
        os.close(ours)
        return shown, process.wait(20)

    def mcp_settings(self, text):
        """Makes this the `mcp` section of panel.yaml, the last one, and signs it."""
        head = self.read(".rtt/panel.yaml").decode().split("\nmcp:")[0]
        self.write(".rtt/panel.yaml", f"{head}\nmcp:\n{text}")
        self.signed()

    def signed(self):
        """Signs, and ends the gateway: a running one takes a change up a moment later."""
        self.ok("sign", "--yes")
        self.ok("down")

    def wire(self, count=3):
        """Consumers, providers without drivers and rules for them: a graph that needs no process. Signed."""
        for i in range(count):
            self.symbol(f"rtt://ui/hook/h{i}@1.0.0", "consumer")
            self.symbol(f"rtt://core/api/a{i}@1.0.0")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        self.routes(*[(f"rtt://ui/hook/h{i}", f"rtt://core/api/a{i}") for i in range(count)])
        self.ok("sign", "--yes")

    # ---- processes

    def processes(self):
        """pid -> command line of every process of this test, the test itself excepted."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            words = self.proc(entry, "cmdline").replace(b"\0", b" ")
            mine = self.base.encode() in words or f"RTT_E2E={self.mark}".encode() in self.proc(entry, "environ")
            try:
                mine = mine or os.readlink(f"/proc/{entry}/cwd").startswith(self.base)
            except OSError:
                pass
            if mine and self.proc(entry, "stat").rpartition(b")")[2].split()[:1] not in ([b"Z"], []):
                found[int(entry)] = words.decode("utf-8", "replace")
        return found

    @staticmethod
    def proc(pid, name):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def eventually(self, what, seconds=10.0, why=""):
        """Waits for `what` to become true; a condition, not a delay."""
        end = time.monotonic() + seconds
        while True:
            value = what()
            if value:
                return value
            if time.monotonic() > end:
                self.fail(why or f"did not happen within {seconds} s")
            time.sleep(0.01)

    def panels(self):
        return [pid for pid, words in self.processes().items() if "--panel" in words or "panel run" in words]

    def gateways(self):
        return [pid for pid, words in self.processes().items() if "driver-host" in words and "--panel" not in words]

    def panel_pid(self, ws=None):
        return self.json("status", ws=ws)["pid"]

    def kill(self, pid, sig=signal.SIGKILL):
        """Kills one process of this test and waits until it is gone."""
        self.assertIn(pid, self.processes())
        os.kill(pid, sig)
        self.eventually(lambda: pid not in self.processes(), why=f"{pid} survives signal {sig}")

    def workspaces(self):
        found = []
        for folder, names, _ in os.walk(self.base):
            if ".rtt" in names:
                found.append(folder)
            names[:] = [n for n in names if n not in (".rtt", ".git", ".config")]
        return found

    def view_stores(self):
        homes = [os.path.join(self.base, name) for name in os.listdir(self.base)]
        return [path for home in homes
                if os.path.isdir(path := os.path.join(home, ".local/state/rtt/views"))]

    def leave_nothing(self):
        try:
            for ws in self.workspaces():
                self.ok("down", "-C", ws, ws=ws)
            # The mount of views is no workspace's and outlives them; it ends with its store.
            for store in self.view_stores():
                shutil.rmtree(store, ignore_errors=True)
            self.eventually(lambda: not self.processes(), 5,
                            why=f"left behind after `rtt down`: {self.processes()}")
        finally:
            print(f"{time.monotonic() - self.began:.1f} s ", end="", flush=True)
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for folder, names, _ in os.walk(self.base):
                for name in names:
                    if not os.path.islink(os.path.join(folder, name)):
                        os.chmod(os.path.join(folder, name), 0o700)
            shutil.rmtree(self.base, ignore_errors=True)


class ShapedNotes(RttCase):
    """A workspace with one accepted server, whose tools change when a test says so."""

    def setUp(self):
        super().setUp()
        self.shape = self.path("shape.json")
        self.mcp_json({"notes": self.server_entry("notes.py", "--shape", self.shape)})
        self.ok("init", "--yes")
        self.ok("mcp", "import", "--yes")

    def reshape(self, **tools):
        self.write("shape.json", tools)
        self.ok("mcp", "restart", "notes")


def main():
    print(f"seed {SEED} (again: RTT_TEST_SEED={SEED})", flush=True)
    unittest.main(verbosity=2)
