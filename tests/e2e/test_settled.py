# SPDX-License-Identifier: Apache-2.0
"""`rtt up` knows from names and stamps that nothing is to do; what it says then is what looking would have said."""
import os

from rtt_case import RttCase, SEED, main

KEPT = ".rtt/cache/settled"


class Settled(RttCase):
    def setUp(self):
        super().setUp()
        for name in "abc":
            self.agent(name, "x")
        self.write("skills/s/SKILL.md", "---\nname: s\ndescription: does\n---\n\nDo.\n")
        self.write("skills/s/lib/run.sh", "echo x\n")
        self.write("rules/main.md", "Be x.\n")
        self.write("views/claude.view.json", "{}\n")
        self.ok("up", "--yes")

    def agent(self, name, mark):
        return self.write(f"agents/{name}.md", f"---\nname: {name}\ndescription: says\n---\n\nText {mark * 8}.\n")

    def up(self):
        return self.json("up", "--yes")

    def kept_at(self):
        return os.stat(self.path(KEPT)).st_mtime_ns if os.path.exists(self.path(KEPT)) else None

    def settle(self):
        """Up to the first one that looked no further; those before it wait for the file system's clock, in effect."""
        if os.path.exists(self.path(KEPT)):
            os.remove(self.path(KEPT))  # of another state
        for _ in range(200):
            before = self.kept_at()
            document = self.up()
            if before is not None and self.kept_at() == before:
                return document
        self.fail("it never settles")

    def in_full(self):
        os.remove(self.path(KEPT))
        return self.up()

    def shown(self, path):
        return self.read(path).decode()

    def change(self):
        """One change; the file of the view that shows it and what must stand in it, if it is shown."""
        name, mark = self.random.choice("abc"), self.random.choice("xyz")
        path = self.path(f"agents/{name}.md")
        kind = self.random.randrange(6)
        if kind == 0:
            self.agent(name, mark)
            return f".claude/agents/{name}.md", mark * 8
        if kind == 1:  # the same size, inode and time
            stat = os.stat(path)
            with open(path, "r+b") as file:
                file.write(f"---\nname: {name}\ndescription: says\n---\n\nText {mark * 8}.\n".encode())
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            return f".claude/agents/{name}.md", mark * 8
        if kind == 2:
            self.write("skills/s/lib/run.sh", f"echo {mark}\n")
            return ".claude/skills/s/lib/run.sh", f"echo {mark}"
        if kind == 3:
            self.write("rules/main.md", f"Be {mark}.\n")
            return "CLAUDE.md", f"Be {mark}."
        if kind == 4:
            os.remove(path + ".sig")
            return f".claude/agents/{name}.md", "Text"
        self.ok("undo") if self.random.random() < 0.7 else self.ok("panel", "stop")
        return f".claude/agents/{name}.md", "Text"

    def test_what_it_says_and_does_is_the_same_as_in_full(self):
        for step in range(10):
            path, words = self.change()
            self.up()
            self.assertIn(words, self.shown(path), f"seed {SEED}, step {step}")
            known = self.settle()
            self.assertIn(words, self.shown(path), f"seed {SEED}, step {step}")
            self.assertFalse(known["changed"])
            self.assertEqual(known, self.in_full(), f"seed {SEED}, step {step}")

    def test_wiring_that_moved_on_is_seen(self):
        self.settle()
        self.ok("undo")
        self.assertFalse(os.path.exists(self.path(".claude/agents/a.md")))
        self.assertTrue(self.up()["changed"])
        self.assertTrue(os.path.exists(self.path(".claude/agents/a.md")))
        # The same state and the same wiring as then, so the same answer, but for the commit's number.
        known = self.settle()
        self.assertEqual(known, self.in_full())

    def test_a_revoked_key_is_seen(self):
        known = self.settle()
        key = self.json("ls", "keys")["keys"][0]["key_id"]
        self.ok("keys", "revoke", key, "--yes")
        self.assertNotEqual(known, self.run_rtt("up", "--yes", "--json").doc)

    def test_a_file_somebody_else_put_there_is_not_believed(self):
        self.settle()
        text = self.read(KEPT)
        self.agent("a", "q")
        self.up()
        self.settle()
        new = self.read(KEPT)
        self.assertNotEqual(text, new)
        # The old answer with the new state's digest: whoever could make this could hide a change.
        state = lambda all: all[all.index(b'"state"'):]
        forged = text.replace(state(text), state(new))
        with open(self.path(KEPT), "wb") as file:
            file.write(forged)
        before = self.kept_at()
        self.up()
        self.assertNotEqual(before, self.kept_at(), "it was looked at in full, and kept anew")


if __name__ == "__main__":
    main()
