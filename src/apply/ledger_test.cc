// SPDX-License-Identifier: Apache-2.0
// Goal: records mean after reading what they meant before writing, recovery folds any prefix of a real
// history, and a plan's fate against the committed graph is told with the names of what changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "apply/reconcile.h"
#include "apply/recover.h"
#include "crypto/sha256.h"
#include "text/json_canonical.h"

namespace rtt::apply {
namespace {

using journal::RecordType;
using model::Graph;
using model::Route;
using testing::HasSubstr;
using testing::IsEmpty;

Route route(std::uint32_t id, const std::string& to) {
  return {.id = RouteId{id},
          .from = *model::parse_definition("rtt://c/agent/a@1.0.0"),
          .to = *model::parse_definition("rtt://p/tool/" + to + "@1.0.0"),
          .contract = crypto::sha256(to),
          .consumer_contract = crypto::sha256("a"),
          .node_from = "local",
          .node_to = "local",
          .origin = "routes"};
}
bool before(const Route& a, const Route& b) { return model::route_order(a, b) < 0; }

Graph graph_of(const std::string& names) {
  Graph out;
  std::uint32_t id = 1;
  for (const char name : names) out.routes.push_back(route(id++, std::string(1, name)));
  std::sort(out.routes.begin(), out.routes.end(), before);
  return out;
}

model::Plan plan_between(const Graph& from, const Graph& to) {
  const Changes changes = changes_between(from, to);
  return {.base = model::graph_root(from), .routes_add = changes.add, .routes_del = changes.del};
}

// A journal of commits, each to the next graph of `graphs`, with the records around them.
std::vector<Entry> history_of(const std::vector<Graph>& graphs) {
  std::vector<Entry> out;
  Graph now;
  const auto add = [&](RecordType type, text::Json payload) {
    out.push_back({.type = type,
                   .seq = Seq{out.size() + 1},
                   .payload = stamped(std::move(payload), "2026-01-01T00:00:00.000000Z")});
  };
  for (const Graph& next : graphs) {
    const Digest id = model::plan_id(plan_between(now, next));
    add(RecordType::kPrepare,
        to_json(PrepareRecord{.plan_id = id, .base = model::graph_root(now), .who = "me"}));
    add(RecordType::kCommit, to_json(CommitRecord{.plan_id = id,
                                                  .before = model::graph_root(now),
                                                  .after = model::graph_root(next),
                                                  .graph = next,
                                                  .who = "me"}));
    add(RecordType::kAudit,
        to_json(AuditRecord{.action = "call", .who = "me", .detail = text::Json::object({})}));
    now = next;
  }
  return out;
}

TEST(Records, read_back_as_written) {
  const Graph graph = graph_of("abc");
  const PrepareRecord prepare{.plan_id = crypto::sha256("p"), .base = crypto::sha256("b"), .who = "key:1"};
  EXPECT_EQ(*prepare_from_json(to_json(prepare), Seq{1}), prepare);
  CommitRecord commit{.plan_id = crypto::sha256("p"),
                      .before = crypto::sha256("b"),
                      .after = model::graph_root(graph),
                      .graph = graph,
                      .who = "key:1",
                      .action = Verb::kQc,
                      .reason = "why not",
                      .ts = "2026-01-01T00:00:00.000000Z"};
  EXPECT_EQ(*commit_from_json(to_json(commit), Seq{1}), commit);
  commit.graph.reset();
  EXPECT_EQ(*commit_from_json(to_json(commit), Seq{1}), commit);
  const AbortRecord abort{.plan_id = crypto::sha256("p"), .reason = "r"};
  EXPECT_EQ(*abort_from_json(to_json(abort), Seq{1}), abort);
  const RollbackRecord small{.to_seq = Seq{7}, .plan_id = crypto::sha256("p"), .reason = "r"};
  EXPECT_EQ(*rollback_from_json(to_json(small), Seq{1}), small);
  const RollbackRecord large{.to_seq = Seq{(std::uint64_t{1} << 60) + 1}, .plan_id = crypto::sha256("p")};
  EXPECT_EQ(*rollback_from_json(to_json(large), Seq{1}), large);
  for (const Verb verb : {Verb::kApply, Verb::kRollback, Verb::kUndo, Verb::kQc, Verb::kMcpImport,
                          Verb::kMcpPin, Verb::kMcpAccept, Verb::kMcpRm, Verb::kMcpSandbox}) {
    EXPECT_EQ(parse_verb(to_string(verb)), verb);
  }
}

AcceptedChange server(const std::string& name, const std::string& from, const std::string& to) {
  const auto state = [](const std::string& version) {
    if (version.empty()) return AcceptedState{};
    return AcceptedState{
        .manifest = crypto::sha256(version), .signatures = crypto::sha256("s" + version), .clients = true};
  };
  return {.path = ".rtt/manifests/mcp." + name + ".json", .before = state(from), .after = state(to)};
}

TEST(Accepted, reads_back_as_written_in_both_records) {
  const AcceptedChanges changes{server("a", "", "1"), server("b", "1", "2")};
  const PrepareRecord prepare{.plan_id = crypto::sha256("p"), .base = {}, .who = "me", .accepted = changes};
  EXPECT_EQ(*prepare_from_json(to_json(prepare), Seq{1}), prepare);
  const CommitRecord commit{.plan_id = crypto::sha256("p"),
                            .graph = std::nullopt,
                            .who = "me",
                            .action = Verb::kMcpAccept,
                            .accepted = changes};
  EXPECT_EQ(*commit_from_json(to_json(commit), Seq{1}), commit);
  EXPECT_EQ(*log_line(RecordType::kCommit, Seq{1}, to_json(commit)).find("accepted"), to_json(changes));
}

TEST(Accepted, what_nobody_writes_is_damage) {
  const text::Json whole = to_json(AcceptedChanges{server("a", "1", "2")});
  const auto reads = [](const text::Json& list) {
    return accepted_from_json(text::Json::object({{"accepted", list}}), "COMMIT", Seq{4}).has_value();
  };
  EXPECT_TRUE(reads(whole));
  for (const char* path :
       {"mcp.json", ".rtt/manifests/../policy.json", ".rtt/manifests/a/b.json", ".rtt/manifests/.json", ""}) {
    text::Json other = whole;
    other.as_array()[0].set("path", path);
    EXPECT_FALSE(reads(other)) << path;
  }
  for (const char* key : {"before", "after"}) {
    for (const char* member : {"manifest", "signatures", "code", "clients"}) {
      text::Json other = whole;
      other.as_array()[0].as_object().find(key)->set(member, "x");
      EXPECT_FALSE(reads(other)) << key << member;
    }
  }
  text::Json twice = whole;
  twice.push(whole.as_array()[0]);
  EXPECT_FALSE(reads(twice));
  EXPECT_FALSE(reads(to_json(AcceptedChanges{server("a", "1", "1")})));
  EXPECT_FALSE(reads(text::Json("x")));
}

TEST(Accepted, many_commits_go_back_as_one) {
  Recovered ledger;
  ledger.history = {{.seq = Seq{2}, .accepted = {server("a", "", "1")}},
                    {.seq = Seq{4}, .accepted = {server("a", "1", "2"), server("b", "", "1")}},
                    {.seq = Seq{6}, .accepted = {server("b", "1", "")}}};
  EXPECT_EQ(accepted_back_to(ledger, Seq{0}), (AcceptedChanges{server("a", "2", "")}));
  EXPECT_EQ(accepted_back_to(ledger, Seq{2}), (AcceptedChanges{server("a", "2", "1")}));
  EXPECT_EQ(accepted_back_to(ledger, Seq{4}), (AcceptedChanges{server("b", "", "1")}));
  EXPECT_EQ(accepted_back_to(ledger, Seq{6}), AcceptedChanges());
  const AcceptedChanges change{server("a", "1", "2")};
  EXPECT_EQ(inverse(inverse(change)), change);
  EXPECT_EQ(composed(change, inverse(change)), AcceptedChanges());
}

TEST(Records, a_commit_whose_graph_is_not_its_root_is_refused) {
  text::Json payload = to_json(CommitRecord{.plan_id = crypto::sha256("p"),
                                            .before = crypto::sha256("b"),
                                            .after = model::graph_root(graph_of("ab")),
                                            .graph = graph_of("ac")});
  const auto read = commit_from_json(payload, Seq{9});
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Code::kJournalDamaged);
  EXPECT_EQ(read.error().where, "seq 9");
}

TEST(Records, any_field_that_is_missing_is_named) {
  const text::Json whole = to_json(CommitRecord{.plan_id = crypto::sha256("p"), .graph = std::nullopt});
  for (const char* key : {"plan_id", "before", "graph_root", "action"}) {
    text::Json part = whole;
    part.as_object().erase(std::string_view(key));
    const auto read = commit_from_json(part, Seq{3});
    ASSERT_FALSE(read.has_value()) << key;
    EXPECT_THAT(read.error().message, HasSubstr(key));
  }
}

TEST(Records, a_long_reason_is_cut_between_characters) {
  std::string reason(kReasonBytesMax - 1, 'x');
  reason += "é and more";
  const text::Json payload = to_json(AbortRecord{.plan_id = crypto::sha256("p"), .reason = reason});
  EXPECT_EQ(payload.string_or("reason"), std::string(kReasonBytesMax - 1, 'x'));
}

TEST(Records, a_large_graph_does_not_stand_in_the_commit) {
  EXPECT_TRUE(inline_graph(graph_of("abc")).has_value());
  Graph large;
  for (std::uint32_t i = 1; i <= 2000; ++i) large.routes.push_back(route(i, "t" + std::to_string(i)));
  ASSERT_GT(text::canonical_json(model::to_json(large)).size(), kInlineGraphBytesMax);
  EXPECT_FALSE(inline_graph(large).has_value());
}

TEST(Records, log_lines_have_the_promised_fields) {
  for (const Entry& entry : history_of({graph_of("a")})) {
    const text::Json line = log_line(entry.type, entry.seq, entry.payload);
    for (const char* key : {"seq", "ts", "who", "action", "reason", "before", "after"}) {
      EXPECT_NE(line.find(key), nullptr) << key;
    }
  }
  const auto commit = history_of({graph_of("a")})[1];
  const text::Json line = log_line(commit.type, commit.seq, commit.payload);
  EXPECT_EQ(line.string_or("action"), "apply");
  EXPECT_EQ(line.string_or("after"), rtt::to_string(model::graph_root(graph_of("a"))));
}

TEST(Records, the_line_of_a_call_names_the_tool_and_how_it_ended_unless_answered) {
  const auto reason = [](const char* outcome) {
    const text::Json payload = text::Json::object(
        {{"action", "call"}, {"outcome", outcome}, {"to", "rtt://notes/tool/add@1.0.0"}, {"who", "w"}});
    return std::string(log_line(journal::RecordType::kAudit, Seq{1}, payload).string_or("reason"));
  };
  EXPECT_EQ(reason("result"), "rtt://notes/tool/add@1.0.0");
  EXPECT_EQ(reason("tool_error"), "rtt://notes/tool/add@1.0.0: tool_error");
  EXPECT_EQ(reason("RTT0412"), "rtt://notes/tool/add@1.0.0: RTT0412");
}

// ---- recovery ----

TEST(Recover, nothing_is_the_empty_graph_at_seq_0) {
  const Recovered now = *fold({});
  EXPECT_EQ(now.seq, Seq{0});
  EXPECT_EQ(now.root, model::graph_root({}));
  EXPECT_EQ(now.graph, Graph{});
  EXPECT_FALSE(now.plan_id.has_value());
  EXPECT_THAT(repairs(now), IsEmpty());
}

TEST(Recover, every_prefix_of_a_history_is_its_last_commit) {
  const std::vector<Graph> graphs{graph_of("ab"), graph_of("abc"), graph_of("b"), {}, graph_of("xyz")};
  const std::vector<Entry> whole = history_of(graphs);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::vector<Entry> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    std::size_t commits = 0;
    for (const Entry& entry : prefix) commits += entry.type == RecordType::kCommit ? 1U : 0U;
    const Recovered now = *fold(prefix);
    const Graph expected = commits == 0 ? Graph{} : graphs[commits - 1];
    EXPECT_EQ(now.graph, expected) << length;
    EXPECT_EQ(now.root, model::graph_root(expected)) << length;
    EXPECT_EQ(now.history.size(), commits) << length;
    const bool open = length > 0 && prefix.back().type == RecordType::kPrepare;
    EXPECT_EQ(now.prepare.has_value(), open) << length;
    std::vector<Entry> repaired = prefix;
    for (auto& record : repairs(now)) {
      repaired.push_back({.type = record.type, .seq = Seq{repaired.size() + 1}, .payload = record.payload});
    }
    const Recovered settled = *fold(repaired);
    EXPECT_FALSE(settled.prepare.has_value());
    EXPECT_EQ(settled.root, now.root);
    EXPECT_EQ(settled.seq, now.seq);
  }
}

