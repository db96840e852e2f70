# SPDX-License-Identifier: Apache-2.0
"""The lives of processes: who sees whose state, and that nothing is left of anybody, however they end."""
import fcntl
import os
import signal
import socket
import subprocess

from mcp_client import McpClient
from rtt_case import RTT, RttCase, main

SESSIONS = int(os.environ.get("RTT_SESSIONS", "1000"))
TOGETHER = 10


class Lives(RttCase):
    def setUp(self):
        super().setUp()
        self.mcp_json({"tab": self.server_entry("tab.py")})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)

    def client(self, *words, cwd=None, env=None):
        client = McpClient(*words, cwd=cwd or self.ws, env={**self.me.env, **(env or {})})
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        return client

    def servers(self):
        return [pid for pid, words in self.processes().items() if "/servers/" in words]

    def parent(self, pid):
        return int(self.proc(pid, "stat").rpartition(b")")[2].split()[1])

    def alive(self, pid):
        return self.proc(pid, "stat").rpartition(b")")[2].split()[:1] not in ([b"Z"], [])

    def gone(self, *pids):
        self.eventually(lambda: not any(self.alive(pid) for pid in pids), why=f"left: {self.processes()}")


class State(Lives):
    def test_two_clients_never_see_each_others_state(self):
        clients = [self.client() for _ in range(2)]
        for client in clients:
            client.open()
        for i in range(50):
            for name, client in enumerate(clients):
                client.call("go", url=f"https://{name}/{i}")
            for name, client in enumerate(clients):
                self.assertEqual(f"https://{name}/{i}", client.said("page"))
        self.assertEqual(2, len({client.said("pid") for client in clients}))
        third = self.client()
        third.open()
        self.assertEqual("about:blank", third.said("page"))

    def test_idle_sessions_use_no_cpu(self):
        clients = [self.client() for _ in range(20)]
        for client in clients:
            client.open()
            client.said("pid")

        def wakes(pids):  # what sleeps is never switched to, however loaded the machine is
            lines = [line for pid in pids for line in self.proc(pid, "status").decode().splitlines()]
            return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

        def quiet(pids):
            before = wakes(pids)
            for _ in range(20):  # time for any of them to stir
                subprocess.run(["true"], check=True)
            return wakes(pids) == before

        gateway, idle = self.gateways(), [client.process.pid for client in clients[1:]]
        self.assertEqual(1, len(gateway))
        self.eventually(lambda: quiet([*gateway, *idle]), why="idle sessions keep waking")
        before = wakes(idle)
        for _ in range(20):
            clients[0].said("pid")
        self.assertEqual(before, wakes(idle), "a call of one session wakes another")


class Sandbox(Lives):
    def setUp(self):
        super().setUp()
        self.secret = self.write(".ssh/key", "secret", ws=self.me.home)
        self.data = self.write("data/file", "data")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)

    def reaches(self):
        """What the server can do, of: read the secret, write it, read data, write data, connect."""
        client = self.client("tab")
        client.open()
        answers = [client.call("load", path=self.secret), client.call("save", path=self.secret + ".new"),
                   client.call("load", path=self.data), client.call("save", path=self.data),
                   client.call("dial", port=self.listener.getsockname()[1])]
        return [not answer["result"].get("isError", False) for answer in answers]

    def test_what_a_server_reaches_is_what_was_signed(self):
        hold = ("mcp", "sandbox", "tab", "--read-only", "servers")
        self.assertEqual([True] * 5, self.reaches())
        self.assertEqual(3, self.run_rtt(*hold).status)  # asked, and nobody agreed
        answer = self.json(*hold, "--read-only", "data", "--no-network", "--yes")
        self.assertEqual({"network": "none", "read": ["${workspace}/servers", "${workspace}/data"]}, answer["sandbox"])
        self.assertEqual([False, False, True, False, False], self.reaches())
        self.assertFalse(self.json(*hold, "--read-only", "data", "--no-network", "--yes")["changed"])
        self.json(*hold, "--write", "data", "--yes")
        self.assertEqual([False, False, True, True, True], self.reaches())
        self.json("mcp", "sandbox", "tab", "--no-network", "--yes")
        self.assertEqual([True, True, True, True, False], self.reaches())
        self.assertEqual(None, self.json("mcp", "sandbox", "tab", "--off", "--yes")["sandbox"])
        self.assertEqual([True] * 5, self.reaches())
        self.assertEqual([], self.json("mcp", "diff")["servers"][0]["changes"])

    def test_it_is_said_in_one_way_or_refused(self):
        self.refused("RTT0103", 2, "mcp", "sandbox", "tab", "--yes")
        self.refused("RTT0103", 2, "mcp", "sandbox", "tab", "--off", "--no-network", "--yes")
        self.refused("RTT0105", 1, "mcp", "sandbox", "tap", "--off", "--yes")
        self.assertNotEqual(0, self.run_rtt("mcp", "sandbox", "tab", "--write", "absent", "--yes").status)


