// SPDX-License-Identifier: Apache-2.0
// LedgerReplay on a real folder. Laws: what is read from a checkpoint is what is read from the first record;
// a state or a signature that does not hold is passed over and said; after compaction every kept commit can
// still be gone back to, and the journal still verifies and proves.
#include "panel/ledger_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/temp_dir.h"
#include "panel/acceptance.h"
#include "panel/audit_proof.h"
#include "panel/ledger.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using testing::HasSubstr;

model::Graph wiring(int n) {
  model::Graph graph;
  if (n == 0) return graph;
  graph.routes.push_back({.id = RouteId{1},
                          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
                          .to = *model::parse_definition("rtt://p/tool/t" + std::to_string(n) + "@1.0.0"),
                          .contract = crypto::sha256("x"),
                          .consumer_contract = crypto::sha256("a"),
                          .node_from = "local",
                          .node_to = "local",
                          .origin = "routes"});
  return graph;
}

class Replay : public testing::Test {
 protected:
  Replay() {
    EXPECT_TRUE(registry::create_workspace(workspace_));
    EXPECT_TRUE(registry::create_own_key(workspace_.user_dir, "me"));
  }
  void open() {
    auto opened = open_journal(workspace_);
    ASSERT_TRUE(opened) << opened.error().message;
    open_ = std::move(*opened);
  }
  void append(journal::RecordType type, text::Json payload) {
    payload = apply::stamped(std::move(payload), "2026-01-01T00:00:00.000000Z");
    const auto seqs = open_.journal->append_batch({{.type = type, .payload = payload}});
    ASSERT_TRUE(seqs);
    ASSERT_TRUE(open_.fold.take({.type = type, .seq = seqs->front(), .payload = std::move(payload)}));
  }
  void commit(int n) {
    append(journal::RecordType::kCommit,
           apply::to_json(apply::CommitRecord{.plan_id = crypto::sha256(std::to_string(n)),
                                              .before = model::graph_root(wiring(n - 1)),
                                              .after = model::graph_root(wiring(n)),
                                              .graph = wiring(n),
                                              .who = "me"}));
  }
  void checkpoint(Kept kept = {}) {
    const Status done = write_checkpoint(workspace_, *open_.journal, open_.fold.state(), 3, kept);
    ASSERT_TRUE(done) << done.error().message;
  }
  void fill_segments(int count) {
    for (int i = 0; i < count * 17; ++i) {
      append(journal::RecordType::kAudit,
             text::Json::object({{"action", "note"}, {"text", std::string(1'000'000, 'x')}}));
    }
  }
  std::string text_of(const apply::Recovered& recovered) {
    return text::canonical_json(apply::to_json(recovered, 0));
  }
  // From the first record, whatever checkpoints there are.
  apply::Recovered from_the_first() {
    apply::Fold fold;
    EXPECT_TRUE(read_records(workspace_, [&](const journal::Record& record) -> Status {
      return fold.take({.type = record.type, .seq = record.seq, .payload = *record.payload()});
    }));
    return fold.state();
  }
  std::string states() { return workspace_.dot("wal/states"); }

  os::TempDir dir_ = *os::TempDir::create();
  registry::Workspace workspace_{.root = dir_.path(), .user_dir = dir_.path() + "/user"};
  OpenJournal open_;
};

TEST_F(Replay, from_a_checkpoint_is_from_the_first_record) {
  open();
  for (int n = 1; n <= 5; ++n) commit(n);
  checkpoint();
  commit(6);
  open_ = {};
  const auto view = read_ledger(workspace_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_TRUE(view->passed_over.empty());
  EXPECT_EQ(text_of(view->recovered), text_of(from_the_first()));
  EXPECT_EQ(view->graph, wiring(6));
  open();
  EXPECT_EQ(open_.panel_starts, 3U);
  EXPECT_EQ(open_.journal->since_checkpoint().records, 1U);
  EXPECT_EQ(open_.fold.state().seq, Seq{7});
  commit(7);
}

TEST_F(Replay, a_state_or_signature_that_does_not_hold_is_passed_over_and_said) {
  open();
  commit(1);
  checkpoint();
  commit(2);
  checkpoint();
  open_ = {};
  const std::string before = text_of(from_the_first());
  const std::string newest = *os::read_file(workspace_.dot("wal/checkpoints.json"), 4096);
  const auto places = text::parse_json(newest)->find("checkpoints")->as_array();
  ASSERT_EQ(places.size(), 2U);
  const std::string file = states() + "/" + std::string(places[0].string_or("state")).substr(7) + ".json";
  const std::string content = *os::read_file(file, 1 << 20);
  ASSERT_TRUE(os::remove_file(file));
  ASSERT_TRUE(os::write_atomic(file, content + " "));
  auto view = read_ledger(workspace_);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->passed_over.size(), 1U);
  EXPECT_THAT(view->passed_over[0], HasSubstr("not what its hash says"));
  EXPECT_EQ(text_of(view->recovered), before);
  ASSERT_TRUE(os::remove_tree(states()));
  view = read_ledger(workspace_);
  EXPECT_EQ(view->passed_over.size(), 2U);
  EXPECT_EQ(text_of(view->recovered), before);
  // Somebody who does not trust this key reads everything.
  registry::Workspace other{.root = workspace_.root, .user_dir = dir_.path() + "/other"};
  ASSERT_TRUE(registry::create_own_key(other.user_dir, "other"));
  const auto theirs = read_ledger(other);
  ASSERT_TRUE(theirs);
  EXPECT_THAT(theirs->passed_over.at(0), HasSubstr("no key that is trusted here signed it"));
  EXPECT_EQ(text_of(theirs->recovered), before);
}

