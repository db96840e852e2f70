#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is changed behind a panel's back is mended without anybody asking, and said in the journal."""
import os

from rtt_case import RttCase, main

AGENT = "---\nname: reviewer\nsaddr: rtt://common/agent/reviewer@1.0.0\ndescription: Reviews code\n---\nLook twice.\n"
SHOWN = ".claude/agents/reviewer.md"


class Sweeps(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.write("agents/reviewer.md", AGENT)
        self.write("views/claude.view.json", "{}\n")
        self.ok("sign", "--yes")
        self.ok("plan")
        self.ok("apply")
        self.assertIn(b"Look twice.", self.read(SHOWN))

    def audit(self, action):
        return [line for line in self.run_rtt("audit", "--json").lines if line["action"] == action]

    def test_a_link_that_somebody_removed_is_back_and_told(self):
        seq = self.json("status")["seq"]
        os.remove(self.path(".claude/agents"))
        self.eventually(lambda: os.path.exists(self.path(SHOWN)), 60)
        self.assertIn(b"Look twice.", self.read(SHOWN))
        self.eventually(lambda: len(self.audit("views_mended")) == 1, 60)
        self.assertEqual(seq, self.json("status")["seq"], "nothing was committed by it")
        self.assertEqual(0, self.run_rtt("view", "diff").status)

    def test_a_panel_whose_lock_was_taken_away_writes_nothing_more_and_ends(self):
        before = self.json("status")
        os.remove(self.path(".rtt/wal/lock"))
        self.eventually(lambda: before["pid"] not in self.processes(), 60)
        self.ok("audit", "--verify")
        after = self.json("status")
        self.assertEqual(before["graph"], after["graph"])
        self.ok("panel", "start")
        self.assertEqual(before["graph"], self.json("status")["graph"])
        self.ok("undo")

    def test_a_change_under_a_lock_that_was_taken_away_is_refused_and_nothing_is_lost(self):
        before = self.json("status")
        os.remove(self.path(".rtt/wal/lock"))
        refused = self.run_rtt("undo", "--json", check=None)
        if refused.status != 0:   # or the panel had ended by itself, and a new one was asked
            self.assertEqual("RTT0606", refused.doc["error"]["code"], refused)
            self.assertEqual(before["graph"], self.json("status")["graph"])
        self.ok("audit", "--verify")


if __name__ == "__main__":
    main()
