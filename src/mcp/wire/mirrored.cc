// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/mirrored.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hex.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::string_view kEncodedStart = "=?base64?", kEncodedEnd = "?=";
constexpr int kPropertiesDepthMax = 16;

bool is_token(std::string_view name) {
  constexpr std::string_view kAlso = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kAlso.contains(c);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

void collect(std::vector<MirroredArgument>& out, std::vector<std::string>& path, const Json& schema) {
  const Json* const properties = schema.find("properties");
  if (!properties || !properties->is_object() || path.size() >= kPropertiesDepthMax) return;
  for (const auto& [name, property] : properties->as_object()) {
    path.push_back(name);
    const std::string_view header = property.string_or("x-mcp-header");
    const std::string_view type = property.string_or("type");
    const bool primitive = type == "string" || type == "integer" || type == "boolean";
    if (is_token(header) && primitive && out.size() < kMirroredArgumentsMax)
      out.push_back({path, std::string(header)});
    collect(out, path, property);
    path.pop_back();
  }
}

bool is_plain(std::string_view text) {
  if (text.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (blank(text.front()) || blank(text.back())) return false;
  if (text.starts_with(kEncodedStart) && text.ends_with(kEncodedEnd)) return false;
  return std::ranges::all_of(text, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

// The text a mirrored argument has in a header; nothing: it is not there, or null.
std::optional<std::string> argument_text(const MirroredArgument& argument, std::string_view arguments) {
  std::optional<std::string_view> value = arguments;
  for (const std::string& step : argument.path) {
    value = value ? member(*value, step) : std::nullopt;
  }
  if (!value || *value == "null") return std::nullopt;
  if (auto text = decode_string(*value)) return text;
  return std::string(*value);  // a number or a boolean as it is written
}

std::optional<std::int64_t> integer(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      std::abs(value) > double(text::kJsonIntMax) || value != std::floor(value))
    return std::nullopt;
  return static_cast<std::int64_t>(value);
}

bool same_value(std::string_view header, std::string_view body) {
  if (header == body) return true;
  const auto one = integer(header), other = integer(body);
  return one && other && *one == *other;
}

// What Mcp-Name repeats; empty: the method has no such thing.
std::string_view named_by(std::string_view method) {
  if (method == "tools/call" || method == "prompts/get") return "name";
  return method == "resources/read" ? "uri" : "";
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 200;
  return "'" + clean_text(text.substr(0, kShownMax)) + "'";
}

}  // namespace

std::vector<MirroredArgument> mirrored_arguments(const Json& input_schema) {
  std::vector<MirroredArgument> out;
  std::vector<std::string> path;
  collect(out, path, input_schema);
  // A name that stands for two arguments stands for none.
  const std::vector<MirroredArgument> all = out;
  std::erase_if(out, [&](const MirroredArgument& one) {
    return std::ranges::count_if(all, [&](const MirroredArgument& other) {
             return lower(other.header) == lower(one.header);
           }) > 1;
  });
  return out;
}

std::string header_value(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  return std::string(kEncodedStart) + to_base64(as_bytes(text)) + std::string(kEncodedEnd);
}

std::optional<std::string> from_header_value(std::string_view value) {
  if (!value.starts_with(kEncodedStart) || !value.ends_with(kEncodedEnd) ||
      value.size() < kEncodedStart.size() + kEncodedEnd.size())
    return std::string(value);
  value.remove_prefix(kEncodedStart.size());
  value.remove_suffix(kEncodedEnd.size());
  const auto bytes = from_base64(value);
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

MessageHeaders modern_headers(std::string_view method, std::string_view params) {
  MessageHeaders out{{"MCP-Protocol-Version", std::string(kModernNewest)},
                     {"Mcp-Method", std::string(method)}};
  const std::string_view key = named_by(method);
  const auto raw = key.empty() ? std::nullopt : member(params, key);
  if (const auto name = raw ? decode_string(*raw) : std::nullopt)
    out.emplace_back("Mcp-Name", header_value(*name));
  return out;
}

void mirror_arguments(MessageHeaders& headers, std::span<const Json> tools, std::string_view params) {
  const auto raw = member(params, "name");
  const auto name = raw ? decode_string(*raw) : std::nullopt;
  const auto tool =
      std::ranges::find_if(tools, [&](const Json& one) { return name && one.string_or("name") == *name; });
  const auto arguments = member(params, "arguments");
  const Json* const schema = tool == tools.end() ? nullptr : tool->find("inputSchema");
  if (!schema || !arguments) return;
  for (const MirroredArgument& one : mirrored_arguments(*schema)) {
    if (const auto text = argument_text(one, *arguments))
      headers.emplace_back("Mcp-Param-" + one.header, header_value(*text));
  }
}

std::optional<std::string> header_mismatch(const Message& message, const HeaderOf& header) {
  const auto differs = [](std::string_view name, const std::string* given,
                          std::string_view body) -> std::optional<std::string> {
    if (given == nullptr)
      return "the header " + std::string(name) + " is missing; the body says " + shown(body);
    const auto value = name == "Mcp-Name" ? from_header_value(*given) : std::optional(*given);
    if (value == body) return std::nullopt;
    return std::string(name) + " header value " + shown(*given) + " does not match body value " + shown(body);
  };
  const auto meta = member(message.params, "_meta");
  const auto raw = meta ? member(*meta, meta_key::kVersion) : std::nullopt;
  if (const auto version = raw ? decode_string(*raw) : std::nullopt) {
    if (auto no = differs("MCP-Protocol-Version", header("mcp-protocol-version"), *version)) return no;
  }
  if (auto no = differs("Mcp-Method", header("mcp-method"), message.method)) return no;
  const std::string_view key = named_by(message.method);
  const auto named = key.empty() ? std::nullopt : member(message.params, key);
  const auto name = named ? decode_string(*named) : std::nullopt;
  return name ? differs("Mcp-Name", header("mcp-name"), *name) : std::nullopt;
}

std::optional<std::string> argument_mismatch(std::span<const MirroredArgument> arguments,
                                             std::string_view params, const HeaderOf& header) {
  if (arguments.empty()) return std::nullopt;
  const auto given = member(params, "arguments");
  for (const MirroredArgument& one : arguments) {
    const std::string* const found = header(lower("mcp-param-" + one.header));
    const auto body = argument_text(one, given.value_or("{}"));
    if (!body && found == nullptr) continue;
    const auto value = found != nullptr ? from_header_value(*found) : std::nullopt;
    if (value && body && same_value(*value, *body)) continue;
    return "Mcp-Param-" + one.header + " header " + (found ? "value " + shown(*found) : "is missing and") +
           (body ? " does not match body value " + shown(*body) : " is not in the body");
  }
  return std::nullopt;
}

}  // namespace rtt::mcp
