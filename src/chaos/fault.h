// SPDX-License-Identifier: Apache-2.0
// Fault: does what a schedule says to the real processes of a rig, and leaves none of them stopped or full.
//
// A target is found anew for every blow, since what a blow ends comes back as another process. The driver of
// a connector of one's own is hit itself and not its host.
//
// Owns: a hostile end while there is one.   Thread: one.
// Fails: aim_at: kNotFound with the nearest name (no such connector or route), kBadArgument (a hostile end
// takes the place of the route's consumer, which has a driver of its own).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chaos/load.h"
#include "chaos/rig.h"
#include "chaos/schedule.h"

namespace rtt::chaos {

// A case's target, found among what the copy holds.
struct Aim {
  std::string holder;    // the lock its process holds: "panel", "host-…"; empty: an end of the load
  std::string driver;    // of a connector whose driver is a process of its own: that instance
  std::string from, to;  // definitions, of a route
};
Result<Aim> aim_at(const Case& one, const Rig& rig);
// What a route from here must be fed by, and where its events land, if that is a file; nothing if no end of
// it is the load's to play.
std::optional<Landing> landing_of(const Aim& aim, const Rig& rig);

class Fault {
 public:
  Fault(const Rig& rig, const Load& load, Aim aim) : rig_(rig), load_(load), aim_(std::move(aim)) {}
  ~Fault();
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  // Whether it struck a living target.
  bool act(const Step& step);

 private:
  [[nodiscard]] std::vector<int> targets() const;

  const Rig& rig_;
  const Load& load_;
  Aim aim_;
  std::vector<int> stopped_, full_;
  std::optional<End> hostile_;
};

}  // namespace rtt::chaos
