// SPDX-License-Identifier: Apache-2.0
// Policy: who may be wired to what (docs/formats/policy.md). Default deny, deny beats allow, order in the
// file is irrelevant. For `qos` and `pin` the rule with most literal parts wins, left part first; two equal
// rules that differ are an error naming both lines.
//
// Thread: any (values).   Fails: problems are listed with line:column.   Limits: kPolicyRulesMax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/contract.h"

namespace rtt::model {

// The consumer that the owner's command line acts as (`call`, `qc`).
inline constexpr std::string_view kCommandLine = "rtt://local/proc/cli@0.0.0";

struct AccessRule {
  Pattern from, to;
  std::vector<std::string> scopes;  // empty or "*" = all
  std::string where;                // "policy.json:3"
};
struct PinRule {
  Pattern from;
  Saddr to;  // a reference the provider must satisfy
  std::string where;
};
struct QosRule {
  Pattern match;
  std::optional<double> latency_ms;
  std::optional<double> throughput_qps;
  std::optional<std::int64_t> prio;
  std::string where;
};
struct FailoverRule {
  Pattern from, to_primary;
  std::vector<Saddr> targets;
  std::string health;
  std::string where;
};
struct QcRule {
  Pattern from, to;
  std::string where;
};

struct Policy {
  std::vector<AccessRule> allow, deny;
  std::vector<PinRule> pins;
  std::vector<QosRule> qos;
  std::vector<FailoverRule> failover;
  std::optional<std::vector<QcRule>> qc;  // absent: the owner's command line may
  text::Json object;                      // canonical content, `{}` when the file is absent
  std::vector<Problem> problems;
};

Policy read_policy(std::string_view text, std::string_view file);
Policy empty_policy();

struct AccessVerdict {
  bool allowed = false;
  std::string rule;  // "deny policy.json:7" | "allow policy.json:3" | "default deny"
};
AccessVerdict access(const Policy& policy, const Saddr& from, const Saddr& to);
// The pin that governs from -> to-reference, if any; kRuleConflict names both lines of a tie.
Result<const PinRule*> pin_for(const Policy& policy, const Saddr& from, const Saddr& wanted);
Result<const QosRule*> qos_for(const Policy& policy, const Saddr& provider);

}  // namespace rtt::model
