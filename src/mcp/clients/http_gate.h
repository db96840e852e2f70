// SPDX-License-Identifier: Apache-2.0
// The gate of the HTTP front: what the head of a request asks for, or why it is turned away.
//
// A page in a browser can reach loopback, so three things are looked at before anything else: Host, which a
// name that was rebound to this machine cannot fake; Origin, which a browser sends for a page; the bearer
// token, which other users of this machine do not have. A numeric Host cannot be rebound. Nothing here looks
// at a body.
//
// Owns: nothing.   Thread: any (pure).
// Fails: a refusal: the HTTP status, and a message that says what to do.   Limits: the head's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "drivers/http_message.h"

namespace rtt::mcp {

inline constexpr std::string_view kHttpPath = "/mcp";

struct HttpPolicy {
  std::string address;               // listened on, in digits
  std::vector<std::string> origins;  // of pages beyond loopback, as browsers write them
  enum class Reach : std::uint8_t { kLoopback, kBeyond } reach = Reach::kLoopback;
  std::optional<Digest> token;  // SHA-256 of the bearer token; nothing: none is asked for
};

struct HttpAsk {
  enum class What : std::uint8_t { kMessage, kListen, kEnd, kPreflight } what = What::kMessage;
  // kEventsRather: both, and streams of events before JSON.
  enum class Takes : std::uint8_t { kBoth, kJson, kEvents, kEventsRather } takes = Takes::kBoth;
  std::string session;  // empty: none named
  std::optional<std::string> last_event_id;
  std::string origin;         // of the page that asks; it may read the answer
  std::string query;          // of the target, behind `?`
  drivers::HttpHeaders said;  // the other headers of the protocol: mcp-…, in lower case
  [[nodiscard]] const std::string* header(std::string_view name) const;
};
struct HttpRefusal {
  int status = 400;
  std::string message;
  drivers::HttpHeaders headers;
};
[[nodiscard]] std::variant<HttpAsk, HttpRefusal> judge(const drivers::HttpRequestReader& request,
                                                       const HttpPolicy& policy);
// `scheme://host[:port]` as a browser sends it: lower case, without the scheme's own port. Fails
// kBadArgument.
[[nodiscard]] Result<std::string> read_origin(std::string_view text);
// A revision of MCP-Protocol-Version that RTT does not speak.
[[nodiscard]] std::optional<HttpRefusal> unspoken(const HttpAsk& ask);
// A request that is no HTTP, or too large.
[[nodiscard]] HttpRefusal refusal_of(const Error& why);

}  // namespace rtt::mcp
