// SPDX-License-Identifier: Apache-2.0
// up: from nothing to a served workspace, in at most three questions — make and sign, import, apply.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "api/error_json.h"
#include "os/file.h"
#include "panel/connect.h"
#include "panel/events.h"
#include "panel/mcp_import.h"
#include "panel/plan_apply.h"
#include "panel/settled.h"
#include "panel/sign_preview.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "registry/identity.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

Json array_of(const Json& body, std::string_view key) {
  const Json* value = body.find(key);
  return value != nullptr ? *value : Json(text::JsonArray{});
}

// The same ask for another verb of the workbench, already agreed to.
Result<Json> run(const Turn& turn, VerbFunction verb, const Workspace& workspace, Json args) {
  args.set("consent", "given");
  const api::Ask ask{.verb = "up",
                     .args = std::move(args),
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = turn.ask.deadline_ms};
  return verb(Turn{.ask = ask, .part = turn.part, .ports = turn.ports});
}

// Here, or a workspace above; a folder without one becomes one.
Result<Workspace> workspace_for(const Turn& turn) {
  if (auto found = turn.workspace(); found && found->root != registry::user_directory()) return found;
  RTT_TRY_SET(std::string root, os::real_path(turn.ask.directory));
  return Workspace{.root = std::move(root), .user_dir = registry::user_directory()};
}

// A key is trusted by somebody who was shown it: a `--yes` given before anything was shown names no key. One
// that does not lie here cannot be trusted at all, its signature proves nothing.
Status may_be_asked(const Turn& turn, const Foreign& foreign) {
  const bool blanket = turn.consent() == Turn::Consent::kGiven && turn.ask.args.find("granted") == nullptr;
  if (!blanket && !foreign.file.empty()) return {};
  const registry::SignItem& first = foreign.items.front();
  return fail(Code::kUnknownSigner,
              fmt::format("{} and {} more here are signed by {} \"{}\", a key not accepted here", first.id,
                          foreign.items.size() - 1, foreign.key_id, foreign.label),
              first.path,
              foreign.file.empty() ? "rtt sign " + first.path : "rtt keys trust " + foreign.key_id);
}

constexpr std::array kStatusFields{"panel", "pid", "routes"};

Result<api::Reply> ask_panel(const Turn& turn, const Workspace& workspace, api::Service& panel,
                             std::string verb, Json args) {
  const api::Ask ask{.verb = std::move(verb),
                     .args = std::move(args),
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = turn.ask.deadline_ms};
  return panel.ask(ask, turn.part);
}

// What the steps hand on.
struct Way {
  const Turn& turn;
  const Workspace& workspace;
  Json& body;
  std::optional<registry::Snapshot> snapshot{};  // of now
  std::optional<Planned> planned{};
};

// Of a workspace in which nothing is to be signed; of any other it is not asked for before that is done.
void load_signed(Way& way) {
  if (!os::is_directory(way.workspace.dot("")) || !registry::has_own_key(way.workspace.user_dir)) return;
  auto snapshot = registry::load_snapshot(way.workspace);
  if (snapshot && snapshot->all_signed) way.snapshot = *std::move(snapshot);
}

Result<std::optional<Json>> step_setup(Way& way) {
  load_signed(way);
  if (way.snapshot) return std::nullopt;
  const auto& [turn, workspace, body, snapshot, planned] = way;
  const bool fresh = !os::is_directory(workspace.dot(""));
  std::vector<std::string> will;
  if (fresh) {
    will.push_back("create " + workspace.dot("") +
                   ": configuration, and a policy under which only your command line may call");
  }
  if (!registry::has_own_key(workspace.user_dir))
    will.push_back("create your signing key in " + workspace.user_dir + "/keys");
  RTT_TRY_SET(auto items, registry::items_to_sign(workspace, {}));
  RTT_TRY_SET(const auto keys, registry::list_keys(workspace));
  const SignParts parts = parts_of(std::move(items), keys);
  for (std::string& line : describe(parts.own)) will.push_back(std::move(line));
  for (const Foreign& foreign : parts.foreign) {
    RTT_TRY(may_be_asked(turn, foreign));
    for (std::string& line : describe(foreign, "trust")) will.push_back(std::move(line));
  }
  if (will.empty()) return std::nullopt;
  if (!turn.granted("setup")) {
    Json question = asking(fmt::format("Set up {}?", workspace.root), will);
    question.as_object().find("consent")->set("step", "setup");
    return question;
  }
  for (const Foreign& foreign : parts.foreign) {
    RTT_TRY(registry::accept_key(workspace, foreign.key_id));
    RTT_TRY(record_event(workspace, {"keys_trust", fmt::format("{} \"{}\"", foreign.key_id, foreign.label)}));
  }
  RTT_TRY_SET(const Json done, run(turn, verb_init, workspace, Json::object({})));
  body.set("created", array_of(done, "created"));
  body.set("signed", array_of(done, "signed"));
  body.set("changed", true);
  return std::nullopt;
}

Result<std::optional<Json>> step_import(Way& way) {
  auto& [turn, workspace, body, snapshot, planned] = way;
  RTT_TRY_SET(ImportPlan found, plan_import(workspace, {.directory = workspace.root,
                                                        .snapshot = snapshot ? &*snapshot : nullptr}));
  RTT_TRY_SET(const ImportPlan plan, without_imported(workspace, std::move(found)));
  if (plan.servers.empty()) return std::nullopt;
  if (!turn.granted("import")) {
    Json question = asking("Start these programs once, and take what they offer?", describe_import(plan));
    question.as_object().find("consent")->set("step", "import");
    return question;
  }
  snapshot.reset();
  RTT_TRY_SET(const Json done, run_import(workspace, plan, turn.part));
  body.set("imported", array_of(done, "servers"));
  body.set("changed", true);
  if (const Json* exit = done.find("exit")) body.set("exit", *exit);
  return std::nullopt;
}

