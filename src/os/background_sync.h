// SPDX-License-Identifier: Apache-2.0
// BackgroundSync: makes what was written to some files durable, beside the loop.
//
// fdatasync waits for the disk: milliseconds here, seconds on a bad day, and a loop that waited would hold
// every client meanwhile. So each sync is a thread of its own that does nothing else; who begins one at most
// once a second pays some 30 µs for it.
//
// Owns: the thread and its copies of the descriptors; destroying it waits for the sync under way.
// Thread: begin() and the rest are one thread's.   Fails: last_errno() says how the last sync failed.
// Limits: one sync at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "os/fd.h"

namespace rtt::os {

class BackgroundSync {
 public:
  BackgroundSync() = default;
  ~BackgroundSync();
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;

  [[nodiscard]] bool busy() const { return busy_.load(std::memory_order_acquire); }
  // Everything up to `mark` has been written to these. REQUIRES: not busy().
  void begin(std::vector<Fd> files, std::uint64_t mark);
  [[nodiscard]] std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  [[nodiscard]] int last_errno() const { return errno_.load(std::memory_order_acquire); }  // 0: it went well

 private:
  std::atomic<bool> busy_ = false;
  std::atomic<std::uint64_t> durable_ = 0;
  std::atomic<int> errno_ = 0;
  std::thread thread_;
};

}  // namespace rtt::os
