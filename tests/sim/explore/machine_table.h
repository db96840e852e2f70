// SPDX-License-Identifier: Apache-2.0
// MachineTable: the real TwoPhase machine as a graph of numbered states, built as it is walked.
//
// The machine is pure: what a step does depends on its state and the event alone. So each pair of both is
// given to the real code once, and its outcome is looked up wherever the pair comes again: a search meets a
// few thousand pairs, millions of times. That the machine is as pure as this needs is not believed: one
// look-up in kRecheckEvery is computed anew and compared, and two machines that describe themselves alike
// have to be equal.
//
// Owns: every state the machine was seen in.   Thread: one.   Fails: never; asserts.
// Limits: 2^32 states, 255 rounds, timers and shares.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "apply/two_phase.h"
#include "laws.h"
#include "scenario.h"

namespace rtt::explore {

inline constexpr std::uint32_t kRecheckEvery = 8192;
inline constexpr std::uint32_t kRoundsMax = 64;  // rounds, timers or writes: a run of more has no end

enum class Happens : std::uint8_t {
  kStart,
  kPrepareDone,
  kNack,
  kDurable,
  kJournalFailed,
  kFilesWritten,
  kFilesFailed,
  kFlipDone,
  kVerifyOk,
  kVerifyFailed,
  kTimeout,
  kLost,
};
struct Event {  // an apply::Event made small
  Happens what = Happens::kStart;
  std::uint8_t party = 0;
  std::uint8_t number = 0;  // round, timer, write or seq
  std::uint8_t detail = 0;  // Written, or the share that is refused
  [[nodiscard]] std::uint32_t code() const {
    return static_cast<std::uint32_t>(what) | std::uint32_t{party} << 8U | std::uint32_t{number} << 16U |
           std::uint32_t{detail} << 24U;
  }
};

enum class Asks : std::uint8_t { kAppend, kWriteFiles, kPrepare, kFlip, kAbort, kVerify, kTimer, kAnswer };
struct Act {  // an apply::Action made small
  Asks what = Asks::kAppend;
  std::uint8_t party = 0;
  std::uint8_t number = 0;    // round, timer or write; of an answer: its seq
  std::uint8_t share = 0;     // of a Prepare
  std::uint8_t to_new = 0;    // of a Flip, of files, of an answer: 1 new, 0 old, 2 neither
  std::uint8_t settled = 0;   // of an answer
  std::uint8_t detached = 0;  // of an answer: a bit a party
  std::uint8_t reasoned = 0;  // of an answer
  std::uint16_t record = 0;   // of an append: in records()
  friend bool operator==(const Act&, const Act&) = default;
};
struct Outcome {
  std::uint32_t next = 0;
  bool endless = false;  // beyond kRoundsMax
  std::vector<Act> acts;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct RecordKind {
  apply::Written what = apply::Written::kPrepare;
  journal::RecordType type = journal::RecordType::kPrepare;
  text::Json payload;
};

class MachineTable {
 public:
  explicit MachineTable(const apply::Start& start);
  [[nodiscard]] std::uint32_t first() const { return 0; }
  const Outcome& step(std::uint32_t machine, const Event& event);
  [[nodiscard]] const apply::TwoPhase& machine(std::uint32_t number) const { return nodes_[number].machine; }
  [[nodiscard]] apply::Phase phase(std::uint32_t number) const { return machine(number).phase(); }
  [[nodiscard]] const std::vector<RecordKind>& records() const { return records_; }
  // The routes of a share as bits by id; views are bit 0.
  [[nodiscard]] std::uint32_t share(std::uint8_t number) const { return shares_[number]; }
  [[nodiscard]] std::size_t steps() const { return steps_; }  // that the real code took
  [[nodiscard]] std::size_t states() const { return nodes_.size(); }

 private:
  struct Known {
    std::uint32_t code = 0, outcome = 0;
  };
  struct Node {
    apply::TwoPhase machine;
    std::vector<Known> known;
  };
  Outcome compute(std::uint32_t machine, const Event& event);
  [[nodiscard]] apply::Event full(const Event& event) const;
  Act small(const apply::Action& action);
  [[nodiscard]] std::uint8_t party(const std::string& name) const;
  std::uint32_t intern(apply::TwoPhase machine);
  std::uint16_t record(const apply::AppendJournal& append);
  std::uint8_t share_number(const apply::Prepare& prepare);

  const apply::Start& start_;
  model::Graph target_;
  Digest old_root_, new_root_;
  std::vector<Node> nodes_;
  std::deque<Outcome> outcomes_;  // whose elements stay where they are
  std::unordered_map<std::string, std::uint32_t> by_text_;
  std::vector<RecordKind> records_;
  std::vector<std::uint32_t> shares_;
  std::size_t steps_ = 0;
  std::uint32_t lookups_ = 0;
};

}  // namespace rtt::explore
