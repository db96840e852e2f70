// SPDX-License-Identifier: Apache-2.0
// A contract that reads, from JSON or Markdown, reads back from its object with the same hash; one that does
// not has a problem that says where.
#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/sha256.h"
#include "model/contract.h"
#include "text/json_canonical.h"

int fuzz_one(std::span<const std::byte> input);

namespace {
using namespace rtt::model;

enum class Empty : std::uint8_t { kAllowed, kRefused };

void check(const ReadOutcome& outcome, Empty empty) {
  RTT_ASSERT(empty == Empty::kAllowed || !outcome.contracts.empty() || !outcome.problems.empty());
  for (const Problem& problem : outcome.problems) {
    RTT_ASSERT(problem.file == "fuzz" && !problem.message.empty());
    std::ignore = to_string(problem);
  }
  for (const Contract& contract : outcome.contracts) {
    RTT_ASSERT(contract.object.find("sign") == nullptr);
    const auto again = contract_from_object(contract.object, "again");
    RTT_ASSERT(again && again->hash == contract.hash && again->saddr == contract.saddr);
    RTT_ASSERT(again->requirements == contract.requirements && again->agent == contract.agent);
    // The stored bytes read back as the object: nothing in it is outside strict JSON.
    const std::string bytes = rtt::text::canonical_json(contract.object);
    const auto parsed = rtt::text::parse_json(bytes, {.bytes_max = std::string::npos});
    RTT_ASSERT(parsed == contract.object && rtt::crypto::sha256(bytes) == contract.hash);
  }
}
}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  const std::string_view text = rtt::as_text(input);
  for (const Strictness strictness : {Strictness::kStrict, Strictness::kRelaxed}) {
    check(read_manifest(text, "fuzz", strictness),
          text.find("contracts") == std::string_view::npos ? Empty::kRefused : Empty::kAllowed);
    for (const SymbolType type : {SymbolType::kAgent, SymbolType::kSkill}) {
      check(read_markdown(text, "fuzz", type, strictness), Empty::kRefused);
    }
  }
  return 0;
}
