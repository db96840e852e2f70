// SPDX-License-Identifier: Apache-2.0
// Fd: one owned file descriptor, closed when destroyed. Every descriptor RTT opens is close-on-exec.
//
// Owns: the descriptor.   Thread: any (move-only value).   Fails: operations return kNotFound (no such file),
// kPermission, kNoSpace, kLimit (out of descriptors) or kIo with errno's words.
#pragma once

#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace rtt::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  void reset();
  [[nodiscard]] Result<Fd> duplicate() const;

 private:
  int number_ = -1;
};

// errno as an Error: "what: No such file or directory", with a fitting code.
Error last_error(std::string_view what);
Error error_of(int number, std::string_view what);  // the same for an errno kept from earlier

}  // namespace rtt::os
