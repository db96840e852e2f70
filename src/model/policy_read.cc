// SPDX-License-Identifier: Apache-2.0
// policy.json into rules. A rule that says nothing usable is a warning where the rest still means what it
// says, and an error where leaving it out would allow more than was written.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/document.h"
#include "model/limits.h"
#include "model/policy.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr auto kPolicyKeys = std::to_array<Key>({{"$schema", Shape::kString},
                                                 {"allow", Shape::kArray},
                                                 {"deny", Shape::kArray},
                                                 {"pin", Shape::kArray},
                                                 {"qos", Shape::kArray},
                                                 {"failover", Shape::kArray},
                                                 {"qc", Shape::kArray}});
constexpr auto kAccessKeys = std::to_array<Key>({{"from", Shape::kText, Need::kRequired},
                                                 {"to", Shape::kText, Need::kRequired},
                                                 {"scopes", Shape::kArray}});
constexpr auto kQcKeys =
    std::to_array<Key>({{"from", Shape::kText, Need::kRequired}, {"to", Shape::kText, Need::kRequired}});
constexpr auto kPinKeys = std::to_array<Key>({{"route", Shape::kText, Need::kRequired}});
constexpr auto kQosKeys = std::to_array<Key>({{"match", Shape::kText, Need::kRequired},
                                              {"latency_ms", Shape::kNumber},
                                              {"throughput_qps", Shape::kNumber},
                                              {"prio", Shape::kInteger}});
constexpr auto kFailoverKeys =
    std::to_array<Key>({{"route", Shape::kText, Need::kRequired}, {"health", Shape::kText}});

// A piece of a longer string, and the column it starts at.
struct Piece {
  std::string_view text;
  std::size_t offset = 0;
};

Error shifted(Error error, std::size_t offset) {
  constexpr std::string_view kWord = "column ";
  if (error.where.starts_with(kWord)) {
    error.where = fmt::format("{}{}", kWord, std::stoul(error.where.substr(kWord.size())) + offset);
  }
  return error;
}

// One condition of `health`: p50|p90|p95|p99 < number ns|us|ms|s, err < number %, qdepth < number.
bool is_condition(std::string_view text) {
  constexpr std::array<std::string_view, 4> kLatencies{"p50", "p90", "p95", "p99"};
  const std::size_t less = text.find('<');
  if (less == std::string_view::npos) return false;
  const std::string_view metric = text.substr(0, less);
  std::string_view number = text.substr(less + 1);
  if (std::ranges::find(kLatencies, metric) != kLatencies.end()) {
    if (number.ends_with("ms") || number.ends_with("us") || number.ends_with("ns")) {
      number.remove_suffix(2);
    } else if (number.ends_with("s")) {
      number.remove_suffix(1);
    } else {
      return false;
    }
  } else if (metric == "err") {
    if (!number.ends_with("%")) return false;
    number.remove_suffix(1);
  } else if (metric != "qdepth") {
    return false;
  }
  const std::size_t dot = number.find('.');
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (dot == std::string_view::npos) return digits(number);
  return digits(number.substr(0, dot)) && digits(number.substr(dot + 1));
}

bool is_health(std::string_view text) {
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    std::string condition(text.substr(start, comma - start));
    std::erase(condition, ' ');
    if (!is_condition(condition)) return false;
    start = comma + 1;
  }
  return true;
}

class PolicyReader {
 public:
  PolicyReader(Document& document, std::string_view text, const Json& root)
      : document_(document), text_(text), root_(root) {}

  void read(Policy& out) {
    if (!document_.check(root_, "", kPolicyKeys)) return;
    out.allow = read_access("allow");
    out.deny = read_access("deny");
    each("pin", kPinKeys, [&](const Json& rule, const std::string& at, std::string where) {
      read_pin(rule, at, std::move(where), out);
    });
    each("qos", kQosKeys, [&](const Json& rule, const std::string& at, std::string where) {
      read_qos_rule(rule, at, std::move(where), out);
    });
    each("failover", kFailoverKeys, [&](const Json& rule, const std::string& at, std::string where) {
      read_failover(rule, at, std::move(where), out);
    });
    if (root_.find("qc") == nullptr) return;
    out.qc.emplace();
    each("qc", kQcKeys, [&](const Json& rule, const std::string& at, std::string where) {
      auto from = pattern(rule, "from", at);
      auto to = pattern(rule, "to", at);
      if (from && to) out.qc->push_back({*std::move(from), *std::move(to), std::move(where)});
    });
  }

