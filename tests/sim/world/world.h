// SPDX-License-Identifier: Apache-2.0
// World: one run. The real panel, four real programs and the driver host that it starts on its lanes, and
// eight clients, in one thread and in virtual time, from one seed: the same seed and faults give the same
// run, bit for bit.
//
//     seed ──► what the clients ask, and when      ┐
//          ──► in which order processes run        ├──► run ──► laws
//          ──► faults (schedule.h), each removable ┘
//
// A round gives each process that has something to do one turn of its loop, in an order that chance decides;
// a turn is one event of the world. When nobody has anything to do, time goes on to the next timer. Behind
// the last answer the faults stop, and what is left has kSettleMs to come to rest: all attached, every route
// carried.
//
// Owns: the processes.   Thread: one.   Fails: Report::broken says which law fell.   Limits: kEventsMax.
#pragma once

#include <array>
#include <cstdio>

#include "laws.h"
#include "schedule.h"

namespace rtt::sim {

inline constexpr std::uint64_t kEventsMax = 200'000;
inline constexpr std::size_t kClients = 8;

struct Report {
  std::optional<std::string> broken;
  std::uint64_t trace = 0;  // of everything that happened, in order
  std::uint64_t events = 0;
  std::int64_t virtual_ms = 0, settled_ms = 0;
  std::array<std::uint64_t, kFaultKinds> struck{};
  std::map<std::string, std::uint64_t> answers;  // "apply committed", "undo RTT0412" …
  std::uint64_t panels = 0, hosts = 0, torn = 0, disk_errors = 0, disk_full = 0, commits = 0, records = 0;
  std::uint64_t calls = 0, torn_tails = 0, checkpoints = 0;
};

// `tell`: where what happens is told as it does, or nothing.
Report run_world(const Stage& stage, std::uint64_t seed, const std::vector<Fault>& faults,
                 std::FILE* tell = nullptr);
// Fewer faults with which the same seed still fails.
std::vector<Fault> shortened(const Stage& stage, std::uint64_t seed, std::vector<Fault> faults);

}  // namespace rtt::sim
