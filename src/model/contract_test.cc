// SPDX-License-Identifier: Apache-2.0
// Contracts: every field read, identity independent of spelling, agents and skills in both forms, refusals
// placed.
#include "model/contract.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "model/random_for_test.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

std::string listed(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

const std::string kSomeSignature = std::string(86, 'A') + "==";

Contract only(const ReadOutcome& outcome) {
  EXPECT_EQ(outcome.contracts.size(), 1u) << listed(outcome.problems);
  return outcome.contracts.empty() ? Contract() : outcome.contracts.front();
}

constexpr std::string_view kAgent = R"({
 "$schema":"https://rtt/spec/agent/v1",
 "symbol":{"saddr":"rtt://common/agent/summarize@1.0.0","type":"agent","direction":"consumer"},
 "agent":{"name":"summarize","description":"Short texts","instructions":"# Do it\n","model":"inherit",
  "tools":["rtt://filesystem/tool/read_text_file@*",{"to":"rtt://memory/tool/open_nodes","optional":true}],
  "skills":["rtt://common/skill/summarization@^1"],"permissions":{"network":false}}})";

TEST(Contract, what_only_one_provider_knows_is_kept_as_written_in_strict_mode) {
  std::string text(kAgent);
  text.replace(text.rfind("}}"), 2, R"(,"native":{"claude":{"color":"red","x":[1,null]},"codex":{}}}})");
  const Contract json = only(read_manifest(text, "a.agent.json", Strictness::kStrict));
  EXPECT_EQ(text::to_json(*json.object.find("agent")->find("native")),
            R"({"claude":{"color":"red","x":[1,null]},"codex":{}})");
  const std::string_view front = "---\nnative:\n  claude: {color: red}\n---\nx\n";
  for (const auto& [file, type] :
       {std::pair("agents/a.md", SymbolType::kAgent), std::pair("skills/a/SKILL.md", SymbolType::kSkill)}) {
    const Contract read = only(read_markdown(front, file, type, Strictness::kStrict));
    const text::Json* body = read.object.find(to_string(type));
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(text::to_json(*body->find("native")), R"({"claude":{"color":"red"}})");
  }
  for (const char* bad : {"native: 1", "native: {claude: red}", "native: {Claude Code: {}}"}) {
    const auto outcome = read_markdown("---\n" + std::string(bad) + "\n---\nx\n", "agents/a.md",
                                       SymbolType::kAgent, Strictness::kStrict);
    EXPECT_TRUE(outcome.contracts.empty()) << bad;
    ASSERT_EQ(outcome.problems.size(), 1U) << bad << listed(outcome.problems);
    EXPECT_EQ(outcome.problems[0].line, 2U) << bad;
  }
}

TEST(Contract, agent_in_json) {
  const ReadOutcome outcome = read_manifest(kAgent, "a.agent.json", Strictness::kStrict);
  EXPECT_TRUE(outcome.problems.empty()) << listed(outcome.problems);
  const Contract contract = only(outcome);
  ASSERT_TRUE(contract.agent);
  EXPECT_EQ(contract.agent->name, "summarize");
  EXPECT_EQ(contract.agent->instructions, "# Do it\n");
  EXPECT_EQ(contract.agent->permissions.bool_or("network", true), false);
  ASSERT_EQ(contract.requirements.size(), 3u);
  EXPECT_EQ(to_string(contract.requirements[0].to), "rtt://filesystem/tool/read_text_file");
  EXPECT_FALSE(contract.requirements[0].optional);
  EXPECT_EQ(contract.requirements[0].pointer, "/agent/tools/0");
  EXPECT_TRUE(contract.requirements[1].optional);
  EXPECT_EQ(to_string(contract.requirements[2].to), "rtt://common/skill/summarization@^1");
  EXPECT_TRUE(contract.consumes());
  EXPECT_FALSE(contract.provides());
}

