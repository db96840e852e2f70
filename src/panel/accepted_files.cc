// SPDX-License-Identifier: Apache-2.0
#include "panel/accepted_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "mcp/backends/code_identity.h"
#include "model/limits.h"
#include "os/file.h"
#include "panel/client_rules.h"
#include "panel/signed_write.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using registry::Workspace;

std::string bytes_path(const Workspace& workspace, const Digest& digest) {
  return workspace.dot("wal/accepted/" + bare_hex(digest));
}

Result<std::string> kept_bytes(const Workspace& workspace, const Digest& digest) {
  const std::string path = bytes_path(workspace, digest);
  RTT_TRY_SET(std::string bytes, os::read_file(path, limits::kManifestBytesMax));
  if (crypto::sha256(bytes) != digest)
    return fail(Code::kTampered, "what was kept is not what it is kept as", path, "rtt audit --verify");
  return bytes;
}

Result<std::optional<Digest>> digest_of(const std::string& path) {
  if (!os::exists(path)) return std::optional<Digest>();
  RTT_TRY_SET(const std::string bytes, os::read_file(path, limits::kManifestBytesMax));
  return std::optional(crypto::sha256(bytes));
}

Result<bool> clients_reach(const Workspace& workspace, const std::string& path) {
  const std::string ns = namespace_in(path);
  if (ns.empty()) return false;
  return clients_allowed(workspace, ns);
}

Result<std::optional<Digest>> code_now(const Workspace& workspace, const std::string& path) {
  const auto record = mcp::read_code_record(workspace, namespace_in(path));
  if (!record) return std::optional<Digest>();
  RTT_TRY_SET(const Digest digest, keep_bytes(workspace, mcp::code_record_text(*record)));
  return std::optional(digest);
}

// A record that says the same is left, with its stamps.
Status put_code(const Workspace& workspace, const std::string& path, const std::optional<Digest>& digest) {
  const std::string ns = namespace_in(path);
  if (ns.empty()) return {};
  RTT_TRY_SET(const std::optional<Digest> now, code_now(workspace, path));
  if (now == digest) return {};
  if (!digest) return mcp::remove_code_record(workspace, ns);
  RTT_TRY_SET(const std::string bytes, kept_bytes(workspace, *digest));
  const auto record = mcp::code_record_from(bytes);
  if (!record)
    return fail(Code::kTampered, "no record of code", bytes_path(workspace, *digest), "rtt mcp pin");
  return mcp::write_code_record(workspace, ns, *record);
}

Status put_file(const Workspace& workspace, const std::string& path, const std::optional<Digest>& digest) {
  const std::string place = workspace.path(path);
  if (!digest) return os::remove_file(place);
  RTT_TRY_SET(const std::string bytes, kept_bytes(workspace, *digest));
  RTT_TRY(os::make_directories(place.substr(0, place.rfind('/'))));
  return os::write_atomic(place, bytes);
}

Status put_policy(const Workspace& workspace, PolicyChange change) {
  SignedWrite write(workspace);
  if (change.rules.empty()) {
    write.sign_as_it_is(std::string(kPolicyPath));
  } else {
    write.write(std::string(kPolicyPath), std::move(change.text));
  }
  RTT_TRY(write.commit());
  return {};
}

// Those that clients are to reach, or no more, where that changes and `now` is not so yet. A crash may have
// left the file written and not signed: `any` says whether to look at that too.
struct Rules {
  std::vector<std::string> to_write;
  bool any = false;
};

Result<Rules> rules_of(const Workspace& workspace, const apply::AcceptedChanges& changes, bool allow) {
  Rules rules;
  std::vector<std::string> ours;
  for (const apply::AcceptedChange& change : changes) {
    if (change.before.clients == change.after.clients) continue;
    ours.push_back(namespace_in(change.path));
    if (change.after.clients != allow) continue;
    rules.any = true;
    RTT_TRY_SET(const bool now, clients_reach(workspace, change.path));
    if (now != allow) rules.to_write.push_back(ours.back());
  }
  if (rules.any) RTT_TRY(policy_is_signed(workspace, ours));
  return rules;
}

Status put_allowed(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  RTT_TRY_SET(const Rules rules, rules_of(workspace, changes, true));
  if (!rules.any) return {};
  RTT_TRY_SET(PolicyChange more, allow_clients(workspace, rules.to_write));
  return put_policy(workspace, std::move(more));
}

Status put_withdrawn(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  RTT_TRY_SET(const Rules rules, rules_of(workspace, changes, false));
  if (!rules.any) return {};
  RTT_TRY_SET(PolicyChange less, rules.to_write.empty() ? allow_clients(workspace, {})
                                                        : withdraw_clients(workspace, rules.to_write));
  return put_policy(workspace, std::move(less));
}

}  // namespace

