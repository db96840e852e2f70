// SPDX-License-Identifier: Apache-2.0
#include "panel/plan_apply.h"

#include "panel/view_stage.h"
#include "registry/identity.h"

namespace rtt::panel {

using text::Json;

Status must_be_plannable(const Planned& planned) {
  if (auto bad = unreadable_config(planned.snapshot)) return std::unexpected(*std::move(bad));
  if (planned.outcome.conflicts.empty()) return {};
  const plan::Conflict& first = planned.outcome.conflicts.front();
  return fail(first.code, "no plan: " + first.constraint, first.where, "rtt plan --explain");
}

Result<std::unique_ptr<api::Service>> apply_planned(const Turn& turn, const registry::Workspace& workspace,
                                                    const Planned& planned, Json& body) {
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(const std::string path, store_planned(workspace, planned, key));
  static_cast<void>(path);
  if (!planned.outcome.plan.views_add.empty()) leave_rendered(workspace, planned.rendered);
  turn.part(Json::object({{"progress", planned.outcome.plan.empty() ? "starting the panel" : "applying"}}));
  RTT_TRY_SET(auto panel, turn.ports.panel(workspace));
  const api::Ask ask{.verb = "apply",
                     .args = Json::object({}),
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = turn.ask.deadline_ms};
  RTT_TRY_SET(const api::Reply applied, panel->ask(ask, turn.part));
  for (const char* field :
       {"graph", "plan_id", "seq", "state", "reason", "error", "exit", "shown", "view_notes"}) {
    if (const Json* value = applied.body.find(field)) body.set(field, *value);
  }
  return panel;
}

}  // namespace rtt::panel
