// SPDX-License-Identifier: Apache-2.0
// Verbs that change AI clients' own files: mcp connect, mcp disconnect, eject.
#include <fmt/format.h>

#include <algorithm>

#include "api/error_json.h"
#include "panel/connect.h"
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
};
Result<Json> ask_and_write(const Turn& turn, const Workspace& workspace, std::vector<ClientChange> changes,
                           const Asking& how) {
  const bool any = std::ranges::any_of(changes, &ClientChange::changed);
  const std::string digest = connect_digest(changes);
  if (any && !turn.granted(digest)) {
    Json question = asking(how.question, connect_lines(changes));
    question.as_object().find("consent")->set("step", digest);
    return question;
  }
  std::vector<std::string> written;
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
  return ask_and_write(turn, workspace, std::move(changes),
                       {"Give these entries back to the clients?", "eject", carry_out_disconnect});
}

}  // namespace rtt::panel
