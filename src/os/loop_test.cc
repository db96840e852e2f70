// SPDX-License-Identifier: Apache-2.0
// Loop: handlers may unwatch, cancel and destroy whatever they like; flags of watched descriptors stay as
// they are.
#include "os/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "os/clock.h"
#include "os/pipe.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

constexpr Nanos kNow{0};
constexpr Nanos kLong = nanos_from_ms(20'000);  // a test that waits this long has failed

class LoopTest : public ::testing::Test {
 protected:
  std::unique_ptr<Loop> loop_ = *Loop::create();
  std::pair<Fd, Fd> pipe_ = *make_pipe();
  Bytes buffer_ = Bytes(4096);
  void feed() { ASSERT_EQ(write_nowait(pipe_.second.get(), as_bytes("x"))->bytes, 1u); }
};

TEST_F(LoopTest, level_triggered_until_read) {
  int calls = 0;
  ASSERT_TRUE(loop_->watch(pipe_.first.get(), kReadable, [&](std::uint32_t ready) {
    EXPECT_EQ(ready, kReadable);
    ++calls;
  }));
  EXPECT_FALSE(loop_->run_once(kNow));
  feed();
  EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_EQ(calls, 2);
  loop_->change(pipe_.first.get(), 0);
  EXPECT_FALSE(loop_->run_once(kNow));
  loop_->change(pipe_.first.get(), kReadable);
  EXPECT_TRUE(loop_->run_once(kNow));
  (void)read_nowait(pipe_.first.get(), buffer_);
  EXPECT_FALSE(loop_->run_once(kNow));
}

TEST_F(LoopTest, the_clock_is_read_once_an_event) {
  const auto moves_on = [] {
    for (const Instant begin = now(); now() <= begin;) {
    }
  };
  const Instant before = loop_->now();
  moves_on();
  EXPECT_GT(loop_->now(), before);  // outside of events nothing is kept
  std::vector<Instant> times;
  const auto look = [&] {
    times.push_back(loop_->now());
    moves_on();
    EXPECT_EQ(loop_->now(), times.back());
  };
  ASSERT_TRUE(loop_->watch(pipe_.first.get(), kReadable, [&](std::uint32_t) { look(); }));
  feed();
  (void)loop_->after(kNow, look);
  loop_->post(look);
  while (times.size() < 3) EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_LT(times[0], times[1]);
  EXPECT_LT(times[1], times[2]);
  moves_on();
  EXPECT_GT(loop_->now(), times[2]);
}

TEST_F(LoopTest, touches_no_flags) {
  const int in = ::fcntl(pipe_.first.get(), F_GETFL), out = ::fcntl(pipe_.second.get(), F_GETFL);
  ASSERT_EQ(in & O_NONBLOCK, 0);
  for (const int fd : {pipe_.first.get(), pipe_.second.get()}) {
    ASSERT_TRUE(loop_->watch(fd, kReadable | kWritable, [](std::uint32_t) {}));
  }
  feed();
  (void)loop_->run_once(kLong);
  EXPECT_EQ(::fcntl(pipe_.first.get(), F_GETFL), in);
  EXPECT_EQ(::fcntl(pipe_.second.get(), F_GETFL), out);
  loop_->unwatch(pipe_.first.get());
  loop_->unwatch(pipe_.second.get());
  EXPECT_EQ(::fcntl(pipe_.first.get(), F_GETFL), in);
  EXPECT_EQ(::fcntl(pipe_.second.get(), F_GETFL), out);
  EXPECT_FALSE(loop_->watching(pipe_.first.get()));
}

TEST_F(LoopTest, hangup_is_reported_whatever_the_interest) {
  std::uint32_t seen = 0;
  ASSERT_TRUE(loop_->watch(pipe_.first.get(), 0, [&](std::uint32_t ready) {
    seen = ready;
    loop_->unwatch(pipe_.first.get());
  }));
  pipe_.second.reset();
  EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_EQ(seen, kHangup);
}

TEST_F(LoopTest, regular_file_and_dev_null_are_always_ready) {
  const auto temp = TempDir::create();
  ASSERT_TRUE(write_atomic(*temp / "f", "content"));
  const Fd file(::open((*temp / "f").c_str(), O_RDONLY | O_CLOEXEC));
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  std::uint32_t of_file = 0, of_null = 0;
  ASSERT_TRUE(loop_->watch(file.get(), kReadable, [&](std::uint32_t ready) { of_file = ready; }));
  ASSERT_TRUE(loop_->watch(null.get(), kWritable, [&](std::uint32_t ready) {
    of_null = ready;
    loop_->unwatch(null.get());
  }));
  EXPECT_TRUE(loop_->run_once({-1}));
  EXPECT_EQ(of_file, kReadable);
  EXPECT_EQ(of_null, kWritable);
  loop_->change(file.get(), 0);
  EXPECT_FALSE(loop_->run_once(kNow));
  loop_->unwatch(file.get());
}

TEST_F(LoopTest, handler_may_destroy_itself_and_others_and_reuse_the_number) {
  struct Session {
    Session(Loop& of, Fd owned) : loop(of), fd(std::move(owned)) {}
    Loop& loop;
    Fd fd;
    ~Session() { loop.unwatch(fd.get()); }
  };
  auto first = *socket_pair(), second = *socket_pair();
  ASSERT_TRUE(send(first.second.get(), as_bytes("a")));
  ASSERT_TRUE(send(second.second.get(), as_bytes("b")));
  auto one = std::make_unique<Session>(*loop_, std::move(first.first));
  auto two = std::make_unique<Session>(*loop_, std::move(second.first));
  const int numbers[] = {one->fd.get(), two->fd.get()};
  int ran = 0, reborn = 0;
  auto fresh = *make_pipe();
  std::vector<Fd> reused;
  const auto end_both = [&, keep = std::string(100, 'k')](std::uint32_t) {
    ++ran;
    one.reset();
    two.reset();
    for (const int number : numbers) {  // new descriptors under the old numbers, with nothing to read
      reused.emplace_back(::dup3(fresh.first.get(), number, O_CLOEXEC));
      ASSERT_EQ(reused.back().get(), number);
      ASSERT_TRUE(loop_->watch(number, kReadable, [&](std::uint32_t) { ++reborn; }));
    }
    EXPECT_EQ(keep.size(), 100u);  // this closure is still alive
  };
  ASSERT_TRUE(loop_->watch(numbers[0], kReadable, end_both));
  ASSERT_TRUE(loop_->watch(numbers[1], kReadable, end_both));
  EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_EQ(ran, 1);     // the other's event was already fetched, and is not delivered
  EXPECT_EQ(reborn, 0);  // nor delivered to who has its number now
  for (const int number : numbers) loop_->unwatch(number);
}

TEST_F(LoopTest, timers_fire_in_order_of_due_time_and_cancelled_ones_never) {
  std::string order;
  (void)loop_->after(nanos_from_ms(3), [&] { order += 'c'; });
  (void)loop_->after(nanos_from_ms(1), [&] { order += 'a'; });
  const auto cancelled = loop_->after(nanos_from_ms(2), [&] { order += 'X'; });
  Loop::TimerId victim = 0;
  (void)loop_->after(nanos_from_ms(2), [&] {
    order += 'b';
    loop_->cancel(victim);
  });
  victim = loop_->after(nanos_from_ms(2), [&] { order += 'Y'; });
  (void)loop_->after(nanos_from_ms(4), [&] { loop_->stop(); });
  loop_->cancel(cancelled);
  loop_->cancel(cancelled);
  loop_->cancel(12345);
  loop_->run();
  EXPECT_EQ(order, "abc");
}

TEST_F(LoopTest, timer_never_fires_early_and_a_rearming_one_does_not_starve_the_rest) {
  const Instant start = now();
  bool done = false;
  (void)loop_->after(nanos_from_ms(5), [&] { done = true; });
  while (!done) (void)loop_->run_once({-1});
  EXPECT_GE((now() - start).value, 5'000'000);
  int rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    (void)loop_->after(kNow, again);
  };
  again();
  feed();
  ASSERT_TRUE(loop_->watch(pipe_.first.get(), kReadable, [&](std::uint32_t) { loop_->stop(); }));
  loop_->run();
  EXPECT_GE(rounds, 1);
  loop_->unwatch(pipe_.first.get());
}

