// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/capability_probe.h"

#include <algorithm>

#include "mcp/pins/pin.h"

namespace rtt::mcp {
namespace {

using text::Json;

// A resource's size and time of change differ from one start to the next, for any client.
bool same_definition(ItemKind kind, const Json& a, const Json& b) {
  if (kind == ItemKind::kResource || kind == ItemKind::kTemplate)
    return key_of(kind, a) == key_of(kind, b) &&
           compare_definition(kind, a, b).state != PinState::kContractDrift;
  return a == b;
}

}  // namespace

const CapabilityProbe::List* CapabilityProbe::list_under(ClientFeatures set) const {
  const auto at = std::ranges::find(lists_, set, &List::set);
  return at == lists_.end() ? nullptr : &*at;
}

bool CapabilityProbe::present(const Found& found, const List& list) const {
  return found.in[static_cast<std::size_t>(&list - lists_.data())];
}

std::optional<bool> CapabilityProbe::present(const Found& found, ClientFeatures set) const {
  const List* const list = list_under(set);
  if (list == nullptr || !list->known) return std::nullopt;
  return present(found, *list);
}

void CapabilityProbe::listed(ClientFeatures set, const Definitions& definitions) {
  lists_.push_back({.set = set});
  for (Found& found : found_) found.in.resize(lists_.size(), false);
  for (const ItemKind kind : kItemKinds) {
    for (const Json& definition : list_of(definitions, kind)) {
      auto at = std::ranges::find_if(found_, [&](const Found& found) {
        // One that stands twice in one list stays two, to be refused.
        return found.kind == kind && !found.in.back() && same_definition(kind, found.definition, definition);
      });
      if (at == found_.end()) {
        found_.push_back({.kind = kind, .definition = definition, .in = {}});
        at = std::prev(found_.end());
        at->in.resize(lists_.size(), false);
      }
      at->in.back() = true;
    }
  }
}

void CapabilityProbe::failed(ClientFeatures set) {
  lists_.push_back({.set = set, .known = false});
  for (Found& found : found_) found.in.resize(lists_.size(), false);
}

bool CapabilityProbe::depends() const {
  return std::ranges::any_of(found_, [&](const Found& found) {
    return present(found, ClientFeatures{}) != present(found, all_client_features());
  });
}

// The smallest sets under which `found` is (or is not) listed: those seen, and the one that leaving out each
// capability from all of them points to. Where that one turned out wrong, it with each other added is wanted.
void CapabilityProbe::guess(const Found& found, bool presence, std::vector<ClientFeatures>& sets,
                            std::vector<ClientFeatures>& wanted) const {
  const ClientFeatures all = all_client_features();
  if (present(found, all) == presence) {
    ClientFeatures guessed;
    for (std::size_t i = 0; i < kClientFeatureCount; ++i) {
      if (present(found, without_feature(all, i)) == !presence) guessed = guessed | client_feature(i);
    }
    const auto seen = present(found, guessed);
    if (!seen) {
      sets.push_back(guessed);
      wanted.push_back(guessed);
    } else if (*seen != presence) {
      for (std::size_t i = 0; i < kClientFeatureCount; ++i) wanted.push_back(guessed | client_feature(i));
    }
  }
  sets = minimal_sets(std::move(sets));
}

CapabilityProbe::Reading CapabilityProbe::read(const Found& found) const {
  Reading out;
  const bool plain = present(found, ClientFeatures{}).value_or(false);
  if (!plain) {
    for (const List& list : lists_) {
      if (list.known && present(found, list)) out.client.needs.push_back(list.set);
    }
    guess(found, true, out.client.needs, out.wanted);
  }
  std::vector<ClientFeatures> without;
  for (const List& list : lists_) {
    if (list.known && !present(found, list) && out.client.met_by(list.set)) without.push_back(list.set);
  }
  if (!without.empty()) guess(found, false, without, out.wanted);
  out.client.unless = std::move(without);
  return out;
}

std::vector<ClientFeatures> CapabilityProbe::wanted() const {
  const ClientFeatures all = all_client_features();
  std::vector<ClientFeatures> out;
  const auto want = [&](ClientFeatures set) {
    if (!list_under(set) && std::ranges::find(out, set) == out.end() &&
        lists_.size() + out.size() < kListsMax)
      out.push_back(set);
  };
  want(ClientFeatures{});
  want(all);
  if (!out.empty() || !list_under(all)->known || !depends()) return out;
  for (std::size_t i = 0; i < kClientFeatureCount; ++i) want(without_feature(all, i));
  if (!out.empty()) return out;
  for (const Found& found : found_) {
    for (const ClientFeatures set : read(found).wanted) want(set);
  }
  return out;
}

Offer CapabilityProbe::offer() const {
  Offer out;
  for (const Found& found : found_) {
    ClientNeeds client = read(found).client;
    if (client.unless.size() > ClientNeeds::kSetsMax) continue;  // no rule that anybody could review
    if (client.needs.size() > ClientNeeds::kSetsMax) client.needs.resize(ClientNeeds::kSetsMax);
    out.push_back({.kind = found.kind, .definition = found.definition, .client = std::move(client)});
  }
  sort_offer(out);
  return out;
}

std::vector<ClientFeatures> CapabilityProbe::unexplained() const {
  std::vector<ClientFeatures> out;
  for (const List& list : lists_) {
    const bool explained = list.known && std::ranges::all_of(found_, [&](const Found& found) {
                             return read(found).client.met_by(list.set) == present(found, list);
                           });
    if (!explained) out.push_back(list.set);
  }
  return out;
}

}  // namespace rtt::mcp
