// SPDX-License-Identifier: Apache-2.0
// explore --bugs | --long [--minutes M]: searches a scenario, or the ladder of them in which a seeded bug
// has to show, and says what it found. Exit 0: every law holds; 1: one fell.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "canary_search.h"
#include "search.h"

namespace {

using rtt::explore::Faults;
using rtt::explore::Scenario;
using rtt::explore::ScenarioOptions;

constexpr std::size_t kStatesMax = 170'000'000;  // 4 GB of fingerprints

struct Rung {
  std::string_view name;
  ScenarioOptions options;
  Faults faults;
  std::optional<rtt::apply::Unused> canary{};  // of the watch over a part, rather than of a change
};

constexpr auto kViews = ScenarioOptions::Views::kShown;
constexpr auto kAServer = ScenarioOptions::Accepts::kAServer;

// From the cheapest up: a bug is looked for where few states hide it first.
std::vector<Rung> bug_rungs() {
  return {
      {"two parties, nothing goes wrong", {.parties = 2}, {}},
      {"three parties, a refusal", {.parties = 3}, {.nacks = 1}},
      {"two parties, a death", {.parties = 2}, {.deaths = 1}},
      {"two parties, a lost message", {.parties = 2}, {.lost = 1}},
      {"two parties, doubled messages", {.parties = 2}, {.doubled = 2}},
      {"two parties, a broken journal", {.parties = 2}, {.journal = 1}},
      {"two parties, a failed verification", {.parties = 2}, {.verify = 1}},
      {"two parties and views", {.parties = 2, .views = kViews}, {.nacks = 1, .deaths = 1}},
      {"two parties and files", {.parties = 2, .accepts = kAServer}, {.nacks = 1, .verify = 1, .files = 1}},
      {"two parties, every fault",
       {.parties = 2},
       {.nacks = 1, .deaths = 1, .lost = 1, .doubled = 1, .journal = 1, .verify = 1}},
      {.name = "a canary, every fault", .options = {}, .faults = {}, .canary = rtt::apply::Unused::kGoesBack},
      {.name = "a verify window, every fault",
       .options = {},
       .faults = {},
       .canary = rtt::apply::Unused::kStays}};
}

std::vector<Rung> long_rungs() {
  return {{"three parties, two faults of each kind that a message can have",
           {.parties = 3},
           {.nacks = 1, .deaths = 1, .lost = 1, .doubled = 1, .verify = 1}},
          {"five parties, a refusal and a death", {.parties = 5}, {.nacks = 1, .deaths = 1}},
          {"seven parties, a refusal", {.parties = 7}, {.nacks = 1}},
          {"seven parties, a death", {.parties = 7}, {.deaths = 1}},
          {"seven parties, a lost message", {.parties = 7}, {.lost = 1}},
          {"seven parties, a doubled message", {.parties = 7}, {.doubled = 1}},
          {"seven parties, a broken journal", {.parties = 7}, {.journal = 1}}};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Rung> rungs;
  std::int64_t minutes = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--bugs") == 0) {
      rungs = bug_rungs();
    } else if (std::strcmp(argv[i], "--long") == 0) {
      rungs = long_rungs();
    } else if (std::strcmp(argv[i], "--minutes") == 0 && i + 1 < argc) {
      minutes = std::strtoll(argv[++i], nullptr, 10);
    } else {
      fmt::print(stderr, "usage: explore --bugs | --long [--minutes M]\n");
      return 2;
    }
  }
  std::size_t transitions = 0, states = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < rungs.size(); ++i) {
    // Each has its share of the time that is left, and what an earlier one did not need.
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::minutes(minutes) - (now - begin);
    const auto end = now + left / static_cast<std::int64_t>(rungs.size() - i);
    rtt::explore::SearchOptions options{.states_max = kStatesMax};
    if (minutes > 0) options.over = [end] { return std::chrono::steady_clock::now() >= end; };
    const auto report =
        rungs[i].canary
            ? rtt::explore::explore_canary(*rungs[i].canary)
            : rtt::explore::explore(rtt::explore::scenario(rungs[i].options, rungs[i].faults), options);
    fmt::print("{}: {}", rungs[i].name, to_text(report));
    std::fflush(stdout);
    transitions += report.transitions;
    states += report.states;
    if (report.law != rtt::explore::Law::kHolds) return 1;
  }
  fmt::print("{} states, {} transitions: every law holds\n", states, transitions);
  return 0;
}
