// SPDX-License-Identifier: Apache-2.0
#include "panel/approval.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "model/contract.h"
#include "os/clock.h"
#include "os/file.h"
#include "registry/identity.h"
#include "registry/object_store.h"
#include "text/json.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::string_view kAllows = "apply";

std::string how_to(const Digest& plan_id) { return "a person runs: rtt sign " + to_string(plan_id); }

Error unsigned_by(crypto::Verdict verdict, const Digest& plan_id, const std::string& path) {
  const auto error = [&](Code code, std::string_view why) {
    return Error{.code = code,
                 .message = fmt::format("the approval of plan {} {}", to_string(plan_id), why),
                 .where = path,
                 .hint = how_to(plan_id)};
  };
  if (verdict == crypto::Verdict::kRevokedSigner)
    return error(Code::kRevokedSigner, "is signed by a key that is revoked");
  if (verdict == crypto::Verdict::kBadSignature)
    return error(Code::kBadSignature, "does not verify: it was altered after it was signed");
  return error(Code::kNeedsConsent, "is not signed by this user's own key");
}

}  // namespace

std::string approval_path(const registry::Workspace& workspace, const Digest& plan_id) {
  return workspace.dot("plans/" + to_string(plan_id) + ".approval.json");
}

Result<std::string> store_approval(const registry::Workspace& workspace, const Digest& plan_id, Seq seq,
                                   const crypto::SecretKey& key) {
  Json object = Json::object({{"allow", kAllows},
                              {"at", os::rfc3339(os::wall_now())},
                              {"commit", static_cast<std::int64_t>(seq.value)},
                              {"plan", to_string(plan_id)},
                              {"workspace", workspace.root}});
  const crypto::SignRecord record =
      crypto::sign(key, crypto::SignKind::kToken, registry::object_hash(object));
  object.set("sign", model::sign_records_to_json({record}));
  const std::string path = approval_path(workspace, plan_id);
  RTT_TRY(os::write_atomic(path, text::to_pretty_json(object)));
  return path;
}

Result<Seq> read_approval(const registry::Workspace& workspace, const Digest& plan_id) {
  const std::string path = approval_path(workspace, plan_id);
  if (!os::exists(path)) {
    return fail(Code::kNeedsConsent,
                fmt::format("no person has agreed that an agent applies plan {}", to_string(plan_id)), path,
                how_to(plan_id));
  }
  RTT_TRY_SET(const std::string text, os::read_file(path, kApprovalBytesMax));
  RTT_TRY_SET(const Json object, text::parse_json(text, {.source_name = path}));
  if (!object.is_object()) return fail(Code::kBadShape, "an approval is one object", path, how_to(plan_id));
  std::vector<crypto::SignRecord> records;
  if (const Json* const sign = object.find("sign"); sign != nullptr) {
    RTT_TRY_SET(records, model::sign_records_from_json(*sign, path));
  }
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  const auto outcome = keyring.check(crypto::SignKind::kToken, registry::object_hash(object), records);
  if (outcome.verdict != crypto::Verdict::kTrusted)
    return std::unexpected(unsigned_by(outcome.verdict, plan_id, path));
  // A signer trusted for what others wrote did not agree to anything here.
  RTT_TRY_SET(const auto own, registry::own_keys(workspace.user_dir));
  if (std::ranges::find(own, outcome.signer, &registry::OwnKey::key_id) == own.end())
    return std::unexpected(unsigned_by(crypto::Verdict::kUnknownSigner, plan_id, path));
  if (object.string_or("allow") != kAllows || object.string_or("plan") != to_string(plan_id) ||
      object.string_or("workspace") != workspace.root) {
    return fail(Code::kTampered, fmt::format("the approval is not one of plan {} here", to_string(plan_id)),
                path, how_to(plan_id));
  }
  return Seq{static_cast<std::uint64_t>(std::max<std::int64_t>(0, object.int_or("commit", 0)))};
}

Status still_approved(Seq given, Seq in_force, const Digest& plan_id) {
  if (given == in_force) return {};
  return fail(Code::kStalePlan,
              fmt::format("plan {} was agreed to on commit {}, and the wiring is at {} now",
                          to_string(plan_id), given.value, in_force.value),
              {}, how_to(plan_id) + ", or plans again: rtt plan");
}

}  // namespace rtt::panel
