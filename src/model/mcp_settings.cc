// SPDX-License-Identifier: Apache-2.0
#include "model/mcp_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace rtt::model {
namespace {

using text::Json;

constexpr std::array<std::string_view, 3> kNameModes{"plain", "conflict", "prefixed"};
constexpr std::array<std::string_view, 3> kViews{"list", "meta", "auto"};
constexpr std::array<std::string_view, 2> kPanelFailures{"serve", "refuse"};
constexpr std::array<std::string_view, 3> kChecks{"off", "warn", "refuse"};

constexpr auto kSectionKeys = std::to_array<Key>({{"names", Shape::kText},
                                                  {"view", Shape::kText},
                                                  {"meta_above", Shape::kInteger},
                                                  {"on_panel_failure", Shape::kText},
                                                  {"equivalents", Shape::kArray},
                                                  {"tools", Shape::kArray}});
constexpr auto kEquivalentKeys =
    std::to_array<Key>({{"servers", Shape::kArray, Need::kRequired}, {"tools", Shape::kArray}});
constexpr auto kToolKeys = std::to_array<Key>({{"match", Shape::kText, Need::kRequired},
                                               {"call_ms", Shape::kInteger},
                                               {"result_bytes", Shape::kInteger},
                                               {"output", Shape::kText},
                                               {"arguments", Shape::kText}});
constexpr std::int64_t kCallMsMax = 86'400'000;
constexpr std::int64_t kBytesMax = std::int64_t{1} << 40;
constexpr std::int64_t kToolsMax = 1'000'000;

std::optional<std::int64_t> read_count(Document& document, const Json& object, std::string_view key,
                                       const std::string& at, std::int64_t most) {
  const Json* const value = member(object, key, Shape::kInteger);
  if (value == nullptr) return std::nullopt;
  if (value->as_int() >= 1 && value->as_int() <= most) return value->as_int();
  document.error(child(at, key),
                 {.message = fmt::format("'{}' must be from 1 to {}, not {}", key, most, value->as_int())});
  return std::nullopt;
}

template <typename Enum, std::size_t N>
std::optional<Enum> read_word(Document& document, const Json& object, std::string_view key,
                              const std::string& at, const std::array<std::string_view, N>& names) {
  const Json* const value = member(object, key, Shape::kText);
  return value != nullptr ? read_enum<Enum>(document, child(at, key), *value, names) : std::nullopt;
}

void read_tool_rule(Document& document, const Json& rule, const std::string& at, McpSettings& out) {
  if (!document.check(rule, at, kToolKeys)) return;
  const Json* const match = member(rule, "match", Shape::kText);
  if (match == nullptr) return;
  auto pattern = parse_pattern(match->as_string());
  if (!pattern) {
    document.inside_string(Severity::kError, child(at, "match"), *match, pattern.error());
    return;
  }
  out.tools.push_back({.match = *std::move(pattern),
                       .call_ms = read_count(document, rule, "call_ms", at, kCallMsMax),
                       .result_bytes = read_count(document, rule, "result_bytes", at, kBytesMax),
                       .output = read_word<CheckMode>(document, rule, "output", at, kChecks),
                       .arguments = read_word<CheckMode>(document, rule, "arguments", at, kChecks)});
}

// The texts of an array, from `least` to `most` of them.
std::vector<std::string> read_texts(Document& document, const Json& object, std::string_view key,
                                    const std::string& at, std::size_t least, std::size_t most) {
  std::vector<std::string> out;
  const Json* const list = member(object, key, Shape::kArray);
  if (list == nullptr) return out;
  const text::JsonArray& items = list->as_array();
  if (items.size() < least || items.size() > most) {
    document.error(child(at, key), {.message = fmt::format("'{}' must have from {} to {} members, not {}",
                                                           key, least, most, items.size())});
    return out;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (document.check_shape(items[i], child(child(at, key), i), Shape::kText))
      out.push_back(items[i].as_string());
  }
  return out;
}

void read_equivalent(Document& document, const Json& entry, const std::string& at, McpSettings& out) {
  if (!document.check(entry, at, kEquivalentKeys)) return;
  out.equivalents.push_back(
      {.servers = read_texts(document, entry, "servers", at, 2, kMcpEquivalentServersMax),
       .tools = read_texts(document, entry, "tools", at, 1, kMcpEquivalentToolsMax)});
}

// One after the other, if there are not too many.
template <typename Read>
void read_each(Document& document, const Json& section, std::string_view key, std::size_t most, Read read) {
  const Json* const list = member(section, key, Shape::kArray);
  if (list == nullptr) return;
  const std::string at = child("/mcp", key);
  if (list->as_array().size() > most) {
    document.error(at, {.code = Code::kLimit, .message = fmt::format("more than {} rules", most)});
    return;
  }
  for (std::size_t i = 0; i < list->as_array().size(); ++i) read(list->as_array()[i], child(at, i));
}

// How much a rule weighs: its count of literal parts, then the leftmost of them.
std::pair<int, std::array<bool, 5>> weight(const ToolRule& rule) {
  return {literal_parts(rule.match), literal_mask(rule.match)};
}

// The setting that governs among the matching rules.
template <typename T, typename Stricter>
std::optional<T> governing(const std::vector<const ToolRule*>& rules, std::optional<T> ToolRule::* setting,
                           Stricter stricter) {
  const ToolRule* best = nullptr;
  for (const ToolRule* const rule : rules) {
    if (!(rule->*setting)) continue;
    const bool wins = best == nullptr || weight(*rule) > weight(*best) ||
                      (weight(*rule) == weight(*best) && stricter(*(rule->*setting), *(best->*setting)));
    if (wins) best = rule;
  }
  return best != nullptr ? best->*setting : std::nullopt;
}

template <typename Enum, std::size_t N>
std::optional<Enum> find_word(std::string_view text, const std::array<std::string_view, N>& names) {
  const auto at = std::ranges::find(names, text);
  if (at == names.end()) return std::nullopt;
  return static_cast<Enum>(at - names.begin());
}

}  // namespace

