// SPDX-License-Identifier: Apache-2.0
#include "chaos/cases.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace rtt::chaos {
namespace {

std::string file_of(const std::string& path) {
  std::ifstream file(std::string(RTT_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Cases, the_published_sample_is_read_verbatim) {
  const auto cases = read_cases(file_of("tests/samples/chaos-cases.yaml"), "cases.yaml");
  ASSERT_TRUE(cases.has_value()) << cases.error().message;
  ASSERT_EQ(cases->size(), 2U);
  const Case killed{.name = "kill_driver",
                    .action = Action::kKill,
                    .target = {.kind = Target::Kind::kConnector, .connector = "http", .from = {}, .to = {}},
                    .start_ms = 500,
                    .dur_ms = 1000};
  EXPECT_EQ((*cases)[0], killed);
  const Case slow{.name = "slow_consumer",
                  .action = Action::kSleep,
                  .target = {.kind = Target::Kind::kRoute,
                             .connector = {},
                             .from = "rtt://core/bus/events",
                             .to = "logger"},
                  .latency_ms = 50};
  EXPECT_EQ((*cases)[1], slow);
}

TEST(Cases, the_example_begins_with_the_sample) {
  const auto sample = read_cases(file_of("tests/samples/chaos-cases.yaml"), "sample");
  const auto shipped = read_cases(file_of("examples/panel/workspace/chaos/cases.yaml"), "shipped");
  ASSERT_TRUE(sample.has_value() && shipped.has_value());
  ASSERT_GE(shipped->size(), 8U);
  EXPECT_TRUE(std::equal(sample->begin(), sample->end(), shipped->begin()));
  EXPECT_NE(
      file_of("examples/panel/workspace/chaos/cases.yaml").find(file_of("tests/samples/chaos-cases.yaml")),
      std::string::npos)
      << "not verbatim";
}

struct Wrong {
  const char* text;
  const char* where;
  const char* message;
  const char* hint;
};

TEST(Cases, a_wrong_file_is_told_by_line_reason_and_nearest_word) {
  const Wrong wrongs[] = {
      {"- {name: a, action: SIGKIL, target: panel}", "f:1:21", "no fault is called `SIGKIL`", "SIGKILL"},
      {"- {name: a, action: slep, target: 'route:a->b'}", "f:1:21", "no fault is called `slep`", "sleep"},
      {"- name: a\n  action: SIGKILL\n  target: conector:http", "f:3:11", "no target", "connector:NAME"},
      {"- name: a\n  action: SIGKILL\n  target: 'route:a'", "f:3:11", "no target", "route:A->B"},
      {"- name: a\n  action: SIGKILL\n  target: 'route:a->b'", "f:3:11", "SIGKILL does not hit a route",
       "panel or connector:NAME"},
      {"- name: a\n  action: sleep\n  target: panel", "f:3:11", "sleep does not hit a panel", "route:A->B"},
      {"- {name: a, action: clock, target: 'connector:x'}", "f:1:36", "clock does not hit a connector",
       "panel"},
      {"- {name: a, action: clock, target: panel, latncy_ms: 5}", "f:1:43", "latncy_ms", "latency_ms"},
      {"- {action: clock, target: panel}", "f:1", "name", ""},
      {"- {name: a, action: clock, target: panel, window: {start_ms: -1}}", "f:1:62",
       "start_ms is 0 to 60000", ""},
      {"- {name: a, action: clock, target: panel, window: {dur: 1}}", "f:1:52", "dur", "dur_ms"},
      {"- {name: a, action: clock, target: panel, within_ms: 0}", "f:1:54", "within_ms is 1 to 600000", ""},
      {"- {name: a, action: clock, target: panel}\n- {name: a, action: clock, target: panel}", "f:2:10",
       "two cases are called `a`", ""},
      {"name: a", "f:1", "a list of cases", ""},
      {"[]", "f:1", "a list of cases", ""},
      {"- {name: a", "f:1", "", ""},
  };
  for (const Wrong& wrong : wrongs) {
    const auto cases = read_cases(wrong.text, "f");
    ASSERT_FALSE(cases.has_value()) << wrong.text;
    EXPECT_TRUE(cases.error().where.starts_with(wrong.where)) << wrong.text << ": " << cases.error().where;
    EXPECT_NE(cases.error().message.find(wrong.message), std::string::npos)
        << wrong.text << ": " << cases.error().message;
    EXPECT_NE(cases.error().hint.find(wrong.hint), std::string::npos)
        << wrong.text << ": " << cases.error().hint;
  }
}

TEST(Cases, there_are_not_more_than_the_limit) {
  std::string text;
  for (std::size_t i = 0; i <= kChaosCasesMax; ++i)
    text += "- {name: c" + std::to_string(i) + ", action: clock, target: panel}\n";
  const auto cases = read_cases(text, "f");
  ASSERT_FALSE(cases.has_value());
  EXPECT_EQ(cases.error().code, Code::kLimit);
}

}  // namespace
}  // namespace rtt::chaos
