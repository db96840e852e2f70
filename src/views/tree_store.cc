// SPDX-License-Identifier: Apache-2.0
#include "views/tree_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

std::uint32_t mode_of(const TreeFile& file) { return file.executable ? 0555 : 0444; }

std::string blob_name(const Digest& digest, bool executable) {
  const std::string hex = bare_hex(digest);
  return hex.substr(0, 2) + "/" + hex.substr(2) + (executable ? "x" : "");
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Digest name_of(const TreeStore::Set& set) {
  std::string text;
  for (const auto& [provider, root] : set) text += fmt::format("{} {}\n", bare_hex(root), provider);
  return crypto::sha256(text);
}

bool listed(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::binary_search(names, name);
}

// What the links in a set's folder say. One that is none of ours is an entry of its own, and so differs.
TreeStore::Set set_in(const std::string& folder) {
  TreeStore::Set set;
  const auto names = os::list_directory(folder);
  for (const std::string& provider : names ? *names : std::vector<std::string>{}) {
    const auto target = os::read_symlink(folder + "/" + provider);
    const auto root =
        target && target->starts_with("../../trees/") ? parse_bare_hex(target->substr(12)) : std::nullopt;
    set.emplace_back(provider, root.value_or(Digest{}));
  }
  return set;
}

// A client that saves a file by renaming would put it into the store: its folders are closed to that.
Status set_folders(const std::string& folder, std::uint32_t mode) {
  Status done = os::set_mode(folder, mode);
  RTT_TRY_SET(const os::WalkStats stats,
              os::walk(folder, {.entries_max = kTreeFilesMax * 2}, [&](const os::Entry& entry) {
                if (done && entry.kind == os::EntryKind::kDirectory)
                  done = os::set_mode(folder + "/" + std::string(entry.path), mode);
                return done ? os::Visit::kContinue : os::Visit::kStop;
              }));
  static_cast<void>(stats);
  return done;
}

Status remove_sealed(const std::string& folder) {
  if (os::is_directory(folder)) RTT_TRY(set_folders(folder, 0755));
  return os::remove_tree(folder);
}

// Everything in `folder` but what is named.
Status remove_others(const std::string& folder, const std::vector<std::string>& keep) {
  if (!os::exists(folder)) return {};
  RTT_TRY_SET(const auto names, os::list_directory(folder));
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (!listed(keep, name)) RTT_TRY(os::is_symlink(path) ? os::remove_file(path) : remove_sealed(path));
  }
  return {};
}

}  // namespace

std::string TreeStore::path_of(const Digest& root) const { return folder_ + "/trees/" + bare_hex(root); }
std::string TreeStore::shown_path(const std::string& provider) const { return folder_ + "/now/" + provider; }
bool TreeStore::has(const Digest& root) const { return os::is_directory(path_of(root)); }

Result<std::string> TreeStore::put_blob(const TreeFile& file, const Digest& digest) const {
  std::string path = folder_ + "/blobs/" + blob_name(digest, file.executable);
  if (os::exists(path)) {  // a power failure or a hand may have left other bytes
    const auto there = os::read_file(path, kTreeFileBytesMax);
    if (there && crypto::sha256(*there) == digest) return path;
    RTT_TRY(os::remove_file(path));
  }
  RTT_TRY(os::make_directories(parent_of(path)));
  RTT_TRY(os::write_once(path, file.bytes, {.mode = mode_of(file), .durable = os::Durable::kNo}));
  return path;
}

Status TreeStore::fill(const std::string& folder, const Tree& tree) const {
  RTT_TRY(os::make_directories(folder));
  std::string made = folder;
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    const TreeFile& file = tree.files()[i];
    const std::string path = folder + "/" + file.path, parent = parent_of(path);
    if (parent != made) {
      RTT_TRY(os::make_directories(parent));
      made = parent;
    }
    RTT_TRY_SET(const std::string blob, put_blob(file, tree.digests()[i]));
    RTT_TRY_SET(const os::Linked linked, os::hard_link(blob, path));
    if (linked == os::Linked::kUnsupported)
      RTT_TRY(os::write_once(path, file.bytes, {.mode = mode_of(file), .durable = os::Durable::kNo}));
  }
  return {};
}

