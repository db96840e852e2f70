// SPDX-License-Identifier: Apache-2.0
#include "panel/view_mount.h"

#include <fmt/format.h>

#include <utility>

#include "os/file.h"
#include "os/process.h"
#include "os/terminal.h"
#include "panel/daemon_start.h"
#include "views/mount_client.h"

namespace rtt::panel {
namespace {

std::string log_path(const views::MountPlace& place) { return place.store + "/log"; }

std::vector<std::string> words_of(const char* role, const ViewMountMain& options) {
  std::vector<std::string> words{os::own_executable(), "driver-host", role, options.place.store,
                                 options.place.mountpoint};
  if (options.parent != 0) words.insert(words.end(), {"--parent", std::to_string(options.parent)});
  return words;
}

int failed(const Error& error) {
  os::write_err(fmt::format("rtt: {}: {}{}{}\n", code_name(error.code), error.message,
                            error.where.empty() ? "" : " at ", error.where));
  return static_cast<int>(exit_status(error.code));
}

}  // namespace

Status start_view_mount(const views::MountPlace& place) {
  RTT_TRY(os::make_directories(place.store, 0700));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(place.store + "/start.lock", os::FileLock::Wait::kYes));
  if (auto client = views::MountClient::connect(place.store); client && client->list())
    return {};                                // another starter was first
  RTT_TRY(os::remove_file(log_path(place)));  // of the last one, which ended
  return start_daemon({.name = "the mount of views",
                       .argv = words_of("--views", {.place = place}),
                       .directory = "/",
                       .log = log_path(place),
                       .setuid = os::Setuid::kCounts});
}

int view_server_main(const ViewMountMain& options) {
  std::vector<std::string> keeper = words_of("--views", options);
  keeper.emplace_back("--take-over");
  return views::serve_views(options.place, std::move(keeper));
}

int view_mount_main(const ViewMountMain& options) {
  os::ignore_broken_pipes();
  int ready_fd = options.ready_fd;
  views::KeepOptions keep{
      .place = options.place, .server = words_of("--view-server", options), .begin = options.begin};
  if (options.parent != 0) {
    keep.ready = [] { os::write_out("ready\n"); };
    const auto began = os::process_start_time(options.parent);
    if (!began) return failed(began.error());
    keep.parent = {.pid = options.parent, .start_time = *began};
  } else {
    os::harden_self(os::Setuid::kCounts);
    os::become_session_leader();
    if (Status logged = os::redirect_stdio(log_path(options.place)); !logged) {
      tell_failed(ready_fd, logged.error());
      return failed(logged.error());
    }
    keep.ready = [&ready_fd] { tell_ready(std::exchange(ready_fd, -1)); };
  }
  const Status kept = views::keep_mount(keep);
  if (kept) return 0;
  tell_failed(ready_fd, kept.error());
  return failed(kept.error());
}

}  // namespace rtt::panel
