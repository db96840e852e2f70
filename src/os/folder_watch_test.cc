// SPDX-License-Identifier: Apache-2.0
#include "os/folder_watch.h"

#include <gtest/gtest.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

struct FolderWatching : testing::Test {
  void SetUp() override {
    loop_ = std::move(*Loop::create());
    watch_ = std::move(*FolderWatch::create(*loop_, {dir_.path(), dir_.path() + "/absent"}, nanos_from_ms(1),
                                            [this] { ++told_; }));
  }
  // Whether it says something; a folder in which nothing happens keeps silent for as long as one may wait.
  bool told(Nanos wait) {
    const int before = told_;
    for (const Instant until = now() + wait; told_ == before && now() < until;)
      loop_->run_once(until - now());
    return told_ > before;
  }
  TempDir dir_ = std::move(*TempDir::create());
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<FolderWatch> watch_;
  int told_ = 0;
};

constexpr Nanos kLong = nanos_from_ms(20'000), kShort = nanos_from_ms(20);

TEST_F(FolderWatching, what_comes_goes_and_is_written_is_told) {
  EXPECT_FALSE(told(kShort));
  ASSERT_TRUE(write_atomic(dir_.path() + "/a", "1"));
  EXPECT_TRUE(told(kLong));
  ASSERT_TRUE(write_atomic(dir_.path() + "/a", "2"));
  EXPECT_TRUE(told(kLong));
  ASSERT_TRUE(remove_file(dir_.path() + "/a"));
  EXPECT_TRUE(told(kLong));
  EXPECT_FALSE(told(kShort));
}

TEST_F(FolderWatching, many_changes_are_told_as_few) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(write_atomic(dir_.path() + "/a", "1"));
  EXPECT_TRUE(told(kLong));
  while (told(kShort)) {
  }
  EXPECT_LE(told_, 2);
}

TEST_F(FolderWatching, one_that_is_gone_says_nothing) {
  ASSERT_TRUE(write_atomic(dir_.path() + "/a", "1"));
  loop_->run_once(kLong);  // it has heard of it, and waits to say so
  watch_.reset();
  EXPECT_FALSE(told(kShort));
}

}  // namespace
}  // namespace rtt::os
