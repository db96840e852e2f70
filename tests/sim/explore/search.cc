// SPDX-License-Identifier: Apache-2.0
#include "search.h"

#include <fmt/format.h>

#include "seen.h"

namespace rtt::explore {
namespace {

constexpr std::size_t kTransitionsALook = std::size_t{1} << 20U;

class Search {
 public:
  Search(const Scenario& scenario, const SearchOptions& options)
      : options_(options),
        machines_(scenario.start),
        disks_(scenario, machines_),
        world_(scenario, machines_, disks_) {}

  Report run() {
    const State first = world_.first();
    visit(first, {}, key_of(first));
    while (!path_.empty() && report_.law == Law::kHolds) {
      if (path_.back().first == next_.size()) {
        seen_.close(path_.back().key);
        path_.pop_back();
        continue;
      }
      const Next next = next_.back();
      const Fingerprint key = keys_.back();
      next_.pop_back();
      keys_.pop_back();
      visit(next.state, next.step, key);
      if (options_.states_max != 0 && seen_.size() >= options_.states_max) break;
      if (options_.over && report_.transitions % kTransitionsALook == 0 && options_.over()) break;
    }
    report_.complete = path_.empty();
    report_.states = seen_.size();
    report_.machine_steps = machines_.steps();
    report_.machine_states = machines_.states();
    report_.disks = disks_.size();
    return std::move(report_);
  }

 private:
  struct Frame {
    Fingerprint key;
    std::size_t first = 0;  // in next_: what is left to visit from here
    Step step;
  };

  [[nodiscard]] Fingerprint key_of(const State& state) const {
    return fingerprint(std::as_bytes(std::span(&state, 1)).first(world_.bytes()));
  }

  void visit(const State& state, const Step& step, Fingerprint key) {
    ++report_.transitions;
    const Seen::Found found = seen_.open(key);
    if (found == Seen::Found::kClosed) return;
    if (found == Seen::Found::kOpen) return fall(Law::kEndless, step);
    if (const Law law = world_.judge(state); law != Law::kHolds) return fall(law, step);
    const std::size_t first = next_.size();
    if (state.answered != 0) {
      count(state);
      world_.expand_answered(state, next_);
    } else if (!world_.expand(state, next_)) {
      return fall(state.timer != 0 ? Law::kTimerNeeded : Law::kHang, step);
    }
    path_.push_back({.key = key, .first = first, .step = step});
    // Memory is asked for all of them before the first one waits for it.
    for (std::size_t i = first; i < next_.size(); ++i) {
      keys_.push_back(key_of(next_[i].state));
      seen_.expect(keys_.back());
    }
  }

  void count(const State& state) {
    const auto settled = static_cast<apply::Settled>(state.settled);
    report_.committed += settled == apply::Settled::kCommitted ? 1U : 0U;
    report_.rolled_back += settled == apply::Settled::kRolledBack ? 1U : 0U;
    report_.in_doubt += settled == apply::Settled::kInDoubt ? 1U : 0U;
  }

  void fall(Law law, const Step& last) {
    report_.law = law;
    for (const Frame& frame : path_) report_.trace.push_back(world_.words(frame.step));
    report_.trace.push_back(world_.words(last));
  }

  SearchOptions options_;
  MachineTable machines_;
  DiskTable disks_;
  World world_;
  Seen seen_;
  std::vector<Frame> path_;
  std::vector<Next> next_;
  std::vector<Fingerprint> keys_;  // of next_
  Report report_;
};

}  // namespace

Report explore(const Scenario& scenario, const SearchOptions& options) {
  return Search(scenario, options).run();
}

std::string to_text(const Report& report) {
  std::string out = fmt::format(
      "{} states, {} transitions ({} steps of the machine in {} of its states, {} journals), ends: {} "
      "committed, {} rolled back, {} in doubt{}\n",
      report.states, report.transitions, report.machine_steps, report.machine_states, report.disks,
      report.committed, report.rolled_back, report.in_doubt, report.complete ? "" : ", not complete");
  if (report.law == Law::kHolds) return out;
  out += fmt::format("found by {}: {}\n", is_liveness(report.law) ? "liveness" : "safety",
                     to_string(report.law));
  for (const std::string& step : report.trace) out += "  " + step + "\n";
  return out;
}

}  // namespace rtt::explore
