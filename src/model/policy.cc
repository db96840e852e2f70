// SPDX-License-Identifier: Apache-2.0
// What a policy answers. Reading it from text is policy_read.cc.
#include "model/policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::model {
namespace {

// How specific a rule is: more literal parts first, then the leftmost literal part.
struct Weight {
  std::array<bool, 10> literal{};

  [[nodiscard]] auto count() const { return std::ranges::count(literal, true); }
  friend std::strong_ordering operator<=>(const Weight& a, const Weight& b) {
    if (const auto order = a.count() <=> b.count(); order != 0) return order;
    return a.literal <=> b.literal;
  }
  friend bool operator==(const Weight&, const Weight&) = default;
};

Weight weigh(const PinRule& rule) {
  Weight weight;
  std::ranges::copy(literal_mask(rule.from), weight.literal.begin());
  const std::array<bool, 5> to{true, true, true, rule.to.range.has_value(), !rule.to.variant.empty()};
  std::ranges::copy(to, weight.literal.begin() + 5);
  return weight;
}

Weight weigh(const QosRule& rule) {
  Weight weight;
  std::ranges::copy(literal_mask(rule.match), weight.literal.begin());
  return weight;
}

bool same_effect(const PinRule& a, const PinRule& b) { return a.to == b.to; }
bool same_effect(const QosRule& a, const QosRule& b) {
  return a.latency_ms == b.latency_ms && a.throughput_qps == b.throughput_qps && a.prio == b.prio;
}

// The heaviest rule that applies; two of the same weight must say the same.
template <typename Rule, typename Applies>
Result<const Rule*> heaviest(const std::vector<Rule>& rules, std::string_view kind, Applies applies) {
  const Rule* best = nullptr;
  const Rule* rival = nullptr;  // as heavy as `best`, with another effect
  for (const Rule& rule : rules) {
    if (!applies(rule)) continue;
    if (best == nullptr || weigh(rule) > weigh(*best)) {
      best = &rule;
      rival = nullptr;
    } else if (weigh(rule) == weigh(*best) && !same_effect(rule, *best)) {
      rival = &rule;
    }
  }
  if (rival == nullptr) return best;
  return fail(Code::kRuleConflict,
              fmt::format("two {} rules of equal weight say different things: {} and {}", kind, best->where,
                          rival->where),
              best->where, "make one of them more specific, or remove it");
}

std::string named(std::string_view verdict, const std::string& where) {
  return fmt::format("{} {}", verdict, where);
}

}  // namespace

Policy empty_policy() {
  Policy policy;
  policy.object = text::Json(text::JsonObject{});
  return policy;
}

AccessVerdict access(const Policy& policy, const Saddr& from, const Saddr& to) {
  // A deny rule counts as soon as it could apply, an allow rule only when it does: doubt closes.
  for (const AccessRule& rule : policy.deny) {
    if (could_match(rule.from, from) && could_match(rule.to, to)) {
      return {.allowed = false, .rule = named("deny", rule.where)};
    }
  }
  for (const AccessRule& rule : policy.allow) {
    if (matches(rule.from, from) && matches(rule.to, to))
      return {.allowed = true, .rule = named("allow", rule.where)};
  }
  return {.allowed = false, .rule = "default deny"};
}

Result<const PinRule*> pin_for(const Policy& policy, const Saddr& from, const Saddr& wanted) {
  return heaviest(policy.pins, "pin", [&](const PinRule& rule) {
    return rule.to.ns == wanted.ns && rule.to.type == wanted.type && rule.to.name == wanted.name &&
           could_match(rule.from, from);
  });
}

Result<const QosRule*> qos_for(const Policy& policy, const Saddr& provider) {
  return heaviest(policy.qos, "qos", [&](const QosRule& rule) { return matches(rule.match, provider); });
}

}  // namespace rtt::model
