// SPDX-License-Identifier: Apache-2.0
#include "os/memfd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace rtt::os {

Result<Mapping> map_fd(int fd, std::size_t bytes, int protection);

namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

// Memory that runs out shows as several errno values; to the caller all are the same thing.
Error memory_error(std::string_view what) {
  const int number = errno;
  Error error = error_of(number, what);
  if (number == ENOMEM || number == EFAULT || number == ENOSPC || number == EFBIG || number == EAGAIN) {
    error.code = Code::kNoSpace;
    error.hint = "free memory, or give the route a smaller ring";
  }
  return error;
}

// Kernels before 6.3 do not know NOEXEC_SEAL, some later ones are set to insist on it.
Fd create_memfd(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd >= 0 || errno != EINVAL) return Fd(fd);
  return Fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

}  // namespace

void Mapping::reset() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  bytes_ = {};
}

Result<Mapping> map_fd(int fd, std::size_t bytes, int protection) {
  void* at = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return std::unexpected(memory_error("map shared memory"));
  Mapping mapping;
  mapping.bytes_ = {static_cast<std::byte*>(at), bytes};
  return mapping;
}

Result<SharedMemory> create_shared_memory(const char* name, std::size_t bytes, std::size_t mapped) {
  RTT_ASSERT(bytes > 0 && bytes % static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) == 0);
  const Fd fd = create_memfd(name);
  if (!fd.valid()) return std::unexpected(last_error("create shared memory"));
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return std::unexpected(memory_error("size shared memory"));
  if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)) != 0)
    return std::unexpected(memory_error("allocate shared memory"));
  SharedMemory shared;
  RTT_TRY_SET(shared.memory, map_fd(fd.get(), bytes, PROT_READ | PROT_WRITE));
  // A kernel before 5.14 does not know the advice; the pages are allocated all the same, only not mapped yet.
  if (::madvise(shared.memory.writable().data(), std::min(bytes, mapped), MADV_POPULATE_WRITE) != 0 &&
      errno != EINVAL)
    return std::unexpected(memory_error("prefault shared memory"));
  if (::fchmod(fd.get(), 0400) != 0) return std::unexpected(last_error("restrict shared memory"));
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return std::unexpected(last_error("seal shared memory"));
  const std::string path = fmt::format("/proc/self/fd/{}", fd.get());
  shared.readable = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!shared.readable.valid()) return std::unexpected(last_error("open shared memory for reading"));
  return shared;
}

Result<Mapping> create_private_memory(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return std::unexpected(last_error("cannot get memory"));
  Mapping mapping;
  mapping.bytes_ = {static_cast<std::byte*>(at), bytes};
  return mapping;
}

Status check_shared_memory(int fd, std::size_t bytes) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0) {
    if (errno == EINVAL)
      return fail(Code::kFrame, "the peer sent a descriptor that is not sealed shared memory");
    return std::unexpected(last_error("read the seals of shared memory"));
  }
  if ((seals & kSeals) != kSeals) {
    return fail(Code::kFrame,
                fmt::format("the peer's shared memory has seals {:#x}, needed are {:#x}", seals, kSeals));
  }
  struct stat info{};
  if (::fstat(fd, &info) != 0) return std::unexpected(last_error("read the size of shared memory"));
  if (static_cast<std::uint64_t>(info.st_size) != bytes) {
    return fail(Code::kFrame,
                fmt::format("the peer's shared memory has {} bytes, agreed were {}", info.st_size, bytes));
  }
  return {};
}

Result<Mapping> map_shared_memory(int fd, std::size_t bytes, std::size_t mapped) {
  RTT_TRY(check_shared_memory(fd, bytes));
  RTT_TRY_SET(Mapping mapping, map_fd(fd, bytes, PROT_READ));
  // The pages exist; this only spares the first reads their faults, so its failure changes nothing.
  (void)::madvise(mapping.writable().data(), std::min(bytes, mapped), MADV_POPULATE_READ);
  return mapping;
}

}  // namespace rtt::os
