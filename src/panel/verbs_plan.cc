// SPDX-License-Identifier: Apache-2.0
// Verbs that compare the wanted wiring with the committed one: plan, check, ls plans.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "api/error_json.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/mcp_rows.h"
#include "panel/places.h"
#include "panel/planning.h"
#include "panel/rows.h"
#include "panel/view_signatures.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using text::Json;

Json strings(const std::vector<std::string>& items) {
  Json list = text::JsonArray{};
  for (const std::string& item : items) list.push(item);
  return list;
}

Json routes_json(const std::vector<model::Route>& routes) {
  Json list = text::JsonArray{};
  for (const model::Route& route : routes) list.push(model::to_json(route));
  return list;
}

Json report_json(const plan::RouteReport& report) {
  Json rejected = text::JsonArray{};
  for (const plan::Rejected& r : report.rejected) {
    rejected.push(
        Json::object({{"candidate", r.candidate}, {"rule", r.rule}, {"where", r.where}, {"why", r.why}}));
  }
  return Json::object({{"because", strings(report.because)},
                       {"chosen", model::identity(report.route.to)},
                       {"rejected", std::move(rejected)}});
}

// The routes of one kind of change, each with its reasons.
Json explained(const plan::Outcome& outcome, plan::RouteReport::Change change) {
  Json list = text::JsonArray{};
  for (const plan::RouteReport& report : outcome.reports) {
    if (report.change != change) continue;
    Json route = model::to_json(report.route);
    route.set("explain", report_json(report));
    list.push(std::move(route));
  }
  return list;
}

Json problems_json(const std::vector<model::Problem>& problems) {
  Json list = text::JsonArray{};
  for (const model::Problem& problem : problems) list.push(model::to_json(problem));
  return list;
}

// A rule that is in the file and not in force is the likeliest reason of a denial.
std::string hint_of(const Planned& planned) {
  const Code code = planned.outcome.conflicts.front().code;
  constexpr std::string_view kPolicy = ".rtt/policy.json";
  for (const registry::ConfigEntry& entry : planned.snapshot.configs) {
    const bool changed =
        entry.standing == registry::Standing::kLastSigned || entry.standing == registry::Standing::kRefused;
    if (code == Code::kDenied && entry.path == kPolicy && changed) return fmt::format("rtt sign {}", kPolicy);
  }
  return "rtt explain " + code_name(code);
}

// No plan is possible: exit 1 with every constraint in the way.
Json conflict_json(const Planned& planned) {
  const plan::Outcome& outcome = planned.outcome;
  Json conflicts = text::JsonArray{};
  for (const plan::Conflict& conflict : outcome.conflicts) {
    conflicts.push(Json::object({{"code", code_name(conflict.code)},
                                 {"constraint", conflict.constraint},
                                 {"where", conflict.where}}));
  }
  const plan::Conflict& first = outcome.conflicts.front();
  return Json::object({{"code", code_name(first.code)},
                       {"conflict", std::move(conflicts)},
                       {"hint", hint_of(planned)},
                       {"message", "no plan: " + first.constraint},
                       {"where", first.where}});
}

Json objective_json(const model::Objective& objective) {
  return Json::object({{"bound", objective.bound},
                       {"churn", objective.churn},
                       {"gap_ppm", objective.gap_ppm},
                       {"latency_ns", objective.latency_ns}});
}

}  // namespace

Result<Json> verb_plan(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  const Instant begin = os::now();
  const bool check_only = turn.set("check");
  const registry::LoadOptions options{.trust_keys = turn.list("trust_key"),
                                      .store = check_only ? registry::LoadOptions::Store::kReadOnly
                                                          : registry::LoadOptions::Store::kImportSigned};
  RTT_TRY_SET(Planned planned,
              make_plan(workspace, options, turn.set("reset") ? QuickConnects::kDrop : QuickConnects::kKeep));
  if (turn.set("explain")) {
    Places places(workspace, planned.snapshot);
    name_reasons(places, planned.outcome);
  }
  const plan::Outcome& outcome = planned.outcome;
  Json body = text::JsonObject{};
  body.set("problems", problems_json(planned.snapshot.problems));
  std::vector<model::Problem> warnings = outcome.warnings;
  std::ranges::move(mcp_warnings(planned.snapshot), std::back_inserter(warnings));
  body.set("warnings", problems_json(warnings));
  if (!outcome.conflicts.empty()) {
    body.set("error", conflict_json(planned));
    body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
    return body;
  }
  body.set("plan_id", to_string(model::plan_id(outcome.plan)));
  body.set("base", to_string(outcome.plan.base));
  if (turn.set("explain")) {
    using Change = plan::RouteReport::Change;
    body.set("add", explained(outcome, Change::kAdd));
    body.set("del", explained(outcome, Change::kDelete));
    body.set("keep", explained(outcome, Change::kKeep));
  } else {
    body.set("add", routes_json(outcome.plan.routes_add));
    body.set("del", routes_json(outcome.plan.routes_del));
  }
  body.set("views_add", model::views_to_json(outcome.plan.views_add));
  body.set("views_del", model::views_to_json(outcome.plan.views_del));
  if (!planned.rendered.views.empty()) {
    std::size_t files = 0;
    for (const RenderedView& view : planned.rendered.views) files += view.tree.files().size();
    body.set("shown", to_json(foreseen(workspace, planned.snapshot, files)));
  }
  Json by_hand = text::JsonArray{};
  for (const plan::RouteReport& report : outcome.reports) {
    if (report.change == plan::RouteReport::Change::kKeep && report.route.origin == "qc")
      by_hand.push(model::to_json(report.route));
  }
  body.set("qc", std::move(by_hand));
  body.set("unchanged", static_cast<std::int64_t>(outcome.unchanged));
  body.set("objective", objective_json(outcome.plan.objective));
  const bool pending = !outcome.plan.empty();
  if (const auto bad = unreadable_config(planned.snapshot)) {
    body.set("error", api::error_json(*bad));
    body.set("exit", static_cast<std::int64_t>(Exit::kRefused));
  } else if (check_only) {
    if (pending) body.set("exit", static_cast<std::int64_t>(Exit::kPending));
  } else {
    RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
    RTT_TRY_SET(const std::string path, store_planned(workspace, planned, key));
    body.set("path", path.starts_with(workspace.root + "/") ? path.substr(workspace.root.size() + 1) : path);
  }
  body.set("elapsed_ms", (os::now() - begin).value / 1'000'000);
  return body;
}

