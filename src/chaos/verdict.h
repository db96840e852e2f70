// SPDX-License-Identifier: Apache-2.0
// Verdict: what a case's observations say of RTT's promises. Pure, so that each promise is seen broken by a
// test (verdict_test.cc) and a run can be judged again from its numbers.
//
// A promise that this fault does not touch is still checked: a killed connector must not cost a call on
// another route. What a fault does to the very end it hits (a call in the hands of a killed process is lost,
// one to a stopped process is late) is that end's, told to its caller by a typed error, and no breach.
//
// Thread: any (values, pure).   Units: milliseconds.   Fails: never.   Limits: the observations'.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "chaos/cases.h"

namespace rtt::chaos {

// Calls of one asker, counted by it, and by who answered.
struct Calls {
  std::string route;  // for people
  std::int64_t asked = 0, answered = 0, wrong = 0, lost = 0, late = 0, other = 0;
  std::int64_t doubled = 0, reordered = 0;  // at the answering end
  bool hit = false;                         // the fault was on this route
};
struct Events {
  std::string route;
  std::int64_t sent = 0;  // accepted by the lane; what was refused for want of room is not in it
  std::int64_t received = 0, doubled = 0, reordered = 0;
  std::int64_t missing = 0;  // the number of the first that is not there and should be; 0: none, or not known
  bool hit = false;          // what a process had in hand when it was killed may be lost
};
struct Commit {
  std::int64_t seq = 0;
  std::string graph;
  friend bool operator==(const Commit&, const Commit&) = default;
};
// What the copy's processes hold.
struct Held {
  std::int64_t processes = 0, panel_fds = 0, lanes = 0;
};
struct Refusal {  // of a change, or a call of a connector
  std::string code, message;
};

struct Observed {
  std::int64_t strikes = 0;  // steps that hit a living target
  std::vector<Calls> calls;
  std::vector<Events> events;
  std::vector<Commit> acknowledged;             // told to the one who asked
  std::map<std::int64_t, std::string> journal;  // COMMITs: seq → graph
  std::set<std::string> whole_graphs;           // the graphs that whole applies lead to
  Commit in_force;                              // told by the panel at the end
  std::string wired;                            // the graph that its routes make, counted by us
  bool journal_verified = false;
  std::int64_t changes_refused = 0;
  std::vector<Refusal> refusals;            // of changes and connector calls, while the fault lasted or after
  std::vector<std::string> self_rollbacks;  // reasons
  std::vector<std::string> tripped;         // drivers and routes given up
  bool back = false;                        // everything that was up is up again
  std::string missing;                      // what is not
  std::int64_t back_ms = 0;                 // since the last step
  bool panel_survived = false;
  Held before, after;
};

struct Check {
  std::string invariant;
  bool ok = false;
  std::string detail;
};
struct Verdict {
  std::vector<Check> checks;
  [[nodiscard]] bool pass() const;
};
Verdict judge(const Case& one, const Observed& seen);

}  // namespace rtt::chaos
