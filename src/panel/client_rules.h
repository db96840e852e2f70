// SPDX-License-Identifier: Apache-2.0
// Client rules: the visible line of the policy that lets AI clients reach one server, added by an import and
// taken back with the server. The caller writes the file and signs it.
//
// Thread: one, blocking.   Fails: kIo, kBadJson, kChangedUnsigned, kUnknownSigner.   Limits: kConfigBytesMax.
#pragma once

#include <string>
#include <vector>

#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::string_view kPolicyPath = ".rtt/policy.json";

// Fails if the policy is not as somebody signed it: what is added would sign the rest along.
// The rules of `ours` may be in it or not, signed or not.
Status policy_is_signed(const registry::Workspace& workspace, const std::vector<std::string>& ours = {});
std::string client_rule_line(const std::string& ns);  // allow rtt://client/agent/* -> rtt://NS/*/*
Result<bool> clients_allowed(const registry::Workspace& workspace, const std::string& ns);
struct PolicyChange {
  std::vector<std::string> rules;  // `allow rtt://client/agent/* -> rtt://NS/*/*`, a line for each changed
  std::string text;                // of the whole file as it would be; empty if no rule changed
};
// With the rules that were not there.
Result<PolicyChange> allow_clients(const registry::Workspace& workspace,
                                   const std::vector<std::string>& namespaces);
// Without these rules. Rules that somebody wrote otherwise stay.
Result<PolicyChange> withdraw_clients(const registry::Workspace& workspace,
                                      const std::vector<std::string>& namespaces);

}  // namespace rtt::panel
