// SPDX-License-Identifier: Apache-2.0
// Schedule: when exactly a case's fault strikes: a function of the case and the seed alone, so a run that
// failed is run again by its seed.
//
// Thread: any (pure).   Units: milliseconds since the load is up.   Fails: never.
// Limits: kChaosStepsMax steps of a case; what would be more is left out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "chaos/cases.h"

namespace rtt::chaos {

inline constexpr std::size_t kChaosStepsMax = 4096;

enum class Act : std::uint8_t {
  kKill,
  kStop,
  kContinue,
  kScribble,  // the hostile end comes up
  kWithdraw,  // and is taken away
  kShift,     // the wall clock is `amount` ms from the true one
  kFill,
  kFree,
};
std::string_view to_string(Act act);

struct Step {
  std::int64_t at_ms = 0;
  Act act = Act::kKill;
  std::int64_t amount = 0;
  friend bool operator==(const Step&, const Step&) = default;
};

// Sorted by time. Whatever is done to the target is undone by the last step: after it the target is whole.
std::vector<Step> schedule(const Case& one, std::uint64_t seed);

// splitmix64: the same numbers on every machine.
std::uint64_t mixed(std::uint64_t seed);

}  // namespace rtt::chaos
