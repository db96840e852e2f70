// SPDX-License-Identifier: Apache-2.0
// MappedFile: a whole regular file as memory, for reading.
//
// Whoever may write the file can cut it short, and touching what is gone ends a process by SIGBUS: map only
// files that are written once and never changed, and where a process must outlive that being broken, call
// read_cut_pages_as_zeros() first. Copying a file into memory of our own or reading it piece by piece would
// protect too, at the price of its size or of a system call for each piece.
//
// Owns: the mapping, not the descriptor.   Thread: any (move-only).   Units: bytes.
// Fails: kNotFound, kNotRegular (also a symbolic link), kTooLarge, kPermission, kIo, with the path in
// `where`. Limits: the caller's bytes_max.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace rtt::os {

class MappedFile {
 public:
  MappedFile() = default;  // of no bytes
  ~MappedFile() { reset(); }
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    if (this != &other) {
      reset();
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  static Result<MappedFile> open(const std::string& path, std::uint64_t bytes_max);
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  void reset();
  ByteView bytes_;
};

// From now on in this process: a page of a mapped file that is no longer in the file reads as zeros. For
// processes all of whose mapped files are checked as they are read.
Status read_cut_pages_as_zeros();

}  // namespace rtt::os
