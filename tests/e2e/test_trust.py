# SPDX-License-Identifier: Apache-2.0
"""Who is believed: signed, unsigned, a stranger's and revoked files, in strict, relaxed and allow_unsigned mode."""
import glob
import os
import shutil
import subprocess

from rtt_case import RTT, Person, RttCase, main

MODES = {"strict": "security:\n  mode: strict\n", "relaxed": "security:\n  mode: relaxed\n",
         "allowed": "security:\n  mode: strict\n  allow_unsigned: [\"dev/*\"]\n",
         "sealed": "security:\n  mode: sealed\n  allow_unsigned: [\"dev/*\"]\n"}
# The problem with an unsigned symbol of namespace dev, and with one of namespace prod; None = it counts.
UNSIGNED = {"strict": ("RTT0401", "RTT0401"), "relaxed": (None, None), "allowed": (None, "RTT0401"),
            "sealed": ("RTT0401", "RTT0401")}


class Trust(RttCase):
    def setUp(self):
        super().setUp()
        self.other = Person(self.base, "other", self.mark)

    def standing(self, saddr, **how):
        """(whether it is in force, codes of its problems)"""
        listed = saddr in [row["saddr"] for row in self.json("ls", "symbols",
                                                             **how)["symbols"] if not self.is_refused(row)]
        place = saddr.removeprefix("rtt://").split("@")[0].replace("/", "-")
        return listed, {p["code"] for p in self.json("scan", **how)["problems"] if place in p["file"]}

    @staticmethod
    def is_refused(row):
        return row.get("standing") == "refused"

    def expect(self, saddr, code, **how):
        listed, codes = self.standing(saddr, **how)
        self.assertEqual(code is None, listed, f"{saddr}: {codes}")
        if code:
            self.assertIn(code, codes)

    def test_unsigned(self):
        for mode, (dev, prod) in UNSIGNED.items():
            with self.subTest(mode):
                ws = os.path.join(self.base, mode)
                os.makedirs(ws)
                self.write(".rtt/panel.yaml", MODES[mode], ws=ws)
                self.ok("init", "--yes", ws=ws)
                for ns in ("dev", "prod"):
                    self.symbol(f"rtt://{ns}/api/u@1.0.0", ws=ws)
                self.expect("rtt://dev/api/u@1.0.0", dev, ws=ws)
                self.expect("rtt://prod/api/u@1.0.0", prod, ws=ws)
                check = self.run_rtt("check", "--json", ws=ws)
                self.assertEqual(0 if (dev, prod) == (None, None) else 3, check.status, str(check))
                self.ok("sign", "--yes", ws=ws)
                for ns in ("dev", "prod"):
                    self.expect(f"rtt://{ns}/api/u@1.0.0", None, ws=ws)
                self.ok("check", ws=ws)

    def test_unsigned_policy_is_not_obeyed_in_strict_mode(self):
        self.ok("init", "--yes")
        self.wire(1)
        self.assertEqual(1, len(self.json("plan")["add"]))
        self.write(".rtt/policy.json", {"deny": [{"from": "rtt://ui/*/*", "to": "rtt://core/*/*"}]})
        self.assertEqual(1, len(self.json("plan")["add"]), "the signed policy stays in force")
        self.run_rtt("check", check=3)
        self.ok("sign", "--yes")
        error = self.json("plan", status=1)["error"]
        self.assertEqual("RTT0412", error["code"])
        self.assertIn(".rtt/policy.json:", error["where"] + str(error["conflict"]))

    def test_changed_since_signed(self):
        self.ok("init", "--yes")
        self.symbol("rtt://core/api/a@1.0.0", description="first")
        self.ok("sign", "--yes")
        signed = self.json("ls", "symbols", "rtt://core/*/*")["symbols"]
        self.symbol("rtt://core/api/a@1.0.0", description="second")
        self.assertEqual([{**row, "standing": "last-signed"} for row in signed],
                         self.json("ls", "symbols", "rtt://core/*/*")["symbols"])
        [problem] = self.json("scan")["problems"]
        self.assertEqual("RTT0405", problem["code"])
        self.assertIn("rtt sign", problem["hint"])
        self.run_rtt("check", check=3)
        shown = self.run_rtt("sign", check=3).text
        self.assertIn("first", shown)
        self.assertIn("second", shown)
        [row] = self.json("sign", "--yes")["signed"]
        self.assertEqual(signed[0]["hash"], row["supersedes"])
        self.ok("check")

    def test_a_strangers_signature(self):
        for mode in ("strict", "relaxed", "allowed", "sealed"):
            with self.subTest(mode):
                ws = os.path.join(self.base, "w-" + mode)
                os.makedirs(ws)
                self.write(".rtt/panel.yaml", MODES[mode], ws=ws)
                self.symbol("rtt://dev/api/s@1.0.0", ws=ws)
                self.symbol("rtt://prod/api/s@1.0.0", ws=ws)
                self.ok("init", "--yes", ws=ws, who=self.other)
                self.strangers_workspace(ws)

    def strangers_workspace(self, ws):
        """Everything in it, the configuration included, is signed by somebody not accepted here."""
        for saddr in ("rtt://dev/api/s@1.0.0", "rtt://prod/api/s@1.0.0"):
            self.expect(saddr, "RTT0402", ws=ws)
        self.run_rtt("check", ws=ws, check=3)
        [key] = [row for row in self.json("ls", "keys", ws=ws)["keys"] if not row["own"]]
        self.assertEqual((False, False), (key["accepted"], key["revoked"]))
        pub = self.path(key["file"], ws=ws)
        self.ok("check", "--trust-key", pub, ws=ws)
        self.run_rtt("check", ws=ws, check=3)  # that was for one run
        self.assertTrue(self.json("keys", "trust", key["key_id"][:8], "--yes", ws=ws)["changed"])
        self.assertFalse(self.json("keys", "trust", key["key_id"], "--yes", ws=ws)["changed"])
        for saddr in ("rtt://dev/api/s@1.0.0", "rtt://prod/api/s@1.0.0"):
            self.expect(saddr, None, ws=ws)
        self.ok("check", ws=ws)
        self.assertTrue(self.json("keys", "revoke", key["key_id"], "--yes", "--reason", "laptop lost",
                                  ws=ws)["changed"])
        for saddr in ("rtt://dev/api/s@1.0.0", "rtt://prod/api/s@1.0.0"):
            self.expect(saddr, "RTT0403", ws=ws)
        self.run_rtt("check", ws=ws, check=3)
        self.run_rtt("check", "--trust-key", pub, ws=ws, check=3)  # revoked is stronger than believed

    def test_trust_is_for_one_repository(self):
        ws, copy = os.path.join(self.base, "w1"), os.path.join(self.base, "w2")
        os.makedirs(ws)
        self.symbol("rtt://core/api/a@1.0.0", ws=ws)
        self.ok("init", "--yes", ws=ws, who=self.other)
        shutil.copytree(ws, copy)
        [key] = [row["key_id"] for row in self.json("ls", "keys", ws=ws)["keys"] if not row["own"]]
        self.ok("keys", "trust", key, "--yes", ws=ws)
        self.ok("check", ws=ws)
        self.run_rtt("check", ws=copy, check=3)

    def hostile_clone(self):
        """A workspace somebody else filled and signed; returns the file its command would leave behind."""
        proof = os.path.join(self.base, "proof")
        evil = self.write("tools/evil.sh", f"#!/bin/sh\ntouch {proof}\n")
        os.chmod(evil, 0o755)
        for i in range(60):  # enough harmless ones to push it off any screen
            self.symbol(f"rtt://aaa/api/a{i}@1.0.0")
        self.symbol("rtt://good/proc/date@1.0.0", driver={"use": "process", "params": {
            "command": "/bin/sh", "args": [evil, "--quietly now"], "env": {"LD_PRELOAD": "x.so"}}})
        self.ok("init", "--yes", who=self.other)
        self.allow(("rtt://local/proc/cli", "rtt://*/*/*"))
        self.ok("sign", "--yes", who=self.other)
        [self.stranger] = [row["key_id"] for row in self.json("ls", "keys", who=self.other)["keys"]]
        for made in ("cache", "registry/cas", "registry/index.json"):  # what git leaves out
            shutil.rmtree(self.path(".rtt", made), ignore_errors=True)
        return proof

    def test_a_strangers_workspace_is_shown_with_its_commands_and_not_signed_over(self):
        proof = self.hostile_clone()
        runs = f'LD_PRELOAD=x.so /bin/sh {self.path("tools/evil.sh")} "--quietly now"'
        for verb in ("up", "init"):
            shown = self.run_rtt(verb, check=3).text
            self.assertIn(runs, shown, verb)
            self.assertIn(self.stranger, shown, verb)
            self.assertIn("not accepted here", shown, verb)
        error = self.refused("RTT0402", 3, "up", "--yes")
        self.assertEqual(f"rtt keys trust {self.stranger}", error["hint"])
        self.assertEqual([], glob.glob(os.path.join(self.me.config, "rtt/keys/*")), "nothing was done")
        made = self.json("init", "--yes")
        self.assertEqual([], made["signed"])
        self.assertEqual({"RTT0402"}, {p["code"] for p in made["problems"]})
        self.assertEqual([], self.json("sign", "--yes")["signed"])
        self.assertNotEqual(0, self.run_rtt("call", "good/date").status)
        self.assertFalse(os.path.exists(proof))
        named = self.run_rtt("sign", "services/good-proc-date", check=3).text  # named: offered, with all there is
        self.assertIn(runs, named)
        self.assertIn(f"signed by {self.stranger}, a key not accepted here", named)

    def test_a_new_command_is_shown_before_it_is_signed(self):
        self.ok("init", "--yes")
        for i in range(60):
            self.symbol(f"rtt://aaa/api/a{i}@1.0.0")
        self.symbol("rtt://zzz/proc/date@1.0.0", driver={"use": "process", "params": {"command": "date"}})
        for verb in ("sign", "up", "init"):
            self.assertIn("runs: date\n", self.run_rtt(verb, check=3).text, verb)

    def test_up_asks_for_the_key_and_accepts_it(self):
        self.hostile_clone()
        answers, screen = os.openpty()
        os.write(answers, b"y\ny\ny\n")
        done = subprocess.run([RTT, "up"], cwd=self.ws, env=self.me.env, stdin=screen, stderr=screen,
                              stdout=subprocess.PIPE, timeout=60)
        os.close(screen)
        told = b""
        while chunk := self.read_terminal(answers):
            told += chunk
        self.assertEqual(0, done.returncode, told + done.stdout)
        self.assertIn(f"trust key {self.stranger}".encode(), told)
        [key] = [row for row in self.json("ls", "keys")["keys"] if row["key_id"] == self.stranger]
        self.assertTrue(key["accepted"])
        self.ok("check")

    @staticmethod
    def read_terminal(terminal):
        try:
            return os.read(terminal, 65536)
        except OSError:  # the other side is closed
            return b""

    def test_a_key_laid_into_the_folder_counts_for_nothing(self):
        self.ok("init", "--yes")
        elsewhere = os.path.join(self.base, "elsewhere")
        os.makedirs(elsewhere)
        self.symbol("rtt://evil/api/a@1.0.0", ws=elsewhere)
        self.ok("init", "--yes", ws=elsewhere, who=self.other)
        for pub in glob.glob(os.path.join(elsewhere, ".rtt/registry/trust/keys/*.pub")):
            shutil.copy(pub, self.path(".rtt/registry/trust/keys"))
        shutil.copytree(os.path.join(elsewhere, "services"), self.path("services"))
        self.expect("rtt://evil/api/a@1.0.0", "RTT0402")

    def test_a_signature_moved_to_other_content(self):
        self.ok("init", "--yes")
        a, b = self.symbol("rtt://core/api/a@1.0.0"), self.symbol("rtt://core/api/b@1.0.0")
        self.ok("sign", "--yes", a)
        shutil.copy(a + ".sig", b + ".sig")
        self.expect("rtt://core/api/a@1.0.0", None)
        listed, codes = self.standing("rtt://core/api/b@1.0.0")
        self.assertFalse(listed)
        self.assertTrue(codes & {"RTT0401", "RTT0404", "RTT0405"}, codes)

    def test_no_key_no_signing(self):
        self.ok("init", "--yes")
        nobody = Person(self.base, "nobody", self.mark)
        self.symbol("rtt://core/api/a@1.0.0")
        for words in (["sign", "--yes"], ["plan"]):
            error = self.run_rtt(*words, "--json", who=nobody, check=3).error
            self.assertIn(error["code"], ("RTT0413", "RTT0402"))
        self.refused("RTT0413", 3, "sign", "--yes", who=nobody)
        made = self.json("keys", "new", "--label", "nobody's", who=nobody)
        self.assertEqual("nobody's", made["label"])
        self.assertEqual(0o600, os.stat(made["file"]).st_mode & 0o777)
        self.ok("sign", "--yes", who=nobody)

    def test_a_private_key_others_can_read_is_not_used(self):
        self.ok("init", "--yes")
        [key] = glob.glob(os.path.join(self.me.config, "rtt/keys/*.key"))
        os.chmod(key, 0o644)
        self.symbol("rtt://core/api/a@1.0.0")
        self.refused("RTT0903", 1, "sign", "--yes")
        self.assertFalse(self.run_rtt("doctor", "--json", check=1).doc["ok"])
        os.chmod(key, 0o600)
        self.ok("sign", "--yes")

    def test_keys_that_are_none(self):
        self.ok("init", "--yes")
        self.refused("RTT0105", 1, "keys", "trust", "ffffffff", "--yes")
        bad = self.write("bad.pub", "ed25519 AAAA label\n")
        self.assertNotEqual(0, self.run_rtt("check", "--trust-key", bad).status)
        identity = self.write("identity.pub", "ed25519 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= small order\n")
        self.assertNotEqual(0, self.run_rtt("check", "--trust-key", identity).status)


if __name__ == "__main__":
    main()
