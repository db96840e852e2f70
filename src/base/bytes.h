// SPDX-License-Identifier: Apache-2.0
// Bytes: views over raw memory and the little-endian loads and stores that wire and disk formats use.
//
// Thread: any.   Limits: the caller's buffer; out-of-range use is a programmer error (RTT_ASSERT).
//
// Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/assert.h"

namespace rtt {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Int>
  requires std::is_unsigned_v<Int>
Int load_le(ByteView bytes, std::size_t offset) {
  RTT_ASSERT(offset <= bytes.size() && sizeof(Int) <= bytes.size() - offset);
  Int value;  // every machine RTT builds on is little-endian
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <typename Int>
  requires std::is_unsigned_v<Int>
void store_le(MutableBytes bytes, std::size_t offset, Int value) {
  RTT_ASSERT(offset <= bytes.size() && sizeof(Int) <= bytes.size() - offset);
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace rtt