TEST(Contract, hash_is_independent_of_key_order_and_white_space_and_signature) {
  constexpr std::string_view kOne =
      R"({"$schema":"https://rtt/spec/v1",
  "symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both",
"qos":{"prio":1,"latency_budget_ms":2.50}}})";
  const std::string other_text = R"({ "symbol" : { "qos":{"latency_budget_ms":25e-1,
      "prio":1.0}, "direction":"both",	"type":"\u0061pi","saddr":"rtt:\/\/a/api/x@1.0.0"},
      "$schema":"https://rtt/spec/v1",
      "sign":[{"alg":"ed25519","key_id":"0123456789abcdef","sig":")" +
                                 kSomeSignature + R"("}]})";
  const Contract one = only(read_manifest(kOne, "a", Strictness::kStrict));
  const Contract other = only(read_manifest(other_text, "b", Strictness::kStrict));
  EXPECT_EQ(one.hash, other.hash);
  EXPECT_EQ(one.object, other.object);
  EXPECT_EQ(one.hash, crypto::sha256(text::canonical_json(one.object)));
  EXPECT_EQ(other.signatures.size(), 1u);
  std::string changed(kOne);
  changed.replace(changed.find("\"prio\":1"), 8, "\"prio\":2");
  EXPECT_NE(only(read_manifest(changed, "c", Strictness::kStrict)).hash, one.hash);
}

TEST(Contract, entries_of_a_list_are_the_objects_they_would_be_alone) {
  constexpr std::string_view kSymbol =
      R"("symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both"})";
  const std::string alone = R"({"$schema":"https://rtt/spec/v1",)" + std::string(kSymbol) + "}";
  const std::string own = R"({"contracts":[)" + alone + "]}";
  const std::string inherited =
      R"({"$schema":"https://rtt/spec/v1","contracts":[{)" + std::string(kSymbol) + "}]}";
  const Contract expected = only(read_manifest(alone, "a", Strictness::kStrict));
  EXPECT_EQ(only(read_manifest(own, "b", Strictness::kStrict)).hash, expected.hash);
  EXPECT_EQ(only(read_manifest(inherited, "c", Strictness::kStrict)).hash, expected.hash);
}

TEST(Contract, one_bad_entry_leaves_the_others) {
  const ReadOutcome outcome = read_manifest(R"({"$schema":"https://rtt/spec/v1","contracts":[
    {"symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both"}},
    {"symbol":{"saddr":"rtt://a/api/y","type":"api","direction":"both"}},
    {"symbol":{"saddr":"rtt://a/api/z@1.0.0","type":"api","direction":"both"}}]})",
                                            "m.json", Strictness::kStrict);
  EXPECT_EQ(outcome.contracts.size(), 2u);
  ASSERT_EQ(outcome.problems.size(), 1u);
  EXPECT_EQ(to_string(outcome.problems[0]),
            "m.json:3:38: error RTT0208: 'rtt://a/api/y': a definition needs an exact version");
}

TEST(Contract, requirements_and_driver) {
  const Contract contract = only(read_manifest(
      R"({"$schema":"https://rtt/spec/v1",
  "symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both",
          "requires":[{"to":"rtt://idp/api/auth@^2","optional":true}],"qos":{"backpressure":"nack","prio":3},
          "driver":{"use":"process","params":{"exec":["./x"]}},
          "inputs":[{"name":"q","schema":{"type":"object"}}]}})",
      "m", Strictness::kStrict));
  ASSERT_EQ(contract.requirements.size(), 1u);
  EXPECT_TRUE(contract.requirements[0].optional);
  EXPECT_EQ(contract.requirements[0].pointer, "/symbol/requires/0");
  ASSERT_TRUE(contract.driver);
  EXPECT_EQ(contract.driver->use, "process");
  EXPECT_EQ(contract.qos.backpressure, Backpressure::kNack);
  EXPECT_EQ(text::canonical_json(to_json(contract.qos)), R"({"backpressure":"nack","prio":3})");
  EXPECT_TRUE(schemas_equal(contract.inputs[0].schema, text::Json::object({{"type", "object"}})));
}

