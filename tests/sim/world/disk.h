// SPDX-License-Identifier: Apache-2.0
// Disk: where the panel's journal lies in the simulated world, and every file that it writes whole.
//
// The journal has the SimulatedDisk of the journal's own crash tests, behind a Storage that a schedule of
// faults can reach: each change of it is two moments, before and after, and at any of them the power may go
// (Killed is thrown through whoever wrote), the device may fail, or be full. Files that the panel writes
// whole (plans, graphs, states of checkpoints: os/file.h) stay on the real file system and meet the same
// faults; such a write is there entirely or not at all.
//
// Owns: the image.   Thread: one.   Fails: as told.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "journal/segment_reader.h"
#include "journal/simulated_disk_for_test.h"
#include "random.h"

namespace rtt::sim {

// Segments in which a run's forty records do not lie; their largest batch has 3.1 KB.
inline constexpr journal::Layout kWorldLayout{.segment_bytes = std::uint64_t{8} << 10,
                                              .zeros_ahead_bytes = std::uint64_t{2} << 10};

struct Killed {};  // thrown through a process that ends here

class Disk {
 public:
  enum class Fault : std::uint8_t { kPowerCut, kIoError };

  std::unique_ptr<journal::Storage> open();
  // Of a file written whole, around the real write.
  Status before_change();
  void after_change();

  void strike(std::uint64_t after_moments, Fault fault) { faults_[moments_ + after_moments] = fault; }
  void set_full(bool full) { full_ = full; }
  void take_no_orders() { faults_.clear(); }
  // Of what was not synced, each sector keeps the old or the new bytes, or a torn mixture. REQUIRES: nothing
  // of it is open.
  void lose_power(Random& chance);
  [[nodiscard]] bool synced_in_vain() const { return failed_sync_; }
  [[nodiscard]] std::uint64_t moments() const { return moments_; }
  [[nodiscard]] std::uint64_t torn() const { return torn_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] std::uint64_t refused_full() const { return refused_full_; }

 private:
  friend class WorldStorage;
  friend class WorldFile;
  Status moment();

  journal::SimulatedDisk disk_;
  std::map<std::uint64_t, Fault> faults_;  // by moment
  std::uint64_t moments_ = 0, torn_ = 0, errors_ = 0, refused_full_ = 0;
  bool full_ = false;
  bool failed_sync_ = false;  // what it should have written may have been dropped
};

}  // namespace rtt::sim
