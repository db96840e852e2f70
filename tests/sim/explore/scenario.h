// SPDX-License-Identifier: Apache-2.0
// Scenario: the one plan that a search carries through every fate, and how often each fault may strike.
//
// Thread: any (values).   Fails: never.   Limits: kPartiesMax parties, route ids below 31.
#pragma once

#include <cstdint>
#include <vector>

#include "apply/recover.h"
#include "apply/two_phase.h"

namespace rtt::explore {

inline constexpr std::size_t kPartiesMax = 8;

struct Faults {  // how often each may strike in one run; crashes and timers may at any time
  std::uint8_t nacks = 0;
  std::uint8_t deaths = 0;
  std::uint8_t lost = 0;     // messages to a party
  std::uint8_t doubled = 0;  // messages and answers
  std::uint8_t journal = 0;  // it fails, before or after having written, and stays broken
  std::uint8_t verify = 0;
  std::uint8_t files = 0;  // manifests half written
};

struct Scenario {
  apply::Start start;
  std::vector<apply::Entry> history;
  Faults faults;
};

struct ScenarioOptions {
  std::size_t parties = 2;
  enum class Views : std::uint8_t { kNone, kShown } views = Views::kNone;
  enum class Accepts : std::uint8_t { kNothing, kAServer } accepts = Accepts::kNothing;
};
// Each party brings up one route; the first also gives one up. The first half of them are the first batch.
Scenario scenario(const ScenarioOptions& options, const Faults& faults);

}  // namespace rtt::explore
