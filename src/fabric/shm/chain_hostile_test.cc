// SPDX-License-Identifier: Apache-2.0
// A route direction whose other end is dead, ignores the epoch, or says what it never may.
#include <gtest/gtest.h>

#include "fabric/shm/chain_pair_for_test.h"

namespace rtt::fabric::shm {
namespace {

TEST(Chain, a_producer_that_ignores_the_epoch_is_a_typed_error_within_a_bound) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  RingProducer deaf(one.producer.options,
                    {.lane = one.producer.lane.writable(), .index = one.producer.index.bytes()});
  ChainConsumer consumer(view_of(control), std::move(one.consumer));
  ASSERT_TRUE(consumer.add(std::move(two.consumer)));
  control.flip(2);
  const std::uint64_t value = 1;
  std::uint32_t taken = 0;
  ChainPoll polled = ChainPoll::kFrame;
  for (; polled == ChainPoll::kFrame && taken < 100'000; ++taken) {
    ASSERT_EQ(deaf.send(0, view_of(value)), Sent::kDone);
    polled = consumer.poll();
    if (polled == ChainPoll::kFrame) consumer.release();
  }
  ASSERT_EQ(polled, ChainPoll::kBroken);
  EXPECT_EQ(consumer.error().code, Code::kFrame);
  EXPECT_LT(taken, 10'000U);
}

TEST(Chain, a_dead_consumer_costs_what_was_in_its_ring_and_it_is_counted) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  two.consumer.gate = os::map_shared_memory(one.index.get(), kIndexBytes).value();
  ChainProducer producer(view_of(control), std::move(one.producer));
  for (const std::uint64_t value : {1U, 2U, 3U}) send(producer, value);
  ChainConsumer after(view_of(control), std::move(two.consumer));
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  producer.reader_died(1);
  after.gate_owner_died();
  control.flip(2);
  send(producer, 4);
  EXPECT_EQ(producer.lost(), 3U);
  EXPECT_EQ(take(after), frame(4, 4));
}

TEST(Chain, what_a_dead_producer_committed_is_taken_and_another_one_follows) {
  ChainPair pair;
  send(pair.producer, 1);
  pair.consumer.producer_died();
  EXPECT_EQ(take(pair.consumer), frame(1, 1));
  EXPECT_EQ(take(pair.consumer).poll, ChainPoll::kLeft);
  RingEnds two = make_ring(2);
  two.consumer.producer = Peer::kOther;
  two.producer.options.frame_id_first = 900;
  ChainProducer next(view_of(pair.control), std::move(two.producer));
  two.consumer.options.frame_id_first = 900;
  ASSERT_TRUE(pair.consumer.add(std::move(two.consumer)));
  pair.control.flip(2);
  send(next, 2);
  EXPECT_EQ(take(pair.consumer), frame(2, 900));
}

TEST(Chain, a_producer_that_ignores_the_epoch_is_cut_off_once_the_panel_says_so) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  RingProducer stubborn(one.producer.options,
                        {.lane = one.producer.lane.writable(), .index = one.producer.index.bytes()});
  ChainConsumer consumer(view_of(control), std::move(one.consumer));
  two.consumer.producer = Peer::kOther;
  ASSERT_TRUE(consumer.add(std::move(two.consumer)));
  control.flip(2);
  consumer.producer_died();
  const std::uint64_t value = 5;
  ASSERT_EQ(stubborn.send(0, view_of(value)), Sent::kDone);
  EXPECT_EQ(take(consumer), frame(5, 1));
  EXPECT_EQ(take(consumer).poll, ChainPoll::kEmpty);
  EXPECT_EQ(consumer.number(), 2U);
  EXPECT_EQ(stubborn.send(0, view_of(value)), Sent::kClosing);
  EXPECT_EQ(take(consumer).poll, ChainPoll::kEmpty);
}

TEST(Chain, a_consumer_that_ignores_the_epoch_ends_at_the_producers_deadline) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2);
  ChainProducer producer(view_of(control), std::move(one.producer));
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  control.flip(2);
  ChainSent sent = ChainSent::kDone;
  for (std::uint64_t value = 0; sent == ChainSent::kDone; ++value) {
    ASSERT_LT(value, 1000U);
    sent = producer.send(0, view_of(value));
  }
  EXPECT_EQ(sent, ChainSent::kFull);
  EXPECT_EQ(producer.wait(8, {.spin = {}, .deadline = os::now() + Nanos{1'000'000}, .others = {}}),
            Woke::kDeadline);
}

TEST(Chain, a_cut_that_was_never_offered_breaks_the_route_with_its_reason) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1);
  ChainProducer producer(view_of(control), std::move(one.producer));
  send(producer, 1);
  const std::uint64_t ahead = pack({.state = kWordClosed, .position = 40});
  std::memcpy(one.consumer.index.writable().data() + offsetof(IndexPage, wait_word), &ahead, sizeof ahead);
  const std::uint64_t value = 2;
  EXPECT_EQ(producer.send(0, view_of(value)), ChainSent::kBroken);
  EXPECT_EQ(producer.error().code, Code::kFrame);
}

TEST(Chain, a_cut_that_comes_two_flips_late_is_followed_in_order) {
  ControlPage control = make_control();
  RingEnds one = make_ring(1), two = make_ring(2), three = make_ring(3);
  ChainProducer producer(view_of(control), std::move(one.producer));
  for (const std::uint64_t value : {1U, 2U, 3U}) send(producer, value);
  ChainConsumer after(view_of(control), std::move(two.consumer));
  ASSERT_TRUE(after.add(std::move(three.consumer)));
  ASSERT_TRUE(producer.add(std::move(two.producer)));
  ASSERT_TRUE(producer.add(std::move(three.producer)));
  const auto say = [&](std::uint32_t state) {
    const std::uint64_t word = pack({.state = state, .position = 0});
    std::memcpy(one.consumer.index.writable().data() + offsetof(IndexPage, wait_word), &word, sizeof word);
  };
  say(kWordClosing);
  control.flip(2);
  EXPECT_EQ(producer.follow(), ChainSent::kStalled);
  control.flip(3);
  EXPECT_EQ(producer.follow(), ChainSent::kStalled);
  say(kWordClosed);
  EXPECT_EQ(producer.follow(), ChainSent::kDone);
  EXPECT_EQ(producer.number(), 3U);
  send(producer, 4);
  for (const std::uint32_t value : {1U, 2U, 3U}) EXPECT_EQ(take(after), frame(value, value));
  EXPECT_EQ(take(after), frame(4, 5));  // the second ring's FIN was 4
}

TEST(Chain, a_poisoned_route_stops_both_ends) {
  ChainPair pair;
  send(pair.producer, 1);
  pair.control.poison();
  EXPECT_EQ(take(pair.consumer).poll, ChainPoll::kBroken);
  EXPECT_EQ(pair.consumer.error().code, Code::kCancelled);
  const std::uint64_t value = 2;
  EXPECT_EQ(pair.producer.send(0, view_of(value)), ChainSent::kBroken);
}

}  // namespace
}  // namespace rtt::fabric::shm
