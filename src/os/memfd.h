// SPDX-License-Identifier: Apache-2.0
// Shared memory without names: a memfd that one process may write and every other may only read.
//
// The writer creates it, maps it, and only then seals it (SHRINK, GROW, FUTURE_WRITE, SEAL; mode 0400), so
// its own mapping is the last writable one there can be. What it passes on is the same memory opened again
// O_RDONLY. A read-only descriptor of an unsealed memfd is no protection: whoever holds it opens it for
// writing again through /proc/self/fd. Nothing is left behind by kill -9, for the memory has no name. All
// pages are there before the first use, so a full machine is an error at creation and never SIGBUS later; the
// size is sealed, so no peer can cut the memory off below a reader. The first `mapped` bytes are mapped at
// once as well (prefault); the others at their first use, at some 0.5 us a page of 4 KiB.
//
// Owns: the mapping, and in SharedMemory the read-only descriptor.   Thread: any (move-only values).   Units:
// bytes. Fails: kNoSpace (no memory for it), kPermission (memfd denied), kLimit (descriptors), kFrame on the
// receiving side (a seal is missing, or another size than agreed), kIo.   Limits: the caller's.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fd.h"

namespace rtt::os {

class Mapping {
 public:
  Mapping() = default;
  ~Mapping() { reset(); }
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void reset();
  [[nodiscard]] bool valid() const { return !bytes_.empty(); }
  // REQUIRES: made by create_shared_memory. Writing into a mapping of map_shared_memory is a fault.
  [[nodiscard]] MutableBytes writable() const { return bytes_; }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  friend Result<Mapping> map_fd(int fd, std::size_t bytes, int protection);
  friend Result<Mapping> create_private_memory(std::size_t bytes);
  MutableBytes bytes_;
};

struct SharedMemory {
  Mapping memory;  // zero, writable
  Fd readable;     // O_RDONLY, sealed: what is passed to the others
};

// `name` is for people who read /proc/PID/maps. REQUIRES: bytes is a multiple of the page size, at least one
// page.
Result<SharedMemory> create_shared_memory(const char* name, std::size_t bytes, std::size_t mapped = SIZE_MAX);
// Zero memory of this process alone, for where memfd is denied. kNoSpace.
Result<Mapping> create_private_memory(std::size_t bytes);
// Whether what a peer sent has its seals and this size.
Status check_shared_memory(int fd, std::size_t bytes);
// What a peer sent: mapped read-only after its seals and size were checked. Does not take the descriptor
// over.
Result<Mapping> map_shared_memory(int fd, std::size_t bytes, std::size_t mapped = SIZE_MAX);

}  // namespace rtt::os
