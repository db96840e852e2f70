// SPDX-License-Identifier: Apache-2.0
// A route direction over its rings: order and ids across flips, the cut, carrying, gates, a restarted panel;
// then threads under full load through thousands of flips. RTT_SOAK_FLIPS asks for more flips (make soak).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "fabric/shm/chain_pair_for_test.h"

namespace rtt::fabric::shm {
namespace {

TEST(Chain, a_flip_ends_the_ring_with_fin_and_ids_go_on) {
  ChainPair pair;
  for (const std::uint64_t value : {1U, 2U, 3U}) send(pair.producer, value);
  pair.prepare(2);
  pair.control.flip(2);
  send(pair.producer, 4);
  EXPECT_EQ(pair.producer.number(), 2U);
  for (const std::uint32_t id : {1U, 2U, 3U}) EXPECT_EQ(take(pair.consumer), frame(id, id));
  EXPECT_EQ(take(pair.consumer), frame(4, 5));  // FIN took 4
  EXPECT_EQ(pair.consumer.number(), 2U);
}

// Its FIN takes an id in between, so whoever waits for replies must not guess it beforehand.
TEST(Chain, a_message_pushed_across_a_flip_says_under_which_id_it_went) {
  ChainPair pair;
  send(pair.producer, 1);
  pair.prepare(2);
  pair.control.flip(2);
  const std::uint64_t value = 2;
  Outgoing message{.payload = view_of(value)};
  ASSERT_EQ(pair.producer.push(message), ChainSent::kDone);
  EXPECT_EQ(message.frame_id, 3U);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  EXPECT_EQ(take(pair.consumer), frame(2, message.frame_id));
}

TEST(Chain, rings_are_left_one_at_a_time_even_if_the_epoch_ran_ahead) {
  ChainPair pair;
  send(pair.producer, 1);
  for (const std::uint32_t number : {2U, 3U, 4U}) {
    pair.prepare(number);
    pair.control.flip(number);
  }
  send(pair.producer, 2);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  EXPECT_EQ(take(pair.consumer), frame(2, 5));  // three FINs between them
}

// It writes into the old ring for ever, as fast as it is read: the reader notices, and says so.
TEST(Chain, an_idle_producer_does_not_hold_the_flip_up) {
  ChainPair pair;
  send(pair.producer, 1);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  pair.prepare(2);
  pair.control.flip(2);
  settle_on(pair.consumer, 2);
  send(pair.producer, 2);
  EXPECT_EQ(take(pair.consumer), frame(2, 2));  // closed before FIN: no id is spent on it
}

TEST(Chain, what_lies_behind_the_cut_is_carried_with_its_ids) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  ChainProducer producer(view_of(control), std::move(one.producer));
  RingConsumer first(one.consumer.options,
                     {.lane = one.consumer.lane.bytes(), .index = one.consumer.index.writable()});
  const Bytes large(1000, std::byte{9});
  send(producer, 1);
  send(producer, 2);
  ASSERT_EQ(producer.send(kCongestion, large), ChainSent::kDone);
  ASSERT_EQ(first.poll(), Poll::kFrame);
  first.release();
  first.begin_close();
  first.finish_close();  // 2 and the large one lie behind
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  control.flip(2);
  ASSERT_EQ(producer.follow(), ChainSent::kDone);
  EXPECT_FALSE(producer.pending());
  two.consumer.options.frame_id_first = 2;
  ChainConsumer second(view_of(control), std::move(two.consumer));
  EXPECT_EQ(take(second), frame(2, 2));
  ASSERT_EQ(second.poll(), ChainPoll::kFrame);
  EXPECT_EQ(second.header().frame_id, 3U);
  EXPECT_EQ(second.header().flags & kCongestion, kCongestion);
  EXPECT_EQ(Bytes(second.payload().begin(), second.payload().end()), large);
}

TEST(Chain, carrying_waits_for_room_and_keeps_the_order_over_a_third_ring) {
  ControlPage control = make_control();
  const RingSize small{.slots = limits::kRingSlotsMin, .arena_bytes = 64U << 10};
  const RingSize wide{.slots = limits::kRingSlotsMin * 4, .arena_bytes = 64U << 10};
  RingEnds one = make_ring(1, wide), two = make_ring(2, small), three = make_ring(3, wide);
  ChainProducer producer(view_of(control), std::move(one.producer));
  RingConsumer first(one.consumer.options,
                     {.lane = one.consumer.lane.bytes(), .index = one.consumer.index.writable()});
  const std::uint64_t count = small.slots * 2;
  for (std::uint64_t value = 1; value <= count; ++value) send(producer, value);
  first.begin_close();
  first.finish_close();
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  control.flip(2);
  EXPECT_EQ(producer.follow(), ChainSent::kFull);
  EXPECT_TRUE(producer.pending());
  EXPECT_GT(producer.carrying(), 0U);
  // The second ring is closed in the middle of it: what it holds comes before what was not carried yet.
  RingConsumer second(two.consumer.options,
                      {.lane = two.consumer.lane.bytes(), .index = two.consumer.index.writable()});
  second.begin_close();
  second.finish_close();
  ASSERT_TRUE(producer.add(std::move(three.producer)));
  control.flip(3);
  ASSERT_EQ(producer.follow(), ChainSent::kDone);
  ChainConsumer last(view_of(control), std::move(three.consumer));
  for (std::uint64_t value = 1; value <= count; ++value) {
    ASSERT_EQ(take(last), frame(value, static_cast<std::uint32_t>(value)));
  }
}

TEST(Chain, another_consumer_starts_when_the_old_one_has_passed_its_cut) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  two.consumer.gate = os::map_shared_memory(one.index.get(), kIndexBytes).value();
  ChainProducer producer(view_of(control), std::move(one.producer));
  ChainConsumer before(view_of(control), std::move(one.consumer));
  ChainConsumer after(view_of(control), std::move(two.consumer));
  send(producer, 1);
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  control.flip(2);
  send(producer, 2);
  EXPECT_EQ(take(after).poll, ChainPoll::kEmpty);
  EXPECT_TRUE(after.gated());
  EXPECT_EQ(take(before), frame(1, 1));
  EXPECT_EQ(take(after).poll, ChainPoll::kEmpty);
  EXPECT_EQ(take(before).poll, ChainPoll::kLeft);
  EXPECT_EQ(take(after), frame(2, 3));
}

