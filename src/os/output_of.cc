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

// The child is killed where it goes out of scope before its end.
Result<Ended> end_of(Child child, const OutputLimits& limits) {
  const Instant then = now() + limits.time_max;
  const auto until_then = [&](int fd) -> Status {
    RTT_TRY_SET(const bool ready, readable_until(fd, then));
    if (ready) return {};
    return fail(Code::kDeadline,
                fmt::format("it did not end within {} ms", limits.time_max.value / 1'000'000));
  };
  std::string text;
  std::array<char, 65536> buffer;  // NOLINT(*-member-init): written before it is read
  for (;;) {
    RTT_TRY(until_then(child.out.get()));
    const ssize_t got = ::read(child.out.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(last_error("cannot read what it prints"));
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limits.bytes_max) {
      return fail(Code::kLimit, fmt::format("it prints more than {} bytes", limits.bytes_max));
    }
  }
  RTT_TRY(until_then(child.pidfd()));
  return Ended{.state = child.wait(), .output = std::move(text)};
}

Result<Ended> run_to_end(SpawnOptions options, const OutputLimits& limits) {
  options.in = options.err = Wire::kNull;
  options.out = Wire::kPipe;
  const std::string name = options.argv.front();
  RTT_TRY_SET(Child child, spawn(options));
  auto ended = end_of(std::move(child), limits);
  if (!ended) return std::unexpected(std::move(ended).error().in(name + " has no end of its own").at(name));
  return ended;
}

Result<std::optional<std::string>> output_of(SpawnOptions options, const OutputLimits& limits) {
  RTT_TRY_SET(Ended ended, run_to_end(std::move(options), limits));
  return ended.state.code == 0 ? std::optional(std::move(ended.output)) : std::nullopt;
}

}  // namespace rtt::os
