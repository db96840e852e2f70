// SPDX-License-Identifier: Apache-2.0
// Histogram: how long things took, in fixed memory, with percentiles within 0.8 %.
//
// Log-linear: values below 2·64 have a bucket each; above, each power of two is cut into 64 equal buckets, so
// a bucket is at most 1/64 of its values wide and its middle is within 1/128 of any of them. Recording is an
// index computed from the leading zeros and one relaxed increment: no lock, no allocation, a few nanoseconds,
// safe from any number of threads and from several processes when the counts lie in shared memory. The memory
// is the caller's, so the same code counts in a route's shared page, in a thread's own block and in a test.
//
// Owns: nothing; the counts are the caller's and outlive it.   Thread: record: any; a Snapshot is a value.
// Units: the caller's, nanoseconds as a rule.   Fails: never; values beyond kValueMax count as kValueMax.
// Limits: kBuckets counters (19.5 KiB) a histogram; 2^64 − 1 records.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtt::telemetry {

inline constexpr int kSubBits = 6;                                        // 64 buckets a power of two
inline constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 44) - 1;  // 4.9 hours in nanoseconds
inline constexpr std::size_t kBuckets = (44 - kSubBits + 1) << kSubBits;

// The bucket of `value`, the smallest value of a bucket, and how many values it holds.
[[nodiscard]] std::size_t bucket_of(std::uint64_t value);
[[nodiscard]] std::uint64_t bucket_low(std::size_t bucket);
[[nodiscard]] std::uint64_t bucket_width(std::size_t bucket);

// Memory of one histogram; zero bytes are an empty one.
struct HistogramCounts {
  std::array<std::atomic<std::uint64_t>, kBuckets> of{};
};
static_assert(sizeof(HistogramCounts) == kBuckets * sizeof(std::uint64_t));
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

class HistogramSnapshot {
 public:
  // The smallest bucket at or below which `parts_per_million` of the records lie: its middle, in the caller's
  // unit. 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t percentile_ppm(std::uint32_t parts_per_million) const;
  [[nodiscard]] std::uint64_t p50() const { return percentile_ppm(500'000); }
  [[nodiscard]] std::uint64_t p95() const { return percentile_ppm(950'000); }
  [[nodiscard]] std::uint64_t p99() const { return percentile_ppm(990'000); }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  // What was recorded since `earlier`, a snapshot of the same histogram.
  [[nodiscard]] HistogramSnapshot since(const HistogramSnapshot& earlier) const;
  void add(const HistogramSnapshot& other);  // histograms of several threads together

 private:
  friend class Histogram;
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
};

class Histogram {
 public:
  explicit Histogram(HistogramCounts& counts) : counts_(&counts) {}

  void record(std::uint64_t value) { counts_->of[bucket_of(value)].fetch_add(1, std::memory_order_relaxed); }
  // Not a cut through one instant: records made meanwhile may be in it or not.
  [[nodiscard]] HistogramSnapshot snapshot() const;

 private:
  HistogramCounts* counts_;
};

}  // namespace rtt::telemetry
