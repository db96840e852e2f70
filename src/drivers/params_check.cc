// SPDX-License-Identifier: Apache-2.0
#include "drivers/params_check.h"

#include <algorithm>
#include <string>

namespace rtt::drivers {
namespace {

using text::Json;

bool is_of(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  return true;
}

bool has_type(const Json& value, const Json& type) {
  if (type.is_string()) return is_of(value, type.as_string());
  if (!type.is_array()) return true;
  return std::ranges::any_of(
      type.as_array(), [&](const Json& one) { return one.is_string() && is_of(value, one.as_string()); });
}

Status wrong(const std::string& pointer, const std::string& why) {
  return fail(Code::kBadShape, "driver.params" + pointer + " " + why, {}, "rtt explain RTT0211");
}

Status check(const Json& value, const Json& schema, const std::string& pointer, int depth);

Status check_members(const Json& value, const Json& schema, const std::string& pointer, int depth) {
  const Json* properties = schema.find("properties");
  for (const auto& [key, member] : value.as_object()) {
    const std::string place = pointer + "/" + text::escape_pointer(key);
    if (const Json* known = properties != nullptr ? properties->find(key) : nullptr) {
      RTT_TRY(check(member, *known, place, depth + 1));
    } else if (!schema.bool_or("additionalProperties", true)) {
      return wrong(place, "is not a parameter of this driver");
    }
  }
  const Json* required = schema.find("required");
  if (required == nullptr || !required->is_array()) return {};
  for (const Json& key : required->as_array()) {
    if (key.is_string() && value.find(key.as_string()) == nullptr) {
      return wrong(pointer + "/" + text::escape_pointer(key.as_string()), "is missing");
    }
  }
  return {};
}

Status check(const Json& value, const Json& schema, const std::string& pointer, int depth) {
  if (depth > kSchemaDepthMax || !schema.is_object()) return {};
  const Json* type = schema.find("type");
  if (type != nullptr && !has_type(value, *type)) {
    return wrong(pointer, "is not of type " + (type->is_string() ? type->as_string() : text::to_json(*type)));
  }
  if (const Json* allowed = schema.find("enum"); allowed != nullptr && allowed->is_array()) {
    if (std::ranges::find(allowed->as_array(), value) == allowed->as_array().end()) {
      return wrong(pointer, "is none of " + text::to_json(*allowed));
    }
  }
  if (value.is_object()) RTT_TRY(check_members(value, schema, pointer, depth));
  const Json* items = schema.find("items");
  if (value.is_array() && items != nullptr) {
    for (std::size_t at = 0; at < value.as_array().size(); ++at) {
      RTT_TRY(check(value.as_array()[at], *items, pointer + "/" + std::to_string(at), depth + 1));
    }
  }
  return {};
}

}  // namespace

Status check_params(const Json& params, const Json& schema) { return check(params, schema, "", 0); }

}  // namespace rtt::drivers