TEST(Recover, a_promotion_is_undone_with_its_canary_and_alone_when_there_is_none) {
  const auto commit = [](std::uint64_t seq, Verb action, std::string_view before, std::string_view after) {
    return Commit{.seq = Seq{seq},
                  .plan_id = {},
                  .before = crypto::sha256(before),
                  .root = crypto::sha256(after),
                  .graph = std::nullopt,
                  .action = action};
  };
  Recovered now = *fold({});
  now.history = {commit(2, Verb::kApply, "", "a"), commit(4, Verb::kCanary, "a", "b")};
  EXPECT_EQ(before_last(now), crypto::sha256("a"));
  now.history.push_back(commit(6, Verb::kPromote, "b", "c"));
  EXPECT_EQ(before_last(now), crypto::sha256("a"));
  now.history.push_back(commit(8, Verb::kApply, "c", "d"));
  EXPECT_EQ(before_last(now), crypto::sha256("c"));
  now.history = {commit(6, Verb::kPromote, "b", "c")};  // the canary is not kept any more
  EXPECT_EQ(before_last(now), crypto::sha256("b"));
}

TEST(Recover, a_decided_rollback_is_finished) {
  for (const Graph& old : {Graph{}, graph_of("a")}) {
    std::vector<Entry> entries = history_of(old.routes.empty() ? std::vector<Graph>{graph_of("ab")}
                                                               : std::vector<Graph>{old, graph_of("ab")});
    const Seq to{old.routes.empty() ? 0U : 2U};
    const RollbackRecord rollback{.to_seq = to, .plan_id = crypto::sha256("p"), .reason = "beta was silent"};
    entries.push_back(
        {.type = RecordType::kRollback, .seq = Seq{entries.size() + 1}, .payload = to_json(rollback)});
    const Recovered now = *fold(entries);
    ASSERT_TRUE(now.rollback.has_value());
    EXPECT_EQ(now.root, model::graph_root(graph_of("ab")));
    const auto records = repairs(now);
    ASSERT_EQ(records.size(), 1U);
    ASSERT_EQ(records[0].type, RecordType::kCommit);
    entries.push_back(
        {.type = records[0].type, .seq = Seq{entries.size() + 1}, .payload = records[0].payload});
    const Recovered settled = *fold(entries);
    EXPECT_EQ(settled.graph, old);
    EXPECT_EQ(settled.history.back().action, Verb::kRollback);
    EXPECT_EQ(settled.history.back().reason, "beta was silent");
    EXPECT_THAT(repairs(settled), IsEmpty());
  }
}

