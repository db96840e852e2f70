# SPDX-License-Identifier: Apache-2.0
"""What AI clients get while the panel is killed: `mcp.on_panel_failure: serve` and `refuse`."""
from mcp_client import McpClient
from rtt_case import RttCase, main


class PanelAway(RttCase):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()
        self.ok("panel", "start")

    def client(self):
        client = McpClient(cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def journaled(self):
        """How many receipts the journal vouches for, and how many there are."""
        proof = self.json("audit", "--verify")["receipts"]
        return proof["receipts"], proof["journaled"] == proof["last"]

    def test_serve_goes_on_and_its_receipts_reach_the_journal_when_it_is_back(self):
        client = self.client()
        listed = client.ask("tools/list")["result"]
        self.assertEqual("Echo: before", client.said("echo", message="before"))
        self.eventually(lambda: self.journaled() == (1, True))
        self.kill(self.panel_pid())
        for i in range(50):
            self.assertEqual(f"Echo: {i}", client.said("echo", message=str(i)))
        self.assertEqual(listed, client.ask("tools/list")["result"])
        newcomer = self.client()
        self.assertEqual(listed, newcomer.ask("tools/list")["result"])
        self.assertEqual("Echo: x", newcomer.said("echo", message="x"))
        self.assertEqual([], self.panels())
        self.eventually(lambda: self.journaled()[0] == 52)
        self.assertFalse(self.journaled()[1])
        self.ok("panel", "start")
        self.eventually(lambda: self.journaled() == (52, True))

    def test_refuse_says_what_to_run_and_serves_when_it_was_run(self):
        self.mcp_settings("  on_panel_failure: refuse\n")
        self.ok("panel", "start")
        client = self.client()
        listed = client.ask("tools/list")["result"]
        self.assertEqual("Echo: x", client.said("echo", message="x"))
        self.kill(self.panel_pid())
        # The call may overtake the news of the panel's end.
        error = self.eventually(lambda: client.call("echo", message="x").get("error"))
        self.assertEqual({"code": "RTT0701", "hint": "rtt panel start", "where": self.path(".rtt/panel.yaml")},
                         error["data"])
        self.assertIn("does not run", error["message"])
        self.assertEqual(listed, client.ask("tools/list")["result"])
        self.ok("panel", "start")
        self.assertEqual("Echo: y", client.said("echo", message="y"))
        self.write(".rtt/panel.yaml", "mcp: {on_panel_failure: maybe}\n")
        self.assertNotEqual(0, self.run_rtt("sign", "--yes").status)


if __name__ == "__main__":
    main()
