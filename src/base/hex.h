// SPDX-License-Identifier: Apache-2.0
// Hex and Base64 (RFC 4648, padded), strict on input: no white space, lower-case hex only, canonical padding
// bits.
//
// Thread: any.   Fails: from_*: nothing is returned.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rtt {

std::string to_hex(ByteView bytes);
std::optional<Bytes> from_hex(std::string_view text);
std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace rtt
