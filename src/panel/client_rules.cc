// SPDX-License-Identifier: Apache-2.0
#include "panel/client_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "os/file.h"
#include "registry/snapshot.h"
#include "text/json.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

constexpr std::string_view kClients = "rtt://client/agent/*";

std::string all_of(const std::string& ns) { return "rtt://" + ns + "/*/*"; }

bool reaches(const Json& rule, const std::string& ns) {
  return rule.string_or("from") == kClients && rule.string_or("to") == all_of(ns);
}

Result<Json> read_policy(const Workspace& workspace) {
  const std::string path = workspace.path(kPolicyPath);
  if (!os::exists(path)) return Json(text::JsonObject{});
  RTT_TRY_SET(const std::string text, os::read_file(path, limits::kConfigBytesMax));
  return text::parse_json(text, {.source_name = kPolicyPath});
}

text::JsonArray allow_of(const Json& policy) {
  const Json* const allow = policy.find("allow");
  return allow != nullptr && allow->is_array() ? allow->as_array() : text::JsonArray{};
}

// The rest of a policy, as bytes to compare.
std::string without(Json policy, const std::vector<std::string>& namespaces) {
  text::JsonArray allow = allow_of(policy);
  std::erase_if(allow, [&](const Json& rule) {
    return std::ranges::any_of(
        namespaces, [&](const std::string& ns) { return reaches(rule, ns) && rule.as_object().size() == 2; });
  });
  policy.set("allow", Json(std::move(allow)));
  return text::canonical_json(policy);
}

PolicyChange changed(std::vector<std::string> rules, Json policy, text::JsonArray allow) {
  if (rules.empty()) return {};
  policy.set("allow", Json(std::move(allow)));
  return {.rules = std::move(rules), .text = text::to_pretty_json(policy)};
}

}  // namespace

std::string client_rule_line(const std::string& ns) {
  return fmt::format("allow {} -> {}", kClients, all_of(ns));
}

Result<bool> clients_allowed(const Workspace& workspace, const std::string& ns) {
  RTT_TRY_SET(const Json policy, read_policy(workspace));
  return std::ranges::any_of(allow_of(policy), [&](const Json& rule) { return reaches(rule, ns); });
}

Status policy_is_signed(const Workspace& workspace, const std::vector<std::string>& ours) {
  const auto snapshot = registry::load_snapshot(
      workspace, {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly});
  if (snapshot) {
    const auto at = std::ranges::find_if(snapshot->configs,
                                         [](const auto& config) { return config.path == kPolicyPath; });
    if (at == snapshot->configs.end() || at->standing == registry::Standing::kSigned ||
        at->standing == registry::Standing::kAllowedUnsigned)
      return {};
    const auto file = read_policy(workspace);
    if (file && !ours.empty() && without(*file, ours) == without(at->object, ours)) return {};
    RTT_TRY(snapshot->signers_known());  // whoever signs this instead signs what a stranger wrote
  }
  return fail(Code::kChangedUnsigned, "the policy changed since it was signed, and this would change it too",
              std::string(kPolicyPath), "rtt sign .rtt/policy.json");
}

Result<PolicyChange> allow_clients(const Workspace& workspace, const std::vector<std::string>& namespaces) {
  RTT_TRY_SET(const Json policy, read_policy(workspace));
  text::JsonArray allow = allow_of(policy);
  std::vector<std::string> added;
  for (const std::string& ns : namespaces) {
    if (std::ranges::any_of(allow, [&](const Json& rule) { return reaches(rule, ns); })) continue;
    allow.push_back(Json::object({{"from", kClients}, {"to", all_of(ns)}}));
    added.push_back(client_rule_line(ns));
  }
  return changed(std::move(added), policy, std::move(allow));
}

Result<PolicyChange> withdraw_clients(const Workspace& workspace,
                                      const std::vector<std::string>& namespaces) {
  RTT_TRY_SET(const Json policy, read_policy(workspace));
  text::JsonArray allow = allow_of(policy);
  std::vector<std::string> taken;
  for (const std::string& ns : namespaces) {
    const auto ours = [&](const Json& rule) { return reaches(rule, ns) && rule.as_object().size() == 2; };
    if (std::erase_if(allow, ours) > 0) taken.push_back(client_rule_line(ns));
  }
  return changed(std::move(taken), policy, std::move(allow));
}

}  // namespace rtt::panel
