// SPDX-License-Identifier: Apache-2.0
#include "chaos/schedule.h"

namespace rtt::chaos {
namespace {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  // 0 … below − 1
  std::int64_t below(std::int64_t bound) {
    state_ = mixed(state_);
    return static_cast<std::int64_t>(state_ % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_;
};

void kills(const Case& one, Chance& chance, std::vector<Step>& out) {
  const std::int64_t end = one.start_ms + one.dur_ms;
  if (one.every_ms == 0) {
    out.push_back({one.start_ms + chance.below(one.dur_ms), Act::kKill, 0});
    return;
  }
  // Half a period around each beat, so that they do not fall into step with what comes back.
  for (std::int64_t at = one.start_ms; at < end && out.size() < kChaosStepsMax; at += one.every_ms)
    out.push_back({at + chance.below(one.every_ms / 2 + 1), Act::kKill, 0});
}

// Still for latency_ms, then awake for as long as a few frames take.
void naps(const Case& one, Chance& chance, std::vector<Step>& out) {
  constexpr std::int64_t kAwakeMsMax = 20;
  const std::int64_t end = one.start_ms + one.dur_ms;
  for (std::int64_t at = one.start_ms; at < end && out.size() + 2 <= kChaosStepsMax;) {
    out.push_back({at, Act::kStop, 0});
    out.push_back({at + one.latency_ms, Act::kContinue, 0});
    at += one.latency_ms + 1 + chance.below(kAwakeMsMax);
  }
}

}  // namespace

std::uint64_t mixed(std::uint64_t seed) {
  seed += 0x9e3779b97f4a7c15U;
  seed = (seed ^ (seed >> 30U)) * 0xbf58476d1ce4e5b9U;
  seed = (seed ^ (seed >> 27U)) * 0x94d049bb133111ebU;
  return seed ^ (seed >> 31U);
}

std::string_view to_string(Act act) {
  switch (act) {
    case Act::kKill:
      return "kill";
    case Act::kStop:
      return "stop";
    case Act::kContinue:
      return "continue";
    case Act::kScribble:
      return "scribble";
    case Act::kWithdraw:
      return "withdraw";
    case Act::kShift:
      return "shift clock";
    case Act::kFill:
      return "fill";
    case Act::kFree:
      return "free";
  }
  return {};
}

std::vector<Step> schedule(const Case& one, std::uint64_t seed) {
  std::vector<Step> out;
  Chance chance(seed);
  const std::int64_t end = one.start_ms + one.dur_ms;
  switch (one.action) {
    case Action::kKill:
      kills(one, chance, out);
      break;
    case Action::kStop:
      out = {{one.start_ms + chance.below(one.start_ms / 4 + 1), Act::kStop, 0}, {end, Act::kContinue, 0}};
      if (out[0].at_ms >= end) out[0].at_ms = one.start_ms;
      break;
    case Action::kSleep:
      naps(one, chance, out);
      break;
    case Action::kCorrupt:
      out = {{one.start_ms, Act::kScribble, static_cast<std::int64_t>(mixed(seed) >> 11U)},
             {end, Act::kWithdraw, 0}};
      break;
    case Action::kClock: {
      const std::int64_t back = one.start_ms + one.dur_ms / 3 + chance.below(one.dur_ms / 3 + 1);
      out = {
          {one.start_ms, Act::kShift, one.jump_ms}, {back, Act::kShift, -one.jump_ms}, {end, Act::kShift, 0}};
      break;
    }
    case Action::kFull:
      out = {{one.start_ms, Act::kFill, 0}, {end, Act::kFree, 0}};
      break;
  }
  return out;
}

}  // namespace rtt::chaos
