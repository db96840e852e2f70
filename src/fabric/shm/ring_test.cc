// SPDX-License-Identifier: Apache-2.0
// A ring is a queue: what goes in comes out, whole, once and in order, whatever the sizes, the way in and the
// way out, across the wraps of slots, arena and frame ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <thread>

#include "base/crc32c.h"
#include "fabric/allocations_for_test.h"
#include "fabric/shm/ring_pair_for_test.h"
#include "os/unix_socket.h"

namespace rtt::fabric::shm {
namespace {

struct Model {
  std::uint16_t flags = 0;
  std::uint32_t id = 0;
  Bytes payload;
};

// A random size that meets the edges often: nothing, a line, the slot, the arena's alignment, all of the
// arena.
std::size_t random_size(std::mt19937& random, std::size_t largest) {
  constexpr std::size_t kEdges[] = {0, 1, 39, 40, 41, 103, 104, 105, 127, 128, 129, 192, 4096};
  switch (random() % 4) {
    case 0:
      return kEdges[random() % std::size(kEdges)];
    case 1:
      return random() % 200;
    case 2:
      return random() % (largest / 3);
    default:
      return random() % 50 == 0 ? largest : random() % 2000;
  }
}

void put(RingPair& ring, std::deque<Model>& model, std::mt19937& random) {
  if (model.empty()) ring.consumer.publish_index();  // as a consumer does before it sleeps
  Model frame{.flags = static_cast<std::uint16_t>(random() % 3 == 0 ? kReply : 0),
              .id = ring.producer.frame_id(),
              .payload = random_bytes(random_size(random, ring.producer.payload_bytes_max()),
                                      static_cast<std::uint32_t>(random()))};
  Sent sent = Sent::kDone;
  if (random() % 2 == 0) {
    const std::size_t extra = random() % 3 == 0 ? random() % 300 : 0;
    const auto into =
        ring.producer.reserve(std::min(frame.payload.size() + extra, ring.producer.payload_bytes_max()));
    if (into) {
      std::ranges::copy(frame.payload, into->begin());
      sent = ring.producer.commit(frame.flags, frame.payload.size());
    } else {
      sent = ring.producer.blocked();
    }
  } else {
    sent = ring.producer.send(frame.flags, frame.payload);
  }
  if (sent == Sent::kDone)
    model.push_back(std::move(frame));
  else
    ASSERT_TRUE(sent == Sent::kFull && !model.empty())
        << "refused with " << model.size() << " frames under way";
}

void take(RingPair& ring, std::deque<Model>& model, std::mt19937& random) {
  const Poll polled = ring.consumer.poll();
  ASSERT_EQ(polled, model.empty() ? Poll::kEmpty : Poll::kFrame) << ring.consumer.error().message;
  if (polled == Poll::kEmpty) return;
  const Model& expected = model.front();
  const Header& header = ring.consumer.header();
  ASSERT_EQ(header.frame_id, expected.id);
  ASSERT_EQ(header.flags & ~(kCoverageMask | kArenaWrap), expected.flags);
  if (random() % 2 == 0) {
    ASSERT_TRUE(ring.consumer.verify());
    ASSERT_TRUE(std::ranges::equal(ring.consumer.payload(), expected.payload));
  } else {
    Bytes copy(ring.consumer.payload().size());
    ASSERT_TRUE(ring.consumer.copy_out(copy));
    ASSERT_EQ(copy, expected.payload);
  }
  ring.consumer.release();
  model.pop_front();
}

void run_against_model(const RingOptions& options, std::mt19937& random, int steps) {
  RingPair ring(options);
  std::deque<Model> model;
  std::uint64_t lean = 4;  // of 8: how often the next step puts
  for (int step = 0; step < steps; ++step) {
    if (step % 200 == 0) lean = 1 + random() % 7;
    if (random() % 8 < lean)
      put(ring, model, random);
    else
      take(ring, model, random);
    if (::testing::Test::HasFatalFailure()) return;
  }
  while (!model.empty() && !::testing::Test::HasFatalFailure()) take(ring, model, random);
}

TEST(ring, is_a_queue_whatever_the_sizes_and_ways) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const CrcPolicy crc : {CrcPolicy::kFull, CrcPolicy::kHeader, CrcPolicy::kSampled, CrcPolicy::kOff}) {
    for (const RingSize size : {RingSize{64, 4096}, RingSize{64, 64 << 10}, RingSize{256, 256 << 10}}) {
      // Ids begin shortly before they wrap.
      run_against_model(
          {.size = size, .route_id = 7, .frame_id_first = 0xffffff00u, .crc = crc, .sample_every = 5}, random,
          6000);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(ring, takes_as_many_small_frames_as_it_has_slots_less_the_one_for_fin) {
  RingPair ring({.size = {64, 4096}, .route_id = 7});
  for (int i = 0; i < 63; ++i) ASSERT_EQ(ring.producer.send(0, {}), Sent::kDone);
  EXPECT_EQ(ring.producer.send(0, {}), Sent::kFull);
  EXPECT_FALSE(ring.producer.reserve(0).has_value());
  EXPECT_EQ(ring.producer.send_fin(), Sent::kDone);
  EXPECT_EQ(ring.producer.send(0, {}), Sent::kClosing);
  for (int i = 0; i < 63; ++i) {
    ASSERT_EQ(ring.consumer.poll(), Poll::kFrame);
    ring.consumer.release();
  }
  Incoming message;
  EXPECT_EQ(ring.consumer.pull(message), Pulled::kFin);
}

// Whole messages of every size, fragments and replies among them, while reader and writer take turns.
TEST(ring, messages_of_every_size_arrive_whole) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const RingSize size : {RingSize{64, 4096}, RingSize{64, 64 << 10}, RingSize{256, 256 << 10}}) {
    RingPair ring({.size = size, .route_id = 7, .frame_id_first = 0xfffffff0u});
    Bytes into(std::size_t{2} << 20);
    for (int i = 0; i < 200; ++i) {
      const std::size_t bytes = i % 20 == 0 ? random() % into.size() : random() % 40'000;
      const Bytes payload = random_bytes(bytes, static_cast<std::uint32_t>(random()));
      Outgoing out{.payload = payload};
      if (random() % 2 == 0)
        out = {.flags = kReply, .reply_to = static_cast<std::uint32_t>(random()), .payload = payload};
      const std::uint32_t id = ring.producer.frame_id();
      Incoming in{.into = into};
      Sent sent = Sent::kFull;
      Pulled pulled = Pulled::kEmpty;
      for (int round = 0; pulled == Pulled::kEmpty && round < 100'000; ++round) {
        if (sent == Sent::kFull) sent = ring.producer.push(out);
        ASSERT_TRUE(sent == Sent::kDone || sent == Sent::kFull);
        pulled = ring.consumer.pull(in);
      }
      ASSERT_EQ(pulled, Pulled::kMessage) << ring.consumer.error().message;
      ASSERT_EQ(in.frame_id, id);
      ASSERT_EQ(in.flags, out.flags);
      ASSERT_EQ(in.reply_to, out.reply_to);
      ASSERT_TRUE(std::ranges::equal(MutableBytes(into).first(in.size), payload));
    }
  }
}

TEST(ring, message_larger_than_the_buffer_is_skipped_and_said_once) {
  RingPair ring;
  const Bytes large = random_bytes(100'000, 1), small = random_bytes(100, 2);
  Outgoing first{.payload = large}, second{.payload = small};
  ASSERT_EQ(ring.producer.push(first), Sent::kDone);
  ASSERT_EQ(ring.producer.push(second), Sent::kDone);
  Bytes into(50'000);
  Incoming in{.into = into};
  EXPECT_EQ(ring.consumer.pull(in), Pulled::kTooLarge);
  in = {.into = into};
  EXPECT_EQ(ring.consumer.pull(in), Pulled::kMessage);
  EXPECT_TRUE(std::ranges::equal(MutableBytes(into).first(in.size), small));
}

TEST(ring, fragments_of_a_message_lie_in_one_piece) {
  RingPair ring;
  const Bytes payload = random_bytes(std::size_t{64} << 10, 3);
  for (int round = 0; round < 10; ++round) {
    Outgoing out{.payload = payload};
    ASSERT_EQ(ring.producer.push(out), Sent::kDone);
    const std::byte* next = nullptr;
    int frames = 0;
    while (ring.consumer.poll() == Poll::kFrame) {
      ASSERT_TRUE(ring.consumer.verify());
      ASSERT_TRUE(next == nullptr || ring.consumer.payload().data() == next);
      next = ring.consumer.payload().data() + ring.consumer.payload().size();
      ring.consumer.release();
      ++frames;
    }
    ASSERT_EQ(frames, 8);
  }
}

TEST(ring, frames_ask_the_heap_for_nothing) {
  RingPair ring;
  const Bytes payload = random_bytes(std::size_t{64} << 10, 4);
  Bytes into(payload.size());
  const std::size_t before = allocations_for_test();
  for (int i = 0; i < 20'000; ++i) {
    Outgoing out{.payload = ByteView(payload).first(i % 50 == 0 ? payload.size()
                                                                : static_cast<std::size_t>(i % 3000))};
    Incoming in{.into = into};
    if (ring.producer.push(out) != Sent::kDone || ring.consumer.pull(in) != Pulled::kMessage) FAIL();
    if (i % 100 == 0) {
      ring.consumer.arm();
      ring.consumer.disarm();
    }
  }
  EXPECT_EQ(allocations_for_test(), before);
}

// Both sleep after every frame (no spinning), so that each frame needs a wake and each wake a fence that
// holds.
TEST(ring, no_wake_is_lost_between_two_that_sleep) {
  for (const os::Fence fence : {os::register_fence(), os::Fence::kFull}) {
    RingPair there({.size = {64, 4096}, .route_id = 7, .fence = fence});
    RingPair back({.size = {64, 4096}, .route_id = 7, .fence = fence});
    constexpr int kRounds = 4000;
    std::thread echo([&] {
      for (int i = 0; i < kRounds; ++i) {
        if (there.consumer.wait({.spin = {0}, .deadline = patience(), .others = {}}) != Woke::kReady) return;
        there.consumer.release();
        back.producer.send(0, {});
      }
    });
    for (int i = 0; i < kRounds; ++i) {
      ASSERT_EQ(there.producer.send(0, {}), Sent::kDone);
      const Woke woke = back.consumer.wait({.spin = {0}, .deadline = patience(), .others = {}});
      if (woke != Woke::kReady) ADD_FAILURE() << "round " << i << " was never answered";
      if (woke != Woke::kReady) break;
      back.consumer.release();
    }
    echo.join();
  }
}

// The writer waits for space on each lap, the reader for frames; neither spins.
TEST(ring, writer_that_waits_for_space_is_woken) {
  RingPair ring({.size = {64, 4096}, .route_id = 7, .fence = os::register_fence()});
  constexpr int kFrames = 100'000;
  std::thread reader([&] {
    for (int i = 0; i < kFrames; ++i) {
      if (ring.consumer.wait({.spin = {0}, .deadline = patience(), .others = {}}) != Woke::kReady) return;
      if (!ring.consumer.verify()) return;
      ring.consumer.release();
    }
  });
  const Bytes payload = random_bytes(1000, 5);
  int sent = 0;
  while (sent < kFrames) {
    const ByteView bytes = ByteView(payload).first(sent % 7 == 0 ? 1000 : 50);
    if (ring.producer.send(0, bytes) == Sent::kDone) {
      ++sent;
    } else if (ring.producer.wait_room(bytes.size(), {.spin = {0}, .deadline = patience(), .others = {}}) !=
               Woke::kReady) {
      ADD_FAILURE() << "frame " << sent << " never got room";
      break;
    }
  }
  reader.join();
  EXPECT_EQ(ring.consumer.position(), static_cast<std::uint32_t>(kFrames));
}

TEST(ring, wait_ends_at_its_deadline_and_when_the_epoch_moves) {
  RingPair ring;
  std::uint32_t epoch = 1;
  const os::WaitWord word{&epoch, 1};
  const auto budget = [&] {
    return WaitBudget{.spin = {1000}, .deadline = os::now() + Nanos{1'000'000}, .others = {&word, 1}};
  };
  EXPECT_EQ(ring.consumer.wait(budget()), Woke::kDeadline);
  while (ring.producer.send(0, {}) == Sent::kDone) {
  }
  EXPECT_EQ(ring.producer.wait_room(0, budget()), Woke::kDeadline);
  epoch = 2;
  EXPECT_EQ(ring.producer.wait_room(0, budget()), Woke::kOther);
  while (ring.consumer.poll() == Poll::kFrame) ring.consumer.release();
  EXPECT_EQ(ring.consumer.wait(budget()), Woke::kOther);
}

TEST(ring, bell_rings_once_for_the_frame_a_sleeping_loop_waits_for) {
  RingPair ring;
  auto ends = os::socket_pair().value();
  ring.producer.set_bell(ends.first.get());
  Bytes rung(16);
  const auto rings = [&] { return os::receive(ends.second.get(), rung).value().bytes; };
  ring.producer.send(0, {});
  EXPECT_EQ(rings(), 0u);  // nobody sleeps
  EXPECT_FALSE(ring.consumer.arm());
  ring.consumer.release();
  EXPECT_TRUE(ring.consumer.arm());
  for (int i = 0; i < 3; ++i) ring.producer.send(0, {});
  EXPECT_EQ(rings(), 1u);
  ring.consumer.disarm();
}

TEST(ring, cut_tells_exactly_what_was_taken) {
  RingPair ring;
  const Bytes payload = random_bytes(300, 6);
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(ring.producer.send(0, ByteView(payload).first(static_cast<std::size_t>(60 * i))), Sent::kDone);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(ring.consumer.poll(), Poll::kFrame);
    ring.consumer.release();
  }
  EXPECT_FALSE(ring.producer.peer_closing());
  const auto loan = ring.producer.reserve(0);
  ASSERT_TRUE(loan.has_value());
  ring.consumer.begin_close();
  // Reserved before the close and committed after: in the ring, but not taken.
  EXPECT_EQ(ring.producer.commit(0, 0), Sent::kDoneClosing);
  EXPECT_EQ(ring.producer.send(0, payload), Sent::kClosing);
  EXPECT_EQ(ring.producer.cut(), std::nullopt);
  ring.consumer.finish_close();
  ASSERT_EQ(ring.producer.wait_cut({.deadline = patience(), .others = {}}), Woke::kReady);
  ASSERT_EQ(ring.producer.cut(), 2u);
  EXPECT_EQ(ring.producer.in_flight(), 4u);
  for (std::uint32_t p = 2; p < 5; ++p) {
    const auto frame = ring.producer.sent_frame(p);
    EXPECT_EQ(frame.frame_id, p + 1);
    EXPECT_TRUE(std::ranges::equal(frame.payload, ByteView(payload).first(60 * p)));
  }
}

TEST(ring, weaker_coverage_than_the_policy_is_refused) {
  for (const auto& [sends, takes, fine] : {std::tuple{CrcPolicy::kHeader, CrcPolicy::kFull, false},
                                           {CrcPolicy::kOff, CrcPolicy::kHeader, false},
                                           {CrcPolicy::kFull, CrcPolicy::kOff, true},
                                           {CrcPolicy::kHeader, CrcPolicy::kSampled, false}}) {
    RingPair ring({.route_id = 7, .crc = takes, .sample_every = 1});
    RingProducer weak({.route_id = 7, .crc = sends},
                      {.lane = ring.lane.memory.writable(), .index = ring.index_seen.bytes()});
    ASSERT_EQ(weak.send(0, random_bytes(50, 7)), Sent::kDone);
    EXPECT_EQ(ring.consumer.poll(), fine ? Poll::kFrame : Poll::kBroken);
    EXPECT_EQ(ring.consumer.fault(), fine ? Fault::kNone : Fault::kCoverage);
  }
}

TEST(ring, lane_of_another_route_generation_or_size_is_refused) {
  RingPair ring({.route_id = 7, .generation = 3});
  EXPECT_TRUE(check_lane_page(ring.options, ring.lane_seen.bytes()).has_value());
  for (const RingOptions& other :
       {RingOptions{.route_id = 8, .generation = 3}, RingOptions{.route_id = 7, .generation = 4},
        RingOptions{.size = {512, 256 << 10}, .route_id = 7, .generation = 3}}) {
    const Status refused = check_lane_page(other, ring.lane_seen.bytes());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kFrame);
  }
}

// A flip may come before the reader has looked: the producer then has written where its ids go on.
TEST(ring, a_lane_its_producer_has_entered_is_still_the_lane_that_was_agreed) {
  RingPair ring({.route_id = 7, .generation = 3, .frame_id_first = 900});
  EXPECT_TRUE(check_lane_page({.route_id = 7, .generation = 3}, ring.lane_seen.bytes()).has_value());
}

TEST(ring, size_follows_what_the_route_asks) {
  EXPECT_EQ(ring_size({}, 0), (RingSize{256, 256 << 10}));
  EXPECT_EQ(ring_size({.throughput_qps = 60e6}, 0).slots, 65'536u);
  EXPECT_EQ(ring_size({.throughput_qps = 250'000}, 0).slots, 1024u);
  EXPECT_EQ(ring_size({.latency_budget_ms = 0.05}, 64 << 10).slots, 64u);
  EXPECT_EQ(ring_size({}, std::size_t{1} << 20).arena_bytes, std::size_t{4} << 20);
  for (const double rate : {0.0, 1.0, 1e12}) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 40})
      EXPECT_TRUE(valid(ring_size({.throughput_qps = rate}, bytes)));
  }
}

TEST(ring, frame_ids_step_over_zero_both_ways) {
  EXPECT_EQ(frame_id_ahead(0xffffffffu, 1), 1u);
  EXPECT_EQ(frame_id_back(1, 1), 0xffffffffu);
  for (const std::uint32_t id : {1u, 5u, 0xfffffffeu, 0xffffffffu}) {
    std::uint32_t stepped = id;
    for (std::uint32_t steps = 0; steps < 70; ++steps, stepped = next_frame_id(stepped)) {
      ASSERT_EQ(frame_id_ahead(id, steps), stepped);
      ASSERT_EQ(frame_id_back(stepped, steps), id);
    }
  }
}

// Writes the capture that tests/ring_decoder.py reads, where RTT_RING_CAPTURE names a file
// (tests/golden/ring.gz is its gzip): the memory after some frames were released, with the arena's wrap, a
// reply, fragments and FIN under way.
TEST(ring, capture_holds_what_the_decoder_expects) {
  RingPair ring({.size = {64, 32 << 10}, .route_id = 7, .generation = 2, .frame_id_first = 0xffffffc0u});
  const std::string text(9000, 'a');
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(ring.producer.send(0, as_bytes(text).first(i % 5 == 0 ? 2000 : 3)), Sent::kDone);
    ASSERT_EQ(ring.consumer.poll(), Poll::kFrame);
    ring.consumer.release();
  }
  ring.consumer.publish_index();
  ASSERT_TRUE(ring.consumer.arm());
  std::string large = "begins " + text + " middle " + text + " ends";
  Outgoing first{.payload = as_bytes("ping")};
  Outgoing reply{.flags = kReply, .reply_to = 9, .payload = as_bytes("pong")};
  Outgoing cut{.payload = as_bytes(large)};
  ASSERT_EQ(ring.producer.push(first), Sent::kDone);
  ASSERT_EQ(ring.producer.push(reply), Sent::kDone);
  ASSERT_EQ(ring.producer.push(cut), Sent::kDone);
  ASSERT_EQ(ring.producer.send_fin(), Sent::kDone);
  Bytes capture(ring.lane_seen.bytes().begin(), ring.lane_seen.bytes().end());
  capture.insert(capture.end(), ring.index_seen.bytes().begin(), ring.index_seen.bytes().end());
  if (const char* path = std::getenv("RTT_RING_CAPTURE")) {
    std::ofstream(path, std::ios::binary)
        .write(as_text(capture).data(), static_cast<std::streamsize>(capture.size()));
  }
  std::ifstream golden(RTT_SOURCE_DIR "/tests/golden/ring.crc32c");
  std::uint32_t expected = 0;
  golden >> std::hex >> expected;
  EXPECT_EQ(crc32c(capture), expected) << std::hex << crc32c(capture);
}

}  // namespace
}  // namespace rtt::fabric::shm
