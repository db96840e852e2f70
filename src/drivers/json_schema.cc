// SPDX-License-Identifier: Apache-2.0
#include "drivers/json_schema.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "text/json_canonical.h"

namespace rtt::drivers {
namespace {

using text::Json;
using text::JsonArray;
using text::JsonObject;

constexpr std::size_t kPatternsMax = 1000;
constexpr std::int64_t kPatternMemory = 1 << 20;
constexpr std::size_t kShownBytesMax = 200;

std::string shown(const Json& value) {
  std::string text = text::to_json(value);
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "…";
  return text;
}

std::int64_t length_of(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

bool is_of(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "integer")
    return value.is_int() || (value.is_number() && std::trunc(value.as_double()) == value.as_double());
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  return false;
}

bool has_type(const Json& value, const Json& type) {
  if (type.is_string()) return is_of(value, type.as_string());
  if (!type.is_array()) return true;
  return std::ranges::any_of(
      type.as_array(), [&](const Json& one) { return one.is_string() && is_of(value, one.as_string()); });
}

bool is_multiple(const Json& value, const Json& of) {
  if (value.is_int() && of.is_int()) return of.as_int() == 0 || value.as_int() % of.as_int() == 0;
  const double by = of.as_double();
  if (!(by > 0)) return true;
  const double quotient = value.as_double() / by;
  if (!std::isfinite(quotient)) return std::fmod(value.as_double(), by) == 0;
  return std::abs(quotient - std::round(quotient)) <= 1e-9 * std::max(1.0, std::abs(quotient));
}

std::string unescaped(std::string_view token) {  // of a pointer in a URI fragment
  std::string out;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '%' && i + 2 < token.size() && digit(token[i + 1]) >= 0 && digit(token[i + 2]) >= 0) {
      out.push_back(static_cast<char>(digit(token[i + 1]) * 16 + digit(token[i + 2])));
      i += 2;
    } else {
      out.push_back(token[i]);
    }
  }
  for (std::size_t at = 0; (at = out.find('~', at)) != std::string::npos; ++at) {
    if (out.compare(at, 2, "~1") == 0)
      out.replace(at, 2, "/");
    else if (out.compare(at, 2, "~0") == 0)
      out.replace(at, 2, "~");
  }
  return out;
}

}  // namespace

struct JsonSchema::Patterns {
  std::map<std::string, std::unique_ptr<RE2>, std::less<>> compiled;

  void add(std::string_view pattern) {
    if (compiled.size() >= kPatternsMax || compiled.contains(pattern)) return;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemory);
    auto made = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (made->ok()) compiled.emplace(pattern, std::move(made));
  }
  // Nothing: it cannot be judged.
  [[nodiscard]] std::optional<bool> finds(std::string_view pattern, std::string_view text) const {
    const auto at = compiled.find(pattern);
    if (at == compiled.end()) return std::nullopt;
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *at->second);
  }
};

// What the keywords of one object or array have looked at, for `unevaluated…`.
struct Seen {
  std::set<std::string_view> members;
  std::set<std::size_t> items;
  void add(const Seen& other) {
    members.insert(other.members.begin(), other.members.end());
    items.insert(other.items.begin(), other.items.end());
  }
};

class SchemaCheck {
 public:
  explicit SchemaCheck(const JsonSchema& schema) : schema_(schema) {}

  std::optional<SchemaFault> run(const Json& value) {
    Seen seen;
    if (check(value, schema_.root_, seen)) return std::nullopt;
    return fault_;
  }

 private:
  // False with the fault noted. A subschema of anyOf and the like may fail without harm: the last one stands.
  bool check(const Json& value, const Json& schema, Seen& seen) {
    if (out_of_budget()) return false;
    if (schema.is_bool()) return schema.as_bool() || wrong("is not allowed here");
    if (!schema.is_object()) return true;
    ++depth_;
    const bool good = check_references(value, schema, seen) && check_any(value, schema) &&
                      check_number(value, schema) && check_string(value, schema) &&
                      check_combined(value, schema, seen) && check_object(value, schema, seen) &&
                      check_array(value, schema, seen) && check_unevaluated(value, schema, seen);
    --depth_;
    return good;
  }

  bool out_of_budget() {
    if (++steps_ <= kSchemaStepsMax && depth_ < kSchemaDepthMax) return false;
    wrong("is too much work to check against this schema");
    return true;
  }

  bool wrong(std::string message) {
    fault_ = {.pointer = pointer_, .message = std::move(message)};
    return false;
  }

