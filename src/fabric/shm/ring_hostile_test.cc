// SPDX-License-Identifier: Apache-2.0
// A peer that writes what it likes into its own memory: the honest end reports a typed error or sees no
// frame; it never reads outside the mapping (ASan and the page after it would tell), never hangs, never
// believes a wrong byte.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "fabric/shm/ring_pair_for_test.h"

namespace rtt::fabric::shm {
namespace {

struct Field {
  const char* name;
  std::size_t at;
  std::size_t bytes;
};
constexpr Field kFields[] = {{"magic", 0, 4},     {"flags", 4, 2}, {"reserved", 6, 2}, {"route_id", 8, 4},
                             {"frame_id", 12, 4}, {"len", 16, 4},  {"crc", 20, 4},     {"payload", 24, 4}};

std::uint64_t read_field(const std::byte* at, std::size_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

std::vector<std::uint64_t> scribbles(std::uint64_t value, std::mt19937_64& random) {
  std::vector<std::uint64_t> out{0, ~std::uint64_t{0}, value + 1, value - 1};
  for (int i = 0; i < 40; ++i) out.push_back(random());
  for (int bit = 0; bit < 32; ++bit) out.push_back(value ^ std::uint64_t{1} << bit);
  return out;
}

TEST(ring_hostile, every_scribbled_header_field_is_a_typed_error_or_no_frame) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const std::size_t size : {std::size_t{40}, std::size_t{104}, std::size_t{5000}}) {
    for (const Field& field : kFields) {
      RingPair probe;
      ASSERT_EQ(probe.producer.send(0, random_bytes(size, 1)), Sent::kDone);
      std::byte* const at = field.at == 24 && size > kSlotPayloadBytes
                                ? probe.lane.memory.writable().data() + kPageBytes + 256 * kSlotBytes
                                : probe.slot(0) + field.at;
      const std::uint64_t honest = read_field(at, field.bytes);
      for (const std::uint64_t value : scribbles(honest, random)) {
        std::memcpy(at, &value, field.bytes);
        if (read_field(at, field.bytes) == honest) continue;
        RingConsumer consumer(probe.options,
                              {.lane = probe.lane_seen.bytes(), .index = probe.index.memory.writable()});
        Bytes into(probe.producer.payload_bytes_max());
        Incoming in{.into = into};
        const Pulled pulled = consumer.pull(in);
        EXPECT_TRUE(pulled == Pulled::kBroken || pulled == Pulled::kEmpty) << field.name << " = " << value;
        if (pulled == Pulled::kBroken) {
          EXPECT_EQ(consumer.error().code, Code::kFrame);
          EXPECT_EQ(consumer.pull(in), Pulled::kBroken);  // for good
        }
      }
    }
  }
}

// The checksum does not help against a peer that can compute it: every rule must hold by itself.
TEST(ring_hostile, fields_with_a_right_checksum_are_judged_too) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 20'000; ++round) {
    RingOptions options{.size = {64, 8192}, .route_id = 7, .crc = CrcPolicy::kOff};
    static RingPair ring(options);
    RingConsumer consumer(options, {.lane = ring.lane_seen.bytes(), .index = ring.index.memory.writable()});
    for (std::uint32_t i = 0; i < 4; ++i) {
      const auto flags =
          static_cast<std::uint16_t>((random() & (kMore | kReply | kArenaWrap | kFin)) | kCoverNone);
      const auto len = static_cast<std::uint32_t>(random() % 3 == 0 ? random() : random() % 9000);
      std::byte* const at = ring.slot(i);
      const std::uint64_t first = kMagic | std::uint64_t{flags} << 32, last = len;
      std::memcpy(at, &first, 8);
      std::memcpy(at + 16, &last, 8);
      store_word(at + kCommitAt, commit_word(7, i + 1), std::memory_order_release);
      const Poll polled = consumer.poll();
      if (polled == Poll::kBroken) break;
      ASSERT_EQ(polled, Poll::kFrame);
      const ByteView whole = ring.lane_seen.bytes(), payload = consumer.payload();
      ASSERT_TRUE(payload.data() >= whole.data() + kPageBytes &&
                  payload.data() + payload.size() <= whole.data() + whole.size());
      consumer.release();
    }
    store_word(ring.slot(consumer.position() % 64) + kCommitAt, std::uint64_t{0}, std::memory_order_release);
  }
}

TEST(ring_hostile, index_outside_what_was_sent_breaks_the_ring) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 300; ++round) {
    RingPair ring({.size = {64, 8192}, .route_id = 7});
    const auto sent = static_cast<std::uint32_t>(10 + random() % 50),
               seen = static_cast<std::uint32_t>(random() % 10);
    for (std::uint32_t i = 0; i < sent; ++i) ASSERT_EQ(ring.producer.send(0, {}), Sent::kDone);
    std::byte* const index = ring.index.memory.writable().data();
    store_word(index, seen, std::memory_order_release);
    ASSERT_EQ(ring.producer.in_flight(), sent - seen);
    const std::uint32_t wrong[] = {seen - 1, sent + 1, 0xffffffffu, static_cast<std::uint32_t>(random())};
    const std::uint32_t value = wrong[random() % 4];
    store_word(index, value, std::memory_order_release);
    const bool inside = value >= seen && value <= sent;
    (void)ring.producer.in_flight();
    EXPECT_EQ(ring.producer.fault(), inside ? Fault::kNone : Fault::kIndex)
        << seen << " " << sent << " " << value;
    if (!inside) {
      EXPECT_EQ(ring.producer.send(0, {}), Sent::kBroken);
      EXPECT_EQ(ring.producer.error().code, Code::kFrame);
    }
  }
}

