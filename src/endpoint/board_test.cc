// SPDX-License-Identifier: Apache-2.0
#include "endpoint/board.h"

#include <gtest/gtest.h>

#include <random>

#include "endpoint/desk.h"
#include "os/unix_socket.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {
namespace {

constexpr std::string_view kPort = "rtt://core/api/metrics";
constexpr Nanos kNever{-1};

model::Route route(std::uint32_t id, std::string_view to,
                   model::RouteClass route_class = model::RouteClass::kReq) {
  model::Route out;
  out.id = {id};
  out.from = model::parse_definition("rtt://ui/hook/refresh@1.0.0").value();
  out.to = model::parse_definition(to).value();
  out.route_class = route_class;
  out.lane = model::LaneKind::kUds;
  out.node_from = out.node_to = "local";
  out.origin = "routes";
  return out;
}

// An endpoint of the test: what arrived is kept, requests are answered with "<name>:<payload>" unless held.
struct End {
  End(os::Loop& loop, std::string the_name)
      : name(std::move(the_name)),
        board(
            loop, [this](const Arrival& arrival) { take(arrival); },
            [this](const Board::Gone& g) { gone.push_back(g); }) {}

  void take(const Arrival& arrival) {
    arrived.emplace_back(as_text(arrival.payload));
    ids.push_back(arrival.id);
    if (hold) {
      held.emplace_back(arrival.lane, arrival.id);
    } else if (arrival.binding->route.route_class == model::RouteClass::kReq) {
      EXPECT_TRUE(board.reply(arrival.lane, arrival.id, as_bytes(name + ":" + arrived.back())).has_value());
    }
  }

  std::string name;
  bool hold = false;
  std::vector<std::string> arrived;
  std::vector<std::uint32_t> ids;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> held;
  std::vector<Board::Gone> gone;
  Board board;
};

Board::Parts over(os::Fd socket) {
  Board::Parts parts;
  parts.page = std::move(os::create_shared_memory("test", telemetry::kPageBytes)->memory);
  parts.socket = std::move(socket);
  return parts;
}

class BoardTest : public ::testing::Test {
 protected:
  void connect(std::uint64_t generation, const model::Route& on, End& from, End& to,
               std::uint64_t follows = 0) {
    auto pair = os::socket_pair().value();
    Binding binding{
        .generation = generation, .side = Side::kFrom, .route = on, .port = port_of(on), .follows = follows};
    ASSERT_TRUE(from.board.bind(binding, over(std::move(pair.first))).has_value());
    binding.side = Side::kTo;
    ASSERT_TRUE(to.board.bind(binding, over(std::move(pair.second))).has_value());
  }
  void flip(std::uint64_t generation, End& from, End& to) {
    ASSERT_TRUE(to.board.flip(generation).has_value());
    ASSERT_TRUE(from.board.flip(generation).has_value());
  }
  template <typename Done>
  bool until(Done done) {
    for (int round = 0; round < 10'000 && !done(); ++round) loop_->run_once(nanos_from_ms(20));
    return done();
  }
  void drain() {
    while (loop_->run_once({0})) {
    }
  }
  void ask(End& from, const std::string& text, std::vector<std::string>& answers) {
    from.board.call(kPort, as_bytes(text), kNever, [&answers](const Result<Board::Reply>& reply) {
      answers.push_back(reply ? std::string(as_text(reply->payload)) : code_name(reply.error().code));
    });
  }

  std::unique_ptr<os::Loop> loop_ = os::Loop::create().value();
  End consumer_{*loop_, "consumer"}, first_{*loop_, "first"}, second_{*loop_, "second"};
};

TEST_F(BoardTest, a_cancelled_call_ends_at_once_and_its_late_reply_is_skipped) {
  connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer_, first_);
  flip(1, consumer_, first_);
  first_.hold = true;
  std::vector<std::string> answers;
  const auto id = consumer_.board.call(kPort, as_bytes("a"), kNever, [&](const Result<Board::Reply>& reply) {
    answers.push_back(reply ? "reply" : code_name(reply.error().code));
  });
  ASSERT_TRUE(until([&] { return first_.held.size() == 1; }));
  consumer_.board.cancel(id);
  consumer_.board.cancel(id);
  EXPECT_EQ(answers, std::vector<std::string>{"RTT0707"});
  EXPECT_FALSE(consumer_.board.owes());
  first_.hold = false;
  ASSERT_TRUE(first_.board.reply(first_.held[0].first, first_.held[0].second, as_bytes("late")).has_value());
  ask(consumer_, "b", answers);
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[1], "first:b");
}

