// SPDX-License-Identifier: Apache-2.0
#include "registry/source_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "model/limits.h"
#include "os/dir.h"
#include "os/parallel.h"
#include "registry/config_files.h"
#include "registry/identity.h"
#include "registry/store_names.h"
#include "registry/trust.h"
#include "scan/walk.h"

namespace rtt::registry {
namespace {

constexpr std::int64_t kTickNs = 50'000'000;  // five of the slowest kernel's
// File systems that keep seconds, or two; and those of which nothing is known.
constexpr std::int64_t kCoarseTickNs = 2'000'000'000;
constexpr std::size_t kItemEntriesMax = 2000;  // no skill may have more

// Entries in the order in which they count, looked at together.
class Looks {
 public:
  void add(std::string name, std::string path) {
    names_.push_back(std::move(name));
    paths_.push_back(std::move(path));
  }
  void add(const std::string& path) { add(path, path); }
  // An entry and the signatures beside it.
  void add_signed(const std::string& path) {
    add(path);
    add("", path + ".sig");
  }
  void into(const os::Folder& folder, StateHash& state) const {
    std::vector<os::FileStamp> found(paths_.size());
    os::in_parallel(paths_.size(), [&](std::size_t i) { found[i] = folder.stamp_of(paths_[i]); });
    for (std::size_t i = 0; i < paths_.size(); ++i) state.add(names_[i], found[i]);
  }

 private:
  std::vector<std::string> names_, paths_;
};

Status add_beside(const Workspace& workspace, const std::string& folder, Looks& looks) {
  const std::string prefix = folder.empty() ? folder : folder + "/";
  RTT_TRY_SET(const os::WalkStats stats,
              os::walk(workspace.path(folder), {.entries_max = kItemEntriesMax}, [&](const os::Entry& entry) {
                if (entry.name == ".git") return os::Visit::kSkip;
                looks.add(prefix + std::string(entry.path));
                return os::Visit::kContinue;
              }));
  if (stats.errors > 0 || stats.truncated)
    return fail(Code::kLimit, "a skill's folder cannot be seen whole", folder);
  return {};
}

Status add_scanned(const Workspace& workspace, const ScanPlaces& places, StateHash& state, Looks& looks) {
  constexpr std::string_view kSkill = "SKILL.md";
  RTT_TRY_SET(
      const scan::Listing listing,
      scan::list_candidates({.root = workspace.root, .roots = places.roots, .ignore = places.ignore}));
  for (const scan::Wanted& wanted : listing.wanted) {
    looks.add_signed(wanted.path);
    const std::size_t name = wanted.path.rfind('/') + 1;
    if (std::string_view(wanted.path).substr(name) != kSkill) continue;
    RTT_TRY(add_beside(workspace, wanted.path.substr(0, name == 0 ? 0 : name - 1), looks));
  }
  for (const model::Problem& problem : listing.problems) state.add(model::to_string(problem));
  state.add(std::to_string(listing.files_seen));
  return {};
}

// Its folders, not each of its files: they are never written in place, and what is read of them is checked,
// by its name or by its signature.
Status add_store(const Workspace& workspace, Looks& looks) {
  constexpr std::string_view kStore = ".rtt/registry/cas/sha256";
  RTT_TRY_SET(const std::vector<std::string> folders, list_store_folders(workspace.cas()));
  looks.add(std::string(kStore));
  for (const std::string& folder : folders) looks.add(fmt::format("{}/{}", kStore, folder));
  looks.add("index", ".rtt/registry/index.json");
  return {};
}

// As they were read, for they lie on other file systems too and are few.
Status add_keys(const Workspace& workspace, StateHash& state) {
  RTT_TRY_SET(const std::vector<KeyInfo> keys, list_keys(workspace));
  for (const KeyInfo& key : keys) {
    state.add(key.label);
    state.add(key.file);
    state.add({reinterpret_cast<const char*>(key.key.bytes.data()), key.key.bytes.size()});
    state.add(std::string{key.own ? 'o' : '-', key.accepted ? 'a' : '-', key.revoked ? 'r' : '-'});
  }
  RTT_TRY_SET(const std::vector<std::string> revoked, revoked_keys(workspace));
  for (const std::string& id : revoked) state.add(id);
  RTT_TRY_SET(const PublishedKeys published, published_keys(workspace));
  for (const model::Problem& problem : published.problems) state.add(model::to_string(problem));
  return {};
}

}  // namespace

StateHash::StateHash() = default;

void StateHash::add(std::string_view name) {
  const std::uint64_t size = name.size();
  hash_.update(std::as_bytes(std::span(&size, 1)));
  hash_.update(as_bytes(name));
}

void StateHash::add(std::string_view name, const os::FileStamp& stamp) {
  add(name);
  static_assert(sizeof(os::FileStamp) == 5 * sizeof(std::uint64_t));  // no padding
  hash_.update(std::as_bytes(std::span(&stamp, 1)));
  if (stamp.inode == 0) return;
  if (device_ == 0) device_ = stamp.device;
  const bool coarse = stamp.device != device_ || stamp.ctime_ns % 1'000'000'000 == 0;
  settled_ns_ = std::max(settled_ns_, stamp.ctime_ns + (coarse ? kCoarseTickNs : kTickNs));
}

Digest StateHash::finish() { return hash_.finish(); }

ScanPlaces scan_places(const model::PanelConfig& panel) {
  return {.roots = panel.scan_roots, .ignore = panel.scan_ignore};
}

ScanPlaces scan_places_written(const Workspace& workspace) {
  constexpr std::string_view kPanel = ".rtt/panel.yaml";
  const auto file = os::read_beneath(workspace.root, std::string(kPanel), limits::kConfigBytesMax);
  return scan_places(file ? model::read_panel_yaml(file->content, kPanel) : model::PanelConfig{});
}

Status add_source_state(const Workspace& workspace, const ScanPlaces& places, StateHash& state) {
  RTT_TRY_SET(const os::Folder folder, os::Folder::open(workspace.root));
  RTT_TRY(add_keys(workspace, state));
  for (const auto* list : {&places.roots, &places.ignore}) {
    state.add(std::to_string(list->size()));
    for (const std::string& one : *list) state.add(one);
  }
  RTT_TRY_SET(const ConfigPaths configs, config_paths(workspace));
  Looks looks;
  for (const std::string& path : configs.paths) looks.add_signed(path);
  for (const model::Problem& problem : configs.problems) state.add(model::to_string(problem));
  RTT_TRY(add_scanned(workspace, places, state, looks));
  RTT_TRY(add_store(workspace, looks));
  looks.into(folder, state);
  return {};
}

}  // namespace rtt::registry
