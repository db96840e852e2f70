// SPDX-License-Identifier: Apache-2.0
// Url: an http or https address in its parts, read strictly.
//
// What decides whom a credential is sent to is read here and only here: scheme, host and port. A text that
// two readers could take apart differently (blanks, controls, backslashes, a second `@`) is refused.
//
// Thread: any (pure).   Fails: kBadShape, never with the userinfo or query in the message.
// Limits: kUrlBytesMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rtt::web {

inline constexpr std::size_t kUrlBytesMax = 8192;

struct Url {
  std::string scheme;    // "http" or "https"
  std::string userinfo;  // as written; empty = none
  std::string host;      // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string path;   // begins with '/'
  std::string query;  // without '?'; empty = none
};

Result<Url> parse_url(std::string_view text);  // a fragment is left out
std::string to_string(const Url& url);
std::string origin_of(const Url& url);  // scheme://host[:port], the port where it is not the scheme's own
// This machine: localhost, 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(std::string_view host);
// What `reference` names, seen from `base`: a whole address, or an absolute path on the same host.
Result<Url> resolve(const Url& base, std::string_view reference);

// Of a query or form value.
std::string percent_encoded(std::string_view text);
// Fails kBadShape on a stray `%`.
Result<std::string> percent_decoded(std::string_view text);
// The value of `name` in a query or form, decoded; empty if it is not there or stands twice.
std::string query_value(std::string_view query, std::string_view name);

}  // namespace rtt::web
