// SPDX-License-Identifier: Apache-2.0
// CRC32C (Castagnoli, RFC 3720 appendix B.4), alone or fused into a copy.
//
// Four kernels, of which the best the processor has is chosen once: a table; the crc32 instruction in three
// interleaved streams (28 GB/s, one stream is bound by its latency of 3 cycles to 10); carry-less
// multiplication over 4 x 128 bits (30); over 4 x 512 bits (120). All give the same result (crc32c_test).
// copy_crc32c reads each source byte once and checksums the very value it stores, so a peer that rewrites
// shared memory meanwhile cannot make the checksum speak of other bytes than the copy holds; against a copy
// alone it costs 6 %. Feed parts by passing the previous result as `seed`.
//
// Thread: any.   Units: bytes.   Fails: never.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace rtt {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);
std::uint32_t crc32c_table(ByteView bytes, std::uint32_t seed = 0);
// Copies `from` to the front of `to`; the checksum of what was copied. REQUIRES: no overlap, `to` is large
// enough.
std::uint32_t copy_crc32c(MutableBytes to, ByteView from, std::uint32_t seed = 0);

// As copy_crc32c, for memory that another core reads next: large copies go around this core's cache, so that
// no line is fetched from the reader's cache only to be overwritten (64 KiB there and back: 12 µs against
// 27). What is stored after the call is seen after the bytes.
inline constexpr std::size_t kSendBytesMin =
    4096;  // below, the reader finds them sooner in this core's cache
std::uint32_t send_crc32c(MutableBytes to, ByteView from, std::uint32_t seed = 0);

// copy_crc32c with 24 bytes before `from` that are not copied: a frame's header and payload in one call,
// which for small frames is half of what a second one would add.
using Crc32cHead = std::array<std::uint64_t, 3>;
std::uint32_t copy_crc32c(MutableBytes to, ByteView from, const Crc32cHead& head);

struct Crc32cKernel {
  std::string_view name;
  bool (*runs_here)();
  std::uint32_t (*checksum)(ByteView bytes, std::uint32_t seed);
  std::uint32_t (*copy)(MutableBytes to, ByteView from, std::uint32_t seed);
  std::uint32_t (*send)(MutableBytes to, ByteView from, std::uint32_t seed);
};
std::span<const Crc32cKernel> crc32c_kernels();  // slowest first; the last that runs here is the chosen one

}  // namespace rtt
