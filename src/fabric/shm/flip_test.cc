// SPDX-License-Identifier: Apache-2.0
// Goal: over any number of flips no frame is lost, doubled or out of order and nobody hangs, whatever the
// interleaving. Method: every interleaving of a producer, its consumers and the panel, one load or store a
// step, over a memory in which each end's stores wait in its store buffer (x86-TSO), with sleeping by
// compare-and-sleep and with ends that die. The decisions are those of flip.h. From every state that can be
// reached a good end must be reachable, so that a lost wake is found as well as a lost frame. The search is
// tested by bugs it must find.
#include "fabric/shm/flip.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/assert.h"

namespace rtt::fabric::shm {
namespace {

enum class Bug : std::uint8_t {
  kNone,
  kJumpsToNewest,
  kMovesOnWhenEmpty,
  kUngatedSwap,
  kNoLookAfterCommit,
  kNoMembarrier,
  kWaitsOnOwnWord,
  kStartsFromZero,
};

struct Scenario {
  int frames = 2;
  int rings = 3;      // flips + 1
  bool swap = false;  // rings from 2 on belong to another consumer
  bool consumer_may_die = false, producer_may_die = false;
};

constexpr int kRings = 3, kSlots = 6, kBuffer = 4;

// Wait word: 0 open, 1 closing, kAsleepWord + position, kClosedWord + position.
constexpr std::uint8_t kClosingWord = 1, kAsleepWord = 32, kClosedWord = 64;
// Slot: frame id << 4 | payload; payload 0 is FIN.
constexpr std::uint8_t frame(int id, int payload) { return static_cast<std::uint8_t>(id << 4 | payload); }

enum class ProducerAt : std::uint8_t { kLoadEpoch, kLoadWord, kSend, kSendFin, kAfterSend, kAfterFin, kDone };
enum class ConsumerAt : std::uint8_t {
  kGate,
  kPoll,
  kLoadEpoch,
  kFence,
  kSleepFence,
  kSleepCheck,
  kFutex,
  kAsleep,
  kDone,
};

struct Store {
  std::uint8_t address = 0, value = 0;
};
struct Buffer {
  std::uint8_t size = 0;
  std::array<Store, kBuffer> stores{};
};

// Addresses: 0 epoch; then per ring its word and its slots.
constexpr int word_at(int ring) { return 1 + (ring - 1) * (kSlots + 1); }
constexpr int slot_at(int ring, int position) { return word_at(ring) + 1 + position; }
constexpr int kWords = 1 + kRings * (kSlots + 1);

struct Consumer {
  ConsumerAt at = ConsumerAt::kPoll;
  std::uint8_t ring = 1, position = 0, expected = 1, epoch_seen = 1;
  bool closing = false, alive = true;
  Buffer buffer;
};
struct State {
  std::array<std::uint8_t, kWords> memory{};
  ProducerAt producer = ProducerAt::kLoadEpoch;
  std::uint8_t ring = 1, position = 0, id = 1, payload = 1, epoch_seen = 1, ring_first_id = 1;
  bool producer_alive = true, fin_sent = false;
  Buffer buffer;
  std::array<Consumer, 2> consumers{};
  std::uint8_t taken = 0;                             // the last payload consumed
  std::uint8_t abandoned = 0;                         // the last payload that went down with its consumer
  std::uint8_t epoch_woken = 1;                       // the panel has woken sleepers for this epoch
  bool consumer_dead = false, producer_dead = false;  // what the panel says
};
static_assert(std::has_unique_object_representations_v<State>);

class Search {
 public:
  Search(Scenario scenario, Bug bug) : scenario_(scenario), bug_(bug) {}

  // Empty: no violation.
  std::string run() {
    State first;
    first.memory[0] = 1;
    first.consumers[1].at = scenario_.swap ? ConsumerAt::kGate : ConsumerAt::kDone;
    first.consumers[1].ring = 2;
    reach(first);
    for (std::size_t i = 0; i < states_.size() && violation_.empty(); ++i) {
      now_ = static_cast<std::uint32_t>(i);
      const State state = states_[i];
      step_panel(state);
      step_producer(state);
      for (std::size_t who = 0; who < 2; ++who) step_consumer(state, who);
      step_buffers(state);
      step_deaths(state);
    }
    return violation_.empty() ? hang() : violation_;
  }
  [[nodiscard]] std::size_t states() const { return states_.size(); }

