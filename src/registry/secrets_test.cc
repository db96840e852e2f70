// SPDX-License-Identifier: Apache-2.0
// Goal: a secret goes into the user's store and into the value that is resolved, and nowhere else.
// Method: 50 sentinels planted in one server's configuration; laws of split and resolve; the store's files
// looked at.
#include "registry/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "os/file.h"
#include "registry/secret_split.h"
#include "scan/scratch_test.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using text::Json;

Json parse(std::string_view text) { return *text::parse_json(text); }

SplitServer split(std::string_view entry, SplitOptions options = {.ns = "gh"}) {
  auto result = split_secrets(parse(entry), options);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? std::move(*result) : SplitServer{};
}

TEST(SecretSplit, literals_of_env_and_headers_move_and_references_stay) {
  const SplitServer server = split(R"({"command":"npx","args":["-y","pkg"],
      "env":{"TOKEN":"ghp_1","FROM":"${GITHUB_TOKEN}","EMPTY":"","PORT":8080,"BOTH":"a${X}b","OR":"${Y:-dflt}"},
      "headers":{"Authorization":"Bearer abc","X-Key":"Bearer ${K}"}})");
  EXPECT_EQ(text::to_json(server.entry),
            R"({"args":["-y","pkg"],"command":"npx","env":{"BOTH":{"concat":[{"secret":"gh.BOTH"},"${X}",)"
            R"({"secret":"gh.BOTH-2"}]},)"
            R"("EMPTY":"","FROM":"${GITHUB_TOKEN}","OR":{"else":{"secret":"gh.OR"},"env":"Y"},)"
            R"("PORT":{"secret":"gh.PORT"},)"
            R"("TOKEN":{"secret":"gh.TOKEN"}},"headers":{"Authorization":{"concat":["Bearer ",)"
            R"({"secret":"gh.Authorization"}]},)"
            R"("X-Key":"Bearer ${K}"}})");
  EXPECT_THAT(server.secrets, ElementsAre(std::pair<std::string, std::string>("gh.Authorization", "abc"),
                                          std::pair<std::string, std::string>("gh.BOTH", "a"),
                                          std::pair<std::string, std::string>("gh.BOTH-2", "b"),
                                          std::pair<std::string, std::string>("gh.OR", "dflt"),
                                          std::pair<std::string, std::string>("gh.PORT", "8080"),
                                          std::pair<std::string, std::string>("gh.TOKEN", "ghp_1")));
}

TEST(SecretSplit, userinfo_and_query_values_of_urls_move_wherever_the_url_stands) {
  const SplitServer server = split(R"({"url":"https://me:pw@host:8443/mcp?key=k1&q=${Q}&flag#frag",
      "args":["postgres://u:p@ss@db/x","--dsn=redis://:r@c/0","https://plain.example/a"]})");
  EXPECT_EQ(
      text::to_json(server.entry),
      R"({"args":[{"concat":["postgres://",{"secret":"gh.url.user"},":",{"secret":"gh.url.password"},)"
      R"("@db/x"]},)"
      R"({"concat":["--dsn=redis://:",{"secret":"gh.url.password-2"},"@c/0"]},"https://plain.example/a"],)"
      R"("url":{"concat":["https://",{"secret":"gh.url.user-2"},":",{"secret":"gh.url.password-3"},)"
      R"("@host:8443/mcp?key=",)"
      R"({"secret":"gh.url.key"},"&q=${Q}&",{"secret":"gh.url.query"},"#",{"secret":"gh.url.query-2"}]}})");
}

TEST(SecretSplit, marked_arguments_headers_and_variables_on_the_command_line_move) {
  const SplitServer server = split(
      R"({"command":"x","args":["--api-key","k1","--token=t1","third","--header","Authorization: Bearer h1","-e","A=v1","--env=B=v2","-v"],
          "url":"https://host/s/path-token"})",
      {.ns = "gh", .plain = {}, .marked = {"--api-key", "--token", "4", "url"}});
  EXPECT_EQ(text::to_json(server.entry),
            R"({"args":["--api-key",{"secret":"gh.api-key"},{"concat":["--token=",{"secret":"gh.token"}]},)"
            R"({"secret":"gh.arg4"},)"
            R"("--header",{"concat":["Authorization: Bearer ",{"secret":"gh.Authorization"}]},"-e",)"
            R"({"concat":["A=",{"secret":"gh.A"}]},)"
            R"({"concat":["--env=B=",{"secret":"gh.B"}]},"-v"],"command":"x","url":{"secret":"gh.url"}})");
}

