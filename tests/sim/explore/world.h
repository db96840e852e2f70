// SPDX-License-Identifier: Apache-2.0
// World: everything around the machine — the parties, the messages under way, the journal, the files, the
// timer — as one small value, and every step that can come next.
//
// As hostile as the budgets allow: a party answers, refuses, dies; a message or an answer is lost or comes
// twice; the journal writes late, fails, or fails after having written; files are half written; a timer fires
// at any time; the panel may be killed in every state (DiskTable judges what that leaves). Messages to one
// party keep their order, as on a stream; everything else interleaves freely.
//
// Owns: nothing; the tables are the caller's.   Thread: one.   Fails: never; a law that falls is in the
// state. Limits: kQueueMax messages each way and party.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "disk_table.h"
#include "machine_table.h"
#include "scenario.h"

namespace rtt::explore {

inline constexpr std::size_t kQueueMax = 6;

struct Letter {  // to a party, or back
  enum class Kind : std::uint8_t { kNone, kPrepare, kFlip, kAbort, kPrepareDone, kNack, kFlipDone, kLost };
  Kind kind = Kind::kNone;
  std::uint8_t round = 0;
  std::uint8_t share = 0;  // +1, of a Prepare and of the Nack to it
  enum : std::uint8_t { kToNew = 1, kAgain = 2 };
  std::uint8_t marks = 0;  // of a Flip; of what was doubled, which nobody refuses after having obeyed
  [[nodiscard]] bool to_new() const { return (marks & kToNew) != 0; }
};

struct Party {
  std::array<Letter, kQueueMax> inbox, outbox;
  std::uint32_t built = 0;  // lanes that do not carry yet, as bits
  std::uint8_t alive = 1, on_new = 0;
  std::uint8_t in = 0, out = 0;  // letters in the queues
};

struct State {
  std::uint32_t machine = 0, disk = 0;
  std::array<std::uint16_t, 2> pending{};  // records handed to the journal, +1
  struct News {
    std::uint8_t there = 0, what = 0, seq = 0, ok = 0;
  };
  std::array<News, 2> news{};
  struct Write {
    std::uint8_t number = 0, to_new = 0;
  };
  std::array<Write, 2> writes{};
  std::uint8_t timer = 0, verifying = 0;
  enum class Files : std::uint8_t { kOld, kNew, kHalf } files = Files::kOld;
  std::uint8_t journal_broken = 0, files_broken = 0;
  std::uint8_t refused = 0;    // somebody said no, or is gone, while the machine could hear it
  std::uint8_t disturbed = 0;  // something was not as it should be, or a timer fired
  std::uint8_t lossy = 0;      // a message was lost
  std::uint8_t answered = 0;
  std::uint8_t settled = 0, answer_seq = 0, answer_side = 0, detached = 0, reasoned = 0;
  Law broken = Law::kHolds;
  Faults left;
  std::uint8_t verified = 0;
  std::array<std::uint8_t, 1> unused{};  // named, so that every byte is part of the value
  std::array<Party, kPartiesMax> parties;
};
static_assert(std::has_unique_object_representations_v<State>, "states are told apart by their bytes");

struct Step {
  enum class Kind : std::uint8_t {
    kStart,
    kAnswerArrives,
    kAnswerDoubled,
    kDies,
    kMessageLost,
    kMessageDoubled,
    kRefuses,
    kObeys,
    kJournalReports,
    kJournalWrites,
    kJournalRefuses,
    kJournalFails,
    kJournalFailsAfter,
    kVerified,
    kVerifyFails,
    kTimer,
    kFilesWritten,
    kFilesHalf,
  };
  Kind kind = Kind::kStart;
  std::uint8_t party = 0;
  Letter letter{};
};
struct Next {
  State state;
  Step step;
};

class World {
 public:
  World(const Scenario& scenario, MachineTable& machines, DiskTable& disks);
  [[nodiscard]] State first();
  // Appends every state that can come next; returns whether one of them needs no fault.
  bool expand(const State& state, std::vector<Next>& out);
  // The same of a state with an answer, where only what is on its way to the disk can still change anything:
  // of the rest, what the machine wrongly answers to; it must not even notice, so the order does not matter.
  void expand_answered(const State& state, std::vector<Next>& out);
  [[nodiscard]] Law judge(const State& state) const;
  [[nodiscard]] std::string words(const Step& step) const;
  // The bytes in which states differ: parties that are not there are left out.
  [[nodiscard]] std::size_t bytes() const { return sizeof(State) - (kPartiesMax - parties_) * sizeof(Party); }

 private:
  void feed(State& state, const Event& event);
  void perform(State& state, const Act& act);
  void perform_append(State& state, const Act& act);
  void send(State& state, std::uint8_t party, const Letter& letter);
  bool expand_party(const State& state, std::uint8_t party, std::vector<Next>& out);
  void expand_message(const State& state, std::uint8_t party, std::vector<Next>& out);
  bool expand_journal(const State& state, std::vector<Next>& out);
  bool expand_files(const State& state, std::vector<Next>& out);
  bool expand_rest(const State& state, std::vector<Next>& out);
  void write(State& state);
  [[nodiscard]] Law judge_answer(const State& state) const;

  const Scenario& scenario_;
  MachineTable& machines_;
  DiskTable& disks_;
  std::uint8_t parties_;
  std::uint32_t views_ = 0;  // who shows them, a bit a party: told in this process, so nothing gets lost
  std::array<std::uint32_t, kPartiesMax> needed_{};  // what must be built before COMMIT
};

}  // namespace rtt::explore
