// SPDX-License-Identifier: Apache-2.0
// Pages: every verb has one, its examples are command lines the parser takes, its flags are the table's, and
// every error code can be explained.
#include "cli/pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "cli/stage_test.h"

namespace rtt::cli {
namespace {

// A shell's word splitting as far as the pages use it: spaces, single and double quotes, ~.
std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  bool open = false;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == ' ') {
      if (open) words.push_back(word);
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) words.push_back(word);
  return words;
}

std::vector<std::string> lines_with(const Page& page, std::string_view prefix) {
  std::vector<std::string> found;
  std::istringstream text{std::string(page.text)};
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(prefix)) found.push_back(line.substr(prefix.size()));
  }
  return found;
}

std::vector<const Page*> verb_pages() {
  std::vector<const Page*> found;
  for (const Page& page : pages()) {
    if (!page.name.starts_with("completion.")) found.push_back(&page);
  }
  return found;
}

TEST(Pages, every_verb_has_one_and_every_page_a_verb) {
  std::set<std::string_view> firsts;
  for (const Verb& verb : verbs()) {
    if (verb.listed == Listed::kYes) firsts.insert(verb.name.substr(0, verb.name.find(' ')));
  }
  std::set<std::string_view> names;
  for (const Page* page : verb_pages()) names.insert(page->name);
  EXPECT_EQ(firsts, names);
}

TEST(Pages, two_examples_each_and_all_of_them_parse) {
  for (const Page* page : verb_pages()) {
    const auto examples = lines_with(*page, "    $ rtt ");
    EXPECT_GE(examples.size(), 2U) << page->name;
    for (const std::string& example : examples) {
      const auto command = parse(shell_words(example));
      ASSERT_TRUE(command.has_value()) << example << ": " << command.error().message;
      EXPECT_EQ(command->page, page->name) << example;
    }
  }
}

TEST(Pages, synopsis_names_the_verbs_and_flags_of_the_table) {
  for (const Verb& verb : verbs()) {
    if (verb.listed == Listed::kHidden) continue;
    const Page* page = find_page(verb.name.substr(0, verb.name.find(' ')));
    ASSERT_NE(page, nullptr) << verb.name;
    for (const Flag& flag : verb.flags) {
      EXPECT_NE(page->text.find("--" + std::string(flag.name)), std::string_view::npos)
          << verb.name << " --" << flag.name;
    }
  }
  for (const Page* page : verb_pages()) {
    for (std::size_t at = page->text.find("--"); at != std::string_view::npos;
         at = page->text.find("--", at + 2)) {
      std::string_view name = page->text.substr(at + 2);
      name = name.substr(0, name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"));
      if (name.empty() || name == "-") continue;
      const bool known = std::any_of(verbs().begin(), verbs().end(), [&](const Verb& verb) {
        return verb.name.substr(0, verb.name.find(' ')) == page->name && find_flag(verb, name) != nullptr;
      });
      const bool of_others = (page->name == "registry" || page->name == "panel") && name == "help";
      EXPECT_TRUE(known || of_others) << page->name << " mentions --" << name;
    }
  }
}

TEST(Pages, schemas_are_those_printed) {
  for (const Verb& verb : verbs()) {
    if (verb.listed == Listed::kHidden || verb.runs == Runs::kServe || verb.runs == Runs::kPanelRun) continue;
    const Page* page = find_page(verb.name.substr(0, verb.name.find(' ')));
    EXPECT_NE(page->text.find("\"schema\":\"rtt." + std::string(verb.service) + "/1\""),
              std::string_view::npos)
        << verb.name;
  }
}

TEST(Help, shows_the_page_and_the_overview_lists_every_verb) {
  Stage stage;
  for (const Page* page : verb_pages()) {
    EXPECT_EQ(stage.run({std::string(page->name), "--help"}), 0);
    EXPECT_NE(stage.out.find(title(*page)), std::string::npos) << page->name;
    EXPECT_NE(stage.out.find("    $ rtt "), std::string::npos) << page->name;
  }
  EXPECT_EQ(stage.run({"--help"}), 0);
  for (const Page* page : verb_pages())
    EXPECT_NE(stage.out.find("\n  " + std::string(page->name)), std::string::npos);
  EXPECT_EQ(stage.out.find("driver-host"), std::string::npos);
  EXPECT_TRUE(stage.asked.empty());
  std::istringstream lines(stage.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100U) << line;
}

TEST(Explain, every_code_has_its_text_and_status) {
  Stage stage;
  for (const CodeInfo& info : all_codes()) {
    EXPECT_EQ(stage.run({"explain", code_name(info.code)}), 0);
    EXPECT_NE(stage.out.find(info.title), std::string::npos);
    EXPECT_NE(stage.out.find(info.explain), std::string::npos);
    EXPECT_EQ(stage.run({"explain", std::to_string(static_cast<int>(info.code)), "--json"}), 0);
    EXPECT_EQ(document(stage.out).string_or("code"), code_name(info.code));
    EXPECT_EQ(document(stage.out).int_or("exit", -1), static_cast<int>(info.exit));
  }
  EXPECT_EQ(stage.run({"explain", "--json"}), 0);
  EXPECT_EQ(document(stage.out).find("codes")->as_array().size(), all_codes().size());
  EXPECT_EQ(stage.run({"explain", "RTT0413x"}), 2);
  EXPECT_NE(stage.err.find("rtt explain RTT0413"), std::string::npos) << stage.err;
}

TEST(Completion, scripts_are_printed_whole) {
  Stage stage;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(stage.run({"completion", shell}), 0);
    EXPECT_NE(stage.out.find("__complete"), std::string::npos) << shell;
  }
}