  // A subschema whose failure is no fault by itself.
  bool holds(const Json& value, const Json& schema, Seen& seen) {
    Seen own;
    const std::string place = pointer_;
    const bool good = check(value, schema, own);
    pointer_ = place;
    if (good) seen.add(own);
    return good;
  }

  // A subschema of the same value: it sees nothing of what its cousins looked at.
  bool check_apart(const Json& value, const Json& schema, Seen& seen) {
    Seen own;
    if (!check(value, schema, own)) return false;
    seen.add(own);
    return true;
  }

  bool at(const std::string& key, const Json& value, const Json& schema) {
    const std::size_t size = pointer_.size();
    pointer_ += "/" + text::escape_pointer(key);
    Seen own;
    const bool good = check(value, schema, own);
    pointer_.resize(size);
    return good;
  }

  bool check_references(const Json& value, const Json& schema, Seen& seen) {
    const std::string_view reference = schema.string_or("$ref");
    const Json* const target = reference.empty() ? nullptr : schema_.resolve(reference);
    return target == nullptr || check_apart(value, *target, seen);
  }

  bool check_any(const Json& value, const Json& schema) {
    if (const Json* const type = schema.find("type"); type != nullptr && !has_type(value, *type))
      return wrong("is not of type " + (type->is_string() ? type->as_string() : text::to_json(*type)));
    if (const Json* const allowed = schema.find("enum"); allowed != nullptr && allowed->is_array()) {
      if (std::ranges::find(allowed->as_array(), value) == allowed->as_array().end())
        return wrong("is none of " + shown(*allowed));
    }
    if (const Json* const only = schema.find("const"); only != nullptr && !(value == *only))
      return wrong("is not " + shown(*only));
    return true;
  }

  bool check_number(const Json& value, const Json& schema) {
    if (!value.is_number()) return true;
    const double number = value.as_double();
    const auto bound = [&](const char* key) -> const Json* {
      const Json* const found = schema.find(key);
      return found != nullptr && found->is_number() ? found : nullptr;
    };
    if (const Json* const least = bound("minimum"); least && number < least->as_double())
      return wrong("is less than " + shown(*least));
    if (const Json* const most = bound("maximum"); most && number > most->as_double())
      return wrong("is more than " + shown(*most));
    if (const Json* const least = bound("exclusiveMinimum"); least && number <= least->as_double())
      return wrong("is not more than " + shown(*least));
    if (const Json* const most = bound("exclusiveMaximum"); most && number >= most->as_double())
      return wrong("is not less than " + shown(*most));
    if (const Json* const of = bound("multipleOf"); of && !is_multiple(value, *of))
      return wrong("is no multiple of " + shown(*of));
    return true;
  }

  bool within(std::int64_t count, const Json& schema, const char* least, const char* most, const char* what) {
    const auto number = [&](const char* key, double otherwise) {
      const Json* const found = schema.find(key);
      return found != nullptr && found->is_number() ? found->as_double() : otherwise;
    };
    const auto size = static_cast<double>(count);
    if (size < number(least, 0))
      return wrong(std::string("has fewer ") + what + " than " + shown(*schema.find(least)));
    if (size > number(most, HUGE_VAL))
      return wrong(std::string("has more ") + what + " than " + shown(*schema.find(most)));
    return true;
  }

  bool check_string(const Json& value, const Json& schema) {
    if (!value.is_string()) return true;
    if (!within(length_of(value.as_string()), schema, "minLength", "maxLength", "characters")) return false;
    const std::string_view pattern = schema.string_or("pattern");
    if (!pattern.empty() && !schema_.patterns_->finds(pattern, value.as_string()).value_or(true))
      return wrong("does not match " + std::string(pattern.substr(0, kShownBytesMax)));
    return true;
  }

  static const JsonArray* list_at(const Json& schema, const char* key) {
    const Json* const found = schema.find(key);
    return found != nullptr && found->is_array() ? &found->as_array() : nullptr;
  }

  bool check_combined(const Json& value, const Json& schema, Seen& seen) {
    if (const JsonArray* const all = list_at(schema, "allOf")) {
      for (const Json& one : *all) {
        if (!check_apart(value, one, seen)) return false;
      }
    }
    return check_alternatives(value, schema, seen) && check_condition(value, schema, seen);
  }