TEST(Chain, a_restarted_panel_flips_whoever_took_its_page_and_the_others_keep_their_ring) {
  ChainPair pair;
  ControlPage restarted = make_control(2, 1);
  ControlPage older = make_control(0, 1);
  EXPECT_FALSE(pair.producer.adopt(view_of(older, 0)));
  EXPECT_TRUE(pair.producer.adopt(view_of(pair.control)));  // again
  ASSERT_TRUE(pair.producer.adopt(view_of(restarted, 2)));
  send(pair.producer, 1);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  ASSERT_TRUE(pair.consumer.adopt(view_of(restarted, 2)));
  pair.prepare(2);
  restarted.flip(2);
  send(pair.producer, 2);
  EXPECT_EQ(take(pair.consumer), frame(2, 3));
  EXPECT_EQ(pair.consumer.number(), 2U);
}

// A reader that closes its ring, waits through two flips and then says that it has taken nothing: what it is
// given back goes on in order, in a ring that the epoch has left as well.
TEST(Chain, a_flip_waits_for_the_end_of_a_message) {
  const RingSize small{.slots = limits::kRingSlotsMin, .arena_bytes = 32U << 10};
  ChainPair pair(small);
  const Bytes payload(100'000, std::byte{3});
  Outgoing out{.payload = payload};
  ASSERT_EQ(pair.producer.push(out), ChainSent::kFull);
  pair.prepare(2, small);
  pair.control.flip(2);
  Bytes buffer(payload.size());
  Incoming in{.into = buffer};
  const Instant end = patience();
  ChainPulled pulled = ChainPulled::kEmpty;
  while (pulled == ChainPulled::kEmpty && os::now() < end) {
    pulled = pair.consumer.pull(in);
    if (out.sent < payload.size()) {
      (void)pair.producer.push(out);
      EXPECT_EQ(pair.producer.number(), 1U);
    }
  }
  EXPECT_EQ(pulled, ChainPulled::kMessage);
  EXPECT_EQ(buffer, payload);
  send(pair.producer, 7);
  EXPECT_EQ(pair.producer.number(), 2U);
  EXPECT_EQ(take(pair.consumer).value, 7U);
}

TEST(Chain, no_ring_is_cut_inside_a_message) {
  ChainPair pair;
  const std::uint64_t value = 1;
  ASSERT_EQ(pair.producer.send(kMore, view_of(value)), ChainSent::kDone);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  pair.prepare(2);
  pair.control.flip(2);
  const Instant end = os::now() + Nanos{kEmptyNs * 4};
  while (os::now() < end) ASSERT_EQ(take(pair.consumer).poll, ChainPoll::kEmpty);
  EXPECT_EQ(pair.consumer.number(), 1U);
  send(pair.producer, 2);  // the last fragment
  send(pair.producer, 3);
  EXPECT_EQ(pair.producer.number(), 2U);
  EXPECT_EQ(take(pair.consumer), frame(2, 2));
  EXPECT_EQ(take(pair.consumer), frame(3, 4));
}

TEST(Chain, a_producer_goes_on_in_the_ring_whose_closing_is_taken_back) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1);
  ChainProducer producer(view_of(control), std::move(one.producer));
  RingConsumer consumer(one.consumer.options,
                        {.lane = one.consumer.lane.bytes(), .index = one.consumer.index.writable()});
  send(producer, 1);
  consumer.begin_close();
  const std::uint64_t value = 2;
  EXPECT_EQ(producer.send(0, view_of(value)), ChainSent::kStalled);
  consumer.reopen();
  send(producer, 2);
  for (const std::uint32_t id : {1U, 2U}) {
    ASSERT_EQ(consumer.poll(), Poll::kFrame);
    EXPECT_EQ(consumer.header().frame_id, id);
    consumer.release();
  }
}