 private:
  template <typename Take>
  void each(std::string_view section, std::span<const Key> keys, Take take) {
    const Json* rules = member(root_, section, Shape::kArray);
    if (rules == nullptr) return;
    const std::string pointer = child("", section);
    rules_ += rules->as_array().size();
    if (rules_ > limits::kPolicyRulesMax) {
      document_.error(pointer, {.code = Code::kLimit,
                                .message = fmt::format("more than {} rules", limits::kPolicyRulesMax)});
      return;
    }
    const std::vector<std::uint32_t> lines = element_lines(text_, section);
    for (std::size_t i = 0; i < rules->as_array().size(); ++i) {
      const Json& rule = rules->as_array()[i];
      const std::string at = child(pointer, i);
      if (!document_.check(rule, at, keys)) continue;
      take(rule, at,
           i < lines.size() ? fmt::format("{}:{}", document_.file(), lines[i]) : document_.place(at));
    }
  }

  std::optional<Pattern> pattern_in(const Json& value, Piece piece, const std::string& at) {
    auto parsed = parse_pattern(piece.text);
    if (!parsed) {
      document_.inside_string(Severity::kError, at, value, shifted(std::move(parsed).error(), piece.offset));
      return std::nullopt;
    }
    if (!can_match(*parsed)) {
      document_.warning(at, {.code = Code::kBadAddress,
                             .message = fmt::format("'{}' can match nothing", to_string(*parsed)),
                             .hint = "no symbol type or version fits it; the rule has no effect"});
    }
    return *std::move(parsed);
  }

  std::optional<Pattern> pattern(const Json& rule, std::string_view key, const std::string& at) {
    const Json* value = member(rule, key, Shape::kText);
    if (value == nullptr) return std::nullopt;
    return pattern_in(*value, {value->as_string()}, child(at, key));
  }

  std::vector<AccessRule> read_access(std::string_view section) {
    std::vector<AccessRule> out;
    each(section, kAccessKeys, [&](const Json& rule, const std::string& at, std::string where) {
      auto from = pattern(rule, "from", at);
      auto to = pattern(rule, "to", at);
      std::vector<std::string> scopes;
      if (const Json* list = member(rule, "scopes", Shape::kArray)) {
        for (std::size_t i = 0; i < list->as_array().size(); ++i) {
          const Json& scope = list->as_array()[i];
          if (document_.check_shape(scope, child(child(at, "scopes"), i), Shape::kText)) {
            scopes.push_back(scope.as_string());
          }
        }
        std::ranges::sort(scopes);
      }
      if (from && to) out.push_back({*std::move(from), *std::move(to), std::move(scopes), std::move(where)});
    });
    return out;
  }

  struct Sides {
    Piece from, to;
  };
  std::optional<Sides> split(const Json& rule, const std::string& at) {
    const Json* route = member(rule, "route", Shape::kText);
    if (route == nullptr) return std::nullopt;
    const std::string& text = route->as_string();
    const auto sides = split_route(text);
    if (!sides) {
      document_.inside_string(Severity::kError, at, *route, sides.error());
      return std::nullopt;
    }
    const auto piece = [&](std::string_view part) {
      return Piece{part, static_cast<std::size_t>(part.data() - text.data())};
    };
    return Sides{piece(sides->from), piece(sides->to)};
  }

  void read_pin(const Json& rule, const std::string& at, std::string where, Policy& out) {
    const std::string place = child(at, "route");
    const auto sides = split(rule, place);
    if (!sides) return;
    const Json& value = *rule.find("route");
    auto from = pattern_in(value, sides->from, place);
    auto to = parse_reference(sides->to.text);
    if (!to) {
      document_.inside_string(Severity::kError, place, value,
                              shifted(std::move(to).error(), sides->to.offset));
      return;
    }
    if (!to->range && to->variant.empty()) {
      document_.warning(place,
                        {.message = "the pin names neither a version nor a variant, so it binds nothing",
                         .hint = "write for example rtt://idp/api/auth@2"});
    }
    if (from) out.pins.push_back({*std::move(from), *std::move(to), std::move(where)});
  }

