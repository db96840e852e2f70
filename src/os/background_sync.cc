// SPDX-License-Identifier: Apache-2.0
#include "os/background_sync.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "base/assert.h"

namespace rtt::os {

BackgroundSync::~BackgroundSync() {
  if (thread_.joinable()) thread_.join();
}

void BackgroundSync::begin(std::vector<Fd> files, std::uint64_t mark) {
  RTT_ASSERT(!busy());
  if (thread_.joinable()) thread_.join();  // it has ended
  busy_.store(true, std::memory_order_release);
  // Signals are the loop's: the thread begins with all of them blocked.
  sigset_t all, before;
  ::sigfillset(&all);
  RTT_ASSERT(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  const auto sync = [this, mark](const std::vector<Fd>& these) {
    int failed = 0;
    for (const Fd& file : these) {
      if (::fdatasync(file.get()) != 0) failed = errno;
    }
    errno_.store(failed, std::memory_order_release);
    if (failed == 0) durable_.store(mark, std::memory_order_release);
    busy_.store(false, std::memory_order_release);
  };
  const auto shared = std::make_shared<const std::vector<Fd>>(std::move(files));
  try {
    thread_ = std::thread([sync, shared] { sync(*shared); });
  } catch (const std::system_error&) {  // this user may start no more threads now: the loop waits instead
    sync(*shared);
  }
  RTT_ASSERT(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

}  // namespace rtt::os
