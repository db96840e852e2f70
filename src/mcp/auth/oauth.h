// SPDX-License-Identifier: Apache-2.0
// OAuth 2.1 as an MCP client speaks it: what is asked, and what answers are believed. Pure texts and values.
//
// Followed: RFC 9728 (whose tokens a resource takes), RFC 8414 and OpenID discovery (where an issuer is
// asked), RFC 7591 (making oneself known), RFC 7636 with S256 only, RFC 8252 (the answer comes to a port of
// this machine), RFC 8707 (for which resource), RFC 9207 (who answered). Where a document could point
// elsewhere it is held to what it claims: metadata must name the resource and the issuer it was asked for,
// and every address in it must be https, or of this machine.
//
// Thread: any (pure).   Fails: kServerProtocol naming the document and the fault; no error holds a token, a
// code or a secret.   Limits: the caller's, on what it hands in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "mcp/auth/login_value.h"
#include "web/url.h"

namespace rtt::mcp {

// Of a WWW-Authenticate header, its Bearer challenge.
struct BearerChallenge {
  std::string error, scope, resource_metadata;
};
BearerChallenge parse_challenge(std::string_view header);

// Where the metadata may be, in the order to ask.
std::vector<std::string> resource_metadata_places(const web::Url& resource, const BearerChallenge& challenge);
std::vector<std::string> issuer_metadata_places(const web::Url& issuer);

struct ResourceMetadata {
  std::string resource;
  std::vector<std::string> issuers, scopes;
};
Result<ResourceMetadata> read_resource_metadata(std::string_view text, const web::Url& resource);

struct IssuerMetadata {
  std::string issuer, authorize, token, registration;  // registration may be empty
  std::vector<std::string> scopes;
  SecretIn secret_in = SecretIn::kHeader;  // as it takes a client's secret, if it has one
  bool says_issuer = false;                // its redirections carry `iss`
  bool client_document = false;            // a client may be known by the address of its metadata
};
Result<IssuerMetadata> read_issuer_metadata(std::string_view text, const std::string& issuer);

// 43 characters of a verifier's 32 random bytes; and what is shown of it first.
std::string base64url(ByteView bytes);
std::string s256(std::string_view verifier);

struct AuthorizationAsk {
  std::string authorize, client_id, redirect, state, challenge, scope, resource;
};
std::string authorization_url(const AuthorizationAsk& ask);

// The query a browser brings back. Fails also when the state or the issuer is another one.
Result<std::string> code_of(std::string_view query, const std::string& state, const IssuerMetadata& issuer);

using Form = std::vector<std::pair<std::string_view, std::string>>;  // empty values are left out
std::string form_text(const Form& form);

// What the token endpoint is asked, by a client that says who it is.
struct TokenAsk {
  std::string body;
  std::string authorization;  // of the header; empty: none
};
TokenAsk token_ask(const OAuthClient& client, Form form);

struct TokenAnswer {
  std::string access_token, refresh_token, scope;
  std::int64_t ends_unix_ms = 0;
};
struct TokenRefusal {
  std::string error, words;
};
// Of the token endpoint: a token, or its refusal (`invalid_grant` and the like).
struct TokenOutcome {
  std::optional<TokenAnswer> token;
  TokenRefusal refusal;
};
Result<TokenOutcome> read_token_answer(int status, std::string_view text, std::int64_t now_unix_ms);

std::string registration_request(std::string_view redirect, std::string_view scope);
Result<OAuthClient> read_registration(int status, std::string_view text, const std::string& issuer);

}  // namespace rtt::mcp
