// SPDX-License-Identifier: Apache-2.0
// FolderWatch: says when names in folders come, go or are written, some time after the first of several
// changes.
//
// It says that something changed, not what: who listens looks again, so a lost or merged event does no harm.
// A folder that is not there is not watched; what lies in its folders is not either.
//
// Owns: an inotify descriptor.   Thread: the loop's.   Units: nanoseconds.
// Fails: kIo, kLimit (fs.inotify.max_user_instances, max_user_watches).   Limits: the kernel's.
// Source: inotify(7).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/loop.h"

namespace rtt::os {

class FolderWatch {
 public:
  // `changed` is called `settle` after the first change since it was called last.
  static Result<std::unique_ptr<FolderWatch>> create(Loop& loop, const std::vector<std::string>& folders,
                                                     Nanos settle, std::function<void()> changed);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

 private:
  FolderWatch(Loop& loop, Fd fd, Nanos settle, std::function<void()> changed);
  void on_readable();

  Loop& loop_;
  Fd fd_;
  Nanos settle_;
  std::function<void()> changed_;
  Loop::TimerId timer_ = 0;
};

}  // namespace rtt::os
