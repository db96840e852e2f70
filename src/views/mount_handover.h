// SPDX-License-Identifier: Apache-2.0
// MountHandover: what whoever comes to serve a mount of views, or to keep it, must know of its connection.
//
// Keeper and server both know all of it at any time, so each can start the other anew.
//
// Owns: values.   Thread: any (values); send and receive block.
// Fails: kLost, kDeadline (the other end is gone or stuck), kBadArgument (no line of a handover), kLimit.
// Limits: kHandoverMs; kHandoverLinesMax.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "os/process.h"
#include "views/mount_nodes.h"
#include "views/mount_words.h"

namespace rtt::views {

inline constexpr std::int64_t kHandoverMs = 10'000;  // who is alive reads and writes at once
inline constexpr std::size_t kHandoverLinesMax = std::size_t{1} << 24;  // there are no more numbers

struct MountHandover {
  std::string hello;                 // the first request of the connection; empty: nobody served it yet
  MountNodes::Numbers numbers;       // that the kernel knows nodes by
  std::uint32_t last = 0;            // the largest that was ever given
  std::deque<std::uint32_t> starts;  // of servers, in seconds of the monotonic clock: too many are an end

  void take(const MountNote& note);  // one that says nothing of it: nothing
};
// What each starts the other with, by number: the connection, the channel between the two, the store's
// socket.
inline constexpr int kConnectionFd = 3, kKeeperFd = 4, kListenerFd = 5;

struct OtherEnd {
  os::Child process;  // it outlives us: a server takes the mount away, a keeper keeps it
  os::Fd channel;     // ours
};
// The keeper's server, or the server's next keeper.   Fails: as os::spawn.
Result<OtherEnd> start_other_end(const std::vector<std::string>& argv, int connection, int listener);

Status send_handover(int fd, const MountHandover& known);
Result<MountHandover> receive_handover(int fd);

}  // namespace rtt::views
