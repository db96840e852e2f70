// SPDX-License-Identifier: Apache-2.0
// LoginFlow: from a server's address to a login at its authorization server, as a step machine.
//
// Asks the server who vouches for its users, that issuer how it is spoken to, makes RTT known there where the
// issuer lets anybody do so, sends the browser, and trades the code it brings back for tokens. The shell
// (log_in.h) asks, opens and listens; chance and time are handed in.
//
// Owns: what was learnt.   Thread: one (pure).
// Fails: kServerProtocol (a document is not what it must be), kPermission (the login was refused), kNotFound
// (nobody to log in at, or no client id to be had).   Limits: the documents' own; each place is asked once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mcp/auth/oauth.h"

namespace rtt::mcp {

namespace login_step {
struct Ask {
  std::string method = "GET", url, content_type{}, body{}, authorization{};
};
struct WhoAmI {  // whether this machine is known at the issuer: on_client()
  std::string issuer;
};
struct Open {  // in a browser; what it brings back: on_redirect()
  std::string url, issuer;
};
struct Done {
  Login login;
};
}  // namespace login_step
using LoginStep =
    std::variant<login_step::Ask, login_step::WhoAmI, login_step::Open, login_step::Done, Error>;

struct LoginWish {
  std::string server;  // as people call it
  web::Url resource;
  std::string redirect;         // where the browser comes back to
  std::string state, verifier;  // by chance
  std::string scope{};          // empty: what the server asks for
  std::string client_id{};      // as the issuer knows the user's own registration; empty: to be found out
  std::string client_secret{};  // of that registration, if it is a confidential one
};

class LoginFlow {
 public:
  explicit LoginFlow(LoginWish wish) : wish_(std::move(wish)) {}

  LoginStep start();
  // Of the last Ask. `status` 0: there was no answer, for the reason `body` says.
  LoginStep on_answer(int status, std::string_view challenge, std::string_view body,
                      std::int64_t now_unix_ms);
  LoginStep on_client(std::optional<OAuthClient> known);
  LoginStep on_redirect(std::string_view query);

 private:
  enum class At : std::uint8_t { kProbe, kResource, kIssuer, kRegister, kBrowser, kToken };

  LoginStep ask_resource();
  LoginStep ask_issuer(const std::string& issuer);
  LoginStep next_issuer_place();
  LoginStep find_client();
  LoginStep open();
  [[nodiscard]] std::string scope() const;

  LoginWish wish_;
  At at_ = At::kProbe;
  BearerChallenge challenge_;
  std::vector<std::string> places_;  // still to be asked, the next one last
  std::string wanted_issuer_;
  ResourceMetadata resource_;
  IssuerMetadata issuer_;
  OAuthClient client_;
};

}  // namespace rtt::mcp
