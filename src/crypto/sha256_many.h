// SPDX-License-Identifier: Apache-2.0
// sha256_many: the hashes of many independent short messages, two side by side in one core.
//
// One message keeps SHA-NI waiting: each round needs the one before, 4 cycles later, and a second chain of
// rounds fits into the gap. So two messages take hardly more time than one (400 bytes: 170 ns each against
// 320, 65 bytes: 60 against 110, 33 bytes: 42 against 73), which OpenSSL has no call for. Only the block
// function is ours; where there is no SHA-NI, OpenSSL hashes one after the other, and the tests hold the two
// together.
//
// Thread: any (pure).   Fails: never.   Limits: none.
#pragma once

#include <span>

#include "base/id.h"

namespace rtt::crypto {

// hashes[i] = sha256(messages[i]).   REQUIRES: as many of one as of the other.
void sha256_many(std::span<const ByteView> messages, std::span<Digest> hashes);

}  // namespace rtt::crypto
