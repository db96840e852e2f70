// SPDX-License-Identifier: Apache-2.0
// Goal: the member is added, and without it everything is as it was.
#include "mcp/wire/result_meta.h"

#include <gtest/gtest.h>

#include "mcp/wire/jsonrpc.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kKey = "a.b/c", kValue = R"({"n":1})";

TEST(ResultMeta, is_put_in_front_and_nothing_else_changes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{}", R"({"_meta":{"a.b/c":{"n":1}}})"},
      {R"({ "x" : 1.50e0 , "y":[] })", R"({"_meta":{"a.b/c":{"n":1}}, "x" : 1.50e0 , "y":[] })"},
      {R"({"x":1,"_meta":{}})", R"({"x":1,"_meta":{"a.b/c":{"n":1}}})"},
      {R"({"x":1,"_meta": { "p":2 },"z":3})", R"({"x":1,"_meta": {"a.b/c":{"n":1}, "p":2 },"z":3})"},
      // One that is not the result's own.
      {R"({"x":{"_meta":{"p":2}}})", R"({"_meta":{"a.b/c":{"n":1}},"x":{"_meta":{"p":2}}})"},
      {R"({"text":"\"_meta\":{}"})", R"({"_meta":{"a.b/c":{"n":1}},"text":"\"_meta\":{}"})"},
      {R"({"_meta":7})", R"({"_meta":7})"},
      {"[]", "[]"},
      {"null", "null"},
  };
  for (const auto& [before, after] : cases) {
    EXPECT_EQ(with_meta(before, kKey, kValue), after);
    EXPECT_TRUE(is_json(with_meta(before, kKey, kValue))) << before;
  }
}

TEST(ResultMeta, nobody_else_has_the_key) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"_meta":{"a.b/c":2}})", R"({"_meta":{"a.b/c":{"n":1}}})"},
      {R"({"_meta":{"p":3,"a.b/c":2,"a.b\/c":4},"x":1})", R"({"_meta":{"a.b/c":{"n":1},"p":3},"x":1})"},
      {R"({"_meta":{"\u0061.b/c":2,"q":"\u00e9"}})", R"({"_meta":{"a.b/c":{"n":1},"q":"\u00e9"}})"},
      {R"({"\u005fmeta":{"a.b/c":2}})", R"({"\u005fmeta":{"a.b/c":{"n":1}}})"},
      {R"({"_meta":{"p":1},"x":1,"_m\u0065ta":{"a.b/c":2,"q":1}})",
       R"({"x":1,"_meta":{"a.b/c":{"n":1},"q":1}})"},
      {R"({"_meta":{"a.b/c":2},"_meta":7})", R"({"_meta":7})"},
  };
  for (const auto& [before, after] : cases) EXPECT_EQ(with_meta(before, kKey, kValue), after);
}

TEST(ResultMeta, without_a_value_the_key_is_only_taken_away) {
  EXPECT_EQ(with_meta(R"({"x":1})", kKey, {}), R"({"x":1})");
  EXPECT_EQ(with_meta(R"({"_meta":{"p":1}})", kKey, {}), R"({"_meta":{"p":1}})");
  EXPECT_EQ(with_meta(R"({"_meta":{"a.b/c":1}})", kKey, {}), R"({"_meta":{}})");
}

}  // namespace
}  // namespace rtt::mcp