 private:
  void reach(const State& state) {
    const std::string key(reinterpret_cast<const char*>(&state), sizeof state);
    const auto [at, added] = number_.emplace(key, static_cast<std::uint32_t>(states_.size()));
    if (added) {
      states_.push_back(state);
      before_.emplace_back();
    }
    before_[at->second].push_back(now_);
  }

  [[nodiscard]] bool good(const State& state) const {
    const bool producer_over = !state.producer_alive || state.producer == ProducerAt::kDone;
    if (!producer_over || state.buffer.size > 0) return false;
    if (state.producer_alive) {
      // Everything is taken, or lies in the ring of a consumer that died with it.
      return state.taken == scenario_.frames || (!state.consumers[0].alive && all_with_the_dead(state));
    }
    return state.consumers[0].at == ConsumerAt::kDone;
  }
  [[nodiscard]] bool all_with_the_dead(const State& state) const {
    return (state.ring == 1 && state.consumer_dead) || state.abandoned == scenario_.frames;
  }

  // A state from which no good end can be reached.
  std::string hang() {
    std::vector<bool> fine(states_.size(), false);
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      if (!good(states_[i])) continue;
      fine[i] = true;
      open.push_back(i);
    }
    if (open.empty()) return "no run ends well";
    while (!open.empty()) {
      const std::uint32_t at = open.back();
      open.pop_back();
      for (const std::uint32_t from : before_[at]) {
        if (fine[from]) continue;
        fine[from] = true;
        open.push_back(from);
      }
    }
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      if (!fine[i]) {
        const State& s = states_[i];
        return "hang or loss: producer sent to ring " + std::to_string(s.ring) + ", " +
               std::to_string(s.taken) + " frames taken, consumer at " +
               std::to_string(static_cast<int>(s.consumers[0].at)) + " of ring " +
               std::to_string(s.consumers[0].ring);
      }
    }
    return {};
  }

  // ---- memory ----

  static std::uint8_t load(const State& state, const Buffer& own, int address) {
    for (int i = own.size - 1; i >= 0; --i) {
      if (own.stores[static_cast<std::size_t>(i)].address == address)
        return own.stores[static_cast<std::size_t>(i)].value;
    }
    return state.memory[static_cast<std::size_t>(address)];
  }
  // False: the buffer is full, the step has to wait.
  static bool store(Buffer& own, int address, int value) {
    if (own.size == kBuffer) return false;
    own.stores[own.size++] = {static_cast<std::uint8_t>(address), static_cast<std::uint8_t>(value)};
    return true;
  }
  static void retire_one(State& state, Buffer& buffer) {
    state.memory[buffer.stores[0].address] = buffer.stores[0].value;
    for (std::size_t i = 1; i < buffer.size; ++i) buffer.stores[i - 1] = buffer.stores[i];
    buffer.stores[--buffer.size] = {};
  }
  static void drain(State& state, Buffer& buffer) {
    while (buffer.size > 0) retire_one(state, buffer);
  }
  void step_buffers(const State& state) {
    if (state.buffer.size > 0) {
      State next = state;
      retire_one(next, next.buffer);
      reach(next);
    }
    for (std::size_t who = 0; who < 2; ++who) {
      if (state.consumers[who].buffer.size == 0) continue;
      State next = state;
      retire_one(next, next.consumers[who].buffer);
      reach(next);
    }
  }

  // ---- the panel ----

