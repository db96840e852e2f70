// SPDX-License-Identifier: Apache-2.0
#include "views/tree_collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/dir.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"

namespace rtt::views {
namespace {

constexpr std::string_view kAside = ".gone-";
constexpr unsigned kBlobFolders = 256;

std::vector<std::string> names_in(const std::string& folder) {
  auto names = os::list_directory(folder);
  return names ? *std::move(names) : std::vector<std::string>{};
}

}  // namespace

// One tree that is not to stay.
Result<bool> TreeCollector::put_aside(const std::vector<Digest>& keep) const {
  const std::string trees = folder_ + "/trees/";
  for (const std::string& name : names_in(trees)) {
    const auto root = parse_bare_hex(name);
    if (!root || std::ranges::find(keep, *root) != keep.end()) continue;
    RTT_TRY(os::rename_path(trees + name, fmt::format("{}{}{}", trees, kAside, os::random_hex(8))));
    return true;
  }
  return false;
}

// Of what was put aside. Whether something was.
Result<bool> TreeCollector::remove_some(std::size_t names_max) const {
  const std::string trees = folder_ + "/trees/";
  for (const std::string& name : names_in(trees)) {
    if (!name.starts_with(kAside)) continue;
    const std::string tree = trees + name;
    std::vector<std::string> folders, files;
    RTT_TRY(os::set_mode(tree, 0755));
    Status opened;
    RTT_TRY_SET(const os::WalkStats stats,
                os::walk(tree, {.entries_max = names_max}, [&](const os::Entry& entry) {
                  const std::string path = tree + "/" + std::string(entry.path);
                  const bool folder = entry.kind == os::EntryKind::kDirectory;
                  if (folder) opened = os::set_mode(path, 0755);  // ours are closed
                  (folder ? folders : files).push_back(path);
                  return opened ? os::Visit::kContinue : os::Visit::kStop;
                }));
    RTT_TRY(std::move(opened));
    for (const std::string& file : files) RTT_TRY(os::remove_file(file));
    // The deepest first; one that is not empty yet is met again.
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
      RTT_TRY(os::remove_empty_folder(*folder));
    if (!stats.truncated) RTT_TRY(os::remove_tree(tree));
    return true;
  }
  return false;
}

Status TreeCollector::remove_sets() const {
  const auto now = os::read_symlink(folder_ + "/now");
  const std::string shown = now ? now->substr(now->rfind('/') + 1) : std::string();
  for (const std::string& name : names_in(folder_ + "/sets")) {
    if (name != shown) RTT_TRY(os::remove_tree(folder_ + "/sets/" + name));
  }
  return {};
}

Status TreeCollector::look_at_blobs() {
  const std::string folder = fmt::format("{}/blobs/{:02x}", folder_, blobs_next_++);
  for (const std::string& name : names_in(folder)) {
    RTT_TRY_SET(const os::FileNumbers numbers, os::numbers_of(folder + "/" + name));
    if (numbers.names == 1) RTT_TRY(os::remove_file(folder + "/" + name));
  }
  return {};
}

Result<TreeCollector::Left> TreeCollector::step(const std::vector<Digest>& keep, std::size_t names_max) {
  RTT_TRY_SET(bool went, remove_some(names_max));
  if (!went) {
    RTT_TRY_SET(went, put_aside(keep));
  }
  if (went) {
    blobs_next_ = 0;  // what it had may be nobody's now
    return Left::kSomething;
  }
  if (blobs_next_ == 0) RTT_TRY(remove_sets());
  if (blobs_next_ == kBlobFolders) return Left::kNothing;
  RTT_TRY(look_at_blobs());
  return Left::kSomething;
}

}  // namespace rtt::views
