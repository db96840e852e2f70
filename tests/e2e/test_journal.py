# SPDX-License-Identifier: Apache-2.0
"""The journal as its owner sees it: checkpoints and what a restart reads, proofs that need no rtt, damage by name."""
import base64
import copy
import glob
import json
import os
import subprocess
import sys

from rtt_case import HERE, RttCase, main

sys.path.insert(0, os.path.dirname(HERE))
import verify_record  # noqa: E402


class Journal(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.wire(2)
        self.ok("plan")
        self.ok("apply")

    def public_key(self):
        [path] = glob.glob(self.path(".rtt/registry/trust/keys/*.pub"))
        with open(path, encoding="utf-8") as file:
            return path, base64.b64decode(file.read().split()[1])

    def audited(self):
        return self.run_rtt("audit", "--export", "--json", check=0).lines

    def places(self):
        return self.read_json(".rtt/wal/checkpoints.json")["checkpoints"]

    def changed(self, path, offset, bit=1):
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ bit]))

    def test_a_clean_stop_signs_a_checkpoint_and_the_next_start_begins_there(self):
        committed = self.json("status")
        self.ok("down")
        verdict = self.json("audit", "--verify")
        self.assertEqual((1, 1), (verdict["checkpoints"]["count"], verdict["checkpoints"]["trusted"]))
        self.assertEqual(verdict["seq"] - 1, verdict["checkpoints"]["signed_to"])
        last = self.audited()[-1]
        self.assertEqual(("CHECKPOINT", "checkpoint"), (last["type"], last["action"]))
        self.assertTrue(last["who"].startswith("key:"))
        self.assertNotIn("checkpoint", [line["action"] for line in self.run_rtt("log", "--json", check=0).lines])
        generation = self.json("status")
        self.assertEqual((committed["graph"], committed["seq"]), (generation["graph"], generation["seq"]))
        self.ok("panel", "start")
        now = self.json("status")
        self.assertEqual(committed["generation"] + 1, now["generation"])
        self.assertEqual((committed["graph"], committed["seq"]), (now["graph"], now["seq"]))
        self.assertEqual("committed", self.json("undo")["state"])

    def test_a_record_is_proved_to_somebody_who_has_no_rtt(self):
        [commit] = [line for line in self.audited() if line["type"] == "COMMIT"]
        seq = str(commit["seq"])
        early = self.refused("RTT0105", 1, "audit", "--prove", seq)
        self.assertIn("no signed checkpoint covers it yet", early["message"])
        self.ok("down")
        proof = self.json("audit", "--prove", seq)
        path, public = self.public_key()
        self.assertEqual(commit["payload"], json.loads(verify_record.verify(proof, public)))
        file = self.write("proof.json", json.dumps(proof))
        program = [sys.executable, verify_record.__file__, file, path]
        self.assertEqual(0, subprocess.run(program, stdout=subprocess.DEVNULL, check=False).returncode)
        for seq in range(1, proof["size"] + 1):
            verify_record.verify(self.json("audit", "--prove", str(seq)), public)

        def refuses(change, key=public):
            other = copy.deepcopy(proof)
            change(other)
            with self.assertRaises(verify_record.NotProved):
                verify_record.verify(other, key)

        def flipped(text):
            return text[:-1] + ("0" if text[-1] != "0" else "1")

        checkpoint = proof["checkpoint"]
        refuses(lambda p: p.update(record=flipped(p["record"])))
        refuses(lambda p: p.update(hash=flipped(p["hash"]), record=None))
        for i in range(len(proof["path"])):
            refuses(lambda p, i=i: p["path"].__setitem__(i, flipped(p["path"][i])))
            refuses(lambda p, i=i: p["path"].pop(i))
        refuses(lambda p: p["path"].append(p["path"][0]))
        refuses(lambda p: p.update(seq=p["seq"] + 1))
        for field in ("journal_root", "graph_root", "state"):
            refuses(lambda p, field=field: p["checkpoint"].update({field: flipped(checkpoint[field])}))
        refuses(lambda p: p["checkpoint"].update(seq=checkpoint["seq"] + 1))
        signature = bytearray(base64.b64decode(checkpoint["sign"][0]["sig"]))
        signature[7] ^= 1
        refuses(lambda p: p["checkpoint"]["sign"][0].update(sig=base64.b64encode(signature).decode()))
        refuses(lambda p: None, key=bytes([public[0] ^ 1]) + public[1:])
        with open(file, "w", encoding="utf-8") as out:
            json.dump({**proof, "seq": proof["seq"] + 1}, out)
        self.assertEqual(1, subprocess.run(program, stderr=subprocess.DEVNULL, check=False).returncode)
        self.refused("RTT0105", 1, "audit", "--prove", "4000")
        self.refused("RTT0103", 2, "audit", "--prove", "0")

    def test_a_checkpoint_whose_state_is_changed_is_passed_over_and_that_is_said(self):
        before = self.json("status")
        self.ok("down")
        [state] = glob.glob(self.path(".rtt/wal/states/*.json"))
        self.changed(state, 20)
        self.assertIn("is not used", json.dumps(self.json("doctor", status=None)["checks"]))
        self.ok("panel", "start")
        [told] = self.run_rtt("audit", "--action", "checkpoint_passed_over", "--json", check=0).lines
        self.assertIn("is not used", told["reason"])
        now = self.json("status")
        self.assertEqual((before["graph"], before["seq"]), (now["graph"], now["seq"]))
        self.assertEqual(before["generation"] + 1, now["generation"])

    def test_the_last_commits_can_be_gone_back_to_also_after_a_restart_and_older_ones_are_refused_by_name(self):
        first = self.json("status")
        commits = [first["seq"]]

        def back_to(seq):
            answer = self.json("rollback", str(seq))
            self.assertEqual("committed", answer["state"])
            commits.append(answer["seq"])
            return answer

        for _ in range(52):
            back_to(0)
            back_to(commits[-2])
        self.ok("down")
        back_to(0)
        self.assertGreater(len(commits), 100)
        self.assertEqual(first["graph"], back_to(commits[0])["graph"])
        for _ in range(15):
            back_to(0)
            back_to(commits[-2])
        self.assertGreater(len(commits), 130)
        for _ in range(2):  # before and after a restart
            refused = self.refused("RTT0603", 2, "rollback", str(commits[0]))
            self.assertIn("is not kept any more", refused["message"])
            self.assertEqual(f"rtt rollback {commits[-128]}", refused["hint"])
            self.ok("down")
        back_to(0)
        self.assertEqual(first["graph"], back_to(commits[-126])["graph"])

    def test_the_difference_of_a_commit_is_shown(self):
        before = self.json("status")["seq"]
        self.ok("rollback", "0")
        seq = str(self.json("status")["seq"])
        routes = self.json("audit", "--show", str(before), "--diff")["diff"]
        self.assertEqual((2, []), (len(routes["add"]), routes["del"]))
        self.assertIn(" -> ", routes["add"][0])
        self.assertEqual({"add": [], "del": routes["add"]}, self.json("audit", "--show", seq, "--diff")["diff"])
        shown = self.ok("audit", "--show", seq, "--diff").out
        self.assertEqual([f"- {route}" for route in routes["add"]], shown.splitlines()[1:])
        self.refused("RTT0603", 2, "audit", "--show", "1", "--diff")

    def test_a_damaged_record_is_named_before_and_behind_the_checkpoint(self):
        self.ok("down")
        [segment] = glob.glob(self.path(".rtt/wal/*.seg"))
        self.changed(segment, self.places()[0]["offset"] - 100)
        verdict = self.json("audit", "--verify", status=7)
        self.assertFalse(verdict["ok"])
        self.assertIn(self.places()[0]["seq"] - verdict["bad_seq"], (0, 1))
        self.changed(segment, self.places()[0]["offset"] - 100)
        self.assertTrue(self.json("audit", "--verify")["ok"])
        # The checkpoint itself: a journal that ends before it has lost records, and nothing is built on it.
        self.changed(segment, self.places()[0]["offset"] + 70)
        self.assertEqual(self.places()[0]["seq"] + 1, self.json("audit", "--verify", status=7)["bad_seq"])
        refused = self.run_rtt("panel", "start")
        self.assertNotEqual(0, refused.status)
        self.changed(segment, self.places()[0]["offset"] + 70)
        self.ok("panel", "start")

    def test_records_cut_off_the_end_are_missed(self):
        self.ok("down")
        [segment] = glob.glob(self.path(".rtt/wal/*.seg"))
        with open(segment, "r+b") as file:
            content = file.read()
            offset = self.places()[0]["offset"]
            file.seek(offset)
            file.write(bytes(len(content) - offset))
        verdict = self.json("audit", "--verify", status=7)
        self.assertEqual(self.places()[0]["seq"] + 1, verdict["bad_seq"])
        self.assertNotEqual(0, self.run_rtt("panel", "start").status)


if __name__ == "__main__":
    main()
