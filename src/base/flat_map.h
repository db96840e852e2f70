// SPDX-License-Identifier: Apache-2.0
// FlatMap: a sorted vector of (key, value). Iteration order is key order, so whatever is hashed or printed
// from it does not depend on insertion order; std::unordered_map is banned in pure code for that reason.
//
// Owns: its entries.   Thread: one writer or many readers.   Limits: the caller's.
//
// Fails: never.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace rtt {

template <typename Key, typename Value>
class FlatMap {
 public:
  using Entry = std::pair<Key, Value>;

  FlatMap() = default;
  FlatMap(std::initializer_list<Entry> entries) {
    for (const auto& entry : entries) set(entry.first, entry.second);
  }

  template <typename K>
  [[nodiscard]] const Value* find(const K& key) const {
    auto at = lower_bound(entries_, key);
    return at != entries_.end() && at->first == key ? &at->second : nullptr;
  }
  template <typename K>
  [[nodiscard]] Value* find(const K& key) {
    auto at = lower_bound(entries_, key);
    return at != entries_.end() && at->first == key ? &at->second : nullptr;
  }
  template <typename K>
  [[nodiscard]] bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  void reserve(std::size_t entries) { entries_.reserve(entries); }
  // Inserts or replaces; the returned reference is valid until the next change.
  Value& set(Key key, Value value) {
    if (entries_.empty() || entries_.back().first < key) {  // ascending insertion is the common case
      return entries_.emplace_back(std::move(key), std::move(value)).second;
    }
    auto at = lower_bound(entries_, key);
    if (at != entries_.end() && at->first == key) {
      at->second = std::move(value);
      return at->second;
    }
    return entries_.emplace(at, std::move(key), std::move(value))->second;
  }
  Value& operator[](const Key& key) {
    if (Value* found = find(key)) return *found;
    return set(key, Value{});
  }
  template <typename K>
  bool erase(const K& key) {
    auto at = lower_bound(entries_, key);
    if (at == entries_.end() || !(at->first == key)) return false;
    entries_.erase(at);
    return true;
  }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }

  // Written out: a defaulted one would ask for a complete Value where the class is only named (as in Json).
  friend bool operator==(const FlatMap& a, const FlatMap& b) { return a.entries_ == b.entries_; }

 private:
  template <typename Entries, typename K>
  static auto lower_bound(Entries& entries, const K& key) {
    return std::lower_bound(entries.begin(), entries.end(), key,
                            [](const Entry& entry, const K& wanted) { return entry.first < wanted; });
  }
  std::vector<Entry> entries_;
};

}  // namespace rtt
