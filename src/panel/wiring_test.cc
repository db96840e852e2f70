// SPDX-License-Identifier: Apache-2.0
// wiring: the panel's side of two handshakes that make one lane, spoken to by hand: what is said twice, too
// late, wrongly or with the wrong memory gets its answer, and nothing else is harmed.
#include "panel/wiring.h"

#include <gtest/gtest.h>

#include "endpoint/attachment.h"
#include "fabric/shm/layout.h"
#include "panel/wiring_for_test.h"

namespace rtt::panel {
namespace {

using fabric::LaneEnd;
using model::LaneKind;
using text::Json;

TEST_F(WiringTest, two_handshakes_make_one_lane) {
  wire_over_sockets();
  ASSERT_TRUE(prepared_ && *prepared_) << prepared_->error().message;
  const auto a = from_.all<fabric::Ack>(), b = to_.all<fabric::Ack>();
  ASSERT_EQ(a.size(), 1U);
  ASSERT_EQ(b.size(), 1U);
  EXPECT_EQ(a[0].generation, b[0].generation);
  EXPECT_EQ(a[0].lane, LaneKind::kUds);
  EXPECT_EQ(from_.fds.back().size(), 1U);  // READY
  EXPECT_EQ(to_.fds.back().size(), 1U);
}

// Its ends may come back to it; whoever else leaves meanwhile is none of them.
TEST_F(WiringTest, a_lane_whose_ends_are_both_away_and_alive_stays) {
  wire_over_sockets();
  graph_.routes = {route_};
  wiring_.flip({route_}, [](const Status&) {});
  ASSERT_EQ(wiring_.carried().size(), 1U);
  for (End* end : {&from_, &to_}) {
    end->here->close();
    until([&] { return !end->there->open(); });
    end->there = nullptr;
  }
  End other;
  connect(other);
  wiring_.connection_lost(other.there.get());
  wiring_.try_again();
  EXPECT_EQ(wiring_.carried().size(), 1U);
}

// It hung for longer than it is waited for, and its connection never broke: nothing else brings the lane up.
TEST_F(WiringTest, what_could_not_be_wired_is_tried_again_and_told_once) {
  graph_.routes = {route_};
  to_.refuses = "lane.want";
  for (End* end : {&from_, &to_}) attach(*end, text::JsonArray{});
  quiet();
  const auto wanted = [this] {
    return std::ranges::count(to_.asked, "lane.want", [](const auto& one) { return one.first; });
  };
  EXPECT_EQ(wanted(), 1);
  EXPECT_EQ(audited_.size(), 1U);
  wiring_.try_again();
  quiet();
  ASSERT_EQ(wanted(), 2);
  EXPECT_EQ(audited_.size(), 1U);
  to_.refuses.clear();
  wiring_.try_again();
  until([&] { return wanted() == 3; });
  offer({LaneKind::kUds});
  for (End* end : {&from_, &to_}) bind(*end);
  for (End* end : {&from_, &to_}) ready(*end);
  until([this] { return wiring_.view(route_).state == "ready"; });
  wiring_.try_again();
  quiet();
  EXPECT_EQ(wanted(), 3);
}

TEST_F(WiringTest, an_end_that_did_not_answer_a_flip_is_told_again) {
  wire_over_sockets();
  graph_.routes = {route_};
  to_.refuses = "lane.flip";
  std::optional<Status> flipped;
  wiring_.flip({route_}, [&](const Status& status) { flipped = status; });
  until([&] { return flipped.has_value(); });
  EXPECT_FALSE(*flipped);
  EXPECT_EQ(wiring_.view(route_).state, "waiting");
  to_.refuses.clear();
  wiring_.settle();
  wiring_.try_again();
  until([this] { return wiring_.view(route_).state == "ready"; });
  quiet();
  const auto told = [](const End& end) {
    return std::ranges::count(end.asked, "lane.flip", [](const auto& one) { return one.first; });
  };
  EXPECT_EQ(told(to_), 2);
  EXPECT_EQ(told(from_), 1);
}

TEST_F(WiringTest, an_offer_waits_for_the_other_ends) {
  prepare();
  say(from_, syn(from_, {LaneKind::kShm, LaneKind::kUds}));
  EXPECT_TRUE(from_.heard.empty());
  say(to_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Ack>().at(0).lane, LaneKind::kUds);
  EXPECT_EQ(to_.all<fabric::Ack>().at(0).lane, LaneKind::kUds);
}

TEST_F(WiringTest, what_is_said_twice_is_answered_the_same_and_changes_nothing) {
  prepare();
  offer({LaneKind::kUds});
  say(from_, syn(from_, {LaneKind::kUds}));
  const auto acks = from_.all<fabric::Ack>();
  ASSERT_EQ(acks.size(), 2U);
  EXPECT_EQ(acks[0], acks[1]);
  bind(from_);
  bind(from_);
  bind(to_);
  ready(from_);
  ready(from_);
  EXPECT_FALSE(prepared_);
  ready(to_);
  ready(to_);
  ASSERT_TRUE(prepared_ && *prepared_);
  say(from_, syn(from_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Ack>().back(), acks[0]);
}

TEST_F(WiringTest, a_replayed_handshake_is_refused_and_the_lane_stays) {
  wire_over_sockets();
  fabric::Syn old = syn(from_, {LaneKind::kUds});
  --old.nonce.value;
  say(from_, old);
  ASSERT_EQ(from_.all<fabric::Nack>().size(), 1U);
  EXPECT_EQ(from_.all<fabric::Nack>()[0].reason.code, Code::kNack);
  fabric::Syn other = syn(from_, {LaneKind::kShm});
  say(from_, other);
  EXPECT_EQ(from_.all<fabric::Nack>().at(1).reason.code, Code::kPanelProtocol);
  wiring_.flip({route_}, [](const Status&) {});
  EXPECT_EQ(wiring_.carried().size(), 1U);
}

TEST_F(WiringTest, another_contract_is_refused_and_the_change_with_it) {
  prepare();
  fabric::Syn offer = syn(to_, {LaneKind::kUds});
  offer.contract = crypto::sha256("another");
  say(to_, offer);
  ASSERT_EQ(to_.all<fabric::Nack>().size(), 1U);
  EXPECT_EQ(to_.all<fabric::Nack>()[0].reason.code, Code::kSchemaMismatch);
  ASSERT_TRUE(prepared_ && !*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kSchemaMismatch);
}

TEST_F(WiringTest, an_end_that_is_unknown_hears_no) {
  to_.end = {4711};
  say(to_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(to_.all<fabric::Nack>().size(), 1U);
  say(to_, fabric::Ready{{10}, {3}, LaneKind::kUds, fabric::Tone::kAsks});
  ASSERT_EQ(to_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(to_.all<fabric::Trip>()[0].tone, fabric::Tone::kTells);
}

TEST_F(WiringTest, another_connections_end_is_unknown_too) {
  prepare();
  from_.end = to_.end;
  say(from_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Nack>().size(), 1U);
  EXPECT_FALSE(prepared_);
}

TEST_F(WiringTest, another_number_of_descriptors_ends_the_connection) {
  prepare();
  offer({LaneKind::kShm});
  std::vector<os::Fd> one;
  one.push_back(os::socket_pair().value().first);
  say(from_, fabric::Bind{from_.nonce, from_.all<fabric::Ack>().at(0).generation}, std::move(one));
  until([&] { return from_.closed; });
  ASSERT_TRUE(prepared_ && !*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kPanelProtocol);
  EXPECT_FALSE(to_.closed);
}

// Memory that its writer could cut short while the other end reads it: not passed on, a socket instead.
TEST_F(WiringTest, what_is_no_sealed_memory_is_not_passed_on) {
  prepare();
  offer({LaneKind::kShm, LaneKind::kUds});
  const auto ack = from_.all<fabric::Ack>().at(0);
  std::vector<os::Fd> loose;
  for (int i = 0; i < 3; ++i) loose.push_back(os::socket_pair().value().first);
  bind(from_, std::move(loose));
  ASSERT_EQ(from_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(from_.all<fabric::Trip>()[0].advice, fabric::TripAdvice::kOtherLane);
  EXPECT_EQ(from_.all<fabric::Trip>()[0].reason.code, Code::kFrame);
  EXPECT_EQ(to_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(audited_, std::vector<std::string>{"lane_fallback"});
  EXPECT_FALSE(prepared_);
  for (End* end : {&from_, &to_}) ++end->nonce.value;
  offer({LaneKind::kUds});
  EXPECT_EQ(to_.all<fabric::Ack>().back().lane, LaneKind::kUds);
  EXPECT_GT(to_.all<fabric::Ack>().back().generation, ack.generation);
}

TEST_F(WiringTest, an_end_that_goes_away_fails_the_change) {
  prepare();
  offer({LaneKind::kUds});
  to_.here->close();
  until([&] { return prepared_.has_value(); });
  ASSERT_FALSE(*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kLost);
}

// Another policy, capability or kind of lane: the lane that is there keeps its port until the new one is up.
TEST_F(WiringTest, a_route_that_is_planned_otherwise_gets_a_lane_that_takes_over) {
  wire_over_sockets();
  wiring_.flip({route_}, [](const Status&) {});
  const std::uint64_t old = wiring_.carried().at(0).generation;
  std::vector<model::Route> changed(3, route_);
  changed[0].qos.backpressure = model::Backpressure::kBuffer;
  changed[1].caps = {"pull"};
  changed[2].lane = LaneKind::kUds;
  for (const model::Route& next : changed) {
    from_.end = to_.end = LaneEnd{};
    bool done = false;
    wiring_.prepare({next}, {route_}, [&](const Status&) { done = true; });
    until([&] { return from_.end != LaneEnd{} && to_.end != LaneEnd{}; });
    EXPECT_EQ(from_.wanted.int_or("follows", 0), static_cast<std::int64_t>(old));
    EXPECT_EQ(wiring_.carried().size(), 1U);
    wiring_.drop_built();
    EXPECT_TRUE(done);
  }
  // Only where it was wished for and where it runs is another: the lane carries on.
  model::Route same = route_;
  same.origin = "agent";
  bool done = false;
  wiring_.prepare({same}, {route_}, [&](const Status& status) { done = status.has_value(); });
  EXPECT_TRUE(done);
}

// A panel that has just started: the end says what it holds and READY, and the lane goes on.
TEST_F(WiringTest, a_lane_of_an_earlier_panel_is_taken_over) {
  graph_.routes.push_back(route_);
  for (End* end : {&from_, &to_}) {
    const bool is_from = end == &from_;
    Json row = endpoint::to_json({.generation = 3,
                                  .side = is_from ? endpoint::Side::kFrom : endpoint::Side::kTo,
                                  .route = route_,
                                  .lane = LaneKind::kUds,
                                  .port = "rtt://core/api/metrics"});
    row.set("carrying", true).set("end", is_from ? "4" : "5");
    end->end = {is_from ? 4U : 5U};
    attach(*end, Json::array({row}));
    say(*end, fabric::Ready{{9}, {3}, LaneKind::kUds, fabric::Tone::kAsks});
    ASSERT_EQ(end->all<fabric::Ready>().size(), 1U);
    EXPECT_EQ(end->all<fabric::Ready>()[0].tone, fabric::Tone::kTells);
  }
  ASSERT_EQ(wiring_.carried().size(), 1U);
  EXPECT_EQ(wiring_.carried()[0].generation, 3U);
  EXPECT_EQ(wiring_.view(route_).state, "ready");
}

TEST_F(WiringTest, a_program_attaches_as_so_many_symbols_and_no_more) {
  Json symbols = text::JsonArray{};
  for (std::size_t i = 0; i <= endpoint::kSymbolsMax; ++i) symbols.push(kHook);
  std::optional<Code> refused;
  from_.here->ask(
      "endpoint.attach", Json::object({{"symbols", std::move(symbols)}}),
      [&](const Result<api::Answer>& answer) { refused = answer ? Code{} : answer.error().code; });
  until([&] { return refused.has_value(); });
  EXPECT_EQ(*refused, Code::kLimit);
}

}  // namespace
}  // namespace rtt::panel