Status TreeStore::put(const Tree& tree) const {
  if (has(tree.root())) return {};
  RTT_TRY(os::make_directories(folder_ + "/trees"));
  const std::string beside = folder_ + "/trees/.tmp-" + os::random_hex(8);
  Status done = fill(beside, tree);
  if (done) done = set_folders(beside, 0555);
  if (done) done = os::rename_path(beside, path_of(tree.root()));
  if (!done) (void)remove_sealed(beside);
  if (!done && has(tree.root())) return {};  // another was faster
  return done;
}

Result<Tree> TreeStore::read(const Digest& root) const {
  const std::string folder = path_of(root);
  if (!has(root)) return fail(Code::kNotFound, "the tree is not in the store", folder, "rtt apply");
  RTT_TRY_SET(Tree tree, read_folder(folder));
  if (tree.root() == root) return tree;
  return fail(Code::kTampered,
              fmt::format("what lies there has the root {}, not {}", to_string(tree.root()), to_string(root)),
              folder, "rtt apply");
}

Status TreeStore::show(const Set& set) const {
  if (set.size() > kSetMax)
    return fail(Code::kLimit, fmt::format("{} providers in one set; {} are the most", set.size(), kSetMax));
  for (const auto& [provider, root] : set) {
    if (!has(root))
      return fail(Code::kNotFound, "the tree of " + provider + " is not in the store", path_of(root));
  }
  const std::string name = bare_hex(name_of(set)), folder = folder_ + "/sets/" + name;
  if (os::exists(folder) && set_in(folder) != set) RTT_TRY(os::remove_tree(folder));
  if (!os::exists(folder)) {
    const std::string beside = folder_ + "/sets/.tmp-" + os::random_hex(8);
    RTT_TRY(os::make_directories(beside));
    for (const auto& [provider, root] : set)
      RTT_TRY(os::put_symlink(beside + "/" + provider, "../../trees/" + bare_hex(root)));
    RTT_TRY(os::rename_path(beside, folder));
  }
  return os::put_symlink(folder_ + "/now", "sets/" + name);
}

TreeStore::Set TreeStore::shown() const { return set_in(folder_ + "/now"); }

Status TreeStore::set_aside(const Digest& root) const {
  RTT_TRY(os::make_directories(folder_ + "/edited"));
  RTT_TRY(set_folders(path_of(root), 0755));
  return os::rename_path(path_of(root),
                         folder_ + "/edited/" + bare_hex(root).substr(0, 16) + "-" + os::random_hex(4));
}

Status TreeStore::collect(const std::vector<Digest>& keep) const {
  std::vector<std::string> trees, sets, blobs;
  for (const Digest& root : keep) trees.push_back(bare_hex(root));
  for (const auto& [provider, root] : shown()) trees.push_back(bare_hex(root));
  if (const auto now = os::read_symlink(folder_ + "/now")) sets.push_back(now->substr(now->rfind('/') + 1));
  std::ranges::sort(trees);
  RTT_TRY(remove_others(folder_ + "/sets", sets));
  RTT_TRY(remove_others(folder_ + "/trees", trees));
  for (const std::string& name : trees) {
    const auto root = parse_bare_hex(name);
    if (!root || !has(*root)) continue;
    RTT_TRY_SET(const Tree tree, read(*root));
    for (std::size_t i = 0; i < tree.files().size(); ++i)
      blobs.push_back(blob_name(tree.digests()[i], tree.files()[i].executable));
  }
  std::ranges::sort(blobs);
  if (!os::exists(folder_ + "/blobs")) return {};
  RTT_TRY_SET(const auto folders, os::list_directory(folder_ + "/blobs"));
  for (const std::string& folder : folders) {
    std::vector<std::string> here;
    for (const std::string& blob : blobs) {
      if (blob.starts_with(folder + "/")) here.push_back(blob.substr(folder.size() + 1));
    }
    RTT_TRY(remove_others(folder_ + "/blobs/" + folder, here));
  }
  return {};
}

}  // namespace rtt::views
