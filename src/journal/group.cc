// SPDX-License-Identifier: Apache-2.0
#include "journal/group.h"

#include "journal/record.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

constexpr std::string_view kBatch = "batch";
constexpr std::size_t kBatchBytesMax = std::string_view(R"("batch":9007199254740991,)").size();

// The first byte behind the string that begins at `at`.
std::size_t behind_string(std::string_view text, std::size_t at) {
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// Where the member `batch` belongs in the canonical text of an object: before the first member whose key is
// larger. Keys are sorted by UTF-16 units; what is not a plain character sorts against `batch` as its bytes
// do.
std::size_t place_of_batch(std::string_view text) {
  std::size_t depth = 0;
  bool key_next = true;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t end = behind_string(text, at);
      if (depth == 1 && key_next && text.substr(at + 1, end - at - 2) > kBatch) return at;
      key_next = false;
      at = end;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 1) key_next = true;
    ++at;
  }
  return text.size() - 1;
}

std::string with_batch(const ReadyRecord& record, Seq first) {
  const bool empty = record.text.size() == 2;
  const bool at_end = record.batch_at == record.text.size() - 1;
  std::string member = "\"batch\":" + std::to_string(first.value);
  if (!empty) member = at_end ? "," + member : member + ",";
  std::string text;
  text.reserve(record.text.size() + member.size());
  text.append(record.text, 0, record.batch_at);
  text += member;
  text.append(record.text, record.batch_at);
  return text;
}

}  // namespace

std::size_t ReadyRecord::bytes_max() const {
  return padded(kRecordHeaderBytes + text.size() + kBatchBytesMax);
}

Result<ReadyRecord> make_ready(NewRecord record) {
  RTT_ASSERT(record.payload.is_object());
  record.payload.as_object().erase(std::string(kBatch));
  ReadyRecord ready{.type = record.type, .text = text::canonical_json(record.payload)};
  if (ready.text.size() + kBatchBytesMax > limits::kRecordPayloadBytesMax) {
    return fail(Code::kTooLarge, "a journal record of " + std::to_string(ready.text.size()) +
                                     " bytes is over the limit of " +
                                     std::to_string(limits::kRecordPayloadBytesMax - kBatchBytesMax));
  }
  ready.batch_at = place_of_batch(ready.text);
  return ready;
}

Result<std::vector<ReadyRecord>> make_ready(std::vector<NewRecord> records) {
  std::vector<ReadyRecord> ready;
  ready.reserve(records.size());
  for (NewRecord& record : records) {
    RTT_TRY_SET(ReadyRecord one, make_ready(std::move(record)));
    ready.push_back(std::move(one));
  }
  return ready;
}

std::vector<Digest> encode_group(Bytes& out, const Link& last, std::span<const ReadyRecord> records) {
  std::vector<Digest> hashes;
  hashes.reserve(records.size());
  const Seq first{last.seq.value + 1};
  Digest prev = last.hash;
  for (const ReadyRecord& record : records) {
    const RecordHead head{.seq = {first.value + hashes.size()}, .type = record.type, .prev = prev};
    prev = encode_record(out, head, hashes.empty() ? record.text : with_batch(record, first));
    hashes.push_back(prev);
  }
  return hashes;
}

}  // namespace rtt::journal
