// SPDX-License-Identifier: Apache-2.0
// Against another reader: on mutated texts, whatever RTT reads simdjson reads as the same value, and what
// only simdjson reads is refused here for one of the latitudes RTT closes on purpose.
#include "text/json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <random>

namespace rtt::text {
namespace {

bool same(const Json& ours, const simdjson::dom::element& theirs) {
  switch (theirs.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return ours.is_null();
    case simdjson::dom::element_type::BOOL:
      return ours.is_bool() && ours.as_bool() == theirs.get_bool().value();
    case simdjson::dom::element_type::INT64:
      return ours.is_int() && ours.as_int() == theirs.get_int64().value();
    case simdjson::dom::element_type::UINT64:
      return false;  // beyond what RTT accepts
    case simdjson::dom::element_type::DOUBLE:
      return ours.is_number() && ours.as_double() == theirs.get_double().value();
    case simdjson::dom::element_type::STRING:
      return ours.is_string() && ours.as_string() == theirs.get_string().value();
    case simdjson::dom::element_type::ARRAY: {
      const simdjson::dom::array items = theirs.get_array().value();
      if (!ours.is_array() || ours.as_array().size() != items.size()) return false;
      std::size_t index = 0;
      return std::all_of(items.begin(), items.end(),
                         [&](const auto& item) { return same(ours.as_array()[index++], item); });
    }
    case simdjson::dom::element_type::OBJECT:
      break;
  }
  const simdjson::dom::object members = theirs.get_object().value();
  if (!ours.is_object() || ours.as_object().size() != members.size()) return false;
  return std::all_of(members.begin(), members.end(), [&](const auto& member) {
    const Json* found = ours.find(member.key);
    return found != nullptr && same(*found, member.value);
  });
}

std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::string_view kPieces[] = {"\"",
                                          "\\",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          "0",
                                          "-",
                                          "1e5",
                                          ".5",
                                          "\\u0061",
                                          "\\ud83d",
                                          "\\ude00",
                                          "\xC3\xA9",
                                          "\xED\xA0\x80",
                                          "\xFF",
                                          " ",
                                          "\n",
                                          "null",
                                          "true",
                                          "\x01",
                                          "9007199254740992",
                                          "1e400",
                                          "\"a\":1,",
                                          "E+",
                                          "\x7F"};
  for (std::size_t i = 1 + random() % 3; i > 0; --i) {
    const std::size_t at = random() % (text.size() + 1);
    switch (random() % 4) {
      case 0:
        text.erase(at, 1 + random() % 3);
        break;
      case 1:
        text.insert(at, kPieces[random() % std::size(kPieces)]);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      default:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 8));
        break;
    }
  }
  return text;
}

TEST(AgainstSimdjson, readers_agree_but_for_the_closed_latitudes) {
  constexpr std::string_view kSeeds[] = {
      R"({"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00"],"b":{"":0.1}})",
      R"([1e21,5e-324,-0.0,1.7976931348623157e308,9007199254740991,"\"\\\/\b\f\n\r\t"])",
      R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}],"isError":false}})",
      " [ [ ] , { } , \"\xE2\x82\xAC\" ] \n"};
  std::mt19937 random(7);
  simdjson::dom::parser parser;
  int both = 0;
  for (int round = 0; round < 200'000; ++round) {
    const std::string text = mutated(std::string(kSeeds[random() % std::size(kSeeds)]), random);
    const auto ours = parse_json(text);
    simdjson::dom::element theirs;
    const bool accepted = parser.parse(text).get(theirs) == simdjson::SUCCESS;
    if (ours) {
      ASSERT_TRUE(accepted) << text;
      ASSERT_TRUE(same(*ours, theirs)) << text;
      ++both;
    } else if (accepted) {
      const Code code = ours.error().code;
      ASSERT_TRUE(code == Code::kJsonDuplicateKey || code == Code::kJsonNumber)
          << code_name(code) << ' ' << ours.error().message << ": " << text;
    }
  }
  EXPECT_GT(both, 10'000);
}

}  // namespace
}  // namespace rtt::text
