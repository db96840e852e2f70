// SPDX-License-Identifier: Apache-2.0
#include "plan/candidates.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "model/limits.h"
#include "plan/filters.h"
#include "plan/lanes.h"

namespace rtt::plan {
namespace {

using model::Contract;

Candidate candidate(const Question& question, const Contract& provider) {
  const auto route_class_now = route_class(question.wanted, provider);
  const auto lane = choose_lane(provider, question.inputs.config);
  auto qos = effective_qos(question.inputs, question.wanted, provider);
  RTT_ASSERT(route_class_now.has_value() && lane.has_value() && qos.has_value());  // the filters let it pass
  Candidate out{.provider = &provider,
                .route_class = *route_class_now,
                .lane = *lane,
                .latency_ns = predicted_p99_ns(*lane),
                .qos = *qos,
                .caps = granted_caps(question.wanted, provider)};
  if (question.pin != nullptr) out.because.push_back("pin > " + question.pin->where);
  out.because.push_back(
      model::access(question.inputs.policy, question.wanted.consumer->saddr, provider.saddr).rule);
  if (out.qos.latency_budget_ms) {
    out.because.push_back("predicted p99 " + std::to_string(out.latency_ns) + " ns on " +
                          std::string(model::to_string(out.lane)) + " is within the latency budget");
  }
  return out;
}

// A quick connect was granted by its own verb: here it only has to be there still.
Options held_option(const Inputs& inputs, const Wanted& wanted) {
  const auto lane = choose_lane(*wanted.held_provider, inputs.config);
  const auto qos = effective_qos(inputs, wanted, *wanted.held_provider);
  Options out;
  out.candidates.push_back({.provider = wanted.held_provider,
                            .route_class = wanted.held->route_class,
                            .lane = lane.value_or(wanted.held->lane),
                            .latency_ns = predicted_p99_ns(lane.value_or(wanted.held->lane)),
                            .qos = qos ? *qos : wanted.held->qos,
                            .caps = wanted.held->caps,
                            .because = {"(qc) kept: its reference is unchanged"}});
  return out;
}

// One reason why somebody is excluded; the same reason for several definitions is one constraint.
struct Constraint {
  std::size_t filter;
  std::string where;
  Refusal first;
};
constexpr std::size_t kConstraintsMax = 24;  // of one wish; 2^24 subsets are never walked, see kSubsetMax
constexpr int kSubsetMax = 3;

struct Blame {
  std::vector<Constraint> constraints;
  std::vector<std::uint32_t> sets;  // per definition: the constraints it violates
};

Blame assign_blame(const Question& question, std::span<const Contract* const> definitions) {
  Blame out;
  const auto table = filters();
  for (const Contract* provider : definitions) {
    std::uint32_t violated = 0;
    for (std::size_t f = 0; f < table.size(); ++f) {
      auto refusal = table[f].check(question, *provider);
      if (!refusal) continue;
      auto at =
          std::find_if(out.constraints.begin(), out.constraints.end(), [&](const Constraint& constraint) {
            return constraint.filter == f && constraint.where == refusal->where;
          });
      if (at == out.constraints.end()) {
        if (out.constraints.size() == kConstraintsMax) continue;
        out.constraints.push_back({.filter = f, .where = refusal->where, .first = *refusal});
        at = out.constraints.end() - 1;
      }
      violated |= std::uint32_t{1} << (at - out.constraints.begin());
    }
    if (violated != 0) out.sets.push_back(violated);
  }
  std::sort(out.sets.begin(), out.sets.end());
  out.sets.erase(std::unique(out.sets.begin(), out.sets.end()), out.sets.end());
  return out;
}

// Constraints in the order of the filter table, so that of two smallest subsets the earlier filters are
// named.
void sort_constraints(Blame& blame) {
  std::vector<std::size_t> order(blame.constraints.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(blame.constraints[a].filter, blame.constraints[a].where) <
           std::pair(blame.constraints[b].filter, blame.constraints[b].where);
  });
  std::vector<Constraint> sorted;
  for (const std::size_t i : order) sorted.push_back(std::move(blame.constraints[i]));
  for (std::uint32_t& set : blame.sets) {
    std::uint32_t moved = 0;
    for (std::size_t place = 0; place < order.size(); ++place) moved |= ((set >> order[place]) & 1U) << place;
    set = moved;
  }
  blame.constraints = std::move(sorted);
}

// Extends `chosen` with constraints from `first` on, up to `size`, until every set is hit.
std::optional<std::uint32_t> hitting_set(const Blame& blame, std::uint32_t chosen, std::size_t first,
                                         int size) {
  const bool hits_all = std::all_of(blame.sets.begin(), blame.sets.end(),
                                    [&](std::uint32_t set) { return (set & chosen) != 0; });
  if (hits_all) return chosen;
  if (size == 0) return std::nullopt;
  for (std::size_t i = first; i < blame.constraints.size(); ++i) {
    if (auto found = hitting_set(blame, chosen | std::uint32_t{1} << i, i + 1, size - 1)) return found;
  }
  return std::nullopt;
}

std::vector<Conflict> smallest_conflict(const Question& question,
                                        std::span<const Contract* const> definitions) {
  Blame blame = assign_blame(question, definitions);
  sort_constraints(blame);
  std::optional<std::uint32_t> chosen;
  for (int size = 1; size <= kSubsetMax && !chosen; ++size) chosen = hitting_set(blame, 0, 0, size);
  const std::uint32_t all = (std::uint32_t{1} << blame.constraints.size()) - 1;
  std::vector<Conflict> out;
  for (std::size_t i = 0; i < blame.constraints.size(); ++i) {
    if ((chosen.value_or(all) >> i & 1U) == 0) continue;
    const Constraint& constraint = blame.constraints[i];
    const Filter& filter = filters()[constraint.filter];
    out.push_back({.constraint = wish_name(question.wanted) + ": " + std::string(filter.rule) + ": " +
                                 constraint.first.why,
                   .where = constraint.where.empty() ? question.wanted.where : constraint.where,
                   .code = constraint.first.code.value_or(filter.code)});
  }
  return out;
}

bool ranks_before(const Candidate& a, const Candidate& b) {
  const auto by_version = model::precedence(*a.provider->saddr.version, *b.provider->saddr.version);
  if (by_version != 0) return by_version > 0;
  return model::canonical_order(a.provider->saddr, b.provider->saddr) < 0;
}

}  // namespace