TEST(Chain, nothing_is_pending_once_the_reader_has_answered_the_last_fin) {
  ChainPair pair;
  send(pair.producer, 1);
  ASSERT_EQ(pair.producer.finish(), ChainSent::kDone);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  EXPECT_EQ(take(pair.consumer).poll, ChainPoll::kLeft);
  EXPECT_FALSE(pair.producer.pending());
  EXPECT_EQ(pair.producer.finish(), ChainSent::kDone);
}

TEST(Chain, a_flip_that_was_called_off_leaves_the_ring_as_it_is) {
  ChainPair pair;
  pair.prepare(2);
  pair.producer.drop_unused();
  pair.consumer.drop_unused();
  send(pair.producer, 1);
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  pair.prepare(2);
  pair.control.flip(2);
  send(pair.producer, 2);
  EXPECT_EQ(take(pair.consumer), frame(2, 3));
}

TEST(Chain, a_ring_that_cannot_follow_is_refused) {
  ChainPair pair;
  EXPECT_EQ(pair.producer.add(make_ring(3).producer).error().code, Code::kNack);
  EXPECT_EQ(pair.producer.add(make_ring(2, {.slots = 64, .arena_bytes = 32U << 10}).producer).error().code,
            Code::kNack);
  EXPECT_EQ(pair.consumer.add(make_ring(3).consumer).error().code, Code::kNack);
  RingEnds other = make_ring(2);
  other.consumer.options.generation = 55;
  EXPECT_EQ(pair.consumer.add(std::move(other.consumer)).error().code, Code::kFrame);
}