TEST_F(BoardTest, a_built_lane_carries_nothing_before_its_flip) {
  connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer_, first_);
  EXPECT_FALSE(consumer_.board.wired(kPort));
  std::vector<std::string> answers;
  ask(consumer_, "early", answers);
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  EXPECT_EQ(answers[0], "RTT0501");
  flip(1, consumer_, first_);
  ask(consumer_, "now", answers);
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[1], "first:now");
}

TEST_F(BoardTest, replies_owed_by_the_old_provider_come_after_the_flip) {
  connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer_, first_);
  flip(1, consumer_, first_);
  first_.hold = true;
  std::vector<std::string> answers;
  ask(consumer_, "a", answers);
  ask(consumer_, "b", answers);
  ASSERT_TRUE(until([&] { return first_.held.size() == 2; }));
  connect(2, route(1, "rtt://core/api/metrics@1.1.0"), consumer_, second_, 1);
  flip(2, consumer_, second_);
  ask(consumer_, "c", answers);
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  EXPECT_EQ(answers[0], "second:c");
  EXPECT_TRUE(consumer_.gone.empty()) << "the old lane was closed with replies owed";
  for (const auto& [lane, id] : first_.held)
    ASSERT_TRUE(first_.board.reply(lane, id, as_bytes("late")).has_value());
  ASSERT_TRUE(
      until([&] { return answers.size() == 3 && consumer_.gone.size() == 1 && first_.gone.size() == 1; }));
  EXPECT_FALSE(consumer_.gone[0].broken);
  EXPECT_FALSE(first_.gone[0].broken);
  EXPECT_EQ(second_.ids, std::vector<std::uint32_t>{4}) << "ids go on behind the FIN of the old lane";
}

TEST_F(BoardTest, calls_on_a_lane_that_dies_end_with_lost_and_are_not_sent_again) {
  connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer_, first_);
  flip(1, consumer_, first_);
  first_.hold = true;
  std::vector<std::string> answers;
  ask(consumer_, "a", answers);
  ASSERT_TRUE(until([&] { return first_.held.size() == 1; }));
  first_.board.abandon(1, {.code = Code::kInternal, .message = "dies"});
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  EXPECT_EQ(answers[0], "RTT0704");
  ASSERT_EQ(consumer_.gone.size(), 1u);
  EXPECT_TRUE(consumer_.gone[0].broken);
  connect(2, route(1, "rtt://core/api/metrics@1.1.0"), consumer_, second_, 1);
  flip(2, consumer_, second_);
  drain();
  EXPECT_TRUE(second_.arrived.empty());
}

TEST_F(BoardTest, a_reply_after_the_deadline_is_dropped_and_the_lane_goes_on) {
  connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer_, first_);
  flip(1, consumer_, first_);
  first_.hold = true;
  std::vector<std::string> answers;
  consumer_.board.call(kPort, as_bytes("a"), nanos_from_ms(1), [&](const Result<Board::Reply>& reply) {
    answers.push_back(reply ? "reply" : code_name(reply.error().code));
  });
  ASSERT_TRUE(until([&] { return answers.size() == 1; }));
  EXPECT_EQ(answers[0], "RTT0705");
  ASSERT_TRUE(until([&] { return first_.held.size() == 1; }));
  ASSERT_TRUE(first_.board.reply(first_.held[0].first, first_.held[0].second, as_bytes("late")).has_value());
  first_.hold = false;
  ask(consumer_, "b", answers);
  ASSERT_TRUE(until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[1], "first:b");
}

