// SPDX-License-Identifier: Apache-2.0
// `mcp login`: a person's login for a server over HTTP.
#include <fmt/format.h>

#include <algorithm>

#include "mcp/auth/log_in.h"
#include "mcp/auth/login_store.h"
#include "mcp/pins/import.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/permissions.h"
#include "os/process.h"
#include "os/terminal.h"
#include "panel/mcp_import.h"
#include "panel/workbench.h"
#include "registry/secrets.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

constexpr int kStderr = 2;
constexpr std::uint32_t kOthersBits = 0077;
constexpr std::size_t kSecretBytesMax = 4096;

struct Wanted {
  mcp::ServerConfig config;
  mcp::SecretValues fresh;
};

// An accepted server, one of the clients' files that could not be listed without a login, or an address.
Result<Wanted> wanted_server(const Workspace& workspace, const Turn& turn) {
  const std::string name = turn.text("name");
  const mcp::ImportOptions options{.workspace = workspace, .plain_http = turn.set("plain_http")};
  if (name.contains("://")) {
    const mcp::ConfigServer server{.name = "address",
                                   .entry = Json::object({{"type", "http"}, {"url", name}})};
    mcp::Imported read = mcp::read_server(server, options);
    if (read.error) return std::unexpected(*std::move(read.error));
    read.config.name = name.substr(0, name.find_first_of("?#"));
    return Wanted{.config = std::move(read.config), .fresh = std::move(read.secrets)};
  }
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  const auto contracts = snapshot.in_force();
  RTT_TRY_SET(const auto servers, mcp::pinned_servers(contracts));
  for (const mcp::PinnedServer& server : servers) {
    if (server.config.name == name || server.ns() == name)
      return Wanted{.config = server.config, .fresh = {}};
  }
  for (const ClientScope scope : {ClientScope::kProject, ClientScope::kUser}) {
    const auto plan =
        plan_import(workspace, {.directory = turn.ask.directory, .scope = scope, .only = {name}});
    if (!plan || plan->servers.empty()) continue;
    mcp::Imported read = mcp::read_server(plan->servers.front(), options);
    if (read.error) return std::unexpected(*std::move(read.error));
    return Wanted{.config = std::move(read.config), .fresh = std::move(read.secrets)};
  }
  return fail(Code::kNotFound,
              fmt::format("no MCP server `{}` in this workspace or its clients' files", name), {},
              "rtt mcp ls, or rtt mcp login https://HOST/PATH");
}

void show_address(const Turn& turn, const std::string& url, const std::string& issuer) {
  turn.part(Json::object({{"say", fmt::format("log in at {} by opening this address: {}", issuer, url)}}));
  if (turn.set("no_browser") || !os::is_terminal(kStderr)) return;
  auto browser = os::spawn({.argv = {"xdg-open", url},
                            .env = os::own_environment(),
                            .directory = {},
                            .in = os::Wire::kNull,
                            .out = os::Wire::kNull,
                            .err = os::Wire::kNull,
                            .lifetime = os::Lifetime::kDetached});
  if (browser) browser->detach();  // the address is shown all the same
}

Json row(const std::string& name, const mcp::Login& login, std::string_view state) {
  return Json::object(
      {{"name", name},
       {"state", state},
       {"issuer", login.client.issuer},
       {"resource", login.resource},
       {"scope", login.scope},
       {"ends", login.ends_unix_ms > 0 ? Json(os::rfc3339({login.ends_unix_ms * 1000})) : Json()},
       {"renews", !login.refresh_token.empty()}});
}

// Never a word of the command line, where every process of this machine could read it.
Result<std::string> client_secret(const Turn& turn, const Workspace& workspace) {
  const std::string from = turn.text("client_secret_from");
  if (from.empty()) return std::string();
  if (turn.text("client_id").empty()) {
    return fail(Code::kBadArgument, "a client's secret is that of a client id", "--client-secret-from",
                "add --client-id ID");
  }
  std::string text;
  if (from.starts_with("${")) {
    RTT_TRY_SET(text, registry::SecretStore(workspace.user_dir).resolve(Json(from), os::own_environment()));
  } else {
    const std::string file = from.starts_with('/') ? from : turn.ask.directory + "/" + from;
    RTT_TRY_SET(const std::uint32_t mode, os::permissions_of(file));
    if ((mode & kOthersBits) != 0)
      return fail(Code::kPermission, "others may read the secret", file, "chmod 600 " + file);
    RTT_TRY_SET(text, os::read_file(file, kSecretBytesMax));
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return fail(Code::kBadArgument, "there is no secret in it", from);
  return text;
}

Result<Json> log_out(const mcp::LoginStore& store, const std::string& name, const std::string& resource) {
  RTT_TRY_SET(std::optional<mcp::Login> login, store.login(resource));
  if (!login) return fail(Code::kNotFound, fmt::format("there is no login for server '{}'", name), resource);
  login->access_token.clear();
  login->refresh_token.clear();
  login->ends_unix_ms = 0;
  RTT_TRY(store.put(*login));
  return row(name, *login, "logged out");
}

}  // namespace

Result<Json> verb_mcp_login(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(Wanted wanted, wanted_server(workspace, turn));
  const std::string name = wanted.config.name;
  if (wanted.config.transport != "http") {
    return fail(Code::kBadArgument,
                fmt::format("server '{}' is a program on this machine; it takes no login", name), {},
                "its keys are variables of its entry: rtt mcp import");
  }
  RTT_TRY_SET(mcp::Endpoint endpoint, mcp::resolve_endpoint(wanted.config, workspace, wanted.fresh));
  const std::string resource = mcp::resource_of(endpoint.url);
  const mcp::LoginStore store(workspace.user_dir);
  if (turn.set("logout")) return log_out(store, name, resource);
  if (turn.consent() == Turn::Consent::kShow) {
    return asking(fmt::format("Log in for server '{}'?", name),
                  {fmt::format("ask {} who logs its users in", web::origin_of(endpoint.url)),
                   "send your browser there", "keep what it gives in your secret store"});
  }
  RTT_TRY_SET(std::string secret, client_secret(turn, workspace));
  RTT_TRY_SET(const mcp::Login login,
              mcp::log_in({.server = name,
                           .endpoint = std::move(endpoint),
                           .user_dir = workspace.user_dir,
                           .scope = turn.text("scope"),
                           .client_id = turn.text("client_id"),
                           .client_secret = std::move(secret),
                           .deadline_ms = turn.ask.deadline_ms,
                           .open = [&](const std::string& url, const std::string& issuer) {
                             show_address(turn, url, issuer);
                           }}));
  return row(name, login, "logged in");
}

}  // namespace rtt::panel
