// SPDX-License-Identifier: Apache-2.0
// Stage: one case played on a rig, from a new panel to the observations that verdict.h judges.
//
// Owns: nothing beyond a case.   Thread: one; `loop` turns while it waits.   Units: milliseconds.
// Fails: kDeadline (the load does not come up), kCancelled (a signal), and as aim_at and Load.
#pragma once

#include "chaos/fault.h"
#include "os/loop.h"

namespace rtt::chaos {

struct Played {
  std::vector<Step> steps;
  Observed seen;
};

class Stage {
 public:
  Stage(os::Loop& loop, Rig& rig, const bool& interrupted)
      : loop_(loop), rig_(rig), interrupted_(interrupted) {}
  // Once, before the first case: what the copy holds when a load has come and gone.
  Status warm_up();
  Result<Played> play(const Case& one, std::uint64_t seed);

 private:
  struct Up {  // of a sound copy under load
    std::int64_t ready = 0;
    std::vector<std::string> drivers;
  };
  Result<Up> come_up(Load& load);
  void strike(Fault& fault, const std::vector<Step>& steps, Load& load, Observed& seen);
  void come_back(const Case& one, const Up& up, Load& load, Observed& seen);
  [[nodiscard]] std::string missing(const Up& up) const;
  void settle(Load& load);
  void look(Observed& seen);
  [[nodiscard]] Held held() const;
  Status turn(std::int64_t ms) const;
  void pause() const;

  os::Loop& loop_;
  Rig& rig_;
  const bool& interrupted_;
  Held baseline_;
};

}  // namespace rtt::chaos