Result<std::optional<Json>> step_wire(Way& way) {
  auto& [turn, workspace, body, snapshot, planned] = way;
  turn.part(Json::object({{"progress", "planning"}}));
  if (!snapshot) {
    RTT_TRY_SET(snapshot, registry::load_snapshot(workspace));
  }
  RTT_TRY_SET(planned, make_plan(workspace, *std::move(snapshot), QuickConnects::kKeep));
  Json problems = text::JsonArray{};
  for (const auto& problem : planned->snapshot.problems) problems.push(model::to_json(problem));
  for (const auto& warning : planned->outcome.warnings) problems.push(model::to_json(warning));
  body.set("problems", std::move(problems));
  RTT_TRY(must_be_plannable(*planned));
  const model::Plan& plan = planned->outcome.plan;
  const bool pending = !plan.empty();
  if (pending && !turn.granted("wire")) {
    std::vector<std::string> will;
    for (const auto& route : plan.routes_del) will.push_back("- " + model::route_name(route));
    for (const auto& route : plan.routes_add) will.push_back("+ " + model::route_name(route));
    for (const auto& view : plan.views_del) will.push_back(fmt::format("- view of {}", view.provider));
    for (const auto& view : plan.views_add) will.push_back(fmt::format("+ view of {}", view.provider));
    Json question = asking("Apply this wiring?", will);
    question.as_object().find("consent")->set("step", "wire");
    return question;
  }
  RTT_TRY_SET(const auto panel, apply_planned(turn, workspace, *planned, body));
  if (pending) body.set("changed", true);
  RTT_TRY_SET(const api::Reply status, ask_panel(turn, workspace, *panel, "status", Json::object({})));
  for (const char* field : kStatusFields) body.set(field, *status.body.find(field));
  return std::nullopt;
}

bool offers_servers(const registry::Snapshot& snapshot) {
  const auto contracts = snapshot.in_force();
  const auto servers = mcp::pinned_servers(contracts);
  return servers && !servers->empty();
}

void add_hints(const Workspace& workspace, Json& body) {
  std::vector<std::string> clients = clients_here(workspace);
  Json hints = text::JsonArray{};
  if (clients.empty()) clients.emplace_back("claude");
  for (const std::string& client : clients) hints.push(fmt::format("rtt mcp connect {} --write", client));
  body.set("connect", std::move(hints));
}

// Nothing to do was known of this state; whether the wiring is still that one, the panel says, and what is
// shown must be readable where it is: a mount may have gone. Otherwise it is found out in full.
bool still_settled(const Turn& turn, const Workspace& workspace, const Settled& known, Json& body) {
  turn.part(Json::object({{"progress", "starting the panel"}}));
  const views::TreeStore store = tree_store(workspace);
  const views::TreeStore::Shown shown = store.shown();
  for (const auto& member : shown.set) {
    if (!os::is_directory(store.shown_path(member.provider) + "/.")) return false;
  }
  const auto panel = turn.ports.panel(workspace);
  if (!panel) return false;
  const auto status = ask_panel(turn, workspace, **panel, "status", Json::object({}));
  if (!status || status->body.string_or("graph") != known.graph) return false;
  for (const char* field : {"graph", "panel", "pid", "routes", "seq"}) {
    if (const Json* value = status->body.find(field)) body.set(field, *value);
  }
  body.set("plan_id", known.plan_id);
  body.set("problems", known.problems);
  body.set("state", "unchanged");
  if (!shown.set.empty()) body.set("shown", to_json(shown.how));
  if (known.servers) add_hints(workspace, body);
  return true;
}

}  // namespace

Result<Json> verb_up(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, workspace_for(turn));
  Json body = Json::object({{"changed", false},
                            {"connect", text::JsonArray{}},
                            {"created", text::JsonArray{}},
                            {"imported", text::JsonArray{}},
                            {"problems", text::JsonArray{}},
                            {"signed", text::JsonArray{}},
                            {"workspace", workspace.root}});
  const auto look = look_at(workspace);
  if (const auto known = look ? settled_before(workspace, *look) : std::nullopt;
      known && still_settled(turn, workspace, *known, body))
    return body;
  Way way{.turn = turn, .workspace = workspace, .body = body};
  for (const auto step : {step_setup, step_import, step_wire}) {
    auto question = step(way);
    if (!question && !body.bool_or("changed", false)) return std::unexpected(std::move(question).error());
    if (!question) {  // what was done before it stays, and is told
      body.set("error", api::error_json(question.error()));
      body.set("exit", static_cast<std::int64_t>(exit_status(question.error().code)));
      return body;
    }
    if (*question) return **std::move(question);
  }
  const bool servers = offers_servers(way.planned->snapshot);
  if (servers) add_hints(workspace, body);
  if (look && !body.bool_or("changed", false) && body.string_or("state") == "unchanged" &&
      body.find("view_notes") == nullptr)
    keep_settled(workspace, *look, way.planned->snapshot,
                 {.plan_id = std::string(body.string_or("plan_id")),
                  .graph = std::string(body.string_or("graph")),
                  .problems = *body.find("problems"),
                  .servers = servers});
  return body;
}

}  // namespace rtt::panel
