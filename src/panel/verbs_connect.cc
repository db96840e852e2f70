// SPDX-License-Identifier: Apache-2.0
// Verbs that change AI clients' own files: mcp connect, mcp disconnect, eject.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "api/error_json.h"
#include "panel/connect.h"
#include "panel/ejected_views.h"
#include "panel/events.h"
#include "panel/workbench.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

ConnectRequest request_of(const Turn& turn) {
  return {.clients = turn.list("clients"),
          .all = turn.set("all"),
          .project = turn.set("project"),
          .single = turn.set("single")};
}

// The body with an error and its status where one client's file was an obstacle.
Json told(const std::vector<ClientChange>& changes) {
  Json body = connect_body(changes);
  for (const ClientChange& change : changes) {
    if (!change.error) continue;
    if (body.find("error") == nullptr) body.set("error", api::error_json(*change.error));
  }
  return body;
}

using CarryOut = Status (*)(const Workspace&, const ClientChange&);

struct Asking {
  std::string question, action;
  CarryOut carry_out;
  std::vector<std::string> more{};            // that will be done, besides
  std::function<Status()> do_more = nullptr;  // first, for it may fail as a whole
};
Result<Json> ask_and_write(const Turn& turn, const Workspace& workspace, std::vector<ClientChange> changes,
                           const Asking& how) {
  const bool any = std::ranges::any_of(changes, &ClientChange::changed) || !how.more.empty();
  const std::string digest = connect_digest(changes);
  if (any && !turn.granted(digest)) {
    std::vector<std::string> will = connect_lines(changes);
    will.insert(will.end(), how.more.begin(), how.more.end());
    Json question = asking(how.question, will);
    question.as_object().find("consent")->set("step", digest);
    return question;
  }
  std::vector<std::string> written;
  if (any && how.do_more) {
    RTT_TRY(how.do_more());
    written.emplace_back("views");
  }
  for (ClientChange& change : changes) {
    if (change.error || !change.record) continue;
    if (how.carry_out == carry_out_connect && !change.changed()) continue;
    if (auto done = how.carry_out(workspace, change); !done) {
      change.error = std::move(done).error();
      continue;
    }
    written.push_back(fmt::format("{} {}", change.client, change.shown));
  }
  if (!written.empty())
    RTT_TRY(record_event(workspace, {how.action, fmt::format("{}", fmt::join(written, ", "))}));
  Json body = told(changes);
  body.set("written", any);
  return body;
}

}  // namespace

Result<Json> verb_mcp_connect(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(auto changes, plan_connect(workspace, request_of(turn)));
  if (!turn.set("write")) return told(changes);
  return ask_and_write(turn, workspace, std::move(changes),
                       {"Write this?", "mcp_connect", carry_out_connect});
}

Result<Json> verb_mcp_disconnect(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(auto changes, plan_disconnect(workspace, request_of(turn), GiveBack::kAsItWas));
  return ask_and_write(turn, workspace, std::move(changes),
                       {"Put this back?", "mcp_disconnect", carry_out_disconnect});
}

Result<Json> verb_eject(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(auto changes, plan_disconnect(workspace, {.all = true}, GiveBack::kNative));
  RTT_TRY_SET(Ejection ejection, plan_ejection(workspace));
  Asking how{"Give these entries and files back to the clients?", "eject", carry_out_disconnect};
  if (!ejection.trees.empty()) {
    for (const std::string& place : ejection.places)
      how.more.push_back(fmt::format("leave {} as real files, which RTT no longer changes", place));
    for (const Ejected& one : ejection.left) {
      if (one.edited)
        how.more.push_back(fmt::format("leave what was written into the view of {} as it is", one.provider));
      for (const views::Kept& kept : one.kept)
        how.more.push_back(fmt::format("keep {} as it is, for {}", kept.path, kept.why));
    }
    how.do_more = [&] { return carry_out(workspace, ejection); };
  }
  RTT_TRY_SET(Json body, ask_and_write(turn, workspace, std::move(changes), how));
  Json providers = text::JsonArray{}, losses = text::JsonArray{};
  for (const Ejected& one : ejection.left) {
    Json kept = text::JsonArray{};
    for (const views::Kept& each : one.kept)
      kept.push(Json::object({{"path", each.path}, {"why", each.why}}));
    providers.push(Json::object({{"provider", one.provider},
                                 {"files", one.files},
                                 {"edited", one.edited},
                                 {"kept", std::move(kept)}}));
  }
  for (const views::Loss& loss : ejection.losses) {
    losses.push(Json::object({{"provider", loss.provider},
                              {"item", fmt::format("{}/{}", to_string(loss.kind), loss.item)},
                              {"member", loss.pointer},
                              {"why", loss.why}}));
  }
  body.set("views", std::move(providers));
  body.set("losses", std::move(losses));
  return body;
}

}  // namespace rtt::panel
