// SPDX-License-Identifier: Apache-2.0
// serve: `rtt mcp serve [NAME…] [--as CLIENT]`, the program an AI client starts.
//
// It hands its stdin and stdout to the workspace's gateway (gateway_dial.h) and sleeps until the session
// ends; a gateway that is lost is replaced (os/handover.h). Where none can be started (a full disk, a folder
// that may only be read) this process is the gateway of its one client; without a workspace it answers the
// client with the reason and the command to run. With `--http` it has the gateway listen instead
// (serve_http.h).
//
// Owns: the process's stdin and stdout for its run.   Thread: blocks the caller.
// Fails: returns the exit status: 0 end of input, 75 the gateway was lost, 1 otherwise.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mcp/gateway.h"

namespace rtt::mcp {

struct ServeHttp {
  std::string at;  // ADDRESS:PORT or PORT
  enum class Reach : unsigned char { kLoopback, kBeyond } reach = Reach::kLoopback;
  std::vector<std::string> origins;
  std::string token_file;  // empty: this user's, made on first use
  enum class Token : unsigned char { kAsked, kNone } token = Token::kAsked;
};
struct ServeOptions {
  ClientOptions client;
  std::string directory;  // the caller's folder or -C
  enum class Search : unsigned char { kUpward, kExactly } search = Search::kUpward;
  int in = 0, out = 1;  // the client's descriptors
  std::optional<ServeHttp> http;
};
int serve_main(const ServeOptions& options);

}  // namespace rtt::mcp
