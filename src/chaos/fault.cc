// SPDX-License-Identifier: Apache-2.0
#include "chaos/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "os/file_limit.h"
#include "panel/hosts.h"
#include "panel/process_lock.h"

namespace rtt::chaos {
namespace {

using text::Json;

const Json* row_named(const Json& document, std::string_view name) {
  const Json* rows = document.find("drivers");
  if (rows == nullptr || !rows->is_array()) return nullptr;
  const auto& list = rows->as_array();
  const auto at = std::ranges::find_if(list, [&](const Json& row) { return row.string_or("name") == name; });
  return at == list.end() ? nullptr : &*at;
}

Result<Aim> connector_aim(const std::string& name, const Rig& rig) {
  std::vector<std::string> names;
  const auto& contracts = rig.contracts();
  // The rig's own come last and first: its http service may be hit and called, one of the user's may not.
  for (auto one = contracts.rbegin(); one != contracts.rend(); ++one) {
    if (!one->driver) continue;
    names.push_back(one->driver->use);
    if (one->driver->use != name) continue;
    const std::string instance = panel::instance_of(*one);
    const bool own = instance.starts_with(panel::kConnectorInstance);
    return Aim{.holder = "host-" + instance, .driver = own ? instance : std::string(), .from = {}, .to = {}};
  }
  const auto near = model::nearest(name, names);
  return fail(
      Code::kNotFound, fmt::format("no symbol of this workspace has a driver `{}`", name.substr(0, 64)),
      "connector:" + name, near ? fmt::format("did you mean connector:{}?", *near) : "rtt ls drivers");
}

Result<Aim> route_aim(const Target& target, const Rig& rig) {
  std::vector<model::Saddr> known;
  for (const model::Contract& one : rig.contracts()) known.push_back(one.saddr);
  RTT_TRY_SET(const auto from_reference, model::resolve_short(target.from, known));
  RTT_TRY_SET(const auto to_reference, model::resolve_short(target.to, known));
  const auto fits = [](const std::string& definition, const model::Saddr& reference) {
    const auto saddr = model::parse_definition(definition);
    return saddr && saddr->ns == reference.ns && saddr->type == reference.type &&
           saddr->name == reference.name &&
           (reference.variant.empty() || saddr->variant == reference.variant);
  };
  for (const std::string& edge : rig.wiring(0).edges) {
    const std::size_t arrow = edge.find(" -> ");
    const std::string from = edge.substr(0, arrow), to = edge.substr(arrow + 4);
    if (!fits(from, from_reference) || !fits(to, to_reference)) continue;
    const model::Contract* contract = rig.contract(to);
    const std::string instance = contract == nullptr ? std::string() : panel::instance_of(*contract);
    const bool own = instance.starts_with(panel::kConnectorInstance);
    return Aim{.holder = instance.empty() ? std::string() : "host-" + instance,
               .driver = own ? instance : std::string(),
               .from = from,
               .to = to};
  }
  return fail(
      Code::kNotFound,
      fmt::format("no route leads from {} to {}", target.from.substr(0, 128), target.to.substr(0, 128)),
      to_string(target), "rtt ls routes");
}

bool driverless(const Rig& rig, const std::string& identity) {
  const model::Contract* contract = rig.contract(identity);
  return contract != nullptr && !contract->driver;
}

std::string port_of(const std::string& definition) {
  return definition.substr(0, definition.find_first_of("@#"));
}

}  // namespace

Result<Aim> aim_at(const Case& one, const Rig& rig) {
  switch (one.target.kind) {
    case Target::Kind::kPanel:
      return Aim{.holder = "panel", .driver = {}, .from = {}, .to = {}};
    case Target::Kind::kConnector:
      return connector_aim(one.target.connector, rig);
    case Target::Kind::kRoute:
      break;
  }
  RTT_TRY_SET(Aim aim, route_aim(one.target, rig));
  if (one.action == Action::kCorrupt && !driverless(rig, aim.from)) {
    return fail(Code::kBadArgument,
                fmt::format("a hostile end takes the place of {}, which has a driver of its own", aim.from),
                to_string(one.target), "name a route whose consumer attaches by itself");
  }
  return aim;
}

std::optional<Landing> landing_of(const Aim& aim, const Rig& rig) {
  if (aim.from.empty() || aim.from.starts_with("rtt://chaos/")) return std::nullopt;
  Landing landing{.route = fmt::format("{} -> {}", aim.from, aim.to), .publisher = {}, .file = {}};
  if (driverless(rig, aim.from)) {
    landing.publisher = port_of(aim.from);
  } else {  // whoever sends to it, if that is nobody's program
    for (const std::string& edge : rig.wiring(0).edges) {
      const std::size_t arrow = edge.find(" -> ");
      if (edge.substr(arrow + 4) == aim.from && driverless(rig, edge.substr(0, arrow)))
        landing.publisher = port_of(edge.substr(0, arrow));
    }
  }
  if (landing.publisher.empty()) return std::nullopt;
  const model::Contract* to = rig.contract(aim.to);
  if (to != nullptr && to->driver && to->driver->use == "file") {
    const std::string root(to->driver->params.string_or("root", "."));
    const std::string path(to->driver->params.string_or("path"));
    if (!root.starts_with('/') && !path.empty()) landing.file = rig.workspace().path(root + "/" + path);
  }
  return landing;
}

Fault::~Fault() {
  for (const int pid : stopped_) os::signal_process(pid, SIGCONT);
  for (const int pid : full_) (void)os::limit_file_size(pid, std::nullopt);
}

std::vector<int> Fault::targets() const {
  if (!aim_.driver.empty()) {
    const auto answer = rig_.rtt({"ls", "drivers"});
    const Json* row = answer ? row_named(answer->document, aim_.driver) : nullptr;
    const Json* child = row == nullptr ? nullptr : row->find("child");
    const auto pid = static_cast<int>(child == nullptr ? 0 : child->int_or("pid", 0));
    return pid > 0 ? std::vector<int>{pid} : std::vector<int>{};
  }
  if (aim_.holder.empty()) {
    const int pid = load_.pid_of(aim_.to);
    return pid > 0 ? std::vector<int>{pid} : std::vector<int>{};
  }
  std::vector<int> pids;
  if (const auto holders = panel::lock_holders(rig_.workspace().sockets())) {
    for (const auto& holder : *holders) {
      if (holder.name == aim_.holder && holder.process.pid > 0) pids.push_back(holder.process.pid);
    }
  }
  return pids;
}

bool Fault::act(const Step& step) {
  switch (step.act) {
    case Act::kKill: {
      const std::vector<int> pids = targets();
      for (const int pid : pids) os::signal_process(pid, SIGKILL);
      return !pids.empty();
    }
    case Act::kStop:
      stopped_ = targets();
      for (const int pid : stopped_) os::signal_process(pid, SIGSTOP);
      return !stopped_.empty();
    case Act::kContinue:
      for (const int pid : stopped_) os::signal_process(pid, SIGCONT);
      stopped_.clear();
      return false;
    case Act::kScribble: {
      auto end = End::start(rig_, "scribbler", port_of(aim_.from), port_of(aim_.to));
      if (end) hostile_ = *std::move(end);
      return false;  // known when it is withdrawn
    }
    case Act::kWithdraw: {
      if (!hostile_) return false;
      const Json counts = hostile_->finish();
      hostile_.reset();
      return counts.int_or("answered", 0) > 0;  // it scribbles from its first answer on
    }
    case Act::kShift:
      return rig_.shift_clock(step.amount).has_value() && !targets().empty();
    case Act::kFill:
      full_ = targets();
      std::erase_if(full_, [](int pid) { return !os::limit_file_size(pid, 0); });
      return !full_.empty();
    case Act::kFree:
      for (const int pid : full_) (void)os::limit_file_size(pid, std::nullopt);
      full_.clear();
      return false;
  }
  return false;
}

}  // namespace rtt::chaos
