// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104) under a local key: receipts name arguments and results by it, so that two equal
// secrets in two calls cannot be told from the outside and nothing can be guessed back from a hash.
//
// Thread: any.   Fails: never.
#pragma once

#include <array>

#include "base/id.h"

namespace rtt::crypto {

using MacKey = std::array<std::byte, 32>;
Digest hmac_sha256(const MacKey& key, ByteView message);

}  // namespace rtt::crypto
