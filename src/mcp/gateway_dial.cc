// SPDX-License-Identifier: Apache-2.0
#include "mcp/gateway_dial.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "mcp/gateway_listen.h"
#include "os/file.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::int64_t kGatewayStartMs = 15'000;
constexpr int kGatewayStarts = 3;  // one may be killed while it comes up
constexpr int kReadyFd = 3;        // its number in the gateway's process

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
  Status started = start_gateway(workspace);
  for (int again = 1; !started && again < kGatewayStarts; ++again) started = start_gateway(workspace);
  RTT_TRY(std::move(started));
  return os::connect_unix(workspace.sockets(), name);
}

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

Ending await_end(const os::Fd& socket, const OnAccepted& on_accepted) {
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
      const bool accepted = line->bool_or("accepted", false);
      ending.accepted = ending.accepted || accepted;
      ending.unknown += say_unknown(*line);
      if (accepted) on_accepted(*line);
      ending.error = line->string_or("error", ending.error);
      if (line->find("status")) ending.status = static_cast<int>(line->int_or("status", 1));
    }
    if (ending.status) return ending;
  }
}

}  // namespace

bool Losses::too_many(Instant now) {
  constexpr std::size_t kLossesMax = 20;
  static constexpr Nanos kWindow = nanos_from_ms(60'000);
  std::erase_if(at_, [now](Instant at) { return now - at > kWindow; });
  at_.push_back(now);
  return at_.size() > kLossesMax;
}

std::string reason_of(const Error& why) {
  std::string reason = why.message;
  for (const std::string& cause : why.causes) reason += ": " + cause;
  if (!why.where.empty()) reason += " (" + why.where + ")";
  if (!why.hint.empty()) reason += ". Run: " + why.hint;
  return reason;
}

Json hello_of(const ClientOptions& client) {
  Json servers(text::JsonArray{});
  for (const std::string& name : client.servers) servers.push(name);
  Json out = Json::object({{"hello", kGatewayHello},
                           {"servers", std::move(servers)},
                           {"as", client.as},
                           {"provenance", client.provenance == ClientOptions::Provenance::kShown}});
  if (client.names) out.set("names", to_string(*client.names));
  if (client.view) out.set("view", to_string(*client.view));
  if (client.surroundings) write_surroundings(*client.surroundings, out);
  return out;
}

Result<Ending> ask_gateway(const registry::Workspace& workspace, const GatewayAsk& ask,
                           const OnAccepted& on_accepted) {
  RTT_TRY_SET(const os::Fd socket, connect_gateway(workspace));
  RTT_TRY_SET(const os::PeerIdentity peer, os::peer_identity(socket.get()));
  if (peer.uid != os::own_uid()) return fail(Code::kNotOwner, "the gateway's socket belongs to another user");
  RTT_TRY(os::send_all(socket.get(), as_bytes(text::to_json(ask.hello) + "\n"), ask.fds));
  return await_end(socket, on_accepted);
}

}  // namespace rtt::mcp
