// SPDX-License-Identifier: Apache-2.0
// Json: one meaning a text. Everything RFC 8259 leaves open is refused, with the code and the place named.
#include "text/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace rtt::text {
namespace {

struct Refused {
  std::string text;
  Code code;
  std::string where;
};

void expect_refused(const std::vector<Refused>& cases) {
  for (const auto& [text, code, where] : cases) {
    const auto result = parse_json(text, {.source_name = "f.json"});
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, code) << text << ": " << result.error().message;
    EXPECT_EQ(result.error().where, "f.json:" + where) << text << ": " << result.error().message;
    EXPECT_FALSE(result.error().message.empty()) << text;
  }
}

Json parsed(std::string_view text) {
  auto result = parse_json(text);
  EXPECT_TRUE(result.has_value()) << text << ": " << (result ? "" : result.error().message);
  return result ? *std::move(result) : Json();
}

TEST(ParseJson, reads_every_kind) {
  const Json json = parsed(" {\"a\": [1, -2.5, true, false, null, \"x\"], \"\": {}} \r\n\t");
  const Json expected =
      Json::object({{"a", Json::array({1, -2.5, true, false, nullptr, "x"})}, {"", JsonObject()}});
  EXPECT_EQ(json, expected);
}

TEST(ParseJson, escapes_become_their_characters) {
  EXPECT_EQ(parsed(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00")").as_string(),
            "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(parsed(R"("\u0000")").as_string(), std::string(1, '\0'));
  EXPECT_EQ(parsed("\"\xF4\x8F\xBF\xBF\"").as_string(), "\xF4\x8F\xBF\xBF");
}

TEST(ParseJson, integral_numbers_are_integers_however_spelt) {
  for (const char* text : {"1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"}) {
    EXPECT_EQ(parsed(text), Json(1)) << text;
    EXPECT_TRUE(parsed(text).is_int()) << text;
  }
  for (const char* text :
       {"0", "-0", "-0.0", "0e5", "-0e-5", "1e-400", "-1e-99999999999999999999", "0e99999999999"}) {
    EXPECT_EQ(parsed(text), Json(0)) << text;
  }
  EXPECT_EQ(parsed("9007199254740991").as_int(), kJsonIntMax);
  EXPECT_EQ(parsed("-9007199254740991").as_int(), -kJsonIntMax);
  EXPECT_EQ(parsed("1e21").as_double(), 1e21);
  EXPECT_EQ(parsed("1.5").as_double(), 1.5);
  EXPECT_EQ(parsed("5e-324").as_double(), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parsed("1.7976931348623157e308").as_double(), std::numeric_limits<double>::max());
}

TEST(ParseJson, refuses_numbers_without_one_exact_form) {
  expect_refused({{"9007199254740992", Code::kJsonNumber, "1:1"},
                  {"-9007199254740992", Code::kJsonNumber, "1:1"},
                  {"[1, 123456789012345678901234567890]", Code::kJsonNumber, "1:5"},
                  {"1e16", Code::kJsonNumber, "1:1"},
                  {"9007199254740992.0", Code::kJsonNumber, "1:1"},
                  {"1e400", Code::kJsonNumber, "1:1"},
                  {"-1e400", Code::kJsonNumber, "1:1"},
                  {"0.1e99999999999999999999", Code::kJsonNumber, "1:1"},
                  {"1e309", Code::kJsonNumber, "1:1"}});
}

TEST(ParseJson, refuses_what_is_not_json) {
  expect_refused({
      {"", Code::kJsonSyntax, "1:1"},
      {" \n ", Code::kJsonSyntax, "2:2"},
      {"{", Code::kJsonSyntax, "1:2"},
      {"[", Code::kJsonSyntax, "1:2"},
      {"[1", Code::kJsonSyntax, "1:3"},
      {"[1,", Code::kJsonSyntax, "1:4"},
      {"[1,]", Code::kJsonSyntax, "1:3"},
      {"[1 2]", Code::kJsonSyntax, "1:4"},
      {"[,1]", Code::kJsonSyntax, "1:2"},
      {"[1}", Code::kJsonSyntax, "1:3"},
      {"{\"a\":1,}", Code::kJsonSyntax, "1:7"},
      {"{\"a\" 1}", Code::kJsonSyntax, "1:6"},
      {"{\"a\":}", Code::kJsonSyntax, "1:6"},
      {"{a:1}", Code::kJsonSyntax, "1:2"},
      {"{'a':1}", Code::kJsonSyntax, "1:2"},
      {"{1:1}", Code::kJsonSyntax, "1:2"},
      {"{\n  \"a\": 1\n  \"b\": 2\n}", Code::kJsonSyntax, "3:3"},
      {"{} x", Code::kJsonSyntax, "1:4"},
      {"1 2", Code::kJsonSyntax, "1:3"},
      {"// c\n1", Code::kJsonSyntax, "1:1"},
      {"True", Code::kJsonSyntax, "1:1"},
      {"nul", Code::kJsonSyntax, "1:1"},
      {"truex", Code::kJsonSyntax, "1:1"},
      {"NaN", Code::kJsonSyntax, "1:1"},
      {"-Infinity", Code::kJsonSyntax, "1:2"},
      {"01", Code::kJsonSyntax, "1:1"},
      {"-", Code::kJsonSyntax, "1:2"},
      {"+1", Code::kJsonSyntax, "1:1"},
      {".5", Code::kJsonSyntax, "1:1"},
      {"1.", Code::kJsonSyntax, "1:3"},
      {"1e", Code::kJsonSyntax, "1:3"},
      {"1e+", Code::kJsonSyntax, "1:4"},
      {"0x10", Code::kJsonSyntax, "1:2"},
      {"\"a", Code::kJsonSyntax, "1:1"},
      {"\"a\nb\"", Code::kJsonSyntax, "1:3"},
      {"\"\\x41\"", Code::kJsonSyntax, "1:2"},
      {"\"\\u12g4\"", Code::kJsonSyntax, "1:2"},
      {"\"\\u-123\"", Code::kJsonSyntax, "1:2"},
      {"\"\\u12", Code::kJsonSyntax, "1:2"},
      {"\"\\", Code::kJsonSyntax, "1:2"},
      {"\"\\u", Code::kJsonSyntax, "1:2"},
      {std::string("1\0", 2), Code::kJsonSyntax, "1:2"},
      {std::string("\"\0\"", 3), Code::kJsonSyntax, "1:2"},
      {std::string("[\0]", 3), Code::kJsonSyntax, "1:2"},
      {"\v1", Code::kJsonSyntax, "1:1"},
      {"\xC2\xA0"
       "1",
       Code::kJsonSyntax, "1:1"},
  });
}

TEST(ParseJson, refuses_what_is_not_utf8) {
  expect_refused({{"\xEF\xBB\xBF{}", Code::kJsonEncoding, "1:1"},
                  {std::string("\xFF\xFE{\0}\0", 6), Code::kJsonEncoding, "1:1"},
                  {"\"\xFF\"", Code::kJsonEncoding, "1:2"},
                  {"\"\xC0\x80\"", Code::kJsonEncoding, "1:2"},
                  {"\"\xE0\x80\x80\"", Code::kJsonEncoding, "1:2"},
                  {"\"ab\xED\xA0\x80\"", Code::kJsonEncoding, "1:4"},
                  {"\"\xF4\x90\x80\x80\"", Code::kJsonEncoding, "1:2"},
                  {"\"\xE2\x82", Code::kJsonEncoding, "1:2"},
                  {"[\x80]", Code::kJsonEncoding, "1:2"},
                  {R"("\ud800")", Code::kJsonEncoding, "1:2"},
                  {R"("\udc00\ud800")", Code::kJsonEncoding, "1:2"},
                  {R"("\ud800\u0041")", Code::kJsonEncoding, "1:2"},
                  {R"("\ud800\ud800")", Code::kJsonEncoding, "1:2"}});
}

TEST(ParseJson, refuses_a_key_that_stands_twice_however_spelt) {
  expect_refused({{R"({"a":1,"a":1})", Code::kJsonDuplicateKey, "1:8"},
                  {R"({"a":1,"\u0061":2})", Code::kJsonDuplicateKey, "1:8"},
                  {R"({"z":{"k":1,"b":2,"k":3}})", Code::kJsonDuplicateKey, "1:19"},
                  {R"({"":1,"":2})", Code::kJsonDuplicateKey, "1:7"},
                  {R"({"b":1,"a":2,"b":3,"a":4})", Code::kJsonDuplicateKey, "1:14"},
                  {"{\"\xF0\x9F\x98\x80\":1,\n\"\\ud83d\\ude00\":2}", Code::kJsonDuplicateKey, "2:1"}});
  EXPECT_TRUE(parse_json(R"({"a":1,"A":1,"a ":1})").has_value());
  EXPECT_NE(parse_json(R"({"k":1,"k":2})").error().message.find("\"k\""), std::string::npos);
}

TEST(ParseJson, depth_has_a_limit_and_no_stack_is_needed_beyond_it) {
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_TRUE(parse_json(nested(64, "[", "]")).has_value());
  expect_refused({{nested(65, "[", "]"), Code::kJsonDepth, "1:65"},
                  {nested(200'000, "[", "]"), Code::kJsonDepth, "1:65"},
                  {std::string(200'000, '['), Code::kJsonDepth, "1:65"},
                  {nested(200'000, "{\"a\":", "}").substr(0, 1'000'000), Code::kJsonDepth, "1:321"}});
}

TEST(ParseJson, size_has_a_limit) {
  const std::string text = "\"" + std::string(98, 'a') + "\"";
  EXPECT_TRUE(parse_json(text, {.bytes_max = 100}).has_value());
  const auto refused = parse_json(text, {.source_name = "f.json", .bytes_max = 99});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
  EXPECT_EQ(refused.error().where, "f.json");
}

TEST(ParseJson, a_large_object_in_falling_key_order_is_read) {
  std::string text = "{";
  constexpr int kKeys = 80'000;
  for (int i = kKeys; i > 0; --i) text += "\"" + std::to_string(1'000'000 + i) + "\":1" + (i > 1 ? "," : "}");
  const Json json = parsed(text);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json.as_object().size(), std::size_t{kKeys});
  EXPECT_EQ(json.as_object().begin()->first, "1000001");
}

TEST(ParseJson, errors_say_what_to_do_and_repeat_no_value) {
  EXPECT_EQ(parse_json("[1,]").error().hint, "remove the comma");
  EXPECT_EQ(parse_json("{'a':1}").error().hint, "strings and keys take double quotes");
  EXPECT_EQ(parse_json("True").error().hint, "write true, in lower case");
  for (const char* text : {"{\"token\": hunter2}", "{\"token\": \"hunter2", "{\"token\": \"\\hunter2\"}"}) {
    const Error error = parse_json(text).error();
    EXPECT_EQ((error.message + error.hint).find("hunter2"), std::string::npos) << text;
  }
  EXPECT_EQ(parse_json("]").error().where, "1:1");
}

TEST(Json, members_and_defaults) {
  Json json;
  json.set("s", "text").set("i", 7).set("b", true).set("i", 8);
  json.set("list", Json::array({1}));
  EXPECT_EQ(json.string_or("s"), "text");
  EXPECT_EQ(json.string_or("i", "none"), "none");
  EXPECT_EQ(json.int_or("i", 0), 8);
  EXPECT_EQ(json.int_or("s", -1), -1);
  EXPECT_TRUE(json.bool_or("b", false));
  EXPECT_TRUE(json.bool_or("absent", true));
  EXPECT_EQ(json.find("absent"), nullptr);
  EXPECT_EQ(Json(1).find("s"), nullptr);
  Json list;
  list.push(1);
  list.push("x");
  EXPECT_EQ(list, Json::array({1, "x"}));
}

TEST(Json, numbers_are_normalised_on_construction) {
  EXPECT_TRUE(Json(3.0).is_int());
  EXPECT_TRUE(Json(-0.0).is_int());
  EXPECT_EQ(Json(3.5).kind(), JsonKind::kDouble);
  EXPECT_EQ(Json(std::uint64_t{1} << 60), Json("1152921504606846976"));
  EXPECT_EQ(Json(std::numeric_limits<std::int64_t>::min()), Json("-9223372036854775808"));
  EXPECT_TRUE(Json(kJsonIntMax).is_int());
}

TEST(JsonDeathTest, a_wrong_kind_is_a_bug_and_stops) {
  EXPECT_DEATH(std::ignore = Json("x").as_int(), "");
  EXPECT_DEATH(Json(std::nan("")), "");
}

TEST(ToJson, compact_and_pretty) {
  const Json json = parsed(R"({"b":[1,{"c":"\u001f\"\u00e9"}],"a":{},"e":[]})");
  EXPECT_EQ(to_json(json), "{\"a\":{},\"b\":[1,{\"c\":\"\\u001f\\\"\xC3\xA9\"}],\"e\":[]}");
  EXPECT_EQ(to_pretty_json(json),
            "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": \"\\u001f\\\"\xC3\xA9\"\n    }\n  ],\n"
            "  \"e\": []\n}\n");
  EXPECT_EQ(parsed(to_pretty_json(json)), json);
  EXPECT_EQ(to_json(Json("a\xFF\xC3z")), "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

TEST(Locate, finds_values_and_keys) {
  const std::string_view text = "{\n  \"a\": [1, {\"b/c\": true,\n \"~\": 2}],\n  \"\": null\n}";
  const auto at = [&](std::string_view pointer, Part part = Part::kValue) -> std::string {
    const auto position = locate(text, pointer, part);
    return position ? std::to_string(position->line) + ":" + std::to_string(position->column) : "none";
  };
  EXPECT_EQ(at(""), "1:1");
  EXPECT_EQ(at("/a"), "2:8");
  EXPECT_EQ(at("/a", Part::kKey), "2:3");
  EXPECT_EQ(at("/a/0"), "2:9");
  EXPECT_EQ(at("/a/1/b~1c"), "2:20");
  EXPECT_EQ(at("/a/1/~0", Part::kKey), "3:2");
  EXPECT_EQ(at("/", Part::kKey), "4:3");
  for (const char* absent :
       {"a", "/x", "/a/2", "/a/00", "/a/-", "/a/1/~2", "/a/1/~", "/a/0/x", "/a/99999999999999999999"}) {
    EXPECT_EQ(at(absent), "none") << absent;
  }
  EXPECT_TRUE(locate("{\"a\": 1, \"b\": oops", "/a").has_value());
  EXPECT_FALSE(locate("{\"x\": oops, \"a\": 1}", "/a").has_value());
  EXPECT_FALSE(locate("", "").has_value());
  EXPECT_EQ(escape_pointer("a~/b"), "a~0~1b");
}

}  // namespace
}  // namespace rtt::text
