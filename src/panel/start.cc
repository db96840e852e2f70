// SPDX-License-Identifier: Apache-2.0
#include "panel/start.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "drivers/host.h"
#include "drivers/process_driver.h"
#include "mcp/gateway.h"
#include "mcp/gateway_listen.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/terminal.h"
#include "panel/panel.h"
#include "panel/process_lock.h"

namespace rtt::panel {
namespace {

constexpr std::int64_t kEndGraceMs = 3000;  // between SIGTERM and SIGKILL
constexpr std::int64_t kEndLookMs = 5;

void say(std::string_view text) { os::write_err(fmt::format("rtt: {}\n", text)); }

int failed(const Error& error) {
  say(fmt::format("{}: {}{}{}", code_name(error.code), error.message, error.where.empty() ? "" : " at ",
                  error.where));
  return static_cast<int>(exit_status(error.code));
}

void tell_ready(int ready_fd) {
  if (ready_fd < 0) return;
  const os::Fd fd(ready_fd);
  [[maybe_unused]] const auto told =
      os::write_nowait(fd.get(), as_bytes("+"));  // whoever waited may be gone: no matter
}

std::string log_path(const registry::Workspace& workspace, std::string_view name) {
  return workspace.dot(fmt::format("cache/{}.log", name));
}

std::string last_log_line(const std::string& path) {
  auto text = os::read_file(path, std::size_t{16} << 20);
  if (!text) return "it left no log";
  while (text->ends_with('\n')) text->pop_back();
  return text->substr(text->rfind('\n') + 1);
}

// Waits for the one byte the child writes when it listens; false when the child ended without it.
Result<bool> wait_ready(const os::Fd& fd, std::int64_t deadline_ms) {
  RTT_TRY_SET(const auto loop, os::Loop::create());
  bool ready = false, over = false;
  RTT_TRY(loop->watch(fd.get(), os::kReadable, [&](std::uint32_t) {
    std::array<std::byte, 1> byte{};
    const auto got = os::read_nowait(fd.get(), byte);
    if (got && got->would_block) return;
    ready = got && got->bytes == 1;
    over = true;
  }));
  const Instant deadline = os::now() + nanos_from_ms(deadline_ms);
  while (!over && os::now() < deadline) loop->run_once(deadline - os::now());
  loop->unwatch(fd.get());
  return ready;
}

Status spawn_panel(const registry::Workspace& workspace) {
  RTT_TRY_SET(auto pipe, os::make_pipe());
  os::SpawnOptions options;
  options.argv = {os::own_executable(), "driver-host", "--panel", "--ready-fd", "3", "-C", workspace.root};
  options.env = os::own_environment();
  options.directory = workspace.root;
  options.in = options.out = options.err = os::Wire::kNull;
  options.lifetime = os::Lifetime::kDetached;
  options.pass_fds = {{pipe.second.get(), 3}};
  RTT_TRY_SET(os::Child child, os::spawn(options));
  pipe.second.reset();
  RTT_TRY_SET(const bool ready, wait_ready(pipe.first, kPanelStartMs));
  if (!ready) {
    const std::string log = log_path(workspace, "panel");
    child.detach();
    return fail(Code::kPanelDown, "the panel did not come up: " + last_log_line(log), log, "rtt doctor");
  }
  child.detach();
  return {};
}

}  // namespace

std::unique_ptr<api::Service> running_panel(const registry::Workspace& workspace) {
  if (!os::exists(workspace.sockets() + "/panel.sock")) return nullptr;
  auto service = api::connect_service(workspace.sockets(), "rtt");
  return service ? std::move(*service) : nullptr;
}

Result<std::unique_ptr<api::Service>> ensure_panel(const registry::Workspace& workspace) {
  if (auto running = running_panel(workspace)) return running;
  if (Status made = os::make_directories(workspace.sockets(), 0700); !made) {
    Error down{.code = Code::kPanelDown,
               .message = "no panel runs, and none can be started without a folder for its sockets",
               .where = workspace.sockets(),
               .hint = "rtt doctor"};
    down.causes.push_back(std::move(made.error().message));
    return std::unexpected(std::move(down));
  }
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.sockets() + "/start.lock", os::FileLock::Wait::kYes));
  if (auto running = running_panel(workspace)) return running;  // another starter was first
  RTT_TRY(spawn_panel(workspace));
  return api::connect_service(workspace.sockets(), "rtt");
}

