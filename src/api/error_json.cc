// SPDX-License-Identifier: Apache-2.0
#include "api/error_json.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::api {

using text::Json;

Json error_json(const Error& error) {
  Json json = Json::object({{"code", code_name(error.code)},
                            {"message", error.message},
                            {"where", error.where},
                            {"hint", error.hint}});
  if (error.causes.empty()) return json;
  Json causes{text::JsonArray{}};
  for (const std::string& cause : error.causes) causes.push(cause);
  json.set("causes", std::move(causes));
  return json;
}

namespace {

constexpr std::size_t kShownBytes = 200;

Error without_words(std::string_view text) {
  return {.code = Code::kInternal,
          .message = fmt::format("the other end failed without saying how: {}", text.substr(0, kShownBytes))};
}

}  // namespace

Error error_from_json(std::string_view text) {
  const Result<Json> json = text::parse_json(text);
  if (!json || !json->is_object() || json->string_or("message").empty()) return without_words(text);
  return error_from_object(*json);
}

Error error_from_object(const Json& json) {
  if (!json.is_object() || json.string_or("message").empty()) return without_words(text::to_json(json));
  Error error{.code = Code::kInternal,
              .message = std::string(json.string_or("message")),
              .where = std::string(json.string_or("where")),
              .hint = std::string(json.string_or("hint"))};
  const std::string_view name = json.string_or("code");
  for (const CodeInfo& info : all_codes()) {
    if (code_name(info.code) == name) error.code = info.code;
  }
  const Json* causes = json.find("causes");
  if (causes == nullptr || !causes->is_array()) return error;
  for (const Json& cause : causes->as_array()) {
    if (cause.is_string() && error.causes.size() < kErrorCausesMax) error.causes.push_back(cause.as_string());
  }
  return error;
}

}  // namespace rtt::api
