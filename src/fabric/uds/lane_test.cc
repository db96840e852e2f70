// SPDX-License-Identifier: Apache-2.0
// Both faces of the unix socket lane: messages of every size arrive whole and in order, replies name their
// request, and an end that breaks the rules gets a typed error and a closed lane.
#include "fabric/uds/lane.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <new>
#include <random>
#include <thread>

#include "base/hex.h"
#include "fabric/allocations_for_test.h"
#include "fabric/uds/blocking_lane.h"
#include "os/clock.h"
#include "os/unix_socket.h"

namespace {

std::size_t allocations = 0;  // of the thread that runs the test; the allocation test is single-threaded

}  // namespace

// Counts what the program asks of the heap, for the test that small frames ask for nothing.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace rtt::fabric {

std::size_t allocations_for_test() { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }

namespace {

constexpr Nanos kPatience{20'000'000'000};
constexpr std::uint32_t kRoute = 7;

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  std::minstd_rand generator(seed + 1);
  for (std::byte& b : bytes) b = static_cast<std::byte>(generator());
  return bytes;
}

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() : loop_(std::move(os::Loop::create()).value()) {
    auto ends = os::socket_pair().value();
    a_ = std::move(ends.first);
    b_ = std::move(ends.second);
  }
  template <typename Done>
  bool until(Done done) {
    const Instant start = os::now();
    while (!done()) {
      if (os::now() - start > kPatience) return false;
      (void)loop_->run_once(nanos_from_ms(100));
    }
    return true;
  }
  std::unique_ptr<UdsLane> start(os::Fd fd, UdsLane::OnMessage on_message,
                                 UdsLane::Options options = {.route_id = kRoute}) {
    return UdsLane::start(*loop_, std::move(fd), options, std::move(on_message),
                          [this](const Error& why) { closed_.push_back(why); })
        .value();
  }
  static void raw_send(const os::Fd& fd, ByteView bytes) {
    ASSERT_TRUE(os::send_all(fd.get(), bytes).has_value());
  }
  static Bytes frame(std::uint32_t id, std::uint16_t flags, ByteView payload, std::uint32_t route = kRoute) {
    const auto header = encode_header({.flags = flags, .route_id = route, .frame_id = id}, payload);
    Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }
  void expect_closed(Code code) {
    ASSERT_TRUE(until([&] { return !closed_.empty(); }));
    EXPECT_EQ(closed_.front().code, code) << closed_.front().message;
    for (int i = 0; i < 10; ++i) (void)loop_->run_once({0});
    EXPECT_EQ(closed_.size(), 1u);
  }

  std::unique_ptr<os::Loop> loop_;
  os::Fd a_, b_;
  std::vector<Error> closed_;
};

TEST_F(LaneTest, messages_of_every_size_arrive_whole_in_order_and_replies_name_them) {
  const std::size_t sizes[] = {0,
                               1,
                               40,
                               4096,
                               65'536,
                               kFragmentBytesMax - 4,
                               kFragmentBytesMax - 3,
                               kFragmentBytesMax,
                               kFragmentBytesMax + 1,
                               1 << 20,
                               (5 << 20) + 17,
                               3};
  std::unique_ptr<UdsLane> server = start(std::move(b_), [&](const LaneMessage& message) {
    ASSERT_EQ(message.kind, MessageKind::kRequest);
    // Every third is an error, so all three kinds travel.
    const Status sent = message.payload.size() % 3 == 1 ? server->send_error(message.id, message.payload)
                                                        : server->send_reply(message.id, message.payload);
    ASSERT_TRUE(sent.has_value()) << sent.error().message;
  });
  std::deque<std::pair<std::uint32_t, Bytes>> expected;
  std::size_t answered = 0;
  auto client = start(std::move(a_), [&](const LaneMessage& message) {
    ASSERT_FALSE(expected.empty());
    const auto& [id, payload] = expected.front();
    EXPECT_EQ(message.reply_to, id);
    EXPECT_EQ(message.kind, payload.size() % 3 == 1 ? MessageKind::kErrorReply : MessageKind::kReply);
    EXPECT_TRUE(std::equal(message.payload.begin(), message.payload.end(), payload.begin(), payload.end()));
    expected.pop_front();
    ++answered;
  });
  unsigned seed = 0;
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : sizes) {
      Bytes payload = pattern(size, ++seed);
      const auto id = client->send_request(payload);
      ASSERT_TRUE(id.has_value());
      expected.emplace_back(*id, std::move(payload));
    }
  }
  ASSERT_TRUE(until([&] { return answered == 3 * std::size(sizes) || !closed_.empty(); }));
  EXPECT_TRUE(closed_.empty()) << closed_.front().message;
}

