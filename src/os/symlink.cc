// SPDX-License-Identifier: Apache-2.0
#include "os/symlink.h"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "os/entropy.h"
#include "os/fd.h"

namespace rtt::os {

Result<std::string> read_link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t got = ::readlink(path.c_str(), target.data(), target.size());
  if (got >= 0) return std::string(target.data(), static_cast<std::size_t>(got));
  if (errno == EINVAL) return fail(Code::kNotRegular, path + " is not a symbolic link", path);
  return std::unexpected(last_error("cannot read the link " + path).at(path));
}

Status replace_link(const std::string& path, const std::string& target) {
  const std::size_t slash = path.rfind('/');
  const std::string beside =
      (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + ".tmp-" + random_hex(8);
  if (::symlink(target.c_str(), beside.c_str()) != 0)
    return std::unexpected(last_error("cannot create a link for " + path).at(path));
  if (::rename(beside.c_str(), path.c_str()) == 0) return {};
  const Error error = last_error("cannot replace " + path).at(path);
  ::unlink(beside.c_str());
  return std::unexpected(error);
}

}  // namespace rtt::os
