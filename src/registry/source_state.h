// SPDX-License-Identifier: Apache-2.0
// SourceState: whether what load_snapshot() would read here is what it was, told without reading it.
//
// As git's index does: from the names of the files and their stamps (device, inode, size, times). It covers
// all that decides a snapshot, and what lies beside a skill: the files the scan wants, the configuration, the
// signature beside each, the store of signed objects, and whose keys count. Of the store it is the folders
// that are looked at, so that an object which is written over in place is found where it is read, by its
// hash, as git finds one. Equal digests mean equal snapshots, with one care. A file that is written twice
// within one tick of its file system's clock keeps its stamp if its size stays; so a state counts only where
// every stamp is older than the look before the reading by more than a tick (settled_ns). What is written
// through a mapping changes its time when the page is first written after it was saved, so a program that
// keeps a mapping open can be missed, as by git.
//
// Thread: one.   Units: wall time in ns.   Fails: as the scan and the configuration's list.
// Limits: theirs; kItemEntriesMax entries beside a skill.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "crypto/sha256.h"
#include "model/config.h"
#include "registry/workspace.h"

namespace rtt::os {
struct FileStamp;
}

namespace rtt::registry {

// Names and stamps into one digest.
class StateHash {
 public:
  StateHash();
  void add(std::string_view name);
  void add(std::string_view name, const os::FileStamp& stamp);
  Digest finish();
  // From then on no change can leave all the stamps as they are.
  [[nodiscard]] std::int64_t settled_ns() const { return settled_ns_; }

 private:
  crypto::Sha256 hash_;
  std::uint64_t device_ = 0;  // of the first file; others' clocks may be coarser than they look
  std::int64_t settled_ns_ = 0;
};

// Where the scan looks as panel.yaml is written, whether or not that is in force.
struct ScanPlaces {
  std::vector<std::string> roots, ignore;
  friend bool operator==(const ScanPlaces&, const ScanPlaces&) = default;
};
ScanPlaces scan_places(const model::PanelConfig& panel);
ScanPlaces scan_places_written(const Workspace& workspace);

Status add_source_state(const Workspace& workspace, const ScanPlaces& places, StateHash& state);

// How far the clock of the workspace's file system is ahead of ours: a file of its cache is written to see.
Result<std::int64_t> clock_offset_ns(const Workspace& workspace);

}  // namespace rtt::registry
