// SPDX-License-Identifier: Apache-2.0
// Catalogue: the contracts in force, in canonical order, found by symbol or by exact definition.
//
// The order in which contracts were given ends here: every later pass sees them only through this sorted
// view. All definitions of one symbol (namespace, type, name) are neighbours, so a lookup is a binary search.
//
// Owns: pointers into the contracts given, which outlive it.   Thread: any, as const.
// Fails: kDuplicateDefinition when two different contracts claim one definition.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "model/contract.h"

namespace rtt::plan {

class Catalogue {
 public:
  static Result<Catalogue> of(const std::vector<model::Contract>& contracts);

  // Every definition with the namespace, type and name of `wanted`, lowest version first.
  [[nodiscard]] std::span<const model::Contract* const> symbol(const model::Saddr& wanted) const;
  // The very definition (version and variant), or nullptr.
  [[nodiscard]] const model::Contract* exact(const model::Saddr& definition) const;
  [[nodiscard]] const std::vector<const model::Contract*>& all() const { return sorted_; }

 private:
  std::vector<const model::Contract*> sorted_;
};

// The address without what is no part of a definition's identity (range, caps, io): how graphs name
// endpoints.
model::Saddr bare(const model::Saddr& saddr);
// -1, 0, 1 by namespace, type, name.
int compare_symbol(const model::Saddr& a, const model::Saddr& b);
// "rtt://ns/type/name", for messages and keys.
std::string symbol_name(const model::Saddr& saddr);
// "; nearest: rtt://…", from the catalogue's providers of the same kind, or empty.
std::string nearest_words(const Catalogue& catalogue, const model::Saddr& wanted);

}  // namespace rtt::plan
