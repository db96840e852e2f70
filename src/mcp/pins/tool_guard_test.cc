// SPDX-License-Identifier: Apache-2.0
// Goal: what panel.yaml says of a tool is held, what it does not say costs nothing.
#include "mcp/pins/tool_guard.h"

#include <gtest/gtest.h>

namespace rtt::mcp {
namespace {

using model::CheckMode;
using model::ToolLimits;

std::shared_ptr<const ToolGuard> guard(const ToolLimits& limits) {
  return ToolGuard::make(limits, "rtt://a/tool/add@1.0.0",
                         *text::parse_json(R"({"name":"add","inputSchema":{"required":["a"]},)"
                                           R"("outputSchema":{"properties":{"total":{"type":"number"}}}})"));
}

TEST(ToolGuard, is_none_where_nothing_is_held) {
  EXPECT_EQ(guard({.output = CheckMode::kOff}), nullptr);
  EXPECT_NE(guard({}), nullptr);  // it has an outputSchema
  EXPECT_EQ(ToolGuard::make({}, "x", *text::parse_json(R"({"name":"x"})")), nullptr);
}

TEST(ToolGuard, holds_results_to_size_and_schema) {
  const auto held = guard({.result_bytes = 60, .output = CheckMode::kRefuse});
  EXPECT_FALSE(held->check_result(R"({"structuredContent":{"total":1}})"));
  const auto wrong = held->check_result(R"({"structuredContent":{"total":"1"}})");
  ASSERT_TRUE(wrong);
  EXPECT_TRUE(wrong->refuses);
  EXPECT_NE(wrong->why.message.find("structuredContent/total is not of type number"), std::string::npos);
  EXPECT_TRUE(held->check_result(R"({"content":[]})"));
  EXPECT_FALSE(held->check_result(R"({"content":[],"isError":true})"));
  EXPECT_FALSE(held->check_result(R"({"resultType":"input_required"})"));
  EXPECT_TRUE(held->check_result(R"({"structuredContent":{"total":1},"structuredContent":{}})"));
  const auto large =
      held->check_result(R"({"structuredContent":{"total":1},"content":[{"type":"text","text":""}]})");
  ASSERT_TRUE(large);
  EXPECT_EQ(large->why.code, Code::kTooLarge);
  EXPECT_FALSE(guard({})->check_result(R"({"content":[]})")->refuses);  // warn
}

TEST(ToolGuard, holds_arguments_where_asked) {
  EXPECT_FALSE(guard({})->check_params(R"({"name":"add","arguments":{}})"));
  const auto held = guard({.arguments = CheckMode::kRefuse});
  EXPECT_FALSE(held->check_params(R"({"name":"add","arguments":{"a":1}})"));
  for (const char* bad : {R"({"name":"add","arguments":{}})", R"({"name":"add"})",
                          R"({"name":"add","arguments":{"a":1},"Arguments":{}})"}) {
    const auto found = held->check_params(bad);
    ASSERT_TRUE(found) << bad;
    EXPECT_EQ(found->why.code, Code::kBadArgument);
  }
}

}  // namespace
}  // namespace rtt::mcp
