// SPDX-License-Identifier: Apache-2.0
// Percentiles of the histogram agree with an exact sort within 1 % on five shapes of latency; buckets cover
// every value once and in order; what several threads record is all there.
#include "telemetry/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace rtt::telemetry {
namespace {

TEST(Histogram, buckets_cover_every_value_once_and_in_order) {
  std::uint64_t next = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    ASSERT_EQ(bucket_low(bucket), next) << bucket;
    ASSERT_EQ(bucket_of(next), bucket);
    next += bucket_width(bucket);
    ASSERT_EQ(bucket_of(next - 1), bucket);
    ASSERT_LE(bucket_width(bucket) * 64, std::max<std::uint64_t>(bucket_low(bucket), 64)) << bucket;
  }
  EXPECT_EQ(next, kValueMax + 1);
  EXPECT_EQ(bucket_of(UINT64_MAX), kBuckets - 1);
}

struct Shape {
  const char* name;
  std::function<double(std::mt19937_64&)> draw;
};

TEST(Histogram, percentiles_within_one_percent_of_an_exact_sort_on_five_shapes) {
  const Shape shapes[] = {
      {"uniform", [](auto& g) { return std::uniform_real_distribution(1.0, 1e6)(g); }},
      {"normal", [](auto& g) { return std::normal_distribution(5e5, 1e5)(g); }},
      {"lognormal", [](auto& g) { return std::lognormal_distribution(9.0, 1.5)(g); }},
      {"pareto",
       [](auto& g) { return 800.0 / std::pow(1.0 - std::uniform_real_distribution(0.0, 1.0)(g), 1 / 1.2); }},
      {"two_modes",
       [](auto& g) {
         return std::bernoulli_distribution(0.9)(g) ? std::normal_distribution(7e3, 4e2)(g)
                                                    : std::normal_distribution(3e7, 2e6)(g);
       }},
  };
  for (const Shape& shape : shapes) {
    std::mt19937_64 generator(20'240);
    auto counts = std::make_unique<HistogramCounts>();
    Histogram histogram(*counts);
    std::vector<std::uint64_t> exact;
    for (int i = 0; i < 200'000; ++i) {
      const auto value = static_cast<std::uint64_t>(std::clamp(shape.draw(generator), 1.0, 1e13));
      exact.push_back(value);
      histogram.record(value);
    }
    std::sort(exact.begin(), exact.end());
    const HistogramSnapshot snapshot = histogram.snapshot();
    ASSERT_EQ(snapshot.count(), exact.size());
    for (const std::uint32_t ppm :
         {1u, 10'000u, 500'000u, 900'000u, 950'000u, 990'000u, 999'000u, 1'000'000u}) {
      const std::size_t rank = std::max<std::size_t>(1, (exact.size() * ppm + 999'999) / 1'000'000);
      const auto expected = static_cast<double>(exact[rank - 1]);
      EXPECT_NEAR(static_cast<double>(snapshot.percentile_ppm(ppm)), expected, expected * 0.01)
          << shape.name << " at " << ppm << " ppm";
    }
    EXPECT_EQ(snapshot.p50(), snapshot.percentile_ppm(500'000));
    EXPECT_EQ(snapshot.p95(), snapshot.percentile_ppm(950'000));
    EXPECT_EQ(snapshot.p99(), snapshot.percentile_ppm(990'000));
  }
}

TEST(Histogram, small_values_are_exact_and_an_empty_one_says_zero) {
  auto counts = std::make_unique<HistogramCounts>();
  Histogram histogram(*counts);
  EXPECT_EQ(histogram.snapshot().p99(), 0u);
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  const HistogramSnapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.p50(), 50u);
  EXPECT_EQ(snapshot.p95(), 95u);
  EXPECT_EQ(snapshot.p99(), 99u);
}

TEST(Histogram, differences_and_sums_are_those_of_the_records) {
  auto counts = std::make_unique<HistogramCounts>();
  Histogram histogram(*counts);
  for (int i = 0; i < 10; ++i) histogram.record(5);
  const HistogramSnapshot before = histogram.snapshot();
  for (int i = 0; i < 4; ++i) histogram.record(90);
  const HistogramSnapshot later = histogram.snapshot().since(before);
  EXPECT_EQ(later.count(), 4u);
  EXPECT_EQ(later.p50(), 90u);
  HistogramSnapshot together = before;
  together.add(later);
  EXPECT_EQ(together.count(), 14u);
  EXPECT_EQ(together.p50(), 5u);
}

TEST(Histogram, records_of_several_threads_are_all_there) {
  auto counts = std::make_unique<HistogramCounts>();
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&counts, t] {
      Histogram histogram(*counts);
      for (std::uint64_t i = 0; i < 50'000; ++i) histogram.record(i * (t + 1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Histogram(*counts).snapshot().count(), 200'000u);
}

}  // namespace
}  // namespace rtt::telemetry
