// SPDX-License-Identifier: Apache-2.0
// TestRandom: the same numbers on every machine for one seed (splitmix64). For tests only.
//
// Thread: one.   Fails: never.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace rtt::model {

class TestRandom {
 public:
  explicit TestRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  std::string_view pick(std::initializer_list<std::string_view> choices) {
    return choices.begin()[below(choices.size())];
  }
  std::string from_bytes(std::string_view alphabet, std::size_t length) {
    std::string out;
    while (out.size() < length) out.push_back(alphabet[below(alphabet.size())]);
    return out;
  }

 private:
  std::uint64_t state_;
};

}  // namespace rtt::model