  void step_panel(const State& state) {
    if (state.memory[0] < scenario_.rings) {
      State next = state;
      ++next.memory[0];
      reach(next);
    }
    if (state.epoch_woken != state.memory[0]) {
      State next = state;
      next.epoch_woken = next.memory[0];
      if (bug_ != Bug::kWaitsOnOwnWord) {
        for (Consumer& each : next.consumers) awake(each);
      }
      reach(next);
    }
  }
  static void awake(Consumer& consumer) {
    if (consumer.at != ConsumerAt::kAsleep) return;
    RTT_ASSERT(store(consumer.buffer, word_at(consumer.ring), 0));
    consumer.at = ConsumerAt::kPoll;
  }
  void step_deaths(const State& state) {
    if (scenario_.consumer_may_die && state.consumers[0].alive && state.consumers[0].ring == 1) {
      State next = state;
      drain(next, next.consumers[0].buffer);
      next.consumers[0].alive = false;
      next.consumers[0].at = ConsumerAt::kDone;
      reach(next);
    }
    if (!state.consumers[0].alive && !state.consumer_dead) {
      State next = state;
      next.consumer_dead = true;
      reach(next);
    }
    if (scenario_.producer_may_die && state.producer_alive) {
      State next = state;
      drain(next, next.buffer);
      next.producer_alive = false;
      reach(next);
    }
    if (!state.producer_alive && !state.producer_dead) {
      State next = state;
      next.producer_dead = true;
      for (Consumer& each : next.consumers) awake(each);  // it tells them on the control page
      reach(next);
    }
  }

  // ---- the producer ----

  void step_producer(const State& state) {
    if (!state.producer_alive) return;
    State next = state;
    const std::uint8_t word = load(state, state.buffer, word_at(state.ring));
    switch (state.producer) {
      case ProducerAt::kLoadEpoch:
        next.epoch_seen = load(state, state.buffer, 0);
        next.producer = ProducerAt::kLoadWord;
        break;
      case ProducerAt::kLoadWord:
        decide(next, word);
        break;
      case ProducerAt::kSend:
      case ProducerAt::kSendFin: {
        const bool fin = state.producer == ProducerAt::kSendFin;
        const int value = frame(state.id, fin ? 0 : state.payload);
        RTT_ASSERT(state.position < kSlots && state.id < 16);
        if (!store(next.buffer, slot_at(state.ring, state.position), value)) return;
        ++next.position;
        ++next.id;
        if (!fin) ++next.payload;
        next.fin_sent = fin;
        next.producer = fin ? ProducerAt::kAfterFin : ProducerAt::kAfterSend;
        break;
      }
      case ProducerAt::kAfterSend:
      case ProducerAt::kAfterFin:
        after_commit(next, word);
        break;
      case ProducerAt::kDone:
        return;
    }
    reach(next);
  }
  void decide(State& state, std::uint8_t word) {
    state.producer = ProducerAt::kLoadEpoch;
    switch (producer_move({.epoch_moved = moved_on(state.epoch_seen, state.ring),
                           .fin_sent = state.fin_sent,
                           .closing = word == kClosingWord || word >= kClosedWord,
                           .closed = word >= kClosedWord,
                           .consumer_dead = state.ring == 1 && state.consumer_dead})) {
      case ProducerMove::kSend:
        state.producer = state.payload > scenario_.frames ? ProducerAt::kDone : ProducerAt::kSend;
        break;
      case ProducerMove::kFin:
        state.producer = ProducerAt::kSendFin;
        break;
      case ProducerMove::kAwaitCut:
        break;
      case ProducerMove::kFollowCut: {
        // Going back to the frame at the cut is what carrying the frames from there on comes to.
        const int cut = word - kClosedWord;
        const int carried = state.position - cut - (state.fin_sent && cut < state.position ? 1 : 0);
        state.id = static_cast<std::uint8_t>(state.ring_first_id + cut);
        state.payload = static_cast<std::uint8_t>(state.payload - carried);
        enter_next(state);
        break;
      }
      case ProducerMove::kAbandon:
        state.abandoned = static_cast<std::uint8_t>(state.payload - 1);
        enter_next(state);
        break;
    }
  }
  void enter_next(State& state) {
    if (state.ring == scenario_.rings) violation_ = "the producer follows a cut out of the newest ring";
    state.ring = static_cast<std::uint8_t>(ring_after(state.ring));
    state.position = 0;
    if (bug_ == Bug::kStartsFromZero) state.id = 1;
    state.ring_first_id = state.id;
    state.fin_sent = false;
  }
  void after_commit(State& state, std::uint8_t word) {
    const bool fin = state.producer == ProducerAt::kAfterFin;
    const bool over = state.payload > scenario_.frames;
    state.producer = ProducerAt::kLoadEpoch;
    if (bug_ != Bug::kNoLookAfterCommit && (word == kClosingWord || word >= kClosedWord)) return;
    if (word == kAsleepWord + state.position - 1) {
      drain(state, state.buffer);  // the wake is a system call
      for (Consumer& each : state.consumers) {
        if (each.ring == state.ring) awake(each);
      }
    }
    if (fin) {
      enter_next(state);
    } else if (over) {
      state.producer = ProducerAt::kDone;
    }
  }