TEST_F(LaneTest, the_largest_message_fits_and_one_byte_more_does_not) {
  std::size_t received = 0;
  auto server = start(std::move(b_), [&](const LaneMessage& message) { received = message.payload.size(); });
  auto client = start(std::move(a_), [](const LaneMessage&) {});
  Bytes payload(limits::kFramePayloadBytesMax + 1);
  EXPECT_EQ(client->send_request(payload).error().code, Code::kTooLarge);
  payload.pop_back();
  ASSERT_TRUE(client->send_request(payload).has_value());
  ASSERT_TRUE(until([&] { return received != 0; }));
  EXPECT_EQ(received, limits::kFramePayloadBytesMax);
}

TEST_F(LaneTest, small_frames_allocate_nothing_once_warm) {
  std::unique_ptr<UdsLane> server = start(std::move(b_), [&](const LaneMessage& message) {
    (void)server->send_reply(message.id, message.payload);
  });
  int replies = 0;
  auto client = start(std::move(a_), [&](const LaneMessage&) { ++replies; });
  const Bytes payload = pattern(200, 1);
  const auto round_trip = [&] {
    const int before = replies;
    (void)client->send_request(payload);
    while (replies == before) (void)loop_->run_once({-1});
  };
  for (int i = 0; i < 100; ++i) round_trip();
  const std::size_t before = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
  for (int i = 0; i < 1000; ++i) round_trip();
  EXPECT_EQ(__atomic_load_n(&allocations, __ATOMIC_RELAXED) - before, 0u);
}