TEST(Recover, a_history_that_contradicts_itself_is_refused) {
  std::vector<Entry> entries = history_of({graph_of("a"), graph_of("ab")});
  entries.erase(entries.begin() +
                1);  // the first COMMIT: the second one no longer starts where the first ended
  const auto folded = fold(entries);
  ASSERT_FALSE(folded.has_value());
  EXPECT_EQ(folded.error().code, Code::kJournalDamaged);
  EXPECT_EQ(folded.error().where, "seq 5");
  std::vector<Entry> checkpoint = history_of({graph_of("a")});
  checkpoint.push_back(
      {.type = RecordType::kCheckpoint,
       .seq = Seq{4},
       .payload = text::Json::object({{"graph_root", rtt::to_string(crypto::sha256("other"))}})});
  EXPECT_FALSE(fold(checkpoint).has_value());
}

TEST(Recover, only_recent_graphs_are_kept_but_every_root) {
  std::vector<Graph> graphs;
  for (std::size_t i = 0; i < kHistoryGraphsMax + 10; ++i)
    graphs.push_back(graph_of(i % 2 == 0 ? "ab" : "cd"));
  const Recovered now = *fold(history_of(graphs));
  ASSERT_EQ(now.history.size(), graphs.size());
  std::size_t kept = 0;
  for (const Commit& commit : now.history) kept += commit.graph.has_value() ? 1U : 0U;
  EXPECT_EQ(kept, kHistoryGraphsMax);
  EXPECT_EQ(now.history.front().root, model::graph_root(graphs.front()));
}

