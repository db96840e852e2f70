// SPDX-License-Identifier: Apache-2.0
#include "telemetry/recorder.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::telemetry {
namespace {

constexpr std::array<std::string_view, kDropReasons> kNames{"", "full", "crc", "deadline", "lost"};

RouteSample read(const RoutePage& page) {
  RouteSample sample;
  sample.route_id = page.route_id;
  sample.generation = page.generation;
  sample.sent = page.sent.load(std::memory_order_relaxed);
  sample.received = page.received.load(std::memory_order_relaxed);
  sample.errors = page.errors.load(std::memory_order_relaxed);
  sample.queue_depth = page.queue_depth.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kDropReasons; ++i)
    sample.drops[i] = page.drops[i].load(std::memory_order_relaxed);
  // Reading needs no write access, though Histogram also records: the counts are only loaded.
  sample.latency = Histogram(const_cast<HistogramCounts&>(page.latency)).snapshot();
  return sample;
}

// A writer that died or lies may leave smaller numbers than before.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; }

}  // namespace

std::string_view to_string(DropReason reason) { return kNames[static_cast<std::size_t>(reason)]; }

std::uint64_t RouteSample::dropped() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : drops) sum += count;
  return sum;
}

DropReason RouteSample::main_reason() const {
  const auto most = std::max_element(drops.begin(), drops.end());
  return *most == 0 ? DropReason::kNone : static_cast<DropReason>(most - drops.begin());
}

RouteSample RouteSample::since(const RouteSample& earlier) const {
  if (earlier.generation != generation) return *this;
  RouteSample out = *this;
  out.sent = grown(sent, earlier.sent);
  out.received = grown(received, earlier.received);
  out.errors = grown(errors, earlier.errors);
  for (std::size_t i = 0; i < kDropReasons; ++i) out.drops[i] = grown(drops[i], earlier.drops[i]);
  out.latency = latency.since(earlier.latency);
  return out;
}

void RouteSample::add(const RouteSample& other) {
  sent += other.sent;
  received += other.received;
  errors += other.errors;
  queue_depth = other.queue_depth;
  for (std::size_t i = 0; i < kDropReasons; ++i) drops[i] += other.drops[i];
  latency.add(other.latency);
}

Recorder::Recorder(MutableBytes page, std::uint32_t route_id, std::uint64_t generation) {
  RTT_ASSERT(page.size() >= sizeof(RoutePage));
  RTT_ASSERT(reinterpret_cast<std::uintptr_t>(page.data()) % alignof(RoutePage) == 0);
  page_ = reinterpret_cast<RoutePage*>(page.data());
  page_->magic = kRouteMagic;
  page_->version = kRouteVersion;
  page_->route_id = route_id;
  page_->generation = generation;
}

RouteSample Recorder::sample() const { return read(*page_); }

Result<RouteSample> sample_of(ByteView page) {
  if (page.size() < sizeof(RoutePage)) return fail(Code::kFrame, "a telemetry page is too short");
  const auto& route = *reinterpret_cast<const RoutePage*>(page.data());
  if (route.magic != kRouteMagic || route.version != kRouteVersion)
    return fail(Code::kFrame, "this is no telemetry page of this version");
  return read(route);
}

}  // namespace rtt::telemetry
