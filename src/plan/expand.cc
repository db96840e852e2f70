// SPDX-License-Identifier: Apache-2.0
#include "plan/expand.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "model/limits.h"

namespace rtt::plan {
namespace {

using model::Contract;
using model::Saddr;

// Edit distances over every name cost more than the whole plan; the first few wrong names get a suggestion.
constexpr std::size_t kSuggestionsMax = 16;

int strength(std::string_view origin) {
  return origin == "requires" ? 3 : origin == "agent" ? 2 : origin == "routes" ? 1 : 0;
}

void merge(Wanted& into, const Wanted& other) {
  if (strength(other.origin) > strength(into.origin)) {
    into.origin = other.origin;
    into.where = other.where;
  }
  if (into.held == nullptr) {
    into.held = other.held;
    into.held_provider = other.held_provider;
  }
  into.optional = into.optional && other.optional;
}

// Sorted and unique by (consumer, reference); of one source the smaller place is named, so input order has no
// say.
void sort_and_merge(std::vector<Wanted>& wanted) {
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return std::tuple(std::string_view(a.from_text), std::string_view(a.to_text), -strength(a.origin),
                      std::string_view(a.where),
                      a.optional) < std::tuple(std::string_view(b.from_text), std::string_view(b.to_text),
                                               -strength(b.origin), std::string_view(b.where), b.optional);
  });
  std::vector<Wanted> unique;
  for (Wanted& each : wanted) {
    const bool same =
        !unique.empty() && unique.back().from_text == each.from_text && unique.back().to_text == each.to_text;
    if (same) {
      merge(unique.back(), each);
    } else {
      unique.push_back(std::move(each));
    }
  }
  wanted = std::move(unique);
}

struct Choice {
  const Contract* consumer = nullptr;
  std::string why_not;
  Code code = Code::kNoProvider;
};

bool answers_to(const Saddr& reference, const Contract& contract) {
  if (!reference.variant.empty() && reference.variant != contract.saddr.variant) return false;
  if (reference.version) return contract.saddr.version == reference.version;
  return reference.range.value_or(model::Range()).contains(*contract.saddr.version);
}

Choice choose_consumer(const Catalogue& catalogue, const Saddr& reference) {
  const auto definitions = catalogue.symbol(reference);
  if (definitions.empty()) return {.why_not = "no symbol " + symbol_name(reference) + " is in force"};
  const Contract* best = nullptr;
  const Contract* provider_only = nullptr;
  for (const Contract* contract : definitions) {
    if (!answers_to(reference, *contract)) continue;
    if (!contract->consumes()) {
      provider_only = contract;
      continue;
    }
    // Definitions come lowest version first, variants in canonical order: a higher version wins, an equal one
    // does not.
    const bool higher =
        best == nullptr || model::precedence(*contract->saddr.version, *best->saddr.version) > 0;
    if (higher) best = contract;
  }
  if (best != nullptr) return {.consumer = best};
  if (provider_only != nullptr) {
    return {.why_not = model::identity(provider_only->saddr) +
                       " is a provider only; `from` must be consumer or both",
            .code = Code::kDirection};
  }
  return {.why_not = "none of the " + std::to_string(definitions.size()) + " definitions of " +
                     symbol_name(reference) + " matches " + model::to_string(reference),
          .code = Code::kVersionMeet};
}

void add_desired(const Inputs& inputs, const Catalogue& catalogue, Expanded& out) {
  std::size_t suggestions = 0;
  std::vector<const model::DesiredRoute*> sorted;
  for (const model::DesiredRoute& desired : inputs.desired) sorted.push_back(&desired);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return std::tuple(model::to_string(a->from), model::to_string(a->to), std::string_view(a->where)) <
           std::tuple(model::to_string(b->from), model::to_string(b->to), std::string_view(b->where));
  });
  for (const model::DesiredRoute* desired : sorted) {
    const Choice choice = choose_consumer(catalogue, desired->from);
    if (choice.consumer == nullptr) {
      std::string words =
          model::to_string(desired->from) + " -> " + model::to_string(desired->to) + ": " + choice.why_not;
      if (choice.code == Code::kNoProvider && suggestions++ < kSuggestionsMax) {
        words += nearest_words(catalogue, desired->from);
      }
      if (desired->optional) {
        out.warnings.push_back(warning(choice.code, "left unwired: " + words, desired->where));
      } else {
        out.conflicts.push_back(
            {.constraint = std::move(words), .where = desired->where, .code = choice.code});
      }
      continue;
    }
    out.wanted.push_back({.consumer = choice.consumer,
                          .to = desired->to,
                          .from_text = model::identity(choice.consumer->saddr),
                          .to_text = model::to_string(desired->to),
                          .optional = desired->optional,
                          .origin = desired->origin.empty() ? "routes" : desired->origin,
                          .where = desired->where});
  }
}

std::string origin_of(const Contract& contract, const model::Requirement& requirement) {
  const bool canonical_body =
      contract.saddr.type == model::SymbolType::kAgent || contract.saddr.type == model::SymbolType::kSkill;
  const bool in_requires = requirement.pointer.find("/requires") != std::string::npos;
  return canonical_body && !in_requires ? "agent" : "requires";
}