// 300 seeds: calls and flips between two providers in any order. Every call is answered once, by the provider
// its lane led to, and each lane's requests arrive in the order they were made, with ids that go on.
TEST_F(BoardTest, no_call_is_lost_doubled_or_reordered_through_flips) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    End consumer(*loop_, "consumer"), a(*loop_, "a"), b(*loop_, "b");
    End* serving = &a;
    std::uint64_t generation = 1, built = 0;
    connect(1, route(1, "rtt://core/api/metrics@1.0.0"), consumer, a);
    flip(1, consumer, a);
    std::vector<std::string> answers, expected;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 4) {
        case 0:
        case 1:
          expected.push_back(serving->name + ":" + std::to_string(step));
          ask(consumer, std::to_string(step), answers);
          break;
        case 2:
          if (built == 0) {
            built = generation + 1;
            connect(built, route(1, "rtt://core/api/metrics@1.0.0"), consumer, serving == &a ? b : a,
                    generation);
          } else {
            serving = serving == &a ? &b : &a;
            flip(built, consumer, *serving);
            generation = std::exchange(built, 0);
          }
          break;
        default:
          loop_->run_once({0});
      }
    }
    ASSERT_TRUE(until([&] { return answers.size() == expected.size(); }));
    drain();
    std::ranges::sort(answers);
    std::ranges::sort(expected);
    EXPECT_EQ(answers, expected);
    std::vector<std::uint32_t> ids = a.ids;
    ids.insert(ids.end(), b.ids.begin(), b.ids.end());
    EXPECT_TRUE(std::ranges::is_sorted(a.ids) && std::ranges::is_sorted(b.ids));
    std::ranges::sort(ids);
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end()) << "an id was used twice";
    EXPECT_EQ(consumer.gone.size(), generation - 1);
  }
}

TEST_F(BoardTest, a_subscriber_that_does_not_read_costs_the_others_nothing) {
  const auto events = [&](std::uint32_t id, std::string_view to) {
    return route(id, to, model::RouteClass::kPubsub);
  };
  const auto quick_route = events(1, "rtt://obs/extension/quick@1.0.0");
  const auto slow_route = events(2, "rtt://obs/extension/slow@1.0.0");
  connect(1, quick_route, consumer_, first_);
  flip(1, consumer_, first_);
  // The slow one is a bare socket nobody reads.
  auto pair = os::socket_pair().value();
  ASSERT_TRUE(
      consumer_.board
          .bind({.generation = 2, .side = Side::kFrom, .route = slow_route, .port = port_of(slow_route)},
                over(std::move(pair.first)))
          .has_value());
  ASSERT_TRUE(consumer_.board.flip(2).has_value());
  const std::string event(1 << 20, 'x');
  std::size_t dropped = 0;
  for (int i = 0; i < 100; ++i) {
    const auto done = consumer_.board.publish({}, as_bytes(event));
    ASSERT_TRUE(done.has_value());
    EXPECT_GE(done->sent, 1u);
    dropped += done->dropped;
    ASSERT_TRUE(until([&] { return first_.arrived.size() == static_cast<std::size_t>(i) + 1; }));
  }
  EXPECT_GT(dropped, 0u);
  const text::Json rows = consumer_.board.describe();
  EXPECT_EQ(rows.as_array()[0].int_or("dropped", -1), 0);
  EXPECT_EQ(rows.as_array()[1].int_or("dropped", -1), static_cast<std::int64_t>(dropped));
}

TEST_F(BoardTest, publishing_to_nobody_says_so) {
  const auto done = consumer_.board.publish({}, as_bytes("x"));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kNoProvider);
}

TEST_F(BoardTest, binding_reads_back_what_it_wrote) {
  Binding binding{
      .generation = 77, .side = Side::kTo, .route = route(3, "rtt://core/api/metrics@1.0.0"), .follows = 5};
  binding.port = port_of(binding.route);
  const auto back = binding_from_json(to_json(binding));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(binding));
  EXPECT_FALSE(binding_from_json(text::Json::object({{"generation", 0}})).has_value());
}

}  // namespace
}  // namespace rtt::endpoint
