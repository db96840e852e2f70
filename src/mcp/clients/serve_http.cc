// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/serve_http.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "crypto/sha256.h"
#include "mcp/clients/http_gate.h"
#include "mcp/gateway_dial.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/permissions.h"
#include "os/terminal.h"
#include "web/url.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kTokenBytes = 32;  // random ones
constexpr std::size_t kTokenFileBytesMax = 4096;
constexpr std::uint32_t kOthersBits = 0077;
constexpr int kAttempts = 3;
constexpr std::size_t kIdDigits = 16;

struct Token {
  std::string text, file;
  enum class Made : std::uint8_t { kNow, kBefore } made = Made::kBefore;
};

void say(std::string_view line) { os::write_err("rtt mcp serve: " + std::string(line) + "\n"); }

int refuse(const Error& why) {
  say(reason_of(why));
  return static_cast<int>(exit_status(why.code));
}

Result<Token> read_token(const std::string& file) {
  RTT_TRY_SET(const std::uint32_t mode, os::permissions_of(file));
  if ((mode & kOthersBits) != 0)
    return fail(Code::kPermission, "others may read the token", file, "chmod 600 " + file);
  RTT_TRY_SET(std::string text, os::read_file(file, kTokenFileBytesMax));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  for (const char c : text) {
    if (c <= ' ' || c > '~') return fail(Code::kBadArgument, "a token is one word of visible ASCII", file);
  }
  if (text.size() < kHttpTokenBytesMin) {
    return fail(Code::kBadArgument, fmt::format("a token has {} characters or more", kHttpTokenBytesMin),
                file, "openssl rand -hex 32 > FILE");
  }
  return Token{.text = std::move(text), .file = file};
}

Result<Token> token_of(const ServeHttp& http, const registry::Workspace& workspace) {
  if (!http.token_file.empty()) return read_token(http.token_file);
  const std::string folder = workspace.user_dir + "/http";
  const std::string file =
      folder + "/" + bare_hex(crypto::sha256(workspace.root)).substr(0, kIdDigits) + ".token";
  if (os::exists(file)) return read_token(file);
  RTT_TRY(os::make_directories(folder, 0700));
  RTT_TRY(os::write_once(file, os::random_hex(kTokenBytes) + "\n", {.mode = 0600}));
  RTT_TRY_SET(Token token, read_token(file));  // another serve may have made it meanwhile
  token.made = Token::Made::kNow;
  return token;
}

Result<Json> hello(const ServeOptions& options, const std::optional<Token>& token) {
  const ServeHttp& http = *options.http;
  RTT_TRY_SET(const os::TcpAddress address, parse_listen_address(http.at));
  if (!os::is_numeric(address.host)) {
    return fail(Code::kBadArgument, address.host + " is no numeric address", "--http",
                "listen at 127.0.0.1 or [::1]");
  }
  const bool beyond = http.reach == ServeHttp::Reach::kBeyond;
  if (!beyond && !os::is_loopback(address.host)) {
    return fail(Code::kBadArgument, address.host + " is reached from other machines", "--http",
                "listen at 127.0.0.1, or add --allow-remote if that is what you want");
  }
  if (beyond && !token) {
    return fail(Code::kBadArgument, "--no-token with --allow-remote would let anybody call your tools",
                "--no-token", "leave one of them out");
  }
  Json origins(text::JsonArray{});
  for (const std::string& given : http.origins) {
    RTT_TRY_SET(std::string origin, read_origin(given));
    origins.push(std::move(origin));
  }
  Json front = Json::object({{"host", address.host},
                             {"port", static_cast<std::int64_t>(address.port)},
                             {"beyond", beyond},
                             {"origins", std::move(origins)}});
  if (token) front.set("token", to_string(crypto::sha256(token->text)));
  Json out = hello_of(options.client);
  out.set("http", std::move(front));
  return out;
}

void say_ready(const Json& line, const std::optional<Token>& token) {
  const std::string url(line.string_or("url"));
  say(fmt::format("MCP over HTTP at {} until this program ends", url));
  if (!token) {
    say("NO TOKEN IS ASKED FOR: every program and every user of this machine can call your tools");
    return;
  }
  if (token->made == Token::Made::kNow) say(fmt::format("the token, shown this once: {}", token->text));
  say(fmt::format("the token is in {}; clients send `Authorization: Bearer TOKEN`", token->file));
}

// The port that was chosen once is the one clients know.
void listen_at_port_of(Json& hello, const std::string& url) {
  const auto known = web::parse_url(url);
  const Json* const front = hello.find("http");
  if (!known || front == nullptr) return;
  Json again = *front;
  again.set("port", static_cast<std::int64_t>(known->port));
  hello.set("http", std::move(again));
}

int serve(const ServeOptions& options, const registry::Workspace& workspace) {
  std::optional<Token> token;
  if (options.http->token == ServeHttp::Token::kAsked) {
    auto found = token_of(*options.http, workspace);
    if (!found) return refuse(found.error());
    token = *std::move(found);
  }
  auto text = hello(options, token);
  if (!text) return refuse(text.error());
  Error last{.code = Code::kLost, .message = "the MCP gateway went away before it listened"};
  Losses losses;
  std::string url;  // where the first one listened
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto ending = ask_gateway(workspace, {.hello = *text, .fds = {}}, [&](const Json& line) {
      if (url.empty()) say_ready(line, token);
      url = line.string_or("url");
    });
    if (!ending) {
      last = ending.error();
      if (last.code == Code::kLost || last.code == Code::kPanelDown) continue;  // it was just ending
      break;
    }
    if (ending->status) return *ending->status;
    if (ending->accepted) {
      if (losses.too_many(os::now())) {
        say("the MCP gateway went away, too often to start another");
        return static_cast<int>(Exit::kGatewayLost);
      }
      say("the MCP gateway went away; another one listens at the same address, where clients begin new "
          "sessions");
      listen_at_port_of(*text, url);
      attempt = -1;
      continue;
    }
    if (!ending->error.empty()) return refuse({.code = Code::kIo, .message = ending->error});
  }
  return refuse(last);
}

}  // namespace

Result<os::TcpAddress> parse_listen_address(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kBadArgument, fmt::format("`{}` is no ADDRESS:PORT", text.substr(0, 100)), "--http",
                "rtt mcp serve --http 127.0.0.1:8765");
  };
  std::string_view host = "127.0.0.1";
  std::string_view digits = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    digits = text.substr(colon + 1);
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (host.empty() || (!brackets && host.find(':') != std::string_view::npos)) return bad();
    if (brackets) host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return bad();
  return os::TcpAddress{.host = std::string(host), .port = port};
}

int serve_http(const ServeOptions& options, const Result<registry::Workspace>& workspace) {
  return workspace ? serve(options, *workspace) : refuse(workspace.error());
}

}  // namespace rtt::mcp
