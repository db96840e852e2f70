// SPDX-License-Identifier: Apache-2.0
#include "apply/accepted.h"

#include <algorithm>
#include <map>

#include "model/limits.h"

namespace rtt::apply {
namespace {

using text::Json;

constexpr std::string_view kManifests = ".rtt/manifests/";

Json digest_json(const std::optional<Digest>& digest) {
  return digest ? Json(rtt::to_string(*digest)) : Json();
}

Json state_json(const AcceptedState& state) {
  return Json::object({{"clients", state.clients},
                       {"code", digest_json(state.code)},
                       {"manifest", digest_json(state.manifest)},
                       {"signatures", digest_json(state.signatures)}});
}

// Whether it is null or a digest; which of both, in `out`.
std::optional<std::optional<Digest>> digest_of(const Json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_null()) return std::optional<Digest>();
  auto digest = value->is_string() ? parse_digest(value->as_string()) : std::nullopt;
  if (!digest) return std::nullopt;
  return digest;
}

std::optional<AcceptedState> state_of(const Json* json) {
  if (json == nullptr || !json->is_object()) return std::nullopt;
  const auto manifest = digest_of(json->find("manifest"));
  const auto signatures = digest_of(json->find("signatures"));
  const auto code = digest_of(json->find("code"));
  const Json* const clients = json->find("clients");
  if (!manifest || !signatures || !code || clients == nullptr || !clients->is_bool()) return std::nullopt;
  return AcceptedState{
      .manifest = *manifest, .signatures = *signatures, .code = *code, .clients = clients->as_bool()};
}

// It is a file name and goes to the file system: one of that folder and no other.
bool is_manifest(std::string_view path) {
  return path.starts_with(kManifests) && path.ends_with(".json") && path.size() > kManifests.size() + 5 &&
         path.find('/', kManifests.size()) == std::string_view::npos &&
         path.find('\0') == std::string_view::npos;
}

std::optional<AcceptedChanges> changes_of(const Json& list) {
  if (!list.is_array() || list.as_array().size() > limits::kMcpServersMax) return std::nullopt;
  AcceptedChanges out;
  for (const Json& one : list.as_array()) {
    if (!one.is_object() || !is_manifest(one.string_or("path"))) return std::nullopt;
    const auto before = state_of(one.find("before"));
    const auto after = state_of(one.find("after"));
    std::string path(one.string_or("path"));
    if (!before || !after || *before == *after) return std::nullopt;
    if (!out.empty() && out.back().path >= path) return std::nullopt;
    out.push_back({.path = std::move(path), .before = *before, .after = *after});
  }
  return out;
}

}  // namespace

AcceptedChanges inverse(AcceptedChanges changes) {
  for (AcceptedChange& change : changes) std::swap(change.before, change.after);
  return changes;
}

AcceptedChanges composed(const AcceptedChanges& first, const AcceptedChanges& then) {
  std::map<std::string, AcceptedChange> by_path;
  for (const AcceptedChange& change : first) by_path.emplace(change.path, change);
  for (const AcceptedChange& change : then) {
    const auto [at, fresh] = by_path.emplace(change.path, change);
    if (!fresh) at->second.after = change.after;
  }
  AcceptedChanges out;
  for (auto& [path, change] : by_path) {
    if (change.before != change.after) out.push_back(std::move(change));
  }
  return out;
}

Json to_json(const AcceptedChanges& changes) {
  Json list = text::JsonArray{};
  for (const AcceptedChange& change : changes) {
    list.push(Json::object(
        {{"after", state_json(change.after)}, {"before", state_json(change.before)}, {"path", change.path}}));
  }
  return list;
}

Result<AcceptedChanges> accepted_from_json(const Json& payload, std::string_view record, Seq seq) {
  const Json* const list = payload.find("accepted");
  if (list == nullptr) return AcceptedChanges();
  if (auto changes = changes_of(*list)) return *std::move(changes);
  const std::string number = std::to_string(seq.value);
  return fail(Code::kJournalDamaged, std::string(record) + " record " + number + " has no valid accepted",
              "seq " + number, "rtt audit --verify");
}

}  // namespace rtt::apply
