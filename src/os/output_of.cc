// SPDX-License-Identifier: Apache-2.0
#include "os/output_of.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace rtt::os {

Result<std::optional<std::string>> output_of(SpawnOptions options, std::size_t bytes_max) {
  options.in = options.err = Wire::kNull;
  options.out = Wire::kPipe;
  const std::string name = options.argv.front();
  RTT_TRY_SET(Child child, spawn(options));
  std::string text;
  std::array<char, 65536> buffer;  // NOLINT(*-member-init): written before it is read
  for (;;) {
    const ssize_t got = ::read(child.out.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(last_error("cannot read what " + name + " prints"));
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max)
      return fail(Code::kLimit, name + " prints more than " + std::to_string(bytes_max) + " bytes", name);
  }
  const ExitState ended = child.wait();
  return ended.code == 0 ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace rtt::os
