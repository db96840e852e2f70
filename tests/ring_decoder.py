#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a captured ring by docs/formats/ring.md alone: nothing here comes from the C++ code.

    ring_decoder.py CAPTURE EXPECTED     the frames in the ring must be those of EXPECTED (JSON)
    ring_decoder.py --print CAPTURE      prints that JSON

CAPTURE is gzip of a lane memory followed by its index page. Frames released before the capture are in the slots only
as far as they were not overwritten; reading starts at the index, and needs the arena's place there, which EXPECTED or
--arena N names. The decoder then checks that each damaged byte of a frame is noticed."""
import gzip
import json
import struct
import sys

PAGE, SLOT, HEADER = 4096, 128, 24
FLAGS = ["error", "more", None, "congestion", "wrap", None, None, "reply", "fin"]


def table_entry(value):
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


TABLE = [table_entry(i) for i in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def step(frame_id, steps):
    return (frame_id - 1 + steps) % 0xFFFFFFFF + 1


class Ring:
    def __init__(self, capture):
        (magic, version, self.slots, self.arena_bytes, self.generation, self.route, self.first) = struct.unpack_from(
            "<8sIIQQII", capture)
        if magic != b"RTTLANE1" or version != 1 or self.slots & (self.slots - 1) or self.route == 0:
            raise ValueError("not a lane page")
        self.arena = PAGE + self.slots * SLOT
        if len(capture) != self.arena + self.arena_bytes + PAGE:
            raise ValueError("another size than the lane page says")
        self.lane, index_page = capture[:-PAGE], capture[-PAGE:]
        self.index = struct.unpack_from("<I", index_page)[0]
        self.wait = struct.unpack_from("<II", index_page, 128)

    def frames(self, arena_next):
        """Every frame from the index on; the places read are kept in self.covered."""
        out, self.covered = [], []
        for position in range(self.index, self.index + self.slots):
            at = PAGE + position % self.slots * SLOT
            commit = struct.unpack_from("<Q", self.lane, at + 8)[0]
            if commit != self.route | step(self.first, position) << 32:
                before = 0 if position < self.slots else self.route | step(self.first, position - self.slots) << 32
                if commit not in (0, before):
                    raise ValueError(f"position {position}: commit word {commit:016x}")
                break
            magic, flags, reserved, _, frame_id, length, crc = struct.unpack_from("<4sHHIIII", self.lane, at)
            if magic != b"RTT1" or reserved or flags >> 9 or flags & 4 or flags >> 5 & 3:
                raise ValueError(f"position {position}: header")
            start = at + HEADER
            if length > SLOT - HEADER:
                offset = 0 if flags & 16 else arena_next
                if flags & 16 and arena_next == 0:
                    raise ValueError(f"position {position}: wrap with nothing to skip")
                room = (length + 63) // 64 * 64
                if offset + room > self.arena_bytes:
                    raise ValueError(f"position {position}: passes the arena's end")
                arena_next = (offset + room) % self.arena_bytes
                start = self.arena + offset
            elif flags & 16:
                raise ValueError(f"position {position}: wrap in a slot")
            payload = self.lane[start:start + length]
            header = self.lane[at:at + 20] + b"\0\0\0\0"
            if crc != crc32c(header + payload):
                raise ValueError(f"position {position}: checksum")
            self.covered += [range(at, at + HEADER), range(start, start + length)]
            frame = {"position": position, "id": frame_id,
                     "flags": [name for bit, name in enumerate(FLAGS) if name and flags >> bit & 1]}
            if flags & 128:
                frame["reply_to"] = struct.unpack_from("<I", payload)[0]
                payload = payload[4:]
            text = payload.decode()
            frame["payload"] = text if len(text) <= 80 else {"bytes": len(text), "starts": text[:16], "ends": text[-16:]}
            out.append(frame)
        return out


def describe(capture, arena_next):
    ring = Ring(capture)
    return {"slots": ring.slots, "arena_bytes": ring.arena_bytes, "generation": ring.generation, "route": ring.route,
            "index": ring.index, "wait": list(ring.wait), "arena_next": arena_next, "frames": ring.frames(arena_next)}


def main():
    if sys.argv[1] == "--print":
        arena_next = int(sys.argv[4]) if sys.argv[3:4] == ["--arena"] else 0
        with gzip.open(sys.argv[2]) as file:
            print(json.dumps(describe(file.read(), arena_next), indent=1))
        return 0
    with gzip.open(sys.argv[1]) as file:
        capture = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = json.load(file)
    decoded = describe(capture, expected["arena_next"])
    if decoded != expected:
        print("decoded:", json.dumps(decoded, indent=1))
        return 1
    ring = Ring(capture)
    ring.frames(expected["arena_next"])
    places = [at for covered in ring.covered for at in covered]
    for at in places[::1 if len(places) < 3000 else 7]:
        damaged = bytearray(capture)
        damaged[at] ^= 0x10
        try:
            if Ring(bytes(damaged)).frames(expected["arena_next"]) == expected["frames"]:
                print(f"byte {at}: damage was not noticed")
                return 1
        except ValueError:
            pass
    print(f"{len(expected['frames'])} frames, every damaged byte noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
