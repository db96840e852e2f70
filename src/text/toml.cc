// SPDX-License-Identifier: Apache-2.0
#include "text/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <sstream>

#include "text/json_token.h"
#include "text/toml_scanner.h"

// Some texts make untrue what the library asserts (a line that is `[` and no more). Such a text is no TOML,
// and no reason for the program to end: the assertion leaves the library as its exceptions would.
namespace {
struct LibraryAssertion {};
[[noreturn]] void leave_library() { std::rethrow_exception(std::make_exception_ptr(LibraryAssertion{})); }
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : leave_library())
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 64
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wswitch-enum"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

namespace rtt::text {
namespace {

template <typename T>
std::string as_written(const T& date) {
  std::ostringstream out;
  out << date;
  return out.str();
}

Result<Json> converted(const toml::node& node, int depth) {
  if (depth > kDepthMax)
    return fail(Code::kJsonDepth, fmt::format("nested deeper than {} levels", kDepthMax));
  if (const auto* table = node.as_table()) {
    Json out = JsonObject{};
    for (const auto& [key, value] : *table) {
      RTT_TRY_SET(Json member, converted(value, depth + 1));
      out.set(key.str(), std::move(member));
    }
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = JsonArray{};
    for (const auto& value : *array) {
      RTT_TRY_SET(Json item, converted(value, depth + 1));
      out.push(std::move(item));
    }
    return out;
  }
  if (const auto* text = node.as_string()) return Json(text->get());
  if (const auto* number = node.as_integer()) return Json(number->get());
  if (const auto* flag = node.as_boolean()) return Json(flag->get());
  if (const auto* real = node.as_floating_point()) {
    if (!std::isfinite(real->get()))
      return Json(std::isnan(real->get()) ? "nan" : real->get() < 0 ? "-inf" : "inf");
    return Json(real->get());
  }
  if (const auto* date = node.as_date()) return Json(as_written(date->get()));
  if (const auto* time = node.as_time()) return Json(as_written(time->get()));
  if (const auto* moment = node.as_date_time()) return Json(as_written(moment->get()));
  return Json();
}

std::optional<toml::parse_result> parsed_by_library(std::string_view text, std::string_view name) {
  try {
    return toml::parse(text, name);
  } catch (const LibraryAssertion&) {
    return std::nullopt;
  }
}

}  // namespace

Result<Json> parse_toml(std::string_view text, ParseOptions options) {
  const std::string name(options.source_name);
  if (text.size() > options.bytes_max)
    return fail(Code::kTooLarge, fmt::format("{} bytes; {} are the most", text.size(), options.bytes_max),
                name);
  const auto parsed = parsed_by_library(text, options.source_name);
  if (!parsed) return fail(Code::kTomlSyntax, "not TOML", name);
  if (!*parsed) {
    const auto& at = parsed->error().source().begin;
    // What the library says may quote the text, so only the place is passed on.
    return fail(Code::kTomlSyntax, "not TOML from here on",
                fmt::format("{}{}{}:{}", name, name.empty() ? "" : ":", at.line, at.column));
  }
  auto json = converted(parsed->table(), 0);
  if (!json) return std::unexpected(std::move(json).error().at(name));
  return json;
}

std::string toml_string(std::string_view value) {
  std::string out, made;
  append_json_string(made, value);
  for (const char c : made) {
    if (c == '\x7f') {
      out += "\\u007f";
    } else {
      out += c;
    }
  }
  return out;
}

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(key) : toml_string(key);
}

Result<TomlText> TomlText::read(std::string text, ParseOptions options) {
  TomlText out;
  RTT_TRY_SET(out.json_, parse_toml(text, options));
  out.text_ = std::move(text);
  if (!TomlScanner(out).document()) {
    return fail(Code::kTomlSyntax, "this TOML is written in a way RTT cannot find its way through",
                std::string(options.source_name));
  }
  return out;
}

std::vector<TomlText::Statement> TomlText::inline_members(Span value) const {
  TomlText scratch;
  return TomlScanner(text_, scratch).members(value);
}

std::vector<Span> TomlText::items(Span value) const {
  TomlText scratch;
  return TomlScanner(text_, scratch).items(value);
}

std::string_view TomlText::newline() const {
  const std::size_t end = text_.find('\n');
  return end != std::string::npos && end > 0 && text_[end - 1] == '\r' ? "\r\n" : "\n";
}

std::vector<std::pair<Span, std::string>> TomlText::strings() const {
  std::vector<std::pair<Span, std::string>> out;
  for (const Span& span : strings_) {
    const auto read = parse_toml("v = " + std::string(span.of(text_)), {.bytes_max = text_.size() + 4});
    out.emplace_back(span, read ? std::string(read->string_or("v")) : std::string(span.of(text_)));
  }
  return out;
}

}  // namespace rtt::text
