// SPDX-License-Identifier: Apache-2.0
#include "panel/hosts.h"

#include <fmt/format.h>

#include <utility>

#include "model/connector.h"
#include "model/limits.h"
#include "os/clock.h"

namespace rtt::panel {

using drivers::HostAction;
using drivers::HostEvent;
using drivers::HostState;

std::string instance_of(const model::Contract& provider) {
  if (!provider.driver) return {};
  if (provider.driver->use == "mcp") return "mcp";
  // One child serves all the symbols of a connector of one's own, so one host does.
  if (!model::is_built_in_driver(provider.driver->use)) {
    return std::string(kConnectorInstance) +
           (model::is_connector_name(provider.driver->use) ? provider.driver->use : "?");
  }
  std::string name = provider.driver->use + "-" + provider.saddr.ns + "-" + provider.saddr.name;
  for (char& c : name) {
    if (c == '/') c = '_';  // a decoded name may hold any byte; the instance is a file name
  }
  return name;
}

namespace {

// {pid,state,restarts} of the one process a driver's health tells of; null where it has none of its own.
text::Json child_row(const text::Json& health) {
  const text::Json* rows = health.find("drivers");
  if (rows == nullptr || !rows->is_array() || rows->as_array().size() != 1) return {};
  const text::Json& row = rows->as_array().front();
  if (row.find("pid") == nullptr) return {};
  return text::Json::object({{"pid", *row.find("pid")},
                             {"restarts", row.int_or("restarts", 0)},
                             {"state", std::string(row.string_or("state"))}});
}

}  // namespace

Hosts::Hosts(os::Loop& loop, registry::Workspace workspace, OnLost on_lost)
    : loop_(loop), workspace_(std::move(workspace)), on_lost_(std::move(on_lost)), processes_(loop) {}

Hosts::~Hosts() {
  for (auto& [instance, entry] : entries_) {
    if (entry.timer != 0) loop_.cancel(entry.timer);
    if (entry.child.pid() != 0) {
      loop_.unwatch(entry.child.pidfd());
      // One that has not said hello yet serves nobody, and has no lock yet by which `rtt down` would find it:
      // it is killed with the entry.
      if (entry.start_time != 0) entry.child.detach();
    }
    if (entry.peer) entry.peer->close();
  }
}

void Hosts::when_ready(const std::string& instance, OnReady ready) {
  if (entries_.size() >= limits::kMcpServersMax && !entries_.contains(instance)) {
    ready(fail(Code::kLimit, fmt::format("more than {} driver hosts", limits::kMcpServersMax)));
    return;
  }
  ++revision_;  // perhaps a new entry
  Entry& entry = entries_[instance];
  if (entry.peer) {
    ready(entry.peer);
    return;
  }
  if (entry.supervisor.state() == HostState::kTripped) {
    ready(fail(Code::kDriverStart,
               fmt::format("driver host `{}` does not stay up: {}", instance, entry.last_error), {},
               "rtt doctor"));
    return;
  }
  entry.waiting.push_back(std::move(ready));
  feed(instance, HostEvent::kWanted);
}

void Hosts::feed(const std::string& instance, HostEvent event) {
  ++revision_;
  for (const drivers::HostStep& step : entries_[instance].supervisor.step(event, os::now())) {
    Entry& entry = entries_[instance];
    switch (step.action) {
      case HostAction::kSpawn:
        spawn(instance);
        break;
      case HostAction::kSetTimer:
        if (entry.timer != 0) loop_.cancel(entry.timer);
        entry.timer = loop_.after(step.delay, [this, instance] {
          entries_[instance].timer = 0;
          feed(instance, HostEvent::kTimer);
        });
        break;
      case HostAction::kReportTripped:
        for (OnReady& ready : std::exchange(entry.waiting, {})) {
          ready(fail(Code::kDriverStart,
                     fmt::format("driver host `{}` does not stay up: {}", instance, entry.last_error), {},
                     "rtt doctor"));
        }
        break;
    }
  }
}

void Hosts::spawn(const std::string& instance) {
  ++revision_;
  os::SpawnOptions options;
  options.argv = {os::own_executable(), "driver-host", "--instance", instance, "-C", workspace_.root};
  options.env = os::own_environment();
  options.directory = workspace_.root;
  options.in = options.out = options.err = os::Wire::kNull;
  options.lifetime = os::Lifetime::kDetached;
  auto child = os::spawn(options);
  Entry& entry = entries_[instance];
  if (!child) {
    entry.last_error = child.error().message;
    loop_.post([this, instance] { feed(instance, HostEvent::kStartFailed); });
    return;
  }
  entry.child = std::move(*child);
  entry.pid = entry.child.pid();
  entry.start_time = 0;
  const Status watched = loop_.watch(entry.child.pidfd(), os::kReadable,
                                     [this, instance](std::uint32_t) { child_ended(instance); });
  if (!watched) entry.last_error = watched.error().message;
}

void Hosts::child_ended(const std::string& instance) {
  ++revision_;
  Entry& entry = entries_[instance];
  const auto exit = entry.child.poll();
  if (!exit) return;
  loop_.unwatch(entry.child.pidfd());
  const bool serves = entry.pid == entry.child.detach();
  entry.child = os::Child{};
  // Another process of this instance holds the lock (started by `rtt mcp serve`): that one says hello by
  // itself, or has done so and is watched.
  if (!serves || (exit->code == 0 && entry.start_time == 0)) return;
  lost(instance, exit->signal != 0 ? fmt::format("ended by signal {}", exit->signal)
                                   : fmt::format("exited with status {}", exit->code));
}

void Hosts::lost(const std::string& instance, std::string why) {
  Entry& entry = entries_[instance];
  entry.last_error = std::move(why);
  if (entry.peer) std::exchange(entry.peer, nullptr)->close();
  feed(instance, HostEvent::kLost);
  on_lost_(instance);
}

Status Hosts::attach(const text::Json& hello, std::shared_ptr<api::Peer> peer) {
  const std::string instance(hello.string_or("instance"));
  const int pid = static_cast<int>(hello.int_or("pid", 0));
  const auto start_time = static_cast<std::uint64_t>(hello.int_or("start_time", 0));
  if (instance.empty() || pid != peer->identity().pid) {
    return fail(Code::kNotOwner,
                fmt::format("pid {} says it is host `{}` with pid {}", peer->identity().pid, instance, pid));
  }
  if (!os::is_alive({.pid = pid, .start_time = start_time})) {
    return fail(Code::kNotOwner, fmt::format("host `{}`: start time of pid {} differs", instance, pid));
  }
  ++revision_;
  Entry& entry = entries_[instance];
  processes_.forget(std::exchange(entry.watch, 0));
  if (entry.child.pid() != pid) {
    RTT_TRY_SET(entry.watch, processes_.watch({.pid = pid, .start_time = start_time}, [this, instance] {
      entries_[instance].watch = 0;
      lost(instance, "its process ended");
    }));
  }
  entry.peer = std::move(peer);
  entry.pid = pid;
  entry.start_time = start_time;
  entry.lanes_end_here = hello.bool_or("lanes_end_here", true);
  // What an earlier connection said of its child is not this one's.
  const text::Json* health = hello.find("health");
  entry.driver = health == nullptr ? text::Json() : child_row(*health);
  feed(instance, HostEvent::kAttached);
  for (OnReady& ready : std::exchange(entry.waiting, {})) ready(entry.peer);
  return {};
}

// A living host reconnects by itself within a second; one that ended is told by its process.
void Hosts::connection_lost(const api::Peer* peer) {
  ++revision_;
  for (auto& [instance, entry] : entries_) {
    if (entry.peer.get() == peer) entry.peer = nullptr;
  }
}

void Hosts::report(const api::Peer* peer, const text::Json& health) {
  text::Json child = child_row(health);
  if (!child.is_object()) return;
  ++revision_;
  for (auto& [instance, entry] : entries_) {
    if (entry.peer.get() != peer) continue;
    entry.driver = std::move(child);
    return;
  }
}

std::shared_ptr<api::Peer> Hosts::running(const std::string& instance) const {
  const auto at = entries_.find(instance);
  return at == entries_.end() ? nullptr : at->second.peer;
}

std::shared_ptr<api::Peer> Hosts::attached(const std::string& instance) const {
  const auto at = entries_.find(instance);
  return at == entries_.end() || !at->second.lanes_end_here ? nullptr : at->second.peer;
}

std::vector<std::string> Hosts::instances() const {
  std::vector<std::string> names;
  for (const auto& [instance, entry] : entries_) names.push_back(instance);
  return names;
}

text::Json Hosts::describe() const {
  text::Json list = text::JsonArray{};
  for (const auto& [instance, entry] : entries_) {
    const bool child = entry.peer && entry.driver.is_object();
    text::Json row = text::Json::object(
        {{"name", instance},
         {"pid", entry.peer ? text::Json(entry.pid) : text::Json()},
         {"restarts", entry.supervisor.restarts() + (child ? entry.driver.int_or("restarts", 0) : 0)},
         {"state", entry.peer ? "ready" : std::string(to_string(entry.supervisor.state()))}});
    if (child) row.set("child", entry.driver);
    if (child && entry.driver.string_or("state") == "tripped") row.set("state", "tripped");
    list.push(std::move(row));
  }
  return list;
}

void Hosts::heal(const std::string& instance) { feed(instance, HostEvent::kHealed); }

}  // namespace rtt::panel