TEST(Contract, unknown_key_is_an_error_in_strict_mode_only) {
  constexpr std::string_view kText =
      R"({"$schema":"https://rtt/spec/v1",
  "symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both",
  "capabilites":["a"]}})";
  const ReadOutcome strict = read_manifest(kText, "m", Strictness::kStrict);
  EXPECT_TRUE(strict.contracts.empty());
  ASSERT_EQ(strict.problems.size(), 1u);
  EXPECT_EQ(strict.problems[0], (Problem{.file = "m",
                                         .line = 3,
                                         .column = 3,
                                         .code = Code::kUnknownKey,
                                         .message = "unknown key 'capabilites'",
                                         .hint = "did you mean 'capabilities'?"}));
  const ReadOutcome relaxed = read_manifest(kText, "m", Strictness::kRelaxed);
  ASSERT_EQ(relaxed.contracts.size(), 1u);
  EXPECT_EQ(relaxed.problems[0].severity, Severity::kWarning);
  EXPECT_NE(relaxed.contracts[0].object.find("symbol")->find("capabilites"), nullptr);  // kept, so hashed
}

TEST(Contract, stored_object_reads_back) {
  const Contract contract = only(read_manifest(kAgent, "a", Strictness::kStrict));
  const auto again = contract_from_object(contract.object, "x.json");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->hash, contract.hash);
  EXPECT_EQ(again->requirements, contract.requirements);
  text::Json broken = contract.object;
  broken.as_object().find("symbol")->set("saddr", "rtt://x");
  const auto refused = contract_from_object(broken, "x.json");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, "x.json");
  EXPECT_NE(refused.error().message.find("/symbol/saddr"), std::string::npos) << refused.error().message;
}

TEST(Contract, signatures_round_trip_and_refuse_other_shapes) {
  const text::Json good = *text::parse_json(R"([{"alg":"ed25519","key_id":"0123456789abcdef","sig":")" +
                                            kSomeSignature + R"("}])");
  const auto records = sign_records_from_json(good, "x");
  ASSERT_TRUE(records);
  EXPECT_EQ(sign_records_to_json(*records), good);
  for (const char* bad : {"1", "[1]", "[{}]", R"([{"alg":"rsa","key_id":"0123456789abcdef","sig":""}])",
                          R"([{"alg":"ed25519","key_id":"dev-key-1","sig":""}])",
                          R"([{"alg":"ed25519","key_id":"0123456789abcdef","sig":"AAAA"}])",
                          R"([{"alg":"ed25519","key_id":"0123456789abcdef","sig":"<base64>"}])",
                          R"([{"alg":"ed25519","key_id":"0123456789abcdef","sig":"AAAA","x":1}])"}) {
    EXPECT_FALSE(sign_records_from_json(*text::parse_json(bad), "x")) << bad;
  }
}

TEST(Contract, many_problems_are_cut_but_counted) {
  std::string text =
      R"({"$schema":"https://rtt/spec/v1",
  "symbol":{"saddr":"rtt://a/api/x@1.0.0","type":"api","direction":"both")";
  for (int i = 0; i < 5000; ++i) text += ",\"key" + std::to_string(i) + "\":1";
  const ReadOutcome outcome = read_manifest(text + "}}", "m", Strictness::kStrict);
  EXPECT_TRUE(outcome.contracts.empty());
  EXPECT_EQ(outcome.problems.size(), 101u);
  EXPECT_EQ(outcome.problems.back().code, Code::kLimit);
}

