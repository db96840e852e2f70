// SPDX-License-Identifier: Apache-2.0
// LedgerState. Law: folding the rest of a journal on top of the state at any record gives what folding all of
// it gives; what is forgotten is said, and what of it still matters is kept.
#include "apply/ledger_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::apply {
namespace {

using journal::RecordType;
using testing::HasSubstr;

model::Graph graph_of(int n) {
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

AcceptedChanges accepted(int from, int to) {
  const auto state = [](int n) {
    return n == 0 ? AcceptedState()
                  : AcceptedState{.manifest = crypto::sha256(std::to_string(n)), .signatures = {}};
  };
  return {{.path = ".rtt/manifests/mcp.a.json", .before = state(from), .after = state(to)}};
}

// `commits` commits, each of a graph of its own and with another manifest accepted, and records around them.
std::vector<Entry> history(int commits) {
  std::vector<Entry> out;
  const auto add = [&](RecordType type, text::Json payload) {
    out.push_back({.type = type, .seq = Seq{out.size() + 1}, .payload = stamped(std::move(payload), "2026")});
  };
  for (int n = 1; n <= commits; ++n) {
    const Digest before = model::graph_root(graph_of(n - 1)), plan = crypto::sha256(std::to_string(n));
    add(RecordType::kPrepare, to_json(PrepareRecord{.plan_id = plan, .base = before, .who = "me"}));
    add(RecordType::kCommit, to_json(CommitRecord{.plan_id = plan,
                                                  .before = before,
                                                  .after = model::graph_root(graph_of(n)),
                                                  .graph = graph_of(n),
                                                  .who = "me",
                                                  .action = n % 3 == 0 ? Verb::kQc : Verb::kApply,
                                                  .reason = "because " + std::to_string(n),
                                                  .accepted = accepted(n - 1, n)}));
    add(RecordType::kAudit, to_json(AuditRecord{.action = "call", .who = "me", .detail = {}}));
  }
  return out;
}

std::string text_of(const Recovered& recovered) { return text::canonical_json(to_json(recovered, 7)); }
Recovered through_text(const Recovered& recovered) {
  const auto read = ledger_state_from_json(*text::parse_json(text_of(recovered), {.bytes_max = 1 << 24}));
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->panel_starts, 7u);
  return read->recovered;
}

TEST(LedgerState, folding_the_rest_on_top_of_it_is_folding_everything) {
  for (const int commits : {0, 1, 3, 140}) {
    const std::vector<Entry> whole = history(commits);
    const Recovered all = *fold(whole);
    for (std::size_t cut = 0; cut <= whole.size(); cut += whole.size() > 20 ? 29 : 1) {
      Recovered begun = *fold({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)});
      if (begun.prepare) continue;
      Fold folding(through_text(begun));
      for (std::size_t i = cut; i < whole.size(); ++i) ASSERT_TRUE(folding.take(whole[i])) << i;
      EXPECT_EQ(text_of(folding.state()), text_of(all)) << commits << " cut at " << cut;
      EXPECT_EQ(folding.state().seq, all.seq);
      EXPECT_EQ(folding.state().plan_id, all.plan_id);
      EXPECT_EQ(folding.state().root, all.root);
    }
  }
}

TEST(LedgerState, the_last_commits_are_kept_and_what_is_forgotten_is_said) {
  const Recovered now = *fold(history(140));
  ASSERT_EQ(now.history.size(), kHistoryCommitsMax);
  static_assert(kHistoryCommitsMax >= 100);
  const Seq oldest = now.history.front().seq;
  EXPECT_EQ(now.forgotten.seq.value, oldest.value - 3);
  EXPECT_TRUE(now.forgotten.wired);
  ASSERT_TRUE(commit_at(now, oldest));
  const auto gone = commit_at(now, {2});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kNotACommit);
  EXPECT_THAT(gone.error().message, HasSubstr("2 is not kept any more"));
  EXPECT_EQ(gone.error().hint, "rtt rollback " + std::to_string(oldest.value));
  // Back to nothing leads over all of them.
  EXPECT_EQ(accepted_back_to(now, {0}), accepted(140, 0));
  EXPECT_EQ(accepted_back_to(now, oldest), accepted(140, 140 - static_cast<int>(kHistoryCommitsMax) + 1));
}

TEST(LedgerState, what_does_not_fit_together_is_no_state) {
  const text::Json good = to_json(*fold(history(3)), 0);
  ASSERT_TRUE(ledger_state_from_json(good));
  for (const char* field : {"forgotten", "graph_root", "history", "panel_starts", "v"}) {
    text::Json without = good;
    without.as_object().erase(field);
    EXPECT_FALSE(ledger_state_from_json(without)) << field;
  }
  text::Json gap = good;
  gap.as_object().find("history")->as_array().erase(gap.as_object().find("history")->as_array().begin() + 1);
  EXPECT_FALSE(ledger_state_from_json(gap));
  text::Json short_one = good;
  short_one.as_object().find("history")->as_array().pop_back();
  EXPECT_FALSE(ledger_state_from_json(short_one));
}

}  // namespace
}  // namespace rtt::apply
