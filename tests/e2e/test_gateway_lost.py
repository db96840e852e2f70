# SPDX-License-Identifier: Apache-2.0
"""The gateway is killed, at any moment: a client on stdio goes on, and each of its requests has one answer."""
import os
import signal
import subprocess

from mcp_client import McpClient
from rtt_case import RTT, RttCase, main

KILLS = int(os.environ.get("RTT_GATEWAY_KILLS", "12"))


class Lost(RttCase):
    def setUp(self):
        super().setUp()
        self.mcp_json({"tab": self.server_entry("tab.py")})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)

    def client(self, *words):
        client = McpClient(*words, cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def kill_gateway(self):
        for pid in self.gateways():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_each_request_is_answered_once(self):
        client = self.client()
        asked, answers, lost, kills = 0, {}, 0, 0
        while len(answers) < asked or kills < KILLS:
            while asked < len(answers) + 8:
                client.post("tools/call", {"name": "go", "arguments": {"url": f"about:{asked}"}}, request_id=f"r{asked}")
                asked += 1
                if asked % 3 == 0:
                    client.post("ping", request_id=f"r{asked}")
                    asked += 1
            if kills < KILLS and self.random.random() < 0.05:
                self.kill_gateway()
                kills += 1
            message = client.next_message(60)
            if "method" in message:
                continue
            self.assertNotIn(message["id"], answers, "answered twice")
            answers[message["id"]] = message
            lost += "error" in message
            if kills == KILLS and len(answers) >= asked - 8:
                break
        while len(answers) < asked:
            message = client.next_message(60)
            if "method" not in message:
                self.assertNotIn(message["id"], answers, "answered twice")
                answers[message["id"]] = message
        self.assertEqual({f"r{i}" for i in range(asked)}, set(answers))
        for name, message in answers.items():
            if "error" in message:
                self.assertIn("gateway", message["error"]["message"])
            elif message["result"]:
                self.assertEqual("about:" + name[1:], message["result"]["content"][0]["text"])
        self.assertLess(lost, asked)
        self.assertEqual("about:last", client.said("go", url="about:last"))
        self.assertEqual(0, client.close())

    def test_the_session_goes_on_as_it_was(self):
        client = self.client("--as", "watcher")
        before = client.tools()
        client.ask("logging/setLevel", {"level": "error"})
        client.ask("resources/subscribe", {"uri": "tab://page"})
        self.assertIn("result", client.call("go", url="about:before"))
        self.assertEqual(["subscribe tab://page", "level error"], sorted(client.said("heard").split("\n"), reverse=True))
        os.kill(int(client.said("pid")), signal.SIGKILL)  # the server alone: the next one is told the same
        self.eventually(lambda: "result" in client.call("pid"))
        self.assertEqual({"subscribe tab://page", "level error"}, set(client.said("heard").split("\n")))
        gateway = self.gateways()
        self.kill_gateway()
        self.assertEqual(before, client.tools())
        self.assertNotEqual(gateway, self.gateways())
        self.assertEqual({"subscribe tab://page", "level error"}, set(client.said("heard").split("\n")))
        client.call("go", url="about:after")
        self.eventually(lambda: any(m.get("method") == "notifications/resources/updated" for m in client.waiting)
                        or client.ask("ping") is None, why="no update after the gateway was lost")
        self.assertEqual(0, client.close())

    def test_an_idle_client_does_not_notice(self):
        client = self.client()
        for _ in range(3):
            self.kill_gateway()
            self.assertEqual({}, client.ask("ping", timeout=60)["result"])
        self.assertEqual([], client.waiting)
        self.assertEqual(0, client.close())

    def test_what_changed_while_no_gateway_ran_is_told(self):
        client = self.client()
        self.assertIn("go", client.tools())
        served = client.process.pid
        os.kill(served, signal.SIGSTOP)  # so that no gateway takes over yet
        try:
            self.kill_gateway()
            self.eventually(lambda: not self.gateways())
            self.mcp_json({"tab": self.server_entry("tab.py"), "notes": self.server_entry("notes.py")})
            self.json("mcp", "import", "--yes", timeout=120)
        finally:
            os.kill(served, signal.SIGCONT)
        self.assertEqual({}, client.ask("ping", timeout=60)["result"])
        self.assertEqual(["notifications/tools/list_changed"], [message["method"] for message in client.waiting])
        self.assertIn("echo", client.tools())
        client.waiting.clear()
        self.kill_gateway()  # nothing changed since
        self.assertEqual({}, client.ask("ping", timeout=60)["result"])
        self.assertEqual([], client.waiting)
        self.assertEqual(0, client.close())

    def test_what_cannot_be_taken_over_ends_with_75(self):
        client = self.client()
        self.assertEqual({}, client.ask("ping", request_id="x" * 200)["result"])
        self.kill_gateway()
        self.assertEqual(75, client.process.wait(20))


class NoGateway(RttCase):
    """No gateway can be started at all: a client is served all the same."""

    def setUp(self):
        super().setUp()
        self.mcp_json({"tab": self.server_entry("tab.py")})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)
        self.ok("down")

    def client(self, prepare, cwd=None, words=""):
        """`rtt mcp serve` after some mounts that only it sees."""
        script = f"{prepare} && cd {cwd or self.ws} && exec {RTT} mcp serve {words}"
        words = ["unshare", "-Urm", "sh", "-c", script]
        if subprocess.run(["unshare", "-Urm", "true"], check=False).returncode != 0:
            self.skipTest("no user namespaces here")
        client = McpClient(cwd=self.ws, env=self.me.env, command=words)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        return client

    def served(self, client):
        client.open()
        self.assertIn("go", client.tools())
        self.assertEqual("about:here", client.said("go", url="about:here"))
        self.assertEqual(0, client.close())

    def test_a_folder_that_may_only_be_read(self):
        self.served(self.client(f"mount --bind {self.ws} {self.ws} && mount -o remount,bind,ro {self.ws}"))

    def test_a_full_disk(self):
        self.served(self.client(f"cp -a {self.ws} {self.base}/copy && mount -t tmpfs -o size=200m none {self.ws} && "
                                f"cp -a {self.base}/copy/. {self.ws} && rm -rf {self.ws}/.rtt/sockets && "
                                f"(dd if=/dev/zero of={self.ws}/full bs=1M 2>/dev/null; dd if=/dev/zero of={self.ws}/rest bs=1 2>/dev/null; true)"))

    def test_started_nowhere_in_particular(self):
        client = self.client("true", cwd="/")
        instructions = client.open()["instructions"]
        self.assertIn("rtt mcp serve -C DIR", instructions)
        self.assertEqual([], client.tools())
        client.close()
        self.served(self.client("true", cwd="/", words=f"-C {self.ws}"))


if __name__ == "__main__":
    main()