  // ---- a consumer ----

  void step_consumer(const State& state, std::size_t who) {
    const Consumer& now = state.consumers[who];
    State next = state;
    Consumer& mine = next.consumers[who];
    switch (now.at) {
      case ConsumerAt::kGate: {
        const std::uint8_t word = load(state, now.buffer, word_at(1));
        const bool open = bug_ == Bug::kUngatedSwap
                              ? state.memory[0] > 1
                              : gate_open({.closed = word >= kClosedWord, .owner_dead = state.consumer_dead});
        if (!open) return;
        mine.at = ConsumerAt::kPoll;
        mine.expected = 0;  // learned from the first frame
        break;
      }
      case ConsumerAt::kPoll:
        take(next, mine, who);
        break;
      case ConsumerAt::kLoadEpoch:
        on_empty(next, who);
        return;
      case ConsumerAt::kFence:
      case ConsumerAt::kSleepFence:
        if (bug_ != Bug::kNoMembarrier) {
          drain(next, mine.buffer);
          drain(next, next.buffer);
        }
        mine.at = now.at == ConsumerAt::kFence ? ConsumerAt::kPoll : ConsumerAt::kSleepCheck;
        break;
      case ConsumerAt::kSleepCheck:
        if (load(state, now.buffer, slot_at(now.ring, now.position)) != 0) {
          if (!store(mine.buffer, word_at(now.ring), 0)) return;
          mine.at = ConsumerAt::kPoll;
        } else {
          mine.at = ConsumerAt::kFutex;
        }
        break;
      case ConsumerAt::kFutex: {
        // The kernel compares what is in memory with what was seen, and sleeps, in one step.
        const bool same = state.memory[static_cast<std::size_t>(slot_at(now.ring, now.position))] == 0 &&
                          state.memory[0] == now.epoch_seen && !state.producer_dead;
        drain(next, mine.buffer);  // a system call orders everything
        if (same || bug_ == Bug::kWaitsOnOwnWord) {
          mine.at = ConsumerAt::kAsleep;
        } else {
          if (!store(mine.buffer, word_at(now.ring), 0)) return;
          mine.at = ConsumerAt::kPoll;
        }
        break;
      }
      case ConsumerAt::kAsleep:
      case ConsumerAt::kDone:
        return;
    }
    reach(next);
  }
  void take(State& state, Consumer& mine, std::size_t who) {
    const std::uint8_t value = load(state, mine.buffer, slot_at(mine.ring, mine.position));
    if (value == 0) {
      if (mine.closing) {
        leave(state, mine, who);
      } else {
        mine.at = ConsumerAt::kLoadEpoch;
      }
      return;
    }
    const int id = value >> 4, payload = value & 15;
    if (mine.expected != 0 && id != mine.expected) {
      violation_ = "frame " + std::to_string(id) + " where " + std::to_string(mine.expected) + " was due";
      return;
    }
    mine.expected = static_cast<std::uint8_t>(id + 1);
    ++mine.position;
    if (payload == 0) {
      leave(state, mine, who);
      return;
    }
    const bool in_order = scenario_.consumer_may_die ? payload > state.taken : payload == state.taken + 1;
    if (!in_order)
      violation_ = "payload " + std::to_string(payload) + " after " + std::to_string(state.taken);
    state.taken = static_cast<std::uint8_t>(payload);
  }
  // CLOSED(position), and on to the next ring.
  void leave(State& state, Consumer& mine, std::size_t who) {
    if (mine.buffer.size == kBuffer) drain(state, mine.buffer);
    (void)store(mine.buffer, word_at(mine.ring), kClosedWord + mine.position);
    mine.closing = false;
    const bool ends = (scenario_.swap && who == 0) || mine.ring == scenario_.rings || state.producer_dead;
    if (ends) {
      mine.at = ConsumerAt::kDone;
      return;
    }
    mine.ring = static_cast<std::uint8_t>(bug_ == Bug::kJumpsToNewest
                                              ? std::max<std::uint32_t>(mine.ring + 1U, mine.epoch_seen)
                                              : ring_after(mine.ring));
    mine.position = 0;
    mine.at = ConsumerAt::kPoll;
  }
  void on_empty(const State& state, std::size_t who) {
    const Consumer& now = state.consumers[who];
    const std::uint8_t epoch = load(state, now.buffer, 0);
    for (const std::int64_t empty_ns : {std::int64_t{0}, kEmptyNs}) {
      State next = state;
      Consumer& mine = next.consumers[who];
      mine.epoch_seen = epoch;
      mine.at = ConsumerAt::kPoll;
      if (consumer_move({.epoch_moved = moved_on(epoch, now.ring),
                         .producer = state.producer_dead ? Peer::kDead : Peer::kSame,
                         .empty_ns = empty_ns}) == ConsumerMove::kBeginCut) {
        if (bug_ == Bug::kMovesOnWhenEmpty) {
          leave(next, mine, who);
          next.consumers[who].buffer = now.buffer;  // without a cut
        } else {
          if (!store(mine.buffer, word_at(now.ring), kClosingWord)) continue;
          mine.closing = true;
          mine.at = ConsumerAt::kFence;
        }
      } else if (empty_ns != 0 && !moved_on(epoch, now.ring)) {  // long enough without a flip: sleep
        if (!store(mine.buffer, word_at(now.ring), kAsleepWord + now.position)) continue;
        mine.at = ConsumerAt::kSleepFence;
      }
      reach(next);
    }
  }

