// SPDX-License-Identifier: Apache-2.0
#include "os/entropy.h"

#include <sys/random.h>

#include <cerrno>

#include "base/hex.h"

namespace rtt::os {

void fill_random(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    RTT_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string random_hex(std::size_t byte_count) {
  Bytes bytes(byte_count);
  fill_random(bytes);
  return to_hex(bytes);
}

}  // namespace rtt::os
