// SPDX-License-Identifier: Apache-2.0
// LoadEnd: one process of a chaos run's load: an endpoint as any program of librtt is one, that counts what
// came of each of its messages (`rtt driver-host --chaos-end ROLE SYMBOL PORT`; the run starts it).
//
// Each message carries a number, so its other end can tell a lost, a doubled and a reordered one apart. An
// end works until its standard input closes, waits for what it is still owed, and says its counts as one line
// of JSON on standard output.
//
// Roles: asker (calls PORT, one call at a time), answerer, publisher, feeder (a publisher that begins when a
// byte comes on its standard input), sink, and scribbler: an asker that overwrites, from its first answer on,
// all lane memory that it may write: its peer sees a hostile program.
//
// Owns: the process.   Thread: its loop's.   Units: milliseconds.
// Fails: exit status 1 and a word on stderr: an unknown role, a panel that refuses the symbol for ever is
// tried again and shows as no call made.   Limits: kLoadDeadlineMs a call, kSinkLinesMax askers told apart.
#pragma once

#include <string>

#include "registry/workspace.h"

namespace rtt::chaos {

inline constexpr std::int64_t kLoadDeadlineMs = 1000;
inline constexpr std::int64_t kLoadPeriodMs = 2;
inline constexpr std::int64_t kLoadEndMs = 5000;  // what is owed comes within this, or is counted as lost
inline constexpr std::size_t kAskersMax = 64;

struct LoadEndOptions {
  std::string role, symbol, port;
};
int load_end_main(const registry::Workspace& workspace, const LoadEndOptions& options);

}  // namespace rtt::chaos
