// SPDX-License-Identifier: Apache-2.0
// CapabilityProbe: which capability sets to list a server under, and what the lists say of each definition.
//
// As a step machine: wanted() names sets that may be listed side by side, listed() brings what the server
// gave a client with exactly one of them; when all of them came there may be more.
// Under none and under all first; where the two agree (almost every server) that is all. Else under all but
// one, for each: a definition that one capability's absence takes away needs that one. What follows from that
// is a guess until the server was listed under exactly the sets it names, so those come next; where a guess
// was wrong (either of two capabilities is enough), they are tried with each other capability added.
// server-everything takes 16 lists. A server whose lists follow no such rule keeps some of them unexplained;
// a client that meets one of those is served the pinned part of it, and no tool that was not pinned.
//
// Owns: the lists.   Thread: any (pure).   Fails: never.
// Limits: kListsMax lists of one server; then nothing more is wanted.
#pragma once

#include <optional>
#include <vector>

#include "mcp/pins/contracts.h"

namespace rtt::mcp {

class CapabilityProbe {
 public:
  static constexpr std::size_t kListsMax = 48;

  [[nodiscard]] std::vector<ClientFeatures> wanted() const;  // empty: that is all
  void listed(ClientFeatures set, const Definitions& definitions);
  void failed(ClientFeatures set);  // the server did not come up under it: nothing is known of that set

  [[nodiscard]] std::size_t lists() const { return lists_.size(); }
  [[nodiscard]] Offer offer() const;
  // Sets whose lists do not follow from the offer, or that gave none.
  [[nodiscard]] std::vector<ClientFeatures> unexplained() const;

 private:
  struct Found {  // one definition, whoever is shown it
    ItemKind kind = ItemKind::kTool;
    text::Json definition;
    std::vector<bool> in;  // by list
  };
  struct List {
    ClientFeatures set;
    bool known = true;
  };
  // What a definition's presence in the lists says, and the sets whose lists would confirm it.
  struct Reading {
    ClientNeeds client;
    std::vector<ClientFeatures> wanted;
  };

  [[nodiscard]] const List* list_under(ClientFeatures set) const;
  [[nodiscard]] bool present(const Found& found, const List& list) const;
  [[nodiscard]] std::optional<bool> present(const Found& found, ClientFeatures set) const;
  [[nodiscard]] bool depends() const;
  [[nodiscard]] Reading read(const Found& found) const;
  void guess(const Found& found, bool presence, std::vector<ClientFeatures>& sets,
             std::vector<ClientFeatures>& wanted) const;

  std::vector<List> lists_;
  std::vector<Found> found_;
};

}  // namespace rtt::mcp
