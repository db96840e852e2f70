// SPDX-License-Identifier: Apache-2.0
#include "schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "random.h"

namespace rtt::sim {
namespace {

constexpr std::uint64_t kEventsOfARun = 1500;  // about as many as one without faults has
constexpr std::array<std::string_view, kFaultKinds> kNames = {
    "panel killed",   "power cut",       "end killed",        "end hangs",  "end slow",
    "connection cut", "connection slow", "connection stalls", "disk error", "disk full",
    "clock jump",     "driver given up", "start refused"};

}  // namespace

std::string_view to_string(FaultKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

std::vector<Fault> faults_of(std::uint64_t seed) {
  Random chance(seed ^ 0x666175);
  std::vector<Fault> faults(chance.below(kFaultsMax + 1));
  for (Fault& fault : faults) {
    fault.kind = static_cast<FaultKind>(chance.below(kFaultKinds));
    fault.at = chance.below(kEventsOfARun);
    fault.whom = chance.below(40);
    fault.much_ms = chance.one_in(4) ? chance.between(2'000, 9'000) : chance.between(1, 400);
  }
  std::ranges::stable_sort(faults, {}, &Fault::at);
  return faults;
}

std::string describe(const Fault& fault) {
  return fmt::format("behind event {}: {}, {} ({} ms)", fault.at, to_string(fault.kind), fault.whom,
                     fault.much_ms);
}

}  // namespace rtt::sim
