// SPDX-License-Identifier: Apache-2.0
// Solve: the exact and unique optimum of a few choices that constrain each other.
//
// The cost of a set of choices is one integer: (wishes left open, latency, churn, rank, hash weight), most
// significant first, packed into 126 bits, so one comparison is lexicographic and sums never round. Two
// different sets of equal cost would need 48-bit weights that collide; the first in canonical order would
// then win, so the result is a function of the input all the same. A component of one choice is its own
// minimum; larger ones are searched depth first, cut where the cost so far plus every remaining choice's own
// minimum cannot beat the best known.
//
// Components come from constraints.h. A joint capacity (processor, memory, links of a node) makes components
// that are too large for this search; they need the bounded engine, which takes the same Component and
// returns the same Solution with a gap. Until a constraint of that kind exists there is nothing for it to do.
//
// Thread: any (pure).   Units: latency in nanoseconds.   Fails: kPlanTooLarge.
// Limits: kComponentRoutesMax choices a component, kSearchStepsMax options looked at (never wall time).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace rtt::plan {

inline constexpr std::size_t kComponentRoutesMax = 64;
inline constexpr std::uint64_t kSearchStepsMax = 4'000'000;
inline constexpr std::int64_t kLatencyNsMax =
    (std::int64_t{1} << 30) - 1;  // of one route; larger counts as this

__extension__ using Wide = __int128;

// Layout, high to low: 8 bits open, 36 latency, 8 churn, 20 rank, 54 weight: each wide enough for the sum
// over kComponentRoutesMax choices, so no field ever carries into the next.
struct Cost {
  Wide value = 0;
  friend constexpr auto operator<=>(const Cost&, const Cost&) = default;
  friend constexpr Cost operator+(Cost a, Cost b) { return {a.value + b.value}; }
};

struct Option {
  std::int64_t latency_ns = 0;
  std::uint32_t churn = 0;     // 0: the base graph has this very route, 1: it has not
  std::uint32_t rank = 0;      // place in the candidates' canonical order
  std::uint64_t weight = 0;    // 48 bits of a hash of (wish, candidate)
  std::uint64_t provider = 0;  // two options with one provider lead to one route
  std::uint32_t link = 0;      // 0: may fan out; else two options of one link must name one provider
};
Cost cost_of(const Option& option);
Cost cost_of_open();  // a wish that may stay open, left open

struct Choice {
  std::vector<Option> options;
  bool may_stay_open = false;
};
using Component = std::vector<Choice>;

struct Solution {
  std::vector<std::optional<std::size_t>> chosen;  // per choice: its option; nothing: left open
  Cost cost;
};
// Whether both may be part of one solution.
[[nodiscard]] bool compatible(const Option& a, const Option& b);
// Nothing: no set of choices satisfies everybody.
Result<std::optional<Solution>> solve_exact(const Component& component);

}  // namespace rtt::plan
