// SPDX-License-Identifier: Apache-2.0
#include "apply/canary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "crypto/sha256.h"

namespace rtt::apply {
namespace {

using model::Plan;
using model::Route;

std::uint64_t errors_ppm(const CanaryFigures& figures) {
  return figures.asked == 0 ? 0 : figures.errors * 1'000'000 / figures.asked;
}

std::string microseconds(std::uint64_t ns) { return std::to_string(ns / 1000) + " us"; }
std::string percent_of(std::uint64_t ppm) {
  return std::to_string(ppm / 10'000) + "." + std::to_string(ppm / 1'000 % 10) + " %";
}

std::optional<Error> too_many_errors(const CanaryFigures& part, const CanaryFigures& rest) {
  const std::uint64_t ours = errors_ppm(part), theirs = errors_ppm(rest);
  if (part.errors < kJudgedErrorsMin || ours <= theirs + kErrorsMorePpm || ours < 2 * theirs)
    return std::nullopt;
  return Error{.code = Code::kDriverFailed,
               .message = std::to_string(part.errors) + " of " + std::to_string(part.asked) +
                          " calls over the watched routes failed (" + percent_of(ours) +
                          "); of the others' " + percent_of(theirs)};
}

// Against calls over the other routes; where there are none only errors and silence judge.
std::optional<Error> too_slow(const CanarySample& seen) {
  const CanaryLatency &part = seen.part.fresh, &rest = seen.rest.fresh;
  if (!seen.compares() || part.p99_at_least_ns <= rest.p99_ns * kLatencyTimes + kLatencySlackNs)
    return std::nullopt;
  return Error{.code = Code::kDeadline,
               .message = "p99 of the watched routes is " + microseconds(part.p99_ns) + ", of the others " +
                          microseconds(rest.p99_ns)};
}

std::optional<Error> unproven(const CanaryFigures& part, Unused unused) {
  if (part.answered != 0 || unused == Unused::kStays) return std::nullopt;
  const std::string what =
      part.asked == 0 ? "no call came over the watched routes in their window: nothing is known of them"
                      : std::to_string(part.asked) + " calls over the watched routes, none answered";
  return Error{
      .code = Code::kDeadline, .message = what, .where = {}, .hint = "rtt apply --canary PCT --window 5m"};
}

}  // namespace

std::uint32_t p99_at_least_ppm(std::uint64_t calls) {
  RTT_ASSERT(calls > 0);
  const double deviation = std::sqrt(0.99 * 0.01 / static_cast<double>(calls));
  return static_cast<std::uint32_t>(std::max(0.0, 0.99 - 4 * deviation) * 1e6);
}

std::vector<CanaryAction> Canary::step(const CanaryEvent& event, Instant now) {
  return std::visit([&](const auto& each) { return on(each, now); }, event);
}

Canary::Actions Canary::on(const CanaryStart& event, Instant /*now*/) {
  RTT_ASSERT(phase_ == Phase::kIdle);
  RTT_ASSERT(event.window >= kCanaryWindowMin && event.window <= kCanaryWindowMax);
  window_ = event.window;
  unused_ = event.unused;
  phase_ = Phase::kWiring;
  return {CanaryApply{.part = CanaryPart::kPart, .reason = {}}};
}

Canary::Actions Canary::on(const CanarySettled& event, Instant now) {
  using Outcome = CanarySettled::Outcome;
  const bool ours = (event.part == CanaryPart::kPart && phase_ == Phase::kWiring) ||
                    (event.part == CanaryPart::kRest && phase_ == Phase::kPromoting) ||
                    (event.part == CanaryPart::kBack && phase_ == Phase::kGoingBack);
  if (!ours) return {};
  if (event.outcome == Outcome::kInDoubt) {
    reason_ = event.reason;
    return answer(CanaryAnswer::State::kInDoubt);
  }
  const bool done = event.outcome == Outcome::kDone;
  switch (event.part) {
    case CanaryPart::kPart:
      if (!done) {
        reason_ = event.reason;
        return answer(CanaryAnswer::State::kRolledBack);
      }
      if (!reason_.message.empty()) return go_back(reason_);  // cancelled or lost before it was wired
      phase_ = Phase::kWatching;
      end_ = now + window_;
      return {CanaryLookAt{.at = now + kCanaryLook}};
    case CanaryPart::kRest:
      return done ? answer(CanaryAnswer::State::kPromoted) : go_back(event.reason);
    case CanaryPart::kBack:
      if (done) return answer(CanaryAnswer::State::kRolledBack);
      if (back_tries_ < kBackTries) return go_back(reason_);
      reason_.causes.insert(reason_.causes.begin(), "the way back was refused: " + event.reason.message);
      return answer(CanaryAnswer::State::kStays);
  }
  RTT_ASSERT(false);
}

Canary::Actions Canary::on(const CanarySample& event, Instant now) {
  if (phase_ != Phase::kWatching) return {};
  if (auto bad = too_many_errors(event.part, event.rest)) return go_back(*std::move(bad));
  if (auto slow = too_slow(event)) {
    slow_ = *std::move(slow);
    ++slow_looks_;
  } else if (event.compares()) {
    slow_looks_ = 0;
  }
  if (event.budget.over > 0 && event.budget.over >= slow_looks_)
    slow_ = Error{.code = Code::kDeadline, .message = event.budget.words};
  const int slow = std::max(slow_looks_, event.budget.over);
  const bool over = now >= end_;
  if (slow > 1 || (slow > 0 && looked_again_)) return go_back(slow_);
  looked_again_ = over && slow > 0;
  if (looked_again_) return {CanaryLookAt{.at = now + kCanaryLook}};
  if (!over) return {CanaryLookAt{.at = std::min(now + kCanaryLook, end_)}};
  if (auto silent = unproven(event.part, unused_)) return go_back(*std::move(silent));
  phase_ = Phase::kPromoting;
  std::string reason = std::to_string(event.part.answered) + " calls answered, " +
                       std::to_string(event.part.errors) + " errors, p99 " + microseconds(event.part.p99_ns);
  if (event.rest.answered != 0) reason += ", of the others " + microseconds(event.rest.p99_ns);
  return {CanaryApply{.part = CanaryPart::kRest, .reason = std::move(reason)}};
}

Canary::Actions Canary::on(const CanaryLost& event, Instant /*now*/) {
  Error lost{.code = Code::kLost, .message = event.reason};
  if (phase_ == Phase::kWatching) return go_back(std::move(lost));
  if (phase_ == Phase::kWiring) reason_ = std::move(lost);
  return {};  // a promotion has its own participants, and notices by itself
}

Canary::Actions Canary::on(const CanaryCancelled& event, Instant /*now*/) {
  Error asked{.code = Code::kCancelled, .message = event.reason};
  if (phase_ == Phase::kWatching) return go_back(std::move(asked));
  if (phase_ == Phase::kWiring) reason_ = std::move(asked);
  return {};
}

Canary::Actions Canary::go_back(Error reason) {
  phase_ = Phase::kGoingBack;
  ++back_tries_;
  reason_ = std::move(reason);
  return {CanaryApply{.part = CanaryPart::kBack, .reason = reason_.message}};
}

Canary::Actions Canary::answer(CanaryAnswer::State state) {
  phase_ = Phase::kDone;
  CanaryAnswer out{.state = state};
  if (state != CanaryAnswer::State::kPromoted) out.reason = reason_;
  return {std::move(out)};
}

// ---- the split ----

namespace {

// What a route fills: one takes the place of another there.
using Place = std::tuple<std::string, model::RouteClass, std::string, model::SymbolType, std::string>;
Place place_of(const Route& route) {
  return {model::identity(route.from), route.route_class, route.to.ns, route.to.type, route.to.name};
}

// The entries of `order` that name one of these edits; batches keep their places.
std::vector<std::vector<std::string>> order_of(const Plan& whole, const Plan& part) {
  std::vector<std::string> named;
  for (const Route& route : part.routes_add) named.push_back("A" + std::to_string(route.id.value));
  for (const Route& route : part.routes_del) named.push_back("D" + std::to_string(route.id.value));
  std::ranges::sort(named);
  std::vector<std::vector<std::string>> out;
  for (const auto& batch : whole.order) {
    std::vector<std::string> kept;
    std::ranges::copy_if(batch, std::back_inserter(kept),
                         [&](const std::string& edit) { return std::ranges::binary_search(named, edit); });
    if (!kept.empty()) out.push_back(std::move(kept));
  }
  return out;
}

// The additions by chance as the plan's id deals it.
std::vector<const Route*> dealt(const Plan& plan) {
  const std::string salt = rtt::to_string(model::plan_id(plan));
  std::vector<std::pair<Digest, const Route*>> places;
  for (const Route& route : plan.routes_add)
    places.emplace_back(crypto::sha256(salt + model::route_name(route)), &route);
  std::ranges::sort(places);
  std::vector<const Route*> out;
  for (const auto& [place, route] : places) out.push_back(route);
  return out;
}

// The first `count` that are dealt, and what cannot be changed without them.
struct Together {
  std::set<const Route*> added, deleted;
};
Together together(const Plan& plan, std::size_t count) {
  std::map<Place, std::vector<const Route*>> added_at, deleted_at;
  std::map<RouteId, const Route*> deleted_by_id;
  for (const Route& route : plan.routes_add) added_at[place_of(route)].push_back(&route);
  for (const Route& route : plan.routes_del) {
    deleted_at[place_of(route)].push_back(&route);
    deleted_by_id[route.id] = &route;
  }
  Together out;
  std::vector<const Route*> next = dealt(plan);
  next.resize(count);
  while (!next.empty()) {  // each route comes once for each that it hangs together with
    const Route* added = next.back();
    next.pop_back();
    if (!out.added.insert(added).second) continue;
    std::vector<const Route*> displaced = deleted_at[place_of(*added)];
    if (const auto at = deleted_by_id.find(added->id); at != deleted_by_id.end())
      displaced.push_back(at->second);
    for (const Route* gone : displaced) {
      if (!out.deleted.insert(gone).second) continue;
      const auto& in_its_place = added_at[place_of(*gone)];
      next.insert(next.end(), in_its_place.begin(), in_its_place.end());
    }
  }
  return out;
}

}  // namespace

Result<CanarySplit> canary_split(const Plan& plan, const model::Graph& base, int percent) {
  const std::size_t all = plan.routes_add.size();
  if (percent < 1 || percent > 100)
    return fail(Code::kBadArgument, "a canary is 1 to 100 percent of the changed routes", {},
                "rtt apply --help");
  const bool whole = percent == 100;
  if (all < (whole ? 1U : 2U)) {
    return fail(
        Code::kBadArgument,
        "the plan adds " + std::to_string(all) + " routes, and a canary needs one to wire and one to wait",
        {}, all == 0 ? "rtt apply" : "rtt apply --canary 100");
  }
  const std::size_t wanted =
      std::clamp<std::size_t>(all * static_cast<std::size_t>(percent) / 100, 1, whole ? all : all - 1);
  const auto [chosen, gone] = together(plan, wanted);
  if (!whole && chosen.size() == all)
    return fail(Code::kBadArgument, "the routes that the plan changes hang together, so none can wait", {},
                "rtt apply --canary 100");
  CanarySplit out{.routes = chosen.size(), .of = all};
  out.part = out.rest = plan;
  out.part.routes_add.clear();
  out.rest.routes_add.clear();
  for (const Route& route : plan.routes_add)
    (chosen.contains(&route) ? out.part : out.rest).routes_add.push_back(route);
  out.part.views_add.clear();
  out.part.views_del.clear();
  out.part.routes_del.clear();
  out.rest.routes_del.clear();
  for (const Route& route : plan.routes_del)
    (whole || gone.contains(&route) ? out.part : out.rest).routes_del.push_back(route);
  out.part.order = order_of(plan, out.part);
  out.rest.order = order_of(plan, out.rest);
  RTT_TRY_SET(const model::Graph between, model::apply_to(base, out.part));
  out.rest.base = model::graph_root(between);
  return out;
}

}  // namespace rtt::apply
