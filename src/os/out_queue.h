// SPDX-License-Identifier: Apache-2.0
// OutQueue: what is still to be written to a pipe whose reader may be slow, hung, or gone.
//
// Written at once while the pipe takes it, kept up to a limit when it does not; the owner watches the
// descriptor for room only while something is kept. Nothing here blocks or changes the descriptor's flags.
//
// Owns: the bytes not written yet.   Thread: one.
// Fails: kLost (nobody reads any more), kLimit (the reader is too slow: nothing of this line was taken), kIo.
// Limits: bytes_max.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rtt::os {

class OutQueue {
 public:
  explicit OutQueue(std::size_t bytes_max) : limit_(bytes_max) {}

  Status write(int fd, std::string_view line);
  Status keep(std::string_view line);  // without writing: flush() follows
  Status flush(int fd);
  [[nodiscard]] bool empty() const { return start_ == kept_.size(); }
  [[nodiscard]] std::size_t bytes() const { return kept_.size() - start_; }
  void clear();

 private:
  std::size_t limit_;
  std::string kept_;
  std::size_t start_ = 0;  // first byte of kept_ not written yet
};

}  // namespace rtt::os
