// SPDX-License-Identifier: Apache-2.0
#include "views/provider_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "views/decode.h"
#include "views/sample_for_test.h"

namespace rtt::views {
namespace {

TEST(ProviderFile, a_row_is_another_clients_forms_in_its_own_places) {
  ProviderTable table;
  EXPECT_THAT(table.add("providers:\n"
                        "  acme:\n"
                        "    like: claude\n"
                        "    product: Acme Code\n"
                        "    agents: .acme/agents/*.md\n"
                        "    skills: .acme/skills\n"
                        "    main_rules: ACME.md\n"
                        "    rules: null\n"
                        "    commands: null\n"
                        "    servers: .acme/mcp.json\n",
                        "providers.yaml"),
              testing::IsEmpty());
  const ProviderTable moved = std::move(table);
  const Provider* acme = moved.find("acme");
  ASSERT_NE(acme, nullptr);
  const Encoded made = encode(*acme, sample_items());
  for (const TreeFile& file : made.files)
    EXPECT_TRUE(file.path.starts_with(".acme/") || file.path == "ACME.md") << file.path;
  const Encoded like = encode(*find_provider("claude"), sample_items());
  const auto agent = [](const Encoded& of, std::string_view path) {
    return std::ranges::find(of.files, path, &TreeFile::path)->bytes;
  };
  EXPECT_EQ(agent(made, ".acme/agents/tester.md"), agent(like, ".claude/agents/tester.md"));
  EXPECT_TRUE(std::ranges::any_of(
      made.losses, [](const Loss& loss) { return loss.why == "Acme Code has none of a project"; }));
  EXPECT_EQ(encode(*acme, decode(*acme, made.files).items).files, made.files);
}

TEST(ProviderFile, a_thousand_rows_and_no_more) {
  std::string yaml = "providers:\n";
  for (int i = 0; i < 1100; ++i) yaml += "  p" + std::to_string(i) + ": {like: codex}\n";
  ProviderTable table;
  const auto problems = table.add(yaml, "providers.yaml");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].message, testing::HasSubstr("more than 1000"));
  EXPECT_EQ(table.rows().size(), kProvidersMax);
  EXPECT_TRUE(std::ranges::is_sorted(table.rows(), {}, &Provider::name));
}

TEST(ProviderFile, each_mistake_is_told_with_its_line_and_the_other_rows_count) {
  const std::vector<std::pair<std::string_view, std::string_view>> all = {
      {"{product: x}", "like"},
      {"{like: nobody}", "no built-in"},
      {"{like: claude, agent: x}", "agent"},
      {"{like: claude, agents: .x/agents}", "one `*`"},
      {"{like: claude, agents: ../x/*.md}", "leads elsewhere"},
      {"{like: claude, agents: /x/*.md}", "empty part"},
      {"{like: claude, servers: '*.json'}", "no `*`"},
      {"{like: claude, skills: 3}", "a path"},
      {"{like: zed, agents: .x/*.md}", "not known"},
      {"[]", "object"},
  };
  for (const auto& [row, message] : all) {
    ProviderTable table;
    const auto problems =
        table.add("providers:\n  good: {like: codex}\n  bad: " + std::string(row) + "\n", "p.yaml");
    ASSERT_EQ(problems.size(), 1u) << row;
    EXPECT_EQ(problems[0].line, 3u) << row;
    EXPECT_EQ(problems[0].file, "p.yaml");
    EXPECT_THAT(problems[0].message, testing::HasSubstr(message)) << row;
    EXPECT_NE(table.find("good"), nullptr) << row;
    EXPECT_EQ(table.find("bad"), nullptr) << row;
  }
  ProviderTable table;
  EXPECT_EQ(table.add("providers:\n  claude: {like: codex}\n", "p").size(), 1u);
  EXPECT_EQ(table.add("providers:\n  A b: {like: codex}\n", "p").size(), 1u);
  EXPECT_EQ(table.add("providers: [", "p").size(), 1u);
  EXPECT_THAT(table.add("", "p"), testing::IsEmpty());
  EXPECT_EQ(table.rows().size(), providers().size());
}

}  // namespace
}  // namespace rtt::views
