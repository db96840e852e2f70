// SPDX-License-Identifier: Apache-2.0
#include "plan/filters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/assert.h"
#include "plan/lanes.h"

namespace rtt::plan {
namespace {

using model::Contract;
using model::IoMode;
using model::RouteClass;
using model::SymbolType;

bool is_endpoint(SymbolType type) {
  return type != SymbolType::kFlag && type != SymbolType::kTag && type != SymbolType::kStub;
}
bool is_bus(SymbolType type) { return type == SymbolType::kBus || type == SymbolType::kQueue; }

// Takes what a bus sends without being asked to. A bus does too: it is a pubsub endpoint itself.
bool accepts_pubsub(SymbolType type) {
  return is_bus(type) || type == SymbolType::kExtension || type == SymbolType::kFile ||
         type == SymbolType::kService;
}

RouteClass class_of(IoMode io) {
  switch (io) {
    case IoMode::kReq:
      return RouteClass::kReq;
    case IoMode::kPubsub:
      return RouteClass::kPubsub;
    case IoMode::kStream:
      return RouteClass::kStream;
  }
  RTT_ASSERT(false);
}

using Words = std::span<const std::string>;

std::string joined(Words words) {
  std::string out = "{";
  for (const std::string& word : words) out += (out.size() > 1 ? ", " : "") + word;
  return out + "}";
}

std::vector<std::string> intersection(Words a, Words b) {
  std::vector<std::string> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

// A consumer's own capabilities are what it needs; those of a `both` are what it offers.
Words needed_caps(const Wanted& wanted) {
  if (wanted.consumer->direction != model::Direction::kConsumer) return {};
  return wanted.consumer->saddr.caps;
}

std::string versions_text(const Contract& provider) {
  return provider.version_set ? provider.version_set->text() : model::to_string(*provider.saddr.version);
}

std::optional<Refusal> check_type(const Question& question, const Contract& provider) {
  const auto joined_class = route_class(question.wanted, provider);
  if (joined_class) return std::nullopt;
  return Refusal{.why = joined_class.error(), .where = {}};
}

std::optional<Refusal> check_direction(const Question& question, const Contract& provider) {
  if (!provider.provides()) {
    return Refusal{
        .why = model::identity(provider.saddr) + " is a consumer only; `to` must be provider or both",
        .where = {}};
  }
  if (&provider == question.wanted.consumer) {
    return Refusal{.why = model::identity(provider.saddr) + " is not wired to itself", .where = {}};
  }
  return std::nullopt;
}

std::optional<Refusal> check_version(const Question& question, const Contract& provider) {
  const Wanted& wanted = question.wanted;
  if (versions_meet(wanted.to, provider, wanted.consumer)) return std::nullopt;
  std::string why = model::identity(provider.saddr) + " offers " + versions_text(provider) + ", wanted is " +
                    (wanted.to.version ? model::to_string(*wanted.to.version)
                     : wanted.to.range ? wanted.to.range->text()
                                       : "*");
  if (wanted.consumer->version_set)
    why += " within the consumer's version_set " + wanted.consumer->version_set->text();
  if (!provider.saddr.version->prerelease.empty())
    why += " (a prerelease matches only a range that names it)";
  return Refusal{.why = std::move(why), .where = {}};
}

std::optional<Refusal> check_variant(const Question& question, const Contract& provider) {
  const std::string& variant = question.wanted.to.variant;
  if (variant.empty() || variant == provider.saddr.variant) return std::nullopt;
  return Refusal{
      .why = "variant #" + variant + " is wanted, " + model::identity(provider.saddr) + " is another one",
      .where = {}};
}

std::optional<Refusal> check_capability(const Question& question, const Contract& provider) {
  const auto& asked = question.wanted.to.caps;
  const auto& offered = provider.saddr.caps;
  if (!std::includes(offered.begin(), offered.end(), asked.begin(), asked.end())) {
    return Refusal{.why = "asked for " + joined(asked) + ", " + model::identity(provider.saddr) + " offers " +
                          joined(offered),
                   .where = {}};
  }
  const Words needed = needed_caps(question.wanted);
  if (needed.empty() || offered.empty() || !intersection(needed, offered).empty()) return std::nullopt;
  return Refusal{.why = question.wanted.from_text + " needs one of " + joined(needed) + ", " +
                        model::identity(provider.saddr) + " offers " + joined(offered) +
                        ": nothing in common",
                 .where = {}};
}

// A declared coercer between the two schemas would be looked up here and become an endpoint of the route;
// contracts have no way to declare one yet, so two schemas that differ are refused.
std::optional<Refusal> check_schema(const Question& question, const Contract& provider) {
  const auto& outputs = question.wanted.consumer->outputs;
  if (outputs.empty() || provider.inputs.empty()) return std::nullopt;
  for (const model::Port& output : outputs) {
    const bool taken = std::any_of(
        provider.inputs.begin(), provider.inputs.end(),
        [&](const model::Port& input) { return model::schemas_equal(output.schema, input.schema); });
    if (taken) continue;
    std::string inputs;
    for (const model::Port& input : provider.inputs) {
      inputs += (inputs.empty() ? "" : ", ") + input.name + " " + text::to_json(input.schema);
    }
    return Refusal{.why = "output " + output.name + " " + text::to_json(output.schema) + " of " +
                          question.wanted.from_text + " equals no input of " +
                          model::identity(provider.saddr) + " (" + inputs + ")",
                   .where = {}};
  }
  return std::nullopt;
}

// "deny policy.json:7" names its place; "default deny" has none.
std::string place_of(std::string_view rule) {
  const std::size_t space = rule.find(' ');
  if (space == std::string_view::npos || rule.find(':', space) == std::string_view::npos) return {};
  return std::string(rule.substr(space + 1));
}

std::optional<Refusal> check_policy(const Question& question, const Contract& provider) {
  const model::AccessVerdict verdict =
      model::access(question.inputs.policy, question.wanted.consumer->saddr, provider.saddr);
  if (verdict.allowed) return std::nullopt;
  // The owner's own word is what default deny waits for; a rule that denies stands against it all the same.
  if (question.wanted.only != nullptr && !verdict.rule.starts_with("deny")) return std::nullopt;
  std::string where = place_of(verdict.rule);
  // The route is named by whoever shows this, and so is the rule's place.
  std::string why =
      where.empty() ? "denied by default, no allow rule of policy.json matches" : "denied by a rule";
  return Refusal{.why = std::move(why), .where = std::move(where)};
}

std::optional<Refusal> check_pin(const Question& question, const Contract& provider) {
  const model::PinRule* pin = question.pin;
  if (pin == nullptr) return std::nullopt;
  const bool satisfies = compare_symbol(pin->to, provider.saddr) == 0 &&
                         (pin->to.variant.empty() || pin->to.variant == provider.saddr.variant) &&
                         std::includes(provider.saddr.caps.begin(), provider.saddr.caps.end(),
                                       pin->to.caps.begin(), pin->to.caps.end()) &&
                         versions_meet(pin->to, provider, nullptr);
  if (satisfies) return std::nullopt;
  return Refusal{.why = "pinned to " + model::to_string(pin->to) + ", which " +
                        model::identity(provider.saddr) + " is not",
                 .where = pin->where};
}

// The only conversion of a configured number of milliseconds: everything after it is integers.
std::int64_t budget_ns(double milliseconds) {
  constexpr double kMostMs = 9.0e9;  // 104 days; more is no budget and would not fit
  return static_cast<std::int64_t>(std::floor(std::clamp(milliseconds, 0.0, kMostMs) * 1e6));
}

std::optional<Refusal> check_qos(const Question& question, const Contract& provider) {
  const auto lane = choose_lane(provider, question.inputs.config);
  if (!lane) {
    return Refusal{.why = "no lane of routing.prefer is carried to " + model::identity(provider.saddr) +
                          " by this version (shm and uds are)",
                   .where = "panel.yaml"};
  }
  const auto rule = model::qos_for(question.inputs.policy, provider.saddr);
  if (!rule) {
    return Refusal{.why = rule.error().message, .where = rule.error().where, .code = rule.error().code};
  }
  const auto qos = effective_qos(question.inputs, question.wanted, provider);
  if (!qos || !qos->latency_budget_ms) return std::nullopt;
  const std::int64_t budget = budget_ns(*qos->latency_budget_ms);
  const std::int64_t predicted = predicted_p99_ns(*lane);
  if (predicted <= budget) return std::nullopt;
  const bool by_rule = *rule != nullptr && (*rule)->latency_ms.has_value();
  return Refusal{.why = "predicted p99 " + std::to_string(predicted) + " ns on lane " +
                        std::string(model::to_string(*lane)) + " to " + model::identity(provider.saddr) +
                        " exceeds the budget of " + std::to_string(budget) + " ns",
                 .where = by_rule ? (*rule)->where : std::string()};
}

constexpr std::array kFilters{
    Filter{"type", Code::kTypeMismatch, check_type},
    Filter{"direction", Code::kDirection, check_direction},
    Filter{"version", Code::kVersionMeet, check_version},
    Filter{"variant", Code::kNoProvider, check_variant},
    Filter{"capability", Code::kCapabilityMeet, check_capability},
    Filter{"schema", Code::kSchemaMismatch, check_schema},
    Filter{"policy", Code::kDenied, check_policy},
    Filter{"pin", Code::kPinUnmet, check_pin},
    Filter{"qos", Code::kQosUnmet, check_qos},
};

}  // namespace

std::span<const Filter> filters() { return kFilters; }

std::expected<RouteClass, std::string> route_class(const Wanted& wanted, const Contract& provider) {
  const SymbolType from = wanted.consumer->saddr.type;
  const SymbolType to = provider.saddr.type;
  const std::string pair = std::string(model::to_string(from)) + " -> " + std::string(model::to_string(to));
  if (!is_endpoint(from))
    return std::unexpected(pair + ": a " + std::string(model::to_string(from)) + " is no endpoint");
  if (!is_endpoint(to))
    return std::unexpected(pair + ": a " + std::string(model::to_string(to)) + " is no endpoint");
  std::optional<IoMode> named;  // every place that names io= must name the same
  for (const auto& io : {wanted.to.io, provider.saddr.io, wanted.consumer->saddr.io}) {
    if (!io) continue;
    if (named && *named != *io) {
      return std::unexpected(pair + ": io=" + std::string(model::to_string(*named)) +
                             " and io=" + std::string(model::to_string(*io)) + " do not fit together");
    }
    named = io;
  }
  if (named) return class_of(*named);
  if (is_bus(from) && !accepts_pubsub(to)) {
    return std::unexpected(pair + ": a " + std::string(model::to_string(to)) +
                           " does not accept pubsub unless it says io=pubsub or io=stream");
  }
  return is_bus(from) || is_bus(to) ? RouteClass::kPubsub : RouteClass::kReq;
}

std::vector<std::string> granted_caps(const Wanted& wanted, const Contract& provider) {
  if (!wanted.to.caps.empty()) return wanted.to.caps;
  auto common = intersection(needed_caps(wanted), provider.saddr.caps);
  return common.empty() ? provider.saddr.caps : common;
}

Result<model::Qos> effective_qos(const Inputs& inputs, const Wanted& wanted, const Contract& provider) {
  RTT_TRY_SET(const model::QosRule* rule, model::qos_for(inputs.policy, provider.saddr));
  const model::Qos& mine = wanted.consumer->qos;
  model::Qos qos = provider.qos;
  if (mine.latency_budget_ms &&
      (!qos.latency_budget_ms || *mine.latency_budget_ms < *qos.latency_budget_ms)) {
    qos.latency_budget_ms = mine.latency_budget_ms;
  }
  if (!qos.throughput_qps) qos.throughput_qps = mine.throughput_qps;
  if (mine.prio) qos.prio = mine.prio;
  if (!qos.backpressure) qos.backpressure = mine.backpressure;
  if (rule == nullptr) return qos;
  if (rule->latency_ms) qos.latency_budget_ms = rule->latency_ms;
  if (rule->throughput_qps) qos.throughput_qps = rule->throughput_qps;
  if (rule->prio) qos.prio = rule->prio;
  return qos;
}

bool versions_meet(const model::Saddr& reference, const Contract& provider, const Contract* consumer) {
  const bool narrowed = consumer != nullptr && consumer->version_set;
  const model::Version& own = *provider.saddr.version;
  if (!provider.version_set) {  // one version: plain membership
    if (reference.version && model::precedence(*reference.version, own) != 0) return false;
    if (!reference.version && !reference.range.value_or(model::Range()).contains(own)) return false;
    return !narrowed || consumer->version_set->contains(own);
  }
  std::vector<model::Range> ranges{*provider.version_set};
  if (reference.range) ranges.push_back(*reference.range);
  if (narrowed) ranges.push_back(*consumer->version_set);
  if (reference.version) {
    return std::all_of(ranges.begin(), ranges.end(),
                       [&](const model::Range& range) { return range.contains(*reference.version); });
  }
  return model::ranges_meet(ranges);
}

}  // namespace rtt::plan
