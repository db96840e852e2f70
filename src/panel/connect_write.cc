// SPDX-License-Identifier: Apache-2.0
// Carrying out what connect.cc planned, and what is told of it.
#include <fmt/format.h>

#include "api/error_json.h"
#include "model/limits.h"
#include "os/file.h"
#include "os/permissions.h"
#include "panel/connect_text.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::uint32_t kUserMode = 0600, kProjectMode = 0644;

Status write_file(const ClientChange& change) {
  RTT_TRY_SET(const FileText now, read_client_file(change.path));
  if (now.text != change.before) {
    return fail(Code::kBusy, change.shown + " changed while this was shown; nothing was written to it",
                change.shown, "run it again");
  }
  if (!change.after) return os::remove_file(change.path);
  std::uint32_t mode = change.scope == "project" ? kProjectMode : kUserMode;
  if (change.before) {
    RTT_TRY_SET(mode, os::permissions_of(change.path));
  } else {
    RTT_TRY(os::make_directories(change.path.substr(0, change.path.rfind('/'))));
  }
  RTT_TRY(os::write_atomic(change.path, *change.after, {.mode = mode & kUserMode}));
  return os::set_permissions(change.path, mode);
}

}  // namespace

Status carry_out_connect(const registry::Workspace& workspace, const ClientChange& change) {
  RTT_TRY(ConnectStore(workspace).save(*change.record));
  return write_file(change);
}

Status carry_out_disconnect(const registry::Workspace& workspace, const ClientChange& change) {
  if (change.changed()) RTT_TRY(write_file(change));
  return ConnectStore(workspace).remove(*change.record);
}

Json connect_body(const std::vector<ClientChange>& changes) {
  Json rows = text::JsonArray{};
  for (const ClientChange& change : changes) {
    Json servers = text::JsonArray{}, diff = text::JsonArray{};
    for (const ConnectRow& row : change.rows) {
      Json one = Json::object({{"name", row.name}, {"state", row.state}});
      if (!row.why.empty()) one.set("why", row.why);
      servers.push(std::move(one));
    }
    for (const std::string& line : change.diff) diff.push(line);
    Json row = Json::object({{"changed", change.changed()},
                             {"client", change.client},
                             {"diff", std::move(diff)},
                             {"file", change.shown},
                             {"scope", change.scope},
                             {"servers", std::move(servers)}});
    if (change.error) row.set("error", api::error_json(*change.error));
    rows.push(std::move(row));
  }
  return Json::object({{"clients", std::move(rows)}, {"written", false}});
}

std::vector<std::string> connect_lines(const std::vector<ClientChange>& changes) {
  std::vector<std::string> out;
  for (const ClientChange& change : changes) {
    if (!change.changed()) continue;
    out.push_back("--- " + (change.before ? change.shown : std::string("/dev/null")));
    out.push_back("+++ " + (change.after ? change.shown : std::string("/dev/null")));
    out.insert(out.end(), change.diff.begin(), change.diff.end());
    for (const ConnectRow& row : change.rows) {
      if (!row.why.empty()) out.push_back(fmt::format("{} {}: {}", row.state, row.name, row.why));
    }
  }
  return out;
}

std::string connect_digest(const std::vector<ClientChange>& changes) {
  std::string all;
  for (const ClientChange& change : changes)
    all += change.path + '\0' + hash_of(change.before.value_or("")) + hash_of(change.after.value_or(""));
  return hash_of(all);
}

}  // namespace rtt::panel
