#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a captured stream of frames by docs/formats/frame.md alone: nothing here comes from the C++ code.

    frame_decoder.py STREAM EXPECTED      the decoded frames must be those of EXPECTED (JSON)
    frame_decoder.py --print STREAM       prints that JSON

It then checks that each single flipped byte of the stream is noticed."""
import json
import struct
import sys

HEADER = struct.Struct("<IHHIIII")
FLAGS = ["error", "more", "control", "congestion", "wrap", None, None, "reply", "fin", "descriptors"]


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def table_entry(value):
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


TABLE = [table_entry(i) for i in range(256)]
assert crc32c(b"123456789") == 0xE3069283


def decode(stream):
    frames = []
    while stream:
        if len(stream) < HEADER.size:
            raise ValueError("truncated header")
        magic, flags, reserved, route, frame_id, length, crc = HEADER.unpack_from(stream)
        if magic != 0x31545452 or reserved or flags >> 10 or flags >> 5 & 3 == 3 or frame_id == 0:
            raise ValueError("bad header")
        payload = stream[HEADER.size:HEADER.size + length]
        if len(payload) < length:
            raise ValueError("truncated payload")
        covered = [HEADER.pack(magic, flags, 0, route, frame_id, length, 0) + payload,
                   HEADER.pack(magic, flags, 0, route, frame_id, length, 0), None][flags >> 5 & 3]
        if crc != (crc32c(covered) if covered is not None else 0):
            raise ValueError(f"checksum of frame {frame_id}")
        frame = {"route": route, "id": frame_id,
                 "flags": [name for bit, name in enumerate(FLAGS) if name and flags >> bit & 1]}
        if flags & 4:
            if payload[4:8] != b"RTTC":
                raise ValueError("control payload without its identifier")
            frame["bytes"] = length
        else:
            if flags & 128:
                frame["reply_to"] = struct.unpack_from("<I", payload)[0]
                payload = payload[4:]
            if flags & 512:
                frame["descriptors"] = struct.unpack_from("<I", payload)[0]
                payload = payload[4:]
            frame["payload"] = payload.decode()
        frames.append(frame)
        stream = stream[HEADER.size + length:]
    return frames


def main():
    if sys.argv[1] == "--print":
        with open(sys.argv[2], "rb") as file:
            print(json.dumps(decode(file.read()), indent=1))
        return 0
    with open(sys.argv[1], "rb") as file:
        stream = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = json.load(file)
    frames = decode(stream)
    if frames != expected:
        print("decoded:", json.dumps(frames, indent=1))
        return 1
    for at in range(len(stream)):
        damaged = bytearray(stream)
        damaged[at] ^= 0x10
        try:
            decode(bytes(damaged))
        except ValueError:
            continue
        print(f"byte {at}: damage was not noticed")
        return 1
    print(f"{len(frames)} frames, {len(stream)} bytes, every damaged byte noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
