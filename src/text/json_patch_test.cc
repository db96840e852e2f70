// SPDX-License-Identifier: Apache-2.0
// Patches by the tables the RFCs publish and by their laws over random values. The suite of RFC 6902 is
// tests/json_patch_suite.cc.
#include "text/json_patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace rtt::text {
namespace {

using ::testing::HasSubstr;

Json json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? *std::move(value) : Json();
}

Result<Json> patched(Json document, std::string_view patch, PatchLimits limits = {}) {
  const auto read = JsonPatch::read(json(patch), limits);
  if (!read) return std::unexpected(read.error());
  return read->apply(std::move(document));
}

// RFC 6901, section 5.
TEST(Pointer, the_table_of_the_rfc) {
  const Json document = json(R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,)"
                             R"("k\"l":6," ":7,"m~n":8})");
  const std::pair<const char*, const char*> kTable[] = {{"/foo", R"(["bar","baz"])"},
                                                        {"/foo/0", R"("bar")"},
                                                        {"/", "0"},
                                                        {"/a~1b", "1"},
                                                        {"/c%d", "2"},
                                                        {"/e^f", "3"},
                                                        {"/g|h", "4"},
                                                        {"/i\\j", "5"},
                                                        {"/k\"l", "6"},
                                                        {"/ ", "7"},
                                                        {"/m~0n", "8"}};
  EXPECT_EQ(find_pointer(document, *parse_pointer("")), &document);
  for (const auto& [pointer, value] : kTable) {
    const auto tokens = parse_pointer(pointer);
    ASSERT_TRUE(tokens) << pointer;
    EXPECT_EQ(to_pointer(*tokens), pointer);
    const Json* found = find_pointer(document, *tokens);
    ASSERT_NE(found, nullptr) << pointer;
    EXPECT_EQ(to_json(*found), value) << pointer;
  }
  for (const char* absent :
       {"/foo/2", "/foo/-", "/foo/00", "/foo/+1", "/foo/1e0", "/foo/", "/foo/0/x", "/nope"})
    EXPECT_EQ(find_pointer(document, *parse_pointer(absent)), nullptr) << absent;
  for (const char* bad : {"foo", "/~", "/a~2", "/~/"}) {
    const auto tokens = parse_pointer(bad);
    ASSERT_FALSE(tokens) << bad;
    EXPECT_EQ(tokens.error().code, Code::kBadShape);
  }
}

