# SPDX-License-Identifier: Apache-2.0
"""Servers of the user, shared by all workspaces: run once, apart where they differ, gone with the last one."""
import json
import os
import signal
import subprocess
import sys

from mcp_client import McpClient
from rtt_case import SERVERS, RttCase, main


class Shared(RttCase):
    def setUp(self):
        super().setUp()
        for name in ("stdio_server.py", "tab.py"):
            with open(os.path.join(SERVERS, name), "rb") as source:
                self.write(f"servers/{name}", source.read(), ws=self.me.home)
        self.script = os.path.join(self.me.home, "servers", "tab.py")
        self.ok("init", "--yes")

    def user_servers(self, **entries):
        self.write(".claude.json", {"mcpServers": entries}, ws=self.me.home)
        return self.json("mcp", "import", "--user", "--yes", timeout=120)

    def entry(self, **more):
        return {"command": sys.executable, "args": ["-B", "-S", "-E", self.script], **more}

    def project(self, name):
        ws = os.path.join(self.me.home, name)
        os.makedirs(ws)
        self.ok("init", "--yes", ws=ws)
        return ws

    def client(self, ws, env=None):
        client = McpClient(cwd=ws, env={**self.me.env, **(env or {})})
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def servers(self):
        return [pid for pid, words in self.processes().items() if "/servers/tab.py" in words]

    def hosts(self):
        return [pid for pid, words in self.processes().items() if "driver-host --shared" in words]

    def git(self, *words, cwd):
        subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@localhost", *words], cwd=cwd, check=True,
                       env=self.me.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_five_projects_and_three_worktrees_run_a_server_once(self):
        answer = self.user_servers(tab=self.entry())
        self.assertEqual(["imported"], [row["state"] for row in answer["servers"]])
        manifest = self.read_json("rtt/.rtt/manifests/mcp.tab.json", ws=self.me.config)
        params = manifest["contracts"][0]["symbol"]["driver"]["params"]
        self.assertEqual(("shared", "${home}"), (params["instances"], params["cwd"]))
        places = [self.ws, *(self.project(f"project{i}") for i in range(4))]
        self.git("init", "-q", cwd=self.ws)
        self.git("add", "-A", cwd=self.ws)
        self.git("commit", "-qm", "all", cwd=self.ws)
        for i in range(3):
            tree = os.path.join(self.me.home, f"tree{i}")
            self.git("worktree", "add", "-q", tree, cwd=self.ws)
            places.append(tree)
        clients = [self.client(ws) for ws in places]
        (pid,) = {int(client.said("pid")) for client in clients}
        self.assertEqual([pid], self.servers())
        self.assertEqual(1, len(self.hosts()))
        self.assertEqual(len(places), len(self.gateways()) - 1)
        self.assertEqual({self.me.home}, {client.said("folder") for client in clients})
        # The same ids from all of them at once: each gets its own answers.
        for client, ws in zip(clients, places):
            for i in range(20):
                client.post("tools/call", {"name": "go", "arguments": {"url": f"{ws} {i}"}}, request_id=f"r{i}")
        for client, ws in zip(clients, places):
            for i in range(20):
                self.assertEqual(f"{ws} {i}", client.answer(f"r{i}")["result"]["content"][0]["text"])
        for client in clients:
            self.assertEqual(0, client.close())
        for ws in places:
            self.assertEqual([pid], self.servers())
            self.ok("down", ws=ws)
        self.eventually(lambda: not self.processes(), why="the last one out leaves it running")

    def test_servers_that_differ_in_their_environment_are_apart(self):
        self.user_servers(tab=self.entry(env={"PLACE": "${TAB_PLACE:-none}"}))
        here, there, also_here = (self.client(self.project(name), env={"TAB_PLACE": place})
                                  for name, place in (("a", "here"), ("b", "there"), ("c", "here")))
        self.assertEqual(["here", "there", "here"], [c.said("variable", key="PLACE") for c in (here, there, also_here)])
        self.assertEqual(2, len({c.said("pid") for c in (here, there, also_here)}))
        self.assertEqual(here.said("pid"), also_here.said("pid"))
        self.assertEqual(2, len(self.servers()))

    def test_whoever_is_killed_the_others_go_on_and_nothing_is_left(self):
        self.user_servers(tab=self.entry())
        clients = {ws: self.client(self.project(ws)) for ws in ("a", "b")}

        def works(client):
            reply = client.call("pid")
            return "result" in reply and int(reply["result"]["content"][0]["text"])

        pid = works(clients["a"])
        daemon = int(clients["a"].said("daemon"))
        self.assertEqual(pid, works(clients["b"]))
        (host,) = self.hosts()
        for victim in (pid, host):
            os.kill(victim, signal.SIGKILL)
            self.eventually(lambda: victim not in self.processes())
            now = {self.eventually(lambda c=client: works(c)) for client in clients.values()}
            self.assertEqual(1, len(now))
            self.assertNotIn(pid, now)
            self.assertEqual(list(now), self.servers())
            self.assertNotIn(daemon, self.processes())
        (gateway,) = [p for p, words in self.processes().items()
                      if "--gateway" in words and os.path.join(self.me.home, "a") in words]
        os.kill(gateway, signal.SIGKILL)
        self.assertIn(works(clients["b"]), now)
        self.assertEqual(list(now), self.servers())

    def test_the_workspaces_own_server_and_its_rules_come_first(self):
        self.user_servers(tab=self.entry())
        ws = self.project("own")
        self.mcp_json({"tab": self.entry(env={"PLACE": "own"})}, ws=ws)
        self.json("mcp", "import", "--yes", ws=ws, timeout=120)
        self.assertEqual("own", self.client(ws).said("variable", key="PLACE"))
        self.assertEqual([], self.hosts())
        closed = self.project("closed")
        policy = json.loads(self.read(".rtt/policy.json", ws=closed))
        policy["deny"] = [{"from": "rtt://client/agent/*", "to": "rtt://tab/*/*"}]
        self.write(".rtt/policy.json", policy, ws=closed)
        self.ok("sign", "--yes", ws=closed)
        self.assertEqual([], self.client(closed).tools())


if __name__ == "__main__":
    main()
