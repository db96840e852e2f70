// SPDX-License-Identifier: Apache-2.0
// Verbs that only look: scan, ls, lint, registry verify, policy why.
#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "mcp/pins/contracts.h"
#include "mcp/pins/import.h"
#include "model/policy.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/rows.h"
#include "panel/view_signatures.h"
#include "panel/workbench.h"
#include "registry/snapshot.h"
#include "registry/trust.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Snapshot;
using registry::Standing;
using registry::SymbolEntry;
using text::Json;

registry::LoadOptions load_options(const Turn& turn) { return {.trust_keys = turn.list("trust_key")}; }

Json problems_json(const std::vector<model::Problem>& problems) {
  Json list = text::JsonArray{};
  for (const model::Problem& problem : problems) list.push(model::to_json(problem));
  return list;
}

bool has_error(const std::vector<model::Problem>& problems) {
  return std::ranges::any_of(problems, [](const auto& p) { return p.severity == model::Severity::kError; });
}

Json symbol_json(const SymbolEntry& entry) {
  Json row = Json::object({{"direction", to_string(entry.contract.direction)},
                           {"hash", to_string(entry.contract.hash)},
                           {"saddr", model::identity(entry.contract.saddr)},
                           {"signed_by", entry.signed_by},
                           {"source", entry.source},
                           {"type", to_string(entry.contract.saddr.type)}});
  switch (entry.standing) {
    case Standing::kSigned:
      row.set("standing", "signed");
      break;
    case Standing::kAllowedUnsigned:
      row.set("standing", "allowed-unsigned");
      break;
    case Standing::kLastSigned:
      row.set("standing", "last-signed");
      break;
    case Standing::kRefused:
      row.set("standing", "refused");
      break;
  }
  return row;
}

// Whether a connector under the server's namespace is found here, signed or not.
bool is_imported(const Snapshot& snapshot, const std::string& server) {
  const auto ns = mcp::namespace_of(server);
  return ns && std::ranges::any_of(snapshot.symbols, [&ns](const SymbolEntry& entry) {
           return entry.contract.saddr.type == model::SymbolType::kConnector &&
                  entry.contract.saddr.ns == *ns;
         });
}

// The index of found symbols as of the last scan: what `added`, `changed` and `removed` are told against.
Json found_index(const Snapshot& snapshot) {
  Json index = text::JsonObject{};
  for (const SymbolEntry& entry : snapshot.symbols) {
    index.set(model::identity(entry.contract.saddr), to_string(entry.found_hash));
  }
  return index;
}

}  // namespace

Result<Json> verb_scan(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  const Instant begin = os::now();
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  const std::string index_path = workspace.dot("cache/symbols.json");
  Json before = text::JsonObject{};
  if (const auto old = os::read_file(index_path, std::size_t{64} << 20)) {
    if (auto parsed = text::parse_json(*old, {.source_name = index_path, .bytes_max = old->size()}))
      before = *parsed;
  }
  const Json now = found_index(snapshot);
  Json found = text::JsonArray{};
  for (const SymbolEntry& entry : snapshot.symbols) {
    const std::string id = model::identity(entry.contract.saddr);
    const Json* old = before.find(id);
    const char* state = old == nullptr                              ? "added"
                        : *old != Json(to_string(entry.found_hash)) ? "changed"
                        : entry.signed_by.empty()                   ? "unsigned"
                                                                    : "signed";
    found.push(Json::object({{"saddr", id},
                             {"source", entry.source},
                             {"state", state},
                             {"type", to_string(entry.contract.saddr.type)}}));
  }
  for (const auto& [id, hash] : before.as_object()) {
    if (now.find(id) == nullptr)
      found.push(Json::object({{"saddr", id}, {"source", ""}, {"state", "removed"}}));
  }
  std::ranges::sort(found.as_array(), {},
                    [](const Json& row) { return std::string(row.string_or("saddr")); });
  Json servers = text::JsonArray{};
  for (const auto& server : snapshot.servers) {
    if (mcp::is_own_door(server.entry) || is_imported(snapshot, server.name)) continue;
    servers.push(Json::object({{"file", server.file}, {"name", server.name}}));
  }
  std::int64_t added = 0, changed = 0, removed = 0, unsigned_count = 0;
  for (const auto& [id, hash] : now.as_object()) {
    const Json* old = before.find(id);
    if (old == nullptr)
      ++added;
    else if (!(*old == hash))
      ++changed;
  }
  for (const auto& [id, hash] : before.as_object()) removed += now.find(id) == nullptr ? 1 : 0;
  for (const SymbolEntry& entry : snapshot.symbols) unsigned_count += entry.signed_by.empty() ? 1 : 0;
  RTT_TRY(os::make_directories(workspace.dot("cache")));
  RTT_TRY(os::write_atomic(index_path, text::canonical_json(now), {.durable = os::Durable::kNo}));
  const auto registry_hash = crypto::sha256(text::canonical_json(snapshot.registry_object()));
  return Json::object({{"added", added},
                       {"changed", changed},
                       {"elapsed_ms", (os::now() - begin).value / 1'000'000},
                       {"files", static_cast<std::int64_t>(snapshot.files_seen)},
                       {"found", std::move(found)},
                       {"problems", problems_json(snapshot.problems)},
                       {"registry", to_string(registry_hash)},
                       {"removed", removed},
                       {"servers", std::move(servers)},
                       {"symbols", static_cast<std::int64_t>(snapshot.symbols.size())},
                       {"unsigned", unsigned_count}});
}

