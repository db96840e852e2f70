// SPDX-License-Identifier: Apache-2.0
// KnownSnapshot: what is in force in a workspace, for who asks again and again: kept in memory with the state
// of all it was read from (source_state.h), so that asking costs a look at names and stamps, and reads no
// file of the workspace, while nothing changed. A look takes a quarter of the loading of a small workspace.
//
// A snapshot is kept where a look before the loading and one after it agree, and every stamp is so old that
// no change since the first look can have left it as it is; until then each call loads. So a change counts
// from the next call on, as with load_snapshot().
//
// Owns: the snapshot; callers share it, and it outlives the next one.   Thread: one.
// Fails: as load_snapshot().   Limits: kKnownSymbolsMax; more are loaded each time.
#pragma once

#include <memory>
#include <optional>

#include "registry/snapshot.h"
#include "registry/source_state.h"

namespace rtt::registry {

inline constexpr std::size_t kKnownSymbolsMax = 20'000;

class KnownSnapshot {
 public:
  using Shared = std::shared_ptr<const Snapshot>;

  explicit KnownSnapshot(Workspace workspace) : workspace_(std::move(workspace)) {}
  // `store`: as LoadOptions; what was imported once, and is as it was, is not imported again.
  Result<Shared> in_force(LoadOptions::Store store);

 private:
  struct Look {
    Digest state;
    std::int64_t settled_ns = 0;
  };
  [[nodiscard]] std::optional<Look> look() const;
  [[nodiscard]] bool may_keep(const Look& before, std::int64_t began_ns) const;

  Workspace workspace_;
  std::optional<ScanPlaces> places_;  // where the scan looks
  Shared known_;                      // nothing: none is kept
  Digest state_;                      // it was read from
  LoadOptions::Store store_ = LoadOptions::Store::kReadOnly;
};

}  // namespace rtt::registry
