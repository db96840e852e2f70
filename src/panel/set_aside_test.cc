// SPDX-License-Identifier: Apache-2.0
// Files moved aside and back: bytes, modes and times, whatever came in between.
#include "panel/set_aside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/link.h"
#include "registry/place_test.h"

namespace rtt::panel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SetAsideTest : public testing::Test {
 protected:
  [[nodiscard]] std::string full(const std::string& path) const { return place_.workspace().path(path); }
  [[nodiscard]] std::string text(const std::string& path) const {
    return os::read_file(full(path), 1 << 20).value_or("(none)");
  }
  SetAside begin(std::vector<std::string> moved) {
    for (const std::string& path : moved) place_.scratch().write(path, "of " + path);
    auto out = SetAside::begin(place_.workspace(), moved,
                               {{.path = "agents/new/x.md", .content = crypto::sha256("x")}});
    EXPECT_TRUE(out) << out.error().message;
    return *std::move(out);
  }
  Status take(const SetAside& aside, const std::string& path) {
    return aside.take(path, crypto::sha256("of " + path));
  }

  registry::Place place_;
};

TEST_F(SetAsideTest, what_was_moved_comes_back_as_it_was) {
  for (const char* path : {"c/agents/a.md", "c/agents/b.md", "R.md"}) place_.scratch().write(path, "");
  ASSERT_TRUE(os::set_stamp(full("c/agents"), {.mode = 0750, .mtime_ns = 1'700'000'000'123'456'789}));
  const SetAside aside = begin({"c/agents/a.md", "c/agents/b.md", "R.md"});
  ASSERT_TRUE(os::set_stamp(full("c/agents/a.md"), {.mode = 0600, .mtime_ns = 1'600'000'000'000'000'001}));
  for (const std::string& path : aside.moved()) ASSERT_TRUE(take(aside, path));
  ASSERT_TRUE(aside.remove_emptied_folders());
  EXPECT_FALSE(os::exists(full("c")));
  place_.scratch().write("agents/new/x.md", "x");
  ASSERT_TRUE(os::remove_file(full("agents/new/x.md")));
  const auto again = SetAside::newest(place_.workspace());
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->state(), SetAside::State::kUnfinished);
  EXPECT_THAT((*again)->give_back().value(), IsEmpty());
  EXPECT_EQ(text("c/agents/a.md"), "of c/agents/a.md");
  const auto stamp = os::stamp_of(full("c/agents/a.md"));
  EXPECT_EQ(stamp->mode, 0600U);
  EXPECT_EQ(stamp->mtime_ns, 1'600'000'000'000'000'001);
  EXPECT_EQ(os::stamp_of(full("c/agents"))->mode, 0750U);
  EXPECT_FALSE(os::exists(full("agents")));  // made for the item, and gone with it
  EXPECT_TRUE((*again)->give_back());        // once more does nothing
  ASSERT_TRUE((*again)->forget());
  EXPECT_FALSE(os::exists((*again)->folder()));
  EXPECT_FALSE(SetAside::newest(place_.workspace()).value().has_value());
}

TEST_F(SetAsideTest, a_file_that_changed_meanwhile_is_refused_and_not_lost) {
  const SetAside aside = begin({"a.md"});
  place_.scratch().write("a.md", "changed");
  const Status taken = take(aside, "a.md");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kStalePlan);
  EXPECT_THAT(aside.give_back().value(), IsEmpty());
  EXPECT_EQ(text("a.md"), "changed");
}

TEST_F(SetAsideTest, what_lies_in_the_way_stays_and_so_does_what_was_moved) {
  const SetAside aside = begin({"a.md", "b.md"});
  ASSERT_TRUE(take(aside, "a.md"));
  ASSERT_TRUE(take(aside, "b.md"));
  place_.scratch().write("a.md", "new");
  EXPECT_THAT(aside.give_back().value(), ElementsAre("a.md"));
  EXPECT_EQ(text("a.md"), "new");
  ASSERT_TRUE(aside.forget());
  EXPECT_EQ(os::read_file(aside.folder() + "/files/a.md", 100).value_or(""), "of a.md");
  EXPECT_FALSE(SetAside::newest(place_.workspace()).value().has_value());
}

TEST_F(SetAsideTest, a_record_that_leads_elsewhere_is_refused) {
  const SetAside aside = begin({"a.md"});
  for (const char* record :
       {R"({"moved":["../x"],"written":[],"folders":[]})",
        R"({"moved":[".git/config"],"written":[],"folders":[]})",
        R"({"moved":[],"written":[{"path":"a"}],"folders":[]})", R"({"moved":[]})", "[]", "{"}) {
    ASSERT_TRUE(os::write_atomic(aside.folder() + "/record.json", record));
    EXPECT_FALSE(SetAside::newest(place_.workspace())) << record;
  }
}

}  // namespace
}  // namespace rtt::panel
