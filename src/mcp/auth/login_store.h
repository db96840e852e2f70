// SPDX-License-Identifier: Apache-2.0
// LoginStore: logins at authorization servers, as secrets of this user.
//
// Logins are kept by resource, what this machine is known as by issuer. Values are in the SecretStore (0600)
// and nowhere else. A login that was ended stays, without tokens: whoever asks is told to log in again.
//
// Thread: any.   Fails: kIo, kPermission, kBadShape (a damaged entry); no error holds a value.
// Limits: as SecretStore.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "mcp/auth/login_value.h"
#include "registry/secrets.h"

namespace rtt::mcp {

class LoginStore {
 public:
  explicit LoginStore(const std::string& user_dir) : secrets_(user_dir) {}

  [[nodiscard]] Result<std::optional<Login>> login(const std::string& resource) const;
  Status put(const Login& login) const;
  [[nodiscard]] Result<std::optional<OAuthClient>> client(const std::string& issuer) const;
  Status put(const OAuthClient& client) const;

 private:
  registry::SecretStore secrets_;
};

}  // namespace rtt::mcp