TEST_F(LaneTest, queue_is_bounded_and_a_reader_drains_it) {
  std::size_t received = 0;
  auto client =
      start(std::move(a_), [](const LaneMessage&) {}, {.route_id = kRoute, .queue_bytes_max = 100'000});
  const Bytes payload(10'000);
  std::size_t sent = 0;
  Result<std::uint32_t> last = 0;
  while ((last = client->send_request(payload))) ++sent;
  EXPECT_EQ(last.error().code, Code::kBusy);
  EXPECT_LE(client->queued_bytes(), 100'000u);
  EXPECT_TRUE(client->open());
  auto server = start(std::move(b_), [&](const LaneMessage&) { ++received; });
  ASSERT_TRUE(until([&] { return received == sent; }));
  EXPECT_TRUE(client->send_request(payload).has_value());
}

TEST_F(LaneTest, an_end_that_asks_and_does_not_read_is_read_no_further) {
  constexpr std::uint32_t kAsks = 3000;
  const Bytes reply(20'000);
  std::size_t most = 0, served = 0;
  std::unique_ptr<UdsLane> server = start(std::move(b_),
                                          [&](const LaneMessage& message) {
                                            ++served;
                                            ASSERT_TRUE(server->send_reply(message.id, reply).has_value());
                                            most = std::max(most, server->queued_bytes());
                                          },
                                          {.route_id = kRoute, .queue_bytes_max = 2'000'000});
  Bytes asks;  // thousands in one receive
  for (std::uint32_t id = 1; id <= kAsks; ++id) {
    const Bytes ask = frame(id, 0, as_bytes("x"));
    asks.insert(asks.end(), ask.begin(), ask.end());
  }
  raw_send(a_, asks);
  for (int i = 0; i < 100; ++i) (void)loop_->run_once({0});
  EXPECT_LT(served, 200u);
  EXPECT_LE(most, 2'000'000u);
  EXPECT_TRUE(closed_.empty());
  // Once it reads, every reply comes, in order.
  FrameReader reader({.payload_bytes_max = kLaneFrameBytesMax});
  std::uint32_t replies = 0;
  ASSERT_TRUE(until([&] {
    for (;;) {
      const auto received = os::receive(a_.get(), reader.space()).value();
      if (received.bytes == 0) break;
      reader.filled(received.bytes);
      while (const auto next = reader.next().value()) {
        EXPECT_EQ(load_le<std::uint32_t>(next->payload, 0), ++replies);
      }
    }
    return replies == kAsks || !closed_.empty();
  }));
  EXPECT_EQ(replies, kAsks);
  EXPECT_EQ(served, kAsks);
}

TEST_F(LaneTest, replies_that_are_owed_still_come_after_the_last_frame) {
  std::vector<MessageKind> at_server, at_client;
  std::unique_ptr<UdsLane> server = start(std::move(b_), [&](const LaneMessage& message) {
    at_server.push_back(message.kind);
    if (message.kind == MessageKind::kFin) {
      ASSERT_TRUE(server->send_reply(1, as_bytes("owed")).has_value());
      server->close();
    }
  });
  auto client = start(std::move(a_), [&](const LaneMessage& message) { at_client.push_back(message.kind); });
  ASSERT_TRUE(client->send_request(as_bytes("question")).has_value());
  ASSERT_TRUE(client->send_fin().has_value());
  EXPECT_EQ(client->send_request(as_bytes("late")).error().code, Code::kLost);
  ASSERT_TRUE(until([&] { return !closed_.empty(); }));
  EXPECT_EQ(closed_.front().code, Code::kLost);
  EXPECT_EQ(at_server, (std::vector{MessageKind::kRequest, MessageKind::kFin}));
  EXPECT_EQ(at_client, (std::vector{MessageKind::kReply}));
}

TEST_F(LaneTest, frames_sent_before_leaving_still_count) {
  int received = 0;
  raw_send(a_, frame(1, 0, as_bytes("one")));
  raw_send(a_, frame(2, 0, as_bytes("two")));
  a_.reset();
  auto server = start(std::move(b_), [&](const LaneMessage&) { ++received; });
  expect_closed(Code::kLost);
  EXPECT_EQ(received, 2);
}

TEST_F(LaneTest, destroying_the_lane_inside_its_handler_is_safe) {
  int received = 0;
  raw_send(a_, frame(1, 0, as_bytes("one")));
  raw_send(a_, frame(2, 0, as_bytes("two")));
  std::unique_ptr<UdsLane> server = start(std::move(b_), [&](const LaneMessage&) {
    ++received;
    server = nullptr;
  });
  ASSERT_TRUE(until([&] { return received > 0; }));
  for (int i = 0; i < 10; ++i) (void)loop_->run_once({0});
  EXPECT_EQ(received, 1);
  EXPECT_TRUE(closed_.empty());
}

// The bytes a lane writes are the published ones; tests/frame_decoder.py reads the same file from the format
// alone.
TEST_F(LaneTest, stream_is_the_golden_one) {
  auto lane = start(std::move(b_), [](const LaneMessage&) {});
  ASSERT_TRUE(lane->send_request(as_bytes(R"({"question":1})")).has_value());
  ASSERT_TRUE(lane->send_reply(5, as_bytes("answer")).has_value());
  ASSERT_TRUE(lane->send_error(6, as_bytes(R"({"code":"RTT0803"})")).has_value());
  ASSERT_TRUE(lane->send_reply(7, as_bytes("")).has_value());
  std::vector<os::Fd> fds(2);
  for (os::Fd& fd : fds) fd = std::move(os::socket_pair().value().first);
  ASSERT_TRUE(lane->send_request(as_bytes("two"), fds).has_value());
  ASSERT_TRUE(lane->send_fin().has_value());
  Bytes got;
  for (std::size_t came = 0; came < 2;) {  // the kernel ends a receive behind descriptors
    Bytes some(4096);
    const auto received = os::receive(a_.get(), some, 2).value();
    if (received.would_block) break;
    came += received.fds.empty() ? 0 : received.fds.size();
    got.insert(got.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(received.bytes));
  }
  Bytes rest(4096);
  rest.resize(os::receive(a_.get(), rest).value().bytes);
  got.insert(got.end(), rest.begin(), rest.end());
  std::ifstream file(RTT_SOURCE_DIR "/tests/golden/lane.frames", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(to_hex(got), to_hex(as_bytes(golden)));
}

// Requests and replies with 0 to 3 descriptors each, small and in fragments, many on their way at once: each
// arrives with its own. Every descriptor is one end of a pair, so that what arrives can be told by what is
// sent into it.
TEST_F(LaneTest, descriptors_arrive_with_their_message) {
  constexpr int kMessages = 40;
  const auto payload_of = [](int i) { return pattern(i % 7 == 0 ? 3 * kFragmentBytesMax : 20, 7); };
  std::map<int, std::vector<os::Fd>> mine;  // by message: the other ends of what it brings
  const auto pairs = [&](int i) {
    std::vector<os::Fd> theirs;
    for (int n = 0; n < i % 4; ++n) {
      auto pair = os::socket_pair().value();
      raw_send(pair.first, as_bytes(std::to_string(i)));
      mine[i].push_back(std::move(pair.first));
      theirs.push_back(std::move(pair.second));
    }
    return theirs;
  };
  const auto expect_own = [](int i, std::span<os::Fd> fds) {
    ASSERT_EQ(fds.size(), static_cast<std::size_t>(i % 4));
    for (const os::Fd& fd : fds) {
      Bytes got(8);
      got.resize(os::receive(fd.get(), got).value().bytes);
      EXPECT_EQ(as_text(got), std::to_string(i));
    }
  };
  int asked = 0, answered = 0;
  std::unique_ptr<UdsLane> server = start(std::move(b_), [&](const LaneMessage& message) {
    expect_own(asked++, message.fds);
    ASSERT_TRUE(server->send_reply(message.id, message.payload, message.fds).has_value());  // sent back
  });
  const auto client = start(std::move(a_), [&](const LaneMessage& message) {
    const auto kept = std::vector<os::Fd>(std::make_move_iterator(message.fds.begin()),
                                          std::make_move_iterator(message.fds.end()));
    ASSERT_EQ(kept.size(), static_cast<std::size_t>(answered % 4));
    for (std::size_t n = 0; n < kept.size(); ++n) {
      raw_send(kept[n], as_bytes("back"));
      Bytes got(8);
      got.resize(os::receive(mine[answered][n].get(), got).value().bytes);
      EXPECT_EQ(as_text(got), "back");
    }
    ++answered;
  });
  for (int i = 0; i < kMessages; ++i) {
    auto fds = pairs(i);
    ASSERT_TRUE(client->send_request(payload_of(i), fds).has_value());
  }
  ASSERT_TRUE(until([&] { return answered == kMessages; }));
  EXPECT_TRUE(closed_.empty());
}

TEST_F(LaneTest, descriptors_that_nobody_takes_are_closed) {
  int received = 0;
  const auto server = start(std::move(b_), [&](const LaneMessage&) { ++received; });
  const auto client = start(std::move(a_), [](const LaneMessage&) {});
  auto pair = os::socket_pair().value();
  std::vector<os::Fd> fds;
  fds.push_back(std::move(pair.second));
  ASSERT_TRUE(client->send_request(as_bytes("x"), fds).has_value());
  ASSERT_TRUE(until([&] { return received == 1; }));
  Bytes got(8);
  EXPECT_TRUE(os::receive(pair.first.get(), got).value().closed);  // nobody holds the other end
}

TEST_F(LaneTest, more_descriptors_than_a_message_carries_are_refused_and_kept) {
  const auto client = start(std::move(a_), [](const LaneMessage&) {});
  std::vector<os::Fd> fds(limits::kFdsPerFrameMax + 1);
  for (os::Fd& fd : fds) fd = std::move(os::socket_pair().value().first);
  EXPECT_EQ(client->send_request(as_bytes("x"), fds).error().code, Code::kBadArgument);
  EXPECT_TRUE(fds.front().valid());
}

// What an end may do wrong, and the code the lane closes with.
using Frames = std::vector<Bytes>;
struct Wrong {
  const char* name;
  Code code;
  Frames (*frames)();
};

class WrongTest : public LaneTest, public ::testing::WithParamInterface<Wrong> {
 public:
  static Bytes make(std::uint32_t id, std::uint16_t flags, ByteView payload, std::uint32_t route = kRoute) {
    return frame(id, flags, payload, route);
  }
};

TEST_P(WrongTest, closes_the_lane_with_its_code) {
  int received = 0;
  auto server = start(std::move(b_), [&](const LaneMessage&) { ++received; });
  for (const Bytes& bytes : GetParam().frames()) raw_send(a_, bytes);
  if (std::string_view(GetParam().name) == "truncated") a_.reset();
  expect_closed(GetParam().code);
  EXPECT_FALSE(server->open());
}

TEST_P(WrongTest, costs_a_blocking_caller_an_error_not_a_hang) {
  BlockingLane lane(std::move(b_), {.route_id = kRoute});
  for (const Bytes& bytes : GetParam().frames()) raw_send(a_, bytes);
  if (std::string_view(GetParam().name) == "truncated") a_.reset();
  const auto reply = lane.call(as_bytes("x"), 10'000);
  ASSERT_FALSE(reply.has_value());
  EXPECT_NE(reply.error().code, Code::kDeadline);
  EXPECT_EQ(lane.call(as_bytes("x"), 10'000).error().code, Code::kLost);
}

INSTANTIATE_TEST_SUITE_P(
    Lane, WrongTest,
    ::testing::Values(
        Wrong{"garbage", Code::kFrame, [] { return Frames{Bytes(64, std::byte{0xee})}; }},
        Wrong{"bad_crc", Code::kFrame,
              [] {
                Bytes bytes = WrongTest::make(1, 0, as_bytes("abc"));
                bytes.back() ^= std::byte{1};
                return Frames{bytes};
              }},
        Wrong{"length_over_the_limit", Code::kFrame,
              [] {
                Bytes bytes = WrongTest::make(1, 0, as_bytes("abc"));
                store_le<std::uint32_t>(bytes, 16, kLaneFrameBytesMax + 1);
                return Frames{bytes};
              }},
        Wrong{"truncated", Code::kFrame,
              [] {
                Bytes bytes = WrongTest::make(1, 0, as_bytes("abc"));
                bytes.pop_back();
                return Frames{bytes};
              }},
        Wrong{"other_route", Code::kFrame, [] { return Frames{WrongTest::make(1, 0, {}, 8)}; }},
        Wrong{"route_zero", Code::kFrame, [] { return Frames{WrongTest::make(1, 0, {}, 0)}; }},
        Wrong{"id_skipped", Code::kFrame, [] { return Frames{WrongTest::make(2, 0, {})}; }},
        Wrong{"id_repeated", Code::kFrame,
              [] { return Frames{WrongTest::make(1, 0, {}), WrongTest::make(1, 0, {})}; }},
        Wrong{"control_bit", Code::kFrame, [] { return Frames{WrongTest::make(1, kControl, {})}; }},
        Wrong{"arena_wrap_bit", Code::kFrame, [] { return Frames{WrongTest::make(1, kArenaWrap, {})}; }},
        Wrong{"weak_checksum", Code::kFrame, [] { return Frames{WrongTest::make(1, kCoverNone, {})}; }},
        Wrong{"reply_without_id", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kReply, as_bytes("abc"))}; }},
        Wrong{"error_without_request", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kErrorReply, as_bytes("abcd"))}; }},
        Wrong{"fin_with_payload", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kFin, as_bytes("x"))}; }},
        Wrong{"fragment_interrupted", Code::kFrame,
              [] {
                return Frames{WrongTest::make(1, kMore, as_bytes("x")),
                              WrongTest::make(2, kReply, as_bytes("abcd"))};
              }},
        Wrong{"fragment_of_another_reply", Code::kFrame,
              [] {
                return Frames{WrongTest::make(1, kReply | kMore, as_bytes("aaaa")),
                              WrongTest::make(2, kReply, as_bytes("bbbb"))};
              }},
        Wrong{"descriptors_that_did_not_come", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kDescriptors, Bytes{std::byte{1}, {}, {}, {}})}; }},
        Wrong{"no_descriptors_declared", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kDescriptors, Bytes(4))}; }},
        Wrong{"descriptors_without_their_number", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kDescriptors, as_bytes("abc"))}; }},
        Wrong{"too_many_descriptors", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kDescriptors, Bytes{std::byte{9}, {}, {}, {}})}; }},
        Wrong{"fin_with_descriptors", Code::kFrame,
              [] { return Frames{WrongTest::make(1, kFin | kDescriptors, {})}; }}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(LaneTest, fragments_over_the_limit_are_refused_before_they_are_kept) {
  auto server = start(std::move(b_), [](const LaneMessage&) { FAIL(); },
                      {.route_id = kRoute, .message_bytes_max = 1000});
  raw_send(a_, frame(1, kMore, Bytes(600)));
  raw_send(a_, frame(2, kMore, Bytes(600)));
  expect_closed(Code::kTooLarge);
}