constexpr std::string_view kMarkdown =
    "---\n"
    "name: summarize\n"
    "description: Short texts\n"
    "saddr: rtt://common/agent/summarize@1.0.0\n"
    "model: inherit\n"
    "tools:\n"
    "  - rtt://filesystem/tool/read_text_file@*\n"
    "  - {to: rtt://memory/tool/open_nodes, optional: true}\n"
    "skills: rtt://common/skill/summarization@^1\n"
    "permissions: {network: false}\n"
    "---\n"
    "\n"
    "# Do it\n";

TEST(Markdown, means_the_json_it_stands_for) {
  const ReadOutcome outcome =
      read_markdown(kMarkdown, "agents/summarize.md", SymbolType::kAgent, Strictness::kStrict);
  EXPECT_TRUE(outcome.problems.empty()) << listed(outcome.problems);
  const Contract markdown = only(outcome);
  std::string json(kAgent);
  json.replace(json.find("# Do it\\n"), 9, "# Do it");
  EXPECT_EQ(text::canonical_json(markdown.object),
            text::canonical_json(only(read_manifest(json, "a", Strictness::kStrict)).object));
}

TEST(Markdown, line_ends_and_blank_lines_around_the_body_do_not_matter) {
  std::string windows;
  for (const char c : kMarkdown) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(only(read_markdown(windows + "\r\n\r\n", "a.md", SymbolType::kAgent, Strictness::kStrict)).hash,
            only(read_markdown(kMarkdown, "a.md", SymbolType::kAgent, Strictness::kStrict)).hash);
}

TEST(Markdown, defaults) {
  const auto address = [](std::string_view text, std::string_view file, SymbolType type) {
    const ReadOutcome outcome = read_markdown(text, file, type, Strictness::kStrict);
    return outcome.contracts.empty() ? listed(outcome.problems) : identity(outcome.contracts[0].saddr);
  };
  EXPECT_EQ(address("---\nname: code fix\n---\nx", "agents/a.md", SymbolType::kAgent),
            "rtt://local/agent/code%20fix@0.0.0");
  EXPECT_EQ(address("---\ndescription: x\n---\n", "agents/team/code_fix.md", SymbolType::kAgent),
            "rtt://local/agent/code_fix@0.0.0");
  EXPECT_EQ(address("---\ndescription: x\nversion: 1.2.0\n---\n", "skills/pdf/SKILL.md", SymbolType::kSkill),
            "rtt://local/skill/pdf@1.2.0");
  const Contract skill = only(read_markdown(
      "---\nname: pdf\nlicense: MIT\nallowed-tools: Bash(x)\nmetadata: {a: b}\n---\nread pdfs\n",
      "skills/pdf/SKILL.md", SymbolType::kSkill, Strictness::kStrict));
  EXPECT_EQ(skill.direction, Direction::kProvider);
  EXPECT_EQ(skill.agent->instructions, "read pdfs");
  const Contract both = only(read_markdown("---\nname: pdf\ntools: rtt://a/tool/b\n---\n", "s/SKILL.md",
                                           SymbolType::kSkill, Strictness::kStrict));
  EXPECT_EQ(both.direction, Direction::kBoth);
}

struct BadMarkdown {
  std::string text;
  Code code;
  std::uint32_t line;
};

