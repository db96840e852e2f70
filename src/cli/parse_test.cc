// SPDX-License-Identifier: Apache-2.0
// Parser: what words become, which words are refused, and that a mistake is answered with what was meant.
#include "cli/parse.h"

#include <gtest/gtest.h>

#include "text/json.h"

namespace rtt::cli {
namespace {

Command good(const std::vector<std::string>& words) {
  auto command = parse(words);
  EXPECT_TRUE(command.has_value()) << (command ? "" : command.error().message);
  return command ? std::move(*command) : Command{};
}
Error bad(const std::vector<std::string>& words) {
  auto command = parse(words);
  EXPECT_FALSE(command.has_value());
  return command ? Error{} : command.error();
}
std::string args(const std::vector<std::string>& words) { return text::to_json(good(words).args); }

TEST(Parse, flags_stand_anywhere_and_take_values_both_ways) {
  EXPECT_EQ(args({"plan", "--explain", "--trust-key", "a.pub", "--trust-key=b.pub"}),
            R"({"explain":true,"trust_key":["a.pub","b.pub"]})");
  EXPECT_EQ(args({"log", "--limit=5", "--since", "10m"}), R"({"limit":5,"since":"10m"})");
  const Command command =
      good({"-C", "/w", "--json", "mcp", "--quiet", "import", "--yes", "a.json", "--color", "never"});
  EXPECT_EQ(command.verb->name, "mcp import");
  EXPECT_EQ(command.directory, "/w");
  EXPECT_TRUE(command.json && command.quiet && command.yes);
  EXPECT_EQ(command.colour, Colour::kNever);
  EXPECT_EQ(text::to_json(command.args), R"({"files":["a.json"]})");
  EXPECT_EQ(good({"-C/w", "scan"}).directory, "/w");
}

TEST(Parse, after_two_dashes_everything_is_a_word) {
  EXPECT_EQ(args({"sign", "--", "--yes", "-C"}), R"({"paths":["--yes","-C"]})");
  EXPECT_EQ(args({"sign", "-"}), R"({"paths":["-"]})");
}

TEST(Parse, flags_behind_a_command_to_run_are_its_own) {
  const Command command = good({"run", "--json", "--provider", "codex", "claude", "--help", "--", "-C", "x"});
  EXPECT_TRUE(command.json);
  EXPECT_EQ(command.wants, Wants::kRun);
  EXPECT_EQ(text::to_json(command.args),
            R"({"command":["claude","--help","--","-C","x"],"provider":"codex"})");
  EXPECT_EQ(args({"run", "--", "--odd"}), R"({"command":["--odd"]})");
  EXPECT_EQ(bad({"run", "--help-me", "claude"}).code, Code::kUnknownFlag);
}

TEST(Parse, words_are_counted) {
  EXPECT_EQ(args({"rollback", "3"}), R"({"seq":3})");
  EXPECT_EQ(bad({"rollback"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"rollback", "3", "4"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"rollback", "three"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"rollback", "99999999999999999999"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"undo", "1"}).hint, "rtt undo");
  EXPECT_EQ(bad({"mcp", "restart"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"mcp"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"log", "--limit"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"log", "--limit", "1", "--limit", "2"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"plan", "--check=yes"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"plan", "--color", "blue"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"plan", "-C"}).code, Code::kBadArgument);
  EXPECT_EQ(parse(std::vector<std::string>(kWordsMax + 1, "sign")).error().code, Code::kLimit);
}

TEST(Parse, pairs_are_json_where_they_read_as_json) {
  EXPECT_EQ(
      args({"call", "a/b", "n=3", "on=true", "list=[1,2]", "text=hello", "empty=", "id=\"42\"", "eq=a=b"}),
      R"({"arguments":{"empty":"","eq":"a=b","id":"42","list":[1,2],"n":3,"on":true,"text":"hello"},"saddr":"a/b"})");
  EXPECT_EQ(args({"call", "a/b", R"({"n":3})"}), R"({"arguments":{"n":3},"saddr":"a/b"})");
  EXPECT_EQ(args({"call", "a/b"}), R"({"arguments":{},"saddr":"a/b"})");
  EXPECT_EQ(bad({"call", "a/b", "{\"n\":"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"call", "a/b", "[1]"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"call", "a/b", "n"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"call", "a/b", "n=1", "n=2"}).code, Code::kBadArgument);
  EXPECT_EQ(bad({"call", "a/b", R"({"n":1,"n":2})"}).code, Code::kBadArgument);
}

TEST(Parse, a_route_is_two_words_or_one_quoted_one) {
  const std::string route = R"({"from":"a/b","to":"c/d"})";
  EXPECT_EQ(args({"policy", "why", "a/b", "c/d"}), route);
  EXPECT_EQ(args({"policy", "why", "a/b -> c/d"}), route);
  EXPECT_EQ(args({"policy", "why", "a/b", "->", "c/d"}), route);
  EXPECT_EQ(bad({"policy", "why", "a/b", "-"}).code, Code::kBadRoute);  // the shell took `> c/d` away
  EXPECT_EQ(bad({"policy", "why", "a/b"}).code, Code::kBadRoute);
  EXPECT_EQ(bad({"policy", "why", "a", "b", "c"}).code, Code::kBadRoute);
}

TEST(Parse, help_and_version) {
  EXPECT_EQ(good({}).wants, Wants::kOverview);
  EXPECT_EQ(good({"--help"}).wants, Wants::kOverview);
  EXPECT_EQ(good({"help"}).wants, Wants::kOverview);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"mcp", "import", "--help"}, {"--help", "mcp"}, {"help", "mcp"}, {"mcp", "-h"}}) {
    const Command command = good(words);
    EXPECT_EQ(command.wants, Wants::kPage);
    EXPECT_EQ(command.page, "mcp");
  }
  EXPECT_EQ(good({"rollback", "--help"}).wants, Wants::kPage);  // help needs no other words
  EXPECT_EQ(good({"--version"}).wants, Wants::kVersion);
}

