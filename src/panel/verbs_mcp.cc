// SPDX-License-Identifier: Apache-2.0
// Verbs about MCP servers that need no gateway: import, diff, accept, ls.
#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "mcp/pins/import.h"
#include "mcp/pins/pin.h"
#include "mcp/pins/pinboard.h"
#include "model/limits.h"
#include "os/process.h"
#include "panel/acceptance.h"
#include "panel/accepted_servers.h"
#include "panel/mcp_import.h"
#include "panel/mcp_rows.h"
#include "panel/workbench.h"
#include "registry/secrets.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

struct Compared {
  mcp::PinnedServer accepted;
  mcp::Imported live;
  mcp::ServerVerdict server;
  std::vector<mcp::PinVerdict> verdicts;  // changed ones only
  [[nodiscard]] bool changed() const { return !verdicts.empty() || server.state != mcp::PinState::kSame; }
};

Result<std::vector<Compared>> compare(const Workspace& workspace, const std::vector<std::string>& names) {
  RTT_TRY_SET(const auto snapshot, registry::load_snapshot(workspace, {}));
  RTT_TRY_SET(auto servers, named_servers(snapshot, names));
  std::vector<mcp::ServerConfig> configs;
  for (const mcp::PinnedServer& server : servers) configs.push_back(server.config);
  RTT_TRY_SET(std::vector<mcp::Imported> live,
              mcp::list_servers(std::move(configs), {.workspace = workspace}));
  std::vector<Compared> out;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    mcp::PinnedServer& server = servers[i];
    Compared one{.live = std::move(live[i])};
    if (one.live.state == mcp::ImportState::kListed) {
      one.verdicts = mcp::compare_offer(server, one.live.offer);
      one.server = mcp::compare_info(server.info, one.live.info);
      const auto code = mcp::read_code_record(workspace, server.ns());
      if (code && code->pin == mcp::code_pin(server.config, server.info)) {
        for (mcp::PinChange& change : mcp::compare_code(code->code, one.live.code)) {
          one.server.state = mcp::PinState::kContractDrift;
          one.server.changes.push_back(std::move(change));
        }
      }
      std::erase_if(one.verdicts, [](const auto& verdict) { return verdict.state == mcp::PinState::kSame; });
    }
    one.accepted = std::move(server);
    out.push_back(std::move(one));
  }
  return out;
}

std::string_view change_word(mcp::PinState state) {
  switch (state) {
    case mcp::PinState::kNew:
      return "added";
    case mcp::PinState::kRemoved:
      return "removed";
    case mcp::PinState::kSame:
      return "same";
    case mcp::PinState::kContractDrift:
    case mcp::PinState::kTextDrift:
      return "changed";
  }
  return "changed";
}

Json change_json(std::string_view kind, std::string_view name, mcp::PinState state,
                 const std::vector<mcp::PinChange>& changes) {
  Json lines = text::JsonArray{}, details = text::JsonArray{};
  for (const mcp::PinChange& change : changes) {
    lines.push(mcp::explain(change));
    details.push(mcp::to_json(change));
  }
  return Json::object({{"change", change_word(state)},
                       {"class", mcp::to_string(state)},
                       {"details", std::move(details)},
                       {"kind", kind},
                       {"lines", std::move(lines)},
                       {"name", name}});
}

Json changes_json(const Compared& one) {
  Json changes = text::JsonArray{};
  if (one.server.state != mcp::PinState::kSame)
    changes.push(change_json("server", one.accepted.config.name, one.server.state, one.server.changes));
  for (const auto& verdict : one.verdicts)
    changes.push(change_json(mcp::to_string(verdict.kind), verdict.key, verdict.state, verdict.changes));
  return changes;
}

// What accepting would take, in lines for the person who is asked.
std::vector<std::string> will_accept(const Compared& one) {
  std::vector<std::string> will;
  const Json changes = changes_json(one);
  for (const Json& change : changes.as_array()) {
    will.push_back(fmt::format("{}: {} {} {}", one.accepted.config.name, change.string_or("change"),
                               change.string_or("kind"), change.string_or("name")));
    for (const Json& line : change.find("lines")->as_array()) will.push_back("    " + line.as_string());
  }
  return will;
}

Json error_json(const Error& error) {
  return Json::object({{"code", code_name(error.code)},
                       {"hint", error.hint},
                       {"message", error.message},
                       {"where", error.where}});
}

Result<Wanted> wanted(const Workspace& workspace, const mcp::Imported& live) {
  RTT_TRY_SET(std::string text, text_to_accept(workspace, live.path, live.manifest));
  return Wanted{.path = live.path, .text = std::move(text), .code = mcp::code_record_of(live)};
}

std::string absolute(const Turn& turn, const std::string& file) {
  return file.empty() || file.starts_with('/') ? file : turn.ask.directory + "/" + file;
}

}  // namespace

