// SPDX-License-Identifier: Apache-2.0
// DiskTable: every content the journal had in a search, numbered, and what the real recovery makes of each.
//
// What a crash leaves depends on the disk alone, so each content is judged once: a panel that starts from it,
// with or without a torn tail behind, and is killed again after any of its own repairs, has to find the one
// graph that the last durable COMMIT says, finish what was decided, and take the plan for what it then is
// (reconcile).
//
// Owns: the contents.   Thread: one.   Fails: never.   Limits: 2^32 contents.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "apply/reconcile.h"
#include "apply/recover.h"
#include "laws.h"
#include "machine_table.h"
#include "scenario.h"

namespace rtt::explore {

class DiskTable {
 public:
  DiskTable(const Scenario& scenario, const MachineTable& machines);
  [[nodiscard]] std::uint32_t first() const { return 0; }
  std::uint32_t append(std::uint32_t disk, std::uint16_t record);

  enum class Restores : std::uint8_t { kNothing, kOld, kNew };  // what recovery does to the manifests
  struct Disk {
    std::shared_ptr<const apply::Recovered> ledger;  // what recovery makes of it
    std::uint32_t before = 0;
    std::uint16_t record = 0;
    std::uint8_t seq = 0;    // of its last record
    bool committed = false;  // a COMMIT of the new graph is on it
    Law law = Law::kHolds;   // that recovery breaks
    // What recovery finds.
    bool is_new = false, rolling_back = false;
    std::uint8_t commit_seq = 0;
    Restores restores = Restores::kNothing;
    std::vector<std::pair<std::uint16_t, std::uint32_t>> after;
  };
  [[nodiscard]] const Disk& at(std::uint32_t disk) const { return disks_[disk]; }
  [[nodiscard]] std::size_t size() const { return disks_.size(); }
  [[nodiscard]] const Digest& root(bool is_new) const { return is_new ? new_root_ : old_root_; }

 private:
  [[nodiscard]] std::vector<apply::Entry> entries(std::uint32_t disk) const;
  void judge(Disk& disk, const std::vector<apply::Entry>& entries) const;
  [[nodiscard]] Law restart(std::vector<apply::Entry> entries, const Digest& decided) const;
  [[nodiscard]] Law settled(const apply::Recovered& state, const Digest& decided) const;

  const Scenario& scenario_;
  const MachineTable& machines_;
  Digest old_root_, new_root_;
  std::vector<Disk> disks_;
};

}  // namespace rtt::explore
