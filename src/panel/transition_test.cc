// SPDX-License-Identifier: Apache-2.0
// transition: what its shell owes whoever ends it. The decisions are TwoPhase's and tested there, what
// becomes of real plans in tests/e2e.
#include "panel/transition.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "crypto/sha256.h"
#include "os/temp_dir.h"
#include "os/unix_socket.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr const char* kInstance = "file-x-y";

// One driver host, played by the other end of a socket, which answers later.
class TransitionTest : public testing::Test {
 protected:
  TransitionTest()
      : hosts_(*loop_, {.root = folder_.path(), .user_dir = folder_.path()}, [](const std::string&) {}),
        wiring_({.loop = *loop_,
                 .hosts = hosts_,
                 .contract = [](const Digest&) -> Result<SharedContract> {
                   return std::make_shared<const model::Contract>();
                 },
                 .in_force =
                     [](const std::vector<std::string>& references) -> Result<std::vector<model::Contract>> {
                   return std::vector<model::Contract>(references.size());
                 },
                 .graph = [this]() -> const model::Graph& { return graph_; },
                 .audit = [](const Json&) {}}) {
    auto pair = os::socket_pair().value();
    panel_side_ = api::Peer::start(
        *loop_, std::move(pair.second), {.role = api::Peer::Role::kAccepting},
        [](const auto&, const auto&) {}, [](const Error&) {});
    host_side_ = api::Peer::start(
        *loop_, std::move(pair.first), {.role = api::Peer::Role::kConnecting, .client_name = kInstance},
        [](const api::Request&, const api::Responder& respond) {
          respond.finish(api::Answer{Json::object({{"ok", true}}), {}, {}});
        },
        [](const Error&) {});
    const auto start_time = os::process_start_time(os::own_pid());
    EXPECT_TRUE(
        hosts_.attach(Json::object({{"instance", kInstance},
                                    {"pid", os::own_pid()},
                                    {"start_time", static_cast<std::int64_t>(start_time.value_or(0))}}),
                      panel_side_));
  }

  static apply::Start one_route() {
    apply::Start start;
    model::Route route{.id = RouteId{1},
                       .from = *model::parse_definition("rtt://ui/hook/a@1.0.0"),
                       .to = *model::parse_definition("rtt://core/api/b@1.0.0"),
                       .node_from = "local",
                       .node_to = "local",
                       .origin = "routes"};
    start.plan.base = model::graph_root(start.base);
    start.plan.routes_add = {std::move(route)};
    start.plan.order = {{"A1"}};
    start.plan_id = model::plan_id(start.plan);
    start.participants = {{.name = kInstance, .routes = {RouteId{1}}}};
    return start;
  }

  Result<Seq> append(journal::RecordType type, const Json& payload) {
    const Seq seq{++seq_};
    EXPECT_TRUE(fold_.take({.type = type, .seq = seq, .payload = payload}));
    return seq;
  }
  void commit(const model::Graph& graph) {
    ASSERT_TRUE(
        append(journal::RecordType::kCommit, to_json(apply::CommitRecord{.plan_id = {},
                                                                         .before = fold_.state().root,
                                                                         .after = model::graph_root(graph),
                                                                         .graph = graph,
                                                                         .who = "key:1"})));
  }
  // From one tree of a provider to another.
  apply::Start other_views() {
    apply::Start start;
    start.base.views = {{.provider = "codex", .root = crypto::sha256("old")}};
    start.plan.base = model::graph_root(start.base);
    start.plan.views_del = start.base.views;
    start.plan.views_add = {{.provider = "codex", .root = crypto::sha256("new")}};
    start.plan_id = model::plan_id(start.plan);
    start.participants = {{.name = std::string(kViews), .shows = apply::Participant::Shows::kViews}};
    commit(start.base);
    start.base_seq = fold_.state().seq;
    return start;
  }

  apply::Fold fold_;
  std::uint64_t seq_ = 0;
  os::TempDir folder_ = *os::TempDir::create();
  std::unique_ptr<os::Loop> loop_ = *os::Loop::create();
  model::Graph graph_;
  Hosts hosts_;
  Wiring wiring_;
  std::shared_ptr<api::Peer> panel_side_, host_side_;
};

