// SPDX-License-Identifier: Apache-2.0
#include "journal/checkpoint_writer.h"

#include "journal/checkpoint.h"

namespace rtt::journal {

Status write_checkpoint(Storage& storage, Writer& writer, const Journal::NewCheckpoint& what,
                        const crypto::SecretKey& key, std::vector<CheckpointPlace>& places) {
  if (writer.last_seq() != what.seq)
    return fail(Code::kBusy, "the journal has gone on beyond record " + std::to_string(what.seq.value));
  Checkpoint checkpoint{.seq = what.seq,
                        .graph_root = what.graph_root,
                        .journal_root = writer.root(),
                        .state = what.state,
                        .frontier = {},
                        .sign = {}};
  for (const crypto::MerkleTree::Node& node : writer.tree().nodes()) checkpoint.frontier.push_back(node.hash);
  checkpoint.sign.push_back(crypto::sign(key, crypto::SignKind::kCheckpoint, digest_of(checkpoint)));
  text::Json payload = to_json(checkpoint);
  payload.set("ts", what.ts);
  payload.set("who", what.who);
  RTT_TRY_SET(const ReadyRecord record,
              make_ready({.type = RecordType::kCheckpoint, .payload = std::move(payload)}));
  RTT_TRY(writer.append({&record, 1}));
  std::vector<CheckpointPlace> now{{.seq = what.seq,
                                    .state = what.state,
                                    .segment = writer.place().segment,
                                    .offset = writer.place().offset}};
  for (const CheckpointPlace& place : places) {
    if (now.size() < kCheckpointsKept) now.push_back(place);
  }
  places = std::move(now);
  return storage.save(std::string(kPlacesName), as_bytes(encode_places(places)));
}

}  // namespace rtt::journal