TEST_F(LoopTest, posts_from_other_threads_run_here_in_order) {
  constexpr int kPerThread = 1000;
  std::vector<int> seen[2];
  const auto owner = std::this_thread::get_id();
  std::thread threads[2];
  for (int t = 0; t < 2; ++t) {
    threads[t] = std::thread([&, t] {
      for (int i = 0; i < kPerThread; ++i) {
        loop_->post([&, t, i] {
          EXPECT_EQ(std::this_thread::get_id(), owner);
          seen[t].push_back(i);
          if (seen[0].size() + seen[1].size() == 2 * kPerThread) loop_->stop();
        });
      }
    });
  }
  loop_->run();
  for (std::thread& thread : threads) thread.join();
  for (const auto& values : seen) {
    ASSERT_EQ(values.size(), std::size_t{kPerThread});
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  }
}

TEST_F(LoopTest, stop_before_run_is_honoured_once) {
  loop_->stop();
  loop_->run();
  loop_->post([&] { loop_->stop(); });
  loop_->run();
}

TEST_F(LoopTest, signals_arrive_on_the_loop) {
  int usr1 = 0, usr2 = 0;
  ASSERT_TRUE(loop_->on_signal(SIGUSR1, [&] { ++usr1; }));
  ASSERT_TRUE(loop_->on_signal(SIGUSR2, [&] { ++usr2; }));
  ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
  EXPECT_TRUE(loop_->run_once(kLong));
  ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
  EXPECT_TRUE(loop_->run_once(kLong));
  EXPECT_EQ(usr1, 1);
  EXPECT_EQ(usr2, 1);
}

TEST_F(LoopTest, destroying_the_loop_lets_handlers_unwatch_and_cancel) {
  struct Owner {
    Owner(Loop& of, Fd owned) : loop(of), fd(std::move(owned)) {}
    Loop& loop;
    Fd fd;
    Loop::TimerId timer = 0;
    ~Owner() {
      loop.unwatch(fd.get());
      loop.cancel(timer);
    }
  };
  const int fd = pipe_.first.get();
  auto owner = std::make_shared<Owner>(*loop_, std::move(pipe_.first));
  owner->timer = loop_->after(kLong, [owner] {});
  ASSERT_TRUE(loop_->watch(fd, kReadable, [owner](std::uint32_t) {}));
  loop_->post([owner] {});
  owner.reset();
  loop_.reset();
}

TEST_F(LoopTest, may_be_entered_again_from_a_handler) {
  std::string order;
  (void)loop_->after(kNow, [&] {
    order += '1';
    bool inner = false;
    loop_->post([&] { inner = true; });
    while (!inner) (void)loop_->run_once({-1});
    order += '2';
  });
  (void)loop_->run_once(kLong);
  EXPECT_EQ(order, "12");
}

}  // namespace
}  // namespace rtt::os