TEST(LaneProtocol, ids_wrap_and_skip_zero_within_a_message) {
  LaneProtocol sender({.route_id = 1});
  sender.continue_from(UINT32_MAX);
  LaneProtocol receiver({.route_id = 1, .receive_id_first = UINT32_MAX});
  const Bytes payload = pattern(2 * kFragmentBytesMax + 5, 1);
  std::vector<std::uint32_t> ids;
  std::optional<LaneMessage> message;
  const LaneMessage request{.kind = MessageKind::kRequest, .id = 0, .reply_to = 0, .payload = payload};
  EXPECT_EQ(sender.split(request,
                         [&](const LaneProtocol::Piece& piece) {
                           ids.push_back(piece.header.frame_id);
                           ASSERT_FALSE(message.has_value());
                           message =
                               receiver.take({.header = piece.header, .payload = piece.payload}).value();
                         }),
            UINT32_MAX);
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{UINT32_MAX, 1, 2}));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->id, UINT32_MAX);
  EXPECT_TRUE(std::equal(message->payload.begin(), message->payload.end(), payload.begin(), payload.end()));
}

class BlockingTest : public LaneTest {
 protected:
  // Serves `b_` on another thread until the other end leaves.
  template <typename Serve>
  void serve(Serve serve) {
    server_ = std::thread([this, serve] {
      const auto loop = os::Loop::create().value();
      std::unique_ptr<UdsLane> lane =
          UdsLane::start(
              *loop, std::move(b_), {.route_id = kRoute},
              [&](const LaneMessage& message) { serve(*lane, message); }, [&](const Error&) { loop->stop(); })
              .value();
      loop->run();
    });
  }
  ~BlockingTest() override {
    if (server_.joinable()) server_.join();
  }
  std::thread server_;
};