TEST(Completion, candidates_follow_what_was_typed) {
  Stage stage;
  stage.answer = [](const api::Ask& ask, const auto&) -> Result<api::Reply> {
    if (ask.verb == "ls.views")
      return api::Reply{.body = json(R"({"views":[{"provider":"codex"}]})"), .fds = {}};
    if (ask.verb == "view.ls" && ask.args.bool_or("all", false))
      return api::Reply{.body = json(R"({"known":[{"name":"claude"},{"name":"codex"}]})"), .fds = {}};
    if (ask.verb == "mcp.ls")
      return api::Reply{.body = json(R"({"servers":[{"name":"memory"},{"name":"files"}]})"), .fds = {}};
    return api::Reply{
        .body = json(R"({"symbols":[{"saddr":"rtt://a/tool/x@1.0.0"},{"saddr":"rtt://b/tool/y@1.0.0"}]})"),
        .fds = {}};
  };
  const auto complete = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    EXPECT_EQ(stage.run(words), 0);
    return stage.out;
  };
  EXPECT_EQ(complete({"pl"}), "plan\n");
  EXPECT_EQ(complete({"mcp", "ac"}), "accept\n");
  EXPECT_EQ(complete({"plan", "--e"}), "--explain\n");
  EXPECT_EQ(complete({"plan", "--color", "a"}), "always\nauto\n");
  EXPECT_EQ(complete({"plan", "--color=n"}), "--color=never\n");
  EXPECT_EQ(complete({"call", "rtt://a"}), "rtt://a/tool/x\n");
  EXPECT_EQ(complete({"policy", "why", "rtt://a/tool/x", "rtt://b"}), "rtt://b/tool/y\n");
  EXPECT_EQ(complete({"mcp", "restart", "files", ""}), "files\nmemory\n");
  EXPECT_EQ(complete({"explain", "RTT010"}).substr(0, 8), "RTT0101\n");
  EXPECT_EQ(complete({"view", "mount", ""}), "claude\ncodex\n");
  EXPECT_EQ(complete({"view", "unmount", ""}), "codex\n");
  EXPECT_EQ(complete({"sign", "a"}), "");
  EXPECT_EQ(complete({"rollback", ""}), "");
  EXPECT_EQ(complete({"-C", "/elsewhere", "call", ""}), "rtt://a/tool/x\nrtt://b/tool/y\n");
  EXPECT_EQ(stage.asked.back().directory, "/elsewhere");
  for (const ServiceNeed& need : stage.needs) EXPECT_EQ(need.where, Where::kInProcess);
  stage.answer = [](const api::Ask&, const auto&) -> Result<api::Reply> {
    return fail(Code::kNoWorkspace, "none");
  };
  EXPECT_EQ(complete({"call", ""}), "");
  EXPECT_EQ(stage.err, "");
}

}  // namespace
}  // namespace rtt::cli
