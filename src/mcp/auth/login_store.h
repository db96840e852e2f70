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
#include <utility>

#include "base/result.h"
#include "mcp/auth/login_value.h"
#include "os/file.h"
#include "registry/secrets.h"

namespace rtt::mcp {

class LoginStore {
 public:
  explicit LoginStore(std::string user_dir) : user_dir_(std::move(user_dir)), secrets_(user_dir_) {}

  [[nodiscard]] Result<std::optional<Login>> login(const std::string& resource) const;
  Status put(const Login& login) const;
  // Held by whoever renews this login, of whatever process; kBusy: somebody does.
  [[nodiscard]] Result<os::FileLock> lock_renewal(const std::string& resource) const;
  [[nodiscard]] Result<std::optional<OAuthClient>> client(const std::string& issuer) const;
  Status put(const OAuthClient& client) const;

 private:
  std::string user_dir_;
  registry::SecretStore secrets_;
};

}  // namespace rtt::mcp
