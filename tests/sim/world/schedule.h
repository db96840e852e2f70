// SPDX-License-Identifier: Apache-2.0
// Schedule: what goes wrong in one run, and when. All of it follows from the seed, and each fault can be left
// out without moving the others, which is how a failing schedule is shortened.
//
// Thread: any (values).   Fails: never.   Limits: kFaultsMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rtt::sim {

inline constexpr std::size_t kFaultsMax = 12;

enum class FaultKind : std::uint8_t {
  kPanelKilled,  // between two events; what it wrote stays
  kPowerCut,     // at a moment of the disk, and before the panel's caller knows
  kEndKilled,    //
  kEndHangs,     //
  kEndSlow,      // each of its events is late
  kConnectionCut,
  kConnectionSlow,
  kConnectionStalls,
  kDiskError,      // EIO at one moment
  kDiskFull,       // for a while
  kClockJump,      // both clocks forward, or the wall clock anywhere
  kDriverGivenUp,  // the driver host says for a while that it is not well
  kStartRefused,   // no process can be started for a while
  kCount
};
inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::kCount);
std::string_view to_string(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kPanelKilled;
  std::uint64_t at = 0;    // strikes behind that many events of the world
  std::uint64_t whom = 0;  // a program or the driver host, or a moment of the disk from then on
  std::int64_t much_ms = 0;
};
std::vector<Fault> faults_of(std::uint64_t seed);
std::string describe(const Fault& fault);

}  // namespace rtt::sim
