// SPDX-License-Identifier: Apache-2.0
// The letters of an address: which bytes each part may hold, percent coding of names, and cutting a text into
// its raw parts. Shared by addresses and patterns so that both always agree about where a part begins and
// ends.
//
// Thread: any (pure functions).   Fails: kBadAddress with where = "column N".   Limits: kNameBytesMax a part.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rtt::model {

// A part as written and the 1-based column it starts at.
struct RawPart {
  std::string_view text;
  std::size_t column = 1;
};

struct RawAddress {
  RawPart ns, type, name;
  std::optional<RawPart> version, variant, query;
};
Result<RawAddress> cut_address(std::string_view text);

enum class Stars : std::uint8_t { kRefused, kAllowed };

// namespace, variant, capability: [a-z0-9][a-z0-9._-]*. `what` names the part in the message.
Status check_word(const RawPart& part, std::string_view what, Stars stars);
// The bytes a name stands for.
Result<std::string> decode_name(const RawPart& part);
// Canonical spelling of decoded bytes: what needs no escape stays, the rest is %XX in upper case.
std::string encode_name(std::string_view decoded);
// A name pattern in canonical spelling: each stretch between stars decoded and encoded again.
Result<std::string> canonical_name_pattern(const RawPart& part);

std::unexpected<Error> bad_address(std::size_t column, std::string message, std::string hint = {});

}  // namespace rtt::model
