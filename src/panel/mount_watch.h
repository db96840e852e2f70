// SPDX-License-Identifier: Apache-2.0
// MountWatch: says at once when nobody serves the user's mount of views any more.
//
// Keeper and server of a mount bring each other back (views/mount_keeper.h); where both are gone nobody is
// left to tell, but a connection to their socket ends. One that ends with its server alone is made again: the
// socket is the keeper's, and takes connections meanwhile.
//
// Owns: a connection, its watch.   Thread: the loop's.   Fails: never; where nothing can be watched nothing
// is told. Limits: kAgainMax.
#pragma once

#include <functional>

#include "os/fd.h"
#include "os/loop.h"

namespace rtt::panel {

class MountWatch {
 public:
  static constexpr int kAgainMax = 16;  // connections between two calls of look()

  MountWatch(os::Loop& loop, std::function<void()> lost) : loop_(loop), lost_(std::move(lost)) {}
  ~MountWatch() { leave(); }
  MountWatch(const MountWatch&) = delete;
  MountWatch& operator=(const MountWatch&) = delete;

  // Whoever serves now is watched; where nobody does, nothing is.
  void look();

 private:
  void connect();
  void leave();
  void ended();

  os::Loop& loop_;
  std::function<void()> lost_;
  os::Fd connection_;
  int left_ = 0;
};

}  // namespace rtt::panel
