// SPDX-License-Identifier: Apache-2.0
#include "os/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace rtt::os {
namespace {

TEST(InParallel, doesEachPieceOnce) {
  for (const std::size_t count : {0U, 1U, 2U, 63U, 64U, 65U, 1'000U, 100'003U}) {
    std::vector<std::atomic<int>> done(count);
    in_parallel(count, [&](std::size_t piece) { ++done[piece]; });
    EXPECT_TRUE(std::ranges::all_of(done, [](const auto& times) { return times == 1; })) << count;
  }
}

TEST(InParallel, allIsSeenWhenItReturns) {
  std::vector<std::size_t> squares(10'000);
  in_parallel(squares.size(), [&](std::size_t piece) { squares[piece] = piece * piece; });
  for (std::size_t i = 0; i < squares.size(); ++i) ASSERT_EQ(i * i, squares[i]);
}

TEST(InParallel, fewPiecesStayOnTheCallersThread) {
  const auto me = std::this_thread::get_id();
  in_parallel(kParallelPiecesMin - 1, [&](std::size_t) { EXPECT_EQ(me, std::this_thread::get_id()); });
}

// Two pieces that each wait for the other end only on two threads.
TEST(InParallel, pieces_run_at_the_same_time_where_there_are_cores) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core";
  std::atomic<int> there = 0;
  in_parallel(
      2,
      [&](std::size_t) {
        ++there;
        while (there < 2) std::this_thread::yield();
      },
      2);
  EXPECT_EQ(2, there);
}

}  // namespace
}  // namespace rtt::os
