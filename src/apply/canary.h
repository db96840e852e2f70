// SPDX-License-Identifier: Apache-2.0
// Canary: a part of a plan first, and the rest only when the part has proven itself, as a step machine
// without clock, file or socket.
//
//     wiring ──► watching ──► promoting ──► done
//        │ no       │ worse than the rest, silent, lost, cancelled
//        ▼          ▼             │ no
//       done ◄── going back ◄─────┘
//
// The part is wired by a plan of its own through TwoPhase like any other; then its calls are compared with
// those of the routes it did not touch, every kCanaryLook, from the figures that both ends of each lane count
// anyway. Errors decide at once, for a bad part should not live for the whole window; latency decides when it
// was worse at two looks running, each at calls of its own: what stalls a machine once is in one of them. At
// the end of the window the part has to have been used, unless it may stay unused: of what nobody called
// nothing is known, and what is not known is not promoted. Whatever the rest does, a route that its contract
// gives a latency budget has to keep it, so a part may be the whole plan: then the window verifies it, and
// the rest that is promoted is empty but for views. Either way back
// leads through the inverse plan, which is tried kBackTries times; if even that is refused the part stays and
// the answer says so. Whoever kills the panel meanwhile finds the part taken back by the next one
// (recover.h): nobody had watched it to the end.
//
// The shell performs the returned actions in order and feeds back what happened. Events that are late or
// meant for another phase are ignored. One machine carries one plan.
//
// Owns: nothing.   Thread: the panel's loop.   Units: nanoseconds, parts per million.   Fails: never; a
// failure is an Answer with its reason.   Limits: kCanaryWindowMin to kCanaryWindowMax.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/plan.h"