TEST(Recover, a_seq_that_is_no_commit_names_the_nearest) {
  const Recovered now = *fold(history_of({graph_of("a"), graph_of("ab")}));  // commits at 2 and 5
  EXPECT_EQ((*commit_at(now, Seq{5}))->root, model::graph_root(graph_of("ab")));
  const auto nothing = commit_at(Recovered{}, Seq{7});
  ASSERT_FALSE(nothing.has_value());
  EXPECT_FALSE(nothing.error().hint.empty());
  for (const auto& [seq, nearest] : {std::pair{1U, "2"}, {3U, "2"}, {4U, "5"}, {99U, "5"}}) {
    const auto found = commit_at(now, Seq{seq});
    ASSERT_FALSE(found.has_value()) << seq;
    EXPECT_EQ(found.error().code, Code::kNotACommit);
    EXPECT_EQ(found.error().hint, "rtt rollback " + std::string(nearest)) << seq;
  }
}

// ---- reconcile ----

TEST(Reconcile, changes_lead_from_one_graph_to_the_other_and_back) {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    const auto some = [&] {
      Graph out;
      for (std::uint32_t i = 0; i < 8; ++i) {
        if (random() % 2 == 0) continue;
        out.routes.push_back(route(i + 1, std::string(1, static_cast<char>('a' + i))));
        if (random() % 3 == 0) out.routes.back().contract = crypto::sha256("changed");
      }
      return out;
    };
    const Graph from = some(), to = some();
    const Changes changes = changes_between(from, to);
    const model::Plan there{
        .base = model::graph_root(from), .routes_add = changes.add, .routes_del = changes.del};
    EXPECT_EQ(*model::apply_to(from, there), to) << "seed " << seed;
    EXPECT_EQ(*model::apply_to(to, model::inverse(there, model::graph_root(to))), from) << "seed " << seed;
    EXPECT_EQ(changes_between(from, from), Changes{});
    for (const Route& each : changes.add) {  // smallest: nothing that both have is touched
      EXPECT_EQ(std::count(from.routes.begin(), from.routes.end(), each), 0) << "seed " << seed;
    }
  }
}

