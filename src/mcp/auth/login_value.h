// SPDX-License-Identifier: Apache-2.0
// Login: what a person's consent at an authorization server is worth, as values.
//
// A login belongs to one resource (a server's address) and names the issuer that gave it; what this machine
// is known as at an issuer goes to that issuer only.
//
// Thread: any (values).   Fails: never.
#pragma once

#include <cstdint>
#include <string>

#include "web/url.h"

namespace rtt::mcp {

// How a client shows its secret to the token endpoint (RFC 6749, 2.3.1): in the form, or by HTTP Basic.
enum class SecretIn : std::uint8_t { kForm, kHeader };

// What an issuer knows this machine as. A public client has no secret.
struct OAuthClient {
  std::string issuer, id, secret{};
  SecretIn secret_in = SecretIn::kForm;
  friend bool operator==(const OAuthClient&, const OAuthClient&) = default;
};
struct Login {
  std::string resource;  // as sent to the authorization server
  OAuthClient client;
  std::string token_endpoint;
  std::string access_token, refresh_token, scope;
  std::int64_t ends_unix_ms = 0;  // of the access token; 0 = it was not said
  friend bool operator==(const Login&, const Login&) = default;
};

// The address without userinfo, query and fragment: what a token is asked for, and a login is found by.
std::string resource_of(const web::Url& url);

}  // namespace rtt::mcp