  Scenario scenario_;
  Bug bug_;
  std::vector<State> states_;
  std::vector<std::vector<std::uint32_t>> before_;
  std::unordered_map<std::string, std::uint32_t> number_;
  std::uint32_t now_ = 0;
  std::string violation_;
};

void expect_fine(const Scenario& scenario) {
  Search search(scenario, Bug::kNone);
  EXPECT_EQ(search.run(), "") << search.states() << " states";
}

TEST(Flip, two_flips_lose_double_and_reorder_nothing) { expect_fine({}); }
TEST(Flip, another_consumer_takes_over_in_order) { expect_fine({.frames = 3, .rings = 2, .swap = true}); }
TEST(Flip, a_consumer_that_dies_costs_only_what_was_in_its_ring) {
  expect_fine({.rings = 2, .swap = true, .consumer_may_die = true});
}
TEST(Flip, a_producer_that_dies_leaves_nobody_waiting) {
  expect_fine({.frames = 2, .rings = 2, .producer_may_die = true});
}

class SeededFlipBug : public testing::TestWithParam<int> {};

TEST_P(SeededFlipBug, is_found) {
  const auto bug = static_cast<Bug>(GetParam());
  Scenario scenario;
  if (bug == Bug::kUngatedSwap) scenario = {.rings = 2, .swap = true};
  Search search(scenario, bug);
  EXPECT_NE(search.run(), "") << search.states() << " states and saw nothing";
}
INSTANTIATE_TEST_SUITE_P(All, SeededFlipBug, testing::Range(1, 8));

}  // namespace
}  // namespace rtt::fabric::shm
