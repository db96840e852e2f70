// SPDX-License-Identifier: Apache-2.0
#include "os/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/fd.h"

namespace rtt::os {

void MappedFile::reset() {
  if (!bytes_.empty()) (void)::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

Result<MappedFile> MappedFile::open(const std::string& path, std::uint64_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ELOOP) return fail(Code::kNotRegular, path + " is a symbolic link", path);
    return std::unexpected(last_error("cannot open " + path).at(path));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return std::unexpected(last_error("cannot look at " + path).at(path));
  if (!S_ISREG(info.st_mode)) return fail(Code::kNotRegular, path + " is not a regular file", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > bytes_max) return fail(Code::kTooLarge, path + " is larger than it may be", path);
  MappedFile file;
  if (size == 0) return file;
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return std::unexpected(last_error("cannot map " + path).at(path));
  file.bytes_ = {static_cast<const std::byte*>(at), size};
  return file;
}

namespace {

// Returning runs the instruction again, which then finds the page; or, where there cannot be one, ends us.
void put_zeros(int signal, siginfo_t* info, void* /*context*/) {
  const int number = errno;
  const auto bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  void* const page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(bytes - 1));
  const bool cut = info->si_code == BUS_ADRERR;
  if (!cut || ::mmap(page, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    (void)::signal(signal, SIG_DFL);
  errno = number;
}

}  // namespace

Status read_cut_pages_as_zeros() {
  struct sigaction action{};
  action.sa_sigaction = put_zeros;
  action.sa_flags = SA_SIGINFO;
  if (::sigaction(SIGBUS, &action, nullptr) != 0) return std::unexpected(last_error("cannot handle SIGBUS"));
  return {};
}

}  // namespace rtt::os
