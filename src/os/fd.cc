// SPDX-License-Identifier: Apache-2.0
#include "os/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace rtt::os {
namespace {

Code code_of(int number) {
  switch (number) {
    case ENOENT:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // a quota of its own: RLIMIT_FSIZE
      return Code::kNoSpace;
    case EMFILE:
    case ENFILE:
      return Code::kLimit;
    default:
      return Code::kIo;
  }
}

}  // namespace

void Fd::reset() {
  // close() is not repeated on EINTR: Linux has released the number by then, and another thread may have it
  // already.
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<Fd> Fd::duplicate() const {
  Fd copy(::fcntl(number_, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return std::unexpected(last_error("duplicate a descriptor"));
  return copy;
}

Error last_error(std::string_view what) { return error_of(errno, what); }

Error error_of(int number, std::string_view what) {
  char buffer[128];
  const char* words =
      ::strerror_r(number, buffer, sizeof buffer);  // GNU variant: thread-safe, returns the words
  return Error{.code = code_of(number), .message = std::string(what) + ": " + words, .where = {}, .hint = {}};
}

}  // namespace rtt::os
