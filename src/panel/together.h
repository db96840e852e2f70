// SPDX-License-Identifier: Apache-2.0
// Together: one answer for several asks that are under way at once: the first failure, or success when all
// are in.
//
// Owns: the callback.   Thread: one.   Fails: never.   Limits: none.
#pragma once

#include <functional>
#include <utility>

#include "base/result.h"

namespace rtt::panel {

// Counts down to one call of `done`, with the first failure if there was one.
class Together {
 public:
  using OnDone = std::function<void(Status)>;
  Together(std::size_t open, OnDone done) : open_(open), done_(std::move(done)) {}
  void one(Status status) {
    if (!status && first_) first_ = std::move(status);
    if (--open_ == 0) std::exchange(done_, nullptr)(std::move(first_));
  }

 private:
  std::size_t open_;
  Status first_;
  OnDone done_;
};

}  // namespace rtt::panel
