// SPDX-License-Identifier: Apache-2.0
#include "panel/canary_run.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::panel {
namespace {

apply::CanaryLatency latency_of(const telemetry::RouteSample& sample) {
  const std::uint64_t calls = sample.latency.count();
  return {.calls = calls,
          .p99_ns = sample.latency.p99(),
          .p99_at_least_ns = calls == 0 ? 0 : sample.latency.percentile_ppm(apply::p99_at_least_ppm(calls))};
}

}  // namespace

CanaryRun::CanaryRun(apply::CanarySplit the_split, std::string the_plan, std::string the_asked)
    : split(std::move(the_split)),
      plan(std::move(the_plan)),
      asked(std::move(the_asked)),
      pages_(LanePages::make([](const model::Route&) { return true; })) {
  for (const model::Route& route : split.part.routes_add) {
    if (budgets_.size() == kBudgetsMax) break;
    if (route.qos.latency_budget_ms)
      budgets_.push_back(
          {.route = route, .allowed_ns = static_cast<std::uint64_t>(*route.qos.latency_budget_ms * 1e6)});
  }
}

// By its fresh calls, once they are enough.
void CanaryRun::judge(Budgeted& one) {
  const apply::CanaryLatency latency = latency_of(one.fresh);
  if (latency.calls < apply::kJudgedCallsMin) return;
  one.fresh = {};
  one.over = latency.p99_at_least_ns > one.allowed_ns ? one.over + 1 : 0;
  one.words =
      fmt::format("p99 of {} -> {} is {} us, and its contract allows {} us", to_string(one.route.from),
                  to_string(one.route.to), latency.p99_ns / 1000, one.allowed_ns / 1000);
}

std::string CanaryRun::described() const {
  return fmt::format("{} of {} routes of plan {}", split.routes, split.of, plan);
}

bool CanaryRun::in_part(const model::Route& route) const {
  return std::ranges::any_of(split.part.routes_add, [&](const model::Route& one) {
    return one.id == route.id && model::route_order(one, route) == 0;
  });
}

void CanaryRun::Side::add(const telemetry::RouteSample& seen) {
  all.add(seen);
  fresh.add(seen);
}

apply::CanaryFigures CanaryRun::Side::figures() const {
  return {.asked = all.sent,
          .answered = all.received,
          .errors = all.errors + all.dropped(),
          .p99_ns = all.latency.p99(),
          .fresh = latency_of(fresh)};
}

void CanaryRun::look(const std::vector<Wiring::Carried>& carried) {
  pages_->look(carried);
  for (auto& [generation, lane] : pages_->lanes()) {
    auto seen = LanePages::since_last(lane.from);
    auto served = LanePages::since_last(lane.to);
    if (!seen && served) {
      std::swap(served->sent, served->received);
      seen = served;
    }
    if (!seen) continue;
    (in_part(lane.route) ? part_ : rest_).add(*seen);
    for (Budgeted& one : budgets_)
      if (one.route.id == lane.route.id) one.fresh.add(*seen);
  }
  pages_->forget_ended(carried);
}

apply::CanarySample CanaryRun::sample(const std::vector<Wiring::Carried>& carried) {
  look(carried);
  apply::CanarySample out{.part = part_.figures(), .rest = rest_.figures()};
  for (Budgeted& one : budgets_) {
    judge(one);
    if (one.over > out.budget.over) out.budget = {.over = one.over, .words = one.words};
  }
  if (out.compares()) part_.fresh = rest_.fresh = {};
  return out;
}

}  // namespace rtt::panel
