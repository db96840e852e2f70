// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/login_flow.h"

#include <algorithm>
#include <utility>

namespace rtt::mcp {

using login_step::Ask;

LoginStep LoginFlow::start() {
  at_ = At::kProbe;
  return Ask{.method = "POST",
             .url = to_string(wish_.resource),
             .content_type = "application/json",
             .body = R"({"jsonrpc":"2.0","id":1,"method":"ping"})"};
}

LoginStep LoginFlow::on_answer(int status, std::string_view challenge, std::string_view body,
                               std::int64_t now_unix_ms) {
  switch (at_) {
    case At::kProbe:
      if (status == 0)
        return Error{.code = Code::kLost,
                     .message = "server '" + wish_.server + "' cannot be reached: " + std::string(body)};
      challenge_ = parse_challenge(challenge);
      places_ = resource_metadata_places(wish_.resource, challenge_);
      std::ranges::reverse(places_);
      return ask_resource();
    case At::kResource: {
      if (status != 200) return ask_resource();
      auto read = read_resource_metadata(body, wish_.resource);
      if (!read) return std::move(read).error();
      resource_ = *std::move(read);
      return ask_issuer(resource_.issuers.front());
    }
    case At::kIssuer: {
      if (status != 200) return next_issuer_place();
      auto read = read_issuer_metadata(body, wanted_issuer_);
      if (!read) return std::move(read).error();
      issuer_ = *std::move(read);
      return find_client();
    }
    case At::kRegister: {
      auto read = read_registration(status, body, issuer_.issuer);
      if (!read) return std::move(read).error();
      client_ = *std::move(read);
      return open();
    }
    case At::kToken: {
      auto read = read_token_answer(status, body, now_unix_ms);
      if (!read) return std::move(read).error();
      if (!read->token)
        return Error{.code = Code::kPermission,
                     .message = "the authorization server gave no token: " + read->refusal.error +
                                (read->refusal.words.empty() ? "" : " (" + read->refusal.words + ")")};
      return login_step::Done{{.resource = resource_of(wish_.resource),
                               .client = client_,
                               .token_endpoint = issuer_.token,
                               .access_token = std::move(read->token->access_token),
                               .refresh_token = std::move(read->token->refresh_token),
                               .scope = read->token->scope.empty() ? scope() : read->token->scope,
                               .ends_unix_ms = read->token->ends_unix_ms}};
    }
    case At::kBrowser:
      break;
  }
  return Error{.code = Code::kInternal, .message = "an answer that was not asked for"};
}

LoginStep LoginFlow::ask_resource() {
  at_ = At::kResource;
  if (places_.empty()) {  // servers before 2025-06-18 vouch for their own users
    resource_ = {.resource = resource_of(wish_.resource), .issuers = {}, .scopes = {}};
    return ask_issuer(web::origin_of(wish_.resource));
  }
  Ask ask{.url = std::move(places_.back())};
  places_.pop_back();
  return ask;
}

LoginStep LoginFlow::ask_issuer(const std::string& issuer) {
  at_ = At::kIssuer;
  wanted_issuer_ = issuer;
  const auto url = web::parse_url(issuer);
  if (!url) return url.error();
  places_ = issuer_metadata_places(*url);
  std::ranges::reverse(places_);
  return next_issuer_place();
}

LoginStep LoginFlow::next_issuer_place() {
  if (!places_.empty()) {
    Ask ask{.url = std::move(places_.back())};
    places_.pop_back();
    return ask;
  }
  if (resource_.issuers.empty())
    return Error{.code = Code::kNotFound,
                 .message = "server '" + wish_.server + "' names no authorization server to log in at",
                 .where = {},
                 .hint = "if it wants a key instead, put it into the entry's headers and import it again"};
  return Error{.code = Code::kServerProtocol,
               .message = "the authorization server does not say how it is spoken to",
               .where = wanted_issuer_};
}

LoginStep LoginFlow::find_client() {
  if (!wish_.client_id.empty()) {
    client_ = {.issuer = issuer_.issuer,
               .id = wish_.client_id,
               .secret = wish_.client_secret,
               .secret_in = issuer_.secret_in};
    return open();
  }
  if (issuer_.registration.empty()) return login_step::WhoAmI{issuer_.issuer};
  at_ = At::kRegister;
  return Ask{.method = "POST",
             .url = issuer_.registration,
             .content_type = "application/json",
             .body = registration_request(wish_.redirect, scope())};
}

LoginStep LoginFlow::on_client(std::optional<OAuthClient> known) {
  if (!known || known->issuer != issuer_.issuer)
    return Error{
        .code = Code::kNotFound,
        .message = "the authorization server lets nobody make themselves known",
        .where = issuer_.issuer,
        .hint = "register RTT there with the redirection http://127.0.0.1/callback, then rtt mcp login " +
                wish_.server + " --client-id ID"};
  client_ = *std::move(known);
  return open();
}

LoginStep LoginFlow::open() {
  at_ = At::kBrowser;
  return login_step::Open{.url = authorization_url({.authorize = issuer_.authorize,
                                                    .client_id = client_.id,
                                                    .redirect = wish_.redirect,
                                                    .state = wish_.state,
                                                    .challenge = s256(wish_.verifier),
                                                    .scope = scope(),
                                                    .resource = resource_of(wish_.resource)}),
                          .issuer = issuer_.issuer};
}

// What the user asks for, else what the server wants, else all it knows; with what makes a login last.
std::string LoginFlow::scope() const {
  if (!wish_.scope.empty()) return wish_.scope;
  std::string out = challenge_.scope;
  for (const std::string& one : challenge_.scope.empty() ? resource_.scopes : std::vector<std::string>())
    out += (out.empty() ? "" : " ") + one;
  constexpr std::string_view kLasting = "offline_access";
  const bool offers = std::ranges::find(issuer_.scopes, kLasting) != issuer_.scopes.end();
  if (offers && !out.empty() && !out.contains(kLasting)) out.append(" ").append(kLasting);
  return out;
}

LoginStep LoginFlow::on_redirect(std::string_view query) {
  auto code = code_of(query, wish_.state, issuer_);
  if (!code) return std::move(code).error();
  at_ = At::kToken;
  TokenAsk ask = token_ask(client_, {{"grant_type", "authorization_code"},
                                     {"code", *code},
                                     {"redirect_uri", wish_.redirect},
                                     {"code_verifier", wish_.verifier},
                                     {"resource", resource_of(wish_.resource)}});
  return Ask{.method = "POST",
             .url = issuer_.token,
             .content_type = "application/x-www-form-urlencoded",
             .body = std::move(ask.body),
             .authorization = std::move(ask.authorization)};
}

}  // namespace rtt::mcp
