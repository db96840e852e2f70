// SPDX-License-Identifier: Apache-2.0
#include "views/tree_list.h"

#include <algorithm>

#include "crypto/merkle.h"

namespace rtt::views {
namespace {

constexpr std::string_view kPlain = "100644 ", kExecutable = "100755 ";
constexpr std::size_t kPathAt = kPlain.size() + 64 + 1;  // behind the hash and a space

std::unexpected<Error> no_list(std::string_view line) {
  return fail(Code::kBadShape, "no line of a tree's list", std::string(line.substr(0, 128)));
}

}  // namespace

TreeList TreeList::of(const Tree& tree) {
  TreeList out;
  out.files_.reserve(tree.files().size());
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    const TreeFile& file = tree.files()[i];
    out.files_.push_back({.path = file.path, .content = tree.digests()[i], .executable = file.executable});
  }
  return out;
}

Result<TreeList> TreeList::parse(std::string_view text, const Digest& root) {
  TreeList out;
  crypto::MerkleTree lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || end <= kPathAt) return no_list(text);
    const std::string_view line = text.substr(0, end);
    const bool executable = line.starts_with(kExecutable);
    const auto content = parse_bare_hex(line.substr(kPlain.size(), 64));
    if (!(executable || line.starts_with(kPlain)) || !content || line[kPathAt - 1] != ' ')
      return no_list(line);
    std::string path(line.substr(kPathAt));
    RTT_TRY(check_path(path));
    if (!out.files_.empty() && out.files_.back().path >= path) return no_list(line);
    if (out.files_.size() == kTreeFilesMax) return fail(Code::kLimit, "a list of too many files");
    lines.append_leaf(crypto::merkle_leaf(as_bytes(text.substr(0, end + 1))));
    out.files_.push_back({.path = std::move(path), .content = *content, .executable = executable});
    text.remove_prefix(end + 1);
  }
  if (lines.root() == root) return out;
  return fail(Code::kTampered, "a tree's list has another root than the tree", to_string(root));
}

const ListedFile* TreeList::find(std::string_view path) const {
  const auto at = std::ranges::lower_bound(files_, path, {}, &ListedFile::path);
  return at != files_.end() && at->path == path ? &*at : nullptr;
}

std::string tree_text(const Tree& tree) {
  std::string text;
  for (std::size_t i = 0; i < tree.files().size(); ++i) text += tree_line(tree.files()[i], tree.digests()[i]);
  return text;
}

}  // namespace rtt::views
