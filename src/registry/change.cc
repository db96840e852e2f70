// SPDX-License-Identifier: Apache-2.0
#include "registry/change.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rtt::registry {
namespace {

using text::Json;

constexpr std::size_t kShownBytesMax = 120;

class Comparison {
 public:
  void compare(const std::string& pointer, const Json& before, const Json& after, int depth) {
    if (before == after) return;
    if (depth < text::kDepthMax && before.is_object() && after.is_object()) {
      compare_objects(pointer, before.as_object(), after.as_object(), depth);
    } else if (depth < text::kDepthMax && before.is_array() && after.is_array()) {
      compare_arrays(pointer, before.as_array(), after.as_array(), depth);
    } else {
      list_.push_back({.pointer = pointer, .kind = ChangeKind::kChanged, .before = before, .after = after});
    }
  }
  std::vector<Change> take() { return std::move(list_); }

 private:
  void compare_objects(const std::string& pointer, const text::JsonObject& before,
                       const text::JsonObject& after, int depth) {
    auto old = before.begin();
    auto now = after.begin();
    while (old != before.end() || now != after.end()) {
      if (now == after.end() || (old != before.end() && old->first < now->first)) {
        removed(pointer + "/" + text::escape_pointer(old->first), old->second);
        ++old;
      } else if (old == before.end() || now->first < old->first) {
        added(pointer + "/" + text::escape_pointer(now->first), now->second);
        ++now;
      } else {
        compare(pointer + "/" + text::escape_pointer(old->first), old->second, now->second, depth + 1);
        ++old;
        ++now;
      }
    }
  }

  void compare_arrays(const std::string& pointer, const text::JsonArray& before, const text::JsonArray& after,
                      int depth) {
    const std::size_t shorter = std::min(before.size(), after.size());
    std::size_t head = 0;
    while (head < shorter && before[head] == after[head]) ++head;
    std::size_t tail = 0;
    while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
      ++tail;
    const std::size_t both = shorter - tail;
    for (std::size_t at = head; at < both; ++at) {
      compare(pointer + "/" + std::to_string(at), before[at], after[at], depth + 1);
    }
    for (std::size_t at = both; at < before.size() - tail; ++at) {
      removed(pointer + "/" + std::to_string(at), before[at]);
    }
    for (std::size_t at = both; at < after.size() - tail; ++at)
      added(pointer + "/" + std::to_string(at), after[at]);
  }

  void added(std::string pointer, const Json& value) {
    list_.push_back(
        {.pointer = std::move(pointer), .kind = ChangeKind::kAdded, .before = {}, .after = value});
  }
  void removed(std::string pointer, const Json& value) {
    list_.push_back(
        {.pointer = std::move(pointer), .kind = ChangeKind::kRemoved, .before = value, .after = {}});
  }

  std::vector<Change> list_;
};

std::string shown(const Json& value) {
  std::string text = text::to_json(value);
  if (text.size() <= kShownBytesMax) return text;
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;  // never half a character
  return text.substr(0, end) + "…";
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return "added";
    case ChangeKind::kRemoved:
      return "removed";
    case ChangeKind::kChanged:
      break;
  }
  return "changed";
}

std::vector<Change> changes(const Json& before, const Json& after) {
  Comparison comparison;
  comparison.compare({}, before, after, 0);
  return comparison.take();
}

std::string to_string(const Change& change) {
  const std::string_view place = change.pointer.empty() ? "/" : std::string_view(change.pointer);
  switch (change.kind) {
    case ChangeKind::kAdded:
      return fmt::format("added {}: {}", place, shown(change.after));
    case ChangeKind::kRemoved:
      return fmt::format("removed {}: {}", place, shown(change.before));
    case ChangeKind::kChanged:
      break;
  }
  return fmt::format("changed {}: {} -> {}", place, shown(change.before), shown(change.after));
}

Json to_json(const Change& change) {
  Json json = Json::object({{"pointer", change.pointer}, {"kind", to_string(change.kind)}});
  if (change.kind != ChangeKind::kAdded) json.set("before", change.before);
  if (change.kind != ChangeKind::kRemoved) json.set("after", change.after);
  return json;
}

}  // namespace rtt::registry
