// SPDX-License-Identifier: Apache-2.0
#include "mcp/serve.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "mcp/gateway_listen.h"
#include "mcp/stdio_client.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/unix_socket.h"
#include "registry/workspace.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::int64_t kGatewayStartMs = 15'000;
constexpr int kReadyFd = 3;  // its number in the gateway's process
constexpr int kHandOverAttempts = 3;

int status_of(Exit exit) { return static_cast<int>(exit); }

// Serves a client that no gateway can serve: it learns why, and what to run.
class Explainer final : public ClientServices {
 public:
  Explainer(os::Loop& loop, std::string reason) : loop_(loop), reason_(std::move(reason)) {}
  std::shared_ptr<const Catalog> catalog_for(const Client& client) override {
    return std::make_shared<const Catalog>(build_catalog({.client = client.label(), .trouble = reason_}));
  }
  Backend* backend(Client&, std::string_view) override { return nullptr; }
  std::vector<Backend*> backends(const Client&) override { return {}; }
  bool subscribed(const Backend&, std::string_view) override { return false; }
  void record(CallRecord) override {}
  void refresh() override {}
  void client_gone(Client&) override { loop_.stop(); }
  WriteBatch* batch() override { return nullptr; }

 private:
  os::Loop& loop_;
  std::string reason_;
};

Result<os::Fd> own_copy(int number) {
  os::Fd borrowed(number);
  auto copy = borrowed.duplicate();
  (void)borrowed.release();
  return copy;
}

std::string reason_of(const Error& why) {
  std::string reason = why.message;
  for (const std::string& cause : why.causes) reason += ": " + cause;
  if (!why.where.empty()) reason += " (" + why.where + ")";
  if (!why.hint.empty()) reason += ". Run: " + why.hint;
  return reason;
}

int explain(const ServeOptions& options, const Error& why) {
  const std::string reason = reason_of(why);
  os::write_err("rtt mcp serve: " + reason + "\n");
  auto loop = os::Loop::create();
  auto in = own_copy(options.in);
  auto out = own_copy(options.out);
  if (!loop || !in || !out) return status_of(Exit::kFailed);
  Explainer services(**loop, reason);
  StdioClient client(**loop, services, {.in = *std::move(in), .out = *std::move(out), .control = os::Fd()},
                     {.servers = options.servers, .as = options.as});
  if (!client.start()) return status_of(Exit::kFailed);
  (*loop)->run();
  return status_of(exit_status(why.code));
}

// Starts a gateway and waits until it listens. REQUIRES: the gateway lock is held.
Status start_gateway(const registry::Workspace& workspace) {
  RTT_TRY_SET(auto ends, os::socket_pair());
  os::SpawnOptions spawn{.argv = {os::own_executable(), "driver-host", "--gateway", "-C", workspace.root,
                                  "--ready-fd", std::to_string(kReadyFd)},
                         .env = os::own_environment(),
                         .directory = workspace.root,
                         .in = os::Wire::kNull,
                         .out = os::Wire::kNull,
                         .err = os::Wire::kNull,
                         .lifetime = os::Lifetime::kDetached,
                         .pass_fds = {{ends.second.get(), kReadyFd}}};
  auto child = os::spawn(spawn);
  if (!child) return std::unexpected(std::move(child).error().in("the MCP gateway did not start"));
  ends.second.reset();
  std::array<std::byte, 16> buffer{};
  const auto ready = os::receive_wait(ends.first.get(), buffer, 0, kGatewayStartMs);
  (void)child->detach();
  if (!ready || ready->closed) {
    return fail(Code::kDriverStart, "the MCP gateway ended before it listened", workspace.sockets(),
                "rtt doctor");
  }
  return {};
}

