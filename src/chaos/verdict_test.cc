// SPDX-License-Identifier: Apache-2.0
// Each promise is seen broken: one thing of a sound run is changed, and exactly the check that is there for
// it says so.
#include "chaos/verdict.h"

#include <gtest/gtest.h>

#include <functional>

namespace rtt::chaos {
namespace {

Case a_case(Action action = Action::kSleep) {
  return {.name = "c",
          .action = action,
          .target = {.kind = Target::Kind::kRoute, .connector = {}, .from = "a", .to = "b"}};
}

Observed sound() {
  Observed seen;
  seen.strikes = 1;
  seen.calls = {{.route = "a -> b", .asked = 10, .answered = 10}};
  seen.events = {{.route = "c -> d", .sent = 5, .received = 5}};
  seen.acknowledged = {{.seq = 4, .graph = "A"}, {.seq = 6, .graph = "B"}};
  seen.journal = {{2, "B"}, {4, "A"}, {6, "B"}};
  seen.whole_graphs = {"A", "B"};
  seen.in_force = {.seq = 6, .graph = "B"};
  seen.wired = "B";
  seen.journal_verified = true;
  seen.back = true;
  seen.back_ms = 100;
  seen.panel_survived = true;
  seen.before = seen.after = {.processes = 3, .panel_fds = 20, .lanes = 0};
  return seen;
}

std::vector<std::string> broken(const Case& one, const Observed& seen) {
  std::vector<std::string> names;
  for (const Check& check : judge(one, seen).checks) {
    if (!check.ok) names.push_back(check.invariant);
  }
  return names;
}

TEST(Verdict, a_sound_run_passes_whatever_the_fault) {
  for (const Action action :
       {Action::kKill, Action::kStop, Action::kSleep, Action::kCorrupt, Action::kClock}) {
    const Verdict verdict = judge(a_case(action), sound());
    EXPECT_TRUE(verdict.pass());
    for (const Check& check : verdict.checks) EXPECT_FALSE(check.detail.empty()) << check.invariant;
  }
}

struct Breach {
  const char* invariant;
  std::function<void(Observed&)> breach;
};

TEST(Verdict, each_broken_promise_is_seen_and_no_other) {
  const Breach breaches[] = {
      {"fault_struck", [](Observed& o) { o.strikes = 0; }},
      {"no_lost_commit", [](Observed& o) { o.acknowledged.push_back({.seq = 8, .graph = "A"}); }},
      {"no_lost_commit", [](Observed& o) { o.acknowledged[0].graph = "B"; }},
      {"no_lost_commit", [](Observed& o) { o.acknowledged.clear(); }},
      {"no_half_apply", [](Observed& o) { o.journal[3] = "half"; }},
      {"last_commit_in_force", [](Observed& o) { o.in_force = {.seq = 4, .graph = "A"}, o.wired = "A"; }},
      {"last_commit_in_force", [](Observed& o) { o.wired = ""; }},
      {"last_commit_in_force", [](Observed& o) { o.wired = "A"; }},
      {"journal_sound", [](Observed& o) { o.journal_verified = false; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].answered = 9, o.calls[0].lost = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].answered = 9, o.calls[0].late = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].answered = 9, o.calls[0].other = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].answered = 9; }},  // one call without any end
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].wrong = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].doubled = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0].reordered = 1; }},
      {"no_lost_or_doubled_call", [](Observed& o) { o.calls[0] = {}; }},
      {"no_lost_or_doubled_event", [](Observed& o) { o.events[0].received = 4; }},
      {"no_lost_or_doubled_event", [](Observed& o) { o.events[0].received = 6; }},
      {"no_lost_or_doubled_event", [](Observed& o) { o.events[0].doubled = 1; }},
      {"no_lost_or_doubled_event", [](Observed& o) { o.events[0].reordered = 1; }},
      {"no_lost_or_doubled_event", [](Observed& o) { o.events[0] = {}; }},
      {"errors_say_why", [](Observed& o) { o.refusals = {{.code = "", .message = "hm"}}; }},
      {"errors_say_why", [](Observed& o) { o.refusals = {{.code = "RTT0901", .message = ""}}; }},
      {"recovered", [](Observed& o) { o.back = false, o.missing = "a route"; }},
      {"recovered", [](Observed& o) { o.back_ms = 10'001; }},
      {"nothing_left", [](Observed& o) { o.after.processes = 4; }},
      {"nothing_left", [](Observed& o) { o.after.panel_fds = 21; }},
      {"nothing_left", [](Observed& o) { o.after.lanes = 1; }},
      {"panel_survived", [](Observed& o) { o.panel_survived = false; }},
  };
  for (const Breach& one : breaches) {
    Observed seen = sound();
    one.breach(seen);
    EXPECT_EQ(broken(a_case(), seen), std::vector<std::string>{one.invariant});
  }
}

TEST(Verdict, what_a_killed_or_stopped_end_had_in_hand_is_its_own_loss_and_no_more) {
  Observed seen = sound();
  seen.calls[0].hit = seen.events[0].hit = true;
  seen.calls[0] = {.route = "r", .asked = 10, .answered = 8, .lost = 1, .late = 1, .hit = true};
  seen.events[0].received = 4;
  EXPECT_TRUE(judge(a_case(Action::kKill), seen).pass());
  seen.calls[0].wrong = 1;
  seen.events[0].doubled = 1;
  EXPECT_EQ(broken(a_case(Action::kKill), seen),
            (std::vector<std::string>{"no_lost_or_doubled_call", "no_lost_or_doubled_event"}));
  seen.calls[0].wrong = 0;
  seen.events[0] = {.route = "e", .sent = 4, .received = 5, .hit = true};
  EXPECT_EQ(broken(a_case(Action::kKill), seen), std::vector<std::string>{"no_lost_or_doubled_event"});
}

TEST(Verdict, a_clock_may_trip_and_refuse_nothing) {
  const Breach breaches[] = {{"", [](Observed& o) { o.self_rollbacks = {"late"}; }},
                             {"", [](Observed& o) { o.tripped = {"driver"}; }},
                             {"", [](Observed& o) { o.changes_refused = 1; }}};
  for (const Breach& one : breaches) {
    Observed seen = sound();
    one.breach(seen);
    EXPECT_EQ(broken(a_case(Action::kClock), seen), std::vector<std::string>{"nothing_tripped"});
  }
}

TEST(Verdict, a_full_disk_must_have_been_told) {
  EXPECT_EQ(broken(a_case(Action::kFull), sound()), std::vector<std::string>{"full_disk_told"});
  Observed seen = sound();
  seen.changes_refused = 1;
  seen.refusals = {{.code = "RTT0902", .message = "no space"}};
  EXPECT_TRUE(judge(a_case(Action::kFull), seen).pass());
}

TEST(Verdict, only_a_panel_that_is_killed_may_be_another_one) {
  Observed seen = sound();
  seen.panel_survived = false;
  Case one = a_case(Action::kKill);
  EXPECT_FALSE(judge(one, seen).pass());
  one.target = {};
  EXPECT_TRUE(judge(one, seen).pass());
}

}  // namespace
}  // namespace rtt::chaos
