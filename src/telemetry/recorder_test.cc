// SPDX-License-Identifier: Apache-2.0
// Recorder: what is counted is what was said, read by the page alone while it is written; a page that lies is
// refused or shows wrong figures, and nothing else.
#include "telemetry/recorder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

namespace rtt::telemetry {
namespace {

struct Page {
  alignas(4096) std::array<std::byte, kPageBytes> bytes{};
};

TEST(Recorder, counts_what_was_said_by_a_model_of_it) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto page = std::make_unique<Page>();
    Recorder recorder(page->bytes, 7, 3);
    RouteSample expected{.route_id = 7, .generation = 3};
    std::uint64_t latencies = 0;
    for (int i = 0; i < 500; ++i) {
      switch (random() % 6) {
        case 0:
          recorder.sent();
          ++expected.sent;
          break;
        case 1:
          recorder.received();
          ++expected.received;
          break;
        case 2:
          recorder.error();
          ++expected.errors;
          break;
        case 3: {
          const std::size_t reason = 1 + random() % (kDropReasons - 1);
          recorder.drop(static_cast<DropReason>(reason));
          ++expected.drops[reason];
          break;
        }
        case 4:
          expected.queue_depth = random() % 100;
          recorder.queue_depth(expected.queue_depth);
          break;
        default:
          recorder.latency(random());
          ++latencies;
      }
    }
    const auto read = sample_of(page->bytes);
    ASSERT_TRUE(read);
    for (const RouteSample& sample : {recorder.sample(), *read}) {
      EXPECT_EQ(sample.route_id, 7U);
      EXPECT_EQ(sample.generation, 3U);
      EXPECT_EQ(sample.sent, expected.sent);
      EXPECT_EQ(sample.received, expected.received);
      EXPECT_EQ(sample.errors, expected.errors);
      EXPECT_EQ(sample.queue_depth, expected.queue_depth);
      EXPECT_EQ(sample.drops, expected.drops);
      EXPECT_EQ(sample.latency.count(), latencies);
    }
  }
}

TEST(Recorder, what_several_pages_counted_adds_up) {
  auto first = std::make_unique<Page>(), second = std::make_unique<Page>();
  Recorder one(first->bytes, 1, 1), two(second->bytes, 1, 2);
  one.sent(), two.sent(), two.received(), two.error();
  one.drop(DropReason::kLost), two.drop(DropReason::kFull), two.drop(DropReason::kFull);
  one.latency(100), two.latency(1000), two.latency(1000);
  one.queue_depth(9), two.queue_depth(3);
  RouteSample sum = one.sample();
  sum.add(two.sample());
  EXPECT_EQ(sum.sent, 2U);
  EXPECT_EQ(sum.received, 1U);
  EXPECT_EQ(sum.errors, 1U);
  EXPECT_EQ(sum.dropped(), 3U);
  EXPECT_EQ(sum.main_reason(), DropReason::kFull);
  EXPECT_EQ(sum.latency.count(), 3U);
  EXPECT_NEAR(static_cast<double>(sum.latency.p50()), 1000, 10);
  EXPECT_EQ(sum.queue_depth, 3U);
}

TEST(Recorder, an_interval_is_the_difference_and_the_commonest_reason_is_named) {
  auto page = std::make_unique<Page>();
  Recorder recorder(page->bytes, 1, 1);
  EXPECT_EQ(recorder.sample().main_reason(), DropReason::kNone);
  recorder.drop(DropReason::kDeadline);
  recorder.drop(DropReason::kDeadline);
  const RouteSample before = recorder.sample();
  EXPECT_EQ(before.main_reason(), DropReason::kDeadline);
  recorder.sent();
  recorder.drop(DropReason::kFull);
  recorder.latency(1000);
  recorder.queue_depth(9);
  const RouteSample during = recorder.sample().since(before);
  EXPECT_EQ(during.sent, 1U);
  EXPECT_EQ(during.dropped(), 1U);
  EXPECT_EQ(to_string(during.main_reason()), "full");
  EXPECT_EQ(during.queue_depth, 9U);
  EXPECT_EQ(during.latency.count(), 1U);
  // Another lane's page: nothing of it was there before.
  RouteSample other = before;
  other.generation = 2;
  EXPECT_EQ(recorder.sample().since(other).dropped(), 3U);
}

TEST(Recorder, a_page_that_is_none_or_lies_harms_nobody) {
  auto page = std::make_unique<Page>();
  EXPECT_FALSE(sample_of(page->bytes)) << "zero memory is no page";
  Recorder recorder(page->bytes, 1, 1);
  recorder.sent();
  EXPECT_FALSE(sample_of(ByteView(page->bytes).first(sizeof(RoutePage) - 1)));
  const RouteSample honest = recorder.sample();
  for (std::size_t at = 0; at + 8 <= sizeof(RoutePage); at += 8) {
    std::uint64_t kept = 0;
    std::memcpy(&kept, page->bytes.data() + at, 8);
    for (const std::uint64_t lie : {std::uint64_t{0}, ~std::uint64_t{0}, kept + 1, kept - 1}) {
      std::memcpy(page->bytes.data() + at, &lie, 8);
      if (const auto read = sample_of(page->bytes)) {
        EXPECT_LT(static_cast<std::size_t>(read->main_reason()), kDropReasons);
        (void)read->since(honest).latency.p99();
        (void)honest.since(*read).latency.p50();
        EXPECT_LE(honest.since(*read).sent, honest.sent);
      } else {
        EXPECT_LT(at, 16U) << "only magic and version make it no page";
      }
    }
    std::memcpy(page->bytes.data() + at, &kept, 8);
  }
}

// No word is ever seen to go back, and what is seen has been written.
TEST(Recorder, may_be_read_while_it_is_written) {
  auto page = std::make_unique<Page>();
  Recorder recorder(page->bytes, 1, 1);
  constexpr std::uint64_t kFrames = 200'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kFrames; ++i) {
      recorder.sent();
      recorder.latency(i);
    }
  });
  std::uint64_t seen = 0;
  while (seen < kFrames) {
    const auto sample = sample_of(page->bytes);
    ASSERT_TRUE(sample);
    ASSERT_GE(sample->sent, seen);
    ASSERT_LE(sample->sent, kFrames);
    seen = sample->sent;
  }
  writer.join();
  EXPECT_EQ(recorder.sample().latency.count(), kFrames);
}

}  // namespace
}  // namespace rtt::telemetry
