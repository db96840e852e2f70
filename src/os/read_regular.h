// SPDX-License-Identifier: Apache-2.0
// Reading an open descriptor as a bounded regular file: the one place that refuses FIFOs, devices and
// folders, shared by reads by path (file.h) and reads beneath a root (dir.h).
//
// Fails: kNotRegular, kTooLarge, kIo, with the path in `where`.   Limits: the caller's bytes_max.
//
// Thread: any.
#pragma once

#include <sys/stat.h>

#include <string>

#include "os/fd.h"

namespace rtt::os {

// REQUIRES: opened with O_NONBLOCK, so that even a FIFO or a device cannot hold the caller up.
Result<std::string> read_regular(const Fd& fd, const std::string& path, std::size_t bytes_max);
// `info`: what fstat said of it just now.
Result<std::string> read_regular(const Fd& fd, const struct stat& info, const std::string& path,
                                 std::size_t bytes_max);

}  // namespace rtt::os