Result<Json> verb_ls_symbols(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  Json rows = text::JsonArray{};
  for (const SymbolEntry& entry : snapshot.symbols) {
    if (entry.standing != Standing::kRefused) rows.push(symbol_json(entry));
  }
  return Json::object({{"symbols", filtered(std::move(rows), turn.text("filter"))}});
}

Result<Json> verb_ls_agents(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  Json rows = text::JsonArray{};
  for (const SymbolEntry& entry : snapshot.symbols) {
    if (entry.contract.saddr.type != model::SymbolType::kAgent || !entry.contract.agent) continue;
    Json tools = text::JsonArray{}, skills = text::JsonArray{};
    for (const auto& requirement : entry.contract.requirements) {
      (requirement.to.type == model::SymbolType::kSkill ? skills : tools)
          .push(model::to_string(requirement.to));
    }
    Json row = symbol_json(entry);
    row.set("name", entry.contract.agent->name);
    row.set("description", entry.contract.agent->description);
    row.set("model", entry.contract.agent->model);
    row.set("skills", std::move(skills));
    row.set("tools", std::move(tools));
    rows.push(std::move(row));
  }
  return Json::object({{"agents", filtered(std::move(rows), turn.text("filter"))}});
}

Result<Json> verb_lint(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  RTT_TRY_SET(const std::vector<std::string> paths, turn.files(workspace, "paths"));
  std::vector<model::Problem> problems;
  for (const model::Problem& problem : snapshot.problems) {
    if (names_file(paths, problem.file)) problems.push_back(problem);
  }
  Json body = Json::object({{"ok", !has_error(problems)}, {"problems", problems_json(problems)}});
  if (has_error(problems)) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

Result<Json> verb_registry_verify(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  const registry::ObjectStore store(workspace.cas(), workspace.dot("registry/index.json"));
  RTT_TRY_SET(const crypto::Keyring keys, registry::known_keys(workspace));
  RTT_TRY_SET(registry::VerifyReport report, store.verify_all(keys));
  RTT_TRY(verify_views(workspace, keys, report));
  Json bad = text::JsonArray{};
  for (const auto& entry : report.bad) {
    bad.push(Json::object({{"file", entry.file}, {"hash", entry.hash}, {"reason", entry.reason}}));
  }
  Json body = Json::object({{"bad", std::move(bad)},
                            {"objects", static_cast<std::int64_t>(report.objects)},
                            {"ok", report.bad.empty()}});
  if (!report.bad.empty()) body.set("exit", static_cast<std::int64_t>(Exit::kCorrupt));
  return body;
}

Result<Json> verb_registry_rebuild(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  const registry::ObjectStore store(workspace.cas(), workspace.dot("registry/index.json"));
  RTT_TRY_SET(const Json index, store.index());
  const auto present = os::read_file(workspace.dot("registry/index.json"), std::size_t{256} << 20);
  const bool changed = !present || *present != text::canonical_json(index);
  RTT_TRY(store.write_index());
  RTT_TRY_SET(const registry::VerifyReport report, store.verify_all());
  return Json::object({{"changed", changed},
                       {"ids", static_cast<std::int64_t>(index.as_object().size())},
                       {"index", to_string(crypto::sha256(text::canonical_json(index)))},
                       {"objects", static_cast<std::int64_t>(report.objects)}});
}

Result<Json> verb_policy_why(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const Snapshot snapshot, registry::load_snapshot(workspace, load_options(turn)));
  const std::string from_text = turn.text("from");
  const std::string to_text = turn.text("to");
  std::vector<model::Saddr> known;
  for (const SymbolEntry& entry : snapshot.symbols) known.push_back(entry.contract.saddr);
  // The asking side need not be a known symbol (the command line, an AI client): then it is read as written.
  auto from = from_text.starts_with("rtt://") ? model::parse_reference(from_text)
                                              : model::resolve_short(from_text, known);
  if (!from) return std::unexpected(std::move(from).error());
  RTT_TRY_SET(const model::Saddr to, model::resolve_short(to_text, known));
  const auto verdict = model::access(snapshot.policy, *from, to);
  Json rules = text::JsonArray{};
  const auto list = [&](const std::vector<model::AccessRule>& of, const char* effect) {
    for (const model::AccessRule& rule : of) {
      if (!model::could_match(rule.from, *from) || !model::could_match(rule.to, to)) continue;
      rules.push(Json::object({{"decides", rules.as_array().empty()},
                               {"effect", effect},
                               {"from", rule.from.text},
                               {"to", rule.to.text},
                               {"where", rule.where}}));
    }
  };
  list(snapshot.policy.deny, "deny");  // deny beats allow, so a deny rule that matches decides
  list(snapshot.policy.allow, "allow");
  Json body = Json::object({{"allowed", verdict.allowed},
                            {"reason", verdict.rule},
                            {"rules", std::move(rules)},
                            {"from", model::to_string(*from)},
                            {"rule", verdict.rule},
                            {"to", model::to_string(to)}});
  if (!verdict.allowed) body.set("exit", static_cast<std::int64_t>(Exit::kRefused));
  return body;
}

}  // namespace rtt::panel
