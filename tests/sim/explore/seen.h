// SPDX-License-Identifier: Apache-2.0
// Seen: the states a depth-first search has met, as 128-bit fingerprints, each open (on the present path) or
// closed.
//
// A state is told apart by its fingerprint alone: among 10^8 states two share one with a chance below 10^-21.
//
// Owns: 16 bytes a slot, at most two thirds full.   Thread: one.   Fails: never.   Limits: memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace rtt::explore {

struct Fingerprint {
  std::uint64_t a = 0, b = 0;  // a's lowest bit is not part of it, and a is never 0
};

inline std::uint64_t fold_product(std::uint64_t x, std::uint64_t y) {
  const auto product = static_cast<unsigned __int128>(x) * y;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

// REQUIRES: a multiple of 4 bytes.
inline Fingerprint fingerprint(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kA = 0x9E3779B97F4A7C15, kB = 0xD1B54A32D192ED03, kC = 0x8CB92BA72F3D8DD7;
  std::uint64_t a = kA, b = kB;
  std::size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    std::uint64_t x = 0, y = 0;
    std::memcpy(&x, bytes.data() + at, 8);
    std::memcpy(&y, bytes.data() + at + 8, 8);
    a = fold_product(a ^ x, kB ^ y);
    b = fold_product(b + y, kC + x) + a;
  }
  for (; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t x = 0;
    std::memcpy(&x, bytes.data() + at, 4);
    a = fold_product(a ^ x, kB);
    b = fold_product(b + x, kC) + a;
  }
  return {.a = fold_product(a, kC) | 2U, .b = fold_product(b ^ a, kA)};
}

class Seen {
 public:
  enum class Found : std::uint8_t { kNew, kOpen, kClosed };
  Seen() : slots_(std::size_t{1} << 16U) {}

  Found open(Fingerprint key) {  // kNew: it is open now
    if (count_ * 3 > slots_.size() * 2) grow();
    Fingerprint& slot = find(slots_, key);
    if (slot.a != 0) return (slot.a & 1U) != 0 ? Found::kOpen : Found::kClosed;
    slot = {.a = key.a | 1U, .b = key.b};
    ++count_;
    return Found::kNew;
  }
  void expect(Fingerprint key) const { __builtin_prefetch(&slots_[key.b & (slots_.size() - 1)]); }
  void close(Fingerprint key) { find(slots_, key).a &= ~std::uint64_t{1}; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  static Fingerprint& find(std::vector<Fingerprint>& slots, Fingerprint key) {
    const std::size_t mask = slots.size() - 1;
    for (std::size_t at = key.b & mask;; at = (at + 1) & mask) {
      Fingerprint& slot = slots[at];
      if (slot.a == 0 || (slot.b == key.b && (slot.a | 1U) == (key.a | 1U))) return slot;
    }
  }
  void grow() {
    std::vector<Fingerprint> larger(slots_.size() * 4);
    for (const Fingerprint& slot : slots_) {
      if (slot.a != 0) find(larger, slot) = slot;
    }
    slots_ = std::move(larger);
  }
  std::vector<Fingerprint> slots_;
  std::size_t count_ = 0;
};

}  // namespace rtt::explore
