// SPDX-License-Identifier: Apache-2.0
// Filters: the table of questions a definition has to pass to be a candidate (docs/design/002-planner.md).
//
// Each filter looks at one wish and one definition and knows nothing of the others, so the table can be run
// in order (for the losers' reasons) or in full (for the smallest conflict). Adding a rule is adding a row.
//
// Thread: any (pure functions).   Fails: a filter by its Refusal; effective_qos with kRuleConflict.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "plan/expand.h"

namespace rtt::plan {

struct Question {
  const Inputs& inputs;
  const Wanted& wanted;
  const model::PinRule* pin = nullptr;  // that governs the wish, if any
};
struct Refusal {
  std::string why;             // one sentence
  std::string where;           // file:line of the deciding rule; empty: the wish itself
  std::optional<Code> code{};  // when it is not the filter's own
};
struct Filter {
  std::string_view rule;
  Code code;
  std::optional<Refusal> (*check)(const Question& question, const model::Contract& provider);
};
std::span<const Filter> filters();

// The class of the route if the two may be joined at all, else why not.
std::expected<model::RouteClass, std::string> route_class(const Wanted& wanted,
                                                          const model::Contract& provider);
// What the route grants: what was asked for, else what both name, else all the provider offers.
std::vector<std::string> granted_caps(const Wanted& wanted, const model::Contract& provider);
// The rule of policy.json over the stricter of what the two contracts say.
Result<model::Qos> effective_qos(const Inputs& inputs, const Wanted& wanted, const model::Contract& provider);
// Range ∩ the provider's versions ∩ the consumer's version_set; `consumer` may be nullptr.
[[nodiscard]] bool versions_meet(const model::Saddr& reference, const model::Contract& provider,
                                 const model::Contract* consumer);

}  // namespace rtt::plan
