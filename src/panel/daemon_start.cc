// SPDX-License-Identifier: Apache-2.0
#include "panel/daemon_start.h"

#include <array>

#include "api/error_json.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/pipe.h"

namespace rtt::panel {
namespace {

constexpr std::string_view kReady = "+";
constexpr std::size_t kReadyBytesMax = 16'384;
constexpr std::size_t kLogBytesMax = std::size_t{16} << 20;

void tell(int ready_fd, std::string_view text) {
  if (ready_fd < 0) return;
  const os::Fd fd(ready_fd);
  [[maybe_unused]] const auto told =
      os::write_nowait(fd.get(), as_bytes(text));  // whoever waited may be gone: no matter
}

std::string last_log_line(const std::string& path) {
  auto text = os::read_file(path, kLogBytesMax);
  if (!text) return "it left no log";
  while (text->ends_with('\n')) text->pop_back();
  return text->substr(text->rfind('\n') + 1);
}

// Waits for what the child writes when it is up or cannot be; empty when it ended without a word or in time.
Result<std::string> wait_ready(const os::Fd& fd) {
  RTT_TRY_SET(const auto loop, os::Loop::create());
  std::string said;
  bool over = false;
  RTT_TRY(loop->watch(fd.get(), os::kReadable, [&](std::uint32_t) {
    std::array<std::byte, 1024> bytes{};
    const auto got = os::read_nowait(fd.get(), bytes);
    if (got && got->would_block) return;
    if (got) said.append(as_text(ByteView(bytes).first(got->bytes)));
    over = !got || got->bytes == 0 || said == kReady || said.size() > kReadyBytesMax;
  }));
  const Instant deadline = os::now() + nanos_from_ms(kDaemonStartMs);
  while (!over && os::now() < deadline) loop->run_once(deadline - os::now());
  loop->unwatch(fd.get());
  return said;
}

}  // namespace

void tell_ready(int ready_fd) { tell(ready_fd, kReady); }

void tell_failed(int ready_fd, const Error& error) {
  const std::string text = text::to_json(api::error_json(error));
  if (text.size() <= kReadyBytesMax) tell(ready_fd, text);
}

Status start_daemon(const Daemon& daemon) {
  RTT_TRY_SET(auto pipe, os::make_pipe());
  os::SpawnOptions options;
  options.argv = daemon.argv;
  options.argv.insert(options.argv.end(), {"--ready-fd", std::to_string(kDaemonReadyFd)});
  options.env = os::own_environment();
  options.directory = daemon.directory;
  options.in = options.out = options.err = os::Wire::kNull;
  options.lifetime = os::Lifetime::kDetached;
  options.setuid = daemon.setuid;
  options.pass_fds = {{pipe.second.get(), kDaemonReadyFd}};
  RTT_TRY_SET(os::Child child, os::spawn(options));
  pipe.second.reset();
  RTT_TRY_SET(const std::string said, wait_ready(pipe.first));
  child.detach();
  if (said.starts_with('{')) {
    Error why = api::error_from_json(said);
    why.message = daemon.name + " did not come up: " + why.message;
    if (why.hint.empty()) why.hint = "rtt doctor";
    return std::unexpected(std::move(why));
  }
  if (said != kReady) {
    return fail(Code::kPanelDown, daemon.name + " did not come up: " + last_log_line(daemon.log), daemon.log,
                "rtt doctor");
  }
  return {};
}

}  // namespace rtt::panel
