// SPDX-License-Identifier: Apache-2.0
#include "os/output_of.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/clock.h"

namespace rtt::os {
namespace {

// Whether `fd` can be read before then.
Result<bool> readable_until(int fd, Instant then) {
  for (;;) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const Nanos left = then - now();
    const auto ms = std::clamp<std::int64_t>((left.value + 999'999) / 1'000'000, 0, 3'600'000);
    const int got = ::poll(&ready, 1, static_cast<int>(ms));
    if (got > 0) return true;
    if (got < 0 && errno != EINTR) return std::unexpected(last_error("cannot wait for a program"));
    if (got == 0) return false;
  }
}

}  // namespace

Result<std::optional<std::string>> output_of(SpawnOptions options, const OutputLimits& limits) {
  options.in = options.err = Wire::kNull;
  options.out = Wire::kPipe;
  const std::string name = options.argv.front();
  const Instant then = now() + limits.time_max;
  RTT_TRY_SET(Child child, spawn(options));  // killed where it goes out of scope before its end
  const auto until_then = [&](int fd) -> Status {
    RTT_TRY_SET(const bool ready, readable_until(fd, then));
    if (ready) return {};
    return fail(Code::kDeadline,
                fmt::format("{} did not end within {} ms", name, limits.time_max.value / 1'000'000), name);
  };
  std::string text;
  std::array<char, 65536> buffer;  // NOLINT(*-member-init): written before it is read
  for (;;) {
    RTT_TRY(until_then(child.out.get()));
    const ssize_t got = ::read(child.out.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(last_error("cannot read what " + name + " prints"));
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limits.bytes_max) {
      return fail(Code::kLimit, fmt::format("{} prints more than {} bytes", name, limits.bytes_max), name);
    }
  }
  RTT_TRY(until_then(child.pidfd()));
  const ExitState ended = child.wait();
  return ended.code == 0 ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace rtt::os