Result<os::Fd> connect_gateway(const registry::Workspace& workspace) {
  const std::string name(kGatewaySocket);
  auto socket = os::connect_unix(workspace.sockets(), name);
  if (socket) return socket;
  RTT_TRY(os::make_directories(workspace.sockets(), 0700));
  RTT_TRY_SET(const auto lock,
              os::FileLock::take(workspace.dot("sockets/gateway.lock"), os::FileLock::Wait::kYes));
  socket = os::connect_unix(workspace.sockets(), name);  // another serve may have started it meanwhile
  if (socket) return socket;
  RTT_TRY(start_gateway(workspace));
  return os::connect_unix(workspace.sockets(), name);
}

// What the gateway said before it closed the connection.
struct Ending {
  bool accepted = false;
  std::size_t unknown = 0;  // of the servers asked for, how many are none
  std::optional<int> status;
  std::string error;
};
// While the client is still there to show it: one line a name that is no server here.
std::size_t say_unknown(const Json& line) {
  const Json* names = line.find("unknown");
  if (names == nullptr || !names->is_array()) return 0;
  for (const Json& name : names->as_array()) {
    if (name.is_string()) {
      os::write_err(
          fmt::format("rtt mcp serve: no MCP server `{}` is accepted in this workspace. "
                      "Run: rtt mcp ls\n",
                      name.as_string()));
    }
  }
  return names->as_array().size();
}

Ending await_end(const os::Fd& socket) {
  Ending ending;
  std::string text;
  for (;;) {
    std::array<std::byte, 1024> buffer{};
    const auto got = os::receive_wait(socket.get(), buffer, 0, -1);
    if (!got || got->closed || text.size() > kHelloBytesMax) return ending;
    text.append(as_text(ByteView(buffer).first(got->bytes)));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const auto line = text::parse_json(std::string_view(text).substr(0, end));
      text.erase(0, end + 1);
      if (!line) continue;
      ending.accepted = ending.accepted || line->bool_or("accepted", false);
      ending.unknown += say_unknown(*line);
      ending.error = line->string_or("error", ending.error);
      if (line->find("status")) ending.status = static_cast<int>(line->int_or("status", 1));
    }
    if (ending.status) return ending;
  }
}

Result<Ending> hand_over(const ServeOptions& options, const registry::Workspace& workspace) {
  RTT_TRY_SET(const os::Fd socket, connect_gateway(workspace));
  RTT_TRY_SET(const os::PeerIdentity peer, os::peer_identity(socket.get()));
  if (peer.uid != os::own_uid()) return fail(Code::kNotOwner, "the gateway's socket belongs to another user");
  Json servers(text::JsonArray{});
  for (const std::string& name : options.servers) servers.push(name);
  const Json hello =
      Json::object({{"hello", kGatewayHello}, {"servers", std::move(servers)}, {"as", options.as}});
  RTT_TRY(os::send_all(socket.get(), as_bytes(text::to_json(hello) + "\n"), {options.in, options.out}));
  return await_end(socket);
}

}  // namespace

int serve_main(const ServeOptions& options) {
  os::ignore_broken_pipes();
  using Search = registry::FindOptions::Search;
  const auto search = options.search == ServeOptions::Search::kExactly ? Search::kExactly : Search::kUpward;
  const auto workspace = registry::find_workspace({.directory = options.directory, .search = search});
  if (!workspace) return explain(options, workspace.error());
  Error last{.code = Code::kLost, .message = "the MCP gateway went away before it took this client"};
  for (int attempt = 0; attempt < kHandOverAttempts; ++attempt) {
    auto ending = hand_over(options, *workspace);
    if (!ending) {
      last = std::move(ending).error();
      if (last.code == Code::kLost || last.code == Code::kPanelDown)
        continue;  // it was just ending: start another
      break;
    }
    if (ending->status) {
      const bool nothing = ending->unknown != 0 && ending->unknown == options.servers.size();
      return nothing && *ending->status == 0 ? status_of(Exit::kFailed) : *ending->status;
    }
    if (ending->accepted) {
      os::write_err("rtt mcp serve: the MCP gateway went away\n");
      return status_of(Exit::kGatewayLost);
    }
    if (!ending->error.empty()) last = Error{.code = Code::kPanelProtocol, .message = ending->error};
  }
  return explain(options, last);
}

}  // namespace rtt::mcp
