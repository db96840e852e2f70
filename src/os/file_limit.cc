// SPDX-License-Identifier: Apache-2.0
#include "os/file_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>

#include "os/fd.h"

namespace rtt::os {

Status limit_file_size(int pid, std::optional<std::uint64_t> bytes) {
  const auto failed = [pid] {
    const int number = errno;
    Error error = error_of(number, fmt::format("cannot limit the files of process {}", pid));
    if (number == ESRCH) error.code = Code::kNotFound;
    return std::unexpected(std::move(error));
  };
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_FSIZE, nullptr, &limit) != 0) return failed();
  limit.rlim_cur = bytes.value_or(limit.rlim_max);
  if (::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr) != 0) return failed();
  return {};
}

}  // namespace rtt::os
