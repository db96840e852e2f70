// SPDX-License-Identifier: Apache-2.0
#include "text/json.h"

#include <cmath>

#include "base/assert.h"
#include "text/json_token.h"

namespace rtt::text {

Json::Json(double value) {
  RTT_ASSERT(std::isfinite(value));
  if (std::fabs(value) <= static_cast<double>(kJsonIntMax) && std::trunc(value) == value) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = value;
  }
}
Json::Json(JsonArray value) : value_(std::move(value)) {}
Json::Json(JsonObject value) : value_(std::move(value)) {}

Json Json::object(std::initializer_list<Member> members) {
  JsonObject object;
  object.reserve(members.size());
  for (const Member& member : members) object.set(std::string(member.key), std::move(member.value));
  return object;
}
Json Json::array(std::initializer_list<Json> items) { return JsonArray(items); }

bool Json::as_bool() const {
  const auto* value = std::get_if<bool>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
std::int64_t Json::as_int() const {
  const auto* value = std::get_if<std::int64_t>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
double Json::as_double() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  const auto* value = std::get_if<double>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
const std::string& Json::as_string() const {
  const auto* value = std::get_if<std::string>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
const JsonArray& Json::as_array() const {
  const auto* value = std::get_if<JsonArray>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
JsonArray& Json::as_array() {
  auto* value = std::get_if<JsonArray>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
const JsonObject& Json::as_object() const {
  const auto* value = std::get_if<JsonObject>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}
JsonObject& Json::as_object() {
  auto* value = std::get_if<JsonObject>(&value_);
  RTT_ASSERT(value != nullptr);
  return *value;
}

const Json* Json::find(std::string_view key) const {
  const auto* object = std::get_if<JsonObject>(&value_);
  return object == nullptr ? nullptr : object->find(key);
}
std::string_view Json::string_or(std::string_view key, std::string_view otherwise) const {
  const Json* member = find(key);
  return member != nullptr && member->is_string() ? std::string_view(member->as_string()) : otherwise;
}
std::int64_t Json::int_or(std::string_view key, std::int64_t otherwise) const {
  const Json* member = find(key);
  return member != nullptr && member->is_int() ? member->as_int() : otherwise;
}
bool Json::bool_or(std::string_view key, bool otherwise) const {
  const Json* member = find(key);
  return member != nullptr && member->is_bool() ? member->as_bool() : otherwise;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = JsonObject();
  as_object().set(std::string(key), std::move(value));
  return *this;
}
void Json::push(Json value) {
  if (is_null()) value_ = JsonArray();
  as_array().push_back(std::move(value));
}

namespace {

enum class Layout : std::uint8_t { kCompact, kIndented };

class Writer {
 public:
  explicit Writer(Layout layout) : layout_(layout) {}

  void value(const Json& value) {
    switch (value.kind()) {
      case JsonKind::kNull:
        out_ += "null";
        return;
      case JsonKind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return;
      case JsonKind::kInt:
        append_json_number(out_, value.as_int());
        return;
      case JsonKind::kDouble:
        append_json_number(out_, value.as_double());
        return;
      case JsonKind::kString:
        append_json_string(out_, value.as_string());
        return;
      case JsonKind::kArray:
        array(value.as_array());
        return;
      case JsonKind::kObject:
        object(value.as_object());
        return;
    }
  }
  std::string take() && { return std::move(out_); }

 private:
  void array(const JsonArray& items) {
    out_ += '[';
    ++level_;
    for (const Json& item : items) {
      if (&item != &items.front()) out_ += ',';
      line();
      value(item);
    }
    --level_;
    if (!items.empty()) line();
    out_ += ']';
  }
  void object(const JsonObject& members) {
    out_ += '{';
    ++level_;
    bool first = true;
    for (const auto& [key, member] : members) {
      if (!first) out_ += ',';
      first = false;
      line();
      append_json_string(out_, key);
      out_ += layout_ == Layout::kIndented ? ": " : ":";
      value(member);
    }
    --level_;
    if (!members.empty()) line();
    out_ += '}';
  }
  void line() {
    if (layout_ == Layout::kIndented) out_.append("\n").append(level_ * 2, ' ');
  }

  std::string out_;
  std::size_t level_ = 0;
  Layout layout_;
};

}  // namespace

std::string to_json(const Json& value) {
  Writer writer(Layout::kCompact);
  writer.value(value);
  return std::move(writer).take();
}

std::string to_pretty_json(const Json& value) {
  Writer writer(Layout::kIndented);
  writer.value(value);
  return std::move(writer).take() + '\n';
}

}  // namespace rtt::text
