# SPDX-License-Identifier: Apache-2.0
"""What rtt says of itself: pages, explanations of codes, completion, colour."""
import os
import re
import shutil
import subprocess

from rtt_case import HERE, RttCase, main

DOCS = os.path.join(HERE, "../../docs/cli")


class Pages(RttCase):
    def test_every_verb_has_a_page_with_real_examples(self):
        verbs = self.ok("--help").out
        for page in sorted(os.listdir(DOCS)):
            verb = page.removesuffix(".md")
            if verb in ("README", "exit-status"):
                continue
            with self.subTest(verb):
                self.assertIn(verb, verbs)
                words = {"ls": ["ls", "symbols"], "mcp": ["mcp", "import"], "keys": ["keys", "new"],
                         "panel": ["panel", "start"], "policy": ["policy", "why"], "registry": ["registry", "verify"],
                         "completion": ["completion", "bash"]}.get(verb, [verb])
                page_text = self.ok(*words, "--help").out
                self.assertGreaterEqual(len(re.findall(r"^\s*\$ rtt ", page_text, re.M)), 2)
                self.assertIn("Exit status", page_text)

    def test_explain_knows_every_code(self):
        codes = self.json("explain")["codes"]
        self.assertGreater(len(codes), 40)
        for row in codes:
            one = self.json("explain", row["code"])
            self.assertEqual(row["code"], one["code"])
            self.assertTrue(one["title"] and one["explain"])
            self.assertIn(one["exit"], (1, 2, 3, 5, 6, 7))
        self.assertEqual("RTT0412", self.json("explain", "412")["code"])

    def test_completion_scripts_are_scripts(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            script = self.ok("completion", shell).out
            self.assertIn("rtt", script)
            if shutil.which(check[0]):
                subprocess.run([*check, self.write(f"c.{shell}", script)], check=True)

    def test_colour_and_quiet(self):
        self.ok("init", "--yes")
        self.wire(1)
        self.assertNotIn("\x1b", self.ok("plan").text)
        self.assertNotIn("\x1b", self.ok("status", env={"CLICOLOR_FORCE": "1"}).text)
        coloured = self.ok("plan", "--color", "always").text
        self.assertIn("\x1b[", coloured)
        self.assertEqual("", self.ok("plan", "--quiet").text)
        self.assertEqual("", self.ok("plan").err, "progress belongs to terminals only")


if __name__ == "__main__":
    main()
