# SPDX-License-Identifier: Apache-2.0
"""Receipts of calls (docs/formats/receipts.md): kept whatever happens, proved to somebody who has no rtt."""
import base64
import hashlib
import hmac
import os
import shutil
import subprocess

from mcp_client import McpClient
from rtt_case import RTT, RttCase, main
from sodium import canonical


def sha(data):
    return hashlib.sha256(data).digest()


def raw(digest):
    return bytes.fromhex(digest.removeprefix("sha256-"))


def root_by_path(leaf, place, size, path):
    """RFC 6962, by halves."""
    if size == 1:
        return leaf if not path else None
    cut = 1 << ((size - 1).bit_length() - 1)
    if place < cut:
        return sha(b"\1" + root_by_path(leaf, place, cut, path[:-1]) + path[-1])
    return sha(b"\1" + path[-1] + root_by_path(leaf, place - cut, size - cut, path[:-1]))


class Receipts(RttCase):
    def setUp(self):
        super().setUp()
        self.workspace_with_notes()
        self.folder = self.path(".rtt/wal/receipts")

    def client(self):
        client = McpClient(cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def calls(self):
        return self.run_rtt("audit", "--action", "call", "--json", check=0).lines

    def kept(self, count):
        return self.eventually(lambda: (lambda calls: calls if len(calls) >= count else None)(self.calls()))

    def verified(self, status=0):
        return self.json("audit", "--verify", status=status)

    def test_one_is_proved_without_rtt(self):
        client = self.client()
        for i in range(5):
            client.post("tools/call", {"name": "echo", "arguments": {"message": f"m{i}"}})
        for i in range(5):
            self.assertIn("result", client.answer(i + 2))
        lines = self.kept(5)
        self.assertEqual(5, len(lines))
        with open(os.path.join(self.me.config, "rtt/receipts.key"), "rb") as file:
            key = base64.b64decode(file.read())
        wanted = {hmac.new(key, b'{"message": "m%d"}' % i, "sha256").hexdigest() for i in range(5)}
        self.assertEqual(wanted, {raw(line["arguments"]).hex() for line in lines})
        for line in lines:
            proof = self.json("audit", "--receipt", str(line["receipt"]))
            self.assertEqual("trusted", proof["signature"])
            self.assertEqual(line["arguments"], proof["receipt"]["arguments"])
            data = bytes.fromhex(proof["bytes"])
            self.assertEqual(line["receipt"], int.from_bytes(data[0:8], "little"))
            self.assertEqual(raw(line["arguments"]), data[48:80])
            self.assertEqual(raw(line["result"]), data[80:112])
            seal = proof["seal"]
            leaf = sha(b"\0" + data)
            self.assertEqual(seal["root"], "sha256-" + root_by_path(
                leaf, proof["place"], seal["count"], [raw(step) for step in proof["path"]]).hex())
            self.assertEqual(seal["subjects"], "sha256-" + sha(canonical(proof["subjects"])).hex())
            subject = proof["subjects"][int.from_bytes(data[46:48], "little")]
            self.assertEqual("rtt://notes/tool/echo@1.0.0", subject["to"])
            body = {k: seal[k] for k in ("at_us", "count", "first", "lost", "prev", "root", "subjects")}
            self.assertEqual(seal["seal"], "sha256-" + sha(canonical(body)).hex())
        self.refused("RTT0105", 1, "audit", "--receipt", "999999999")
        self.refused("RTT0103", 2, "audit", "--receipt", "1", "--verify")
        self.assertEqual(0, client.close())

    def test_a_result_says_where_it_comes_from_unless_told_not_to(self):
        client = self.client()
        said = client.call("echo", message="x")["result"]
        told = said.pop("_meta")["io.github.rtt/provenance"]
        [line] = self.kept(1)
        self.assertEqual((str(line["receipt"]), line["pin"]), (told["receipt"], told["definition"]))
        plain = McpClient("--no-provenance", cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: plain.process.poll() is None and plain.close())
        plain.open()
        self.assertEqual(said, plain.call("echo", message="x")["result"])

    def test_no_value_is_kept(self):
        client = self.client()
        client.call("echo", message="hunter2-secret")
        self.kept(1)
        for base, _, names in os.walk(self.path(".rtt")):
            for name in names:
                if not os.path.isfile(os.path.join(base, name)):
                    continue  # a socket
                with open(os.path.join(base, name), "rb") as file:
                    self.assertNotIn(b"hunter2-secret", file.read(), name)

    def test_a_changed_byte_and_a_missing_file_are_told(self):
        client = self.client()
        client.call("echo", message="x")
        self.kept(1)
        self.ok("panel", "start")
        self.eventually(lambda: self.run_rtt("audit", "--action", "receipts", "--json", check=0).lines)
        client.close()
        proof = self.verified()["receipts"]
        self.assertEqual((1, proof["last"], 0), (proof["receipts"], proof["journaled"], proof["unsigned"]))
        self.ok("down")
        [name] = os.listdir(self.folder)
        path = os.path.join(self.folder, name)
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "r+b") as file:
            file.seek(184 + 50)
            file.write(bytes([whole[184 + 50] ^ 1]))
        self.assertIn("receipts", self.verified(7)["problem"])
        with open(path, "wb") as file:
            file.write(whole[:-1])
        self.assertIn("cut short", self.verified(7)["problem"])
        os.remove(path)
        self.assertIn("journal vouches", self.verified(7)["problem"])

    def test_a_killed_gateway_leaves_a_log_that_verifies_and_numbers_that_are_new(self):
        for count in (1, 2, 3):
            client = self.client()
            client.call("echo", message="x")
            self.kept(count)
            for i in range(300):  # whatever of these is under way
                client.post("tools/call", {"name": "echo", "arguments": {"message": "y"}})
            for pid in self.gateways():
                self.kill(pid)
            client.process.kill()
            client.close()
        numbers = [line["receipt"] for line in self.calls()]
        self.assertEqual(sorted(set(numbers)), numbers)
        self.assertGreaterEqual(numbers[-1], 2 * 65536)
        self.assertTrue(self.verified()["receipts"]["ok"])

    def test_a_log_that_cannot_be_written_costs_no_call(self):
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        self.write(".rtt/wal/receipts", "in the way")
        self.assertEqual("Echo: x", self.client().said("echo", message="x"))
        self.assertEqual(0, self.verified()["receipts"]["receipts"])

    def full_disk_client(self):
        """A client whose gateway has its receipts on a disk of 16 MiB, of which 48 KiB are left."""
        if subprocess.run(["unshare", "-Urm", "true"], check=False).returncode != 0:
            self.skipTest("no user namespaces here")
        self.ok("down")
        self.ok("panel", "start")
        os.makedirs(self.folder, exist_ok=True)
        script = (f"mount -t tmpfs -o size=16m none {self.folder} && head -c {(16 << 20) - (48 << 10)} /dev/zero "
                  f"> {self.folder}/ballast && cd {self.ws} && exec {RTT} mcp serve")
        client = McpClient(cwd=self.ws, env=self.me.env, command=["unshare", "-Urm", "sh", "-c", script])
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        gateway, = self.gateways()
        return client, f"/proc/{gateway}/root{self.folder}"

    def fate(self):
        return self.json("mcp", "ls").get("receipts", {})

    def test_a_full_disk_delays_receipts_and_then_loses_some_and_says_so(self):
        client, there = self.full_disk_client()

        def calls(count):
            for i in range(count):
                client.post("tools/call", {"name": "echo", "arguments": {"message": "x"}}, request_id=f"{i}")
                if i >= 32:
                    self.assertIn("result", client.next_message())
            for i in range(min(count, 32)):
                self.assertIn("result", client.next_message())

        calls(2000)
        def fates(**wanted):  # when the batch under way is sealed
            fate = self.fate()
            whole = fate and fate["lost"] + fate["kept"] + fate["waiting"] == wanted["calls"]
            return fate if whole and fate[wanted["some"]] else None

        waits = self.eventually(lambda: fates(calls=2000, some="waiting"))
        self.assertEqual(0, waits["lost"])
        self.assertRegex(waits["problem"], "o space|took only")
        calls(22000)  # more than may wait
        lost = self.eventually(lambda: fates(calls=24000, some="lost"))

        os.remove(f"{there}/ballast")
        whole = self.eventually(lambda: (lambda r: r.get("waiting") == 0 and r)(self.fate()), 30)
        self.assertEqual((lost["lost"], 24000), (whole["lost"], whole["lost"] + whole["kept"]))
        self.assertNotIn("problem", whole)
        calls(1)
        after = self.eventually(lambda: (lambda r: r.get("kept") == whole["kept"] + 1 and r)(self.fate()))
        self.eventually(lambda: self.fate()["durable"] == after["last"])
        for name in os.listdir(there):
            shutil.copyfile(f"{there}/{name}", os.path.join(self.folder, name))
        receipts = self.verified()["receipts"]
        self.assertEqual((True, after["kept"], lost["lost"]), (receipts["ok"], receipts["receipts"], receipts["lost"]))
        self.assertEqual(0, client.close())


if __name__ == "__main__":
    main()