TEST(Markdown, refusals_have_their_place_in_the_file) {
  for (const BadMarkdown& bad : std::initializer_list<BadMarkdown>{
           {"# no front matter\n", Code::kBadFrontMatter, 1},
           {"", Code::kBadFrontMatter, 1},
           {"---\nname: x\n", Code::kBadFrontMatter, 1},
           {"---\n- a\n---\n", Code::kBadShape, 2},
           {"---\nname: x\ndescription: y\ntool: z\n---\n", Code::kUnknownKey, 4},
           {"---\nname: x\nname: y\n---\n", Code::kYamlSyntax, 3},
           {"---\nname: [x]\n---\n", Code::kBadShape, 2},
           {"---\nname: x\nmodel: 3\n---\n", Code::kBadShape, 3},
           {"---\nname: x\nversion: 1.0\n---\n", Code::kBadShape, 3},
           {"---\nname: x\nversion: one\n---\n", Code::kBadVersion, 3},
           {"---\nname: x\nsaddr: rtt://a/agent/x@1.0.0\nversion: 1.0.0\n---\n", Code::kBadShape, 4},
           {"---\nname: x\nsaddr: rtt://a/tool/x@1.0.0\n---\n", Code::kBadShape, 2},
           {"---\nname: x\nsaddr: rtt://../agent/x@1.0.0\n---\n", Code::kBadAddress, 3},
           {"---\nname: x\ntools:\n  - Bash\n---\n", Code::kBadAddress, 4},
           {"---\nname: x\ntools:\n  - rtt://a/tol/x\n---\n", Code::kBadAddress, 4},
           {"---\nname: x\ndirection: consumre\n---\n", Code::kBadShape, 3},
           {"---\nname: x\ninstructions: y\n---\n", Code::kBadShape, 3},
           {"---\nname: x\n---\nbody \xff\n", Code::kJsonEncoding, 4},
           {"\xEF\xBB\xBF---\nname: x\n---\n", Code::kJsonEncoding, 1},
           {"---\nname: x\n---\n" + std::string(1 << 20, 'x'), Code::kTooLarge, 0},
           // Small enough to be read, and not to be signed.
           {"---\nname: x\n---\n" + std::string(600'000, '"'), Code::kTooLarge, 2},
       }) {
    const ReadOutcome outcome = read_markdown(bad.text, "a.md", SymbolType::kAgent, Strictness::kStrict);
    EXPECT_TRUE(outcome.contracts.empty()) << bad.text.substr(0, 80);
    bool found = false;
    for (const Problem& problem : outcome.problems) {
      found = found || (problem.code == bad.code && problem.line == bad.line && problem.file == "a.md");
    }
    EXPECT_TRUE(found) << bad.text.substr(0, 80) << "\n" << listed(outcome.problems);
  }
}

TEST(Problem, reads_places_of_errors) {
  const auto place = [](std::string where) {
    return to_string(
        problem_from({.code = Code::kJsonSyntax, .message = "m", .where = std::move(where)}, "f"));
  };
  EXPECT_EQ(place(""), "f: error RTT0201: m");
  EXPECT_EQ(place("a.json"), "a.json: error RTT0201: m");
  EXPECT_EQ(place("a.json:3"), "a.json:3:1: error RTT0201: m");
  EXPECT_EQ(place("a:b.json:3:4"), "a:b.json:3:4: error RTT0201: m");
  EXPECT_EQ(
      text::to_json(
          to_json(Problem{.file = "f", .line = 1, .column = 2, .code = Code::kDenied, .message = "m"})),
      R"({"code":"RTT0412","column":2,"file":"f","hint":"","line":1,"message":"m","severity":"error"})");
}

TEST(Contract, a_pointer_of_the_json_form_is_found_in_the_authored_file) {
  constexpr std::string_view kAgentFile =
      "---\nname: a\ntools:\n  - rtt://x/tool/one\n  - rtt://x/tool/two\n---\nx\n";
  EXPECT_EQ(place_in_file(kAgentFile, "agents/a.md", "/agent/tools/1"), "agents/a.md:5");
  EXPECT_EQ(place_in_file("---\nname: a\ntools: rtt://x/tool/one, rtt://x/tool/two\n---\n", "a.md",
                          "/agent/tools/1"),
            "a.md:3");
  constexpr std::string_view kManifestFile =
      "{\"contracts\":[\n{},\n{\"symbol\":{\"requires\":[\n\"a\",\n\"b\"]}}]}";
  EXPECT_EQ(place_in_file(kManifestFile, "m.json", "/contracts/1/symbol/requires/1"), "m.json:5");
}

}  // namespace
}  // namespace rtt::model
