// SPDX-License-Identifier: Apache-2.0
#include "model/prompt_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtt::model {
namespace {

using ::testing::HasSubstr;

std::string object_of(std::string_view text, std::string_view file) {
  const PromptFile read = read_prompt_file(text, file);
  return read.problems.empty() ? text::to_json(read.object) : to_string(read.problems.front());
}

TEST(PromptFile, rules_and_commands_are_files_directly_in_their_folder) {
  for (const char* path : {"rules/main.md", "commands/fix.md", "commands/A b.md"})
    EXPECT_TRUE(is_prompt_path(path)) << path;
  for (const char* path :
       {"rules/README.md", "rules/.x.md", "rules/.md", "rules/a/b.md", "rules/main.txt", "docs/x.md"})
    EXPECT_FALSE(is_prompt_path(path)) << path;
  EXPECT_EQ(prompt_name("commands/A b.md"), "A b");
}

TEST(PromptFile, front_matter_may_be_left_away) {
  EXPECT_EQ(object_of("\r\n# Rules\r\n\r\nBe brief.\n\n", "rules/main.md"),
            R"({"instructions":"# Rules\n\nBe brief."})");
  EXPECT_EQ(object_of("---\n---\nx", "rules/main.md"), R"({"instructions":"x"})");
  EXPECT_EQ(object_of("---\nglobs: \"*.ts, src/**\"\ndescription: TS\n---\nx", "rules/ts.md"),
            R"({"description":"TS","globs":["*.ts","src/**"],"instructions":"x"})");
  EXPECT_EQ(object_of("---\ntools: [a, b]\nmodel: inherit\nargument_hint: \"[n]\"\n"
                      "native: {claude: {color: red}}\n---\nDo $ARGUMENTS\n",
                      "commands/do.md"),
            R"({"argument_hint":"[n]","instructions":"Do $ARGUMENTS","model":"inherit",)"
            R"("native":{"claude":{"color":"red"}},"tools":["a","b"]})");
}

TEST(PromptFile, a_text_of_a_lone_carriage_return_is_empty) {
  EXPECT_EQ(read_prompt_file("---\ndescription: a\n---\n\r", "rules/a.md").object.string_or("instructions"),
            "");
}

TEST(PromptFile, what_is_wrong_is_told_with_its_line) {
  EXPECT_THAT(object_of("---\nglobs: [1]\n---\n", "rules/x.md"), HasSubstr("rules/x.md:2:9: error RTT0211"));
  EXPECT_THAT(object_of("---\n\ntools: a\n---\n", "rules/x.md"), HasSubstr("rules/x.md:3:1: error RTT0210"));
  EXPECT_THAT(object_of("---\nname: x\n---\n", "commands/x.md"), HasSubstr("unknown key 'name'"));
  EXPECT_THAT(object_of("---\na: [\n---\n", "rules/x.md"), HasSubstr("error RTT0207"));
  EXPECT_THAT(object_of("---\na: 1\n", "rules/x.md"), HasSubstr("rules/x.md:1:1: error RTT0212"));
  EXPECT_THAT(object_of("---\ninstructions: y\n---\nx", "rules/x.md"), HasSubstr("below the front matter"));
  EXPECT_THAT(object_of("---\n[1]\n---\nx", "rules/x.md"), HasSubstr("must be an object"));
  EXPECT_THAT(object_of("---\nnative: {claude: 1}\n---\nx", "rules/x.md"), HasSubstr("must be an object"));
  EXPECT_THAT(object_of("---\nnative: {Claude: {}}\n---\nx", "rules/x.md"), HasSubstr("a provider's name"));
  EXPECT_THAT(object_of("\xff", "rules/x.md"), HasSubstr("rules/x.md:1:1: error RTT0205"));
  EXPECT_THAT(object_of(std::string((1 << 20) + 1, 'x'), "rules/x.md"), HasSubstr("error RTT0206"));
}

// The last signed version is kept as an object and read again as the file that stands for it.
TEST(PromptFile, the_text_of_an_object_reads_as_that_object) {
  for (const char* text :
       {"", "x", "---\n---\n---\nnot front matter\n---", "{\"a\":1}",
        "---\nglobs: ['a: b', '#c', \"\\u00e9\\n\"]\n---\n# x",
        "---\ndescription: \"multi\\nline \\\"quoted\\\" \\\\ \\t 'x'\"\n---\n- a\n- b\n"}) {
    const PromptFile read = read_prompt_file(text, "rules/x.md");
    ASSERT_TRUE(read.problems.empty()) << text << to_string(read.problems.front());
    const PromptFile again = read_prompt_file(prompt_text(read.object), "rules/x.md");
    ASSERT_TRUE(again.problems.empty()) << text << to_string(again.problems.front());
    EXPECT_EQ(again.object, read.object) << text;
  }
}

}  // namespace
}  // namespace rtt::model
