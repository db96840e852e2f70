// SPDX-License-Identifier: Apache-2.0
#include "receipts/batch.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::receipts {
namespace {

using text::Json;

constexpr std::uint32_t kMagic = 0x52545452;  // "RTTR"
constexpr std::size_t kMagicAt = 0, kLengthAt = 4, kCrcAt = 8, kCountAt = 12, kFirstAt = 16, kTimeAt = 24,
                      kLostAt = 32, kSubjectBytesAt = 40, kReservedAt = 44, kPrevAt = 48, kRootAt = 80,
                      kKeyAt = 112, kSignatureAt = 120, kHeaderBytes = 184;
constexpr std::size_t kKeyIdBytes = 8;
static_assert(kSignatureAt + 64 == kHeaderBytes && kHeaderBytes % 8 == 0 && kReceiptBytes % 8 == 0);
constexpr std::size_t kWordBytesMax = 1024;  // of a subject: what a client calls its method has no limit
// The subjects that made a batch full may be one over the limit.
constexpr std::size_t kSubjectsTextMax = kSubjectsBytesMax + 8 * kWordBytesMax;
constexpr std::size_t kBlockBytesMax = kHeaderBytes + kReceiptsPerBatchMax * kReceiptBytes + kSubjectsTextMax;

std::size_t padded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }

Digest load_digest(ByteView bytes, std::size_t at) {
  Digest digest;
  std::ranges::copy(bytes.subspan(at, digest.bytes.size()), digest.bytes.begin());
  return digest;
}
void store_digest(MutableBytes into, std::size_t at, const Digest& digest) {
  std::ranges::copy(digest.bytes, into.subspan(at).begin());
}

std::string clipped(const std::string& word) {
  if (word.size() <= kWordBytesMax) return word;
  std::size_t end = kWordBytesMax;
  while (end > 0 && (static_cast<unsigned char>(word[end]) & 0xC0U) == 0x80U) --end;
  return word.substr(0, end);
}

std::string subjects_text(const std::vector<Subject>& subjects) {
  Json array(text::JsonArray{});
  for (const Subject& subject : subjects) array.push(to_json(subject));
  return text::canonical_json(array);
}

Json seal_body(const Seal& seal) {
  return Json::object({{"at_us", seal.at_us},
                       {"count", seal.count},
                       {"first", seal.first},
                       {"lost", seal.lost},
                       {"prev", to_string(seal.prev)},
                       {"root", to_string(seal.root)},
                       {"subjects", to_string(seal.subjects)}});
}

std::vector<Digest> leaves_of(const Batch& batch) {
  std::vector<Digest> leaves;
  leaves.reserve(batch.seal.count);
  for (std::size_t at = 0; at < batch.receipts.size(); at += kReceiptBytes)
    leaves.push_back(crypto::merkle_leaf(batch.receipts.subspan(at, kReceiptBytes)));
  return leaves;
}

void store_signature(MutableBytes block, const crypto::SignRecord& record) {
  const auto id = from_hex(record.key_id);
  RTT_ASSERT(id && id->size() == kKeyIdBytes);
  std::ranges::copy(*id, block.subspan(kKeyAt).begin());
  std::ranges::copy(record.signature.bytes, block.subspan(kSignatureAt).begin());
}

std::vector<crypto::SignRecord> load_signature(ByteView block) {
  const ByteView id = block.subspan(kKeyAt, kKeyIdBytes);
  if (std::ranges::all_of(id, [](std::byte byte) { return byte == std::byte{0}; })) return {};
  crypto::SignRecord record{.key_id = to_hex(id), .signature = {}};
  std::ranges::copy(block.subspan(kSignatureAt, 64), record.signature.bytes.begin());
  return {record};
}

std::optional<std::vector<Subject>> load_subjects(std::string_view text) {
  const auto json = text::parse_json(text, {.source_name = "receipts", .bytes_max = kSubjectsTextMax});
  if (!json || !json->is_array()) return std::nullopt;
  std::vector<Subject> subjects;
  for (const Json& one : json->as_array()) {
    auto subject = subject_from_json(one);
    if (!subject) return std::nullopt;
    subjects.push_back(*std::move(subject));
  }
  return subjects;
}

}  // namespace

Digest digest_of(const Seal& seal) { return crypto::sha256(text::canonical_json(seal_body(seal))); }

Json to_json(const Seal& seal) {
  Json json = seal_body(seal);
  json.set("seal", to_string(digest_of(seal)));
  Json sign(text::JsonArray{});
  for (const crypto::SignRecord& record : seal.sign) {
    sign.push(Json::object(
        {{"alg", "ed25519"}, {"key_id", record.key_id}, {"sig", to_base64(record.signature.bytes)}}));
  }
  json.set("sign", std::move(sign));
  return json;
}

