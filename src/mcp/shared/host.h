// SPDX-License-Identifier: Apache-2.0
// SharedHost: the MCP servers that run once a user, whatever number of workspaces is open.
//
// One process a user (`rtt driver-host --shared`), started by the first gateway that needs it, ended when
// nobody has been attached for kSharedGraceMs. A gateway connects to `~/.config/rtt/sockets/shared.sock`,
// sends one line that says what to start (argv, environment, folder, sandbox: resolved, secrets included;
// the socket is this user's alone) and then speaks MCP on the same socket. What is started is decided by the
// line alone, so this process reads no workspace, no policy and no pin: each gateway holds the server to its
// own. Equal lines share a process (launch_key): a server with another environment is another one.
//
// Lines of the host's own begin with {"rtt":…}: accepted (with the pid), log (what the server printed), error
// and ended (why there is no more). A server's own lines are written anew by the mux and never begin so.
//
// Owns: the servers with their children, the connections, the socket.   Thread: the loop's.
// Fails: start: kBusy (another host runs), kIo.
// Limits: kMuxClientsMax connections, kSharedHelloBytesMax, kHelloMs, kMcpServersMax servers.
#pragma once

#include <memory>

#include "os/loop.h"
#include "os/process.h"
#include "text/json.h"

namespace rtt::mcp {

inline constexpr std::string_view kSharedSocket = "shared.sock";
inline constexpr std::string_view kSharedHello = "rtt-shared/1";
inline constexpr std::size_t kSharedHelloBytesMax = std::size_t{4} << 20;
inline constexpr std::int64_t kSharedGraceMs = 1000;

struct SharedLaunch {
  std::string name;
  std::string code;  // digest of what it runs, as its gateway found it; empty: not known
  os::SpawnOptions options;
};
text::Json hello_of(const SharedLaunch& launch);
Result<SharedLaunch> launch_from(const text::Json& hello);
// Canonical text that is equal for launches that may share a process: the program's file and the digest of
// the code, arguments, environment, folder, sandbox. PATH, SHELL and TERM differ from terminal to
// terminal and name no other server once the program is found: they are left out.
Result<std::string> launch_key(const SharedLaunch& launch);

std::string shared_sockets(const std::string& user_dir);

class SharedHost {
 public:
  // Ends the loop when it is no longer needed.
  static Result<std::unique_ptr<SharedHost>> start(os::Loop& loop, const std::string& sockets_dir);
  ~SharedHost();

 private:
  SharedHost();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::mcp
