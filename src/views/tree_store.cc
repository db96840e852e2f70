// SPDX-License-Identifier: Apache-2.0
#include "views/tree_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"

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

// Everything in `folder` but what is named.
Status remove_others(const std::string& folder, const std::vector<std::string>& keep) {
  if (!os::exists(folder)) return {};
  RTT_TRY_SET(const auto names, os::list_directory(folder));
  for (const std::string& name : names) {
    if (!listed(keep, name)) RTT_TRY(os::remove_tree(folder + "/" + name));
  }
  return {};
}

}  // namespace

std::string TreeStore::path_of(const Digest& root) const { return folder_ + "/trees/" + bare_hex(root); }
std::string TreeStore::shown_path(const std::string& provider) const { return folder_ + "/now/" + provider; }
bool TreeStore::has(const Digest& root) const { return os::is_directory(path_of(root)); }

Result<std::string> TreeStore::put_blob(const TreeFile& file, const Digest& digest) const {
  std::string path = folder_ + "/blobs/" + blob_name(digest, file.executable);
  if (os::exists(path)) return path;
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
  if (done) done = os::rename_path(beside, path_of(tree.root()));
  if (!done) (void)os::remove_tree(beside);
  if (!done && has(tree.root())) return {};  // another was faster
  return done;
}

Result<Tree> TreeStore::read(const Digest& root) const {
  const std::string folder = path_of(root);
  if (!has(root)) return fail(Code::kNotFound, "the tree is not in the store", folder, "rtt apply");
  std::vector<TreeFile> files;
  Status bad;
  RTT_TRY_SET(const os::WalkStats stats,
              os::walk(folder, {.entries_max = kTreeFilesMax * 2}, [&](const os::Entry& entry) {
                if (entry.kind == os::EntryKind::kDirectory) return os::Visit::kContinue;
                const std::string path(entry.path);
                auto bytes = os::read_beneath(folder, path, kTreeFileBytesMax);
                if (!bytes) {
                  bad = std::unexpected(bytes.error());
                  return os::Visit::kStop;
                }
                files.push_back({.path = path,
                                 .bytes = std::move(bytes->content),
                                 .executable = os::is_executable(folder + "/" + path)});
                return os::Visit::kContinue;
              }));
  RTT_TRY(std::move(bad));
  if (stats.truncated) return fail(Code::kLimit, "the tree is larger than any view", folder);
  RTT_TRY_SET(Tree tree, Tree::of(std::move(files)));
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
  if (!os::is_directory(folder)) {
    const std::string beside = folder_ + "/sets/.tmp-" + os::random_hex(8);
    RTT_TRY(os::make_directories(beside));
    for (const auto& [provider, root] : set)
      RTT_TRY(os::put_symlink(beside + "/" + provider, "../../trees/" + bare_hex(root)));
    RTT_TRY(os::rename_path(beside, folder));
  }
  return os::put_symlink(folder_ + "/now", "sets/" + name);
}

TreeStore::Set TreeStore::shown() const {
  Set set;
  const auto names = os::list_directory(folder_ + "/now");
  for (const std::string& provider : names ? *names : std::vector<std::string>{}) {
    const auto target = os::read_symlink(folder_ + "/now/" + provider);
    if (!target) continue;
    if (const auto root = parse_bare_hex(target->substr(target->rfind('/') + 1)))
      set.emplace_back(provider, *root);
  }
  return set;
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
