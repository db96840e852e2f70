// SPDX-License-Identifier: Apache-2.0
#include "os/replace.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "os/file.h"
#include "os/link.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

class ReplaceTest : public testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.path() + "/" + name; }
  [[nodiscard]] std::vector<std::string> names(const std::string& folder) const {
    auto all = list_directory(folder).value();
    std::ranges::sort(all);
    return all;
  }
  TempDir folder_ = *TempDir::create();
  TempDir way_ = *TempDir::create();
};

TEST_F(ReplaceTest, what_may_go_goes_and_the_new_bytes_are_there) {
  ASSERT_TRUE(write_atomic(file("a"), "old"));
  std::string was;
  const auto done =
      replace_file(file("a"), "new", {.mode = 0777, .by_way_of = way_.path(), .may_go = [&](const auto& at) {
                                        was = read_file(at, 10).value();
                                        return true;
                                      }});
  ASSERT_TRUE(done && *done);
  EXPECT_EQ("old", was);
  EXPECT_EQ("new", read_file(file("a"), 10).value());
  EXPECT_TRUE(is_executable(file("a")));
  EXPECT_EQ(std::vector<std::string>{"a"}, names(folder_.path()));
  EXPECT_TRUE(names(way_.path()).empty());
}

TEST_F(ReplaceTest, what_may_not_go_stays_the_same_file) {
  ASSERT_TRUE(write_atomic(file("a"), "edited"));
  const std::string before = file("same");
  ASSERT_TRUE(hard_link(file("a"), before));
  const auto done =
      replace_file(file("a"), "new", {.by_way_of = way_.path(), .may_go = [](const auto&) { return false; }});
  ASSERT_TRUE(done);
  EXPECT_FALSE(*done);
  EXPECT_TRUE(same_file(file("a"), before));
  EXPECT_EQ("edited", read_file(file("a"), 10).value());
  EXPECT_EQ((std::vector<std::string>{"a", "same"}), names(folder_.path()));
  EXPECT_TRUE(names(way_.path()).empty());
}

TEST_F(ReplaceTest, a_folder_or_a_link_in_the_way_is_put_back_too) {
  ASSERT_TRUE(make_directories(file("folder/inside")));
  ASSERT_TRUE(put_symlink(file("link"), "folder"));
  for (const char* const name : {"folder", "link"}) {
    const auto done = replace_file(file(name), "new", {.may_go = [](const auto&) { return false; }});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_FALSE(*done);
  }
  EXPECT_TRUE(is_directory(file("folder/inside")));
  EXPECT_EQ("folder", read_symlink(file("link")));
  EXPECT_EQ((std::vector<std::string>{"folder", "link"}), names(folder_.path()));
}

TEST_F(ReplaceTest, nothing_there_is_nobodys_loss_and_a_way_elsewhere_is_not_taken) {
  const auto done =
      replace_file(file("a"), "new", {.by_way_of = "/proc", .may_go = [](const auto&) { return false; }});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(*done);
  EXPECT_EQ("new", read_file(file("a"), 10).value());
  EXPECT_EQ(std::vector<std::string>{"a"}, names(folder_.path()));
}

}  // namespace
}  // namespace rtt::os
