// SPDX-License-Identifier: Apache-2.0
#include "telemetry/histogram.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace rtt::telemetry {
namespace {

constexpr std::uint64_t kSubs = std::uint64_t{1} << kSubBits;
constexpr std::uint32_t kWhole = 1'000'000;

}  // namespace

// The highest bit says which power of two, the kSubBits below it which part of it. Row 0 holds the values
// under kSubs themselves, so rows 0 and 1 are exact.
std::size_t bucket_of(std::uint64_t value) {
  value = std::min(value, kValueMax);
  if (value < kSubs) return static_cast<std::size_t>(value);
  const int shift = static_cast<int>(std::bit_width(value)) - 1 - kSubBits;
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t bucket_low(std::size_t bucket) {
  RTT_ASSERT(bucket < kBuckets);
  if (bucket < 2 * kSubs) return bucket;
  const std::size_t shift = (bucket >> kSubBits) - 1;
  return (kSubs + (bucket & (kSubs - 1))) << shift;
}

std::uint64_t bucket_width(std::size_t bucket) {
  RTT_ASSERT(bucket < kBuckets);
  return bucket < 2 * kSubs ? 1 : std::uint64_t{1} << ((bucket >> kSubBits) - 1);
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot snapshot;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    snapshot.counts_[i] = counts_->of[i].load(std::memory_order_relaxed);
    snapshot.count_ += snapshot.counts_[i];
  }
  return snapshot;
}

std::uint64_t HistogramSnapshot::percentile_ppm(std::uint32_t parts_per_million) const {
  RTT_ASSERT(parts_per_million <= kWhole);
  if (count_ == 0) return 0;
  // Nearest rank, at least the first; in two steps, so that no count overflows.
  const std::uint64_t whole = count_ / kWhole * parts_per_million;
  const std::uint64_t rest = (count_ % kWhole * parts_per_million + kWhole - 1) / kWhole;
  const std::uint64_t rank = std::max<std::uint64_t>(1, whole + rest);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return bucket_low(i) + bucket_width(i) / 2;
  }
  RTT_ASSERT(false);  // count_ is the sum of counts_
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot out;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    // Counts in shared memory are another process's word: smaller ones than before count as none.
    out.counts_[i] = counts_[i] > earlier.counts_[i] ? counts_[i] - earlier.counts_[i] : 0;
    out.count_ += out.counts_[i];
  }
  return out;
}

void HistogramSnapshot::add(const HistogramSnapshot& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
}

}  // namespace rtt::telemetry