TEST_F(BlockingTest, calls_of_every_size_and_error_replies) {
  serve([](UdsLane& lane, const LaneMessage& message) {
    if (as_text(message.payload) == "fail") return (void)lane.send_error(message.id, as_bytes("why"));
    (void)lane.send_reply(message.id, message.payload);
  });
  BlockingLane lane(std::move(a_), {.route_id = kRoute});
  unsigned seed = 0;
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 100, 65'536, 1 << 20, 9 << 20, 5}) {
    const Bytes payload = pattern(size, ++seed);
    const auto reply = lane.call(payload, 20'000);
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_EQ(reply->kind, MessageKind::kReply);
    EXPECT_TRUE(std::equal(reply->payload.begin(), reply->payload.end(), payload.begin(), payload.end()));
  }
  const auto error = lane.call(as_bytes("fail"), -1);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, MessageKind::kErrorReply);
  EXPECT_EQ(as_text(error->payload), "why");
}

TEST_F(BlockingTest, a_late_reply_is_skipped_and_the_lane_lives_on) {
  std::vector<std::uint32_t> held;
  serve([&held](UdsLane& lane, const LaneMessage& message) {
    if (as_text(message.payload) == "slow") return held.push_back(message.id);
    for (const std::uint32_t id : held) (void)lane.send_reply(id, as_bytes("late"));
    (void)lane.send_reply(message.id, as_bytes("now"));
  });
  BlockingLane lane(std::move(a_), {.route_id = kRoute});
  EXPECT_EQ(lane.call(as_bytes("slow"), 20).error().code, Code::kDeadline);
  EXPECT_EQ(lane.call(as_bytes("slow"), 0).error().code, Code::kDeadline);
  const auto reply = lane.call(as_bytes("go"), 20'000);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(as_text(reply->payload), "now");
}

TEST_F(BlockingTest, a_provider_that_leaves_is_lost) {
  b_.reset();
  BlockingLane lane(std::move(a_), {.route_id = kRoute});
  EXPECT_EQ(lane.call(as_bytes("x"), 10'000).error().code, Code::kLost);
  EXPECT_EQ(lane.call(as_bytes("x"), 10'000).error().code, Code::kLost);
}

}  // namespace
}  // namespace rtt::fabric
