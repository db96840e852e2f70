# SPDX-License-Identifier: Apache-2.0
"""Does this record stand in that journal? Decided without RTT, from `rtt audit --prove SEQ --json` and a public key.

    verify_record.py PROOF.json KEY.pub      prints the record's payload; exit 1 and a reason if it is not so

Three steps, each from the published text: the record's hash (docs/formats/journal.md) is a leaf of the tree; its
audit path leads to the root (RFC 6962 §2.1.1); the root is in a checkpoint that the key signed (RFC 8032).
"""
import base64
import ctypes
import ctypes.util
import hashlib
import json
import sys


class NotProved(Exception):
    pass


def sha(data):
    return hashlib.sha256(data).digest()


def raw(written):
    if not written.startswith("sha256-"):
        raise NotProved(f"{written} is no hash")
    return bytes.fromhex(written[7:])


def root_by_path(leaf, index, size, path):
    """RFC 6962: the path is read from the leaf up, so its last element is the other half of the whole tree."""
    if size == 1:
        if path or index != 0:
            raise NotProved("the path has another length")
        return leaf
    if not path:
        raise NotProved("the path has another length")
    half = 1 << ((size - 1).bit_length() - 1)
    if index < half:
        return sha(b"\1" + root_by_path(leaf, index, half, path[:-1]) + path[-1])
    return sha(b"\1" + path[-1] + root_by_path(leaf, index - half, size - half, path[:-1]))


def signed(public, message, signature):
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
    return len(signature) == 64 and sodium.crypto_sign_verify_detached(
        signature, message, ctypes.c_ulonglong(len(message)), public) == 0


def payload_of(record, seq):
    if int.from_bytes(record[0:4], "little") != len(record) or int.from_bytes(record[8:16], "little") != seq:
        raise NotProved("the record is another one")
    return record[56:]


def verify(proof, public):
    """The record's payload, or None where only its hash is kept; raises NotProved."""
    record, checkpoint, seq = proof["record"], proof["checkpoint"], proof["seq"]
    digest = raw(proof["hash"])
    payload = None
    if record is not None:
        data = bytes.fromhex(record)
        payload = payload_of(data, seq)
        if sha(data) != digest:
            raise NotProved("the record's hash is another one")
    if not 0 < seq <= checkpoint["seq"]:
        raise NotProved("the checkpoint does not cover the record")
    root = root_by_path(sha(b"\0" + digest), seq - 1, checkpoint["seq"], [raw(step) for step in proof["path"]])
    if root != raw(checkpoint["journal_root"]):
        raise NotProved("the path does not lead to the checkpoint's root")
    said = {key: checkpoint[key] for key in ("graph_root", "journal_root", "seq", "state")}
    text = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    message = b"rtt:checkpoint:v1\n" + sha(text).hex().encode()
    key_id = sha(public).hex()[:16]
    if not any(one["key_id"] == key_id and signed(public, message, base64.b64decode(one["sig"]))
               for one in checkpoint["sign"]):
        raise NotProved("this key did not sign the checkpoint")
    return payload


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        proof = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        public = base64.b64decode(file.read().split()[1])
    try:
        payload = verify(proof, public)
    except NotProved as reason:
        print(reason, file=sys.stderr)
        return 1
    print("only the hash is kept" if payload is None else payload.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
