// SPDX-License-Identifier: Apache-2.0
// split_secrets: parts a configured MCP server into what may be written, hashed and shown, and what may not.
//
// Literal values of `env` and `headers`, userinfo and query values of URLs (in `url` and in arguments), and
// arguments the user marks become references {"secret":"<ns>.<KEY>"}; the values themselves are returned
// beside, for the SecretStore. `${VAR}` stays text; the default of `${VAR:-default}` is a literal like any
// other and is stored. An argument after `--header`, `-H`, `-e` or `--env` is read as the header or variable
// it is. An argument that looks like a secret (what an option as --token or --api-key sets, or a token by its
// well-known beginning) is taken for one and named in `guessed`. Keys RTT does not know may hold anything and
// are left out (`dropped`). Pure: the same entry gives the same parts.
//
// Thread: any (values).   Fails: kBadShape, never with a value in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/json.h"

namespace rtt::registry {

struct SplitOptions {
  std::string ns;  // namespace of the server: the first part of every secret's name
  // What is no secret: names of env, headers or query values, options, places of arguments ("3").
  std::vector<std::string> plain;
  // Arguments that are secrets: "3" = the third, "--api-key" = what follows or is set by that option, "url" =
  // the whole URL (some services put their token into the path).
  std::vector<std::string> marked;
};
struct SplitServer {
  text::Json
      entry;  // strings, {"secret"}, {"env","else"} and {"concat":[…]} as SecretStore::resolve reads them
  std::vector<std::pair<std::string, std::string>> secrets;  // name, value; sorted by name
  std::vector<std::string> dropped;                          // keys of the entry that were left out
  std::vector<std::string> guessed;  // arguments that look like secrets: "--token", "argument 3"
  std::vector<std::string> unmet;    // marks that fit nothing here
};
Result<SplitServer> split_secrets(const text::Json& entry, const SplitOptions& options);

}  // namespace rtt::registry
