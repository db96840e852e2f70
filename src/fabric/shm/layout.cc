// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "os/unix_socket.h"

namespace rtt::fabric::shm {
namespace {

// A consumer that is not running for one scheduler slice finds the frames of that time waiting for it.
constexpr double kSliceSeconds = 0.004;
// Below this budget a large frame's latency decides, and few slots keep the ring in the second-level cache.
constexpr double kTightBudgetMs = 0.1;

std::string_view words(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "nothing";
    case Fault::kCommit:
      return "the slot holds another frame than the next one";
    case Fault::kMagic:
      return "wrong magic";
    case Fault::kFlags:
      return "flags that no ring carries";
    case Fault::kReserved:
      return "reserved field is not zero";
    case Fault::kLength:
      return "length over what the ring can hold there";
    case Fault::kWrap:
      return "arena wrap where there is nothing to skip";
    case Fault::kCoverage:
      return "checksum coverage weaker than the route's policy";
    case Fault::kChecksum:
      return "checksum does not match";
    case Fault::kIndex:
      return "the reader's index is outside what was sent";
    case Fault::kCut:
      return "the reader's cut is outside what was sent";
  }
  return "unknown";
}

}  // namespace

bool valid(const RingSize& size) {
  return std::has_single_bit(size.slots) && size.slots >= limits::kRingSlotsMin &&
         size.slots <= limits::kRingSlotsMax && size.arena_bytes >= kPageBytes &&
         size.arena_bytes % kPageBytes == 0 && size.arena_bytes <= limits::kRingArenaBytesMax;
}

bool valid(const RingOptions& options) {
  return valid(options.size) && options.route_id >= 1 && options.frame_id_first >= 1 &&
         options.sample_every >= 1;
}

std::size_t lane_bytes(const RingSize& size) { return lane_bytes_touched(size) + size.arena_bytes; }

std::size_t lane_bytes_touched(const RingSize& size) { return kPageBytes + size.slots * kSlotBytes; }

RingSize ring_size(const model::Qos& qos, std::size_t message_bytes) {
  RingSize size;
  const double rate = std::clamp(qos.throughput_qps.value_or(0), 0.0, 1e9);
  const auto burst = static_cast<std::uint32_t>(rate * kSliceSeconds);
  size.slots =
      std::clamp(std::bit_ceil(std::max(burst, size.slots)), limits::kRingSlotsMin, limits::kRingSlotsMax);
  if (qos.latency_budget_ms.value_or(1e9) <= kTightBudgetMs && message_bytes >= kCutThroughBytes)
    size.slots = limits::kRingSlotsMin;
  // Four messages under way: one being written, one read, two waiting.
  const std::size_t wanted = std::min(message_bytes, limits::kRingArenaBytesMax) * 4;
  size.arena_bytes = std::clamp((wanted + kPageBytes - 1) / kPageBytes * kPageBytes, size.arena_bytes,
                                limits::kRingArenaBytesMax);
  return size;
}

std::uint16_t coverage_of(const RingOptions& options, std::uint32_t frame_id) {
  switch (options.crc) {
    case CrcPolicy::kFull:
      return 0;
    case CrcPolicy::kHeader:
      return kCoverHeader;
    case CrcPolicy::kSampled:
      return frame_id % options.sample_every == 0 ? 0 : kCoverHeader;
    case CrcPolicy::kOff:
      return kCoverNone;
  }
  return 0;
}

Status check_lane_page(const RingOptions& options, ByteView lane) {
  if (lane.size() != lane_bytes(options.size)) {
    return fail(Code::kFrame, fmt::format("lane memory of {} bytes, agreed were {}", lane.size(),
                                          lane_bytes(options.size)));
  }
  LanePage page;  // copied once, so that what is compared is what is reported
  std::memcpy(static_cast<void*>(&page), lane.data(), offsetof(LanePage, wait_word));
  if (page.magic != kLaneMagic || page.version != kLaneVersion)
    return fail(Code::kFrame,
                fmt::format("not a lane page: magic {:016x}, version {}", page.magic, page.version));
  // Not the first id: a producer that has entered the ring meanwhile wrote there where its ids go on, and the
  // first frame itself is what decides.
  if (page.slots != options.size.slots || page.arena_bytes != options.size.arena_bytes ||
      page.generation != options.generation || page.route_id != options.route_id) {
    return fail(Code::kFrame,
                fmt::format("lane memory of route {} generation {} ({} slots, {} bytes), agreed was "
                            "route {} generation {} ({} slots, {} bytes)",
                            page.route_id, page.generation, page.slots, page.arena_bytes, options.route_id,
                            options.generation, options.size.slots, options.size.arena_bytes));
  }
  return {};
}

std::uint32_t frame_id_ahead(std::uint32_t id, std::uint32_t steps) {
  const std::uint32_t sum = id + steps;
  return sum < id ? sum + 1 : sum;  // passed 0
}

std::uint32_t frame_id_back(std::uint32_t id, std::uint32_t steps) {
  return id > steps ? id - steps : id - steps - 1;
}

Error error_of(Fault fault, const RingOptions& options, std::uint32_t frame_id) {
  return Error{.code = Code::kFrame,
               .message = fmt::format("bad frame {} on the ring of route {}: {}", frame_id, options.route_id,
                                      words(fault)),
               .where = fmt::format("route {}", options.route_id),
               .hint = {}};
}

void ring_bell(int socket) {
  const std::byte one{1};
  const auto sent = os::send(socket, {&one, 1});
  // A full socket has rung already; a closed one belongs to a peer whose death is noticed elsewhere.
  static_cast<void>(sent.has_value());
}

bool changed(std::span<const os::WaitWord> words) {
  return std::any_of(words.begin(), words.end(), [](const os::WaitWord& on) {
    return __atomic_load_n(on.word, __ATOMIC_ACQUIRE) != on.expected;
  });
}

}  // namespace rtt::fabric::shm
