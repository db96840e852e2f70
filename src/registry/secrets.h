// SPDX-License-Identifier: Apache-2.0
// SecretStore: values that must never reach an object, plan, journal, log, answer or command line.
//
// `user_dir/secrets/<NAME>` (0600, folder 0700). Objects hold {"secret":"NAME"}; resolve() turns such a
// reference,
// `${VAR}` (from the environment given) or plain text into the value, in the process that hands it to the
// child.
//
// Thread: any.   Fails: kSecretMissing naming the secret and `rtt mcp import`, kPermission, kIo. No error or
// log of this file ever contains a value.   Limits: 64 KiB a value, names [A-Za-z0-9._-]{1,128}.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/json.h"

namespace rtt::registry {

// A value on this machine, and what of it came from elsewhere: the parts that no log should repeat.
struct Resolved {
  struct Taken {
    std::string variable;  // of the environment; empty: from the store
    std::string value;
  };
  std::string text;
  std::vector<Taken> taken;
};

class SecretStore {
 public:
  using Values = std::vector<std::pair<std::string, std::string>>;  // (name, value)
  // `fresh` are values not put yet (an import under way): they win over stored ones wherever a value names
  // them.
  explicit SecretStore(const std::string& user_dir, Values fresh = {});
  Status put(std::string_view name, std::string_view value) const;
  [[nodiscard]] Status erase(std::string_view name) const;  // absent is no error
  [[nodiscard]] Result<std::string> get(std::string_view name) const;
  [[nodiscard]] Result<std::vector<std::string>> names() const;
  // A string (with ${VAR} and ${VAR:-otherwise} expanded from `environment`), {"secret":NAME},
  // {"env":NAME,"else":…}, or {"concat":[…]} of these. A stored value is never expanded.
  [[nodiscard]] Result<std::string> resolve(
      const text::Json& value, const std::vector<std::pair<std::string, std::string>>& environment) const;
  [[nodiscard]] Result<Resolved> resolve_apart(
      const text::Json& value, const std::vector<std::pair<std::string, std::string>>& environment) const;

 private:
  std::string directory_;
  Values fresh_;
};

}  // namespace rtt::registry
