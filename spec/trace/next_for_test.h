// SPDX-License-Identifier: Apache-2.0
// Next: the Next relation of spec/tla in C++, one function an action and one an event, under the same names,
// so that what the explorer did with the real code can be held against the spec step by step.
//
// It is written to be compared with the TLA+ line by line, not to be fast. Graphs, batches and rounds are
// small numbers as there; a set of participants is a set of bits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace rtt::spec {

inline constexpr int kNone = -1, kMixed = -2, kEmpty = 0;

enum class Phase : std::uint8_t {
  kIdle,
  kRecording,
  kFiling,
  kPreparing,
  kCommitting,
  kFlipping,
  kVerifying,
  kUnfiling,
  kAborting,
  kBackRecording,
  kBackFiling,
  kBackPreparing,
  kBackCommitting,
  kBackFlipping
};
enum class Type : std::uint8_t { kPrepare, kCommit, kAbort, kRollback, kTorn };
enum class Life : std::uint8_t { kUp, kStopped, kDown, kRecovering };
enum class Said : std::uint8_t { kNothing, kCommitted, kRolledBack, kUnchanged, kStale, kInDoubt };
enum class Kind : std::uint8_t { kPrepare, kRestore, kFlip, kDrop, kPrepared, kFlipped, kNack, kLost };
enum class Fault : std::uint8_t {  // and what users do: the fields of Budget
  kEdits,
  kPlans,
  kNacks,
  kDeaths,
  kLosses,
  kDoubles,
  kVerifies,
  kJournals,
  kFiles,
  kCrashes
};
inline constexpr std::size_t kFaultCount = 10;
using Left = std::array<int, kFaultCount>;

struct Record {
  Type type = Type::kPrepare;
  int from = kNone, to = kNone;
};
struct News {
  Type type = Type::kPrepare;
  int seq = 0;
  bool ok = true;
};
struct Letter {
  Kind kind = Kind::kPrepare;
  int round = 0, what = kNone;
};
struct Party {
  bool alive = true;
  int carries = kEmpty;
  unsigned up = 0;  // batches
  std::vector<Letter> inbox, outbox;
};
struct Told {
  Said state = Said::kNothing;
  int graph = kNone, seq = 0;
};
struct Machine {
  Phase phase = Phase::kIdle;
  int round = 0, first = 0, batch = 1, base = kEmpty, target = kEmpty, seq = 0;
  unsigned asked = 0, lost = 0, owing = 0, silent = 0, detached = 0;
  bool timer = false, checking = false;
  Told answer;
};
struct State {
  int tree = 1, snapshot = 0, plan_base = kNone, plan_target = kNone;
  std::vector<Record> disk, queue;
  std::vector<News> news;
  bool broken = false;
  Life panel = Life::kUp;
  Machine m;
  std::vector<Party> who;
  int files = kEmpty;
  std::vector<int> writes;
  Left left{};
  bool refused = false;
  Told acked{.graph = kEmpty};
};
// Every variable of the spec, in one line; equal texts are equal states.
std::string text(const State& state);

struct Constants {
  int parties = 2;
  std::vector<unsigned> forward, back;  // who is asked, batch by batch
  bool accepts = false;
};

struct Folded {
  int graph = kEmpty, seq = 0;
  bool prepare = false;
  int back = kNone;
};
Folded fold(const std::vector<Record>& disk);
std::vector<Record> repairs(const Folded& folded);

struct Successor {
  std::string action;  // as in Apply.tla, with its argument
  State state;
};
// Every state that Next allows after this one.
std::vector<Successor> next(const Constants& constants, const State& state);

State init(const Constants& constants, const Left& budget);

// Whether these lines are a behaviour of the spec from `first` on: the texts of states, one a line; a line
// may repeat the one before. Empty, or which line is wrong and from which state.
std::string refusal(const Constants& constants, const State& first, const std::vector<std::string>& lines);

}  // namespace rtt::spec