  bool check_alternatives(const Json& value, const Json& schema, Seen& seen) {
    if (const JsonArray* const any = list_at(schema, "anyOf")) {
      std::size_t held = 0;
      for (const Json& one : *any)
        held += holds(value, one, seen) ? 1 : 0;  // all of them: each may see members
      if (held == 0) return combined_wrong(*any, "is none of the alternatives");
    }
    if (const JsonArray* const one_of = list_at(schema, "oneOf")) {
      std::size_t held = 0;
      for (const Json& one : *one_of) held += holds(value, one, seen) ? 1 : 0;
      if (held == 0) return combined_wrong(*one_of, "is none of the alternatives");
      if (held > 1) return wrong("is more than one of the alternatives");
    }
    return true;
  }

  bool check_condition(const Json& value, const Json& schema, Seen& seen) {
    if (const Json* const no = schema.find("not")) {
      Seen ignored;
      if (holds(value, *no, ignored))
        return steps_ > kSchemaStepsMax ? false : wrong("is what it may not be");
    }
    const Json* const condition = schema.find("if");
    if (condition == nullptr) return true;
    const Json* const then = schema.find(holds(value, *condition, seen) ? "then" : "else");
    return then == nullptr || check_apart(value, *then, seen);
  }

  // With one alternative its own fault says more.
  bool combined_wrong(const JsonArray& alternatives, const char* message) {
    if (steps_ > kSchemaStepsMax) return false;
    return alternatives.size() == 1 ? false : wrong(message);
  }

  bool check_object(const Json& value, const Json& schema, Seen& seen) {
    if (!value.is_object()) return true;
    const JsonObject& members = value.as_object();
    if (!within(static_cast<std::int64_t>(members.size()), schema, "minProperties", "maxProperties",
                "members"))
      return false;
    if (const Json* const required = schema.find("required"); required != nullptr && required->is_array()) {
      for (const Json& key : required->as_array()) {
        if (key.is_string() && value.find(key.as_string()) == nullptr) return missing(key.as_string());
      }
    }
    return check_dependent(value, schema, seen) && check_members(members, schema, seen);
  }

  bool missing(const std::string& key) {
    const std::size_t size = pointer_.size();
    pointer_ += "/" + text::escape_pointer(key);
    wrong("is missing");
    pointer_.resize(size);
    return false;
  }

  bool check_dependent(const Json& value, const Json& schema, Seen& seen) {
    for (const char* const keyword : {"dependentRequired", "dependentSchemas", "dependencies"}) {
      const Json* const dependents = schema.find(keyword);
      if (dependents == nullptr || !dependents->is_object()) continue;
      for (const auto& [key, wanted] : dependents->as_object()) {
        if (value.find(key) == nullptr) continue;
        if (!wanted.is_array()) {
          if (!check_apart(value, wanted, seen)) return false;
          continue;
        }
        for (const Json& other : wanted.as_array()) {
          if (other.is_string() && value.find(other.as_string()) == nullptr)
            return missing(other.as_string());
        }
      }
    }
    return true;
  }

  bool check_members(const JsonObject& members, const Json& schema, Seen& seen) {
    const Json* const named = schema.find("properties");
    const Json* const patterned = schema.find("patternProperties");
    const Json* const rest = schema.find("additionalProperties");
    const Json* const names = schema.find("propertyNames");
    for (const auto& [key, member] : members) {
      if (names != nullptr && !at(key, Json(key), *names)) return false;
      bool known = false;
      if (const Json* const own = named != nullptr ? named->find(key) : nullptr) {
        known = true;
        if (!at(key, member, *own)) return false;
      }
      if (patterned != nullptr && patterned->is_object()) {
        for (const auto& [pattern, own] : patterned->as_object()) {
          const auto found = schema_.patterns_->finds(pattern, key);
          if (!found) known = true;  // it may be meant: not judged
          if (!found.value_or(false)) continue;
          known = true;
          if (!at(key, member, own)) return false;
        }
      }
      if (!known && rest != nullptr) {
        known = true;
        if (!at(key, member, *rest)) return false;
      }
      if (known) seen.members.insert(key);
    }
    return true;
  }

