// SPDX-License-Identifier: Apache-2.0
// Own server: the process behind RTT's own tools (own_tools.h), on its stdin and stdout.
//
// The gateway starts it like any server, `rtt driver-host --own-tools -C ROOT`, and ends it when idle. It
// asks the panel if one runs, else answers from the files; it may block, since nobody but its own callers
// waits.
//
// Owns: the process's stdin and stdout for its run.   Thread: blocks the caller.
// Fails: returns the exit status: 0 end of input.   Limits: kMcpLineBytesMax a line.
#pragma once

#include "mcp/own/own_tools.h"

namespace rtt::mcp {

int own_server_main(const AskVerb& ask);

}  // namespace rtt::mcp
