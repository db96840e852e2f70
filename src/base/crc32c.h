// SPDX-License-Identifier: Apache-2.0
// CRC32C (Castagnoli, RFC 3720 appendix B.4). Uses SSE4.2 where the processor has it, else a table; both give
// the same result (crc32c_test). Feed parts by passing the previous result as `seed`.
//
// Thread: any.   Fails: never.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rtt {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);
std::uint32_t crc32c_table(ByteView bytes, std::uint32_t seed = 0);

}  // namespace rtt