TEST(ring_hostile, cut_outside_what_was_sent_breaks_the_ring) {
  for (const std::uint32_t position : {4u, 11u, 0xffffffffu}) {
    RingPair ring;
    for (int i = 0; i < 10; ++i) ASSERT_EQ(ring.producer.send(0, {}), Sent::kDone);
    store_word(ring.index.memory.writable().data(), std::uint32_t{5}, std::memory_order_release);
    store_word(ring.index.memory.writable().data() + offsetof(IndexPage, wait_word),
               pack({kWordClosed, position}), std::memory_order_release);
    EXPECT_EQ(ring.producer.wait_cut({.deadline = patience(), .others = {}}), Woke::kBroken);
    EXPECT_EQ(ring.producer.fault(), Fault::kCut);
  }
}

TEST(ring_hostile, a_peer_that_never_finishes_closing_does_not_outlast_the_deadline) {
  RingPair ring;
  ring.consumer.begin_close();
  EXPECT_EQ(ring.producer.wait_cut({.deadline = os::now() + Nanos{1'000'000}, .others = {}}),
            Woke::kDeadline);
}

// A word that changes to and fro under the reader: what the checksum vouched for is what the copy holds.
TEST(ring_hostile, bytes_copied_are_the_bytes_checked) {
  const RingOptions options{.size = {64, 16 << 10}, .route_id = 7};
  RingPair ring(options);
  const Bytes payload = random_bytes(8000, 8);
  ASSERT_EQ(ring.producer.send(0, payload), Sent::kDone);
  std::byte* const at = ring.lane.memory.writable().data() + kPageBytes + 64 * kSlotBytes + 4000;
  const auto honest = load_word<std::uint64_t>(at, std::memory_order_relaxed);
  std::atomic<bool> stop = false;
  std::thread peer([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      store_word(at, ~honest, std::memory_order_relaxed);
      for (int i = 0; i < 20; ++i) os::spin_pause();
      store_word(at, honest, std::memory_order_relaxed);
      for (int i = 0; i < 20; ++i) os::spin_pause();
    }
  });
  Bytes into(payload.size());
  std::uint64_t passed = 0, refused = 0;
  const Instant give_up = patience();
  while ((passed < 20'000 || refused < 20'000) && os::now() < give_up) {
    RingConsumer consumer(options, {.lane = ring.lane_seen.bytes(), .index = ring.index.memory.writable()});
    ASSERT_EQ(consumer.poll(), Poll::kFrame);
    if (!consumer.copy_out(into)) {
      ++refused;
      continue;
    }
    ++passed;
    if (into != payload) ADD_FAILURE() << "a copy that differs from what was checked, after " << passed;
    if (into != payload) break;
  }
  stop = true;
  peer.join();
  EXPECT_GT(passed, 0u);
}

double scribble_seconds() {
  const char* asked = std::getenv("RTT_SCRIBBLE_SECONDS");
  return asked == nullptr ? 1.5 : std::strtod(asked, nullptr);
}

// One thread writes nonsense and honest frames into slots, page and arena while the reader reads: the bytes
// that copy_out() hands over are the checked ones.
TEST(ring_hostile, concurrent_scribbler_never_gets_a_wrong_byte_through) {
  const RingOptions options{.size = {64, 16 << 10}, .route_id = 7};
  RingPair ring(options);
  std::atomic<bool> stop = false;
  std::thread scribbler([&] {
    std::mt19937_64 random(std::random_device{}());
    const MutableBytes lane = ring.lane.memory.writable();
    const auto word = [&](std::size_t at) {
      return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(lane.data() + at));
    };
    while (!stop.load(std::memory_order_relaxed)) {
      RingProducer producer(options, {.lane = lane, .index = ring.index_seen.bytes()});
      for (int i = 0; i < 30; ++i) {
        Bytes payload = random_bytes(random() % 2000, static_cast<std::uint32_t>(random()));
        if (payload.size() >= 8) {  // says its own checksum, so that the reader can tell a wrong byte
          std::uint64_t sum = 0;
          for (std::size_t at = 8; at < payload.size(); ++at)
            sum = sum * 31 + std::to_integer<std::uint64_t>(payload[at]);
          std::memcpy(payload.data(), &sum, 8);
        }
        producer.send(0, payload);
        const std::size_t limit = random() % 2 == 0 ? kPageBytes + 40 * kSlotBytes : lane.size();
        word(random() % (limit / 8) * 8).store(random() % 2 == 0 ? random() : 0, std::memory_order_relaxed);
      }
    }
  });
  std::uint64_t frames = 0, broken = 0;
  Bytes into(16 << 10);
  const Instant end = os::now() + Nanos{static_cast<std::int64_t>(scribble_seconds() * 1e9)};
  while (os::now() < end) {
    RingConsumer consumer(options, {.lane = ring.lane_seen.bytes(), .index = ring.index.memory.writable()});
    for (int looks = 0; looks < 2000; ++looks) {
      const Poll polled = consumer.poll();
      broken += polled == Poll::kBroken ? 1 : 0;
      if (polled == Poll::kBroken) break;
      if (polled == Poll::kEmpty) continue;
      const std::size_t size = consumer.header().len;
      if (!consumer.copy_out(into)) break;
      ++frames;
      if (size >= 8) {
        std::uint64_t sum = 0, said = 0;
        for (std::size_t at = 8; at < size; ++at) sum = sum * 31 + std::to_integer<std::uint64_t>(into[at]);
        std::memcpy(&said, into.data(), 8);
        ASSERT_EQ(sum, said);
      }
      consumer.release();
    }
  }
  stop = true;
  scribbler.join();
  RecordProperty("frames", std::to_string(frames));
  EXPECT_GT(frames, 100u);
  EXPECT_GT(broken, 10u);
}

}  // namespace
}  // namespace rtt::fabric::shm