std::optional<Batch> decode(ByteView input) {
  if (input.size() < kHeaderBytes || load_le<std::uint32_t>(input, kMagicAt) != kMagic) return std::nullopt;
  const std::size_t length = load_le<std::uint32_t>(input, kLengthAt);
  const std::size_t count = load_le<std::uint32_t>(input, kCountAt);
  const std::size_t subject_bytes = load_le<std::uint32_t>(input, kSubjectBytesAt);
  if (length > input.size() || length > kBlockBytesMax || count == 0 || count > kReceiptsPerBatchMax ||
      subject_bytes > kSubjectsTextMax) {
    return std::nullopt;
  }
  const std::size_t body = kHeaderBytes + count * kReceiptBytes + subject_bytes;
  if (length != padded(body) || load_le<std::uint32_t>(input, kReservedAt) != 0) return std::nullopt;
  const ByteView block = input.first(length);
  if (crc32c(block.subspan(kCountAt)) != load_le<std::uint32_t>(block, kCrcAt)) return std::nullopt;
  const ByteView subjects = block.subspan(kHeaderBytes + count * kReceiptBytes, subject_bytes);
  auto loaded = load_subjects(as_text(subjects));
  if (!loaded) return std::nullopt;
  Batch batch{.seal = {.first = load_le<std::uint64_t>(block, kFirstAt),
                       .count = count,
                       .lost = load_le<std::uint64_t>(block, kLostAt),
                       .at_us = static_cast<std::int64_t>(load_le<std::uint64_t>(block, kTimeAt)),
                       .prev = load_digest(block, kPrevAt),
                       .root = load_digest(block, kRootAt),
                       .subjects = crypto::sha256(subjects),
                       .sign = load_signature(block)},
              .subjects = *std::move(loaded),
              .receipts = block.subspan(kHeaderBytes, count * kReceiptBytes),
              .bytes = length};
  for (std::uint64_t i = 0; i < count; ++i) {
    if (batch.at(i).subject >= batch.subjects.size()) return std::nullopt;
  }
  return batch;
}

bool is_cut_short(ByteView rest) {
  if (rest.size() < kHeaderBytes) return true;
  const std::size_t length = load_le<std::uint32_t>(rest, kLengthAt);
  return load_le<std::uint32_t>(rest, kMagicAt) == kMagic && length > rest.size() && length <= kBlockBytesMax;
}

std::string check(const Batch& batch) {
  crypto::MerkleTree tree;
  for (std::uint64_t i = 0; i < batch.seal.count; ++i) {
    if (batch.at(i).index != batch.seal.first + i) return "its receipts are not numbered as its seal says";
    tree.append_leaf(crypto::merkle_leaf(
        batch.receipts.subspan(static_cast<std::size_t>(i) * kReceiptBytes, kReceiptBytes)));
  }
  if (tree.root() != batch.seal.root) return "its receipts do not have the root that was sealed";
  return {};
}

std::vector<Digest> path_of(const Batch& batch, std::uint64_t i) {
  return crypto::merkle_path(leaves_of(batch), static_cast<std::size_t>(i));
}

void BatchBuilder::clear() {
  block_.resize(kHeaderBytes);
  std::ranges::fill(block_, std::byte{0});
  tree_ = crypto::MerkleTree();
  subjects_.clear();
  known_ = {};
  last_ = 0;
  subject_bytes_ = 2;
}

std::uint16_t BatchBuilder::subject_index(const Subject& subject) {
  if (!subjects_.empty() && subjects_[last_] == subject) return last_;
  const Subject kept{.who = clipped(subject.who),
                     .to = clipped(subject.to),
                     .method = clipped(subject.method),
                     .pin = subject.pin};
  std::string key = text::canonical_json(to_json(kept));
  if (const std::uint16_t* const found = known_.find(key)) return last_ = *found;
  last_ = static_cast<std::uint16_t>(subjects_.size());
  subject_bytes_ += key.size() + 1;
  subjects_.push_back(kept);
  known_.set(std::move(key), last_);
  return last_;
}

void BatchBuilder::add(std::uint64_t index, Receipt receipt, const Subject& subject) {
  RTT_ASSERT(!full());
  if (count() == 0) first_ = index;
  receipt.index = index;
  receipt.subject = subject_index(subject);
  const std::size_t at = block_.size();
  block_.resize(at + kReceiptBytes);
  const MutableBytes bytes = MutableBytes(block_).subspan(at);
  store(bytes, receipt);
  tree_.append_leaf(crypto::merkle_leaf(bytes));
}

ByteView BatchBuilder::close(const Closing& closing) {
  RTT_ASSERT(count() > 0);
  const std::string subjects = subjects_text(subjects_);
  seal_ = {.first = first_,
           .count = count(),
           .lost = closing.lost,
           .at_us = closing.at_us,
           .prev = closing.prev,
           .root = tree_.root(),
           .subjects = crypto::sha256(subjects),
           .sign = {}};
  if (closing.key != nullptr)
    seal_.sign.push_back(crypto::sign(*closing.key, crypto::SignKind::kReceipt, digest_of(seal_)));
  block_.resize(kHeaderBytes + count() * kReceiptBytes);
  const ByteView words = as_bytes(subjects);
  block_.insert(block_.end(), words.begin(), words.end());
  block_.resize(padded(block_.size()));
  const MutableBytes block(block_);
  store_le(block, kMagicAt, kMagic);
  store_le(block, kLengthAt, static_cast<std::uint32_t>(block.size()));
  store_le(block, kCountAt, static_cast<std::uint32_t>(count()));
  store_le(block, kFirstAt, first_);
  store_le(block, kTimeAt, static_cast<std::uint64_t>(closing.at_us));
  store_le(block, kLostAt, closing.lost);
  store_le(block, kSubjectBytesAt, static_cast<std::uint32_t>(subjects.size()));
  store_digest(block, kPrevAt, closing.prev);
  store_digest(block, kRootAt, seal_.root);
  if (!seal_.sign.empty()) store_signature(block, seal_.sign.front());
  store_le(block, kCrcAt, crc32c(block.subspan(kCountAt)));
  return block_;
}

}  // namespace rtt::receipts
