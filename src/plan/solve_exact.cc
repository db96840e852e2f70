// SPDX-License-Identifier: Apache-2.0
#include "plan/solve_exact.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::plan {
namespace {

constexpr int kWeightBits = 54, kRankBits = 20, kChurnBits = 8, kLatencyBits = 36;
constexpr std::uint64_t kWeightMask = (std::uint64_t{1} << 48) - 1;

Wide pack(std::int64_t open, std::int64_t latency_ns, std::uint32_t churn, std::uint32_t rank,
          std::uint64_t weight) {
  Wide value = open;
  value = (value << kLatencyBits) + latency_ns;
  value = (value << kChurnBits) + churn;
  value = (value << kRankBits) + rank;
  return (value << kWeightBits) + static_cast<Wide>(weight);
}

class Search {
 public:
  explicit Search(const Component& component) : component_(component), rest_(component.size() + 1) {
    // rest_[i]: what the choices from i on cost at least, each on its own.
    for (std::size_t i = component.size(); i-- > 0;) {
      std::optional<Cost> least;
      if (component[i].may_stay_open) least = cost_of_open();
      for (const Option& option : component[i].options) {
        const Cost cost = cost_of(option);
        if (!least || cost < *least) least = cost;
      }
      if (!least) impossible_ = true;
      rest_[i] = rest_[i + 1] + least.value_or(Cost{});
    }
    path_.resize(component.size());
  }

  Result<std::optional<Solution>> run() {
    if (impossible_) return std::nullopt;
    descend(0, {});
    if (steps_ > kSearchStepsMax) {
      return fail(Code::kPlanTooLarge, "the wishes of one consumer for one symbol need more than " +
                                           std::to_string(kSearchStepsMax) + " steps to settle");
    }
    return best_;
  }

 private:
  // Depth is at most kComponentRoutesMax.
  void descend(std::size_t place, Cost so_far) {
    if (best_ && so_far + rest_[place] >= best_->cost) return;
    if (place == component_.size()) {
      best_ = Solution{.chosen = path_, .cost = so_far};
      return;
    }
    const Choice& choice = component_[place];
    for (std::size_t i = 0; i < choice.options.size(); ++i) {
      if (++steps_ > kSearchStepsMax) return;
      if (!fits(place, choice.options[i])) continue;
      path_[place] = i;
      descend(place + 1, so_far + cost_of(choice.options[i]));
    }
    if (choice.may_stay_open) {
      path_[place] = std::nullopt;
      descend(place + 1, so_far + cost_of_open());
    }
  }

  bool fits(std::size_t place, const Option& option) const {
    for (std::size_t before = 0; before < place; ++before) {
      if (!path_[before]) continue;
      if (!compatible(component_[before].options[*path_[before]], option)) return false;
    }
    return true;
  }

  const Component& component_;
  std::vector<Cost> rest_;
  std::vector<std::optional<std::size_t>> path_;
  std::optional<Solution> best_;
  std::uint64_t steps_ = 0;
  bool impossible_ = false;
};

}  // namespace

Cost cost_of(const Option& option) {
  RTT_ASSERT(option.latency_ns >= 0 && option.churn <= 1 && option.rank < (1U << 14));
  return {pack(0, std::min(option.latency_ns, kLatencyNsMax), option.churn, option.rank,
               option.weight & kWeightMask)};
}

Cost cost_of_open() { return {pack(1, 0, 0, 0, 0)}; }

bool compatible(const Option& a, const Option& b) {
  return a.link == 0 || a.link != b.link || a.provider == b.provider;
}

Result<std::optional<Solution>> solve_exact(const Component& component) {
  if (component.size() > kComponentRoutesMax) {
    return fail(Code::kPlanTooLarge, std::to_string(component.size()) +
                                         " wishes of one consumer for one symbol depend on each other, " +
                                         std::to_string(kComponentRoutesMax) + " is the limit");
  }
  return Search(component).run();
}

}  // namespace rtt::plan
