// SPDX-License-Identifier: Apache-2.0
// Digest and the numeric ids: types that cannot be mixed up.
//
// Digest is a SHA-256 value. Written form `sha256-<64 hex>`; `sha256:<hex>` is accepted on input; bare hex
// names object files. Thread: any (values).
//
// Fails: parse_*: nothing is returned.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rtt {

struct Digest {
  std::array<std::byte, 32> bytes{};

  friend auto operator<=>(const Digest&, const Digest&) = default;
  [[nodiscard]] bool is_zero() const { return *this == Digest{}; }
};

std::string to_string(const Digest& digest);                  // sha256-…
std::string bare_hex(const Digest& digest);                   // 64 hex
std::optional<Digest> parse_digest(std::string_view text);    // sha256-… or sha256:…
std::optional<Digest> parse_bare_hex(std::string_view text);  // 64 hex

template <typename Tag, typename Int>
struct Id {
  Int value{};
  friend auto operator<=>(const Id&, const Id&) = default;
};

using RouteId = Id<struct RouteIdTag, std::uint32_t>;  // 0 = control
using Seq = Id<struct SeqTag, std::uint64_t>;          // 0 = before the first record

}  // namespace rtt