Result<Json> verb_check(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  const registry::LoadOptions options{.trust_keys = turn.list("trust_key"),
                                      .store = registry::LoadOptions::Store::kReadOnly,
                                      .vouch = registry::LoadOptions::Vouch::kFilesAlone};
  RTT_TRY_SET(const Planned planned, make_plan(workspace, options, QuickConnects::kKeep));
  Json problems = problems_json(planned.snapshot.problems);
  bool ok = std::ranges::none_of(planned.snapshot.problems,
                                 [](const auto& p) { return p.severity == model::Severity::kError; });
  Exit exit = Exit::kDone;
  if (!ok) {
    const auto first = std::ranges::find_if(
        planned.snapshot.problems, [](const auto& p) { return p.severity == model::Severity::kError; });
    exit = exit_status(first->code);
  }
  for (const plan::Conflict& conflict : planned.outcome.conflicts) {
    problems.push(model::to_json(model::problem_from(
        {.code = conflict.code, .message = conflict.constraint, .where = conflict.where, .hint = {}}, "")));
    ok = false;
    if (exit == Exit::kDone) exit = Exit::kFailed;
  }
  for (const RefusedView& view : refused_views(workspace, planned.base.views, turn.list("trust_key"))) {
    problems.push(model::to_json(model::problem_from(view.why, view.why.where)));
    ok = false;
    if (exit == Exit::kDone) exit = exit_status(view.why.code);
  }
  // What does not fit together is shown to nobody, which whoever changed it has to hear of.
  for (const model::Problem& problem : planned.rendered.problems) {
    problems.push(model::to_json(problem));
    if (problem.severity != model::Severity::kError) continue;
    ok = false;
    if (exit == Exit::kDone) exit = exit_status(problem.code);
  }
  // A fresh clone has applied nothing and so has nothing to differ from; elsewhere unapplied changes are
  // pending.
  const model::Plan& plan = planned.outcome.plan;
  const bool pending = planned.wired && planned.outcome.conflicts.empty() && !plan.empty();
  if (ok && pending) exit = Exit::kPending;
  Json body = Json::object(
      {{"ok", ok && !pending},
       {"pending", pending},
       {"problems", std::move(problems)},
       {"routes", static_cast<std::int64_t>(planned.outcome.unchanged + plan.routes_add.size())}});
  body.set("symbols", static_cast<std::int64_t>(planned.snapshot.symbols.size()));
  if (planned.outcome.conflicts.empty()) body.set("plan_id", to_string(model::plan_id(plan)));
  if (exit != Exit::kDone) body.set("exit", static_cast<std::int64_t>(exit));
  return body;
}

Result<Json> verb_ls_plans(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  std::string latest;
  if (auto text = os::read_file(workspace.dot("plans/LATEST"), 128))
    latest = text->substr(0, text->find('\n'));
  std::vector<Json> found;
  const auto names = os::list_directory(workspace.dot("plans"));
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    if (!name.ends_with(".plan.json")) continue;
    const std::string path = workspace.dot("plans/" + name);
    const auto sealed = load_trusted_plan(workspace, path, {});
    Json row =
        Json::object({{"latest", name.starts_with(latest) && !latest.empty()},
                      {"path", ".rtt/plans/" + name},
                      {"plan_id", name.substr(0, name.size() - std::string_view(".plan.json").size())}});
    if (sealed) {
      row.set("add", static_cast<std::int64_t>(sealed->plan.routes_add.size()));
      row.set("base", to_string(sealed->plan.base));
      row.set("created_at", sealed->created_at);
      row.set("del", static_cast<std::int64_t>(sealed->plan.routes_del.size()));
      row.set("signed_by", sealed->signatures.front().key_id);
      row.set("state", "trusted");
    } else {
      row.set("signed_by", "");
      row.set("state", code_info(sealed.error().code).title);
    }
    found.push_back(std::move(row));
  }
  // Newest last; what cannot be read has no time and comes first.
  std::ranges::sort(found, {}, [](const Json& row) {
    return std::pair(std::string(row.string_or("created_at")), std::string(row.string_or("plan_id")));
  });
  return Json::object({{"plans", filtered(Json(text::JsonArray(std::move(found))), turn.text("filter"))}});
}

}  // namespace rtt::panel