// The panel destroys a transition in its answer, which a host's late word may bring. Its memory is taken at
// once by something else, here by bytes that look like work to do.
TEST_F(TransitionTest, that_is_ended_by_its_own_answer_is_not_touched_again) {
  alignas(Transition) std::array<std::byte, sizeof(Transition)> memory{};
  auto* const transition = reinterpret_cast<Transition*>(memory.data());
  std::optional<apply::Answer> answered;
  std::construct_at(transition,
                    TransitionPorts{.loop = *loop_,
                                    .hosts = hosts_,
                                    .wiring = wiring_,
                                    .append = [&](journal::RecordType type,
                                                  const Json& payload) { return append(type, payload); },
                                    .ledger = [&]() -> const apply::Recovered& { return fold_.state(); },
                                    .store_graph = [](const apply::StoreGraph&) { return Status(); },
                                    .write_accepted = [](const auto&) { return Status(); },
                                    .prepare_views = [](const auto&) { return Status(); },
                                    .show_views = [](const auto&) { return Status(); }},
                    [&](const apply::Answer& answer) {
                      answered = answer;
                      std::destroy_at(transition);
                      for (std::size_t i = 0; i < memory.size(); ++i)
                        memory[i] = static_cast<std::byte>(i * 37 + 11);
                    });
  transition->start(one_route());
  for (int turns = 0; turns < 1000 && !answered; ++turns) loop_->run_once(nanos_from_ms(10));
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->state, apply::Settled::kCommitted) << answered->reason.message;
}

// The machine flips back whoever says no, and nobody it was told is lost.
TEST_F(TransitionTest, views_that_cannot_be_shown_are_shown_as_before) {
  apply::Start start = other_views();
  std::vector<std::vector<model::View>> shown;
  std::optional<apply::Answer> answered;
  Transition transition(TransitionPorts{.loop = *loop_,
                                        .hosts = hosts_,
                                        .wiring = wiring_,
                                        .append = [&](journal::RecordType type,
                                                      const Json& payload) { return append(type, payload); },
                                        .ledger = [&]() -> const apply::Recovered& { return fold_.state(); },
                                        .store_graph = [](const apply::StoreGraph&) { return Status(); },
                                        .write_accepted = [](const auto&) { return Status(); },
                                        .prepare_views = [](const auto&) { return Status(); },
                                        .show_views = [&](const std::vector<model::View>& views) -> Status {
                                          shown.push_back(views);
                                          if (shown.size() == 1) return fail(Code::kIo, "the disk says no");
                                          return {};
                                        }},
                        [&](const apply::Answer& answer) { answered = answer; });
  const auto plan = start.plan;
  transition.start(std::move(start));
  for (int turns = 0; turns < 1000 && !answered; ++turns) loop_->run_once(nanos_from_ms(10));
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->state, apply::Settled::kRolledBack);
  EXPECT_TRUE(answered->detached.empty());
  EXPECT_EQ(shown, (std::vector{plan.views_add, plan.views_del}));
}

// A journal that says it has a COMMIT and does not.
TEST_F(TransitionTest, nobody_is_flipped_to_a_graph_that_the_journal_does_not_have) {
  apply::Start start = other_views();
  std::vector<std::vector<model::View>> shown;
  std::optional<apply::Answer> answered;
  Transition transition(
      TransitionPorts{.loop = *loop_,
                      .hosts = hosts_,
                      .wiring = wiring_,
                      .append = [&](journal::RecordType, const Json&) -> Result<Seq> { return Seq{++seq_}; },
                      .ledger = [&]() -> const apply::Recovered& { return fold_.state(); },
                      .store_graph = [](const apply::StoreGraph&) { return Status(); },
                      .write_accepted = [](const auto&) { return Status(); },
                      .prepare_views = [](const auto&) { return Status(); },
                      .show_views =
                          [&](const std::vector<model::View>& views) {
                            shown.push_back(views);
                            return Status();
                          }},
      [&](const apply::Answer& answer) { answered = answer; });
  const auto before = start.base.views;
  transition.start(std::move(start));
  for (int turns = 0; turns < 1000 && !answered; ++turns) loop_->run_once(nanos_from_ms(10));
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->state, apply::Settled::kRolledBack);
  EXPECT_NE(answered->reason.message.find("no COMMIT"), std::string::npos) << answered->reason.message;
  for (const auto& views : shown) EXPECT_EQ(views, before);
}

}  // namespace
}  // namespace rtt::panel
