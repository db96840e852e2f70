// SPDX-License-Identifier: Apache-2.0
// world [--first SEED] [--seeds N] [--minutes M] [--each] [--tell] [--bug]: runs that many worlds, or as many
// as the time allows, and says what happened in them. A law that falls is told with its seed and the fewest
// faults it takes. Exit 0: every law holds; 1: one fell.
#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "os/clock.h"
#include "world.h"

namespace {

using namespace rtt::sim;

struct Totals {
  std::uint64_t seeds = 0, events = 0, panels = 0, hosts = 0, commits = 0, calls = 0, torn = 0,
                torn_tails = 0, errors = 0, full = 0, checkpoints = 0, records = 0;
  std::int64_t virtual_ms = 0, settled_ms_max = 0;
  std::array<std::uint64_t, kFaultKinds> struck{};
  std::map<std::string, std::uint64_t> answers;

  void add(const Report& one) {
    ++seeds;
    events += one.events;
    panels += one.panels;
    hosts += one.hosts;
    commits += one.commits;
    calls += one.calls;
    torn += one.torn;
    torn_tails += one.torn_tails;
    errors += one.disk_errors;
    full += one.disk_full;
    checkpoints += one.checkpoints;
    records += one.records;
    virtual_ms += one.virtual_ms;
    settled_ms_max = std::max(settled_ms_max, one.settled_ms);
    for (std::size_t i = 0; i < kFaultKinds; ++i) struck.at(i) += one.struck.at(i);
    for (const auto& [what, count] : one.answers) answers[what] += count;
  }
  void say(double seconds) const {
    fmt::print("{} seeds in {:.1f} s ({:.0f} a second), {} s of virtual time, {} events\n", seeds, seconds,
               static_cast<double>(seeds) / seconds, virtual_ms / 1000, events);
    fmt::print("  panels {}, driver hosts {}, commits {}, records {}, checkpoints {}, calls answered {}\n",
               panels, hosts, commits, records, checkpoints, calls);
    fmt::print("  writes lost in part {}, torn tails cut {}, disk errors {}, refused for space {}\n", torn,
               torn_tails, errors, full);
    fmt::print("  longest way to rest {} ms\n  faults:", settled_ms_max);
    for (std::size_t i = 0; i < kFaultKinds; ++i)
      fmt::print(" {} {},", to_string(static_cast<FaultKind>(i)), struck.at(i));
    fmt::print("\n  answers:");
    for (const auto& [what, count] : answers) fmt::print(" {} {},", what, count);
    fmt::print("\n");
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1, seeds = 100, minutes = 0;
  bool bug = false, say_each = false, tell = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--bug") bug = true;
    if (word == "--each") say_each = true;
    if (word == "--tell") tell = true;
    if (word == "--first" && i + 1 < argc) first = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--minutes" && i + 1 < argc) minutes = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--seeds" && i + 1 < argc) seeds = std::strtoull(argv[++i], nullptr, 10);
  }
  const auto stage = Stage::make();
  if (!stage) {
    fmt::print("no stage: {} {}\n", stage.error().message, stage.error().where);
    return 1;
  }
  Totals totals;
  const rtt::Instant began = rtt::os::now();
  const auto seconds = [&] { return static_cast<double>((rtt::os::now() - began).value) / 1e9; };
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    if (minutes > 0 && seconds() >= 60.0 * static_cast<double>(minutes)) {
      fmt::print("the time was over before seed {}\n", seed);
      break;
    }
    const std::vector<Fault> faults = faults_of(seed);
    const Report report = run_world(*stage, seed, faults, tell ? stdout : nullptr);
    totals.add(report);
    if (say_each) fmt::print("seed {} trace {:016x} {} events\n", seed, report.trace, report.events);
    if (!report.broken) continue;
    fmt::print("{}: {}\n  seed {}, trace {:016x}\n", bug ? "found" : "BROKEN", *report.broken, seed,
               report.trace);
    if (!bug) {
      for (const Fault& fault : shortened(*stage, seed, faults)) fmt::print("  {}\n", describe(fault));
    }
    return 1;
  }
  totals.say(seconds());
  return 0;
}
