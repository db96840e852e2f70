// SPDX-License-Identifier: Apache-2.0
// What a lane does with a message too many, by its policy and by what it is made of, and that each message
// that does not arrive is counted under its reason.
#include <gtest/gtest.h>

#include <map>

#include "endpoint/board.h"
#include "fabric/frame.h"
#include "fabric/shm/control_page.h"
#include "fabric/uds/lane.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {
namespace {

using model::Backpressure;
using model::LaneKind;
using model::RouteClass;
using telemetry::DropReason;

constexpr std::uint64_t kGeneration = 1;

// One board with its page in sight.
struct End {
  explicit End(os::Loop& loop)
      : board(
            loop,
            [this](const Arrival& arrival) {
              arrived.emplace_back(as_text(arrival.payload));
              if (on) on(arrival);
            },
            [this](const Board::Gone& g) { gone.push_back(g); }) {}
  [[nodiscard]] std::uint64_t dropped(DropReason reason) const {
    return telemetry::sample_of(page.bytes()).value().drops[static_cast<std::size_t>(reason)];
  }
  std::vector<std::string> arrived;
  std::vector<Board::Gone> gone;
  std::function<void(const Arrival&)> on;
  os::Mapping page;
  Board board;
};

// `end` answers requests of route 1 that come over the socket whose other end is returned.
os::Fd reader_of_requests(End& end) {
  model::Route route;
  route.id = {1};
  route.from = model::parse_definition("rtt://ui/hook/refresh@1.0.0").value();
  route.to = model::parse_definition("rtt://core/api/metrics@1.0.0").value();
  auto pair = os::socket_pair().value();
  auto page = os::create_shared_memory("test", telemetry::kPageBytes).value();
  end.page = os::map_shared_memory(page.readable.get(), telemetry::kPageBytes).value();
  Board::Parts parts;
  parts.page = std::move(page.memory);
  parts.socket = std::move(pair.first);
  EXPECT_TRUE(end.board.bind({.generation = 1, .side = Side::kTo, .route = route, .port = port_of(route)},
                             std::move(parts)));
  return std::move(pair.second);
}

class LanePolicy : public ::testing::TestWithParam<LaneKind> {
 protected:
  void connect(RouteClass route_class, std::optional<Backpressure> policy) {
    route_.id = {1};
    route_.from = model::parse_definition("rtt://core/bus/events@1.0.0").value();
    route_.to = model::parse_definition("rtt://obs/extension/log@1.0.0").value();
    route_.route_class = route_class;
    route_.qos.backpressure = policy;
    route_.node_from = route_.node_to = "local";
    route_.origin = "routes";
    build(kGeneration, GetParam(), 0);
    flip(kGeneration);
  }
  // `ring` above 1: in the chain of the lane it follows, behind the gate of its reader.
  void build(std::uint64_t generation, LaneKind lane, std::uint64_t follows, std::uint32_t ring = 1,
             os::ProcessId gate_owner = {}) {
    Board::Parts from, to;
    const Binding here = binding(Side::kFrom, generation, lane, follows),
                  there = binding(Side::kTo, generation, lane, follows);
    if (lane == LaneKind::kShm) {
      if (ring == 1) {
        page_generation_ = generation;
        control_ =
            fabric::shm::ControlPage::create({.generation = generation, .route_id = route_.id.value}, 1)
                .value();
      }
      from.params = to.params = {.ring = ring,
                                 .size = {slots_, std::size_t{1} << 18},
                                 .fence = os::register_fence(),
                                 .control = page_generation_};
      from.offer = ShmOffer::make(here, from.params).value();
      to.offer = ShmOffer::make(there, to.params).value();
      from.shm = parts_of(to.offer, reader_->board, *control_);
      to.shm = parts_of(from.offer, from_.board, *control_);
      if (ring > 1) to.shm.gate = gate_.duplicate().value();
      to.shm.gate_owner = gate_owner;
      gate_ = to.offer.index.readable.duplicate().value();
    } else {
      auto pair = os::socket_pair().value();
      from.socket = std::move(pair.first);
      to.socket = std::move(pair.second);
    }
    for (auto* each : {&from, &to}) {
      auto page = os::create_shared_memory("test", telemetry::kPageBytes).value();
      (each == &from ? from_ : *reader_).page =
          os::map_shared_memory(page.readable.get(), telemetry::kPageBytes).value();
      each->page = std::move(page.memory);
    }
    ASSERT_TRUE(from_.board.bind(here, std::move(from)));
    ASSERT_TRUE(reader_->board.bind(there, std::move(to)));
  }
  void flip(std::uint64_t generation) {
    ASSERT_TRUE(reader_->board.flip(generation));
    ASSERT_TRUE(from_.board.flip(generation));
  }
  [[nodiscard]] Binding binding(Side side, std::uint64_t generation, LaneKind lane,
                                std::uint64_t follows) const {
    return {.generation = generation,
            .side = side,
            .route = route_,
            .lane = lane,
            .port = port_of(route_),
            .follows = follows};
  }
  static ShmParts parts_of(const ShmOffer& offer, const Board& board,
                           const fabric::shm::ControlPage& control) {
    return {.ring = offer.ring.readable.duplicate().value(),
            .index = offer.index.readable.duplicate().value(),
            .bell = board.bell().duplicate().value(),
            .control = control.descriptor().value(),
            .gate = {}};
  }
  // Messages numbered from 0, until one is not taken; nobody reads meanwhile.
  struct Filled {
    std::size_t taken = 0, dropped = 0;
    std::optional<Code> refused;
  };
  Filled fill(std::size_t most) {
    Filled filled;
    const std::string padding(64 << 10, ' ');
    while (filled.taken < most && filled.dropped == 0 && !filled.refused) {
      const auto done =
          from_.board.publish({}, as_bytes(std::to_string(filled.taken + filled.dropped) + padding));
      if (!done) {
        filled.refused = done.error().code;
      } else {
        filled.taken += done->sent;
        filled.dropped += done->dropped;
      }
    }
    return filled;
  }
  void expect_in_order(std::size_t count) {
    for (int turns = 0; turns < 20'000 && to_.arrived.size() < count; ++turns)
      loop_->run_once(nanos_from_ms(10));
    ASSERT_EQ(to_.arrived.size(), count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(std::stoul(to_.arrived[i]), i);
  }

  std::unique_ptr<os::Loop> loop_ = os::Loop::create().value();
  End from_{*loop_}, to_{*loop_};
  End* reader_ = &to_;  // of the lane built next
  model::Route route_;
  std::optional<fabric::shm::ControlPage> control_;  // of the chain built last
  std::uint64_t page_generation_ = 0;
  std::uint32_t slots_ = 64;
  os::Fd gate_;
};

TEST_P(LanePolicy, taildrop_drops_and_counts) {
  connect(RouteClass::kPubsub, std::nullopt);
  const Filled filled = fill(2000);
  EXPECT_EQ(filled.dropped, 1U);
  EXPECT_EQ(from_.dropped(DropReason::kFull), 1U);
  expect_in_order(filled.taken);
  ASSERT_TRUE(from_.board.publish({}, as_bytes(std::to_string(filled.taken)))) << "there is room again";
  expect_in_order(filled.taken + 1);
}

TEST_P(LanePolicy, nack_refuses_and_counts) {
  connect(RouteClass::kPubsub, Backpressure::kNack);
  const Filled filled = fill(2000);
  EXPECT_EQ(filled.refused, Code::kBusy);
  EXPECT_EQ(from_.dropped(DropReason::kFull), 1U);
  expect_in_order(filled.taken);
}

// A stream: everything up to the queue's limit waits, in order, and nothing of it is lost at its end.
TEST_P(LanePolicy, buffer_keeps_what_does_not_fit_and_delivers_it_before_the_end) {
  connect(RouteClass::kStream, std::nullopt);
  const Filled filled = fill(200);
  EXPECT_EQ(filled.taken, 200U) << "12.5 MiB, the ring holds 256 KiB, the queue 32 MiB";
  EXPECT_EQ(from_.dropped(DropReason::kFull), 0U);
  EXPECT_GT(from_.board.queued_bytes(), 0U);
  from_.board.close(kGeneration);
  expect_in_order(filled.taken);
  EXPECT_EQ(from_.board.queued_bytes(), 0U);
  for (int turns = 0; turns < 2000 && (from_.gone.empty() || to_.gone.empty()); ++turns)
    loop_->run_once(nanos_from_ms(10));
  ASSERT_EQ(from_.gone.size(), 1U);
  ASSERT_EQ(to_.gone.size(), 1U);
  EXPECT_FALSE(from_.gone[0].broken) << from_.gone[0].why.message;
  EXPECT_FALSE(to_.gone[0].broken) << to_.gone[0].why.message;
}

TEST_P(LanePolicy, an_end_that_gives_up_says_the_last_word) {
  connect(RouteClass::kStream, std::nullopt);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(from_.board.publish({}, as_bytes(std::to_string(i)))->sent, 1U);
  to_.board.close(kGeneration);  // reads on to the end
  from_.board.abandon(kGeneration, {.code = Code::kLost, .message = "gone"});
  for (int turns = 0; turns < 200 && to_.gone.empty(); ++turns) loop_->run_once(nanos_from_ms(10));
  ASSERT_EQ(to_.gone.size(), 1U);
  EXPECT_FALSE(to_.gone[0].broken) << to_.gone[0].why.message;
  expect_in_order(3);
}

TEST_P(LanePolicy, what_an_end_wrote_before_it_left_still_counts) {
  // What a socket holds; in shared memory more than the loop takes before others have their turn.
  const std::size_t many = GetParam() == LaneKind::kShm ? 8000 : 40;
  slots_ = 16'384;
  connect(RouteClass::kStream, std::nullopt);
  for (std::size_t i = 0; i < many; ++i)
    ASSERT_EQ(from_.board.publish({}, as_bytes(std::to_string(i)))->sent, 1U);
  to_.board.left(kGeneration, {.code = Code::kLost, .message = "it left"});
  from_.board.abandon(kGeneration, {.code = Code::kLost, .message = "gone"});
  for (int turns = 0; turns < 200 && to_.gone.empty(); ++turns) loop_->run_once(nanos_from_ms(10));
  ASSERT_EQ(to_.gone.size(), 1U);
  expect_in_order(many);
}

TEST_P(LanePolicy, buffer_has_a_limit) {
  connect(RouteClass::kStream, std::nullopt);
  const Filled filled = fill(2000);
  EXPECT_EQ(filled.refused, Code::kBusy);
  EXPECT_LT(filled.taken, 600U);
  EXPECT_EQ(from_.dropped(DropReason::kFull), 1U);
  expect_in_order(filled.taken);
}

TEST_P(LanePolicy, a_call_that_waits_too_long_is_a_deadline_and_one_whose_lane_ends_is_lost) {
  connect(RouteClass::kReq, std::nullopt);
  std::vector<Code> answers;
  const auto keep = [&](const Result<Board::Reply>& reply) { answers.push_back(reply.error().code); };
  from_.board.call(port_of(route_), as_bytes("late"), nanos_from_ms(1), keep);
  from_.board.call(port_of(route_), as_bytes("lost"), Nanos{-1}, keep);
  for (int turns = 0; turns < 2000 && answers.empty(); ++turns) loop_->run_once(nanos_from_ms(10));
  EXPECT_EQ(answers, std::vector{Code::kDeadline});
  EXPECT_EQ(from_.dropped(DropReason::kDeadline), 1U);
  from_.board.abandon(kGeneration, {.code = Code::kLost, .message = "gone"});
  EXPECT_EQ(answers, (std::vector{Code::kDeadline, Code::kLost}));
  EXPECT_EQ(from_.dropped(DropReason::kLost), 1U);
}

// What a full lane holds is read before the first message of the lane that takes over, of whatever kind: some
// of it waits at its sender, and the new lane is empty.
TEST_P(LanePolicy, a_lane_that_takes_over_is_read_behind_the_old_ones_end) {
  connect(RouteClass::kStream, std::nullopt);
  std::size_t count = fill(2000).taken;
  std::uint64_t generation = kGeneration;
  for (const LaneKind next :
       {LaneKind::kUds, LaneKind::kShm, LaneKind::kShm, LaneKind::kUds, LaneKind::kUds}) {
    build(generation + 1, next, generation);
    flip(++generation);
    for (int i = 0; i < 3; ++i)
      ASSERT_EQ(from_.board.publish({}, as_bytes(std::to_string(count++))).value().sent, 1U);
  }
  expect_in_order(count);
  EXPECT_TRUE(std::ranges::none_of(to_.gone, &Board::Gone::broken));
}

// A handler that makes the board work (to publish, to wait for an answer) is not entered again, and what it
// looks at stays as it is.
TEST_P(LanePolicy, a_handler_that_waits_is_not_entered_again) {
  connect(RouteClass::kStream, std::nullopt);
  int depth = 0;
  to_.on = [&](const Arrival& arrival) {
    const std::string before(as_text(arrival.payload));
    ASSERT_EQ(++depth, 1);
    to_.board.wait({0}, {0});
    to_.board.wait(Nanos{100'000}, {0});
    ASSERT_EQ(as_text(arrival.payload), before);
    --depth;
  };
  for (int i = 0; i < 50; ++i) ASSERT_EQ(from_.board.publish({}, as_bytes(std::to_string(i)))->sent, 1U);
  expect_in_order(50);
}

TEST_P(LanePolicy, a_slow_subscriber_costs_the_others_nothing) {
  constexpr std::size_t kMessages = 2000;  // 125 MiB: more than a ring or a socket's queue holds
  connect(RouteClass::kPubsub, std::nullopt);
  const auto another_loop = os::Loop::create().value();  // which nobody runs
  End slow(*another_loop);
  reader_ = &slow;
  route_.id = {2};
  route_.to = model::parse_definition("rtt://obs/extension/slow@1.0.0").value();
  build(2, GetParam(), 0);
  flip(2);
  const std::string padding(64 << 10, ' ');
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < kMessages; ++i) {
    const auto done = from_.board.publish({}, as_bytes(std::to_string(i) + padding)).value();
    ASSERT_GE(done.sent, 1U);
    dropped += done.dropped;
    for (int turns = 0; turns < 2000 && to_.arrived.size() <= i; ++turns) loop_->run_once(nanos_from_ms(10));
    ASSERT_EQ(to_.arrived.size(), i + 1);
  }
  EXPECT_GT(dropped, 0U);
  expect_in_order(kMessages);
  EXPECT_TRUE(slow.arrived.empty());
  EXPECT_EQ(from_.dropped(DropReason::kFull), dropped);  // counted on the slow one's lane, built last
}

TEST_P(LanePolicy, what_a_message_finds_waiting_is_its_queue_depth) {
  connect(RouteClass::kStream, std::nullopt);
  const Filled filled = fill(200);  // 12.5 MiB, which no ring and no socket holds by itself
  ASSERT_EQ(filled.taken, 200U);
  const auto depth = [&] { return telemetry::sample_of(from_.page.bytes()).value().queue_depth; };
  EXPECT_GT(depth(), GetParam() == LaneKind::kShm ? 150U : 0U);  // a ring holds a few, the others wait
  expect_in_order(200);
  ASSERT_TRUE(from_.board.publish({}, as_bytes("200")));
  EXPECT_EQ(depth(), 0U);
  expect_in_order(201);
}

TEST_P(LanePolicy, what_comes_on_another_lane_waits_for_the_handler) {
  connect(RouteClass::kStream, std::nullopt);
  route_.id = {2};
  route_.to = model::parse_definition("rtt://obs/extension/other@1.0.0").value();
  build(2, LaneKind::kUds, 0);
  flip(2);
  int depth = 0;
  std::map<std::string, int> came;  // by lane
  to_.on = [&](const Arrival& arrival) {
    ASSERT_EQ(++depth, 1);
    ASSERT_EQ(std::stoi(std::string(as_text(arrival.payload))),
              came[std::to_string(arrival.binding->generation)]++);
    for (int i = 0; i < 3; ++i) to_.board.wait({0}, {0});
    --depth;
  };
  for (int i = 0; i < 50; ++i) ASSERT_EQ(from_.board.publish({}, as_bytes(std::to_string(i)))->sent, 2U);
  for (int turns = 0; turns < 2000 && to_.arrived.size() < 100; ++turns) loop_->run_once(nanos_from_ms(10));
  EXPECT_EQ(came, (std::map<std::string, int>{{"1", 50}, {"2", 50}}));
}

TEST_P(LanePolicy, a_lane_that_goes_while_its_handler_waits_is_there_until_it_returns) {
  connect(RouteClass::kStream, std::nullopt);
  to_.on = [&](const Arrival& arrival) {
    if (to_.gone.empty()) to_.board.abandon(kGeneration, {.code = Code::kLost, .message = "gone"});
    to_.board.wait(Nanos{100'000}, {0});
    ASSERT_EQ(arrival.binding->generation, kGeneration);
    ASSERT_EQ(std::stoul(std::string(as_text(arrival.payload))) + 1, to_.arrived.size());
  };
  for (int i = 0; i < 10; ++i) (void)from_.board.publish({}, as_bytes(std::to_string(i)));
  for (int turns = 0; turns < 2000 && to_.gone.empty(); ++turns) loop_->run_once(nanos_from_ms(10));
  EXPECT_EQ(to_.board.lanes(), 0U);
  while (loop_->run_once({0})) {
  }
}

// A change that was called off: its lane goes at both ends, and the next one may have its place in the chain.
TEST_P(LanePolicy, a_built_lane_that_is_closed_leaves_its_place) {
  if (GetParam() != LaneKind::kShm) return;
  connect(RouteClass::kStream, std::nullopt);
  for (std::uint64_t generation = 2; generation < 20; ++generation) {
    os::Fd gate = gate_.duplicate().value();
    build(generation, LaneKind::kShm, kGeneration, 2);
    gate_ = std::move(gate);
    for (End* end : {&from_, &to_}) {
      end->board.close(generation);
      EXPECT_EQ(end->board.lanes(), 1U);
      ASSERT_EQ(end->gone.size(), generation - 1);
      EXPECT_FALSE(end->gone.back().broken);
    }
  }
  build(20, LaneKind::kShm, kGeneration, 2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(from_.board.publish({}, as_bytes(std::to_string(i))));
  control_->flip(2);
  flip(20);
  for (int i = 3; i < 6; ++i) ASSERT_TRUE(from_.board.publish({}, as_bytes(std::to_string(i))));
  expect_in_order(6);
}

// The reader before is stopped and never says how far it came: whoever reads on starts when it has ended.
TEST_P(LanePolicy, a_gate_opens_when_the_process_behind_it_ends) {
  if (GetParam() != LaneKind::kShm) return;
  connect(RouteClass::kStream, std::nullopt);
  auto hung = os::spawn({.argv = {"sleep", "1000"}, .env = {{"PATH", "/usr/bin:/bin"}}});
  ASSERT_TRUE(hung);
  gate_ = os::create_shared_memory("test", fabric::shm::kIndexBytes)->readable.duplicate().value();
  build(2, LaneKind::kShm, kGeneration, 2,
        {.pid = hung->pid(), .start_time = os::process_start_time(hung->pid()).value()});
  control_->flip(2);
  flip(2);
  ASSERT_TRUE(from_.board.publish({}, as_bytes("0")));
  for (int turns = 0; turns < 20; ++turns) loop_->run_once({1'000'000});
  EXPECT_TRUE(to_.arrived.empty());
  hung->kill();
  expect_in_order(1);
}

INSTANTIATE_TEST_SUITE_P(Lanes, LanePolicy, ::testing::Values(LaneKind::kUds, LaneKind::kShm),
                         [](const auto& each) { return std::string(model::to_string(each.param)); });

// What comes is no frame that verifies: counted, the lane ends, the board goes on.
TEST(LaneChecksum, a_frame_that_does_not_verify_is_counted_as_crc) {
  const auto loop = os::Loop::create().value();
  End end(*loop);
  const os::Fd asker = reader_of_requests(end);
  const std::string_view payload = "{\"n\":1}";
  const auto header = fabric::encode_header({.route_id = 1, .frame_id = 1}, as_bytes(payload));
  Bytes frame(header.begin(), header.end());
  frame.insert(frame.end(), as_bytes(payload).begin(), as_bytes(payload).end());
  frame.back() ^= std::byte{1};
  ASSERT_TRUE(os::send_all(asker.get(), frame));
  for (int turns = 0; turns < 2000 && end.gone.empty(); ++turns) loop->run_once(nanos_from_ms(10));
  ASSERT_EQ(end.gone.size(), 1U);
  EXPECT_TRUE(end.gone[0].broken);
  EXPECT_EQ(end.gone[0].why.code, Code::kFrame);
  EXPECT_EQ(end.dropped(DropReason::kCrc), 1U);
  EXPECT_TRUE(end.arrived.empty());
}

// An asker that never waits for an answer, and a handler that gives none.
TEST(LaneLimits, requests_beyond_the_limit_are_refused_and_counted) {
  const auto loop = os::Loop::create().value();
  End end(*loop);
  os::Fd socket = reader_of_requests(end);
  int refused = 0;
  const auto asker = fabric::UdsLane::start(
                         *loop, std::move(socket), {.route_id = 1},
                         [&](const fabric::LaneMessage& message) {
                           refused += message.kind == fabric::MessageKind::kErrorReply ? 1 : 0;
                         },
                         [](const Error&) {})
                         .value();
  for (std::size_t i = 0; i < kCallsMax + 3; ++i) ASSERT_TRUE(asker->send_request({}));
  for (int turns = 0; turns < 100'000 && refused < 3; ++turns) loop->run_once(nanos_from_ms(10));
  EXPECT_EQ(end.arrived.size(), kCallsMax);
  EXPECT_EQ(end.dropped(DropReason::kFull), 3U);
}

}  // namespace
}  // namespace rtt::endpoint
