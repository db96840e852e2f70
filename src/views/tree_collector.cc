// SPDX-License-Identifier: Apache-2.0
#include "views/tree_collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "views/tree_store.h"

namespace rtt::views {
namespace {

constexpr std::string_view kAside = ".gone-";
constexpr unsigned kBlobFolders = 256;
constexpr std::size_t kRootDigits = 64, kShortRoot = 16;

// `name`: of a tree that was put aside.
std::string list_of(const std::string& folder, const std::string& name) {
  return folder + "/lists/" + name.substr(kAside.size(), kRootDigits);
}

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
    // Whose tree it is stays in its name: what somebody wrote into it is told by its list.
    RTT_TRY(os::rename_path(trees + name, fmt::format("{}{}{}-{}", trees, kAside, name, os::random_hex(4))));
    return true;
  }
  return false;
}

void TreeCollector::get_to_know(const std::string& name) {
  if (going_.name == name) return;
  going_ = {.name = name, .list = {}, .made_ns = 0};
  const auto root = parse_bare_hex(std::string_view(name).substr(kAside.size(), kRootDigits));
  if (!root) return;
  if (auto list = TreeStore(folder_).list(*root)) going_.list = *std::move(list);
  if (const auto stamp = os::stamp_of(list_of(folder_, name))) going_.made_ns = stamp->mtime_ns;
}

bool TreeCollector::was_made(const std::string& tree, const std::string& path) const {
  if (!going_.list) return true;
  const ListedFile* const was = going_.list->find(path);
  const auto numbers = os::numbers_of(tree + "/" + path);
  const auto stamp = os::stamp_of(tree + "/" + path);
  if (was == nullptr || !numbers || !stamp) return false;
  if (numbers->names > 1 && stamp->mtime_ns <= going_.made_ns) return true;
  const auto now = os::read_beneath(tree, path, kTreeFileBytesMax);
  return now && crypto::sha256(now->content) == was->content;
}

Status TreeCollector::remove_or_save(const std::string& tree, const std::string& path) {
  if (was_made(tree, path)) return os::remove_file(tree + "/" + path);
  const std::string name = going_.name.substr(kAside.size());
  const std::string to =
      fmt::format("{}/edited/{}{}/{}", folder_, name.substr(0, kShortRoot), name.substr(kRootDigits), path);
  RTT_TRY(os::make_directories(to.substr(0, to.rfind('/'))));
  RTT_TRY(os::rename_path(tree + "/" + path, to));
  saved_.push_back(to);
  return {};
}

// Of what was put aside. Whether something was.
Result<bool> TreeCollector::remove_some(std::size_t names_max) {
  const std::string trees = folder_ + "/trees/";
  for (const std::string& name : names_in(trees)) {
    if (!name.starts_with(kAside)) continue;
    const std::string tree = trees + name;
    get_to_know(name);
    std::vector<std::string> folders, files;
    RTT_TRY(os::set_mode(tree, 0755));
    Status opened;
    RTT_TRY_SET(const os::WalkStats stats,
                os::walk(tree, {.entries_max = names_max}, [&](const os::Entry& entry) {
                  const std::string path = tree + "/" + std::string(entry.path);
                  const bool folder = entry.kind == os::EntryKind::kDirectory;
                  if (folder) opened = os::set_mode(path, 0755);  // ours are closed
                  (folder ? folders : files).push_back(folder ? path : std::string(entry.path));
                  return opened ? os::Visit::kContinue : os::Visit::kStop;
                }));
    RTT_TRY(std::move(opened));
    for (const std::string& file : files) RTT_TRY(remove_or_save(tree, file));
    // The deepest first; one that is not empty yet is met again.
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
      RTT_TRY(os::remove_empty_folder(*folder));
    if (stats.truncated) return true;
    RTT_TRY(os::remove_tree(tree));
    const bool again = os::exists(trees + name.substr(kAside.size(), kRootDigits));
    if (!again) RTT_TRY(os::remove_file(list_of(folder_, name)));
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