// RFC 7386, appendix A.
TEST(MergePatch, the_table_of_the_rfc) {
  const std::array<const char*, 3> kTable[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
  for (const auto& [target, patch, expected] : kTable) {
    const auto done = merge_patch(json(target), json(patch));
    ASSERT_TRUE(done) << target << " " << patch;
    EXPECT_EQ(to_json(*done), expected) << target << " " << patch;
  }
}

// Few keys, so that two random values have much in common.
class Values {
 public:
  explicit Values(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t bound) { return random_() % bound; }

  Json value(int depth) {
    switch (below(depth > 0 ? 6 : 3)) {
      case 0:
        return below(8) == 0 ? Json() : Json(below(2) == 0);
      case 1:
        return static_cast<std::int64_t>(below(3));
      case 2:
        return std::string(below(3), 'x');
      case 3: {
        JsonArray items;
        for (std::size_t i = below(4); i > 0; --i) items.push_back(value(depth - 1));
        return items;
      }
      default:
        return object(depth - 1);
    }
  }
  Json object(int depth) {
    constexpr const char* kKeys[] = {"", "0", "1", "-", "a", "a/b", "m~n", "~1"};
    JsonObject members;
    for (std::size_t i = below(5); i > 0; --i) members.set(kKeys[below(std::size(kKeys))], value(depth));
    return members;
  }

 private:
  std::mt19937 random_;
};

Json operation(std::string_view op, const std::string& path, const Json* value = nullptr) {
  Json out = Json::object({{"op", op}, {"path", path}});
  if (value != nullptr) out.set("value", *value);
  return out;
}

// Operations that make `to` out of `from`.
void diff(const Json& from, const Json& to, const std::string& path, Json& out) {
  if (from == to) return;
  if (from.is_object() && to.is_object()) {
    for (const auto& [key, value] : from.as_object()) {
      const std::string at = path + '/' + escape_pointer(key);
      if (const Json* other = to.find(key)) {
        diff(value, *other, at, out);
      } else {
        out.push(operation("remove", at));
      }
    }
    for (const auto& [key, value] : to.as_object()) {
      if (from.find(key) == nullptr) out.push(operation("add", path + '/' + escape_pointer(key), &value));
    }
    return;
  }
  if (from.is_array() && to.is_array()) {
    const std::size_t both = std::min(from.as_array().size(), to.as_array().size());
    for (std::size_t i = 0; i < both; ++i)
      diff(from.as_array()[i], to.as_array()[i], path + '/' + std::to_string(i), out);
    for (std::size_t i = from.as_array().size(); i > both; --i)
      out.push(operation("remove", path + '/' + std::to_string(i - 1)));
    for (std::size_t i = both; i < to.as_array().size(); ++i)
      out.push(operation("add", path + "/-", &to.as_array()[i]));
    return;
  }
  out.push(operation("replace", path, &to));
}

Json merge_diff(const Json& from, const Json& to) {
  if (!from.is_object() || !to.is_object()) return to;
  Json out{JsonObject{}};
  for (const auto& [key, value] : from.as_object()) {
    const Json* other = to.find(key);
    if (other == nullptr) {
      out.set(key, nullptr);
    } else if (!(*other == value)) {
      out.set(key, merge_diff(value, *other));
    }
  }
  for (const auto& [key, value] : to.as_object()) {
    if (from.find(key) == nullptr) out.set(key, value);
  }
  return out;
}
bool has_null_member(const Json& value) {
  if (!value.is_object()) return false;
  return std::ranges::any_of(value.as_object(), [](const auto& member) {
    return member.second.is_null() || has_null_member(member.second);
  });
}
Json without_null_members(const Json& value) { return *merge_patch(Json(), value); }

class PatchLaw : public ::testing::Test {
 protected:
  PatchLaw() { RecordProperty("seed", static_cast<int>(seed_)); }
  const std::uint32_t seed_ = std::random_device{}();
  Values values_{seed_};
};

TEST_F(PatchLaw, a_diff_applied_gives_what_it_was_made_for) {
  for (int round = 0; round < 5000; ++round) {
    const Json from = values_.value(4);
    const Json to = values_.value(4);
    Json patch{JsonArray{}};
    diff(from, to, "", patch);
    const auto read = JsonPatch::read(patch);
    ASSERT_TRUE(read) << to_json(patch);
    const auto done = read->apply(from);
    ASSERT_TRUE(done) << "seed " << seed_ << " " << to_json(from) << to_json(patch) << done.error().message;
    EXPECT_EQ(*done, to) << "seed " << seed_;
    // One operation that fails behind all others, and nothing of them is seen.
    const Json other = "in no value";
    patch.push(operation("test", "", &other));
    const auto failing = JsonPatch::read(patch)->apply(from);
    ASSERT_FALSE(failing);
    EXPECT_EQ(failing.error().code, Code::kPatchFailed);
    EXPECT_EQ(failing.error().where, "/" + std::to_string(patch.as_array().size() - 1));
  }
}

TEST_F(PatchLaw, a_merge_diff_gives_what_it_was_made_for_and_merging_twice_is_once) {
  for (int round = 0; round < 5000; ++round) {
    const Json from = values_.value(4);
    const Json to = without_null_members(values_.value(4));
    ASSERT_FALSE(has_null_member(to));
    EXPECT_EQ(merge_patch(from, merge_diff(from, to)), to)
        << "seed " << seed_ << to_json(from) << to_json(to);
    const Json patch = values_.value(4);
    const auto once = merge_patch(from, patch);
    ASSERT_TRUE(once);
    EXPECT_EQ(merge_patch(*once, patch), once) << "seed " << seed_ << to_json(from) << to_json(patch);
  }
}

TEST_F(PatchLaw, a_move_is_a_copy_and_a_removal) {
  for (int round = 0; round < 2000; ++round) {
    const Json document = Json::object({{"from", values_.object(3)}, {"to", Json::array({1, 2, 3})}});
    const std::string at = "/to/" + std::to_string(values_.below(4));
    const auto moved = patched(document, R"([{"op":"move","from":"/from","path":")" + at + R"("}])");
    const auto copied = patched(
        document, R"([{"op":"copy","from":"/from","path":")" + at + R"("},{"op":"remove","path":"/from"}])");
    ASSERT_TRUE(moved && copied);
    EXPECT_EQ(moved, copied);
  }
}

struct Refused {
  const char *document, *patch;
  Code code;
  const char *where, *message;
};
TEST(JsonPatch, what_does_not_fit_is_told_with_its_operation) {
  using enum Code;
  const Refused kCases[] = {
      {"{}", "{}", kBadShape, "", "array of operations"},
      {"{}", "[1]", kBadShape, "/0", "an operation is an object"},
      {"{}", R"([{"path":"/a"}])", kBadShape, "/0", "no `op`"},
      {"{}", R"([{"op":"ad","path":"/a"}])", kBadShape, "/0/op", "is no operation"},
      {"{}", R"([{"op":"add","value":1}])", kBadShape, "/0", "no `path`"},
      {"{}", R"([{"op":"add","path":"/a"}])", kBadShape, "/0", "needs a `value`"},
      {"{}", R"([{"op":"add","path":"a","value":1}])", kBadShape, "/0/path", "begins with"},
      {"{}", R"([{"op":"copy","path":"/a","from":"/~"}])", kBadShape, "/0/from", "~0"},
      {"{}", R"([{"op":"add","path":"","value":{}},{"op":"remove","path":"/a"}])", kPatchFailed, "/1",
       R"(operation 1, remove "/a": nothing is at "/a")"},
      {"{}", R"([{"op":"remove","path":""}])", kPatchFailed, "/0", "whole document"},
      {"[]", R"([{"op":"remove","path":"/0"}])", kPatchFailed, "/0", "outside of an array of 0"},
      {"[1]", R"([{"op":"add","path":"/2","value":1}])", kPatchFailed, "/0", "outside of an array of 1"},
      {"[1]", R"([{"op":"add","path":"/01","value":1}])", kPatchFailed, "/0", "no index"},
      {"[1]", R"([{"op":"remove","path":"/-"}])", kPatchFailed, "/0", "no index"},
      {R"({"a":1})", R"([{"op":"add","path":"/a/b","value":1}])", kPatchFailed, "/0", "has no members"},
      {R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", kPatchFailed, "/0", "into itself"},
      {R"({"key":"secret"})", R"([{"op":"test","path":"/key","value":"other"}])", kPatchFailed, "/0",
       R"(the test of "/key" does not hold)"}};
  for (const Refused& one : kCases) {
    const auto done = patched(json(one.document), one.patch);
    ASSERT_FALSE(done) << one.patch;
    EXPECT_EQ(done.error().code, one.code) << one.patch;
    EXPECT_EQ(done.error().where, one.where) << one.patch;
    EXPECT_THAT(done.error().message, HasSubstr(one.message)) << one.patch;
    EXPECT_THAT(done.error().message, ::testing::Not(HasSubstr("secret"))) << one.patch;
  }
}

std::string repeated(std::string_view operation, std::size_t times) {
  std::string out = "[";
  for (std::size_t i = 0; i < times; ++i) (out += i > 0 ? "," : "") += operation;
  return out + "]";
}

TEST(JsonPatch, copies_of_copies_meet_a_limit) {
  // Each operation doubles the array: 30 of them would make 2^30 values of a patch of two kilobytes.
  const auto bomb =
      patched(json(R"({"a":[0],"b":{}})"), repeated(R"({"op":"copy","from":"/a","path":"/a/-"})", 30));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, Code::kLimit);
  EXPECT_THAT(bomb.error().message, HasSubstr("writes more than 4194304 bytes"));
}

TEST(JsonPatch, no_patch_makes_a_document_deeper_than_can_be_read) {
  const auto deepening = [](std::size_t times) {
    return patched(json(R"({"a":{}})"), repeated(R"({"op":"move","from":"/a","path":"/b"},)"
                                                 R"({"op":"add","path":"/a","value":{}},)"
                                                 R"({"op":"move","from":"/b","path":"/a/b"})",
                                                 times));
  };
  const auto deepest = deepening(kDepthMax - 2);
  ASSERT_TRUE(deepest) << deepest.error().message;
  EXPECT_EQ(parse_json(to_json(*deepest)), deepest);
  const auto deeper = deepening(kDepthMax - 1);
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, Code::kJsonDepth);

  Json deep{JsonArray{}};
  for (int i = 1; i < kDepthMax; ++i) deep = JsonArray{std::move(deep)};
  EXPECT_TRUE(merge_patch(Json(), deep));
  EXPECT_EQ(merge_patch(Json(), JsonArray{deep}).error().code, Code::kJsonDepth);
}

TEST(JsonPatch, the_number_of_operations_and_of_moved_values_are_limited) {
  EXPECT_EQ(patched(json("{}"), repeated(R"({"op":"test","path":"","value":{}})", 3), {.operations_max = 2})
                .error()
                .code,
            Code::kLimit);
  JsonArray many(100'000);
  const auto shifting =
      patched(Json::object({{"a", many}}), repeated(R"({"op":"add","path":"/a/0","value":0})", 1000));
  ASSERT_FALSE(shifting);
  EXPECT_EQ(shifting.error().code, Code::kLimit);
  EXPECT_THAT(shifting.error().message, HasSubstr("moves more than"));
}

}  // namespace
}  // namespace rtt::text