TEST(Reconcile, a_plan_of_views_alone_is_applied_once_too) {
  const Graph old = graph_of("a");
  Graph now = old;
  now.views = {{.provider = "codex", .root = crypto::sha256("tree")}};
  const model::Plan plan{.base = model::graph_root(old), .views_add = now.views};
  EXPECT_EQ(*decide(plan, {.ledger = {}, .graph = old}), Decision::kProceed);
  EXPECT_EQ(*decide(plan, {.ledger = {}, .graph = now}), Decision::kUnchanged);
  EXPECT_FALSE(plan.empty());
  EXPECT_EQ(*model::apply_to(now, model::inverse(plan, model::graph_root(now))), old);
}

TEST(Reconcile, a_plan_is_applied_once_and_then_unchanged) {
  const Graph old = graph_of("ab"), now = graph_of("abc");
  const model::Plan plan = plan_between(old, now);
  const Recovered before_it = *fold(history_of({old}));
  const Recovered after_it = *fold(history_of({old, now}));
  EXPECT_EQ(*decide(plan, {before_it, old}), Decision::kProceed);
  EXPECT_EQ(*decide(plan, {after_it, now}), Decision::kUnchanged);
  const model::Plan nothing = plan_between(now, now);
  EXPECT_EQ(*decide(nothing, {after_it, now}), Decision::kUnchanged);
}

TEST(Reconcile, a_graph_that_only_contains_the_plan_is_not_its_result) {
  const Graph old = graph_of("a");
  Graph more = graph_of("ab");
  more.routes.push_back(route(9, "z"));
  const Recovered ledger = *fold(history_of({old, more}));
  EXPECT_FALSE(decide(plan_between(old, graph_of("ab")), {ledger, more}).has_value());
}

TEST(Reconcile, a_stale_plan_names_the_commits_and_routes_in_between) {
  const Graph old = graph_of("a");
  Graph now = graph_of("a");
  now.routes.push_back(route(9, "newcomer"));
  const model::Plan plan = plan_between(old, graph_of("ab"));
  const Recovered ledger = *fold(history_of({old, now}));
  const auto decision = decide(plan, {ledger, now});
  ASSERT_FALSE(decision.has_value());
  EXPECT_EQ(decision.error().code, Code::kStalePlan);
  EXPECT_EQ(decision.error().hint, "rtt plan");
  EXPECT_THAT(decision.error().message, HasSubstr("commit 5 (apply by me)"));
  EXPECT_THAT(decision.error().message, HasSubstr("+rtt://c/agent/a@1.0.0 -> rtt://p/tool/newcomer@1.0.0"));
  const auto from_nothing = decide(plan_between({}, graph_of("x")), {ledger, now});
  ASSERT_FALSE(from_nothing.has_value());
  EXPECT_THAT(from_nothing.error().message, HasSubstr("commit 2 (apply by me), commit 5 (apply by me)"));
  const auto foreign = decide(plan_between(graph_of("q"), graph_of("qr")), {ledger, now});
  ASSERT_FALSE(foreign.has_value());
  EXPECT_THAT(foreign.error().message, HasSubstr("never committed"));
}

}  // namespace
}  // namespace rtt::apply
