# SPDX-License-Identifier: Apache-2.0
"""Altered bytes are found and never used; a plan that was meddled with is refused, and the refusal says with what.

Every single flipped byte is tamper_test.cc's business; here some of them go through the command line.
"""
import base64
import copy
import glob
import os
import shutil

from rtt_case import Person, RttCase, main
from sodium import Key, seal


class Bytes(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.wire(2)
        self.ok("plan")
        self.ok("apply")
        self.ok("down")

    def flipped(self, path, offset, bit):
        os.chmod(path, 0o644)
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ bit]))

    def test_some_flipped_bytes_of_the_journal(self):
        [path] = glob.glob(self.path(".rtt/wal/*.seg"))
        used = len(open(path, "rb").read().rstrip(b"\0"))
        for _ in range(25):
            offset, bit = self.random.randrange(used), 1 << self.random.randrange(8)
            self.flipped(path, offset, bit)
            document = self.json("audit", "--verify", status=7)
            self.assertFalse(document.get("ok", False), f"byte {offset} bit {bit}")
            self.flipped(path, offset, bit)
        self.assertTrue(self.json("audit", "--verify")["ok"])

    def test_some_flipped_bytes_of_the_store(self):
        paths = glob.glob(self.path(".rtt/registry/cas/sha256/*/*.json"))
        self.assertGreater(len(paths), 8)
        for _ in range(25):
            path = self.random.choice(paths)
            offset, bit = self.random.randrange(os.path.getsize(path)), 1 << self.random.randrange(8)
            self.flipped(path, offset, bit)
            document = self.json("registry", "verify", status=7)
            self.assertIn(os.path.basename(path), "".join(bad["file"] for bad in document["bad"]),
                          f"byte {offset} bit {bit}")
            self.flipped(path, offset, bit)
        self.assertTrue(self.json("registry", "verify")["ok"])

    def test_a_missing_object_is_found(self):
        stored = glob.glob(self.path(".rtt/registry/cas/sha256/*/*.json"))
        path = next(path for path in stored if not path.endswith(".sig.json"))
        os.chmod(path, 0o644)
        os.rename(path, path + ".away")
        self.assertFalse(self.json("registry", "verify", status=7)["ok"])

    def test_an_altered_index_is_found(self):
        index = self.read(".rtt/registry/index.json")
        self.write(".rtt/registry/index.json", index.replace(b"sha256-", b"sha256-0", 1))
        self.assertFalse(self.json("registry", "verify", status=7)["ok"])


