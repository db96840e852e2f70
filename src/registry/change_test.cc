// SPDX-License-Identifier: Apache-2.0
// Goal: the list of changes is empty exactly for equal values, tells the truth about each place, and is
// short. Method: laws over random values; a few readable examples.
#include "registry/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace rtt::registry {
namespace {

using ::testing::ElementsAre;
using text::Json;

std::vector<std::string> shown(std::string_view before, std::string_view after) {
  std::vector<std::string> all;
  for (const Change& change : changes(*text::parse_json(before), *text::parse_json(after))) {
    all.push_back(to_string(change));
  }
  return all;
}

TEST(Changes, read_like_what_happened) {
  EXPECT_THAT(shown(R"({"a":1,"b":{"c":[1,2,3]},"d":null})", R"({"a":2,"b":{"c":[1,9,2,3]},"e":"x"})"),
              ElementsAre("changed /a: 1 -> 2", "added /b/c/1: 9", "removed /d: null", "added /e: \"x\""));
  EXPECT_THAT(shown(R"([1,2,3,4,5])", R"([2,3,4,5])"), ElementsAre("removed /0: 1"));
  EXPECT_THAT(shown(R"([{"n":1},{"n":2}])", R"([{"n":1},{"n":3},{"n":4}])"),
              ElementsAre("changed /1/n: 2 -> 3", "added /2: {\"n\":4}"));
  EXPECT_THAT(shown("1", "[]"), ElementsAre("changed /: 1 -> []"));
  EXPECT_THAT(shown(R"({"a/b":{"~":1}})", R"({"a/b":{"~":2}})"), ElementsAre("changed /a~1b/~0: 1 -> 2"));
}

TEST(Changes, long_values_are_cut_at_a_character) {
  std::string before = "\"";
  for (int count = 0; count < 100; ++count) before += "é";
  before += "\"";
  const std::string line = shown(before, "1").at(0);
  EXPECT_LT(line.size(), 150U);
  EXPECT_THAT(line, ::testing::HasSubstr("é… -> 1"));
}

Json random_value(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 6 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<int>(random() % 3);
    case 2:
      return random() % 2 == 0;
    case 3:
      return std::string(1 + random() % 2, static_cast<char>('a' + random() % 2));
    case 4: {
      Json array = text::JsonArray{};
      for (std::size_t count = random() % 4; count > 0; --count) array.push(random_value(random, depth - 1));
      return array;
    }
    default: {
      Json object = text::JsonObject{};
      for (std::size_t count = random() % 4; count > 0; --count) {
        object.set(std::string(1, static_cast<char>('a' + random() % 4)), random_value(random, depth - 1));
      }
      return object;
    }
  }
}

const Json* at_pointer(const Json& value, std::string_view pointer) {
  const Json* here = &value;
  while (here != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t slash = std::min(pointer.find('/'), pointer.size());
    const std::string part(pointer.substr(0, slash));
    pointer.remove_prefix(slash);
    if (here->is_array()) {
      const std::size_t index = std::stoul(part);
      here = index < here->as_array().size() ? &here->as_array()[index] : nullptr;
    } else {
      here = here->find(part);
    }
  }
  return here;
}

TEST(Changes, hold_their_laws_for_random_values) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    const Json before = random_value(random, 3), after = random_value(random, 3);
    const std::vector<Change> list = changes(before, after);
    const std::vector<Change> back = changes(after, before);
    EXPECT_EQ(list.empty(), before == after);
    EXPECT_EQ(list.size(), back.size());
    for (const Change& change : list) {
      if (change.kind != ChangeKind::kAdded) {
        ASSERT_NE(at_pointer(before, change.pointer), nullptr) << to_string(change);
        EXPECT_EQ(*at_pointer(before, change.pointer), change.before);
      }
      if (change.kind == ChangeKind::kAdded) {
        ASSERT_NE(at_pointer(after, change.pointer), nullptr) << to_string(change);
        EXPECT_EQ(*at_pointer(after, change.pointer), change.after);
      }
      EXPECT_TRUE(change.kind != ChangeKind::kChanged || change.before != change.after);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace rtt::registry