class Ends(Lives):
    def test_a_daemon_of_a_server_ends_with_its_session_its_keeper_and_its_gateway(self):
        for ending in ("session", "server", "keeper", "gateway"):
            client = self.client()
            client.open()
            server, daemon = int(client.said("pid")), int(client.said("daemon"))
            self.assertTrue(self.alive(daemon))
            if ending == "session":
                self.assertEqual(0, client.close())
            else:
                victim = {"server": server, "keeper": self.parent(server)}.get(ending) or self.gateways()[0]
                os.kill(victim, signal.SIGKILL)
            self.gone(server, daemon)

    def test_nothing_is_left_of_sessions_killed_at_random(self):
        begun = []
        for first in range(0, SESSIONS, TOGETHER):
            clients = [self.client() for _ in range(min(TOGETHER, SESSIONS - first))]
            for client in clients:
                client.post("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                           "clientInfo": {"name": "killed", "version": "1"}}, request_id="init")
                client.post("tools/call", {"name": "pid"}, request_id="pid")
                client.post("tools/call", {"name": "daemon"}, request_id="daemon")
            # A keeper and, in the same moment, the gateway that would stand in for it: nobody knows of a daemon then.
            also = self.random.choice(["keeper", "gateway"])
            for client in clients:
                how = self.random.choice(["early", "serve", "serve", "server", "close", also])
                try:
                    if how != "early":
                        server = int(client.answer("pid")["result"]["content"][0]["text"])
                        begun.append(server)
                        begun.append(int(client.answer("daemon")["result"]["content"][0]["text"]))
                    if how in ("early", "serve"):
                        client.process.kill()
                    elif how == "server":
                        os.kill(server, signal.SIGKILL)
                    elif how == "keeper":
                        os.kill(self.parent(server), signal.SIGKILL)
                    elif how == "gateway":
                        for gateway in self.gateways():
                            os.kill(gateway, signal.SIGKILL)
                except (KeyError, EOFError, ProcessLookupError, IndexError):
                    pass  # what was killed before took this one's gateway or server along
            for client in clients:
                client.close()
        self.assertGreater(len(begun), SESSIONS // 4)
        self.gone(*begun)
        self.eventually(lambda: not self.servers(), why=f"left: {self.processes()}")


class Begins(RttCase):
    """A driver host on its way up, which has no lock yet."""

    def setUp(self):
        super().setUp()
        self.symbol("rtt://core/proc/hello@1.0.0", driver={"use": "process", "params": {"command": "echo",
                                                                                          "args": ["hello"]}})
        self.ok("init", "--yes")
        self.log = self.path(".rtt/cache/host-process-core-hello.log")

    def call(self):
        call = subprocess.Popen([RTT, "call", "core/hello", "--json"], cwd=self.ws, env=self.me.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.eventually(self.gateways)
        return call

    def test_down_ends_a_host_that_is_still_starting(self):
        os.mkfifo(self.log)  # it cannot open its log, which it does before it takes its lock
        call = self.call()
        self.ok("down")
        self.eventually(lambda: not self.gateways(), why=f"left: {self.processes()}")
        call.communicate(timeout=60)

    def test_down_names_a_lock_whose_holder_does_not_say_who_it_is(self):
        self.ok("panel", "start")
        self.ok("down")
        for known in (True, False):   # who held it last
            if not known:
                os.remove(self.path(".rtt/sockets/panel.json"))
            with self.subTest(known=known), open(self.path(".rtt/sockets/panel.lock"), "w") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX)
                refused = self.run_rtt("down", "--json")
                self.assertEqual("RTT0706", refused.doc["error"]["code"], refused)
                self.assertTrue(refused.doc["error"]["where"].endswith("/panel.lock"), refused)
        self.ok("down")

    def test_a_lock_looked_at_keeps_no_host_from_starting(self):
        self.ok("panel", "start")
        with open(self.path(".rtt/sockets/host-process-core-hello.lock"), "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)  # as `rtt doctor` does, for a moment
            call = self.call()
            self.eventually(lambda: os.path.exists(self.log) or call.poll() is not None)
            fcntl.lockf(lock, fcntl.LOCK_UN)
        out, _ = call.communicate(timeout=60)
        self.assertEqual(0, call.returncode, out)

    def test_a_host_that_ends_is_followed_by_another_whoever_started_it(self):
        for adopted in (False, True):
            for sig in (signal.SIGTERM, signal.SIGKILL):
                with self.subTest(adopted=adopted, sig=sig):
                    self.assertEqual(0, self.run_rtt("call", "core/hello").status)
                    host = self.gateways()[0]
                    if adopted:
                        self.kill(self.panel_pid())
                        self.assertEqual(0, self.run_rtt("call", "core/hello").status)
                        self.assertEqual([host], self.gateways())
                    self.kill(host, sig)
                    self.assertEqual(0, self.run_rtt("call", "core/hello").status)
                    self.assertNotIn(host, self.gateways())

    def test_a_call_that_meets_a_dying_host_is_served_by_the_next_one(self):
        self.assertEqual(0, self.run_rtt("call", "core/hello").status)
        host = self.gateways()[0]
        os.kill(host, signal.SIGSTOP)
        call = self.call()
        for _ in range(20):  # meanwhile the panel asks the host, which does not hear it
            self.ok("status")
        self.kill(host)
        out, _ = call.communicate(timeout=60)
        self.assertEqual(0, call.returncode, out)


class Unplugged(RttCase):
    def test_a_route_to_a_host_that_was_given_up_can_be_taken_away(self):
        self.symbol("rtt://core/proc/hello@1.0.0", driver={"use": "process", "params": {"command": "echo",
                                                                                          "args": ["hello"]}})
        self.symbol("rtt://ui/hook/h@1.0.0", "consumer")
        self.ok("init", "--yes")
        self.allow(("rtt://ui/hook/*", "rtt://core/*/*"))
        self.routes(("rtt://ui/hook/h", "rtt://core/proc/hello"))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.assertEqual("committed", self.json("apply")["state"])

        def given_up():
            for pid in self.gateways():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return self.json("status")["drivers"][0]["state"] == "tripped"
        self.eventually(given_up, 60)
        self.routes()
        self.ok("sign", "--yes")
        self.ok("plan")
        self.assertEqual("committed", self.json("apply")["state"])


if __name__ == "__main__":
    main()
