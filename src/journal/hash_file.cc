// SPDX-License-Identifier: Apache-2.0
#include "journal/hash_file.h"

#include <algorithm>

#include "base/crc32c.h"
#include "journal/record.h"

namespace rtt::journal {
namespace {

constexpr std::string_view kMagic = "RTTHSH01", kSuffix = ".hsh", kSegmentSuffix = ".seg";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kVersionAt = 8, kCrcAt = 12, kFirstSeqAt = 16, kCountAt = 24, kPrevAt = 32;
static_assert(kPrevAt + sizeof(Digest) == kHashFileHeaderBytes);

Digest digest_at(ByteView bytes, std::size_t at) {
  Digest digest;
  std::ranges::copy(bytes.subspan(at, sizeof digest.bytes), digest.bytes.begin());
  return digest;
}

}  // namespace

Bytes encode_hash_file(const HashFile& file) {
  Bytes out(kHashFileHeaderBytes + file.hashes.size() * sizeof(Digest));
  std::ranges::copy(as_bytes(kMagic), out.begin());
  store_le(MutableBytes(out), kVersionAt, kVersion);
  store_le(MutableBytes(out), kFirstSeqAt, file.first_seq.value);
  store_le(MutableBytes(out), kCountAt, std::uint64_t{file.hashes.size()});
  std::ranges::copy(file.prev.bytes, out.begin() + kPrevAt);
  auto at = out.begin() + kHashFileHeaderBytes;
  for (const Digest& hash : file.hashes) at = std::ranges::copy(hash.bytes, at).out;
  store_le(MutableBytes(out), kCrcAt, crc32c(out));
  return out;
}

std::optional<HashFile> decode_hash_file(ByteView input) {
  if (input.size() < kHashFileHeaderBytes || (input.size() - kHashFileHeaderBytes) % sizeof(Digest) != 0)
    return std::nullopt;
  Bytes copy(input.begin(), input.end());
  const auto crc = load_le<std::uint32_t>(copy, kCrcAt);
  store_le(MutableBytes(copy), kCrcAt, std::uint32_t{0});
  const std::size_t count = (input.size() - kHashFileHeaderBytes) / sizeof(Digest);
  const bool whole = count > 0 && crc32c(copy) == crc && as_text(input.first(kMagic.size())) == kMagic &&
                     load_le<std::uint32_t>(input, kVersionAt) == kVersion &&
                     load_le<std::uint64_t>(input, kCountAt) == count;
  if (!whole) return std::nullopt;
  HashFile file{.first_seq = {load_le<std::uint64_t>(input, kFirstSeqAt)}, .prev = digest_at(input, kPrevAt)};
  file.hashes.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    file.hashes.push_back(digest_at(input, kHashFileHeaderBytes + i * sizeof(Digest)));
  return file;
}

std::string hash_file_name(Seq first_seq) {
  std::string name = segment_name(first_seq);
  name.replace(name.size() - kSegmentSuffix.size(), kSegmentSuffix.size(), kSuffix);
  return name;
}

std::optional<Seq> parse_hash_file_name(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  return parse_segment_name(std::string(name.substr(0, name.size() - kSuffix.size())) +
                            std::string(kSegmentSuffix));
}

}  // namespace rtt::journal
