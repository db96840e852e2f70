// SPDX-License-Identifier: Apache-2.0
#include "plan/catalogue.h"

#include <algorithm>
#include <string>

namespace rtt::plan {

using model::Contract;
using model::Saddr;

int compare_symbol(const Saddr& a, const Saddr& b) {
  if (const int by_namespace = a.ns.compare(b.ns); by_namespace != 0) return by_namespace < 0 ? -1 : 1;
  if (a.type != b.type) return model::to_string(a.type) < model::to_string(b.type) ? -1 : 1;
  const int by_name = a.name.compare(b.name);
  return by_name < 0 ? -1 : by_name > 0 ? 1 : 0;
}

Saddr bare(const Saddr& saddr) {
  Saddr out = saddr;
  out.range.reset();
  out.caps.clear();
  out.io.reset();
  return out;
}

std::string symbol_name(const Saddr& saddr) {
  Saddr out = bare(saddr);
  out.version.reset();
  out.variant.clear();
  return model::to_string(out);
}

Result<Catalogue> Catalogue::of(const std::vector<Contract>& contracts) {
  Catalogue out;
  out.sorted_.reserve(contracts.size());
  for (const Contract& contract : contracts) out.sorted_.push_back(&contract);
  const auto order = [](const Contract* a, const Contract* b) {
    if (const int symbols = compare_symbol(a->saddr, b->saddr); symbols != 0) return symbols < 0;
    const auto by_address = model::canonical_order(a->saddr, b->saddr);
    return by_address != 0 ? by_address < 0 : a->hash < b->hash;
  };
  std::sort(out.sorted_.begin(), out.sorted_.end(), order);
  for (std::size_t i = 1; i < out.sorted_.size(); ++i) {
    const Contract& before = *out.sorted_[i - 1];
    const Contract& here = *out.sorted_[i];
    if (model::canonical_order(before.saddr, here.saddr) != 0 || before.hash == here.hash) continue;
    return fail(Code::kDuplicateDefinition,
                "two contracts define " + model::identity(here.saddr) + " (" + rtt::to_string(before.hash) +
                    ", " + rtt::to_string(here.hash) + ")",
                model::identity(here.saddr), "keep one, or give one of them another version");
  }
  const auto same = [](const Contract* a, const Contract* b) {
    return a->hash == b->hash && model::canonical_order(a->saddr, b->saddr) == 0;
  };
  out.sorted_.erase(std::unique(out.sorted_.begin(), out.sorted_.end(), same), out.sorted_.end());
  return out;
}

std::span<const Contract* const> Catalogue::symbol(const Saddr& wanted) const {
  const auto first = std::partition_point(sorted_.begin(), sorted_.end(), [&](const Contract* contract) {
    return compare_symbol(contract->saddr, wanted) < 0;
  });
  const auto last = std::partition_point(first, sorted_.end(), [&](const Contract* contract) {
    return compare_symbol(contract->saddr, wanted) == 0;
  });
  return {first, last};
}

const Contract* Catalogue::exact(const Saddr& definition) const {
  if (!definition.version) return nullptr;
  for (const Contract* contract : symbol(definition)) {
    if (contract->saddr.version == definition.version && contract->saddr.variant == definition.variant)
      return contract;
  }
  return nullptr;
}

std::string nearest_words(const Catalogue& catalogue, const Saddr& wanted) {
  std::vector<std::string> names;
  for (const Contract* contract : catalogue.all()) {
    std::string name = symbol_name(contract->saddr);
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  const auto found = model::nearest(symbol_name(wanted), names);
  return found ? "; nearest: " + *found : std::string();
}

}  // namespace rtt::plan
