// SPDX-License-Identifier: Apache-2.0
// Laws: what has to be true of the journal, of what people were told, and of what lies between the programs.
//
// Thread: one.   Fails: a broken law is told in words, as an error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors.h"
#include "apply/records.h"
#include "journal/journal.h"

namespace rtt::sim {

// What the panel told somebody is so.
struct Told {
  std::uint64_t seq = 0;
  std::string graph;
  std::string what;  // for the message
};

struct History {
  std::map<std::uint64_t, apply::CommitRecord> commits;  // by seq
  Digest root;                                           // of the graph in force
  std::uint64_t seq = 0;
  Digest last_hash;
  std::uint64_t records = 0, torn_tails = 0, checkpoints = 0;
};
// The commits met in earlier looks at the same journal, by the hash of their record: what they say is taken
// out of a record once.
using KnownCommits = std::map<Digest, apply::CommitRecord>;
// Reads the journal from the first record: the chain verifies, no change begins before the last one ended,
// each starts from the graph that the last one left, and every graph is whole. `whole`: roots of graphs.
enum class Tail : std::uint8_t { kMayBeTorn, kWhole };
Result<History> history_of(const registry::Workspace& workspace, const std::vector<Digest>& whole,
                           KnownCommits& known, Tail tail);
// No acknowledged commit is lost, and no answer was about anything but a commit.
Status holds(const History& history, const std::vector<Told>& told);
// Every route of the graph whose both ends are there is carried by one lane, at both ends the same, and there
// is no other lane.
struct Holder {
  std::string name;
  text::Json lanes;  // as Board::describe
};
Status lanes_are(const model::Graph& graph, const std::vector<Holder>& ends);

}  // namespace rtt::sim