std::string_view to_string(NameMode mode) { return kNameModes[static_cast<std::size_t>(mode)]; }
std::string_view to_string(ToolView view) { return kViews[static_cast<std::size_t>(view)]; }
std::string_view to_string(CheckMode mode) { return kChecks[static_cast<std::size_t>(mode)]; }
std::optional<NameMode> parse_name_mode(std::string_view text) {
  return find_word<NameMode>(text, kNameModes);
}
std::optional<ToolView> parse_tool_view(std::string_view text) { return find_word<ToolView>(text, kViews); }

void read_mcp_settings(Document& document, const Json& section, McpSettings& out) {
  const std::string at = "/mcp";
  if (!document.check(section, at, kSectionKeys)) return;
  if (const auto names = read_word<NameMode>(document, section, "names", at, kNameModes)) out.names = *names;
  if (const auto view = read_word<ToolView>(document, section, "view", at, kViews)) out.view = *view;
  if (const auto most = read_count(document, section, "meta_above", at, kToolsMax)) out.meta_above = *most;
  if (const auto word = read_word<PanelFailure>(document, section, "on_panel_failure", at, kPanelFailures))
    out.on_panel_failure = *word;
  read_each(
      document, section, "equivalents", kMcpEquivalentsMax,
      [&](const Json& entry, const std::string& where) { read_equivalent(document, entry, where, out); });
  read_each(document, section, "tools", kMcpToolRulesMax,
            [&](const Json& rule, const std::string& where) { read_tool_rule(document, rule, where, out); });
}

ToolLimits limits_for(const McpSettings& settings, const Saddr& tool) {
  std::vector<const ToolRule*> rules;
  for (const ToolRule& rule : settings.tools) {
    if (matches(rule.match, tool)) rules.push_back(&rule);
  }
  ToolLimits out;
  if (rules.empty()) return out;
  const auto less = [](std::int64_t a, std::int64_t b) { return a < b; };
  const auto more = [](CheckMode a, CheckMode b) { return a > b; };
  out.call_ms = governing(rules, &ToolRule::call_ms, less).value_or(out.call_ms);
  out.result_bytes = governing(rules, &ToolRule::result_bytes, less).value_or(out.result_bytes);
  out.output = governing(rules, &ToolRule::output, more).value_or(out.output);
  out.arguments = governing(rules, &ToolRule::arguments, more).value_or(out.arguments);
  return out;
}

}  // namespace rtt::model
