// SPDX-License-Identifier: Apache-2.0
// Unix domain stream sockets with descriptor passing (unix(7), SCM_RIGHTS) and peer identity (SO_PEERCRED).
//
// Paths are reached through /proc/self/fd/<dirfd>/NAME, so a workspace deeper than sun_path's 108 bytes is no
// error.
//
// Thread: one per socket.   Fails: kIo, kPanelDown (nobody listens), kBusy (somebody does), kNotOwner (the
// folder is another user's), kLost (send to a closed end), kLimit (more descriptors than asked for). Limits:
// kFdsPerMessageMax descriptors a message.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"

namespace rtt::os {

inline constexpr int kFdsPerMessageMax = 8;

struct PeerIdentity {
  int pid = 0;
  unsigned uid = 0, gid = 0;
};

class UnixListener {
 public:
  // Binds NAME in `directory` (created 0700), replacing a dead socket; a live listener there is kBusy.
  static Result<UnixListener> bind(const std::string& directory, const std::string& name);
  static UnixListener of(Fd listening);  // bound by another process of ours, non-blocking
  Result<std::optional<Fd>> accept();    // nothing when none waits
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

Result<Fd> connect_unix(const std::string& directory, const std::string& name);
Result<std::pair<Fd, Fd>> socket_pair();
Result<PeerIdentity> peer_identity(int fd);

struct Received {
  std::size_t bytes = 0;  // 0 with `closed` or `would_block`
  bool closed = false;
  bool would_block = false;
  std::vector<Fd> fds;
};
// MSG_DONTWAIT: never blocks, whatever the descriptor's flags. More descriptors than `fds_max`: kLimit, all
// closed.
Result<Received> receive(int fd, MutableBytes into, int fds_max = 0);
struct Sent {
  std::size_t bytes = 0;
  bool would_block = false;
};
Result<Sent> send(int fd, ByteView bytes, const std::vector<int>& fds = {});
// Blocking variants for simple clients; `deadline_ms` counts from the call, < 0 waits for ever. kDeadline,
// kLost.
Status send_all(int fd, ByteView bytes, const std::vector<int>& fds = {}, std::int64_t deadline_ms = -1);
Result<Received> receive_wait(int fd, MutableBytes into, int fds_max, std::int64_t deadline_ms);
// For a socket this process alone reads: a receive that waits inside the kernel, one call where receive_wait
// takes three. `would_block`: the limit passed, or the descriptor is non-blocking.
Result<Received> receive_blocking(int fd, MutableBytes into, int fds_max);
Status limit_receives(int fd, std::int64_t limit_ms);  // of receive_blocking; < 0 = for ever. REQUIRES: not 0

}  // namespace rtt::os