TEST_F(Replay, nothing_is_written_in_the_middle_of_a_change_or_without_a_key) {
  open();
  commit(1);
  append(journal::RecordType::kPrepare,
         apply::to_json(apply::PrepareRecord{
             .plan_id = {}, .base = model::graph_root(wiring(1)), .who = "me", .accepted = {}}));
  checkpoint();
  EXPECT_TRUE(open_.journal->checkpoints().empty());
  append(journal::RecordType::kAbort, apply::to_json(apply::AbortRecord{.plan_id = {}, .reason = ""}));
  ASSERT_TRUE(os::remove_tree(workspace_.user_dir));
  checkpoint();
  EXPECT_TRUE(open_.journal->checkpoints().empty());
}

TEST_F(Replay, states_nobody_names_are_removed) {
  open();
  for (int n = 1; n <= 9; ++n) {
    commit(n);
    checkpoint();
  }
  EXPECT_EQ(os::list_directory(states())->size(), journal::kCheckpointsKept);
}

TEST_F(Replay, after_compaction_the_kept_commits_are_there_and_the_journal_verifies_and_proves) {
  open();
  for (int n = 1; n <= 3; ++n) commit(n);
  fill_segments(4);
  for (std::size_t i = 0; i < journal::kCheckpointsKept; ++i) checkpoint({.segments = 1, .graphs = 0});
  const Digest root = open_.journal->root();
  const Seq last = open_.journal->last_seq();
  open_ = {};
  const auto verdict = verify_whole(workspace_);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_TRUE(verdict->body.bool_or("ok", false)) << text::to_json(verdict->body);
  EXPECT_EQ(verdict->body.string_or("root"), to_string(root));
  EXPECT_GT(verdict->body.int_or("compacted_to", 0), 40);
  EXPECT_EQ(verdict->body.find("checkpoints")->int_or("trusted", 0), 4);
  const auto view = read_ledger(workspace_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->report.last_seq, last);
  EXPECT_EQ(view->graph, wiring(3));
  for (int n = 1; n <= 3; ++n) {
    const auto commit = apply::commit_at(view->recovered, {static_cast<std::uint64_t>(n)});
    ASSERT_TRUE(commit);
    EXPECT_EQ(*rtt::panel::graph_of(workspace_, (*commit)->root, (*commit)->graph), wiring(n));
  }
  const auto gone = prove_record(workspace_, {2}), there = prove_record(workspace_, {last.value - 4});
  ASSERT_TRUE(gone && there) << gone.error().message;
  EXPECT_TRUE(gone->find("record")->is_null());
  EXPECT_FALSE(there->find("record")->is_null());
  EXPECT_EQ(prove_record(workspace_, last).error().code, Code::kNotFound);
  open();
  commit(4);
}

TEST_F(Replay, graphs_that_only_compacted_records_named_are_removed) {
  constexpr int kCommits = static_cast<int>(apply::kHistoryCommitsMax) + 10;
  const auto stored = [&](int n) { return is_stored(workspace_, model::graph_root(wiring(n))); };
  open();
  for (int n = 1; n <= kCommits; ++n) {
    commit(n);
    if (n <= 20) checkpoint();  // keeps their graphs
  }
  ASSERT_TRUE(stored(1));
  checkpoint({.segments = 1, .graphs = 0});
  EXPECT_TRUE(stored(1)) << "its record is there";
  fill_segments(4);
  for (std::size_t i = 0; i < journal::kCheckpointsKept; ++i) checkpoint({.segments = 1, .graphs = 0});
  for (int n = 1; n < 10; ++n) EXPECT_FALSE(stored(n)) << n;
  for (int n = 10; n <= kCommits; ++n) EXPECT_TRUE(stored(n)) << n;  // the first is what undoing leads to
  open_ = {};
  const auto view = read_ledger(workspace_);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->graph, wiring(kCommits));
}

}  // namespace
}  // namespace rtt::panel
