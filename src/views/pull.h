// SPDX-License-Identifier: Apache-2.0
// pull: an edit of a provider's own file as a change of the item that the file was made of.
//
// A client's file says less than the item: members have no place there, lists keep no versions, and overlays
// have changed it before it was written. So what counts is not what the file says but what became different
// in it: the file as it was shown and as it is now, both as decode() reads them, are compared member by
// member, and only that is put into the item. Entries of lists that stay keep what the client was not told of
// them. Three things are refused rather than guessed: a member that both the file and the workspace, or
// another client's file, changed; one that an overlay says for this provider; and whatever would not be shown
// again as it was edited.
//
// Thread: any (pure).   Fails: kEditConflict, with the member's pointer in `where`; as `overlaid`.
// Limits: the items'.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "views/item.h"
#include "views/provider.h"

namespace rtt::views {

struct PullRequest {
  const Provider& provider;
  const Item* source = nullptr;  // as the workspace has it, without overlays; none: no item of that name
  const Item* shown = nullptr;   // as the file read when it was shown; none: no such file was shown
  const Item& edited;            // as it reads now
  // Of the source, what edits of other files changed in it before, by member, and those files.
  std::map<std::string, std::string> others{};
  std::function<Result<Item>(const Item&)> overlaid;  // a source with the overlays that count there
};
struct Pulled {
  Item item;  // the source with the edit in it
  std::vector<std::string>
      members;  // what it changes: /tools, /native/claude/color, /files/a.sh; "": all new
};
// Nothing changed, or the workspace says it already: no members.
Result<Pulled> pull(const PullRequest& request);

}  // namespace rtt::views
