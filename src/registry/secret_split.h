// SPDX-License-Identifier: Apache-2.0
// split_secrets: parts a configured MCP server into what may be written, hashed and shown, and what may not.
//
// Literal values of `env` and `headers`, userinfo and query values of URLs (in `url` and in arguments), and
// arguments the user marks become references {"secret":"<ns>.<KEY>"}; the values themselves are returned
// beside, for the SecretStore. `${VAR}` stays text; the default of `${VAR:-default}` is a literal like any
// other and is stored. An argument after `--header`, `-H`, `-e` or `--env` is read as the header or variable
// it is. Keys RTT does not know may hold anything and are left out (`dropped`). Pure: the same entry gives
// the same parts.
//
// Thread: any (values).   Fails: kBadShape, kBadArgument naming a mark that fits nothing; never with a value
// in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/json.h"

namespace rtt::registry {

struct SplitOptions {
  std::string ns;                  // namespace of the server: the first part of every secret's name
  std::vector<std::string> plain;  // names of env, headers or query values that are no secrets
  // Arguments that are secrets: "3" = the third, "--api-key" = what follows or is set by that option, "url" =
  // the whole URL (some services put their token into the path).
  std::vector<std::string> marked;
};
struct SplitServer {
  text::Json
      entry;  // strings, {"secret"}, {"env","else"} and {"concat":[…]} as SecretStore::resolve reads them
  std::vector<std::pair<std::string, std::string>> secrets;  // name, value; sorted by name
  std::vector<std::string> dropped;                          // keys of the entry that were left out
};
Result<SplitServer> split_secrets(const text::Json& entry, const SplitOptions& options);

}  // namespace rtt::registry
