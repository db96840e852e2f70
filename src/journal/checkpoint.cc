// SPDX-License-Identifier: Apache-2.0
#include "journal/checkpoint.h"

#include <algorithm>

#include "crypto/sha256.h"
#include "journal/record.h"
#include "model/contract.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

using text::Json;

constexpr std::size_t kFrontierMax = 64;

std::unexpected<Error> damaged(Seq seq, const std::string& what) {
  return fail(Code::kJournalDamaged, "CHECKPOINT record " + std::to_string(seq.value) + " " + what,
              "seq " + std::to_string(seq.value), "rtt audit --verify");
}

}  // namespace

Digest digest_of(const Checkpoint& checkpoint) {
  return crypto::sha256(
      text::canonical_json(Json::object({{"graph_root", to_string(checkpoint.graph_root)},
                                         {"journal_root", to_string(checkpoint.journal_root)},
                                         {"seq", checkpoint.seq.value},
                                         {"state", to_string(checkpoint.state)}})));
}

Json to_json(const Checkpoint& checkpoint) {
  Json frontier(text::JsonArray{});
  for (const Digest& hash : checkpoint.frontier) frontier.push(to_string(hash));
  return Json::object({{"frontier", std::move(frontier)},
                       {"graph_root", to_string(checkpoint.graph_root)},
                       {"journal_root", to_string(checkpoint.journal_root)},
                       {"seq", checkpoint.seq.value},
                       {"sign", model::sign_records_to_json(checkpoint.sign)},
                       {"state", to_string(checkpoint.state)}});
}

Result<Checkpoint> checkpoint_from_json(const Json& payload, Seq own_seq) {
  const auto seq = seq_member(payload, "seq");
  const auto graph = parse_digest(payload.string_or("graph_root"));
  const auto root = parse_digest(payload.string_or("journal_root"));
  const auto state = parse_digest(payload.string_or("state"));
  const Json *frontier = payload.find("frontier"), *sign = payload.find("sign");
  if (!seq || !graph || !root || !state || frontier == nullptr || !frontier->is_array() || sign == nullptr ||
      frontier->as_array().size() > kFrontierMax) {
    return damaged(own_seq, "lacks a field");
  }
  Checkpoint checkpoint{
      .seq = *seq, .graph_root = *graph, .journal_root = *root, .state = *state, .frontier = {}, .sign = {}};
  for (const Json& hash : frontier->as_array()) {
    const auto digest = hash.is_string() ? parse_digest(hash.as_string()) : std::nullopt;
    if (!digest) return damaged(own_seq, "has a frontier of something else than hashes");
    checkpoint.frontier.push_back(*digest);
  }
  RTT_TRY_SET(checkpoint.sign,
              model::sign_records_from_json(*sign, "CHECKPOINT " + std::to_string(own_seq.value)));
  if (checkpoint.seq.value + 1 != own_seq.value) return damaged(own_seq, "speaks of another place");
  const auto tree = crypto::MerkleTree::from_hashes(checkpoint.seq.value, checkpoint.frontier);
  if (!tree || tree->root() != checkpoint.journal_root)
    return damaged(own_seq, "has a frontier that does not lead to its root");
  return checkpoint;
}

crypto::MerkleTree tree_of(const Checkpoint& checkpoint) {
  const auto tree = crypto::MerkleTree::from_hashes(checkpoint.seq.value, checkpoint.frontier);
  RTT_ASSERT(tree.has_value());
  return *tree;
}

std::string encode_places(std::span<const CheckpointPlace> places) {
  Json list(text::JsonArray{});
  for (const CheckpointPlace& place : places) {
    list.push(Json::object({{"offset", place.offset},
                            {"segment", place.segment},
                            {"seq", place.seq.value},
                            {"state", to_string(place.state)}}));
  }
  const std::string sum = to_string(crypto::sha256(text::canonical_json(list)));
  return text::canonical_json(Json::object({{"checkpoints", std::move(list)}, {"sum", sum}}));
}

std::vector<CheckpointPlace> decode_places(std::string_view text) {
  const auto json = text::parse_json(text);
  const Json* list = json ? json->find("checkpoints") : nullptr;
  std::vector<CheckpointPlace> places;
  if (list == nullptr || !list->is_array()) return places;
  if (json->string_or("sum") != to_string(crypto::sha256(text::canonical_json(*list)))) return places;
  for (const Json& one : list->as_array()) {
    const auto seq = seq_member(one, "seq");
    const auto state = parse_digest(one.string_or("state"));
    const std::int64_t offset = one.int_or("offset", -1);
    const std::string segment(one.string_or("segment"));
    if (!seq || !state || offset < 0 || !parse_segment_name(segment) || places.size() == kCheckpointsKept)
      return {};
    places.push_back(
        {.seq = *seq, .state = *state, .segment = segment, .offset = static_cast<std::uint64_t>(offset)});
  }
  return places;
}

}  // namespace rtt::journal
