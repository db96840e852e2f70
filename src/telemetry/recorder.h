// SPDX-License-Identifier: Apache-2.0
// Recorder: what one end of a lane counts about its route, always on, in memory that others may read.
//
// The page is the end's own; whoever watches (the panel, `rtt tap`) maps it read-only and reads while it is
// written. Each word has one writer, so a count is a relaxed load and store: no lock prefix, no lock, no
// allocation, no system call on the frame path, and nothing that a watcher can slow down. A sample is not a
// cut through one instant: words may be one frame apart. What an interval held is the difference of two
// samples.
//
// Owns: nothing; the page is the caller's and outlives it.   Thread: record: the one that carries the lane;
// sample: any.   Units: nanoseconds, frames.   Fails: check: kFrame (no page of this version).
// Limits: kPageBytes a lane.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "telemetry/histogram.h"

namespace rtt::telemetry {

// Why a frame or a message did not arrive.
enum class DropReason : std::uint8_t {
  kNone,
  kFull,      // the lane was full and its policy is to drop (taildrop) or to refuse (nack)
  kCrc,       // it did not verify, which ends its lane
  kDeadline,  // its caller had given up
  kLost,      // its lane ended
};
inline constexpr std::size_t kDropReasons = 5;
std::string_view to_string(DropReason reason);

struct RoutePage {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t route_id = 0;
  std::uint64_t generation = 0;
  std::atomic<std::uint64_t> sent{}, received{}, errors{}, queue_depth{};
  std::array<std::atomic<std::uint64_t>, kDropReasons> drops{};
  HistogramCounts latency;  // of calls made from here, or of serving what arrived
};
inline constexpr std::uint64_t kRouteMagic = 0x31594C54454C5454;  // "TTLETLY1"
inline constexpr std::uint32_t kRouteVersion = 1;
inline constexpr std::size_t kPageBytes = (sizeof(RoutePage) + 4095) / 4096 * 4096;
static_assert(kPageBytes == 20480);

struct RouteSample {
  std::uint32_t route_id = 0;
  std::uint64_t generation = 0;
  std::uint64_t sent = 0, received = 0, errors = 0, queue_depth = 0;
  std::array<std::uint64_t, kDropReasons> drops{};
  HistogramSnapshot latency;

  [[nodiscard]] std::uint64_t dropped() const;
  [[nodiscard]] DropReason main_reason() const;  // of most drops; kNone without any
  // What happened since `earlier`, a sample of the same page; the queue depth stays the present one.
  [[nodiscard]] RouteSample since(const RouteSample& earlier) const;
  // Intervals of several pages together; the queue depth becomes the other's.
  void add(const RouteSample& other);
};

class Recorder {
 public:
  // Writes the page's head. REQUIRES: zero memory of kPageBytes, 8-byte aligned.
  Recorder(MutableBytes page, std::uint32_t route_id, std::uint64_t generation);

  void sent() { add(page_->sent); }
  void received() { add(page_->received); }
  void error() { add(page_->errors); }
  void drop(DropReason reason) { add(page_->drops[static_cast<std::size_t>(reason)]); }
  void queue_depth(std::uint64_t frames) { page_->queue_depth.store(frames, std::memory_order_relaxed); }
  void latency(std::uint64_t ns) { add(page_->latency.of[bucket_of(ns)]); }
  [[nodiscard]] RouteSample sample() const;

 private:
  static void add(std::atomic<std::uint64_t>& count) {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  RoutePage* page_;
};

// A page that somebody else writes.
Result<RouteSample> sample_of(ByteView page);

}  // namespace rtt::telemetry
