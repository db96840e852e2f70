// SPDX-License-Identifier: Apache-2.0
#include "web/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace rtt::web {
namespace {

constexpr std::uint16_t own_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::unexpected<Error> wrong(std::string_view what) {
  return fail(Code::kBadShape, "not a web address: " + std::string(what), {},
              "an address is https://HOST[:PORT]/PATH");
}

Status take_authority(Url& url, std::string_view authority) {
  if (const std::size_t at = authority.find('@'); at != std::string_view::npos) {
    url.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (authority.contains('@')) return wrong("it has two `@` before its path");
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong("its `[` is not closed");
    url.host = lower(authority.substr(1, close - 1));
    const bool address = !url.host.empty() && std::ranges::all_of(url.host, [](char c) {
      return hex_value(c) >= 0 || c == ':' || c == '.';
    });
    if (!address) return wrong("what stands in `[…]` is no IPv6 address");
    port = authority.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) return wrong("something follows its `]`");
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = lower(authority.substr(0, colon));
    if (url.host.empty()) return wrong("it names no host");
    if (!std::ranges::all_of(url.host, is_host_byte)) return wrong("its host has a character no host has");
    port = authority.substr(colon);
  }
  url.port = own_port(url.scheme);
  if (port.size() > 1) {
    const char* const end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, url.port);
    if (error != std::errc() || stop != end || url.port == 0) return wrong("its port is no port");
  }
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return wrong("it is longer than 8192 bytes");
  for (const char c : text) {
    if (c <= ' ' || c == '\x7f' || c == '\\') return wrong("it holds a blank, a control or a backslash");
  }
  Url url;
  const std::size_t colon = std::min(text.find("://"), text.size());
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https")
    return wrong("it begins with neither https:// nor http://");
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  RTT_TRY(take_authority(url, text.substr(0, end)));
  text.remove_prefix(end);
  const std::size_t question = text.find('?');
  url.path = text.substr(0, question);
  if (url.path.empty()) url.path = "/";
  if (question != std::string_view::npos) url.query = text.substr(question + 1);
  return url;
}

std::string origin_of(const Url& url) {
  std::string out = url.scheme + "://";
  out += url.host.contains(':') ? "[" + url.host + "]" : url.host;
  if (url.port != own_port(url.scheme)) out += ":" + std::to_string(url.port);
  return out;
}

std::string to_string(const Url& url) {
  std::string out = origin_of(url);
  if (!url.userinfo.empty()) out.insert(url.scheme.size() + 3, url.userinfo + "@");
  out += url.path;
  if (!url.query.empty()) out += "?" + url.query;
  return out;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return std::ranges::count(host, '.') == 3 &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Result<Url> resolve(const Url& base, std::string_view reference) {
  if (reference.contains("://")) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url(base.scheme + ":" + std::string(reference));
  if (!reference.starts_with('/')) return wrong("a relative one begins with `/`");
  return parse_url(origin_of(base) + std::string(reference));
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return wrong("a `%` without two hex digits");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

std::string query_value(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view item = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || item.substr(0, equals) != name) continue;
    auto value = percent_decoded(item.substr(equals + 1));
    if (found || !value) return {};
    found = *std::move(value);
  }
  return found.value_or("");
}

}  // namespace rtt::web
