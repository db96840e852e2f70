// SPDX-License-Identifier: Apache-2.0
// A ring is a queue: what goes in comes out, whole, once and in order, whatever the sizes, the way in and the
// way out, across the wraps of slots, arena and frame ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <thread>

#include "fabric/shm/ring_pair_for_test.h"

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
  EXPECT_EQ(ring.producer.send_fin(), Sent::kDone);
  EXPECT_EQ(ring.producer.send(0, {}), Sent::kClosing);
  for (int i = 0; i < 63; ++i) {
    ASSERT_EQ(ring.consumer.poll(), Poll::kFrame);
    ring.consumer.release();
  }
  Incoming message;
  EXPECT_EQ(ring.consumer.pull(message), Pulled::kFin);
}

}  // namespace
}  // namespace rtt::fabric::shm
