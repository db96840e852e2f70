// SPDX-License-Identifier: Apache-2.0
// Goal: classify() agrees with the strict reader on what is JSON, and hands payloads out byte for byte.
// Method: JSON's own corner cases, an oracle (text/json.h) over mutated messages, and exact bytes.
#include "mcp/wire/jsonrpc.h"

#include <gtest/gtest.h>

#include <random>

#include "text/json.h"

namespace rtt::mcp {
namespace {

TEST(Classify, tells_the_four_kinds_apart) {
  const Message request = classify(R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}})");
  EXPECT_EQ(request.kind, MessageKind::kRequest);
  EXPECT_EQ(request.id, "7");
  EXPECT_EQ(request.method, "tools/call");
  EXPECT_EQ(request.params, R"({"name":"x"})");
  EXPECT_EQ(classify(R"({"jsonrpc":"2.0","method":"a"})").kind, MessageKind::kNotification);
  EXPECT_EQ(classify(R"({"jsonrpc":"2.0","id":"a","result":{}})").kind, MessageKind::kResult);
  EXPECT_EQ(classify(R"({"jsonrpc":"2.0","id":null,"error":{"code":1}})").kind, MessageKind::kError);
}

TEST(Classify, member_order_and_space_do_not_matter) {
  const Message reply =
      classify("\t{ \"result\" : [1, 2 ] , \"id\" : \"x\\\"y\" , \"jsonrpc\":\"2.0\" , \"more\":1 } ");
  EXPECT_EQ(reply.kind, MessageKind::kResult);
  EXPECT_EQ(reply.id, R"("x\"y")");
  EXPECT_EQ(reply.payload, "[1, 2 ]");
}

TEST(Classify, escaped_names_are_read_like_plain_ones) {
  const Message request = classify(R"({"\u006asonrpc":"2.0","id":1,"\u006dethod":"tools\/call"})");
  EXPECT_EQ(request.kind, MessageKind::kRequest);
  EXPECT_EQ(request.method, "tools/call");
}

TEST(Classify, a_doubled_member_is_refused_however_it_is_written) {
  for (const char* line : {R"({"jsonrpc":"2.0","id":1,"id":2,"method":"a"})",
                           R"({"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"a"})",
                           R"({"jsonrpc":"2.0","id":1,"result":1,"result":2})"}) {
    const Message message = classify(line);
    EXPECT_EQ(message.kind, MessageKind::kInvalid) << line;
    EXPECT_EQ(message.fault, Fault::kShape) << line;
  }
}

TEST(Classify, shapes_that_are_no_message) {
  for (const char* line :
       {"[]", "1", "{}", R"({"id":1,"method":"a"})", R"({"jsonrpc":"1.0","id":1,"method":"a"})",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})",
        R"({"jsonrpc":"2.0","id":{},"method":"a"})", R"({"jsonrpc":"2.0","id":1,"method":3})",
        R"({"jsonrpc":"2.0","id":null,"method":"a"})", R"({"jsonrpc":"2.0","result":1})",
        R"({"jsonrpc":"2.0","id":1,"method":"a","params":3})",
        R"([{"jsonrpc":"2.0","id":1,"method":"a"}])"}) {
    const Message message = classify(line);
    EXPECT_EQ(message.kind, MessageKind::kInvalid) << line;
    EXPECT_EQ(message.fault, Fault::kShape) << line;
  }
}

TEST(Classify, text_that_is_not_json) {
  for (const std::string& line :
       {std::string("hello"), std::string("{"), std::string(R"({"jsonrpc":"2.0",})"),
        std::string(R"({"a":01})"), std::string(R"({"a":"\x"})"), std::string("{\"a\":\"\n\"}"),
        std::string("{\"a\":\"\xFF\"}"), std::string("{\"a\":\"\xED\xA0\x80\"}"),
        std::string("{\"a\":\"\xC0\xAF\"}"), std::string(R"({"a":1} x)"), std::string(R"({"a":[1})"),
        std::string(R"({"a":+1})"), std::string(R"({"a":.5})"), std::string(R"({"a":1.})"),
        std::string(R"({"a":tru})"), std::string(R"({"a":"\u12"})"), std::string("")}) {
    EXPECT_EQ(classify(line).fault, Fault::kSyntax) << line;
  }
}

