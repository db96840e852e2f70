// SPDX-License-Identifier: Apache-2.0
#include "plan/constraints.h"

#include <algorithm>

#include "crypto/sha256.h"

namespace rtt::plan {
namespace {

using model::RouteClass;

// What one link is: to this symbol, with this class. 0 = free to fan out.
std::uint32_t link_of(const Candidate& candidate) {
  return candidate.route_class == RouteClass::kPubsub ? 0
                                                      : static_cast<std::uint32_t>(candidate.route_class) + 1;
}

bool may_collide(const Options& options) {
  return std::any_of(options.candidates.begin(), options.candidates.end(),
                     [](const Candidate& candidate) { return link_of(candidate) != 0; });
}

const model::Saddr& symbol_of(const Wanted& wanted) {
  return wanted.held_provider != nullptr ? wanted.held_provider->saddr : wanted.to;
}

std::uint64_t hash_weight(const Wanted& wanted, const Candidate& candidate) {
  const Digest digest = crypto::sha256(wish_name(wanted) + "\n" + model::identity(candidate.provider->saddr));
  return load_le<std::uint64_t>(digest.bytes, 0);  // the solver takes 48 bits
}

std::uint64_t place_in(const Catalogue& catalogue, const model::Contract* provider) {
  const auto symbol = catalogue.symbol(provider->saddr);
  const auto at = std::find(symbol.begin(), symbol.end(), provider);
  return static_cast<std::uint64_t>(&*at - catalogue.all().data());
}

bool solvable(const Numbered& all, const Members& members) {
  const auto solution = solve_exact(numbered(all, members));
  return !solution || solution->has_value();  // too large to tell: not the reason
}

}  // namespace

std::vector<Members> components(const std::vector<Wanted>& wanted, const std::vector<Options>& options) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!options[i].candidates.empty()) open.push_back(i);
  }
  const auto compare = [&](std::size_t a, std::size_t b) {
    if (const int by_from = wanted[a].from_text.compare(wanted[b].from_text); by_from != 0) return by_from;
    return compare_symbol(symbol_of(wanted[a]), symbol_of(wanted[b]));
  };
  std::stable_sort(open.begin(), open.end(), [&](std::size_t a, std::size_t b) { return compare(a, b) < 0; });
  std::vector<Members> out;
  for (std::size_t i = 0; i < open.size(); ++i) {
    const bool joins = i > 0 && compare(open[i - 1], open[i]) == 0 && may_collide(options[open[i - 1]]) &&
                       may_collide(options[open[i]]);
    if (!joins) out.emplace_back();
    out.back().push_back(open[i]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

const model::Route* wired_already(const model::Graph& base, const Wanted& wanted,
                                  const Candidate& candidate) {
  const model::Route probe{.from = bare(wanted.consumer->saddr),
                           .to = bare(candidate.provider->saddr),
                           .route_class = candidate.route_class};
  const auto at =
      std::partition_point(base.routes.begin(), base.routes.end(),
                           [&](const model::Route& route) { return model::route_order(route, probe) < 0; });
  if (at == base.routes.end() || model::route_order(*at, probe) != 0) return nullptr;
  const bool same = at->contract == candidate.provider->hash &&
                    at->consumer_contract == wanted.consumer->hash && at->lane == candidate.lane;
  return same ? &*at : nullptr;
}

Component numbered(const Numbered& all, const Members& members) {
  Component out;
  for (const std::size_t i : members) {
    const Wanted& wanted = all.wanted[i];
    Choice choice{.options = {}, .may_stay_open = wanted.optional};
    const auto& candidates = all.options[i].candidates;
    for (std::size_t rank = 0; rank < candidates.size(); ++rank) {
      const Candidate& candidate = candidates[rank];
      const bool alone = members.size() == 1;  // ranks differ, so nothing is left for the weight to decide
      const bool decided = alone && candidates.size() == 1;
      const bool wired = !decided && wired_already(all.base, wanted, candidate) != nullptr;
      choice.options.push_back({.latency_ns = candidate.latency_ns,
                                .churn = wired ? 0U : 1U,
                                .rank = static_cast<std::uint32_t>(rank),
                                .weight = alone ? 0 : hash_weight(wanted, candidate),
                                .provider = alone ? 0 : place_in(all.catalogue, candidate.provider),
                                .link = link_of(candidate)});
    }
    out.push_back(std::move(choice));
  }
  return out;
}

std::vector<Conflict> joint_conflict(const Numbered& all, const Members& members) {
  Members required;
  for (const std::size_t i : members) {
    if (!all.wanted[i].optional) required.push_back(i);
  }
  Members core = required;
  for (std::size_t i = 0; i < core.size();) {  // drop whatever is not needed for the contradiction
    Members without = core;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    if (!solvable(all, without)) {
      core = std::move(without);
    } else {
      ++i;
    }
  }
  std::vector<Conflict> out;
  for (const std::size_t i : core) {
    const Wanted& wanted = all.wanted[i];
    out.push_back({.constraint = wish_name(wanted) + ": one consumer has one route to " +
                                 symbol_name(symbol_of(wanted)) + ", and no provider satisfies all " +
                                 std::to_string(core.size()) + " wishes",
                   .where = wanted.where,
                   .code = Code::kRuleConflict});
  }
  return out;
}

}  // namespace rtt::plan
