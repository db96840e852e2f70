// SPDX-License-Identifier: Apache-2.0
// Trees of a workspace held in the user's mount.
#include "views/mount_home.h"

#include <stdlib.h>

#include "os/file.h"
#include "view_mount_case.h"

namespace rtt::views {
namespace {

// A workspace's home in the mount of a user whose state lies in the test's folder.
class MountHomeTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    ::setenv("XDG_STATE_HOME", dir_->path().c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", dir_->path().c_str(), 1);
    const auto place = user_mount_place();
    ASSERT_TRUE(place) << place.error().message;
    store_ = place->store;
    mountpoint_ = place->mountpoint;
    ASSERT_TRUE(os::make_directories(root_() + "/.rtt"));
  }
  std::string root_() const { return *dir_ / "my shop"; }
  MountHome home() {
    return MountHome({.folder = root_() + "/.rtt/registry/views",
                      .workspace = root_(),
                      .start = [this](const MountPlace&) {
                        ++starts_;
                        start();
                        return Status();
                      }});
  }
  static Tree tree(GenerationNumber version) { return Tree::of(files_of(version)).value(); }
  int starts_ = 0;
};

TEST_F(MountHomeTest, what_is_held_is_read_in_the_mount_and_a_set_is_one_generation_however_often_it_comes) {
  MountHome home = this->home();
  const Tree one = tree(1), two = tree(2);
  const std::vector<NamedTree> first{{"claude", &one}, {"codex", &one}},
      second{{"claude", &two}, {"codex", &one}};
  EXPECT_EQ(home.refusal(), std::nullopt);
  EXPECT_EQ(home.find(one.root()).error().code, Code::kNotFound);
  const auto held = home.hold(first);
  ASSERT_TRUE(held) << held.error().message;
  ASSERT_TRUE(home.settle(first));
  for (const std::string& path : *held) {
    LookThrough how{.files_left = 1000};
    EXPECT_TRUE(look_through(path, one, how));
    how = {.files_left = 1000};
    EXPECT_EQ(look_through(path, two, how).error().code, Code::kTampered);
  }
  EXPECT_EQ(home.find(one.root()).value(), one);
  const auto next = home.hold(second);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_NE((*next)[0], (*held)[0]);
  ASSERT_TRUE(home.settle(second));
  EXPECT_EQ(home.hold(first).value(), *held);
  EXPECT_EQ(home.hold(second).value(), *next);
  EXPECT_EQ(os::list_directory(root_() + "/.rtt/registry/views/packs")->size(), 2U);
  EXPECT_EQ(starts_, 1);
}

TEST_F(MountHomeTest, a_pack_that_is_no_more_what_it_was_is_made_anew) {
  const Tree one = tree(1);
  const std::vector<NamedTree> named{{"claude", &one}};
  ASSERT_TRUE(home().hold(named));
  const std::string packs = root_() + "/.rtt/registry/views/packs/";
  const std::string path = packs + os::list_directory(packs)->front();
  std::string bytes = *os::read_file(path, 1 << 20);
  bytes[bytes.size() - 20] = static_cast<char>(bytes[bytes.size() - 20] ^ 1);
  ASSERT_TRUE(os::write_atomic(path, bytes, {}));
  EXPECT_EQ(home().find(one.root()).error().code, Code::kTampered);
  const auto held = home().hold(named);
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(home().find(one.root()).value(), one);
}

TEST_F(MountHomeTest, leaving_keeps_what_may_be_found_and_collecting_keeps_what_is_named) {
  MountHome home = this->home();
  const Tree one = tree(1), two = tree(2);
  const std::vector<NamedTree> first{{"claude", &one}}, second{{"claude", &two}};
  ASSERT_TRUE(home.hold(first));
  ASSERT_TRUE(home.hold(second));
  ASSERT_TRUE(home.leave());
  EXPECT_EQ(keeper_.wait().code, 0);  // it was the last workspace
  EXPECT_FALSE(os::exists(mountpoint_));
  EXPECT_EQ(home.find(one.root()).value(), one);
  ASSERT_TRUE(home.collect({two.root()}));
  EXPECT_EQ(home.find(one.root()).error().code, Code::kNotFound);
  EXPECT_EQ(home.find(two.root()).value(), two);
  ASSERT_TRUE(home.leave());
}

TEST(MountId, names_a_workspace_and_no_other_and_is_always_one) {
  for (const char* root : {"/", "/a/.hidden", "/a/b c", "/a/\xff\x01", "/a/\xc3\xa4"}) {
    EXPECT_TRUE(check_workspace_id(mount_id(root))) << mount_id(root);
  }
  EXPECT_TRUE(check_workspace_id(mount_id("/" + std::string(255, 'x'))));
  EXPECT_NE(mount_id("/a/shop"), mount_id("/b/shop"));
  EXPECT_TRUE(mount_id("/a/shop").starts_with("shop-"));
}

}  // namespace
}  // namespace rtt::views
