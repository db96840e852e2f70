// SPDX-License-Identifier: Apache-2.0
#include "os/out_queue.h"

#include "os/pipe.h"

namespace rtt::os {
namespace {

constexpr std::size_t kCompactAt = 256 * 1024;  // written bytes kept in front before they are moved away

// Writes until the descriptor takes no more; how many bytes it took.
Result<std::size_t> write_some(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    RTT_TRY_SET(const Sent sent, write_nowait(fd, as_bytes(bytes.substr(done))));
    done += sent.bytes;
    if (sent.would_block || sent.bytes == 0) break;
  }
  return done;
}

}  // namespace

void OutQueue::clear() {
  kept_.clear();
  kept_.shrink_to_fit();
  start_ = 0;
}

Status OutQueue::keep(std::string_view line) {
  if (bytes() + line.size() > limit_) {
    return fail(Code::kLimit,
                "the reader is too slow: " + std::to_string(bytes()) + " bytes wait for it already");
  }
  kept_.append(line);
  return {};
}

Status OutQueue::write(int fd, std::string_view line) {
  if (empty() && line.size() <= limit_) {
    RTT_TRY_SET(const std::size_t done, write_some(fd, line));
    line.remove_prefix(done);
    if (line.empty()) return {};
  }
  return keep(line);
}

Status OutQueue::flush(int fd) {
  if (empty()) return {};
  RTT_TRY_SET(const std::size_t done, write_some(fd, std::string_view(kept_).substr(start_)));
  start_ += done;
  if (empty()) {
    clear();
  } else if (start_ >= kCompactAt) {
    kept_.erase(0, start_);
    start_ = 0;
  }
  return {};
}

}  // namespace rtt::os