TEST(SecretSplit, an_argument_that_looks_like_a_secret_moves_and_is_named) {
  const SplitServer server = split(
      R"({"command":"x","args":["--api-key","sk-123456","--token=ghp_x","--dbPassword","p","API_TOKEN=v","glpat-12345678",
          "--auth-token","${T}","--max-token","4096","--token-file","/f","--secret","--verbose","sk-learn","AKIA"]})",
      {.ns = "q", .plain = {}, .marked = {}});
  EXPECT_EQ(text::to_json(*server.entry.find("args")),
            R"(["--api-key",{"secret":"q.api-key"},{"concat":["--token=",{"secret":"q.token"}]},)"
            R"("--dbPassword",{"secret":"q.dbPassword"},{"concat":["API_TOKEN=",{"secret":"q.API_TOKEN"}]},)"
            R"({"secret":"q.arg7"},"--auth-token","${T}","--max-token","4096","--token-file","/f",)"
            R"("--secret","--verbose","sk-learn","AKIA"])");
  EXPECT_THAT(server.guessed, ElementsAre("--api-key", "--token", "--dbPassword", "API_TOKEN", "argument 7"));
  const SplitServer plain = split(R"({"args":["--token","a1b2c3","ghp_12345678"]})",
                                  {.ns = "q", .plain = {"token", "3"}, .marked = {}});
  EXPECT_EQ(text::to_json(plain.entry), R"({"args":["--token","a1b2c3","ghp_12345678"]})");
  EXPECT_TRUE(plain.guessed.empty());
}

