// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/http_gate.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "crypto/sha256.h"
#include "mcp/wire/protocol.h"

namespace rtt::mcp {
namespace {

using drivers::HttpRequestReader;
using Outcome = std::variant<HttpAsk, HttpRefusal>;

constexpr std::size_t kQuotedMax = 200;  // of what the client sent, in a message

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool same_word(std::string_view text, std::string_view lower_word) {  // whatever the case of `text`
  return std::ranges::equal(text, lower_word, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = std::min(text.find_first_not_of(kBlank), text.size());
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

std::string quoted(std::string_view text) {
  std::string out(text.substr(0, kQuotedMax));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return "'" + out + "'";
}

std::string_view value(const HttpRequestReader& request, std::string_view name) {
  const std::string* const found = request.header(name);
  return found == nullptr ? std::string_view() : std::string_view(*found);
}

// `name[:port]` without the port; an IPv6 address keeps its brackets.
std::string_view without_port(std::string_view host) {
  const std::size_t from = host.starts_with('[') ? std::min(host.find(']'), host.size()) : 0;
  const std::size_t colon = host.find(':', from);
  if (colon == std::string_view::npos) return host;
  const std::string_view port = host.substr(colon + 1);
  const bool digits = std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? host.substr(0, colon) : host;
}

bool is_numeric(std::string_view host) {
  const auto made_of = [](std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
  };
  if (host.starts_with('[') && host.ends_with(']'))
    return made_of(host.substr(1, host.size() - 2), "0123456789abcdef:.");
  return made_of(host, "0123456789.");
}

bool is_loopback_name(std::string_view host) {
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_numeric(host));
}

bool allowed_host(std::string_view header, const HttpPolicy& policy) {
  const std::string text = lower(header);
  const std::string_view host = without_port(text);
  if (is_loopback_name(host) || host == policy.address || host == "[" + policy.address + "]") return true;
  return policy.reach == HttpPolicy::Reach::kBeyond && is_numeric(host);
}

bool allowed_origin(std::string_view header, const HttpPolicy& policy) {
  const std::string origin = lower(header);
  if (std::ranges::find(policy.origins, origin) != policy.origins.end()) return true;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme))
      return is_loopback_name(without_port(std::string_view(origin).substr(scheme.size())));
  }
  return false;
}

// Both are hashed first, so the time says nothing of the token.
bool has_token(const HttpRequestReader& request, const Digest& wanted) {
  const std::string_view header = value(request, "authorization");
  const std::size_t space = std::min(header.find(' '), header.size());
  if (!same_word(header.substr(0, space), "bearer")) return false;
  std::string_view token = header.substr(space);
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  const Digest given = crypto::sha256(token);
  unsigned differing = 0;
  for (std::size_t i = 0; i < given.bytes.size(); ++i) {
    differing |= static_cast<unsigned>(given.bytes[i]) ^ static_cast<unsigned>(wanted.bytes[i]);
  }
  return differing == 0;
}

// Whether the list of media ranges `accept` has `type` ("application/json") in it.
bool accepts(std::string_view accept, std::string_view type) {
  const std::string_view family = type.substr(0, type.find('/'));
  while (!accept.empty()) {
    const std::size_t end = std::min(accept.find(','), accept.size());
    const std::string_view range = trimmed(accept.substr(0, std::min(accept.find(';'), end)));
    const std::size_t slash = std::min(range.find('/'), range.size());
    const bool whole_family = range.substr(slash) == "/*" && same_word(range.substr(0, slash), family);
    if (same_word(range, type) || range == "*/*" || whole_family) return true;
    accept.remove_prefix(std::min(accept.size(), end + 1));
  }
  return false;
}

HttpRefusal refused(int status, std::string message, drivers::HttpHeaders headers = {}) {
  return {.status = status, .message = std::move(message), .headers = std::move(headers)};
}

std::optional<HttpRefusal> stranger(const HttpRequestReader& request, const HttpPolicy& policy) {
  const std::string_view host = value(request, "host");
  if (!allowed_host(host, policy)) {
    return refused(403, "Host " + quoted(host) + " is not this machine's: use http://" + policy.address +
                            " or localhost");
  }
  const std::string* const origin = request.header("origin");
  if (origin != nullptr && !allowed_origin(*origin, policy)) {
    return refused(403, "Origin " + quoted(*origin) +
                            " may not ask here: start `rtt mcp serve --http` with --origin and that origin");
  }
  return std::nullopt;
}

std::optional<HttpRefusal> unwelcome(const HttpRequestReader& request, const HttpPolicy& policy) {
  if (policy.token && !has_token(request, *policy.token)) {
    return refused(401,
                   "the bearer token is missing or wrong: send `Authorization: Bearer TOKEN`; `rtt mcp serve "
                   "--http` says where the token is",
                   {{"WWW-Authenticate", "Bearer realm=\"rtt\""}});
  }
  return std::nullopt;
}

