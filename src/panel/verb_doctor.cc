// SPDX-License-Identifier: Apache-2.0
// doctor and down: what is wrong with this machine or workspace, and ending everything a workspace runs.
#include <fmt/format.h>

#include <algorithm>

#include "api/service.h"
#include "mcp/pins/contracts.h"
#include "os/file.h"
#include "os/process.h"
#include "panel/ledger.h"
#include "panel/process_lock.h"
#include "panel/shown_views.h"
#include "panel/start.h"
#include "panel/view_drift.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "registry/identity.h"
#include "registry/secrets.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

struct Finding {
  std::string_view state = "ok";  // ok warn fail
  std::string detail, hint;
};

Finding failing(const Error& error) { return {"fail", error.message, error.hint}; }

Finding look_at_key(const Workspace& workspace) {
  if (!registry::has_own_key(workspace.user_dir))
    return {"warn", "you have no signing key yet", "rtt keys new"};
  const auto key = registry::load_own_key(workspace.user_dir);
  if (!key) return failing(key.error());
  return {"ok", crypto::key_id(key->public_key()), ""};
}

Finding look_at_sockets(const Workspace& workspace) {
  if (Status made = os::make_directories(workspace.sockets(), 0700); !made) return failing(made.error());
  const std::string probe = workspace.sockets() + "/doctor.tmp";
  if (Status wrote = os::write_atomic(probe, "x", {.mode = 0600, .durable = os::Durable::kNo}); !wrote)
    return failing(wrote.error());
  if (Status gone = os::remove_file(probe); !gone) return failing(gone.error());
  return {"ok", workspace.sockets(), ""};
}

Finding look_at_symbols(const Workspace& workspace) {
  const auto snapshot = registry::load_snapshot(
      workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly});
  if (!snapshot) return failing(snapshot.error());
  const auto errors = std::ranges::count_if(
      snapshot->problems, [](const auto& p) { return p.severity == model::Severity::kError; });
  if (errors != 0) {
    const auto first = std::ranges::find_if(
        snapshot->problems, [](const auto& p) { return p.severity == model::Severity::kError; });
    return {"warn",
            fmt::format("{} problem{}, first: {}", errors, errors == 1 ? "" : "s", model::to_string(*first)),
            first->hint.empty() ? "rtt lint" : first->hint};
  }
  return {"ok", fmt::format("{} in force", snapshot->in_force().size()), ""};
}

Finding look_at_store(const Workspace& workspace) {
  const registry::ObjectStore store(workspace.cas(), workspace.dot("registry/index.json"));
  const auto report = store.verify_all();
  if (!report) return failing(report.error());
  if (!report->bad.empty()) {
    return {"fail",
            fmt::format("{} of {} objects are not what they were, first: {}", report->bad.size(),
                        report->objects, report->bad.front().file),
            "rtt registry verify"};
  }
  return {"ok", fmt::format("{} objects", report->objects), ""};
}

Finding look_at_journal(const Workspace& workspace) {
  if (!os::is_directory(workspace.wal())) return {"ok", "nothing committed yet", ""};
  const auto ledger = read_ledger(workspace);
  if (!ledger) return failing(ledger.error());
  if (!ledger->passed_over.empty()) return {"warn", ledger->passed_over.front(), "rtt audit --verify"};
  if (ledger->report.end == journal::ReadReport::End::kTorn) {
    return {"warn",
            fmt::format("the tail was cut short by a crash after seq {}", ledger->report.last_seq.value),
            "rtt panel start"};
  }
  return {"ok",
          fmt::format("{} records, committed seq {}", ledger->report.records, ledger->recovered.seq.value),
          ""};
}

Finding look_at_panel(const Workspace& workspace) {
  const auto holders = lock_holders(workspace.sockets());
  if (!holders) return failing(holders.error());
  const bool held = std::ranges::any_of(
      *holders, [](const auto& holder) { return holder.name == "panel" && holder.process.pid != 0; });
  const bool answers = running_panel(workspace) != nullptr;
  if (held && !answers) return {"fail", "a panel runs and does not answer", "rtt down"};
  return {"ok", answers ? "up" : "down; the first verb that needs it starts it", ""};
}

// What clients find otherwise than their views have it. An edit is told; what keeps a view away is a failure.
std::optional<Finding> look_at_drift(const Workspace& workspace) {
  const auto snapshot = registry::load_snapshot(
      workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly});
  if (!snapshot) return std::nullopt;  // told by another check
  const auto rendered = render_views(workspace, *snapshot);
  if (!rendered) return failing(rendered.error());
  if (!rendered->unchanged.empty()) {
    return Finding{"fail",
                   fmt::format("an overlay does not fit, so what `{}` is shown stays as it was",
                               rendered->unchanged.front()),
                   "rtt check"};
  }
  const auto drift = ViewDrift::look(workspace, *rendered);
  if (!drift) return failing(drift.error());
  std::vector<DriftRow> rows = drift->all();
  const auto keeps_away = [](const DriftRow& row) {
    return row.state == "damaged" || row.state == "unreadable" || (row.state != "own" && !row.why.empty());
  };
  if (rows.empty()) return std::nullopt;
  const auto first = std::ranges::find_if(rows, keeps_away);
  const DriftRow& one = first == rows.end() ? rows.front() : *first;
  return Finding{first == rows.end() ? "warn" : "fail",
                 fmt::format("{} path{} not as a view has {}, first: {} {}{}{}", rows.size(),
                             rows.size() == 1 ? " is" : "s are", rows.size() == 1 ? "it" : "them", one.state,
                             one.path, one.why.empty() ? "" : ": ", one.why),
                 "rtt view diff"};
}

