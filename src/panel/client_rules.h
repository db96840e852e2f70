// SPDX-License-Identifier: Apache-2.0
// Client rules: the visible line of the policy that lets AI clients reach one server, written by an import
// and taken back with the server. The caller signs the file.
//
// Thread: one, blocking.   Fails: kIo, kBadJson, kChangedUnsigned.   Limits: kConfigBytesMax.
#pragma once

#include <string>
#include <vector>

#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::string_view kPolicyPath = ".rtt/policy.json";

// Fails if the policy is not as somebody signed it: what is added would sign the rest along.
Status policy_is_signed(const registry::Workspace& workspace);
// `allow rtt://client/agent/* -> rtt://NS/*/*`, a line for each rule that was not there.
Result<std::vector<std::string>> allow_clients(const registry::Workspace& workspace,
                                               const std::vector<std::string>& namespaces);
// Takes these rules out; a line for each that was there. Rules that somebody wrote otherwise stay.
Result<std::vector<std::string>> withdraw_clients(const registry::Workspace& workspace,
                                                  const std::vector<std::string>& namespaces);

}  // namespace rtt::panel