std::string namespace_in(const std::string& path) {
  constexpr std::string_view kStart = ".rtt/manifests/mcp.", kEnd = ".json";
  if (!path.starts_with(kStart) || !path.ends_with(kEnd)) return {};
  return path.substr(kStart.size(), path.size() - kStart.size() - kEnd.size());
}

Result<Digest> keep_bytes(const Workspace& workspace, const std::string& bytes) {
  if (bytes.size() > limits::kManifestBytesMax) {
    return fail(Code::kLimit, fmt::format("a manifest or its signatures of {} bytes; {} are the most",
                                          bytes.size(), limits::kManifestBytesMax));
  }
  const Digest digest = crypto::sha256(bytes);
  RTT_TRY(os::make_directories(workspace.dot("wal/accepted")));
  RTT_TRY(os::write_once(bytes_path(workspace, digest), bytes, {.mode = 0444}));
  return digest;
}

Result<apply::AcceptedState> accepted_now(const Workspace& workspace, const std::string& path,
                                          Edited edited) {
  apply::AcceptedState state;
  RTT_TRY_SET(state.clients, clients_reach(workspace, path));
  RTT_TRY_SET(state.code, code_now(workspace, path));
  if (!os::exists(workspace.path(path))) return state;
  const auto unsigned_items = registry::items_to_sign(workspace, {path});
  if (unsigned_items && unsigned_items->empty()) {
    RTT_TRY_SET(const std::string text, os::read_file(workspace.path(path), limits::kManifestBytesMax));
    RTT_TRY_SET(state.manifest, keep_bytes(workspace, text));
    if (!os::exists(workspace.path(path + ".sig"))) return state;
    RTT_TRY_SET(const std::string list,
                os::read_file(workspace.path(path + ".sig"), limits::kManifestBytesMax));
    RTT_TRY_SET(state.signatures, keep_bytes(workspace, list));
    return state;
  }
  if (edited == Edited::kIsNone) return state;
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  const bool in_force = std::ranges::any_of(snapshot.symbols, [&](const registry::SymbolEntry& entry) {
    return entry.source == path && entry.standing != registry::Standing::kRefused;
  });
  if (!in_force) return state;
  return fail(Code::kChangedUnsigned,
              "the manifest changed since it was signed, and this would change it too", path,
              "rtt sign " + path);
}

Result<Standing> as_they_stand(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  Standing standing;
  for (apply::AcceptedChange change : changes) {
    RTT_TRY_SET(const auto manifest, digest_of(workspace.path(change.path)));
    if (manifest != change.before.manifest) {
      standing.kept.push_back(change.path);
      continue;
    }
    // The rule may have been written or taken out by hand meanwhile: what is already so needs no doing.
    const bool told = change.before.clients != change.after.clients;
    RTT_TRY_SET(change.before.clients, clients_reach(workspace, change.path));
    if (!told) change.after.clients = change.before.clients;
    const bool other_code = change.before.code != change.after.code;
    RTT_TRY_SET(change.before.code, code_now(workspace, change.path));
    if (!other_code) change.after.code = change.before.code;
    RTT_TRY_SET(change.before.signatures, digest_of(workspace.path(change.path + ".sig")));
    if (change.before.signatures) {
      RTT_TRY_SET(const std::string list,
                  os::read_file(workspace.path(change.path + ".sig"), limits::kManifestBytesMax));
      RTT_TRY_SET(change.before.signatures, keep_bytes(workspace, list));
    }
    if (change.before.manifest == change.after.manifest) change.after.signatures = change.before.signatures;
    if (change.before != change.after) standing.changes.push_back(std::move(change));
  }
  return standing;
}

// A server comes into a world where its clients may reach it, and its rule goes after it: a gateway that
// reads between two files never has one that is there and hidden, which would only change the others' names.
Status put_accepted(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  RTT_TRY(put_allowed(workspace, changes));
  for (const apply::AcceptedChange& change : changes) {
    RTT_TRY(put_file(workspace, change.path, change.after.manifest));
    RTT_TRY(put_file(workspace, change.path + ".sig", change.after.signatures));
    RTT_TRY(put_code(workspace, change.path, change.after.code));
  }
  for (const apply::AcceptedChange& change : changes) {
    // The store follows the files; where it cannot now, the next scan lets it.
    if (change.after.signatures) static_cast<void>(registry::take_signed(workspace, change.path));
  }
  return put_withdrawn(workspace, changes);
}

Status bring_in_force(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  RTT_TRY(put_accepted(workspace, changes));
  for (const apply::AcceptedChange& change : changes) {
    if (!change.after.manifest) continue;
    if (change.after.signatures) RTT_TRY(registry::take_signed(workspace, change.path));
    RTT_TRY_SET(const auto unsigned_items, registry::items_to_sign(workspace, {change.path}));
    if (!unsigned_items.empty()) {
      return fail(Code::kUnsigned, unsigned_items.front().id + " is not signed", change.path,
                  "rtt sign " + change.path);
    }
  }
  return {};
}

}  // namespace rtt::panel
