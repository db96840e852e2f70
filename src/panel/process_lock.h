// SPDX-License-Identifier: Apache-2.0
// ProcessLock: one process a name in a folder, and who it is.
//
// `NAME.lock` is held (os/file.h) for the process's life, so the kernel frees it however the process ends;
// `NAME.json` beside it says pid and start time, which together name one process for ever. That is how `rtt
// down` ends what a dead panel left behind.
//
// Owns: the lock.   Thread: any.   Fails: kBusy (somebody holds it), kIo.   Limits: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file.h"
#include "os/process_watch.h"

namespace rtt::panel {

class ProcessLock {
 public:
  static Result<ProcessLock> take(const std::string& directory, const std::string& name);

 private:
  explicit ProcessLock(os::FileLock lock) : lock_(std::move(lock)) {}
  os::FileLock lock_;
};

struct LockHolder {
  std::string name;
  os::ProcessId process;  // none: it has not said yet
};
// A lock that is held for a moment by lock_holders, which looks by taking it, has nobody: whoever wants it
// waits.
[[nodiscard]] bool has_holder(const std::string& directory, const std::string& name);
// Every name in `directory` whose lock is held right now, sorted.
Result<std::vector<LockHolder>> lock_holders(const std::string& directory);

}  // namespace rtt::panel
