// SPDX-License-Identifier: Apache-2.0
// Goal: each address has its own figures, and their number has a limit.
#include "mcp/tool_stats.h"

#include <gtest/gtest.h>

namespace rtt::mcp {
namespace {

using Ended = ToolStats::Ended;

TEST(ToolStats, count_each_tool_for_itself) {
  ToolStats stats;
  for (int i = 1; i <= 100; ++i) stats.record("rtt://a/tool/x@1.0.0", {i * 1000}, Ended::kWell);
  stats.record("rtt://a/tool/y@1.0.0", {5}, Ended::kBadly);
  stats.record("rtt://ab/tool/x@1.0.0", {5}, Ended::kWell);
  const text::Json rows = stats.rows("a");
  ASSERT_EQ(rows.as_array().size(), 2U);
  const text::Json& x = rows.as_array()[0];
  EXPECT_EQ(x.int_or("calls", 0), 100);
  EXPECT_EQ(x.int_or("errors", 9), 0);
  for (const auto& [field, wanted] : {std::pair("p50_ns", 50'000), {"p95_ns", 95'000}, {"p99_ns", 99'000}}) {
    EXPECT_GE(x.int_or(field, 0), wanted);
    EXPECT_LE(x.int_or(field, 0), wanted * 9 / 8);
  }
  EXPECT_EQ(rows.as_array()[1].int_or("errors", 0), 1);
}

TEST(ToolStats, have_a_limit) {
  ToolStats stats;
  for (std::size_t i = 0; i < 3 * kToolStatsMax; ++i)
    stats.record("rtt://a/tool/t" + std::to_string(i) + "@1.0.0", {5}, Ended::kWell);
  EXPECT_EQ(stats.rows("a").as_array().size(), kToolStatsMax - 1);
}

}  // namespace
}  // namespace rtt::mcp
