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

namespace {

Result<std::unique_ptr<api::Service>> apply_once(const Turn& turn, const registry::Workspace& workspace,
                                                 const Planned& planned, Json& body) {
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(const std::string path, store_planned(workspace, planned, key));
  if (!planned.outcome.plan.views_add.empty()) leave_rendered(workspace, planned.rendered);
  turn.part(Json::object({{"progress", planned.outcome.plan.empty() ? "starting the panel" : "applying"}}));
  RTT_TRY_SET(auto panel, turn.ports.panel(workspace));
  const api::Ask ask{.verb = "apply",
                     .args = Json::object({{"plan", path}}),  // the last one may be another's by now
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = turn.ask.deadline_ms};
  RTT_TRY_SET(const api::Reply applied, panel->ask(ask, turn.part));
  for (const char* field :
       {"graph", "plan_id", "seq", "state", "reason", "error", "exit", "canary", "shown", "view_notes"}) {
    if (const Json* value = applied.body.find(field)) body.set(field, *value);
  }
  return panel;
}

}  // namespace

Result<std::unique_ptr<api::Service>> apply_planned(const Turn& turn, const registry::Workspace& workspace,
                                                    Planned& planned, Json& body) {
  for (int left = kPlannedTriesMax;; --left) {  // ends with an answer or the last try
    auto panel = apply_once(turn, workspace, planned, body);
    if (panel || panel.error().code != Code::kStalePlan || left == 1) return panel;
    RTT_TRY_SET(planned, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
    RTT_TRY(must_be_plannable(planned));
  }
}

}  // namespace rtt::panel
