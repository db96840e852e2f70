// SPDX-License-Identifier: Apache-2.0
#include "views/tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/merkle.h"
#include "crypto/sha256.h"
#include "text/utf8.h"

namespace rtt::views {
namespace {

Error bad_path(std::string_view path, std::string_view why) {
  return Error{.code = Code::kBadShape,
               .message = fmt::format("no path of a view: {}", why),
               .where = fmt::format("{:?}", path.substr(0, kTreePathBytesMax)),
               .hint = {}};
}

// git's own folder, whatever the case: file systems that take `.GIT` for it are common.
bool is_gits(std::string_view part) {
  return part.size() == 4 && part[0] == '.' && (part[1] | 0x20) == 'g' && (part[2] | 0x20) == 'i' &&
         (part[3] | 0x20) == 't';
}

Status check_part(std::string_view path, std::string_view part) {
  if (part.empty()) return std::unexpected(bad_path(path, "it has an empty part"));
  if (part == "." || part == "..")
    return std::unexpected(bad_path(path, "it has a part that leads elsewhere"));
  if (is_gits(part)) return std::unexpected(bad_path(path, "`.git` is git's own"));
  if (part.size() > 255)
    return std::unexpected(bad_path(path, "a part is longer than the 255 bytes of a name"));
  return {};
}

// In the order of paths' bytes a file `a` is followed by `a-b` before `a/b`, so what lies below it is looked
// for.
bool has_below(std::span<const TreeFile> files, std::string_view path) {
  const std::string folder = std::string(path) + "/";
  const auto at = std::ranges::lower_bound(files, folder, {}, &TreeFile::path);
  return at != files.end() && at->path.starts_with(folder);
}

}  // namespace

Status check_path(std::string_view path) {
  if (path.empty() || path.size() > kTreePathBytesMax)
    return std::unexpected(
        bad_path(path, fmt::format("it has {} bytes, 1 to {} are right", path.size(), kTreePathBytesMax)));
  if (text::find_invalid_utf8(path) != std::string_view::npos)
    return std::unexpected(bad_path(path, "it is not UTF-8"));
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return std::unexpected(bad_path(path, "it has a control character"));
  std::size_t depth = 0;
  for (std::size_t at = 0; at <= path.size(); ++depth) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    RTT_TRY(check_part(path, path.substr(at, end - at)));
    at = end + 1;
  }
  if (depth > kTreeDepthMax)
    return std::unexpected(
        bad_path(path, fmt::format("it is {} deep, {} is the most", depth, kTreeDepthMax)));
  return {};
}

std::string tree_line(const TreeFile& file, const Digest& digest) {
  return fmt::format("{} {} {}\n", file.executable ? "100755" : "100644", bare_hex(digest), file.path);
}

Digest Tree::root_of(std::span<const TreeFile> files, std::span<const Digest> digests) {
  crypto::MerkleTree tree;
  for (std::size_t i = 0; i < files.size(); ++i)
    tree.append_leaf(crypto::merkle_leaf(as_bytes(tree_line(files[i], digests[i]))));
  return tree.root();
}

Result<Tree> Tree::of(std::vector<TreeFile> files) {
  std::ranges::sort(files, {}, &TreeFile::path);
  std::vector<Digest> digests;
  digests.reserve(files.size());
  for (const TreeFile& file : files) digests.push_back(crypto::sha256(file.bytes));
  return of(std::move(files), std::move(digests));
}

Result<Tree> Tree::of(std::vector<TreeFile> files, std::vector<Digest> digests) {
  RTT_ASSERT(digests.size() == files.size() && std::ranges::is_sorted(files, {}, &TreeFile::path));
  if (files.size() > kTreeFilesMax)
    return fail(Code::kLimit,
                fmt::format("a view of {} files; {} are the most", files.size(), kTreeFilesMax));
  for (std::size_t i = 0; i < files.size(); ++i) {
    const TreeFile& file = files[i];
    RTT_TRY(check_path(file.path));
    if (file.bytes.size() > kTreeFileBytesMax) {
      return fail(Code::kLimit,
                  fmt::format("a file of {} bytes; {} are the most", file.bytes.size(), kTreeFileBytesMax),
                  file.path);
    }
    if (i + 1 < files.size() && files[i + 1].path == file.path)
      return fail(Code::kBadShape, "two files of a view have one path", file.path);
    if (has_below(files, file.path))
      return fail(Code::kBadShape, "a view has a file where another needs a folder", file.path);
  }
  Tree tree;
  tree.files_ = std::move(files);
  tree.digests_ = std::move(digests);
  tree.root_ = root_of(tree.files_, tree.digests_);
  return tree;
}

const TreeFile* Tree::find(std::string_view path) const {
  const auto at = std::ranges::lower_bound(files_, path, {}, &TreeFile::path);
  return at != files_.end() && at->path == path ? &*at : nullptr;
}

Result<std::vector<NamedTree>> sorted_by_name(std::span<const NamedTree> trees) {
  if (trees.size() > kNamedTreesMax)
    return fail(Code::kLimit,
                fmt::format("views of {} providers; {} are the most", trees.size(), kNamedTreesMax));
  std::vector<NamedTree> sorted(trees.begin(), trees.end());
  std::ranges::sort(sorted, {}, &NamedTree::name);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string& name = sorted[i].name;
    RTT_TRY(check_path(name));
    if (name.find('/') != std::string::npos)
      return fail(Code::kBadShape, "the name of a provider's view is one part of a path", name);
    if (i > 0 && sorted[i - 1].name == name) return fail(Code::kBadShape, "two views of one provider", name);
  }
  return sorted;
}

std::string roots_text(std::span<const NamedTree> trees) {
  std::string text;
  for (const NamedTree& one : trees) text += fmt::format("{} {}\n", bare_hex(one.tree->root()), one.name);
  return text;
}

std::string set_name(std::span<const NamedTree> trees) { return bare_hex(crypto::sha256(roots_text(trees))); }

}  // namespace rtt::views
