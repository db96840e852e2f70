// SPDX-License-Identifier: Apache-2.0
// HashFile: what is kept of a segment whose records were compacted away: the hash of each
// (docs/formats/journal.md).
//
// 32 bytes a record leave the root computable, every later record provable, and a copy of a record kept
// elsewhere too: that a hash stands in its place is what the tree and the next signed checkpoint say.
//
// Thread: any (pure).   Fails: decode returns nothing for whatever is not whole.   Limits: the caller's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"

namespace rtt::journal {

struct HashFile {
  Seq first_seq;
  Digest prev;  // hash of the record before the first; zeros in the first of all
  std::vector<Digest> hashes;
  friend bool operator==(const HashFile&, const HashFile&) = default;
};
inline constexpr std::size_t kHashFileHeaderBytes = 64;

Bytes encode_hash_file(const HashFile& file);
std::optional<HashFile> decode_hash_file(ByteView input);

std::string hash_file_name(Seq first_seq);  // 0000000000000001.hsh
std::optional<Seq> parse_hash_file_name(std::string_view name);

}  // namespace rtt::journal
