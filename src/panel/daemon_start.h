// SPDX-License-Identifier: Apache-2.0
// Starting a process of ours that stays, and hearing from it that it is up or why it cannot be.
//
// Both ends of one pipe: who starts waits for a byte or for an error as JSON; so the code and the exit status
// are those of the cause, and not of a process that did not come up.
//
// Thread: one, blocking.   Fails: kPanelDown (it ended without a word, or said none in time: the log's last
// line), what it says. Limits: kDaemonStartMs, 16 KiB of an error.
#pragma once

#include <string>
#include <vector>

#include "os/process.h"

namespace rtt::panel {

inline constexpr std::int64_t kDaemonStartMs = 15'000;
inline constexpr int kDaemonReadyFd = 3;  // in its argv where it is said

struct Daemon {
  std::string name;               // in errors: "the panel"
  std::vector<std::string> argv;  // ours follow: --ready-fd 3
  std::string directory;
  std::string log;  // where it writes
  os::Setuid setuid = os::Setuid::kIgnored;
};
Status start_daemon(const Daemon& daemon);

// The started one's side; -1: nobody waits.
void tell_ready(int ready_fd);
void tell_failed(int ready_fd, const Error& error);

}  // namespace rtt::panel