  bool check_array(const Json& value, const Json& schema, Seen& seen) {
    if (!value.is_array()) return true;
    const JsonArray& items = value.as_array();
    if (!within(static_cast<std::int64_t>(items.size()), schema, "minItems", "maxItems", "items"))
      return false;
    if (schema.bool_or("uniqueItems", false)) {
      std::set<std::string> found;
      for (const Json& item : items) {
        if (out_of_budget()) return false;
        if (!found.insert(text::canonical_json(item)).second) return wrong("has equal items");
      }
    }
    const Json* first = schema.find("prefixItems");
    const Json* rest = schema.find("items");
    if (first == nullptr && rest != nullptr && rest->is_array()) {  // draft 7
      first = rest;
      rest = schema.find("additionalItems");
    }
    const std::size_t fixed = first != nullptr && first->is_array() ? first->as_array().size() : 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Json* const own = i < fixed ? &first->as_array()[i] : rest;
      if (own == nullptr) continue;
      if (!at(std::to_string(i), items[i], *own)) return false;
      seen.items.insert(i);
    }
    return check_contains(items, schema, seen);
  }

  bool check_contains(const JsonArray& items, const Json& schema, Seen& seen) {
    const Json* const wanted = schema.find("contains");
    if (wanted == nullptr) return true;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      Seen ignored;
      if (!holds(items[i], *wanted, ignored)) continue;
      ++count;
      seen.items.insert(i);
    }
    const Json* const least = schema.find("minContains");
    const double needed = least != nullptr && least->is_number() ? least->as_double() : 1;
    if (static_cast<double>(count) < needed) return wrong("has too few of the items it must contain");
    const Json* const most = schema.find("maxContains");
    if (most != nullptr && most->is_number() && static_cast<double>(count) > most->as_double())
      return wrong("has too many of the items it must contain");
    return true;
  }

  bool check_unevaluated(const Json& value, const Json& schema, Seen& seen) {
    if (schema.find("$dynamicRef") != nullptr) return true;  // what it would have looked at is not known
    if (const Json* const rest = schema.find("unevaluatedProperties"); rest != nullptr && value.is_object()) {
      for (const auto& [key, member] : value.as_object()) {
        if (seen.members.contains(key)) continue;
        if (!at(key, member, *rest)) return false;
        seen.members.insert(key);
      }
    }
    if (const Json* const rest = schema.find("unevaluatedItems"); rest != nullptr && value.is_array()) {
      for (std::size_t i = 0; i < value.as_array().size(); ++i) {
        if (seen.items.contains(i)) continue;
        if (!at(std::to_string(i), value.as_array()[i], *rest)) return false;
        seen.items.insert(i);
      }
    }
    return true;
  }

  const JsonSchema& schema_;
  std::string pointer_;
  SchemaFault fault_;
  std::size_t steps_ = 0;
  int depth_ = 0;
};

JsonSchema::JsonSchema(Json schema) : root_(std::move(schema)), patterns_(std::make_unique<Patterns>()) {
  collect(root_, 0);
}
JsonSchema::~JsonSchema() = default;

void JsonSchema::collect(const Json& schema, int depth) {
  if (depth > text::kDepthMax) return;
  if (schema.is_array()) {
    for (const Json& item : schema.as_array()) collect(item, depth + 1);
    return;
  }
  if (!schema.is_object()) return;
  if (const auto id = schema.string_or("$id"); !id.empty()) named_.try_emplace(std::string(id), &schema);
  for (const char* const key : {"$anchor", "$dynamicAnchor"}) {
    if (const auto name = schema.string_or(key); !name.empty())
      named_.try_emplace("#" + std::string(name), &schema);
  }
  if (const auto pattern = schema.string_or("pattern"); !pattern.empty()) patterns_->add(pattern);
  if (const Json* const patterned = schema.find("patternProperties"); patterned && patterned->is_object()) {
    for (const auto& [pattern, own] : patterned->as_object()) patterns_->add(pattern);
  }
  for (const auto& [key, value] : schema.as_object()) {
    if (key != "enum" && key != "const" && key != "default" && key != "examples") collect(value, depth + 1);
  }
}

const Json* JsonSchema::resolve(std::string_view reference) const {
  if (reference == "#") return &root_;
  if (const auto at = named_.find(reference); at != named_.end()) return at->second;
  const std::size_t hash = reference.find('#');
  const Json* at = &root_;
  if (hash != 0) {
    const auto base = named_.find(reference.substr(0, hash));
    if (base == named_.end()) return nullptr;
    at = base->second;
  }
  std::string_view rest = hash == std::string_view::npos ? std::string_view{} : reference.substr(hash + 1);
  if (!rest.empty() && rest.front() != '/') return nullptr;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string token = unescaped(rest.substr(0, end));
    rest.remove_prefix(end);
    if (at->is_array()) {
      std::size_t index = 0;
      for (const char c : token) {
        if (c < '0' || c > '9' || index > at->as_array().size()) return nullptr;
        index = index * 10 + static_cast<std::size_t>(c - '0');
      }
      at = !token.empty() && index < at->as_array().size() ? &at->as_array()[index] : nullptr;
    } else {
      at = at->find(token);
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<SchemaFault> JsonSchema::check(const Json& value) const {
  return SchemaCheck(*this).run(value);
}

}  // namespace rtt::drivers
