// SPDX-License-Identifier: Apache-2.0
// Verbs that make a workspace and decide who is trusted in it: init, sign, keys.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/hex.h"
#include "os/file.h"
#include "panel/events.h"
#include "panel/planning.h"
#include "panel/rows.h"
#include "panel/sign_preview.h"
#include "panel/workbench.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::SignItem;
using registry::Workspace;
using text::Json;

Json signed_rows(const std::vector<SignItem>& items) {
  Json rows = text::JsonArray{};
  for (const SignItem& item : items) {
    const char* key = item.kind == SignItem::Kind::kConfig ? "path" : "saddr";
    rows.push(Json::object({{key, item.id},
                            {"hash", to_string(item.hash)},
                            {"supersedes", item.supersedes ? Json(to_string(*item.supersedes)) : Json()}}));
  }
  return rows;
}

enum class Missing : std::uint8_t { kMake, kRefuse };

// The key that signs, its public half beside the workspace's other keys. Only `init` makes one.
Result<crypto::SecretKey> signing_key(const Workspace& workspace, Missing missing) {
  if (missing == Missing::kMake && !registry::has_own_key(workspace.user_dir)) {
    RTT_TRY_SET(const std::string made, registry::create_own_key(workspace.user_dir, "rtt"));
    static_cast<void>(made);
  }
  RTT_TRY_SET(crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY(registry::publish_key(workspace, key.public_key(), "rtt"));
  return key;
}

// What is still wrong after signing. A configuration file that nobody could read could not be signed either,
// so the verb has not done all it was asked to.
void report_rest(const Workspace& workspace, const std::vector<std::string>& paths, Json& body) {
  Json problems = text::JsonArray{};
  const auto snapshot = registry::load_snapshot(workspace);
  if (snapshot) {
    for (const model::Problem& problem : snapshot->problems) {
      if (names_file(paths, problem.file)) problems.push(model::to_json(problem));
    }
    const auto bad = unreadable_config(*snapshot);
    if (bad && names_file(paths, bad->where.substr(0, bad->where.find(':'))))
      body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  } else {
    problems.push(model::to_json(model::problem_from(snapshot.error(), "")));
    body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  }
  body.set("problems", std::move(problems));
}

Result<Workspace> workspace_to_make(const Turn& turn) {
  RTT_TRY_SET(std::string root, os::real_path(turn.ask.directory));
  return Workspace{.root = std::move(root), .user_dir = registry::user_directory()};
}

Result<SignParts> parts_to_sign(const Workspace& workspace, const std::vector<std::string>& paths) {
  RTT_TRY_SET(auto items, registry::items_to_sign(workspace, paths));
  RTT_TRY_SET(const auto keys, registry::list_keys(workspace));
  return parts_of(std::move(items), keys);
}

// What another key signed and nobody here accepted is not signed over: the key is the question.
Json left_rows(const std::vector<Foreign>& foreign) {
  Json rows = text::JsonArray{};
  for (const Foreign& one : foreign) {
    for (const SignItem& item : one.items) {
      rows.push(model::to_json(model::Problem{
          .severity = model::Severity::kWarning,
          .file = item.path,
          .code = Code::kUnknownSigner,
          .message = fmt::format("{} is signed by {}, a key not accepted here, and was left as it is",
                                 item.id, one.key_id),
          .hint = one.file.empty() ? "rtt sign " + item.path : "rtt keys trust " + one.key_id}));
    }
  }
  return rows;
}

Result<std::vector<std::string>> init_will(const Workspace& workspace) {
  std::vector<std::string> will;
  if (!os::is_directory(workspace.dot("")))
    will.push_back("create " + workspace.dot("") +
                   " with its default policy: only your own command line may call");
  if (!registry::has_own_key(workspace.user_dir))
    will.push_back("create your signing key in " + workspace.user_dir + "/keys");
  RTT_TRY_SET(const SignParts parts, parts_to_sign(workspace, {}));
  for (std::string& line : describe(parts.own)) will.push_back(std::move(line));
  for (const Foreign& foreign : parts.foreign) {
    for (std::string& line : describe(foreign, "leave")) will.push_back(std::move(line));
  }
  return will;
}

}  // namespace

Result<Json> verb_init(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, workspace_to_make(turn));
  if (turn.consent() == Turn::Consent::kShow) {
    RTT_TRY_SET(const auto will, init_will(workspace));
    if (!will.empty()) {
      return asking("Make this an RTT workspace?", will, Json::object({{"workspace", workspace.root}}));
    }
  }
  RTT_TRY_SET(const auto created, registry::create_workspace(workspace));
  RTT_TRY_SET(const crypto::SecretKey key, signing_key(workspace, Missing::kMake));
  RTT_TRY_SET(const SignParts parts, parts_to_sign(workspace, {}));
  RTT_TRY(registry::sign_items(workspace, parts.own, key));
  Json paths = text::JsonArray{};
  for (const std::string& path : created) paths.push(path);
  Json names = text::JsonArray{};
  for (const SignItem& item : parts.own) names.push(item.id);
  return Json::object({{"created", std::move(paths)},
                       {"key_id", crypto::key_id(key.public_key())},
                       {"problems", left_rows(parts.foreign)},
                       {"signed", std::move(names)},
                       {"workspace", workspace.root}});
}

