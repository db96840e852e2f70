// SPDX-License-Identifier: Apache-2.0
// PrivateView: a tree over a project for this process and what it starts, with nothing of it in the project.
//
// Each part of the tree (placement.h) is mounted where a link to it would be placed: the project stays the
// real one everywhere else, so edits, new files, renames and hard links are the project's, from inside and
// outside at once. Where a name is missing a placeholder holds it (placeholders.h), and every mount but one
// lies on such a placeholder, so nothing of the project is ever covered and none of it outlives the run. The
// one is git's list of excluded files, with the view's names added, so that `git add` in the view takes none
// of them.
//
// What is there and not ours is kept. What `rtt view mount` placed stays as well: it is the same, or told.
//
// Owns: a PrivateLook, its texts.   Thread: the only one of the process.
// Fails: as os/private_mounts.h, placeholders.h; kLimit.   Limits: kPrivateMountsMax, kPlaceholdersMax.
#pragma once

#include <string>
#include <vector>

#include "os/private_mounts.h"
#include "views/placeholders.h"
#include "views/placement.h"
#include "views/provider.h"
#include "views/tree_store.h"

namespace rtt::views {

struct PrivateAsk {
  std::string root;  // the project, real
  TreeStore store;   // beside which it is remembered what `rtt view mount` placed
  const Provider& provider;
  const Tree& tree;
};
struct PrivateLook {
  std::vector<std::string> shown;  // sorted: files, and folders with all that is in them
  std::vector<Kept> kept;
  std::vector<std::string> mounted;  // of `shown` what is not there already, sorted
  std::vector<Held> needed;          // parents before what is in them
};
Result<PrivateLook> look_privately(const PrivateAsk& ask, const Placeholders& held);

// From here on this process sees it. REQUIRES: one thread; held.start_guard().
Result<PrivateLook> enter_private_view(const PrivateAsk& ask, Placeholders& held);

}  // namespace rtt::views
