// SPDX-License-Identifier: Apache-2.0
// merge_overlays: base items and the overlays of one provider and one environment become the items shown.
//
// The order is fixed: what the provider says of all agents, what it says of this item, what the environment
// says of all agents, what it says of this item; within each by the bytes of the files' names. So the result
// depends on the set of overlays and not on the order they are given in. An overlay fits whole or nothing is
// shown: half of one may be the half that grants.
//
// An overlay cannot rename an item. Of an MCP server it changes `native` alone, and there no key by which a
// client finds what to start (mcp::leads_elsewhere): how the server is started is RTT's own entry, which
// holds the pins and the policy, and no overlay leads around it.
//
// Thread: any (pure).
// Fails: with the overlay's file and place in `where`, the item in the message: as json_patch.h and
// item_shape.h; kLimit.
// Limits: kItemsMax items, model::kOverlaysMax overlays.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/overlay.h"
#include "views/item.h"

namespace rtt::views {

struct MergeRequest {
  std::span<const model::Overlay> overlays;  // of all providers and environments, without problems
  std::string_view provider;
  std::string_view env{};  // empty: none
};
struct Merged {
  std::vector<Item> items;               // in the order given
  std::vector<model::Problem> warnings;  // overlays for items that are not there
};
Result<Merged> merge_overlays(std::vector<Item> items, const MergeRequest& request);

}  // namespace rtt::views