// ---- under load ----

std::uint32_t flips() {
  const char* const wanted = std::getenv("RTT_SOAK_FLIPS");
  return wanted == nullptr ? 300U : static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10));
}

// What the panel hands to a thread.
template <typename T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    waiting_.fetch_add(1, std::memory_order_release);
  }
  std::optional<T> get() {
    if (waiting_.load(std::memory_order_acquire) == 0) return std::nullopt;
    const std::lock_guard lock(mutex_);
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    waiting_.fetch_sub(1, std::memory_order_release);
    return value;
  }
  [[nodiscard]] bool empty() const { return waiting_.load(std::memory_order_acquire) == 0; }

 private:
  std::mutex mutex_;
  std::deque<T> values_;
  std::atomic<int> waiting_{0};
};

// Small ones, ones that fill the slot, ones in the arena; the first eight bytes count.
ByteView load_frame(Bytes& buffer, std::uint64_t count) {
  constexpr std::size_t kSizes[] = {8, 40, 104, 8, 700, 8};
  const std::size_t size = kSizes[count % std::size(kSizes)];
  buffer.resize(1000, std::byte{0x5a});
  std::memcpy(buffer.data(), &count, sizeof count);
  return ByteView(buffer).first(size);
}

class Load {
 public:
  explicit Load(bool swap) : swap_(swap), fence_(os::register_fence()) {}

  void run(std::uint32_t count) {
    RingEnds first = make_ring(1, {.slots = 64, .arena_bytes = 64U << 10}, fence_);
    std::thread producer([&, ring = std::move(first.producer)]() mutable { produce(std::move(ring)); });
    std::vector<std::thread> consumers;
    consumers.emplace_back([&, ring = std::move(first.consumer)]() mutable { consume(0, std::move(ring)); });
    if (swap_) consumers.emplace_back([&] { consume(1, std::nullopt); });
    os::Fd gate = std::move(first.index);
    for (std::uint32_t number = 2; number <= count + 1; ++number) {
      RingEnds ends = make_ring(number, {.slots = 64, .arena_bytes = 64U << 10}, fence_);
      if (swap_) ends.consumer.gate = os::map_shared_memory(gate.get(), kIndexBytes).value();
      gate = std::move(ends.index);
      to_producer_.put(std::move(ends.producer));
      to_consumer_[swap_ ? number % 2 == 0 ? 1 : 0 : 0].put(std::move(ends.consumer));
      while (!failed_ && (!to_producer_.empty() || (!swap_ && !to_consumer_[0].empty()))) os::spin_pause();
      control_.flip(number);
      // Every third flip does not wait for the one before it.
      while (!failed_ && number % 3 != 0 && (producer_on_ != number || consumer_on_ != number)) {
        os::spin_pause();
      }
      while (!failed_ && number - consumer_on_ > 3) os::spin_pause();
    }
    stop_ = true;
    producer.join();
    for (std::thread& each : consumers) each.join();
    EXPECT_FALSE(failed_) << why_;
    EXPECT_EQ(received_, sent_) << "frames lost or doubled";
    EXPECT_GT(sent_, count);
  }

