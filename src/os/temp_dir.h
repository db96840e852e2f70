// SPDX-License-Identifier: Apache-2.0
// TempDir: a private folder under the system's temp folder, removed with everything in it when destroyed. For
// tests, benches and staging.
//
// Owns: the folder.   Thread: any.   Fails: create() with kIo, kPermission, kNoSpace.
#pragma once

#include <string>
#include <utility>

#include "os/entropy.h"
#include "os/file.h"

namespace rtt::os {

class TempDir {
 public:
  static Result<TempDir> create(const std::string& in = environment("TMPDIR", "/tmp")) {
    std::string path = in + "/rtt-" + random_hex(8);
    RTT_TRY(make_directories(path, 0700));
    return TempDir(std::move(path));
  }
  ~TempDir() {
    if (!path_.empty()) (void)remove_tree(path_);
  }
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace rtt::os