// What is shown must be there for its readers, and be what it was.
Finding look_at_views(const Workspace& workspace) {
  const views::TreeStore store = tree_store(workspace);
  const auto [set, how] = store.shown();
  ViewHomes homes(workspace, ViewHomes::For::kFind);
  if (set.empty()) {
    auto refusals = homes.refusals(views::Mechanism::kErofs);
    std::string words = "nothing is shown";
    for (const auto mechanism : {views::Mechanism::kFuse, views::Mechanism::kErofs}) {
      const auto& refused = views::refusal(refusals, mechanism);
      words +=
          fmt::format("; {} {}", to_string(mechanism), refused ? "cannot be had: " + *refused : "can be had");
    }
    return {"ok", words, ""};
  }
  for (const auto& member : set) {
    if (!os::is_directory(store.shown_path(member.provider))) {
      return {
          "fail",
          fmt::format("what is shown to `{}` by {} cannot be read: {} is not there", member.provider,
                      to_string(how.mechanism), member.at.empty() ? store.path_of(member.root) : member.at),
          "rtt panel start"};
    }
  }
  if (auto drift = look_at_drift(workspace)) return *drift;
  return {"ok",
          fmt::format("{} provider{} by {} ({}), in {}", set.size(), set.size() == 1 ? "" : "s",
                      to_string(how.mechanism), how.why,
                      set.front().at.empty() ? store.folder() : set.front().at),
          ""};
}

Finding look_at_server(const Workspace& workspace, const mcp::PinnedServer& server) {
  const auto environment = os::own_environment();
  const registry::SecretStore secrets(workspace.user_dir);
  if (server.config.env.is_object()) {
    for (const auto& [name, value] : server.config.env.as_object()) {
      if (const auto resolved = secrets.resolve(value, environment); !resolved)
        return failing(resolved.error());
    }
  }
  const auto command = secrets.resolve(server.config.command, environment);
  if (!command) return failing(command.error());
  if (!os::find_on_path(*command, os::environment("PATH"))) {
    return {"fail", fmt::format("its program `{}` is not on PATH", *command),
            "install it, or correct the server's command"};
  }
  return {"ok", *command, ""};
}

Json row(std::string_view name, const Finding& finding) {
  return Json::object(
      {{"detail", finding.detail}, {"hint", finding.hint}, {"name", name}, {"state", finding.state}});
}

}  // namespace

namespace {

// Outside a workspace the machine can still be looked at.
Json machine_alone(const Error& why) {
  const Workspace nowhere{.root = {}, .user_dir = registry::user_directory()};
  const Finding key = look_at_key(nowhere);
  return Json::object(
      {{"checks", Json::array({row("signing key", key), row("workspace", {"warn", why.message, why.hint})})},
       {"ok", key.state != "fail"}});
}

}  // namespace

Result<Json> verb_doctor(const Turn& turn) {
  const auto found = turn.workspace();
  if (!found && found.error().code == Code::kNoWorkspace) {
    Json body = machine_alone(found.error());
    if (!body.bool_or("ok", false)) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
    return body;
  }
  if (!found) return std::unexpected(found.error());
  const Workspace& workspace = *found;
  struct Check {
    std::string_view name;
    Finding (*look)(const Workspace&);
  };
  constexpr Check kChecks[] = {{"signing key", look_at_key}, {"sockets folder", look_at_sockets},
                               {"symbols", look_at_symbols}, {"object store", look_at_store},
                               {"journal", look_at_journal}, {"panel", look_at_panel},
                               {"views", look_at_views}};
  Json rows = text::JsonArray{};
  for (const Check& check : kChecks) rows.push(row(check.name, check.look(workspace)));
  if (const auto snapshot = registry::load_snapshot(
          workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly})) {
    const auto contracts = snapshot->in_force();
    if (const auto servers = mcp::pinned_servers(contracts)) {
      for (const auto& server : *servers)
        rows.push(row("mcp server " + server.config.name, look_at_server(workspace, server)));
    }
  }
  const bool ok =
      std::ranges::none_of(rows.as_array(), [](const Json& one) { return one.string_or("state") == "fail"; });
  Json body = Json::object({{"checks", std::move(rows)}, {"ok", ok}});
  if (!ok) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

Result<Json> verb_down(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto ended, end_everything(workspace));
  Json stopped = text::JsonArray{};
  for (const Ended& one : ended) stopped.push(Json::object({{"name", one.name}, {"pid", one.pid}}));
  return Json::object({{"changed", !ended.empty()}, {"panel", "down"}, {"stopped", std::move(stopped)}});
}

Result<Json> verb_panel_stopped(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  static_cast<void>(workspace);
  return Json::object({{"changed", false}, {"panel", "down"}});
}

}  // namespace rtt::panel
