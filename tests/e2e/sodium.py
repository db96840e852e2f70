# SPDX-License-Identifier: Apache-2.0
"""Ed25519 through the libsodium that rtt itself links, for tests that sign what rtt would never sign."""
import base64
import ctypes
import ctypes.util
import hashlib
import json

_lib = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


class Key:
    def __init__(self, seed):
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        _lib.crypto_sign_seed_keypair(public, secret, seed)
        self.public, self._secret = public.raw, secret.raw
        self.key_id = hashlib.sha256(self.public).hexdigest()[:16]

    def record(self, kind, digest_hex):
        message = f"rtt:{kind}:v1\n{digest_hex}".encode()
        signature = ctypes.create_string_buffer(64)
        _lib.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), self._secret)
        return {"alg": "ed25519", "key_id": self.key_id, "sig": base64.b64encode(signature.raw).decode()}


def canonical(value):
    """RFC 8785 for what tests use: integers, ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value):
    return hashlib.sha256(canonical(value)).hexdigest()


def seal(plan, key):
    """The plan with its id and signature made anew, as its author would."""
    content = {k: v for k, v in plan.items() if k not in ("plan_id", "created_at", "sign")}
    plan_id = digest(content)
    return {**plan, "plan_id": "sha256-" + plan_id, "sign": [key.record("plan", plan_id)]}
