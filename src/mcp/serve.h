// SPDX-License-Identifier: Apache-2.0
// serve: `rtt mcp serve [NAME…] [--as CLIENT]`, the program an AI client starts.
//
// It hands its stdin and stdout to the workspace's gateway and sleeps until the session ends. A gateway that
// is not there is started: own executable, `driver-host --gateway -C ROOT --ready-fd N`, detached, under
// `sockets/gateway.lock`; it writes one byte to the ready descriptor when it listens. Where no gateway can
// serve (no workspace, no start), this process itself answers the client with the reason and the command to
// run.
//
// Owns: the process's stdin and stdout for its run.   Thread: blocks the caller.
// Fails: returns the exit status: 0 end of input, 75 the gateway was lost, 1 otherwise.
#pragma once

#include <string>
#include <vector>

namespace rtt::mcp {

struct ServeOptions {
  std::vector<std::string> servers;  // empty = all
  std::string as;
  std::string directory;  // the caller's folder or -C
  enum class Search : unsigned char { kUpward, kExactly } search = Search::kUpward;
  int in = 0, out = 1;  // the client's descriptors
};
int serve_main(const ServeOptions& options);

}  // namespace rtt::mcp
