// SPDX-License-Identifier: Apache-2.0
#include "model/mcp_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rtt::model {
namespace {

using text::Json;

constexpr std::array<std::string_view, 3> kNameModes{"plain", "conflict", "prefixed"};
constexpr std::array<std::string_view, 3> kViews{"list", "meta", "auto"};

constexpr auto kSectionKeys =
    std::to_array<Key>({{"names", Shape::kText}, {"view", Shape::kText}, {"meta_above", Shape::kInteger}});
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

template <typename Enum, std::size_t N>
std::optional<Enum> find_word(std::string_view text, const std::array<std::string_view, N>& names) {
  const auto at = std::ranges::find(names, text);
  if (at == names.end()) return std::nullopt;
  return static_cast<Enum>(at - names.begin());
}

}  // namespace

std::string_view to_string(NameMode mode) { return kNameModes[static_cast<std::size_t>(mode)]; }
std::string_view to_string(ToolView view) { return kViews[static_cast<std::size_t>(view)]; }
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
}

}  // namespace rtt::model