 private:
  void fail(const std::string& why) {
    if (!failed_.exchange(true)) why_ = why;
    stop_ = true;
  }
  WaitBudget budget() const {
    return {.spin = Nanos{20'000}, .deadline = os::now() + Nanos{50'000'000}, .others = {}};
  }

  void produce(ChainProducer::Ring first) {
    ChainProducer chain(view_of(control_), std::move(first));
    Bytes buffer;
    std::uint64_t count = 0;
    while (!stop_) {
      if (auto ring = to_producer_.get(); ring && !chain.add(std::move(*ring))) return fail("producer: add");
      const ChainSent sent = chain.send(0, load_frame(buffer, count + 1));
      if (sent == ChainSent::kBroken) return fail("producer: " + chain.error().message);
      if (sent == ChainSent::kDone)
        ++count;
      else
        (void)chain.wait(1000, budget());
      producer_on_ = chain.number();
      // Idle for a while now and then: the consumer falls asleep, or cuts.
      if (count % 5000 == 0) {
        for (int i = 0; i < 20'000; ++i) os::spin_pause();
      }
    }
    sent_ = count;
    while (!failed_) {
      const ChainSent ended = chain.finish();
      if (ended == ChainSent::kBroken) return fail("producer: " + chain.error().message);
      if (ended == ChainSent::kDone && !chain.pending()) break;
      (void)chain.wait(0, budget());
    }
    EXPECT_EQ(chain.lost(), 0U);
    over_ = true;
    while (!failed_ && received_ != sent_) std::this_thread::yield();
    all_taken_ = true;
  }

  void consume(std::size_t who, std::optional<ChainConsumer::Ring> ring) {
    std::unique_ptr<ChainConsumer> chain;
    if (ring) chain = std::make_unique<ChainConsumer>(view_of(control_), std::move(*ring));
    Bytes into(1000), wanted;
    while (!failed_ && !all_taken_) {
      if (auto next = to_consumer_[who].get()) {
        if (chain && !swap_) {
          if (!chain->add(std::move(*next))) return fail("consumer: add");
        } else {
          // This end's earlier ring must be over before it has another one.
          while (!failed_ && chain && !drain(*chain, into, wanted)) (void)chain->wait(budget());
          chain = std::make_unique<ChainConsumer>(view_of(control_), std::move(*next));
        }
      }
      if (!chain) {
        std::this_thread::yield();
        continue;
      }
      if (drain(*chain, into, wanted)) {
        std::this_thread::yield();
      } else {
        (void)chain->wait({.spin = Nanos{20'000}, .deadline = os::now() + Nanos{1'000'000}, .others = {}});
      }
    }
  }
  // Takes all there is; whether this end's last ring is over.
  bool drain(ChainConsumer& chain, Bytes& into, Bytes& wanted) {
    for (;;) {
      const ChainPoll polled = chain.poll();
      if (polled == ChainPoll::kBroken) fail("consumer: " + chain.error().message);
      if (polled != ChainPoll::kFrame) return polled != ChainPoll::kEmpty;
      consumer_on_ = chain.number();
      const std::size_t size = chain.payload().size();
      if (size > into.size() || !chain.copy_out(into)) return fail("consumer: bad frame"), true;
      const std::uint64_t due = received_ + 1;
      const ByteView expected = load_frame(wanted, due);
      if (size != expected.size() || std::memcmp(into.data(), expected.data(), size) != 0) {
        std::uint64_t found = 0;
        std::memcpy(&found, into.data(), sizeof found);
        return fail("frame " + std::to_string(found) + " where " + std::to_string(due) + " was due"), true;
      }
      chain.release();
      received_ = due;
    }
  }

  bool swap_;
  os::Fence fence_;
  ControlPage control_ = make_control();
  Mailbox<ChainProducer::Ring> to_producer_;
  Mailbox<ChainConsumer::Ring> to_consumer_[2];
  std::atomic<std::uint32_t> producer_on_{1}, consumer_on_{1};
  std::atomic<std::uint64_t> received_{0}, sent_{0};
  std::atomic<bool> stop_{false}, failed_{false}, over_{false}, all_taken_{false};
  std::string why_;
};

TEST(ChainLoad, no_frame_is_lost_doubled_or_reordered_over_thousands_of_flips) { Load(false).run(flips()); }
TEST(ChainLoad, a_consumer_replaced_at_every_flip_reads_on_in_order) { Load(true).run(flips()); }

}  // namespace
}  // namespace rtt::fabric::shm