namespace rtt::apply {

inline constexpr Nanos kCanaryLook = nanos_from_ms(250);
inline constexpr Nanos kCanaryWindowMin = nanos_from_ms(1'000);
inline constexpr Nanos kCanaryWindowMax = nanos_from_ms(240'000);  // who asked waits for it
inline constexpr std::uint64_t kJudgedCallsMin = 20;               // a p99 of fewer calls says nothing
inline constexpr std::uint64_t kJudgedErrorsMin = 3;               // that any program may make
inline constexpr std::uint64_t kErrorsMorePpm = 10'000;    // than the rest, and at least twice as many
inline constexpr std::uint64_t kLatencyTimes = 2;          // the rest's p99, and more by kLatencySlackNs
inline constexpr std::uint64_t kLatencySlackNs = 500'000;  // what a busy machine does to an honest lane
inline constexpr int kBackTries = 3;

// The percentile, in parts per million, of `calls` records that lies under their true p99 with near
// certainty: the share of records below the p99 is binomial, so 0.99 less four of its standard deviations
// sqrt(0.99 * 0.01 / calls). 100 calls: p95; 10,000: p98.6.   REQUIRES: calls > 0.
[[nodiscard]] std::uint32_t p99_at_least_ppm(std::uint64_t calls);

struct CanaryLatency {
  std::uint64_t calls = 0;
  std::uint64_t p99_ns = 0;
  // What the true p99 is above with near certainty (4 sigma): a p99 of 100 calls is the slowest of them, and
  // one stall of a busy machine makes it.
  std::uint64_t p99_at_least_ns = 0;
  friend bool operator==(const CanaryLatency&, const CanaryLatency&) = default;
};
// What some routes did since the watch began; lanes that ended are in it.
struct CanaryFigures {
  std::uint64_t asked = 0, answered = 0;
  std::uint64_t errors = 0;  // answered with an error, lost, or too late
  std::uint64_t p99_ns = 0;
  CanaryLatency fresh{};  // of calls since the last look at which both sides had enough of them
  friend bool operator==(const CanaryFigures&, const CanaryFigures&) = default;
};

// ---- events ----
enum class Unused : std::uint8_t { kGoesBack, kStays };
struct CanaryStart {
  Nanos window;
  Unused unused = Unused::kGoesBack;  // a part that nobody called in its window
};
enum class CanaryPart : std::uint8_t { kPart, kRest, kBack };
struct CanarySettled {  // the transition of this part ended
  CanaryPart part = CanaryPart::kPart;
  enum class Outcome : std::uint8_t { kDone, kRefused, kInDoubt } outcome = Outcome::kDone;
  Error reason{};  // unless it is done
};
struct CanarySample {
  CanaryFigures part, rest;
  // Whether the fresh calls of both are enough for a judgement; then the next look's are others.
  [[nodiscard]] bool compares() const {
    return part.fresh.calls >= kJudgedCallsMin && rest.fresh.calls >= kJudgedCallsMin;
  }
  struct Budget {
    int over = 0;         // judged looks running, each at calls of its own
    std::string words{};  // which route, and how slow
  } budget{};             // of the route of the part that is slower than its contract says for longest
};
struct CanaryLost {  // somebody who serves the part ended
  std::string reason;
};
struct CanaryCancelled {
  std::string reason;
};
using CanaryEvent = std::variant<CanaryStart, CanarySettled, CanarySample, CanaryLost, CanaryCancelled>;

// ---- actions ----
struct CanaryApply {  // answer: CanarySettled of this part
  CanaryPart part = CanaryPart::kPart;
  std::string reason;  // for the journal
};
struct CanaryLookAt {  // answer: CanarySample, at that time or later
  Instant at;
};
struct CanaryAnswer {
  enum class State : std::uint8_t {
    kPromoted,
    kRolledBack,
    kStays,    // promotion and way back were refused: the part is in force
    kInDoubt,  // the journal failed: recovery decides
  } state = State::kPromoted;
  Error reason{};  // unless it was promoted
};
using CanaryAction = std::variant<CanaryApply, CanaryLookAt, CanaryAnswer>;

class Canary {
 public:
  enum class Phase : std::uint8_t { kIdle, kWiring, kWatching, kPromoting, kGoingBack, kDone };

  // REQUIRES: CanaryStart exactly once, as the first event, its window within the limits.
  std::vector<CanaryAction> step(const CanaryEvent& event, Instant now);
  [[nodiscard]] Phase phase() const { return phase_; }
  friend bool operator==(const Canary&, const Canary&) = default;

 private:
  using Actions = std::vector<CanaryAction>;
  Actions on(const CanaryStart& event, Instant now);
  Actions on(const CanarySettled& event, Instant now);
  Actions on(const CanarySample& event, Instant now);
  Actions on(const CanaryLost& event, Instant now);
  Actions on(const CanaryCancelled& event, Instant now);
  Actions go_back(Error reason);
  Actions answer(CanaryAnswer::State state);

  Phase phase_ = Phase::kIdle;
  Nanos window_;
  Unused unused_ = Unused::kGoesBack;
  Instant end_;
  int slow_looks_ = 0, back_tries_ = 0;
  bool looked_again_ = false;  // behind the window's end, for the last look was slow
  Error slow_;                 // what the last of them saw
  Error reason_;
};

// The part of `plan` that is wired first, and what then remains of it; the rest's base is the part's result.
struct CanarySplit {
  model::Plan part, rest;
  std::size_t routes = 0, of = 0;  // changed routes in the part, and in all
};
// Routes are chosen by a hash of their address and the plan's id: about `percent` of those that are added, at
// least one, always the same ones; below 100 one is left at least. A deletion goes with the addition that
// takes its place, or its id, and takes along what takes its own place; one that nothing replaces comes with
// the rest, but at 100 percent nothing waits but views. kBadArgument: nothing is added, fewer than two routes
// where some are to wait, or all of them hang together.
Result<CanarySplit> canary_split(const model::Plan& plan, const model::Graph& base, int percent);

}  // namespace rtt::apply