TEST(SecretSplit, plain_names_opt_out) {
  const SplitServer server =
      split(R"({"env":{"NODE_ENV":"production","K":"v"},"url":"https://h/?lang=en&key=k"})",
            {.ns = "gh", .plain = {"NODE_ENV", "lang"}, .marked = {}});
  EXPECT_EQ(text::to_json(server.entry),
            R"({"env":{"K":{"secret":"gh.K"},"NODE_ENV":"production"},)"
            R"("url":{"concat":["https://h/?lang=en&key=",{"secret":"gh.url.key"}]}})");
}

TEST(SecretSplit, unknown_keys_are_left_out_and_named) {
  const SplitServer server =
      split(R"({"command":"x","oauth":{"clientSecret":"s"},"disabled":false,"type":{"a":"s"}})");
  EXPECT_EQ(text::to_json(server.entry), R"({"command":"x","disabled":false})");
  EXPECT_THAT(server.dropped, ElementsAre("oauth", "type"));
}

TEST(SecretSplit, bad_shapes_and_marks_are_refused_without_a_value) {
  for (const char* entry :
       {"[]", R"({"env":["sentinel"]})", R"({"env":{"A":["sentinel"]}})", R"({"args":"sentinel"})",
        R"({"args":[{"x":"sentinel"}]})", R"({"url":["sentinel"]})"}) {
    const auto result = split_secrets(parse(entry), {.ns = "x"});
    ASSERT_FALSE(result) << entry;
    EXPECT_EQ(result.error().code, Code::kBadShape);
    EXPECT_THAT(result.error().message + result.error().hint, Not(HasSubstr("sentinel")));
  }
  EXPECT_THAT(split(R"({"args":["a"]})", {.ns = "x", .plain = {}, .marked = {"--no", "1"}}).unmet,
              ElementsAre("--no"));
}

TEST(SecretSplit, long_and_odd_names_become_names_the_store_takes) {
  const scan::Scratch scratch;
  const SecretStore store(scratch.path() + "/user");
  Json entry = Json::object({{"env", text::JsonObject{}}});
  Json env = text::JsonObject{};
  env.set(std::string(300, 'A'), "1");
  env.set(std::string(300, 'A') + "B", "2");
  env.set("a b/../c", "3");
  env.set("a b/.. c", "4");
  entry.set("env", env);
  const auto server = split_secrets(entry, {.ns = std::string(128, 'n'), .plain = {}, .marked = {}});
  ASSERT_TRUE(server);
  ASSERT_EQ(server->secrets.size(), 4U);
  for (const auto& [name, value] : server->secrets) EXPECT_TRUE(store.put(name, value)) << name;
  EXPECT_EQ(store.names()->size(), 4U);
}

TEST(SecretStore, fresh_values_win_wherever_they_are_named) {
  const scan::Scratch scratch;
  ASSERT_TRUE(SecretStore(scratch.path()).put("n.A", "stored"));
  const SecretStore store(scratch.path(), {{"n.A", "fresh"}, {"n.B", "also"}});
  const Json a = Json::object({{"secret", "n.A"}}), b = Json::object({{"secret", "n.B"}});
  EXPECT_EQ(store.resolve(a, {}), "fresh");
  EXPECT_EQ(store.resolve(Json::object({{"env", "V"}, {"else", b}}), {}), "also");
  EXPECT_EQ(store.resolve(Json::object({{"env", "V"}, {"else", b}}), {{"V", "set"}}), "set");
  EXPECT_EQ(store.resolve(Json::object({{"concat", Json::array({"x ", a, b})}}), {}), "x freshalso");
  EXPECT_EQ(SecretStore(scratch.path()).resolve(a, {}), "stored");
}

TEST(SecretSplit, split_then_resolve_gives_back_every_value) {
  const scan::Scratch scratch;
  const SecretStore store(scratch.path() + "/user");
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> pieces{"a",   "%20",     "${V}", "${W}", "$", "{", "}",    "${",
                                        "://", "@",       ":",    "/",    "?", "&", "=",    "#",
                                        ";",   "Bearer ", "--x",  " ",    "é", "-", "${1-}"};
  const std::vector<std::pair<std::string, std::string>> environment{{"V", "vv"}, {"W", "w w"}};
  const auto word = [&] {
    std::string text;
    for (std::size_t count = random() % 12; count > 0; --count) text += pieces[random() % pieces.size()];
    return text;
  };
  std::size_t compared = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string env = word(), header = word(), url = "https://" + word(), arg = word();
    const Json entry = Json::object({{"env", Json::object({{"K", env}})},
                                     {"headers", Json::object({{"H", header}})},
                                     {"url", url},
                                     {"args", Json::array({"--header", arg, arg})}});
    const auto server = split_secrets(entry, {.ns = "n", .plain = {}, .marked = {}});
    ASSERT_TRUE(server);
    for (const auto& [name, value] : server->secrets) {
      ASSERT_TRUE(os::make_directories(scratch.path() + "/user"));
      ASSERT_TRUE(store.put(name, value)) << name;
    }
    // The oracle is the text as configured, resolved as a whole; where that has an unset variable, so has the
    // split.
    const auto same = [&](const Json& part, const std::string& written) {
      const auto whole = store.resolve(written, environment);
      const auto resolved = store.resolve(part, environment);
      ASSERT_EQ(resolved.has_value(), whole.has_value()) << written << " as " << text::to_json(part);
      EXPECT_EQ(resolved.value_or(""), whole.value_or("")) << written << " as " << text::to_json(part);
      compared += whole ? 1U : 0U;
    };
    same(*server->entry.find("env")->find("K"), env);
    same(*server->entry.find("headers")->find("H"), header);
    same(*server->entry.find("url"), url);
    same(server->entry.find("args")->as_array()[1], arg);
    same(server->entry.find("args")->as_array()[2], arg);
    if (HasFailure()) return;
  }
  EXPECT_GT(compared, 5000U);
}

TEST(SecretSplit, fifty_sentinels_leave_the_entry) {
  Json env = text::JsonObject{}, headers = text::JsonObject{}, args = text::JsonArray{};
  std::string url = "https://sentinel-0:sentinel-1@host/mcp?";
  for (int count = 2; count < 50; ++count) {
    const std::string sentinel = "sentinel-" + std::to_string(count);
    const std::string name = "N" + std::to_string(count);
    switch (count % 6) {
      case 0:
        env.set(name, sentinel);
        break;
      case 1:
        headers.set(name, "Bearer " + sentinel);
        break;
      case 2:
        url += "&" + name + "=" + sentinel;
        break;
      case 3:
        args.push("--url=https://" + sentinel + "@h/?a=" + sentinel);
        break;
      case 4:
        env.set(name, "${" + name + ":-" + sentinel + "}");
        break;
      default:
        env.set(name, "${A}" + sentinel + "${B}");
        break;
    }
  }
  const auto server = split_secrets(
      Json::object({{"command", "x"}, {"env", env}, {"headers", headers}, {"args", args}, {"url", url}}),
      {.ns = "n"});
  ASSERT_TRUE(server);
  EXPECT_THAT(text::to_json(server->entry), Not(HasSubstr("sentinel")));
  EXPECT_GE(server->secrets.size(), 50U);
}

