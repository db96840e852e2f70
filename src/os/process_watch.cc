// SPDX-License-Identifier: Apache-2.0
#include "os/process_watch.h"

#include <csignal>

#include "os/process.h"

namespace rtt::os {

Result<ProcessId> own_process() {
  RTT_TRY_SET(const std::uint64_t start_time, process_start_time(own_pid()));
  return ProcessId{.pid = own_pid(), .start_time = start_time};
}

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0) return false;  // kill would ask our own group
  const auto found = process_start_time(process.pid);
  if (found || found.error().code == Code::kLost) return found == process.start_time;
  return ::kill(process.pid, 0) == 0 || errno == EPERM;
}

ProcessWatch::~ProcessWatch() {
  for (const auto& [key, process] : processes_) loop_.unwatch(process.pidfd.get());
}

Result<ProcessWatch::Id> ProcessWatch::watch(const ProcessId& process, Task task) {
  const Key key{process.pid, process.start_time};
  if (!processes_.contains(key)) {
    RTT_TRY_SET(Fd pidfd, watch_process(process.pid, process.start_time));
    RTT_TRY(loop_.watch(pidfd.get(), kReadable, [this, key](std::uint32_t) { ended(key); }));
    processes_[key].pidfd = std::move(pidfd);
  }
  const Id id = ++last_;
  processes_[key].tasks.emplace(id, std::move(task));
  ids_.emplace(id, key);
  return id;
}

void ProcessWatch::forget(Id id) {
  const auto at = ids_.find(id);
  if (at == ids_.end()) return;
  const auto process = processes_.find(at->second);
  process->second.tasks.erase(id);
  ids_.erase(at);
  if (!process->second.tasks.empty()) return;
  loop_.unwatch(process->second.pidfd.get());
  processes_.erase(process);
}

// A task may forget those behind it, so each is looked up anew.
void ProcessWatch::ended(Key key) {
  for (;;) {
    const auto process = processes_.find(key);
    if (process == processes_.end()) return;
    const auto first = process->second.tasks.begin();
    const Id id = first->first;
    const Task task = std::move(first->second);
    forget(id);
    task();
  }
}

}  // namespace rtt::os