int panel_main(const registry::Workspace& workspace, Ground ground, int ready_fd) {
  os::harden_self();
  os::ignore_broken_pipes();
  if (ground == Ground::kBackground) {
    if (Status made = os::make_directories(workspace.dot("cache")); !made) return failed(made.error());
    os::become_session_leader();
    if (Status logged = os::redirect_stdio(log_path(workspace, "panel")); !logged)
      return failed(logged.error());
  }
  auto loop = os::Loop::create();
  if (!loop) return failed(loop.error());
  auto lock = ProcessLock::take(workspace.sockets(), "panel");
  if (!lock) return failed(std::move(lock).error());
  for (const int signal : {SIGTERM, SIGINT}) {
    if (Status on = (*loop)->on_signal(signal, [&] { (*loop)->stop(); }); !on) return failed(on.error());
  }
  auto panel = Panel::start(**loop, workspace);
  if (!panel) return failed(panel.error());
  for (const std::string& notice : (*panel)->notices()) say(notice);
  say(fmt::format("panel of {} is up (pid {})", workspace.root, os::own_pid()));
  tell_ready(ready_fd);
  (*loop)->run();
  panel->reset();
  say("panel stopped");
  return 0;
}

int driver_host_main(const registry::Workspace& workspace, const std::string& instance, int ready_fd) {
  os::harden_self();
  os::ignore_broken_pipes();
  if (Status made = os::make_directories(workspace.dot("cache")); !made) return failed(made.error());
  os::become_session_leader();
  if (Status logged = os::redirect_stdio(log_path(workspace, "host-" + instance)); !logged)
    return failed(logged.error());
  auto loop = os::Loop::create();
  if (!loop) return failed(loop.error());
  auto lock = ProcessLock::take(workspace.sockets(), "host-" + instance);
  // Another process serves this instance: nothing is wrong, and this one is not needed.
  if (!lock && lock.error().code == Code::kBusy) return 0;
  if (!lock) return failed(lock.error());

  std::unique_ptr<drivers::Host> host;
  const auto audit = [&host](text::Json record) {
    if (host) host->audit(std::move(record));
  };
  std::unique_ptr<drivers::Driver> driver;
  std::unique_ptr<mcp::GatewayListener> listener;
  std::function<bool()> in_use = [] { return false; };
  if (instance == "mcp") {
    auto gateway = mcp::Gateway::create(**loop, {.workspace = workspace, .on_audit = audit});
    if (!gateway) return failed(gateway.error());
    auto listening = mcp::GatewayListener::start(**loop, **gateway, workspace.sockets());
    if (!listening) return failed(listening.error());
    listener = std::move(*listening);
    in_use = [g = gateway->get()] { return g->client_count() != 0; };
    driver = std::move(*gateway);
  } else {
    driver = std::make_unique<drivers::ProcessDriver>(**loop, workspace.root);
  }
  auto started = drivers::Host::start(
      **loop, {.instance = instance, .sockets_dir = workspace.sockets(), .in_use = in_use}, *driver);
  if (!started) return failed(started.error());
  host = std::move(*started);
  say(fmt::format("driver host {} of {} is up (pid {})", instance, workspace.root, os::own_pid()));
  tell_ready(ready_fd);
  const int status = host->run();
  listener.reset();
  host.reset();
  say(fmt::format("driver host {} ended", instance));
  return status;
}

Result<std::vector<Ended>> end_everything(const registry::Workspace& workspace) {
  // The panel first, or it would start again what is ended after it.
  RTT_TRY_SET(std::vector<LockHolder> holders, lock_holders(workspace.sockets()));
  std::ranges::partition(holders, [](const LockHolder& holder) { return holder.name == "panel"; });
  std::vector<Ended> ended;
  RTT_TRY_SET(const auto loop, os::Loop::create());
  for (const LockHolder& holder : holders) {
    const auto alive = [&] { return os::process_start_time(holder.pid) == holder.start_time; };
    if (!alive()) continue;
    os::signal_process(holder.pid, SIGTERM);
    const Instant deadline = os::now() + nanos_from_ms(kEndGraceMs);
    while (alive() && os::now() < deadline) loop->run_once(nanos_from_ms(kEndLookMs));
    if (alive()) os::signal_process(holder.pid, SIGKILL);
    const Instant killed = os::now() + nanos_from_ms(kEndGraceMs);
    while (alive() && os::now() < killed) loop->run_once(nanos_from_ms(kEndLookMs));
    if (alive()) {
      return fail(Code::kPermission, fmt::format("{} (pid {}) cannot be ended", holder.name, holder.pid), {},
                  "ps -p PID");
    }
    ended.push_back({holder.name, holder.pid});
  }
  for (const char* name : {"panel.sock", "gateway.sock"})
    RTT_TRY(os::remove_file(workspace.sockets() + "/" + name));
  return ended;
}

}  // namespace rtt::panel
