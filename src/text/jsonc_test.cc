// SPDX-License-Identifier: Apache-2.0
// Goal: an edit changes the member named and not one byte beside it, in whatever way the file is written; and
// what was put in leaves without a trace.
#include "text/jsonc.h"

#include <gtest/gtest.h>

#include <random>

#include "text/json_token.h"

namespace rtt::text {
namespace {

JsoncText read(const std::string& text) {
  auto read = JsoncText::read(text, {.source_name = "f"});
  if (!read) ADD_FAILURE() << read.error().where << ": " << read.error().message << "\n" << text;
  return read ? *std::move(read) : *JsoncText::read("{}");
}

struct Case {
  std::string before, after;
};

TEST(Jsonc, a_new_member_is_written_as_its_neighbours_are) {
  for (const Case& one : std::vector<Case>{
           {"{}", "{\n  \"s\": {\n    \"n\": 1\n  }\n}"},
           {"{\n\t\"s\": {\n\t\t\"a\": 1\n\t}\n}\n", "{\n\t\"s\": {\n\t\t\"a\": 1,\n\t\t\"n\": 1\n\t}\n}\n"},
           {"{\r\n    \"s\": {\r\n        \"a\": 1, // x\r\n    },\r\n}",
            "{\r\n    \"s\": {\r\n        \"a\": 1, // x\r\n        \"n\": 1,\r\n    },\r\n}"},
           {"{\n  \"s\": {\n    \"a\": 1 // x\n  }\n}",
            "{\n  \"s\": {\n    \"a\": 1, // x\n    \"n\": 1\n  }\n}"},
           {R"({"s":{"a":1}})", R"({"s":{"a":1,"n":1}})"},
           {R"({"s":{}})", R"({"s":{"n":1}})"},
           {R"({ "s": { "a": 1 } })", R"({ "s": { "a": 1, "n": 1 } })"},
           {"{\n  \"s\": {}\n}", "{\n  \"s\": {\n    \"n\": 1\n  }\n}"},
           {"{\n  \"s\": {\n    // none yet\n  }\n}", "{\n  \"s\": {\n    \"n\": 1\n    // none yet\n  }\n}"},
           {"{\n  \"o\": 1\n}\n", "{\n  \"o\": 1,\n  \"s\": {\n    \"n\": 1\n  }\n}\n"},
           {"\xEF\xBB\xBF{\"s\":{\"a\":1,}}", "\xEF\xBB\xBF{\"s\":{\"a\":1,\"n\":1,}}"},
       }) {
    const auto made = read(one.before).with({"s", "n"}, "1");
    ASSERT_TRUE(made) << one.before;
    EXPECT_EQ(*made, one.after);
  }
}

TEST(Jsonc, what_is_removed_leaves_comments_and_its_neighbours_commas) {
  for (const Case& one : std::vector<Case>{
           {"{\n  \"n\": 1,\n  \"b\": 2\n}", "{\n  \"b\": 2\n}"},
           {"{\n  \"a\": 1, // a\n  // n\n  \"n\": 2 // why\n}", "{\n  \"a\": 1 // a\n  // n\n  // why\n}"},
           {"{\n  \"a\": 1\n  , \"n\": 2\n}", "{\n  \"a\": 1\n}"},
           {"{\"a\":1,\"n\":{\"x\":[1,2]},\"b\":2}", "{\"a\":1,\"b\":2}"},
           {"{ \"a\": 1, \"n\": 2, }", "{ \"a\": 1, }"},
           {"{ \"n\": 2 }", "{}"},
       }) {
    const auto made = read(one.before).without({"n"});
    ASSERT_TRUE(made) << one.before;
    EXPECT_EQ(*made, one.after);
  }
}

TEST(Jsonc, says_where_a_text_is_wrong_and_repeats_no_value) {
  struct Bad {
    std::string text, where;
    Code code;
  };
  for (const Bad& bad : std::vector<Bad>{{"{\n \"a\" 1}", "f:2:6", Code::kJsonSyntax},
                                         {"", "f:1:1", Code::kJsonSyntax},
                                         {"{\"a\":\"sentinel", "f:1:6", Code::kJsonSyntax},
                                         {"{} /* sentinel", "f:1:4", Code::kJsonSyntax},
                                         {"{} /*/", "f:1:4", Code::kJsonSyntax},
                                         {"{}{}", "f:1:3", Code::kJsonSyntax},
                                         {"[1,,2]", "f:1:4", Code::kJsonSyntax},
                                         {"{,}", "f:1:2", Code::kJsonSyntax},
                                         {"{\"a\":'sentinel'}", "f:1:6", Code::kJsonSyntax},
                                         {"\"\xff\"", "f:1:2", Code::kJsonEncoding}}) {
    const auto read = JsoncText::read(bad.text, {.source_name = "f"});
    ASSERT_FALSE(read) << bad.text;
    EXPECT_EQ(read.error().code, bad.code) << bad.text;
    EXPECT_EQ(read.error().where, bad.where) << bad.text;
    EXPECT_FALSE(read.error().message.contains("sentinel"));
  }
  EXPECT_FALSE(JsoncText::read(std::string(400, '[')));
  EXPECT_EQ(read(R"({"s":1})").with({"s", "n"}, "1").error().code, Code::kBadShape);
  EXPECT_EQ(read(R"({"s":{},"s":{}})").find({"s"}).error().code, Code::kJsonDuplicateKey);
  EXPECT_EQ(read("{\n\"s\": 1e999}").value({7, 12}).error().where, "f:2:6");
}

TEST(Jsonc, what_nobody_asks_for_may_be_no_strict_json) {
  const JsoncText odd =
      read(R"({"history":"\ud800","big":12345678901234567890,"x":1,"x":2,"s":{"a":"\u0041"}})");
  const auto at = odd.find({"s"});
  ASSERT_TRUE(at && *at);
  EXPECT_EQ(odd.value(**at)->string_or("a"), "A");
}

// A text in one of the ways people write: how it is indented, ends its lines, and what stands between.
class Writer {
 public:
  explicit Writer(std::mt19937& random) : random_(random) {
    newline_ = pick({"\n", "\r\n"});
    unit_ = pick({"  ", "    ", "\t", " "});
    inline_ = below(4) == 0;
    trailing_ = below(3) == 0;
    comments_ = below(2) == 0;
  }
  std::string document() {
    std::string out = comments_ && !inline_ ? "// top é" + newline_ : "";
    out += object(0, 3, {"s"});
    return out + (below(2) == 0 ? newline_ : "");
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string pick(const std::vector<std::string>& of) { return of[below(of.size())]; }
  std::string gap(std::size_t depth) {
    if (inline_) return " ";
    std::string out = newline_;
    if (below(6) == 0) out += newline_;
    for (std::size_t i = 0; i < depth; ++i) out += unit_;
    return out;
  }
  std::string note() {
    return !comments_ || below(3) != 0 ? "" : inline_ ? " /* \" , } */" : " // it's \"x\", {";
  }
  std::string object(std::size_t depth, std::size_t deeper, const std::vector<std::string>& always) {
    std::vector<std::string> names = always;
    for (std::size_t i = below(4); i > 0; --i)
      names.push_back(pick({"a", "ü", "b c", "\"q\"", "c"}) + std::to_string(i));
    std::string out = "{";
    for (std::size_t i = 0; i < names.size(); ++i) {
      out += gap(depth + 1);
      append_json_string(out, names[i]);
      out += inline_ ? ":" : ": ";
      out += names[i] == "s" || (deeper > 0 && below(3) == 0) ? object(depth + 1, deeper - 1, {}) : scalar();
      if (i + 1 < names.size() || trailing_) out += ",";
      out += note();
    }
    if (!names.empty()) out += gap(depth);
    return out + "}";
  }
  std::string scalar() {
    return pick({"1", "-2.5e3", "\"x // y\"", "\"\\u00e9\\\"}\"", "null", "[1, [2], {}]", "true"});
  }

  std::mt19937& random_;
  std::string newline_, unit_;
  bool inline_, trailing_, comments_;
};

TEST(Jsonc, putting_in_and_taking_out_is_the_identity_and_replacing_too) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  int kept = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string before = Writer(random).document();
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + before);
    const JsoncText text = read(before);
    const auto put = text.with({"s", "new"}, R"({"command": "rtt"})");
    ASSERT_TRUE(put);
    const auto taken = read(*put).without({"s", "new"});
    ASSERT_TRUE(taken);
    ASSERT_EQ(*taken, before) << *put;
    for (const auto& member : text.members(**text.find({"s"}))) {
      const auto other = text.with({"s", member.name}, "{\"door\": []}");
      ASSERT_TRUE(other);
      ASSERT_EQ(*read(*other).with({"s", member.name}, member.value.of(before)), before);
      const auto gone = text.without({"s", member.name});
      ASSERT_TRUE(gone);
      auto wanted = *text.value(**text.find({}));
      wanted.as_object().find("s")->as_object().erase(member.name);
      ASSERT_EQ(*read(*gone).value(**read(*gone).find({})), wanted) << *gone;
      ++kept;
    }
  }
  EXPECT_GT(kept, 500);
}

TEST(Jsonc, strings_are_told_from_keys_and_comments) {
  const auto strings = read("{\"k\": \"v\\n\", // \"no\"\n\"l\": [\"w\"]}").strings();
  ASSERT_EQ(strings.size(), 2U);
  EXPECT_EQ(strings[0].second, "v\n");
  EXPECT_EQ(strings[1].second, "w");
}

}  // namespace
}  // namespace rtt::text