Result<Json> verb_mcp_import(const Turn& turn) {
  const ClientScope scope = turn.set("user") ? ClientScope::kUser : ClientScope::kProject;
  auto found = turn.workspace();
  // The servers of the user are nobody's project: their place is made when they come.
  const bool fresh = !found && scope == ClientScope::kUser && found.error().code == Code::kNoWorkspace;
  if (fresh) found = Workspace{.root = registry::user_directory(), .user_dir = registry::user_directory()};
  RTT_TRY_SET(Workspace workspace, std::move(found));
  RTT_TRY_SET(ImportPlan plan, plan_import(workspace, {.directory = turn.ask.directory,
                                                       .files = turn.list("files"),
                                                       .scope = scope,
                                                       .only = turn.list("only"),
                                                       .plain = turn.list("plain"),
                                                       .marked = turn.list("secret_arg"),
                                                       .ca_file = absolute(turn, turn.text("ca_file")),
                                                       .plain_http = turn.set("plain_http")}));
  if (turn.consent() == Turn::Consent::kShow && !plan.servers.empty()) {
    auto will = describe_import(plan);
    if (fresh) will.push_back(fmt::format("make a workspace of {}, signed by your key", workspace.root));
    return asking("Start or ask these servers once, and take what they offer?", will);
  }
  if (plan.scope == ClientScope::kUser) {
    RTT_TRY_SET(workspace, user_workspace());
  }
  return run_import(workspace, plan, turn.part);
}

Result<Json> verb_mcp_diff(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto compared, compare(workspace, turn.list("names")));
  Json rows = text::JsonArray{};
  bool any = false;
  std::optional<Error> failed;
  for (const Compared& one : compared) {
    Json row = Json::object(
        {{"changed", one.changed()}, {"changes", changes_json(one)}, {"name", one.accepted.config.name}});
    if (one.live.error) {
      row.set("error", error_json(*one.live.error));
      failed = one.live.error;
    }
    any = any || one.changed();
    rows.push(std::move(row));
  }
  Json body = Json::object({{"servers", std::move(rows)}});
  if (any) body.set("exit", static_cast<std::int64_t>(Exit::kPending));
  if (failed) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

Result<Json> verb_mcp_accept(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(auto compared, compare(workspace, turn.list("names")));
  std::vector<std::string> will;
  std::string offers;
  for (const Compared& one : compared) {
    if (one.live.error) return std::unexpected(*one.live.error);
    std::ranges::move(will_accept(one), std::back_inserter(will));
    if (one.changed())
      offers += text::canonical_json(one.live.manifest) + to_string(one.live.code.digest()) + "\n";
  }
  // The servers were asked again: one that offers something else by now was not agreed to.
  const std::string seal = to_string(crypto::sha256(offers));
  const bool other = turn.ask.args.find("shown") != nullptr && turn.text("shown") != seal;
  if (!will.empty() && (turn.consent() == Turn::Consent::kShow || other))
    return asking_about(seal, "Accept these as they are now?", will);
  Json rows = text::JsonArray{}, manifests = text::JsonArray{};
  std::vector<Wanted> changes;
  for (Compared& one : compared) {
    Json row = Json::object({{"changed", one.changed()},
                             {"name", one.accepted.config.name},
                             {"hash", Json()},
                             {"supersedes", Json()}});
    if (one.changed()) {
      RTT_TRY_SET(Wanted change, wanted(workspace, one.live));
      changes.push_back(std::move(change));
      manifests.push(one.live.path);
      row.set("hash", to_string(crypto::sha256(text::canonical_json(one.live.manifest))));
      row.set("supersedes", to_string(one.accepted.hash));
    }
    rows.push(std::move(row));
  }
  RTT_TRY(accept(workspace, apply::Verb::kMcpAccept, changes));
  for (const Compared& one : compared) {
    if (one.changed()) RTT_TRY(mcp::keep_code(workspace, one.live));
  }
  return Json::object({{"manifests", std::move(manifests)}, {"servers", std::move(rows)}});
}

// What a server lists now, where nothing of it was taken yet: a connector somebody wrote and signed. One
// whose definitions are accepted already is held to them; only this machine's part of its pin is taken down.
Result<Json> verb_mcp_pin(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto compared, compare(workspace, turn.list("names")));
  Json rows = text::JsonArray{}, manifests = text::JsonArray{};
  std::vector<Wanted> changes;
  bool failed = false, differs = false;
  for (const Compared& one : compared) {
    Json row = mcp::summary(one.live);
    row.set("state", "failed");
    const bool taken = !(one.accepted.info == mcp::ServerInfo{}) || !one.accepted.items.empty();
    if (one.live.error) {
      failed = true;
    } else if (taken && one.changed()) {
      differs = true;
      row.set("state", "differs");
    } else {
      if (taken) RTT_TRY(mcp::keep_code(workspace, one.live));
      row.set("state", taken ? "unchanged" : "pinned");
      if (!taken) {
        RTT_TRY_SET(Wanted change, wanted(workspace, one.live));
        changes.push_back(std::move(change));
        manifests.push(one.live.path);
      }
    }
    rows.push(std::move(row));
  }
  RTT_TRY(accept(workspace, apply::Verb::kMcpPin, changes));
  Json body = Json::object({{"manifests", std::move(manifests)}, {"servers", std::move(rows)}});
  if (differs) body.set("exit", static_cast<std::int64_t>(Exit::kPending));
  if (failed) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

Result<Json> verb_mcp_ls(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto board, mcp::load_pinboard(workspace));
  return mcp_listing(workspace, *board, text::JsonArray{}, turn.text("as"));
}

}  // namespace rtt::panel
