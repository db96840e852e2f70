// SPDX-License-Identifier: Apache-2.0
#include "os/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace rtt::os {

FolderWatch::FolderWatch(Loop& loop, Fd fd, Nanos settle, std::function<void()> changed)
    : loop_(loop), fd_(std::move(fd)), settle_(settle), changed_(std::move(changed)) {}

FolderWatch::~FolderWatch() {
  if (timer_ != 0) loop_.cancel(timer_);
  if (loop_.watching(fd_.get())) loop_.unwatch(fd_.get());
}

Result<std::unique_ptr<FolderWatch>> FolderWatch::create(Loop& loop, const std::vector<std::string>& folders,
                                                         Nanos settle, std::function<void()> changed) {
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (fd.get() < 0) return std::unexpected(last_error("cannot watch folders"));
  for (const std::string& folder : folders) {
    constexpr std::uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE;
    if (::inotify_add_watch(fd.get(), folder.c_str(), kChanges | IN_ONLYDIR) < 0 && errno != ENOENT &&
        errno != ENOTDIR)
      return std::unexpected(last_error("cannot watch " + folder));
  }
  std::unique_ptr<FolderWatch> watch(new FolderWatch(loop, std::move(fd), settle, std::move(changed)));
  RTT_TRY(
      loop.watch(watch->fd_.get(), kReadable, [self = watch.get()](std::uint32_t) { self->on_readable(); }));
  return watch;
}

void FolderWatch::on_readable() {
  alignas(inotify_event) std::array<char, 4096> events{};
  while (::read(fd_.get(), events.data(), events.size()) > 0) {
  }
  if (timer_ != 0) return;
  timer_ = loop_.after(settle_, [this] {
    timer_ = 0;
    changed_();
  });
}

}  // namespace rtt::os
