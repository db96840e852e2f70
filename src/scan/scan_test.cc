// SPDX-License-Identifier: Apache-2.0
// Goal: a scan finds exactly the definitions of a tree, names every problem with its place, and no tree can
// make it hang, crash or look outside. Method: trees in a scratch folder, hostile ones included.
#include "scan/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/limits.h"
#include "scan/ignore.h"
#include "scan/scratch_test.h"

namespace rtt::scan {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ScanOptions options_for(const Scratch& scratch) {
  return {
      .root = scratch.root(), .roots = {"./"}, .ignore = {".git", "node_modules", "target", "venv", "dist"}};
}
std::vector<std::string> addresses(const Found& found) {
  std::vector<std::string> all;
  for (const FoundSymbol& symbol : found.symbols) all.push_back(model::identity(symbol.contract.saddr));
  return all;
}
std::vector<std::string> lines(const Found& found) {
  std::vector<std::string> all;
  for (const model::Problem& problem : found.problems) all.push_back(model::to_string(problem));
  return all;
}
Found must_scan(const ScanOptions& options) {
  auto found = scan(options);
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found ? std::move(*found) : Found{};
}

constexpr std::string_view kAgentJson =
    R"({"$schema":"https://rtt/spec/agent/v1","symbol":{"saddr":"rtt://common/agent/summarize@1.0.0",)"
    R"("type":"agent","direction":"consumer"},"agent":{"name":"summarize","description":"d",)"
    R"("instructions":"i","model":"inherit","tools":["rtt://fs/tool/read@*"]}})";

TEST(Scan, finds_every_kind_of_candidate_and_nothing_else) {
  const Scratch scratch;
  scratch.write("rtt.manifest.json", manifest_of("rtt://core/api/a@1.0.0"));
  scratch.write("a/b/c/d/e/f/rtt.manifest.json", manifest_of("rtt://core/api/deep@1.0.0"));
  scratch.write("a/other.json", manifest_of("rtt://core/api/never@1.0.0"));
  scratch.write(".rtt/manifests/x.api.json", manifest_of("rtt://core/api/kept@1.0.0"));
  scratch.write(".rtt/manifests/x.api.json.sig", "[]");
  scratch.write(".rtt/cache/rtt.manifest.json", manifest_of("rtt://core/api/hidden@1.0.0"));
  scratch.write("sub/.rtt/manifests/rtt.manifest.json", manifest_of("rtt://core/api/foreign@1.0.0"));
  scratch.write("agents/x/summarize.agent.json", kAgentJson);
  scratch.write("agents/README.md", "# For people\n");
  scratch.write("sub/agents/summarize.agent.json", kAgentJson);
  scratch.write(".mcp.json", R"({"mcpServers":{"b":{"command":"x"},"a":{"command":"y"}}})");
  scratch.write("sub/.mcp.json", R"({"mcpServers":{"c":{"command":"x"}}})");
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(lines(found), IsEmpty());
  EXPECT_THAT(addresses(found), ElementsAre("rtt://common/agent/summarize@1.0.0", "rtt://core/api/a@1.0.0",
                                            "rtt://core/api/deep@1.0.0", "rtt://core/api/kept@1.0.0"));
  ASSERT_EQ(found.servers.size(), 2U);
  EXPECT_EQ(found.servers[0].name, "a");
  EXPECT_EQ(found.servers[1].name, "b");
  EXPECT_THAT(found.candidates, ElementsAre(".rtt/manifests/x.api.json", "a/b/c/d/e/f/rtt.manifest.json",
                                            "agents/x/summarize.agent.json", "rtt.manifest.json"));
  EXPECT_EQ(found.files_opened, 5U);
}

TEST(Scan, servers_are_read_in_the_top_folder_and_in_each_root) {
  const Scratch scratch;
  scratch.write(".mcp.json", R"({"mcpServers":{"top":{"command":"x"}}})");
  scratch.write("services/.mcp.json", R"({"mcpServers":{"inner":{"command":"x"}}})");
  scratch.write("other/.mcp.json", R"({"mcpServers":{"no":{"command":"x"}}})");
  ScanOptions options = options_for(scratch);
  options.roots = {"./services"};
  const Found found = must_scan(options);
  ASSERT_EQ(found.servers.size(), 2U);
  EXPECT_EQ(found.servers[0].file, "services/.mcp.json");
  EXPECT_EQ(found.servers[1].file, ".mcp.json");
}

TEST(Scan, ignored_folders_are_not_entered_until_the_ignore_is_taken_away) {
  const Scratch scratch;
  scratch.write("target/x/rtt.manifest.json", manifest_of("rtt://core/api/a@1.0.0"));
  scratch.write("pkg/gen-1/rtt.manifest.json", manifest_of("rtt://core/api/b@1.0.0"));
  ScanOptions options = options_for(scratch);
  options.ignore = {"target", "pkg/gen-*"};
  EXPECT_THAT(addresses(must_scan(options)), IsEmpty());
  options.ignore = {"target"};
  EXPECT_THAT(addresses(must_scan(options)), ElementsAre("rtt://core/api/b@1.0.0"));
  options.ignore = {};
  EXPECT_THAT(addresses(must_scan(options)), ElementsAre("rtt://core/api/a@1.0.0", "rtt://core/api/b@1.0.0"));
}

TEST(Scan, ignore_patterns_mean_what_their_writers_mean) {
  const IgnoreList list({"dist/", "**/cache", "./vendor/*", "*.tmp"});
  EXPECT_TRUE(list.matches("a/dist", "dist"));
  EXPECT_TRUE(list.matches("a/b/cache", "cache"));
  EXPECT_TRUE(list.matches("vendor/x", "x"));
  EXPECT_FALSE(list.matches("vendor/x/y", "y"));
  EXPECT_TRUE(list.matches("a/b.tmp", "b.tmp"));
  EXPECT_FALSE(list.matches("distant", "distant"));
}

TEST(Scan, a_malformed_manifest_is_named_by_line_and_the_others_are_kept) {
  const Scratch scratch;
  scratch.write("a/rtt.manifest.json", "{\n  \"symbol\": {\n    oops\n");
  scratch.write("b/rtt.manifest.json", manifest_of("rtt://core/api/b@1.0.0"));
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(addresses(found), ElementsAre("rtt://core/api/b@1.0.0"));
  EXPECT_THAT(lines(found), ElementsAre(HasSubstr("a/rtt.manifest.json:3:5: error RTT0201")));
}

TEST(Scan, roots_that_overlap_are_walked_once_and_roots_outside_are_refused) {
  const Scratch scratch;
  scratch.write("a/b/rtt.manifest.json", manifest_of("rtt://core/api/b@1.0.0"));
  fs::create_directory_symlink("/etc", scratch.at("link"));
  ScanOptions options = options_for(scratch);
  options.roots = {"a", "./a/b/", "a/b", "..", "a/../..", "/etc", ".rtt", "link", "missing"};
  const Found found = must_scan(options);
  EXPECT_THAT(addresses(found), ElementsAre("rtt://core/api/b@1.0.0"));
  EXPECT_EQ(found.files_opened, 1U);
  EXPECT_THAT(lines(found), ElementsAre(HasSubstr("warning RTT0105: scan root `missing`"),
                                        HasSubstr("`..` is not a folder below"), HasSubstr("`.rtt` is not"),
                                        HasSubstr("`/etc` is not"), HasSubstr("`a/../..` is not"),
                                        HasSubstr("link: error RTT0304")));
}

TEST(Scan, a_symbol_defined_twice_counts_in_neither_place) {
  const Scratch scratch;
  scratch.write("a/rtt.manifest.json", manifest_of("rtt://core/api/x@1.0.0"));
  scratch.write("b/rtt.manifest.json", "{\"contracts\":[\n" + manifest_of("rtt://core/api/y@1.0.0") + ",\n" +
                                           manifest_of("rtt://core/api/x@1.0.0") + "]}");
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(addresses(found), ElementsAre("rtt://core/api/y@1.0.0"));
  EXPECT_EQ(found.symbols[0].pointer, "/contracts/0");
  EXPECT_THAT(found.duplicated, ElementsAre("rtt://core/api/x@1.0.0"));
  EXPECT_THAT(lines(found),
              ElementsAre(::testing::AllOf(HasSubstr("a/rtt.manifest.json:1:52: error RTT0303"),
                                           HasSubstr("also defined in b/rtt.manifest.json#/contracts/1")),
                          ::testing::AllOf(HasSubstr("b/rtt.manifest.json:3:52: error RTT0303"),
                                           HasSubstr("also defined in a/rtt.manifest.json"))));
}

TEST(Scan, links_fifos_sockets_and_odd_names_are_problems_and_never_opened) {
  const Scratch scratch;
  scratch.write("real/rtt.manifest.json", manifest_of("rtt://core/api/real@1.0.0"));
  fs::create_directories(scratch.at("links"));
  fs::create_symlink("../real/rtt.manifest.json", scratch.at("links/rtt.manifest.json"));
  fs::create_directory_symlink(".", scratch.at("loop"));
  fs::create_directory_symlink("circle", scratch.at("circle"));
  fs::create_directory_symlink("/etc", scratch.at("outside"));
  fs::create_symlink("nowhere", scratch.at("dangling"));
  fs::create_directories(scratch.at("pipe"));
  ASSERT_EQ(std::system(("mkfifo " + scratch.at("pipe/rtt.manifest.json")).c_str()), 0);
  scratch.write(std::string("odd\x01/rtt.manifest.json"), "{}");
  scratch.write("bad\xff/rtt.manifest.json", "{}");
  fs::create_directories(scratch.at("folder/rtt.manifest.json"));
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(addresses(found), ElementsAre("rtt://core/api/real@1.0.0"));
  EXPECT_EQ(found.files_opened, 1U);
  EXPECT_THAT(
      lines(found),
      ElementsAre(HasSubstr("bad%FF/rtt.manifest.json: error RTT0205"), HasSubstr("circle: warning RTT0304"),
                  HasSubstr("links/rtt.manifest.json: error RTT0304"), HasSubstr("loop: warning RTT0304"),
                  HasSubstr("odd%01/rtt.manifest.json: error RTT0205"), HasSubstr("outside: warning RTT0304"),
                  HasSubstr("pipe/rtt.manifest.json: error RTT0305")));
}

TEST(Scan, what_is_shown_to_a_client_is_no_problem_wherever_it_is_mounted) {
  const Scratch scratch;
  const std::string mounted = scratch.path() + "/mount/claude/agents";
  fs::create_directories(mounted);
  for (const char* folder : {".rtt/registry/views", ".claude", ".other"})
    fs::create_directories(scratch.at(folder));
  fs::create_directory_symlink(scratch.path() + "/mount", scratch.at(".rtt/registry/views/now"));
  fs::create_directory_symlink("../.rtt/registry/views/now/claude/agents", scratch.at(".claude/agents"));
  fs::create_directory_symlink(mounted, scratch.at(".other/agents"));
  EXPECT_THAT(lines(must_scan(options_for(scratch))),
              ElementsAre(HasSubstr(".other/agents: warning RTT0304")));
}

TEST(Scan, hostile_json_is_one_problem_a_file) {
  const Scratch scratch;
  scratch.write("deep/rtt.manifest.json", std::string(200'000, '[') + std::string(200'000, ']'));
  scratch.write("deepobj/rtt.manifest.json", [] {
    std::string text;
    for (int level = 0; level < 100'000; ++level) text += "{\"a\":";
    return text;
  }());
  scratch.write("twice/rtt.manifest.json", "{\"symbol\":{},\n \"symbol\":{}}");
  scratch.write("utf8/rtt.manifest.json", "{\"symbol\":\"\xc3\x28\"}");
  scratch.write("bom/rtt.manifest.json", "\xef\xbb\xbf{}");
  scratch.write("huge/rtt.manifest.json", std::string(limits::kManifestBytesMax + 1, ' '));
  scratch.write("empty/rtt.manifest.json", "");
  scratch.write("dots/rtt.manifest.json", manifest_of("rtt://core/api/..@1.0.0"));
  scratch.write("escape/rtt.manifest.json", manifest_of("rtt://../api/x@1.0.0"));
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(addresses(found), IsEmpty());
  std::vector<std::string> files;
  for (const model::Problem& problem : found.problems) {
    EXPECT_TRUE(problem.line > 0 || problem.code == Code::kTooLarge) << model::to_string(problem);
    if (files.empty() || files.back() != problem.file) files.push_back(problem.file);
  }
  EXPECT_EQ(files.size(), 9U) << ::testing::PrintToString(lines(found));
  EXPECT_THAT(lines(found), ::testing::Contains(HasSubstr("twice/rtt.manifest.json:2:2: error RTT0202")));
  EXPECT_THAT(lines(found), ::testing::Contains(HasSubstr("deep/rtt.manifest.json:1:65: error RTT0203")));
}

TEST(Scan, a_folder_deeper_than_the_limit_is_reported) {
  const Scratch scratch;
  std::string folder;
  for (int level = 0; level < 80; ++level) folder += "d/";
  scratch.write(folder + "rtt.manifest.json", manifest_of("rtt://core/api/x@1.0.0"));
  const Found found = must_scan(options_for(scratch));
  EXPECT_THAT(addresses(found), IsEmpty());
  EXPECT_THAT(lines(found), ElementsAre(HasSubstr("error RTT0904")));
}

TEST(Scan, problems_have_an_end) {
  const Scratch scratch;
  for (int count = 0; count < 1100; ++count) scratch.write(std::to_string(count) + "/rtt.manifest.json", "x");
  const Found found = must_scan(options_for(scratch));
  ASSERT_EQ(found.problems.size(), limits::kProblemsMax);
  EXPECT_EQ(found.problems.back().code, Code::kLimit);
  EXPECT_THAT(found.problems.back().message, HasSubstr("101 more"));
}

TEST(Scan, no_message_about_a_server_configuration_quotes_a_value) {
  const std::string secret = "sentinel-3f9a";
  const std::vector<std::string> texts{
      R"({"mcpServers":{"a":{"env":{"K":"sentinel-3f9a"}},"a":{}}})",
      R"({"mcpServers":{"a":"sentinel-3f9a"}})",
      R"({"mcpServers":"sentinel-3f9a"})",
      R"("sentinel-3f9a")",
      R"({"mcpServers":{"a":{"env":{"K":"sentinel-3f9a)",
      R"({"mcpServers":{"a":{"env":{"K":sentinel-3f9a}}}})",
      R"({"mcpServers":{"a":{"env":{"K":"sentinel-3f9a\ud800"}}}})",
  };
  for (const std::string& text : texts) {
    const Scratch scratch;
    scratch.write(".mcp.json", text);
    const Found found = must_scan(options_for(scratch));
    ASSERT_EQ(found.problems.size(), 1U) << text;
    EXPECT_EQ(found.problems[0].file, ".mcp.json");
    EXPECT_GT(found.problems[0].line, 0U) << text;
    EXPECT_THAT(model::to_string(found.problems[0]) + found.problems[0].hint,
                ::testing::Not(HasSubstr("sentinel")));
  }
}

TEST(Scan, the_same_tree_gives_the_same_answer_in_whatever_order_it_was_made) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int count = 0; count < 60; ++count) {
    files.emplace_back("p" + std::to_string(count % 7) + "/q" + std::to_string(count) + "/rtt.manifest.json",
                       count % 9 == 0 ? "broken"
                                      : manifest_of("rtt://n" + std::to_string(count % 3) + "/api/x" +
                                                    std::to_string(count % 50) + "@1.0.0"));
  }
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<std::string> first_lines, first_addresses;
  for (int round = 0; round < 6; ++round) {
    const Scratch scratch;
    for (const auto& [file, text] : files) scratch.write(file, text);
    const Found found = must_scan(options_for(scratch));
    const Found again = must_scan(options_for(scratch));
    EXPECT_EQ(lines(found), lines(again));
    if (round == 0) {
      first_lines = lines(found);
      first_addresses = addresses(found);
      EXPECT_GT(first_addresses.size(), 20U);
    }
    EXPECT_EQ(lines(found), first_lines);
    EXPECT_EQ(addresses(found), first_addresses);
    std::ranges::shuffle(files, random);
  }
}

TEST(Scan, a_root_that_is_not_there_is_the_only_failure) {
  const Scratch scratch;
  EXPECT_FALSE(scan({.root = scratch.at("none"), .roots = {"./"}, .ignore = {}}));
  EXPECT_TRUE(scan({.root = scratch.root(), .roots = {"./"}, .ignore = {}}));
}

TEST(Scan, one_file_is_read_alone) {
  const Scratch scratch;
  scratch.write("target/rtt.manifest.json", manifest_of("rtt://core/api/x@1.0.0"));
  EXPECT_THAT(addresses(scan_file(scratch.root(), "target/rtt.manifest.json", model::Strictness::kStrict)),
              ElementsAre("rtt://core/api/x@1.0.0"));
  EXPECT_THAT(addresses(scan_file(scratch.root(), "target/other.json", model::Strictness::kStrict)),
              IsEmpty());
  EXPECT_THAT(lines(scan_file(scratch.root(), "../rtt.manifest.json", model::Strictness::kStrict)),
              ElementsAre(HasSubstr("RTT0304")));
}

}  // namespace
}  // namespace rtt::scan
