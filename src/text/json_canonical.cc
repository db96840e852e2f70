// SPDX-License-Identifier: Apache-2.0
#include "text/json_canonical.h"

#include <algorithm>

#include "text/json_token.h"

namespace rtt::text {
namespace {

// RFC 8785 §3.2.3 compares keys as UTF-16 code units. That is the order of the UTF-8 bytes but in one case: a
// character above U+FFFF (lead byte F0–F4) is a surrogate pair in UTF-16 and so sorts before U+E000–U+FFFF
// (EE, EF).
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_a == a.end() || at_b == b.end()) return at_a == a.end() && at_b != b.end();
  const auto byte_a = static_cast<unsigned char>(*at_a);
  const auto byte_b = static_cast<unsigned char>(*at_b);
  const bool pair_a = byte_a >= 0xF0;
  const bool pair_b = byte_b >= 0xF0;
  if (pair_a != pair_b && byte_a >= 0xEE && byte_b >= 0xEE) return pair_a;
  return byte_a < byte_b;
}

void append(std::string& out, const Json& value);

void append_array(std::string& out, const JsonArray& items) {
  out += '[';
  for (const Json& item : items) {
    if (&item != &items.front()) out += ',';
    append(out, item);
  }
  out += ']';
}

void append_object(std::string& out, const JsonObject& members) {
  std::vector<const JsonObject::Entry*> ordered;
  ordered.reserve(members.size());
  for (const auto& entry : members) ordered.push_back(&entry);
  const auto less = [](const auto* a, const auto* b) { return utf16_less(a->first, b->first); };
  if (!std::is_sorted(ordered.begin(), ordered.end(), less)) std::sort(ordered.begin(), ordered.end(), less);
  out += '{';
  for (const auto* entry : ordered) {
    if (entry != ordered.front()) out += ',';
    append_json_string(out, entry->first);
    out += ':';
    append(out, entry->second);
  }
  out += '}';
}

void append(std::string& out, const Json& value) {
  switch (value.kind()) {
    case JsonKind::kNull:
      out += "null";
      return;
    case JsonKind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case JsonKind::kInt:
      append_json_number(out, value.as_int());
      return;
    case JsonKind::kDouble:
      append_json_number(out, value.as_double());
      return;
    case JsonKind::kString:
      append_json_string(out, value.as_string());
      return;
    case JsonKind::kArray:
      append_array(out, value.as_array());
      return;
    case JsonKind::kObject:
      append_object(out, value.as_object());
      return;
  }
}

}  // namespace

std::string canonical_json(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace rtt::text
