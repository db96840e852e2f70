// SPDX-License-Identifier: Apache-2.0
// mcp sandbox: what a server may reach, as part of its connector's contract.
#include <fmt/format.h>

#include <algorithm>

#include "mcp/backends/launch.h"
#include "mcp/pins/contracts.h"
#include "model/limits.h"
#include "os/file.h"
#include "panel/acceptance.h"
#include "panel/accepted_servers.h"
#include "panel/workbench.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

Result<Json> folders(const Turn& turn, const Workspace& workspace, std::string_view flag) {
  Json out(text::JsonArray{});
  for (const std::string& given : turn.list(flag)) {
    auto real = os::real_path(given.starts_with('/') ? given : turn.ask.directory + "/" + given);
    if (!real) return std::unexpected(std::move(real).error().hinting("name a folder or file that is there"));
    out.push(mcp::portable_text(*real, mcp::path_bases(workspace)));
  }
  return out;
}

// null: off. Fails kBadArgument unless it says what to do, in one way.
Result<Json> wanted(const Turn& turn, const Workspace& workspace) {
  RTT_TRY_SET(Json read, folders(turn, workspace, "read_only"));
  RTT_TRY_SET(Json write, folders(turn, workspace, "write"));
  Json sandbox = Json::object({});
  if (turn.set("no_network")) sandbox.set("network", "none");
  if (!read.as_array().empty()) sandbox.set("read", std::move(read));
  if (!write.as_array().empty()) sandbox.set("write", std::move(write));
  const bool any = !sandbox.as_object().empty();
  if (any == turn.set("off")) {
    return fail(Code::kBadArgument,
                "say either --off or what to hold: --no-network, --read-only DIR, --write DIR", {},
                "rtt mcp sandbox --help");
  }
  return any ? sandbox : Json();
}

std::vector<std::string> describe(const std::string& name, const Json& sandbox) {
  if (sandbox.is_null()) return {fmt::format("{}: no sandbox, network and files as yours", name)};
  std::vector<std::string> will;
  if (sandbox.find("network")) will.push_back(fmt::format("{}: no sockets", name));
  for (const auto& [key, words] : {std::pair{"read", "read"}, std::pair{"write", "read and write"}}) {
    const Json* const paths = sandbox.find(key);
    if (paths == nullptr) continue;
    for (const Json& path : paths->as_array())
      will.push_back(fmt::format("{}: {} {}", name, words, path.as_string()));
  }
  if (sandbox.find("read") || sandbox.find("write"))
    will.push_back(fmt::format("{}: no other files but the system's programs and libraries", name));
  return will;
}

// The parameters of the connector in a manifest, which is what is changed.
Result<Json*> connector_params(Json& manifest, const std::string& path) {
  Json* const contracts = manifest.is_object() ? manifest.as_object().find("contracts") : nullptr;
  if (!contracts || !contracts->is_array()) return fail(Code::kBadShape, "the manifest lists nothing", path);
  for (Json& contract : contracts->as_array()) {
    Json* const symbol = contract.is_object() ? contract.as_object().find("symbol") : nullptr;
    if (!symbol || symbol->string_or("type") != "connector") continue;
    Json* const driver = symbol->as_object().find("driver");
    Json* const params = driver && driver->is_object() ? driver->as_object().find("params") : nullptr;
    if (params && params->is_object()) return params;
  }
  return fail(Code::kBadShape, "the manifest has no connector", path, "rtt mcp import");
}

}  // namespace

Result<Json> verb_mcp_sandbox(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  const std::string name = turn.text("name");
  RTT_TRY_SET(const auto snapshot, registry::load_snapshot(workspace, {}));
  RTT_TRY_SET(const auto servers, named_servers(snapshot, {name}));
  const std::string ns = servers.front().ns();
  RTT_TRY_SET(const Json sandbox, wanted(turn, workspace));
  const std::string path = mcp::manifest_path(ns);
  RTT_TRY_SET(const std::string text, os::read_file(workspace.path(path), limits::kManifestBytesMax));
  RTT_TRY_SET(Json manifest, text::parse_json(text, {.source_name = path}));
  RTT_TRY_SET(Json* const params, connector_params(manifest, path));
  const Json* const before = params->find("sandbox");
  const bool changed = text::canonical_json(before ? *before : Json()) != text::canonical_json(sandbox);
  const Json body =
      Json::object({{"changed", changed}, {"manifest", path}, {"name", name}, {"sandbox", sandbox}});
  if (!changed) return body;
  if (turn.consent() == Turn::Consent::kShow)
    return asking("Hold the server to this from its next start?", describe(name, sandbox));
  if (sandbox.is_null()) {
    params->as_object().erase("sandbox");
  } else {
    params->set("sandbox", sandbox);
  }
  RTT_TRY(
      accept(workspace, apply::Verb::kMcpSandbox, {{.path = path, .text = text::to_pretty_json(manifest)}}));
  return body;
}

}  // namespace rtt::panel
