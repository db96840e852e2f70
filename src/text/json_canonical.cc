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

// Calls use(member) in canonical order. Stored order is that of the bytes, which is nearly always the same.
template <typename Use>
void in_order(const JsonObject& members, Use use) {
  const auto less = [](const auto& a, const auto& b) { return utf16_less(a.first, b.first); };
  if (std::is_sorted(members.begin(), members.end(), less)) {
    for (const auto& member : members) use(member);
    return;
  }
  std::vector<const JsonObject::Entry*> ordered;
  ordered.reserve(members.size());
  for (const auto& member : members) ordered.push_back(&member);
  std::ranges::sort(ordered, [&](const auto* a, const auto* b) { return less(*a, *b); });
  for (const auto* member : ordered) use(*member);
}

void append_member(std::string& out, const JsonObject::Entry& member) {
  if (out.back() != '{') out += ',';
  append_json_string(out, member.first);
  out += ':';
  append(out, member.second);
}

void append_object(std::string& out, const JsonObject& members) {
  out += '{';
  in_order(members, [&](const auto& member) { append_member(out, member); });
  out += '}';
}

// Near to the bytes of the text, so that it seldom has to move while it grows.
std::size_t about_bytes(const Json& value) {
  constexpr std::size_t kScalar = 8, kAround = 4;
  std::size_t bytes = kScalar;
  if (value.is_string()) return value.as_string().size() + kAround;
  if (value.is_array()) {
    for (const Json& item : value.as_array()) bytes += about_bytes(item);
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.as_object()) bytes += key.size() + kAround + about_bytes(member);
  }
  return bytes;
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
  out.reserve(about_bytes(value));
  append(out, value);
  return out;
}

CanonicalWithGap canonical_json_with_gap(const Json& object, std::string_view key) {
  CanonicalWithGap written;
  std::string& out = written.text;
  out.reserve(about_bytes(object));
  out += '{';
  in_order(object.as_object(), [&](const auto& member) {
    if (member.first == key) return;
    const std::size_t at = out.size() + (out.size() > 1 ? 1 : 0);
    append_member(out, member);
    if (written.gap_at == 0 && utf16_less(key, member.first)) written.gap_at = at;
  });
  if (written.gap_at == 0) written.gap_at = out.size();
  out += '}';
  return written;
}

}  // namespace rtt::text