Result<Json> verb_sign(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  if (std::ranges::any_of(turn.list("paths"), names_plan)) return sign_plans(turn, workspace);
  RTT_TRY_SET(std::vector<std::string> paths, turn.files(workspace, "paths"));
  if (std::ranges::find(paths, "") != paths.end()) paths.clear();
  RTT_TRY_SET(auto parts, parts_to_sign(workspace, paths));
  std::vector<SignItem> items = std::move(parts.own);
  if (!paths.empty()) {  // named: signing over another's signature is then what is asked for, and shown
    for (Foreign& foreign : std::exchange(parts.foreign, {}))
      std::ranges::move(foreign.items, std::back_inserter(items));
  }
  if (turn.consent() == Turn::Consent::kShow && !items.empty()) {
    return asking(fmt::format("Sign {} object{}?", items.size(), items.size() == 1 ? "" : "s"),
                  describe(items));
  }
  RTT_TRY_SET(const crypto::SecretKey key, signing_key(workspace, Missing::kRefuse));
  RTT_TRY(registry::sign_items(workspace, items, key));
  Json body = Json::object({{"key_id", crypto::key_id(key.public_key())}, {"signed", signed_rows(items)}});
  report_rest(workspace, paths, body);
  const Json left = left_rows(parts.foreign);
  if (!left.as_array().empty()) {
    Json problems = body.find("problems") != nullptr ? *body.find("problems") : Json(text::JsonArray{});
    for (const Json& row : left.as_array()) problems.push(row);
    body.set("problems", std::move(problems));
  }
  return body;
}

Result<Json> verb_keys_new(const Turn& turn) {
  const std::string user_dir = registry::user_directory();
  const std::string label = turn.text("label").empty() ? "rtt" : turn.text("label");
  RTT_TRY_SET(const std::string id, registry::create_own_key(user_dir, label));
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(user_dir));
  if (const auto workspace = turn.workspace()) {
    RTT_TRY(registry::publish_key(*workspace, key.public_key(), label));
  }
  return Json::object({{"file", user_dir + "/keys/" + id + ".key"},
                       {"key_id", id},
                       {"label", label},
                       {"public", to_base64(key.public_key().bytes)}});
}

namespace {

// One's own keys are there outside any workspace too.
Result<std::vector<registry::KeyInfo>> keys_known(const Turn& turn) {
  const auto workspace = turn.workspace();
  if (workspace) return registry::list_keys(*workspace);
  if (workspace.error().code != Code::kNoWorkspace) return std::unexpected(workspace.error());
  RTT_TRY_SET(const auto own, registry::own_keys(registry::user_directory()));
  std::vector<registry::KeyInfo> keys;
  for (const registry::OwnKey& key : own) {
    keys.push_back({.key_id = key.key_id,
                    .label = key.label,
                    .key = key.key,
                    .own = true,
                    .accepted = true,
                    .revoked = false,
                    .file = {}});
  }
  return keys;
}

}  // namespace

Result<Json> verb_keys_ls(const Turn& turn) {
  RTT_TRY_SET(const auto keys, keys_known(turn));
  Json rows = text::JsonArray{};
  for (const auto& key : keys) {
    rows.push(Json::object({{"accepted", key.accepted},
                            {"file", key.file},
                            {"key_id", key.key_id},
                            {"label", key.label},
                            {"own", key.own},
                            {"revoked", key.revoked}}));
  }
  return Json::object({{"keys", filtered(std::move(rows), turn.text("filter"))}});
}

namespace {

// KEY as a person writes it: a key id, its unique beginning, or a .pub file of the workspace.
Result<registry::KeyInfo> named_key(const Workspace& workspace, const std::string& word) {
  RTT_TRY_SET(const auto keys, registry::list_keys(workspace));
  std::vector<registry::KeyInfo> found;
  for (const auto& key : keys) {
    const bool by_file =
        !key.file.empty() && word.ends_with(".pub") &&
        (key.file.ends_with("/" + word) || key.file == word || word.ends_with("/" + key.file));
    if (by_file || key.key_id.starts_with(word)) found.push_back(key);
  }
  if (found.empty())
    return fail(Code::kNotFound, fmt::format("no key `{}` in this workspace", word), {}, "rtt keys ls");
  if (found.size() > 1) {
    return fail(Code::kAmbiguous, fmt::format("{} keys begin with `{}`", found.size(), word), {},
                "rtt keys ls");
  }
  return found.front();
}

}  // namespace

Result<Json> verb_keys_trust(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto key, named_key(workspace, turn.text("key")));
  Json body = Json::object({{"changed", false}, {"key_id", key.key_id}, {"label", key.label}});
  if (key.own || key.accepted) return body;
  if (key.revoked) {
    return fail(Code::kRevokedSigner,
                fmt::format("key {} is revoked here and cannot be trusted again", key.key_id), key.file,
                "rtt keys ls");
  }
  if (turn.consent() == Turn::Consent::kShow) {
    return asking("Trust this key here?", {fmt::format("accept what {} \"{}\" ({}) signs in this repository",
                                                       key.key_id, key.label, key.file)});
  }
  RTT_TRY(registry::accept_key(workspace, key.key_id));
  RTT_TRY(record_event(workspace, {"keys_trust", fmt::format("{} \"{}\"", key.key_id, key.label)}));
  body.set("changed", true);
  return body;
}

Result<Json> verb_keys_revoke(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto key, named_key(workspace, turn.text("key")));
  Json body = Json::object({{"changed", false}, {"key_id", key.key_id}, {"label", key.label}});
  if (key.revoked) return body;
  if (turn.consent() == Turn::Consent::kShow) {
    return asking("Revoke this key?",
                  {fmt::format("nothing signed by {} \"{}\" alone counts any more, for everybody "
                               "who shares this folder",
                               key.key_id, key.label)});
  }
  RTT_TRY(registry::revoke_key(workspace, key.key_id, turn.text("reason")));
  RTT_TRY(record_event(workspace, {"keys_revoke", fmt::format("{} \"{}\"", key.key_id, key.label)}));
  body.set("changed", true);
  return body;
}

}  // namespace rtt::panel
