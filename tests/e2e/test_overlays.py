# SPDX-License-Identifier: Apache-2.0
"""Overlays, rules, commands and views as a user has them: signed by `rtt sign`, held by `rtt check`."""
from rtt_case import RttCase, main

OVERLAY = "overlays/provider/claude/search.patch.json"
SHOWN = {OVERLAY: {"model": "haiku"},
         "overlays/env/ci/_global.patch.json": [{"op": "add", "path": "/permissions", "value": {"edit": "deny"}}],
         "rules/main.md": "Be brief.\n",
         "commands/fix.md": "---\nargument_hint: \"[file]\"\n---\nMend $ARGUMENTS\n",
         "views/claude.view.json": {"env": "ci"},
         "providers/providers.yaml": "providers:\n  house: {like: claude}\n"}


class Overlays(RttCase):
    def setUp(self):
        super().setUp()
        self.agent("search")
        for path, content in SHOWN.items():
            self.write(path, content)

    def problems(self, *verb, status=None):
        document = self.run_rtt(*verb, "--json", check=status).doc
        return {(problem["file"], problem["code"]) for problem in document["problems"]}

    def test_are_signed_with_everything_else_and_travel_with_a_clone(self):
        self.ok("init", "--yes")
        for path in SHOWN:
            [record] = self.read_json(path + ".sig")
            self.assertEqual(path, record["id"])
        self.assertEqual(set(), self.problems("check", status=0))

    def test_a_changed_one_is_refused_until_it_is_signed(self):
        self.ok("init", "--yes")
        for path, content in SHOWN.items():
            self.write(path, {**content, "description": "other"} if path == OVERLAY else
                       [] if isinstance(content, list) else
                       {} if isinstance(content, dict) else
                       "providers: {}\n" if path.endswith(".yaml") else content + "More.\n")
        self.assertEqual({(path, "RTT0405") for path in SHOWN}, self.problems("check", status=3))
        signed = self.json("sign", OVERLAY, "rules", "--yes")
        self.assertEqual([OVERLAY, "rules/main.md"], [row["path"] for row in signed["signed"]])
        self.assertEqual(len(SHOWN) - 2, len(self.problems("check", status=3)))
        self.ok("sign", "--yes")
        self.assertEqual(set(), self.problems("check", status=0))

    def test_a_new_one_counts_only_signed_and_a_broken_one_is_not_signed(self):
        self.ok("init", "--yes")
        self.write("overlays/env/ci/search.patch.json", '{\n "target": "agent/search"\n}')
        found = self.problems("check", status=3)
        self.assertIn(("overlays/env/ci/search.patch.json", "RTT0401"), found)
        self.assertIn(("overlays/env/ci/search.patch.json", "RTT0211"), found)
        error = self.refused("RTT0211", 1, "sign", "overlays/env/ci/search.patch.json", "--yes")
        self.assertEqual("overlays/env/ci/search.patch.json:1:1", error["where"])
        self.ok("plan")  # what AI clients are shown has no part in the wiring


if __name__ == "__main__":
    main()
