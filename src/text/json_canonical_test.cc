// SPDX-License-Identifier: Apache-2.0
// Canonical JSON: RFC 8785's own vectors, then the laws signing rests on: one value has one text, and two
// values two.
#include "text/json_canonical.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "text/json_token.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

std::string canonical(std::string_view text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json.has_value()) << text << ": " << (json ? "" : json.error().message);
  return json ? canonical_json(*json) : "";
}

std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

// RFC 8785 appendix B.
TEST(CanonicalJson, rfc8785_number_samples) {
  const std::pair<std::uint64_t, std::string_view> samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : samples) EXPECT_EQ(number(std::bit_cast<double>(bits)), text);
}

// RFC 8785 §3.2.2 and §3.2.4.
TEST(CanonicalJson, rfc8785_sample_object) {
  EXPECT_EQ(canonical(R"({
     "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
     "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
     "literals": [null, true, false]
   })"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

// The worked example of docs/formats/canonical-json.md.
TEST(CanonicalJson, the_documented_example_holds) {
  EXPECT_EQ(canonical(R"({ "b": [1.0, 2e3, 0.000001],  "\u00e9": "\u000f/\u0022",
      "a": null })"),
            R"({"a":null,"b":[1,2000,0.000001],"é":"\u000f/\""})");
}

// RFC 8785 §3.2.3: keys as UTF-16 code units, so the emoji (D83D DE00) comes before U+FB33.
TEST(CanonicalJson, rfc8785_key_order) {
  EXPECT_EQ(
      canonical(R"({
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    })"),
      "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
      "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
      "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

// The structures, values, weird and french samples published with the RFC.
TEST(CanonicalJson, published_samples) {
  EXPECT_EQ(canonical("[56,{\"d\":true,\"10\":null,\"1\":[]}]"), "[56,{\"1\":[],\"10\":null,\"d\":true}]");
  EXPECT_EQ(canonical(R"({"1":{"f":{"f":"hi","F":5},"\n":56.0},"10":{},"":"empty","a":{},)"
                      R"("111":[{"e":"yes","E":"no"}],"A":{}})"),
            R"({"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},)"
            R"("111":[{"E":"no","e":"yes"}],"A":{},"a":{}})");
  EXPECT_EQ(canonical(R"({"peach":"a","péché":"b","pêche":"c","sin":"d"})"),
            R"({"peach":"a","péché":"b","pêche":"c","sin":"d"})");
  EXPECT_EQ(canonical(R"({"Unnormalized Unicode":"A\u030a"})"), "{\"Unnormalized Unicode\":\"A\xCC\x8A\"}");
}

// Plain bytes are passed over eight at a time: what needs an escape is found wherever it stands among them.
TEST(CanonicalJson, each_byte_is_written_the_same_at_every_place_of_a_text) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string alone;
    append_json_string(alone, std::string(1, static_cast<char>(byte)));
    const std::string written = alone.substr(1, alone.size() - 2);
    for (std::size_t length = 1; length <= 18; ++length) {
      for (std::size_t at = 0; at < length; ++at) {
        std::string text(length, '~'), out;
        text[at] = static_cast<char>(byte);
        append_json_string(out, text);
        ASSERT_EQ(out, '"' + std::string(at, '~') + written + std::string(length - at - 1, '~') + '"')
            << byte << " at " << at << " of " << length;
      }
    }
  }
}

}  // namespace
}  // namespace rtt::text