class Plans(RttCase):
    """Twenty ways to meddle with a plan. Those a signature cannot catch are signed anew with a trusted key."""

    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.wire(3)
        self.symbol("rtt://core/api/b0@1.0.0")
        self.symbol("rtt://closed/api/c@1.0.0")
        self.ok("sign", "--yes")
        self.plan = self.read_json(self.json("plan")["path"])
        [key] = glob.glob(os.path.join(self.me.config, "rtt/keys/*.key"))
        self.key = Key(base64.b64decode(open(key, encoding="ascii").read().split()[0]))
        self.assertEqual(self.key.key_id, os.path.basename(key).removesuffix(".key"))
        self.assertEqual(self.plan["sign"], seal(self.plan, self.key)["sign"], "the test signs as rtt does")

    def other_contract(self, saddr):
        return next(row["hash"] for row in self.json("ls", "symbols")["symbols"] if row["saddr"] == saddr)

    def meddlings(self):
        """name -> (plan, whether it is sealed anew)"""
        def changed(change, sealed=True):
            plan = copy.deepcopy(self.plan)
            change(plan)
            return seal(plan, self.key) if sealed else plan
        add = lambda plan: plan["routes_add"]
        stranger = Key(b"s" * 32)
        b0, closed = self.other_contract("rtt://core/api/b0@1.0.0"), self.other_contract("rtt://closed/api/c@1.0.0")
        flip = lambda text: ("A" if text[0] != "A" else "B") + text[1:]
        return {
            "content changed": changed(lambda p: add(p)[0].update(to="rtt://core/api/b0@1.0.0"), False),
            "id changed": changed(lambda p: p.update(plan_id="sha256-" + "0" * 64), False),
            "signature removed": changed(lambda p: p.update(sign=[]), False),
            "signature altered": changed(lambda p: p["sign"][0].update(sig=flip(p["sign"][0]["sig"])), False),
            "signature of a stranger": seal(self.plan, stranger),
            "key id of somebody else": changed(lambda p: p["sign"][0].update(key_id=stranger.key_id), False),
            "signature of another kind": {**self.plan,
                                          "sign": [self.key.record("manifest", self.plan["plan_id"][7:])]},
            "other algorithm": changed(lambda p: p["sign"][0].update(alg="none"), False),
            "unknown member": changed(lambda p: p.update(also="this")),
            "routes missing": changed(lambda p: p.pop("routes_add")),
            "base of another graph": changed(lambda p: p.update(base="sha256-" + "1" * 64)),
            "route leads elsewhere": changed(lambda p: add(p)[0].update(to="rtt://core/api/b0@1.0.0")),
            "contract of another symbol": changed(lambda p: add(p)[0].update(contract=b0)),
            "contract nobody has": changed(lambda p: add(p)[0].update(contract="sha256-" + "2" * 64)),
            "policy denies it": changed(lambda p: add(p)[0].update(to="rtt://closed/api/c@1.0.0", contract=closed)),
            "two routes with one id": changed(lambda p: add(p)[1].update(id=add(p)[0]["id"])),
            "order leaves one out": changed(lambda p: p.update(order=[["A1"], ["A2"]])),
            "order names one that is none": changed(lambda p: p.update(order=[["A1", "A2", "A3", "A9"]])),
            "class of another type": changed(lambda p: add(p)[0].update({"class": "pubsub"})),
            "route deleted that is not there": changed(lambda p: p.update(routes_del=[{**add(p)[0], "id": 9}])),
            "made of other inputs": changed(lambda p: p["inputs"].update(engine="plan/9")),
        }

    def test_each_meddling_is_refused_for_its_own_reason(self):
        meddlings = self.meddlings()
        self.assertGreaterEqual(len(meddlings), 20)
        reasons = {}
        for name, plan in meddlings.items():
            path = self.write("meddled.plan.json", plan)
            answer = self.run_rtt("apply", path, "--json")
            with self.subTest(name):
                damaged = name in ("content changed", "id changed")  # it contradicts itself: corrupt data
                self.assertIn(answer.status, (7,) if damaged else (1, 3), str(answer))
                error = answer.error
                reasons.setdefault((error["code"], error["message"], *error.get("causes", ())), []).append(name)
            self.assertEqual((0, 0), tuple(self.json("status")[k] for k in ("seq", "routes")), name)
        for reason, names in sorted(reasons.items()):
            print(f"{names}: {reason[0]} {' / '.join(reason[1:])}", flush=True)
        # Who a key is that nobody here knows cannot be told from the id it is given.
        same = [names for names in reasons.values()
                if len(names) > 1 and names != ["signature of a stranger", "key id of somebody else"]]
        self.assertEqual([], same, "meddlings that are told with the same words")
        untouched = self.write("good.plan.json", {**self.plan, "created_at": "2026-01-01T00:00:00.000000Z"})
        self.assertEqual("committed", self.json("apply", untouched)["state"], "created_at is in no hash")

    def test_no_file_and_no_plan(self):
        for content, status in ((b"", (1, 3)), (b"{", (1, 3)), (b"[]", (1, 3)), (b"{}", (1, 3)),
                                (b"\xff\xfe", (1, 3))):
            path = self.write("x.plan.json", content)
            self.assertIn(self.run_rtt("apply", path).status, status)
        self.run_rtt("apply", "sha256-ffff", check=1)

    def test_a_stranger_in_a_copy(self):
        stranger, copy_of = Person(self.base, "stranger", self.mark), os.path.join(self.base, "copy")
        shutil.copytree(self.ws, copy_of, ignore=shutil.ignore_patterns("plans", "sockets", "wal"))
        for row in self.json("ls", "keys", ws=copy_of, who=stranger)["keys"]:
            self.ok("keys", "trust", row["key_id"], "--yes", ws=copy_of, who=stranger)
        self.ok("keys", "new", ws=copy_of, who=stranger)
        foreign = os.path.join(copy_of, self.json("plan", ws=copy_of, who=stranger)["path"])
        self.refused("RTT0416", 3, "apply", foreign)
        pub = next(p for p in glob.glob(os.path.join(copy_of, ".rtt/registry/trust/keys/*.pub")) +
                   glob.glob(os.path.join(stranger.config, "rtt/keys/*.pub"))
                   if os.path.basename(p).removesuffix(".pub") != self.key.key_id)
        self.assertEqual("committed", self.json("apply", foreign, "--trust-key", pub)["state"])

    def test_stale_plans(self):
        self.ok("plan")
        first = self.write("first.plan.json", self.plan)
        self.routes(("rtt://ui/hook/h0", "rtt://core/api/a1"))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.assertEqual("committed", self.json("apply")["state"])
        self.refused("RTT0510", 3, "apply", first)


if __name__ == "__main__":
    main()
