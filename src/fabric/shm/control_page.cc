// SPDX-License-Identifier: Apache-2.0
#include "fabric/shm/control_page.h"

#include <fmt/format.h>

#include <cstring>

#include "fabric/shm/flip.h"
#include "fabric/shm/layout.h"

namespace rtt::fabric::shm {

Result<ControlPage> ControlPage::create(const ControlIdentity& identity, std::uint32_t epoch) {
  RTT_TRY_SET(os::SharedMemory memory, os::create_shared_memory("rtt-control", kPageBytes));
  const ControlWords words{.magic = kControlMagic,
                           .generation = identity.generation,
                           .route_id = identity.route_id,
                           .epoch = epoch};
  std::memcpy(memory.memory.writable().data(), &words, sizeof words);
  return ControlPage(std::move(memory));
}

std::uint32_t ControlPage::epoch() const {
  return load_word<std::uint32_t>(memory_.memory.bytes().data() + offsetof(ControlWords, epoch),
                                  std::memory_order_relaxed);
}

void ControlPage::set(std::size_t at, std::uint32_t value) {
  std::byte* const word = memory_.memory.writable().data() + at;
  store_word(word, value, std::memory_order_release);
  os::wake_all(reinterpret_cast<const std::uint32_t*>(word));
}

void ControlPage::flip(std::uint32_t next) {
  RTT_ASSERT(next == epoch() || next == ring_after(epoch()));
  set(offsetof(ControlWords, epoch), next);
}

void ControlPage::poison() { set(offsetof(ControlWords, poison), 1); }

Result<ControlView> ControlView::open(int fd, const ControlIdentity& identity) {
  RTT_TRY_SET(os::Mapping mapping, os::map_shared_memory(fd, kPageBytes));
  ControlWords words;
  std::memcpy(static_cast<void*>(&words), mapping.bytes().data(), offsetof(ControlWords, epoch));
  const ControlIdentity found{.generation = words.generation, .route_id = words.route_id};
  if (words.magic != kControlMagic || found != identity) {
    return fail(Code::kFrame,
                fmt::format("control page of route {} generation {}, agreed was route {} generation {}",
                            found.route_id, found.generation, identity.route_id, identity.generation));
  }
  return ControlView(std::move(mapping), identity.generation);
}

std::array<os::WaitWord, ControlView::kWords> ControlView::words() const {
  const auto word = [&](std::size_t at) {
    return os::WaitWord{.word = reinterpret_cast<const std::uint32_t*>(mapping_.bytes().data() + at),
                        .expected = load(at)};
  };
  return {word(offsetof(ControlWords, epoch)), word(offsetof(ControlWords, poison))};
}

}  // namespace rtt::fabric::shm
