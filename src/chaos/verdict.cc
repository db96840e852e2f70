// SPDX-License-Identifier: Apache-2.0
#include "chaos/verdict.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::chaos {
namespace {

void strikes(const Observed& seen, Verdict& out) {
  out.checks.push_back({"fault_struck", seen.strikes > 0, fmt::format("{} times", seen.strikes)});
}

void commits(const Observed& seen, Verdict& out) {
  std::int64_t lost = 0;
  std::string first;
  for (const Commit& commit : seen.acknowledged) {
    const auto at = seen.journal.find(commit.seq);
    if (at != seen.journal.end() && at->second == commit.graph) continue;
    if (lost++ == 0) first = fmt::format(": commit {} was acknowledged and is gone", commit.seq);
  }
  out.checks.push_back({"no_lost_commit", lost == 0 && !seen.acknowledged.empty(),
                        seen.acknowledged.empty() ? "no change was acknowledged, so nothing was checked"
                                                  : fmt::format("{} acknowledged, {} lost{}",
                                                                seen.acknowledged.size(), lost, first)});
  std::int64_t half = 0;
  first.clear();
  for (const auto& [seq, graph] : seen.journal) {
    if (seen.whole_graphs.contains(graph)) continue;
    if (half++ == 0) first = fmt::format(": commit {} is no whole change", seq);
  }
  out.checks.push_back(
      {"no_half_apply", half == 0, fmt::format("{} commits, {} half{}", seen.journal.size(), half, first)});
  const bool last = !seen.journal.empty() && seen.journal.rbegin()->first == seen.in_force.seq &&
                    seen.journal.rbegin()->second == seen.in_force.graph && seen.wired == seen.in_force.graph;
  out.checks.push_back({"last_commit_in_force", last, fmt::format("commit {} in force", seen.in_force.seq)});
  out.checks.push_back(
      {"journal_sound", seen.journal_verified, seen.journal_verified ? "verified" : "damaged"});
}

void lanes(const Observed& seen, Verdict& out) {
  for (const Calls& calls : seen.calls) {
    // An end that is killed, stopped or hostile costs its own callers; no one else, and nobody a wrong
    // answer.
    const std::int64_t cost = calls.hit ? 0 : calls.lost + calls.late + calls.other;
    const bool owed = calls.asked == calls.answered + calls.lost + calls.late + calls.other;
    const bool ok = calls.answered > 0 && owed && cost == 0 && calls.wrong == 0 && calls.doubled == 0 &&
                    calls.reordered == 0;
    out.checks.push_back(
        {"no_lost_or_doubled_call", ok,
         fmt::format(
             "{}: {} asked, {} answered, {} lost, {} late, {} failed, {} wrong, {} doubled, {} reordered{}",
             calls.route, calls.asked, calls.answered, calls.lost, calls.late, calls.other, calls.wrong,
             calls.doubled, calls.reordered, calls.hit ? " (hit)" : "")});
  }
  for (const Events& events : seen.events) {
    const bool whole =
        events.hit ? events.received > 0 && events.received <= events.sent : events.received == events.sent;
    const bool ok = events.sent > 0 && whole && events.doubled == 0 && events.reordered == 0;
    out.checks.push_back(
        {"no_lost_or_doubled_event", ok,
         fmt::format("{}: {} sent, {} received, {} doubled, {} reordered{}{}", events.route, events.sent,
                     events.received, events.doubled, events.reordered,
                     events.missing == 0 ? "" : fmt::format(", the first missing is {}", events.missing),
                     events.hit ? " (hit)" : "")});
  }
}

void errors(const Observed& seen, Verdict& out) {
  const auto bare = std::ranges::find_if(seen.refusals, [](const Refusal& refusal) {
    return !refusal.code.starts_with("RTT") || refusal.message.empty();
  });
  out.checks.push_back(
      {"errors_say_why", bare == seen.refusals.end(),
       bare == seen.refusals.end()
           ? fmt::format("{} errors, each with its code", seen.refusals.size())
           : fmt::format("an error without a code or a word: `{}` `{}`", bare->code, bare->message)});
}

void recovery(const Case& one, const Observed& seen, Verdict& out) {
  const bool ok = seen.back && seen.back_ms <= one.within_ms;
  out.checks.push_back({"recovered", ok,
                        seen.back ? fmt::format("after {} ms of at most {}", seen.back_ms, one.within_ms)
                                  : fmt::format("not within {} ms: {}", one.within_ms, seen.missing)});
  const bool nothing = seen.after.processes <= seen.before.processes &&
                       seen.after.panel_fds <= seen.before.panel_fds && seen.after.lanes <= seen.before.lanes;
  out.checks.push_back({"nothing_left", nothing,
                        fmt::format("processes {} of {}, descriptors {} of {}, lanes {} of {}",
                                    seen.after.processes, seen.before.processes, seen.after.panel_fds,
                                    seen.before.panel_fds, seen.after.lanes, seen.before.lanes)});
}

// What only some faults must leave alone.
void survival(const Case& one, const Observed& seen, Verdict& out) {
  // One that may not write ends by itself: only a fresh look at the disk tells what its journal holds.
  const bool panel_is_ended =
      (one.action == Action::kKill || one.action == Action::kFull) && one.target.kind == Target::Kind::kPanel;
  if (!panel_is_ended)
    out.checks.push_back(
        {"panel_survived", seen.panel_survived, seen.panel_survived ? "the same process" : "it ended"});
  if (one.action == Action::kClock) {
    const bool calm = seen.self_rollbacks.empty() && seen.tripped.empty() && seen.changes_refused == 0;
    out.checks.push_back(
        {"nothing_tripped", calm,
         fmt::format("{} rolled back, {} tripped, {} changes refused", seen.self_rollbacks.size(),
                     seen.tripped.size(), seen.changes_refused)});
  }
  if (one.action == Action::kFull) {
    const bool told = seen.changes_refused > 0;
    out.checks.push_back({"full_disk_told", told, fmt::format("{} changes refused", seen.changes_refused)});
  }
}

}  // namespace

bool Verdict::pass() const {
  return std::ranges::all_of(checks, [](const Check& check) { return check.ok; });
}

Verdict judge(const Case& one, const Observed& seen) {
  Verdict out;
  strikes(seen, out);
  commits(seen, out);
  lanes(seen, out);
  errors(seen, out);
  recovery(one, seen, out);
  survival(one, seen, out);
  return out;
}

}  // namespace rtt::chaos