Result<Options> find_candidates(const Inputs& inputs, const Catalogue& catalogue, const Wanted& wanted) {
  if (wanted.held != nullptr) return held_option(inputs, wanted);
  const auto definitions = wanted.only != nullptr ? std::span<const Contract* const>(&wanted.only, 1)
                                                  : catalogue.symbol(wanted.to);
  if (definitions.size() > limits::kCandidatesPerRouteMax) {
    return fail(Code::kPlanTooLarge,
                symbol_name(wanted.to) + " has " + std::to_string(definitions.size()) + " definitions, " +
                    std::to_string(limits::kCandidatesPerRouteMax) + " is the limit",
                wanted.where);
  }
  Options out;
  if (definitions.empty()) {
    out.conflict.push_back(
        {.constraint = wish_name(wanted) + ": no symbol " + symbol_name(wanted.to) + " is in force",
         .where = wanted.where,
         .code = Code::kNoProvider});
    return out;
  }
  const auto pin = model::pin_for(inputs.policy, wanted.consumer->saddr, wanted.to);
  if (!pin) {
    out.conflict.push_back({.constraint = wish_name(wanted) + ": " + pin.error().message,
                            .where = pin.error().where,
                            .code = pin.error().code});
    return out;
  }
  const Question question{.inputs = inputs, .wanted = wanted, .pin = *pin};
  for (const Contract* provider : definitions) {
    const Filter* loses_at = nullptr;
    std::optional<Refusal> refusal;
    for (const Filter& filter : filters()) {
      refusal = filter.check(question, *provider);
      if (refusal) {
        loses_at = &filter;
        break;
      }
    }
    if (loses_at == nullptr) {
      out.candidates.push_back(candidate(question, *provider));
    } else if (out.rejected.size() < kRejectedMax) {
      out.rejected.push_back({.candidate = model::identity(provider->saddr),
                              .rule = std::string(loses_at->rule),
                              .why = std::move(refusal->why),
                              .where = std::move(refusal->where)});
    }
  }
  std::sort(out.candidates.begin(), out.candidates.end(), ranks_before);
  if (out.candidates.empty()) out.conflict = smallest_conflict(question, definitions);
  return out;
}

}  // namespace rtt::plan
