// SPDX-License-Identifier: Apache-2.0
#include "panel/start.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "drivers/file_driver.h"
#include "drivers/host.h"
#include "drivers/http_driver.h"
#include "drivers/process_driver.h"
#include "drivers/wire_driver.h"
#include "mcp/gateway.h"
#include "mcp/gateway_listen.h"
#include "mcp/shared/host.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/keeper.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/unix_socket.h"
#include "panel/daemon_start.h"
#include "panel/hosts.h"
#include "panel/panel.h"
#include "panel/process_lock.h"
#include "registry/snapshot.h"

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

int failed(const Error& error, int ready_fd) {
  tell_failed(ready_fd, error);
  return failed(error);
}

std::string log_path(const registry::Workspace& workspace, std::string_view name) {
  return workspace.dot(fmt::format("cache/{}.log", name));
}

// Its views may be mounted by a setuid program; what else it starts is held to no_new_privs one by one.
Status spawn_panel(const registry::Workspace& workspace) {
  return start_daemon({.name = "the panel",
                       .argv = {os::own_executable(), "driver-host", "--panel", "-C", workspace.root},
                       .directory = workspace.root,
                       .log = log_path(workspace, "panel"),
                       .setuid = os::Setuid::kCounts});
}

std::unique_ptr<drivers::Driver> driver_of(os::Loop& loop, const registry::Workspace& workspace,
                                           const std::string& instance) {
  if (instance.starts_with(kConnectorInstance)) {
    const std::string name = instance.substr(kConnectorInstance.size());
    const auto load = [workspace, name]() -> Result<model::Connector> {
      RTT_TRY_SET(const auto snapshot,
                  registry::load_snapshot(
                      workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
      return snapshot.connector(name);
    };
    const auto symbols = [workspace, name] {
      std::vector<std::string> list;
      const auto snapshot = registry::load_snapshot(
          workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly});
      if (!snapshot) return list;
      for (const registry::SymbolEntry& entry : snapshot->symbols) {
        const auto& driver = entry.contract.driver;
        if (entry.standing != registry::Standing::kRefused && driver && driver->use == name)
          list.push_back(model::identity(entry.contract.saddr));
      }
      return list;
    };
    return std::make_unique<drivers::WireDriver>(
        loop, drivers::WireDriver::Options{.name = name,
                                           .workspace_root = workspace.root,
                                           .folder = workspace.dot("drivers/" + name),
                                           .load = load,
                                           .symbols = symbols});
  }
  if (instance.starts_with("file-")) return std::make_unique<drivers::FileDriver>(loop, workspace.root);
  if (instance.starts_with("http-")) return std::make_unique<drivers::HttpDriver>(loop);
  return std::make_unique<drivers::ProcessDriver>(loop, workspace.root);
}

// One that was just told to stop, or killed, holds its lock until it has ended; whoever starts the next one
// right after waits for it. One that still answers is running, and this one is not needed.
Result<ProcessLock> lock_after(const registry::Workspace& workspace, const std::string& name, os::Loop& loop,
                               const std::function<bool()>& answers) {
  const Instant deadline = os::now() + nanos_from_ms(kEndGraceMs);
  for (;;) {  // ends with the lock, one that answers, or the deadline
    auto lock = ProcessLock::take(workspace.sockets(), name);
    if (lock || lock.error().code != Code::kBusy || os::now() >= deadline || answers()) return lock;
    loop.run_once(nanos_from_ms(kEndLookMs));
  }
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
  os::harden_self(os::Setuid::kCounts);
  os::ignore_broken_pipes();
  if (ground == Ground::kBackground) {
    if (Status made = os::make_directories(workspace.dot("cache")); !made)
      return failed(made.error(), ready_fd);
    os::become_session_leader();
    if (Status logged = os::redirect_stdio(log_path(workspace, "panel")); !logged)
      return failed(logged.error(), ready_fd);
  }
  auto loop = os::Loop::create();
  if (!loop) return failed(loop.error(), ready_fd);
  auto lock = lock_after(workspace, "panel", **loop, [&] { return running_panel(workspace) != nullptr; });
  if (!lock) return failed(std::move(lock).error(), ready_fd);
  for (const int signal : {SIGTERM, SIGINT}) {
    if (Status on = (*loop)->on_signal(signal, [&] { (*loop)->stop(); }); !on)
      return failed(on.error(), ready_fd);
  }
  auto panel = Panel::start(**loop, workspace);
  if (!panel) return failed(panel.error(), ready_fd);
  for (const std::string& notice : (*panel)->notices()) say(notice);
  say(fmt::format("panel of {} is up (pid {})", workspace.root, os::own_pid()));
  tell_ready(ready_fd);
  (*loop)->run();
  (*panel)->stop();
  panel->reset();
  say("panel stopped");
  return 0;
}

int driver_host_main(const registry::Workspace& workspace, const std::string& instance, int ready_fd) {
  os::harden_self();
  if (Status adopting = os::adopt_orphans(); !adopting) return failed(adopting.error());
  os::ignore_broken_pipes();
  if (Status made = os::make_directories(workspace.dot("cache")); !made) return failed(made.error());
  os::become_session_leader();
  if (Status logged = os::redirect_stdio(log_path(workspace, "host-" + instance)); !logged)
    return failed(logged.error());
  auto loop = os::Loop::create();
  if (!loop) return failed(loop.error());
  auto lock = lock_after(workspace, "host-" + instance, **loop, [&] {
    return instance == "mcp"
               ? os::connect_unix(workspace.sockets(), std::string(mcp::kGatewaySocket)).has_value()
               : has_holder(workspace.sockets(), "host-" + instance);
  });
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
    const auto reaches_panel = [&host] { return host && host->reaches_panel(); };
    auto gateway = mcp::Gateway::create(
        **loop, {.workspace = workspace, .on_audit = audit, .reaches_panel = reaches_panel});
    if (!gateway) return failed(gateway.error());
    auto listening = mcp::GatewayListener::start(**loop, **gateway, workspace.sockets());
    if (!listening) return failed(listening.error());
    listener = std::move(*listening);
    in_use = [g = gateway->get(), l = listener.get()] { return g->client_count() != 0 || l->has_fronts(); };
    driver = std::move(*gateway);
  } else {
    driver = driver_of(**loop, workspace, instance);
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

int shared_host_main() {
  os::harden_self();
  os::ignore_broken_pipes();
  os::become_session_leader();
  if (Status adopting = os::adopt_orphans(); !adopting) return failed(adopting.error());
  if (Status silent = os::redirect_stdio(""); !silent) return failed(silent.error());
  auto loop = os::Loop::create();
  if (!loop) return failed(loop.error());
  for (const int signal : {SIGTERM, SIGINT}) {
    if (Status on = (*loop)->on_signal(signal, [&] { (*loop)->stop(); }); !on) return failed(on.error());
  }
  const std::string sockets = mcp::shared_sockets(registry::user_directory());
  const auto lock = os::FileLock::take(sockets + "/shared.lock", os::FileLock::Wait::kNo);
  // Another one listens already: nothing is wrong, and this one is not needed.
  if (!lock) return lock.error().code == Code::kBusy ? 0 : failed(lock.error());
  auto host = mcp::SharedHost::start(**loop, sockets);
  if (!host) return failed(host.error());
  (*loop)->run();
  return 0;
}

namespace {

bool wait_until(os::Loop& loop, const std::function<bool()>& done) {
  const Instant deadline = os::now() + nanos_from_ms(kEndGraceMs);
  while (!done()) {
    if (os::now() >= deadline) return false;
    loop.run_once(nanos_from_ms(kEndLookMs));
  }
  return true;
}

Status end_holder(os::Loop& loop, const LockHolder& holder) {
  // Looked at before it is signalled: its pid could be another's by now.
  const auto found = os::watch_process(holder.process.pid, holder.process.start_time);
  if (!found && found.error().code == Code::kLost) return {};
  if (!found) return std::unexpected(found.error());
  const auto alive = [&] { return os::is_alive(holder.process); };
  for (const int signal : {SIGTERM, SIGKILL}) {
    os::signal_process(holder.process.pid, signal);
    if (wait_until(loop, [&] { return !alive(); })) return {};
  }
  return fail(Code::kPermission, fmt::format("{} (pid {}) cannot be ended", holder.name, holder.process.pid),
              {}, "ps -p PID");
}

// Whoever has taken a lock a moment ago has not said yet who it is, and who looks by taking it never does.
Status await_names(os::Loop& loop, const registry::Workspace& workspace, bool panel) {
  std::string nameless;
  Status looked;
  const auto all_named = [&] {
    const auto holders = lock_holders(workspace.sockets());
    if (!holders) looked = std::unexpected(holders.error());
    if (!holders) return true;
    const auto at = std::ranges::find_if(*holders, [&](const LockHolder& one) {
      return (one.name == "panel") == panel && !os::is_alive(one.process);
    });
    nameless = at == holders->end() ? "" : at->name;
    return nameless.empty();
  };
  if (wait_until(loop, all_named)) return looked;
  const std::string path = workspace.sockets() + "/" + nameless + ".lock";
  return fail(Code::kBusy, "a process that does not say who it is holds this lock", path, "fuser " + path);
}

}  // namespace

Result<std::vector<Ended>> end_everything(const registry::Workspace& workspace) {
  std::vector<Ended> ended;
  RTT_TRY_SET(const auto loop, os::Loop::create());
  // The panel first, or it would start again what is ended after it; then who is left is looked up anew,
  // since it started hosts until its end.
  for (const bool panel : {true, false}) {
    RTT_TRY(await_names(*loop, workspace, panel));
    RTT_TRY_SET(const std::vector<LockHolder> holders, lock_holders(workspace.sockets()));
    for (const LockHolder& holder : holders) {
      if ((holder.name == "panel") != panel || !has_holder(workspace.sockets(), holder.name)) continue;
      RTT_TRY(end_holder(*loop, holder));
      ended.push_back({holder.name, holder.process.pid});
    }
  }
  for (const char* name : {"panel.sock", "gateway.sock"})
    RTT_TRY(os::remove_file(workspace.sockets() + "/" + name));
  return ended;
}

}  // namespace rtt::panel
