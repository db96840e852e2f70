// SPDX-License-Identifier: Apache-2.0
#include "panel/process_lock.h"

#include <optional>

#include "os/process_watch.h"
#include "text/json.h"

namespace rtt::panel {
namespace {

constexpr std::string_view kLock = ".lock";
constexpr std::size_t kHolderBytesMax = 4096;

// The other locks here are plain ones (start.lock, gateway.lock), whose holders never say who they are.
bool is_of_a_process(std::string_view name) { return name == "panel" || name.starts_with("host-"); }

// Who said last that it took the lock.
std::optional<LockHolder> last_holder(const std::string& directory, const std::string& name) {
  const auto text = os::read_file(directory + "/" + name + ".json", kHolderBytesMax);
  if (!text) return std::nullopt;
  const auto holder = text::parse_json(*text);
  if (!holder) return std::nullopt;
  return LockHolder{.name = name,
                    .process = {.pid = static_cast<int>(holder->int_or("pid", 0)),
                                .start_time = static_cast<std::uint64_t>(holder->int_or("start_time", 0))}};
}

}  // namespace

Result<ProcessLock> ProcessLock::take(const std::string& directory, const std::string& name) {
  RTT_TRY(os::make_directories(directory, 0700));
  RTT_TRY_SET(os::FileLock lock,
              os::FileLock::take(directory + "/" + name + std::string(kLock), os::FileLock::Wait::kNo));
  RTT_TRY_SET(const os::ProcessId own, os::own_process());
  const text::Json holder =
      text::Json::object({{"pid", own.pid}, {"start_time", static_cast<std::int64_t>(own.start_time)}});
  RTT_TRY(os::write_atomic(directory + "/" + name + ".json", text::to_json(holder),
                           {.durable = os::Durable::kNo}));
  return ProcessLock(std::move(lock));
}

bool has_holder(const std::string& directory, const std::string& name) {
  const auto holder = last_holder(directory, name);
  return holder && os::is_alive(holder->process);
}

Result<std::vector<LockHolder>> lock_holders(const std::string& directory) {
  std::vector<LockHolder> holders;
  if (!os::is_directory(directory)) return holders;
  RTT_TRY_SET(const auto names, os::list_directory(directory));
  for (const std::string& file : names) {
    if (!file.ends_with(kLock)) continue;
    const std::string name = file.substr(0, file.size() - kLock.size());
    auto free = os::FileLock::take(directory + "/" + file, os::FileLock::Wait::kNo);
    if (free) continue;  // nobody holds it; ours is released at once
    auto holder = last_holder(directory, name);
    if (!holder && is_of_a_process(name)) holder = LockHolder{.name = name, .process = {}};
    if (holder) holders.push_back(*std::move(holder));
  }
  return holders;
}

}  // namespace rtt::panel