TEST(SecretStore, files_are_for_the_owner_alone_and_others_are_refused) {
  const scan::Scratch scratch;
  const std::string user = scratch.path() + "/user";
  const SecretStore store(user);
  EXPECT_TRUE(store.names()->empty());
  ASSERT_TRUE(store.put("gh.TOKEN", "v1"));
  ASSERT_TRUE(store.put("gh.TOKEN", "v2"));
  EXPECT_EQ(*store.get("gh.TOKEN"), "v2");
  EXPECT_THAT(*store.names(), ElementsAre("gh.TOKEN"));
  EXPECT_EQ(fs::status(user + "/secrets").permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status(user + "/secrets/gh.TOKEN").permissions(), fs::perms(0600));
  fs::permissions(user + "/secrets/gh.TOKEN", fs::perms(0644));
  EXPECT_EQ(store.get("gh.TOKEN").error().code, Code::kPermission);
  EXPECT_EQ(store.get("gh.NONE").error().code, Code::kSecretMissing);
  fs::permissions(user + "/secrets", fs::perms(0755));
  EXPECT_EQ(store.put("gh.TOKEN", "v3").error().code, Code::kPermission);
}

TEST(SecretStore, names_cannot_leave_the_folder) {
  const scan::Scratch scratch;
  const SecretStore store(scratch.path() + "/user");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../x"), std::string("a/b"),
        std::string(".hidden"), std::string("a\0b", 3), std::string(129, 'a')}) {
    EXPECT_FALSE(store.put(name, "v")) << name;
    EXPECT_FALSE(store.get(name)) << name;
  }
}

TEST(SecretStore, no_error_holds_a_value) {
  const scan::Scratch scratch;
  const SecretStore store(scratch.path() + "/user");
  const auto text_of = [](const Error& error) { return error.message + error.where + error.hint; };
  EXPECT_THAT(text_of(store.put("n", "sentinel" + std::string(70'000, 'x')).error()),
              Not(HasSubstr("sentinel")));
  EXPECT_THAT(text_of(store.resolve(parse(R"({"concat":["sentinel",{"secret":"none"}]})"), {}).error()),
              Not(HasSubstr("sentinel")));
  EXPECT_THAT(text_of(store.resolve(parse(R"("sentinel${NONE}")"), {}).error()), Not(HasSubstr("sentinel")));
  EXPECT_THAT(text_of(store.resolve(parse(R"({"sentinel":1})"), {}).error()), Not(HasSubstr("sentinel")));
}

TEST(SecretStore, resolving_expands_variables_once_and_stored_values_never) {
  const scan::Scratch scratch;
  const SecretStore store(scratch.path() + "/user");
  ASSERT_TRUE(store.put("s", "${V}"));
  const std::vector<std::pair<std::string, std::string>> environment{{"V", "${W}"}, {"W", "w"}, {"E", ""}};
  EXPECT_EQ(*store.resolve(parse(R"("a${V}b$x${")"), environment), "a${W}b$x${");
  EXPECT_EQ(*store.resolve(parse(R"({"concat":["<",{"secret":"s"},">"]})"), environment), "<${V}>");
  EXPECT_EQ(*store.resolve(parse(R"("${E:-d}${E}${N:-}")"), environment), "d");
  EXPECT_EQ(*store.resolve(parse(R"({"env":"E","else":{"secret":"s"}})"), environment), "${V}");
  EXPECT_EQ(store.resolve(parse(R"("${N}")"), environment).error().code, Code::kSecretMissing);
  Json deep = "x";
  for (int level = 0; level < 20; ++level) deep = Json::object({{"concat", Json::array({deep})}});
  EXPECT_EQ(store.resolve(deep, environment).error().code, Code::kLimit);
}

}  // namespace
}  // namespace rtt::registry
