// SPDX-License-Identifier: Apache-2.0
// `[document, patch]`: a patch that applies gives a document that can be written and read back; one that does
// not says which operation; merging the same patch twice is merging it once.
#include "base/assert.h"
#include "base/bytes.h"
#include "text/json_patch.h"

int fuzz_one(std::span<const std::byte> input);

namespace {
using namespace rtt::text;

void must_read_back(const Json& value) {
  RTT_ASSERT(parse_json(to_json(value), {.bytes_max = std::string::npos}) == value);
}

void apply(const Json& document, const Json& patch) {
  const auto read = JsonPatch::read(patch, {.operations_max = 100, .written_bytes_max = 1 << 16});
  if (!read) {
    RTT_ASSERT(!read.error().message.empty());
    RTT_ASSERT(read.error().where.empty() || find_pointer(patch, *parse_pointer(read.error().where)));
    return;
  }
  const auto done = read->apply(document);
  RTT_ASSERT(read->apply(document).has_value() == done.has_value());
  if (!done) {
    RTT_ASSERT(find_pointer(patch, *parse_pointer(done.error().where)) != nullptr);
    return;
  }
  must_read_back(*done);
}
}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = rtt::as_text(input);
  if (const auto pointer = parse_pointer(text)) RTT_ASSERT(to_pointer(*pointer) == text);
  const auto both = parse_json(text);
  if (!both || !both->is_array() || both->as_array().size() != 2) return 0;
  const Json& document = both->as_array()[0];
  const Json& patch = both->as_array()[1];
  apply(document, patch);
  const auto merged = merge_patch(document, patch);
  RTT_ASSERT(merged.has_value());  // nothing that was read is too deep
  must_read_back(*merged);
  RTT_ASSERT(merge_patch(*merged, patch) == merged);
  return 0;
}