TEST(Parse, words_for_a_driver_host_are_not_touched) {
  const Command command = good({"driver-host", "--fd", "3", "--", "--json"});
  EXPECT_EQ(command.raw, (std::vector<std::string>{"--fd", "3", "--", "--json"}));
  EXPECT_FALSE(command.json);
}

struct Typo {
  std::vector<std::string> words;
  std::string_view meant;  // must stand at the end of the hint
};

TEST(DidYouMean, fifty_typos) {
  const std::vector<Typo> typos = {{{"plna"}, "rtt plan"},
                                   {{"pan"}, "rtt plan"},
                                   {{"plann"}, "rtt plan"},
                                   {{"aply"}, "rtt apply"},
                                   {{"appyl"}, "rtt apply"},
                                   {{"scna"}, "rtt scan"},
                                   {{"scann"}, "rtt scan"},
                                   {{"sgin"}, "rtt sign"},
                                   {{"inti"}, "rtt init"},
                                   {{"iinit"}, "rtt init"},
                                   {{"rolback"}, "rtt rollback"},
                                   {{"roll-back"}, "rtt rollback"},
                                   {{"undoo"}, "rtt undo"},
                                   {{"cal"}, "rtt call"},
                                   {{"clal"}, "rtt call"},
                                   {{"staus"}, "rtt status"},
                                   {{"satus"}, "rtt status"},
                                   {{"stauts"}, "rtt status"},
                                   {{"docter"}, "rtt doctor"},
                                   {{"dcotor"}, "rtt doctor"},
                                   {{"lgo"}, "rtt log"},
                                   {{"audti"}, "rtt audit"},
                                   {{"adit"}, "rtt audit"},
                                   {{"chekc"}, "rtt check"},
                                   {{"ceck"}, "rtt check"},
                                   {{"lintt"}, "rtt lint"},
                                   {{"explian"}, "rtt explain"},
                                   {{"explan"}, "rtt explain"},
                                   {{"regsitry"}, "rtt registry"},
                                   {{"registy"}, "rtt registry"},
                                   {{"kyes"}, "rtt keys"},
                                   {{"polciy"}, "rtt policy"},
                                   {{"pannel"}, "rtt panel"},
                                   {{"dwon"}, "rtt down"},
                                   {{"mpc"}, "rtt mcp"},
                                   {{"completoin"}, "rtt completion"},
                                   {{"ls", "symbls"}, "rtt ls symbols"},
                                   {{"ls", "route"}, "rtt ls routes"},
                                   {{"ls", "agnets"}, "rtt ls agents"},
                                   {{"mcp", "improt"}, "rtt mcp import"},
                                   {{"mcp", "serv"}, "rtt mcp serve"},
                                   {{"mcp", "conect"}, "rtt mcp connect"},
                                   {{"keys", "trsut"}, "rtt keys trust"},
                                   {{"registry", "verfy"}, "rtt registry verify"},
                                   {{"panel", "strat"}, "rtt panel start"},
                                   {{"completion", "bsh"}, "rtt completion bash"},
                                   {{"plan", "--explian"}, "--explain"},
                                   {{"plan", "--chek"}, "--check"},
                                   {{"scan", "--jsno"}, "--json"},
                                   {{"apply", "--trustkey=x"}, "--trust-key"},
                                   {{"call", "a/b", "--repeet", "3"}, "--repeat"},
                                   {{"init", "--yse"}, "--yes"},
                                   {{"--quite", "scan"}, "--quiet"}};
  EXPECT_GE(typos.size(), 50U);
  for (const Typo& typo : typos) {
    const Error error = bad(typo.words);
    EXPECT_TRUE(error.hint.ends_with(typo.meant))
        << typo.words.back() << " was answered with: " << error.hint;
    EXPECT_EQ(exit_status(error.code), Exit::kUsage) << error.message;
  }
}

TEST(DidYouMean, verbs_of_no_version_are_unknown) {
  for (const char* word : {"top", "web", "frobnicate"}) {
    EXPECT_EQ(bad({word}).code, Code::kUnknownVerb) << word;
  }
  EXPECT_EQ(bad({"scan", "--frobnicate"}).hint, "rtt scan --help");
}

}  // namespace
}  // namespace rtt::cli
