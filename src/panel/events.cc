// SPDX-License-Identifier: Apache-2.0
#include "panel/events.h"

#include "apply/records.h"
#include "journal/journal.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/ledger_replay.h"
#include "panel/start.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::int64_t kTellMs = 5000;

std::string who_acts(const registry::Workspace& workspace) {
  const auto key = registry::load_own_key(workspace.user_dir);
  return key ? "key:" + crypto::key_id(key->public_key()) : std::string("user");
}

Status tell(api::Service& panel, const registry::Workspace& workspace, Json payload) {
  const api::Ask ask{.verb = "host.audit",
                     .args = Json::object({{"records", Json::array({std::move(payload)})}}),
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = kTellMs};
  RTT_TRY(panel.ask(ask, [](const Json&) {}));
  return {};
}

Status append(const registry::Workspace& workspace, Json payload) {
  RTT_TRY(os::make_directories(workspace.sockets(), 0700));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.sockets() + "/start.lock", os::FileLock::Wait::kYes));
  if (const auto panel = running_panel(workspace)) return tell(*panel, workspace, std::move(payload));
  LedgerReplay replay(workspace);
  RTT_TRY_SET(const auto opened, journal::Journal::open(workspace.wal(), replay.hooks()));
  RTT_TRY(
      opened.journal->append_batch({{.type = journal::RecordType::kAudit, .payload = std::move(payload)}}));
  return {};
}

Json record_of(const registry::Workspace& workspace, std::string_view action, Json detail) {
  return apply::stamped(
      apply::to_json(apply::AuditRecord{std::string(action), who_acts(workspace), std::move(detail)}),
      os::rfc3339(os::wall_now()));
}

}  // namespace

Status tell_panel(const registry::Workspace& workspace, std::string_view action, Json detail) {
  const auto panel = running_panel(workspace);
  return panel ? tell(*panel, workspace, record_of(workspace, action, std::move(detail))) : Status{};
}

Status record_event(const registry::Workspace& workspace, const Event& event) {
  Json payload = record_of(workspace, event.action, Json::object({{"reason", event.reason}}));
  const auto panel = running_panel(workspace);
  Status done = panel ? tell(*panel, workspace, payload) : append(workspace, std::move(payload));
  if (!done) return std::unexpected(std::move(done).error().in("done, but the journal was not told"));
  return {};
}

}  // namespace rtt::panel
