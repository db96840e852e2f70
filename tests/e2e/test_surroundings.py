# SPDX-License-Identifier: Apache-2.0
"""A server of one AI client alone runs with that client's environment and folder, as if the client had started it."""
import os
import shutil
import sys

from mcp_client import McpClient
from rtt_case import RttCase, main

FIRST, SECOND = "alpha-7c1e55d0b1", "omega-93aa02f4c8"


class Surroundings(RttCase):
    def setUp(self):
        super().setUp()
        for folder in ("one", "two"):
            os.makedirs(self.path(folder))

    def accept(self, **more):
        entry = self.server_entry("place.py", env={"MYVAR": "${MYVAR}", "KIND": "${KIND:-none}"})
        self.mcp_json({"place": {**entry, **more}})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120, env={"MYVAR": "at-import"})

    def client(self, *words, cwd=None, **variables):
        client = McpClient("--as", "tester", *words, cwd=cwd or self.ws, env={**self.me.env, **variables})
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def test_each_client_has_its_own_and_keeps_it_when_the_gateway_is_lost(self):
        self.accept()
        bin_folder = self.path("one", "bin")
        one = self.client(cwd=self.path("one"), MYVAR=FIRST, TZ="UTC", PATH=bin_folder + ":" + self.me.env["PATH"])
        two = self.client(cwd=self.path("two"), MYVAR=SECOND, TZ="CET", KIND="other")
        away = self.client("-C", self.ws, cwd=self.base, MYVAR="third")

        def seen(client):
            return [client.said("folder"), *(client.said("variable", name=name) for name in ("MYVAR", "KIND", "TZ"))]

        def all_see_their_own():
            self.assertEqual([self.path("one"), FIRST, "none", "UTC"], seen(one))
            self.assertEqual([self.path("two"), SECOND, "other", "CET"], seen(two))
            self.assertEqual([self.ws, "third", "none", "absent"], seen(away))
            self.assertEqual(one.said("variable", name="PATH").split(":")[0], bin_folder)
            self.assertNotIn(bin_folder, two.said("variable", name="PATH"))

        all_see_their_own()
        before = one.said("pid")
        for pid in self.gateways():
            self.kill(pid)
        all_see_their_own()
        self.assertNotEqual(before, one.said("pid"))
        for client in (one, two, away):
            self.assertEqual(0, client.close())
        for folder in (self.path(".rtt"), self.me.config):
            for place, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(place, name)
                    if os.path.isfile(path):
                        with open(path, "rb") as file:
                            content = file.read()
                        self.assertFalse(FIRST.encode() in content or SECOND.encode() in content, path)

    def test_the_program_is_found_on_the_clients_path(self):
        for folder, more in (("one", ""), ("two", ""), ("other", "# other code\n")):
            program = self.write(f"{folder}/bin/placed", f'#!/bin/sh\n{more}export WHICH="$0"\nexec {sys.executable} "$@"\n')
            os.chmod(program, 0o755)
        words = self.server_entry("place.py")["args"]
        self.mcp_json({"place": {"command": "placed", "args": words}})
        self.ok("init", "--yes")
        paths = {folder: self.path(folder, "bin") + ":" + self.me.env["PATH"] for folder in ("one", "two", "other")}
        self.json("mcp", "import", "--yes", timeout=120, env={"PATH": paths["one"]})
        for folder in ("one", "two"):
            client = self.client(PATH=paths[folder])
            self.assertEqual(self.path(folder, "bin/placed"), client.said("variable", name="WHICH"))
        refused = self.client(PATH=paths["other"]).call("folder")["error"]
        self.assertIn("other code than what was accepted", str(refused))

    def test_what_is_missing_is_told_and_the_next_client_has_it(self):
        self.accept()
        without = self.client()
        refused = without.call("folder")["error"]
        self.assertIn("MYVAR", refused["message"])
        self.assertIn("where this AI client is started", str(refused))
        self.assertEqual(FIRST, self.client(MYVAR=FIRST).said("variable", name="MYVAR"))

    def test_a_folder_in_the_entry_and_relative_arguments_come_first(self):
        self.accept(cwd=self.path("two"))
        self.assertEqual(self.path("two"), self.client(cwd=self.path("one"), MYVAR="x").said("folder"))
        entry = self.server_entry("place.py")
        self.mcp_json({"near": {**entry, "args": ["-B", "servers/place.py"]}})
        self.ok("mcp", "rm", "place", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)
        near = self.client("near", cwd=self.path("one"))
        self.assertEqual(self.ws, near.said("folder"))

    def test_a_shared_instance_has_the_gateways(self):
        self.accept()
        manifest = self.read_json(".rtt/manifests/mcp.place.json")
        manifest["contracts"][0]["symbol"]["driver"]["params"]["instances"] = "workspace"
        self.write(".rtt/manifests/mcp.place.json", manifest)
        self.ok("sign", "--yes")
        self.ok("down")
        one = self.client(cwd=self.path("one"), MYVAR=FIRST)  # its rtt starts the gateway
        two = self.client(cwd=self.path("two"), MYVAR=SECOND)
        for client in (one, two):
            self.assertEqual([FIRST, self.ws], [client.said("variable", name="MYVAR"), client.said("folder")])

    def test_what_cannot_be_sent_is_left_out_and_said(self):
        self.accept()
        env = {os.fsencode(k): os.fsencode(v) for k, v in self.me.env.items()}
        env |= {b"MYVAR": b"here", b"KIND": b"\xff\xfe", b"HUGE_ONE": b"x" * 100_000, b"HUGE_TWO": b"y" * 110_000,
                b"HUGE_THREE": b"z" * 120_000}
        client = McpClient("--as", "tester", cwd=self.ws, env=env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        self.assertEqual(["here", "none"], [client.said("variable", name=name) for name in ("MYVAR", "KIND")])
        self.assertEqual(0, client.close())
        said = "".join(client.errors)
        self.assertIn("KIND", said)
        self.assertIn("HUGE_THREE", said)
        self.assertNotIn("HUGE_TWO", said)
        self.assertNotIn("zzz", said)

    def test_a_folder_that_is_gone_is_the_workspace(self):
        self.accept()
        client = self.client(cwd=self.path("one"), MYVAR="x")
        shutil.rmtree(self.path("one"))
        self.assertEqual(self.ws, client.said("folder"))


if __name__ == "__main__":
    main()
