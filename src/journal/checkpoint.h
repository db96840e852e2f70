// SPDX-License-Identifier: Apache-2.0
// Checkpoint: what a CHECKPOINT record says, as a value (docs/formats/journal.md): up to `seq` the journal
// has this root and leads to this graph, signed. Whoever trusts the signature begins reading behind it.
//
// `state` names what the owner of the journal keeps beside it to begin from here; the journal does not know
// what that is. The frontier is what the tree needs to grow on; it proves itself by leading to the signed
// root.
//
// Thread: any (values).   Fails: kJournalDamaged naming the record and what is wrong with it.
// Limits: kCheckpointsKept places are remembered.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/keyring.h"
#include "crypto/merkle.h"
#include "journal/journal.h"

namespace rtt::journal {

// SHA-256 of canonical {graph_root,journal_root,seq,state}: what is signed, as kind `checkpoint`.
Digest digest_of(const Checkpoint& checkpoint);
text::Json to_json(const Checkpoint& checkpoint);
// As it stands in a record of this seq; also whether it speaks of the record before it and its frontier leads
// to its root. The signature is the caller's matter.
Result<Checkpoint> checkpoint_from_json(const text::Json& payload, Seq own_seq);
crypto::MerkleTree tree_of(const Checkpoint& checkpoint);  // REQUIRES: as checkpoint_from_json found it

// The file that remembers where the newest checkpoints stand, newest first. It only says where to look first:
// what stands there has to verify, and whatever is wrong with the file, it is as if it were not there.
inline constexpr std::string_view kPlacesName = "checkpoints.json";
std::string encode_places(std::span<const CheckpointPlace> places);
std::vector<CheckpointPlace> decode_places(std::string_view text);

}  // namespace rtt::journal