void add_requirements(const Catalogue& catalogue, Expanded& out) {
  for (const Contract* contract : catalogue.all()) {
    for (const model::Requirement& requirement : contract->requirements) {
      Wanted wanted{.consumer = contract,
                    .to = requirement.to,
                    .from_text = model::identity(contract->saddr),
                    .to_text = model::to_string(requirement.to),
                    .optional = requirement.optional,
                    .origin = origin_of(*contract, requirement),
                    .where = model::identity(contract->saddr) + " " + requirement.pointer};
      if (contract->consumes()) {
        out.wanted.push_back(std::move(wanted));
        continue;
      }
      std::string words = wish_name(wanted) + ": " + wanted.from_text +
                          " is a provider only; what requires something "
                          "must be consumer or both";
      if (wanted.optional) {
        out.warnings.push_back(warning(Code::kDirection, "left unwired: " + words, wanted.where));
      } else {
        out.conflicts.push_back(
            {.constraint = std::move(words), .where = wanted.where, .code = Code::kDirection});
      }
    }
  }
}

// Why a quick connect of the base graph cannot be kept, or nothing.
std::optional<std::string> why_dropped(const Inputs& inputs, const Contract* consumer,
                                       const Contract* provider, const model::Route& route) {
  if (consumer == nullptr || !consumer->consumes())
    return model::identity(route.from) + " is no consumer in force";
  if (provider == nullptr || !provider->provides())
    return model::identity(route.to) + " is no provider in force";
  const model::AccessVerdict verdict = model::access(inputs.policy, consumer->saddr, provider->saddr);
  if (!verdict.allowed && verdict.rule.starts_with("deny"))
    return "the policy denies it (" + verdict.rule + ")";
  return std::nullopt;
}

// REQUIRES: `wanted` sorted.
Wanted* find_wish(std::vector<Wanted>& wanted, std::string_view from_text, std::string_view to_text) {
  const auto at = std::partition_point(wanted.begin(), wanted.end(), [&](const Wanted& each) {
    return std::tuple(std::string_view(each.from_text), std::string_view(each.to_text)) <
           std::tuple(from_text, to_text);
  });
  return at != wanted.end() && at->from_text == from_text && at->to_text == to_text ? &*at : nullptr;
}

// The route answers every wish of its consumer for the symbol it was connected in place of: on a class other
// than pubsub one consumer has one route to one symbol, so they all led to the route that it replaced.
void hold(std::vector<Wanted>& wanted, Wanted& replaced, const model::Route& route,
          const Contract* provider) {
  const auto take = [&](Wanted& wish) {
    if (wish.held != nullptr) return;
    wish.held = &route;
    wish.held_provider = provider;
  };
  take(replaced);
  if (route.route_class == model::RouteClass::kPubsub) return;
  auto wish = std::partition_point(wanted.begin(), wanted.end(),
                                   [&](const Wanted& each) { return each.from_text < replaced.from_text; });
  for (; wish != wanted.end() && wish->from_text == replaced.from_text; ++wish) {
    if (compare_symbol(wish->to, replaced.to) == 0) take(*wish);
  }
}

void hold_quick_connects(const Inputs& inputs, const Catalogue& catalogue, Expanded& out) {
  if (inputs.reset_qc) return;
  std::vector<Wanted> standing_alone;
  for (const model::Route& route : inputs.base.routes) {
    if (route.origin != "qc") continue;
    const Contract* consumer = catalogue.exact(route.from);
    const Contract* provider = catalogue.exact(route.to);
    auto reason = why_dropped(inputs, consumer, provider, route);
    const std::string from_text = model::identity(route.from);
    Wanted* const replaced = reason ? nullptr : find_wish(out.wanted, from_text, route.replaces);
    if (!reason && !route.replaces.empty() && replaced == nullptr) {
      reason = "the reference it stood in for, " + route.replaces + ", is no longer wanted";
    }
    if (reason) {
      out.warnings.push_back(warning(
          Code::kNoProvider, "quick connect " + model::route_name(route) + " is not kept: " + *reason, {}));
    } else if (replaced != nullptr) {
      hold(out.wanted, *replaced, route, provider);
    } else {
      standing_alone.push_back({.consumer = consumer,
                                .to = route.to,
                                .from_text = from_text,
                                .to_text = model::identity(route.to),
                                .optional = true,
                                .origin = "qc",
                                .where = {},
                                .held = &route,
                                .held_provider = provider});
    }
  }
  out.wanted.insert(out.wanted.end(), standing_alone.begin(), standing_alone.end());
}

}  // namespace

std::string wish_name(const Wanted& wanted) { return wanted.from_text + " -> " + wanted.to_text; }

model::Problem warning(Code code, std::string message, const std::string& where, std::string hint) {
  model::Problem problem{.severity = model::Severity::kWarning,
                         .file = where,
                         .code = code,
                         .message = std::move(message),
                         .hint = std::move(hint)};
  const auto take_number = [&problem]() -> std::optional<std::uint32_t> {  // a trailing ":12"
    const std::size_t colon = problem.file.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::uint32_t number = 0;
    const char* end = problem.file.data() + problem.file.size();
    const auto [stop, status] = std::from_chars(problem.file.data() + colon + 1, end, number);
    if (status != std::errc() || stop != end) return std::nullopt;
    problem.file.resize(colon);
    return number;
  };
  const auto last = take_number();
  const auto before = last ? take_number() : std::nullopt;
  problem.line = before ? *before : last.value_or(0);
  problem.column = before ? *last : 0;
  return problem;
}

Result<Expanded> expand(const Inputs& inputs, const Catalogue& catalogue) {
  Expanded out;
  add_desired(inputs, catalogue, out);
  add_requirements(catalogue, out);
  sort_and_merge(out.wanted);
  hold_quick_connects(inputs, catalogue, out);
  sort_and_merge(out.wanted);
  if (out.wanted.size() > limits::kRoutesMax) {
    return fail(Code::kPlanTooLarge, std::to_string(out.wanted.size()) + " routes are wanted, " +
                                         std::to_string(limits::kRoutesMax) + " is the limit");
  }
  return out;
}

}  // namespace rtt::plan
