// SPDX-License-Identifier: Apache-2.0
// Control page of a route direction: what the panel tells both ends, in memory that only the panel writes
// (docs/formats/ring.md).
//
//     epoch      the number of the ring both ends are on or on their way to; storing it is the flip
//     poison     not 0: the route is cut, both ends stop
//
// An end reads the epoch before each operation (its line stays shared: +0.07 ns) and sleeps on these words as
// well as on the ring's own; the panel wakes after each store. A panel that restarts cannot write the old
// page any more: it makes a new one with the next generation and sends it to each end that comes back, which
// goes over to it at its next frame. An end that has not come back keeps the old page, and with it its rings.
//
// Owns: ControlPage its memory, ControlView its mapping.   Thread: ControlPage: one; ControlView: any.
// Fails: create: as os::create_shared_memory; open: kFrame (seals, size, magic, another route or generation).
// Limits: one page.
#pragma once

#include <array>
#include <cstddef>

#include "base/result.h"
#include "os/futex.h"
#include "os/memfd.h"

namespace rtt::fabric::shm {

struct ControlWords {
  std::uint64_t magic = 0;  // "RTTCTRL1"
  std::uint64_t generation = 0;
  std::uint32_t route_id = 0;
  std::uint32_t reserved[27] = {};
  std::uint32_t epoch = 0;  // at 128: away from what is only read at the start
  std::uint32_t poison = 0;
};
static_assert(offsetof(ControlWords, epoch) == 128 && sizeof(ControlWords) == 136);
inline constexpr std::uint64_t kControlMagic = 0x314C525443545452;  // "RTTCTRL1"

struct ControlIdentity {
  std::uint64_t generation = 0;  // of the page: larger each time the panel makes a new one for the route
  std::uint32_t route_id = 0;
  friend bool operator==(const ControlIdentity&, const ControlIdentity&) = default;
};

// The panel's end.
class ControlPage {
 public:
  static Result<ControlPage> create(const ControlIdentity& identity, std::uint32_t epoch);

  void flip(std::uint32_t epoch);  // REQUIRES: the present one or the next: one ring at a time
  void poison();
  [[nodiscard]] std::uint32_t epoch() const;
  [[nodiscard]] int readable() const { return memory_.readable.get(); }  // what is passed to the ends
  [[nodiscard]] Result<os::Fd> descriptor() const { return memory_.readable.duplicate(); }

 private:
  explicit ControlPage(os::SharedMemory memory) : memory_(std::move(memory)) {}
  void set(std::size_t at, std::uint32_t value);
  os::SharedMemory memory_;
};

// An end's view of it.
class ControlView {
 public:
  static Result<ControlView> open(int fd, const ControlIdentity& identity);

  [[nodiscard]] std::uint32_t epoch() const { return load(offsetof(ControlWords, epoch)); }
  [[nodiscard]] bool poisoned() const { return load(offsetof(ControlWords, poison)) != 0; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

  static constexpr std::size_t kWords = 2;
  // The words as they are now, for a wait that ends when one changes. Take them before looking at the rest.
  [[nodiscard]] std::array<os::WaitWord, kWords> words() const;

 private:
  ControlView(os::Mapping mapping, std::uint64_t generation)
      : mapping_(std::move(mapping)), generation_(generation) {}
  [[nodiscard]] std::uint32_t load(std::size_t at) const {
    return __atomic_load_n(reinterpret_cast<const std::uint32_t*>(mapping_.bytes().data() + at),
                           __ATOMIC_ACQUIRE);
  }
  os::Mapping mapping_;
  std::uint64_t generation_ = 0;
};

}  // namespace rtt::fabric::shm
