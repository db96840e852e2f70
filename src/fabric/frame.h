// SPDX-License-Identifier: Apache-2.0
// Frame: the 24-byte header every lane carries (docs/formats/frame.md).
//
//     u32 magic "RTT1" · u16 flags · u16 reserved=0 · u32 route_id · u32 frame_id · u32 len · u32 crc32c
//     payload[len]
//
// Little-endian. The CRC covers the header with crc=0, then the payload as far as flag bits 5–6 say; with
// coverage "none" the crc field is 0, so that flipping a bit into that coverage does not make a damaged frame
// pass.
//
// Owns: nothing.   Thread: any.   Units: bytes.   Fails: kFrame with the reason (magic, flags, reserved,
// frame id 0, length, crc).   Limits: the caller's payload_bytes_max.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace rtt::fabric {

inline constexpr std::uint32_t kMagic = 0x31545452;  // bytes 52 54 54 31
inline constexpr std::size_t kHeaderBytes = 24;

enum Flag : std::uint16_t {
  kErrorReply = 1 << 0,
  kMore = 1 << 1,
  kControl = 1 << 2,
  kCongestion = 1 << 3,
  kArenaWrap = 1 << 4,
  kCoverHeader = 1 << 5,  // bits 5–6: 0 header+payload, 1 header, 2 none
  kCoverNone = 2 << 5,
  kReply = 1 << 7,  // payload begins with the request's frame_id (u32)
  kFin = 1 << 8,
  kDescriptors = 1 << 9,  // their number (u32) stands at the payload's start, behind a reply's frame_id
};
inline constexpr std::uint16_t kCoverageMask = 3 << 5;
inline constexpr std::uint16_t kKnownFlags = 0x3ff;

struct Header {
  std::uint16_t flags = 0;
  std::uint32_t route_id = 0;
  std::uint32_t frame_id = 0;
  std::uint32_t len = 0;
  std::uint32_t crc = 0;
};

// Fills len and crc. REQUIRES: known flags, payload under 4 GiB.
std::array<std::byte, kHeaderBytes> encode_header(Header header, ByteView payload);
Result<Header> decode_header(ByteView bytes, std::size_t payload_bytes_max);  // all but the crc
[[nodiscard]] bool crc_matches(ByteView header, ByteView payload);
std::uint32_t next_frame_id(std::uint32_t id);  // wraps, skips 0

}  // namespace rtt::fabric
