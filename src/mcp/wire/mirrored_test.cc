// SPDX-License-Identifier: Apache-2.0
// Goal: headers and body of a modern request say the same, whoever wrote them; values no header holds
// survive.
#include "mcp/wire/mirrored.h"

#include <gtest/gtest.h>

#include <map>

namespace rtt::mcp {
namespace {

using text::Json;
Json json(std::string_view text) { return *text::parse_json(text); }

struct Headers {
  std::map<std::string, std::string, std::less<>> held;
  explicit Headers(const MessageHeaders& headers) {
    for (const auto& [name, value] : headers) {
      std::string low = name;
      for (char& c : low) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      held[low] = value;
    }
  }
  HeaderOf of() const {
    return [this](std::string_view name) -> const std::string* {
      const auto at = held.find(name);
      return at == held.end() ? nullptr : &at->second;
    };
  }
};

const char* const kParams =
    R"({"name":"sql","arguments":{"region":"us","deep":{"n":42},"on":true,"none":null},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}})";
Json tool() {
  return json(
      R"({"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},"on":{"type":"boolean","x-mcp-header":"On"},"none":{"type":"string","x-mcp-header":"None"},"f":{"type":"number","x-mcp-header":"F"},"bad":{"type":"string","x-mcp-header":"a b"},"list":{"type":"array","items":{"type":"string","x-mcp-header":"L"}}}}})");
}
Message message(std::string_view params, std::string_view method = "tools/call") {
  return {.kind = MessageKind::kRequest,
          .id = "1",
          .method = std::string(method),
          .params = params,
          .payload = {}};
}

TEST(Mirrored, what_is_written_is_what_is_checked) {
  MessageHeaders written = modern_headers("tools/call", kParams);
  const std::vector<Json> tools{tool()};
  mirror_arguments(written, tools, kParams);
  EXPECT_EQ(written.size(), 6U);  // three of every call, three arguments
  const auto arguments = mirrored_arguments(*tool().find("inputSchema"));
  EXPECT_EQ(arguments.size(), 4U);  // numbers, names that are no token and what is in lists are not mirrored
  Headers headers(written);
  EXPECT_EQ(header_mismatch(message(kParams), headers.of()), std::nullopt);
  EXPECT_EQ(argument_mismatch(arguments, kParams, headers.of()), std::nullopt);
  for (const auto& [name, value] : Headers(written).held) {
    Headers other = headers, less = headers;
    other.held[name] = value + "x";
    less.held.erase(name);
    const bool argument = name.starts_with("mcp-param-");
    for (const Headers& wrong : {other, less}) {
      EXPECT_TRUE(argument ? argument_mismatch(arguments, kParams, wrong.of()).has_value()
                           : header_mismatch(message(kParams), wrong.of()).has_value())
          << name;
    }
  }
  headers.held["mcp-param-n"] = "42.0";
  EXPECT_EQ(argument_mismatch(arguments, kParams, headers.of()), std::nullopt);
  headers.held["mcp-param-none"] = "x";
  EXPECT_TRUE(argument_mismatch(arguments, kParams, headers.of()).has_value());
}

TEST(Mirrored, values_survive_the_header) {
  for (const std::string_view text : {"us-west1", "Hello, 世界", " padded ", "line1\nline2",
                                      "=?base64?literal?=", "", "=?base64?half", "a\tb"}) {
    const std::string value = header_value(text);
    EXPECT_EQ(from_header_value(value), text);
    for (const char c : value) EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\t') << text;
  }
  EXPECT_EQ(header_value(" padded "), "=?base64?IHBhZGRlZCA=?=");
  for (const std::string_view bad : {"=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?="})
    EXPECT_EQ(from_header_value(bad), std::nullopt);
}

}  // namespace
}  // namespace rtt::mcp
