// SPDX-License-Identifier: Apache-2.0
// Accepted: which signed manifests of MCP servers are in force, before and after a commit, as values
// (docs/formats/ledger.md).
//
// A commit changes the graph, what is accepted, or both. It names files by the hash of their bytes; the bytes
// lie beside the journal, so going back needs nothing else and nobody's key: the signatures of then come back
// with the text of then. Changes are sorted by path, each path once, none without a difference.
//
// Thread: any (values).   Fails: kJournalDamaged naming the record.   Limits: kMcpServersMax changes a
// commit.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "text/json.h"

namespace rtt::apply {

struct AcceptedState {
  std::optional<Digest> manifest;    // nothing: there is no such file
  std::optional<Digest> signatures;  // of the signature list beside it
  std::optional<Digest> code{};      // of this machine's record of the code its command runs
  bool clients = false;              // whether the policy has the rule that an import writes for it
  friend bool operator==(const AcceptedState&, const AcceptedState&) = default;
};
struct AcceptedChange {
  std::string path;  // of the manifest, relative to the root
  AcceptedState before, after;
  friend bool operator==(const AcceptedChange&, const AcceptedChange&) = default;
};
using AcceptedChanges = std::vector<AcceptedChange>;

AcceptedChanges inverse(AcceptedChanges changes);
// Both as one, what comes to nothing left out.
AcceptedChanges composed(const AcceptedChanges& first, const AcceptedChanges& then);

text::Json to_json(const AcceptedChanges& changes);
// The member `accepted` of a record's payload; none is no change.
Result<AcceptedChanges> accepted_from_json(const text::Json& payload, std::string_view record, Seq seq);

}  // namespace rtt::apply
