// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/login_flow.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kIssuer = "https://as.example/tenant";
const std::string kResource =
    R"({"resource":"https://h/mcp","authorization_servers":["https://as.example/tenant"],"scopes_supported":["a","b"]})";
const std::string kMetadata = R"({"issuer":"https://as.example/tenant",
  "authorization_endpoint":"https://as.example/authorize?x=1","token_endpoint":"https://as.example/token",
  "registration_endpoint":"https://as.example/register","code_challenge_methods_supported":["S256"],
  "scopes_supported":["a","offline_access"]})";

LoginWish wish() {
  return {.server = "far",
          .resource = *web::parse_url("https://h/mcp"),
          .redirect = "http://127.0.0.1:5/callback",
          .state = "st",
          .verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
}
login_step::Ask asked(const LoginStep& step) {
  const auto* const ask = std::get_if<login_step::Ask>(&step);
  EXPECT_NE(ask, nullptr);
  return ask ? *ask : login_step::Ask{};
}
Code failed(const LoginStep& step) {
  const auto* const error = std::get_if<Error>(&step);
  EXPECT_NE(error, nullptr);
  return error ? error->code : Code::kInternal;
}
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(LoginFlow, from_the_address_to_the_tokens) {
  LoginFlow flow(wish());
  EXPECT_EQ(asked(flow.start()).url, "https://h/mcp");
  EXPECT_EQ(
      asked(flow.on_answer(401, R"(Bearer resource_metadata="https://h/meta", scope="c d")", "", 0)).url,
      "https://h/meta");
  EXPECT_EQ(asked(flow.on_answer(200, "", kResource, 0)).url,
            "https://as.example/.well-known/oauth-authorization-server/tenant");
  EXPECT_EQ(asked(flow.on_answer(404, "", "", 0)).url,
            "https://as.example/.well-known/openid-configuration/tenant");
  EXPECT_EQ(asked(flow.on_answer(404, "", "", 0)).url,
            "https://as.example/tenant/.well-known/openid-configuration");
  const auto registration = asked(flow.on_answer(200, "", kMetadata, 0));
  EXPECT_EQ(registration.url, "https://as.example/register");
  EXPECT_NE(registration.body.find("http://127.0.0.1:5/callback"), std::string::npos);
  const auto opened = flow.on_answer(201, "", R"({"client_id":"me"})", 0);
  const auto* const open = std::get_if<login_step::Open>(&opened);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(
      open->url,
      "https://as.example/"
      "authorize?x=1&response_type=code&client_id=me&redirect_uri=http%3A%2F%2F127.0.0.1%3A5"
      "%2Fcallback&state=st&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method="
      "S256&scope=c%20d%20offline_access&resource=https%3A%2F%2Fh%2Fmcp");  // RFC 7636's own vector
  const auto trade = asked(flow.on_redirect("code=co%2Fde&state=st"));
  EXPECT_EQ(trade.body,
            "grant_type=authorization_code&code=co%2Fde&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcallback&"
            "code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&resource=https%3A%2F%2Fh%2Fmcp&client_"
            "id=me");
  const auto done = flow.on_answer(
      200, "", R"({"access_token":"A","token_type":"bearer","refresh_token":"R","expires_in":60})", 1000);
  const auto* const login = std::get_if<login_step::Done>(&done);
  ASSERT_NE(login, nullptr);
  EXPECT_EQ(login->login, (Login{.resource = "https://h/mcp",
                                 // What RFC 8414 takes for granted where the issuer names no method.
                                 .client = {.issuer = std::string(kIssuer),
                                            .id = "me",
                                            .secret = "",
                                            .secret_in = SecretIn::kHeader},
                                 .token_endpoint = "https://as.example/token",
                                 .access_token = "A",
                                 .refresh_token = "R",
                                 .scope = "c d offline_access",
                                 .ends_unix_ms = 61'000}));
}

// Each thing a document could lie about, once.
TEST(LoginFlow, documents_are_held_to_what_they_claim) {
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"https://h/mcp", "https://h/other"},
                                                        {"https://h/mcp", "https://evil/mcp"},
                                                        {"https://h/mcp", ""},
                                                        {"https://as", "http://as"},
                                                        {"https://as.example/tenant", "not an address"}}) {
    LoginFlow flow(wish());
    flow.start();
    flow.on_answer(401, "", "", 0);
    EXPECT_EQ(failed(flow.on_answer(200, "", replaced(kResource, from, to), 0)), Code::kServerProtocol) << to;
  }
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"example/tenant", "example/tenants"},
           {"S256", "plain"},
           {R"("https://as.example/token")", "7"},
           {"https://as.example/token", "http://as.example/token"},
           {"https://as.example/register", "ftp://x/"},
           {"https://as.example/authorize", "javascript:1"},
           {"{", "["}}) {
    LoginFlow flow(wish());
    flow.start();
    flow.on_answer(401, "", "", 0);
    flow.on_answer(200, "", kResource, 0);
    EXPECT_EQ(failed(flow.on_answer(200, "", replaced(kMetadata, from, to), 0)), Code::kServerProtocol) << to;
  }
}

TEST(LoginFlow, a_resource_may_be_named_by_what_lies_above_it_and_by_nothing_else) {
  const auto url = *web::parse_url("https://h/a/b");
  const auto named = [&](const std::string& name) {
    return read_resource_metadata(R"({"resource":")" + name + R"(","authorization_servers":["https://as"]})",
                                  url)
        .has_value();
  };
  EXPECT_TRUE(named("https://h/a/b"));
  EXPECT_TRUE(named("https://h/a"));
  EXPECT_TRUE(named("https://h/"));
  EXPECT_FALSE(named("https://h/a/b/c"));
  EXPECT_FALSE(named("https://h/a/bb"));
  EXPECT_FALSE(named("https://h:8/a/b"));
}

TEST(LoginFlow, the_browser_must_come_from_this_login_and_this_issuer) {
  const IssuerMetadata issuer{.issuer = std::string(kIssuer), .says_issuer = true};
  const auto code = [&](std::string_view query) { return code_of(query, "st", issuer).value_or("-"); };
  EXPECT_EQ(code("code=x&state=st&iss=https%3A%2F%2Fas.example%2Ftenant"), "x");
  EXPECT_EQ(code("code=x&state=other&iss=https%3A%2F%2Fas.example%2Ftenant"), "-");
  EXPECT_EQ(code("code=x&state=st&iss=https%3A%2F%2Fevil"), "-");
  EXPECT_EQ(code("code=x&state=st"), "-") << "it says that it names itself, so it must";
  EXPECT_EQ(code("state=st&iss=https%3A%2F%2Fas.example%2Ftenant"), "-");
  EXPECT_EQ(code("code=x&code=y&state=st&iss=https%3A%2F%2Fas.example%2Ftenant"), "-");
}

TEST(LoginFlow, challenges_are_read_quoted_or_not) {
  const auto read = parse_challenge(
      R"(Basic realm="a, b=\"c\"", Bearer error=insufficient_scope, scope="x y",resource_metadata="https://h/m")");
  EXPECT_EQ(read.error, "insufficient_scope");
  EXPECT_EQ(read.scope, "x y");
  EXPECT_EQ(read.resource_metadata, "https://h/m");
  for (const char* text : {"", "=", "\"", "Bearer scope=\"", "a=\"\\", ",,,", "Bearer ==", "\x80\xff"})
    EXPECT_EQ(parse_challenge(text).resource_metadata, "");
}

TEST(LoginFlow, token_answers_are_bearer_tokens_or_refusals) {
  EXPECT_EQ(read_token_answer(400, R"({"error":"invalid_grant"})", 0)->refusal.error, "invalid_grant");
  for (const char* text : {R"({"access_token":"A","token_type":"mac"})", R"({"token_type":"Bearer"})",
                           R"({"access_token":"A\r\nX: y","token_type":"Bearer"})", "null", ""}) {
    EXPECT_FALSE(read_token_answer(200, text, 0)) << text;
  }
  EXPECT_FALSE(read_token_answer(503, "{}", 0));
}

TEST(LoginFlow, an_issuer_that_registers_nobody_is_asked_under_a_known_name) {
  LoginFlow flow(wish());
  flow.start();
  flow.on_answer(401, "", "", 0);
  flow.on_answer(200, "", kResource, 0);
  const auto who = flow.on_answer(200, "", replaced(kMetadata, "registration_endpoint", "other"), 0);
  ASSERT_TRUE(std::holds_alternative<login_step::WhoAmI>(who));
  LoginFlow other = flow;
  EXPECT_EQ(failed(flow.on_client(std::nullopt)), Code::kNotFound);
  EXPECT_EQ(failed(other.on_client(OAuthClient{.issuer = "https://evil", .id = "me", .secret = {}})),
            Code::kNotFound)
      << "what another issuer knows us as is not told";
}

}  // namespace
}  // namespace rtt::mcp