  std::optional<double> amount(const Json& rule, std::string_view key, const std::string& at) {
    const Json* value = member(rule, key, Shape::kNumber);
    if (value == nullptr) return std::nullopt;
    if (value->as_double() < 0)
      document_.error(child(at, key), {.message = fmt::format("'{}' is below 0", key)});
    return value->as_double();
  }

  void read_qos_rule(const Json& rule, const std::string& at, std::string where, Policy& out) {
    auto match = pattern(rule, "match", at);
    QosRule parsed{.latency_ms = amount(rule, "latency_ms", at),
                   .throughput_qps = amount(rule, "throughput_qps", at)};
    if (const Json* prio = member(rule, "prio", Shape::kInteger)) {
      amount(rule, "prio", at);
      parsed.prio = prio->as_int();
    }
    if (!parsed.latency_ms && !parsed.throughput_qps && !parsed.prio) {
      document_.warning(at, {.message = "the qos rule sets nothing",
                             .hint = "it may set latency_ms, throughput_qps and prio"});
    }
    if (!match) return;
    parsed.match = *std::move(match);
    parsed.where = std::move(where);
    out.qos.push_back(std::move(parsed));
  }

  // `A -> [B,C,D]`: B serves, C and D stand in for it in this order.
  void read_failover(const Json& rule, const std::string& at, std::string where, Policy& out) {
    const std::string place = child(at, "route");
    const std::string_view health = rule.string_or("health");
    if (!health.empty() && !is_health(health)) {
      document_.error(child(at, "health"),
                      {.message = fmt::format("'{}' is no health condition", health.substr(0, 200)),
                       .hint = "conditions look like p95<5ms,err<0.1%,qdepth<100"});
    }
    const auto sides = split(rule, place);
    if (!sides) return;
    const Json& value = *rule.find("route");
    auto from = pattern_in(value, sides->from, place);
    FailoverRule parsed{.health = std::string(health), .where = std::move(where)};
    read_targets(value, sides->to, place, parsed);
    if (!from || parsed.targets.empty()) return;
    parsed.from = *std::move(from);
    out.failover.push_back(std::move(parsed));
  }

  void read_targets(const Json& value, Piece list, const std::string& place, FailoverRule& out) {
    if (list.text.starts_with('[') && list.text.ends_with(']') && list.text.size() >= 2) {
      list = {list.text.substr(1, list.text.size() - 2), list.offset + 1};
    }
    for (std::size_t start = 0; start <= list.text.size();) {
      const std::size_t comma = std::min(list.text.find(',', start), list.text.size());
      const std::size_t first = std::min(list.text.find_first_not_of(' ', start), comma);
      std::string_view one = list.text.substr(first, comma - first);
      while (one.ends_with(' ')) one.remove_suffix(1);
      start = comma + 1;
      auto target = parse_reference(one);
      if (target) {
        if (out.targets.empty()) {
          if (auto primary = parse_pattern(to_string(identity_only(*target))))
            out.to_primary = *std::move(primary);
        }
        out.targets.push_back(*std::move(target));
        continue;
      }
      Error error = shifted(std::move(target).error(), list.offset + first);
      error.message = fmt::format("the target '{}' is left out: {}", one.substr(0, 100), error.message);
      document_.inside_string(Severity::kWarning, place, value, error);
    }
  }

  Document& document_;
  std::string_view text_;
  const Json& root_;
  std::size_t rules_ = 0;
};

}  // namespace

Policy read_policy(std::string_view text, std::string_view file) {
  Policy out = empty_policy();
  auto root = text::parse_json(text, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!root) {
    out.problems.push_back(problem_from(root.error(), file));
    return out;
  }
  Document document({.text = text, .file = file});
  PolicyReader(document, text, *root).read(out);
  if (document.errors() > 0) out = empty_policy();  // half a policy is another policy: nothing is allowed
  if (document.errors() == 0) out.object = *std::move(root);
  out.problems = document.take_problems();
  return out;
}

}  // namespace rtt::model