Outcome ask_of_post(const HttpRequestReader& request, HttpAsk ask) {
  const std::string_view type = value(request, "content-type");
  if (!same_word(type.substr(0, type.find_first_of("; \t")), "application/json"))
    return refused(415, "Content-Type must be application/json, not " + quoted(type));
  const std::string* const accept = request.header("accept");
  const bool json = accept == nullptr || accepts(*accept, "application/json");
  const bool events = accept != nullptr && accepts(*accept, "text/event-stream");
  if (!json && !events)
    return refused(406, "Accept must name application/json and text/event-stream, not " + quoted(*accept));
  using Takes = HttpAsk::Takes;
  const bool rather = json && events && accept->find("text/event-stream") < accept->find("application/json");
  ask.takes = rather           ? Takes::kEventsRather
              : json && events ? Takes::kBoth
              : json           ? Takes::kJson
                               : Takes::kEvents;
  return ask;
}

Outcome ask_of_get(const HttpRequestReader& request, HttpAsk ask) {
  ask.what = HttpAsk::What::kListen;
  const std::string_view accept = value(request, "accept");
  if (!accepts(accept, "text/event-stream"))
    return refused(406, "a GET opens a stream of events: Accept must name text/event-stream");
  if (const std::string* const last = request.header("last-event-id")) ask.last_event_id = *last;
  return ask;
}

}  // namespace

Outcome judge(const HttpRequestReader& request, const HttpPolicy& policy) {
  if (auto no = stranger(request, policy)) return *std::move(no);
  const std::string_view target = request.target();
  const std::size_t question = std::min(target.find('?'), target.size());
  if (target.substr(0, question) != kHttpPath)
    return refused(404, "nothing is at " + quoted(target) + ": MCP is at " + std::string(kHttpPath));
  HttpAsk ask{.session = std::string(value(request, "mcp-session-id")),
              .last_event_id = {},
              .origin = std::string(value(request, "origin")),
              .query = std::string(target.substr(question)),
              .said = {}};
  for (const auto& header : request.headers()) {
    if (header.first.starts_with("mcp-") && header.first != "mcp-session-id") ask.said.push_back(header);
  }
  const std::string& method = request.method();
  if (method == "OPTIONS" && !ask.origin.empty() &&
      request.header("access-control-request-method") != nullptr) {
    ask.what = HttpAsk::What::kPreflight;  // of a browser, which sends no token with it
    return ask;
  }
  if (method != "POST" && method != "GET" && method != "DELETE") {
    return refused(405, "the method " + quoted(method) + " does nothing here: POST, GET and DELETE do",
                   {{"Allow", "POST, GET, DELETE"}});
  }
  if (auto no = unwelcome(request, policy)) return *std::move(no);
  const std::string_view expect = value(request, "expect");
  if (!expect.empty() && !same_word(expect, "100-continue"))
    return refused(417, "Expect " + quoted(expect) + " cannot be met");
  if (method == "POST") return ask_of_post(request, std::move(ask));
  if (auto no = unspoken(ask)) return *std::move(no);
  if (ask.session.empty()) return refused(400, "Mcp-Session-Id is missing: POST an initialize request first");
  if (method == "GET") return ask_of_get(request, std::move(ask));
  ask.what = HttpAsk::What::kEnd;
  return ask;
}

const std::string* HttpAsk::header(std::string_view name) const {
  for (const auto& [known, text] : said) {
    if (known == name) return &text;
  }
  return nullptr;
}

std::optional<HttpRefusal> unspoken(const HttpAsk& ask) {
  const std::string* const revision = ask.header("mcp-protocol-version");
  if (revision == nullptr || revision->empty() || speaks(*revision)) return std::nullopt;
  std::string known;
  for (const std::string_view one : kModernProtocols) known += std::string(one) + ", ";
  for (const std::string_view one : kProtocols)
    known += std::string(one) + (one == kProtocols.back() ? "" : ", ");
  return refused(400,
                 "MCP-Protocol-Version " + quoted(*revision) + " is not spoken here; these are: " + known);
}

HttpRefusal refusal_of(const Error& why) {
  const bool large = why.code == Code::kTooLarge;
  const bool head = why.message.find("headers") != std::string::npos;
  return refused(!large ? 400 : head ? 431 : 413, why.message);
}

Result<std::string> read_origin(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kBadArgument, quoted(text) + " is no origin of a page", "--origin",
                "scheme://host[:port], as https://app.example or http://10.0.0.2:3000");
  };
  std::string origin = lower(text);
  const std::size_t colon = origin.find("://");
  if (colon == std::string::npos || colon == 0 || origin.front() < 'a' || origin.front() > 'z') return bad();
  const std::string_view scheme = std::string_view(origin).substr(0, colon);
  if (scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") != std::string_view::npos)
    return bad();
  const std::string_view rest = std::string_view(origin).substr(colon + 3);
  const std::string_view host = without_port(rest);
  const bool v6 = host.starts_with('[') && host.ends_with(']') && is_numeric(host);
  if (host.empty() || (!v6 && host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") != host.npos))
    return bad();
  if (host.size() == rest.size()) return origin;
  const std::string_view port = rest.substr(host.size() + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) return bad();
  const bool own = (scheme == "http" && number == 80) || (scheme == "https" && number == 443);
  return std::string(scheme) + "://" + std::string(host) + (own ? "" : ":" + std::to_string(number));
}

}  // namespace rtt::mcp
