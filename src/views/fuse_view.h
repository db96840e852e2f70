// SPDX-License-Identifier: Apache-2.0
// FuseView: MountNodes as a file system of the kernel's, by libfuse's low-level interface.
//
// Nothing that is shown ever changes, so the kernel is told to keep names, attributes, listings and bytes for
// ever, and open and opendir are answered "not implemented" once, after which the kernel never asks: a warm
// stat, open, read and close then costs what a disk file system costs (1.2 times, where asking at each open
// costs 8 times). What does change (a link per provider, three kinds of small folders) is said to the kernel
// when it changes (tell).
//
// A connection outlives its server: it is a descriptor, and whoever reads it serves. The first request on it
// says what this kernel can, and only the first server sees that; it is kept (`hello`) and told to the next.
//
// Owns: the session, its threads, a few unpacked blocks.   Thread: start and tell by one that serves nothing.
// Fails: mount: kPermission, kNotFound (no /dev/fuse, no fusermount3), kIo; start: kIo.   Units: bytes.
// Limits: kServeThreads, kBlocksHeld.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "os/fd.h"
#include "views/mount_nodes.h"

namespace rtt::views {

inline constexpr std::string_view kMountSource = "rtt-views";  // in the kernel's list of mounts
inline constexpr std::string_view kMountType = "fuse.rtt";

// Mounts at a folder, read-only, for this user alone. The descriptor is the connection.
Result<os::Fd> mount_views(const std::string& path);

class FuseView {
 public:
  struct Options {
    os::Fd connection;
    std::string hello{};  // of this connection; empty: nobody served it yet
    std::function<void(const std::string& hello)> greeted{};  // told of it, before it is answered
    std::function<void()> ended{};  // told when the mount is gone, by a thread of ours
  };
  static Result<std::unique_ptr<FuseView>> start(MountNodes& nodes, Options options);
  // REQUIRES: the mount is gone (else this waits for its end).
  ~FuseView();
  FuseView(const FuseView&) = delete;
  FuseView& operator=(const FuseView&) = delete;

  // The kernel asks for these again. Returns when whoever looks from now on sees what is shown now.
  void tell(std::span<const Stale> stale);
  // After a fork, and before this process ends with requests under way: the pages that requests are received
  // into are shared with the child until they are written to, and a kernel that has to copy one for a process
  // about to die gives the request up (EIO for whoever asked) instead of keeping it for the next server.
  void own_again();
  void forget(std::uint32_t node_number);  // blocks of a generation that is gone

  struct State;  // what requests are answered from; fuse_view.cc alone knows it

 private:
  FuseView();
  std::unique_ptr<State> state_;
};

}  // namespace rtt::views