TEST(Classify, depth_is_bounded_without_recursion) {
  const auto nested = [](std::size_t depth) {
    return R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(classify(nested(kRpcDepthMax)).kind, MessageKind::kResult);
  EXPECT_EQ(classify(nested(kRpcDepthMax + 1)).fault, Fault::kSyntax);
  EXPECT_EQ(classify(std::string(1'000'000, '[')).fault, Fault::kSyntax);
}

// The strict reader refuses more (doubled keys anywhere, big integers, depth 64, lone surrogates); whatever
// it takes, classify takes, and whatever is no JSON at all, both refuse.
TEST(Classify, agrees_with_the_strict_reader_on_mutated_messages) {
  const std::string seed =
      R"({"jsonrpc":"2.0","id":12,"result":{"content":[{"type":"text","text":"a\u00e9\n\"ü€😀"}],"n":[-1.5e3,0,true,null]}})";
  const std::string alphabet = "{}[]\",:\\u0e1-.+tfn \x80\xC3\n";
  const unsigned run_seed = std::random_device{}();
  SCOPED_TRACE(run_seed);
  std::mt19937 random(run_seed);
  int valid = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string line = seed;
    for (unsigned i = 0; i <= random() % 3; ++i) {
      const std::size_t at = random() % line.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          line[at] = c;
          break;
        case 1:
          line.insert(at, 1, c);
          break;
        default:
          line.erase(at, 1 + random() % 4);
          break;
      }
    }
    const bool strict = text::parse_json(line).has_value();
    const bool scanned = is_json(line);
    if (strict) {
      EXPECT_TRUE(scanned) << line;
    }
    if (scanned) {
      ++valid;
      const auto parsed = text::parse_json(line);
      if (!parsed) {
        EXPECT_NE(parsed.error().code, Code::kJsonSyntax) << line;
      }
    }
    const Message message = classify(line);
    EXPECT_EQ(message.fault == Fault::kSyntax, !scanned) << line;
  }
  EXPECT_GT(valid, 500);
}

TEST(Member, finds_top_level_members_only) {
  const std::string_view object = R"({"a":{"b":1},"b":[2], "c":"}"})";
  EXPECT_EQ(member(object, "b"), "[2]");
  EXPECT_EQ(member(object, "c"), R"("}")");
  EXPECT_EQ(member(object, "d"), std::nullopt);
  EXPECT_EQ(member("{}", "a"), std::nullopt);
  EXPECT_EQ(member("[1]", "a"), std::nullopt);
}

TEST(Strings, decode_and_quote_are_inverse) {
  const std::string text = "tab\t quote\" back\\ nul-less é 😀 /";
  EXPECT_EQ(decode_string(json_quoted(text)), text);
  EXPECT_EQ(decode_string(R"("\ud83d\ude00\/")"), "😀/");
  EXPECT_EQ(decode_string(R"("\ud83d")"), std::nullopt);
  EXPECT_EQ(decode_string("7"), std::nullopt);
  EXPECT_EQ(json_quoted("\xFF"), "\"\xEF\xBF\xBD\"");
}

TEST(OwnId, is_a_plain_unsigned_integer) {
  EXPECT_EQ(own_id("0"), 0U);
  EXPECT_EQ(own_id("18446744073709551615"), UINT64_MAX);
  for (const char* raw : {"-1", "01", "1.0", "1e0", "\"1\"", "18446744073709551616", ""}) {
    EXPECT_EQ(own_id(raw), std::nullopt) << raw;
  }
}

TEST(Lines, carry_payloads_byte_for_byte) {
  const std::string payload = R"({ "b" :1.0,  "a":"\u00e9\/" })";
  EXPECT_EQ(result_line("\"x\"", payload), R"({"jsonrpc":"2.0","id":"x","result":)" + payload + "}\n");
  EXPECT_EQ(classify(result_line("\"x\"", payload)).payload, payload);
  EXPECT_EQ(request_line(3, "ping", {}), "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n");
  EXPECT_EQ(error_line({}, error_object(RpcCode::kParse, "no")),
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}\n");
}

TEST(Spliced, replaces_exactly_the_part) {
  const std::string whole = R"({"_meta":{"progressToken":"t"},"x":"t"})";
  const auto token = member(*member(whole, "_meta"), "progressToken");
  EXPECT_EQ(spliced(whole, *token, "42"), R"({"_meta":{"progressToken":42},"x":"t"})");
}

}  // namespace
}  // namespace rtt::mcp
