// SPDX-License-Identifier: Apache-2.0
// The one table-driven reader behind manifests, Markdown documents and stored objects.
//
// Thread: any.   Fails: problems go into the Document; an entry with an error yields nothing.
#pragma once

#include <optional>
#include <string_view>

#include "model/contract.h"
#include "model/document.h"

namespace rtt::model {

inline constexpr std::string_view kContractSchema = "https://rtt/spec/v1";
inline constexpr std::string_view kAgentSchema = "https://rtt/spec/agent/v1";
inline constexpr std::string_view kSkillSchema = "https://rtt/spec/skill/v1";

// One `{"$schema","symbol",…}`; `schema` stands in for a missing $schema (an entry of `contracts` inherits
// it).
std::optional<Contract> read_entry(Document& document, text::Json entry, std::string_view pointer,
                                   std::string_view schema);

// The `qos` object of a contract, a rule or a route.
Qos read_qos(Document& document, const text::Json& qos, std::string_view pointer);

}  // namespace rtt::model
