// SPDX-License-Identifier: Apache-2.0
// TreeList: which files a tree has and of what bytes, without the bytes: the lines of its root (tree.h).
//
// It says what lay in a folder before somebody wrote into it, and proves that by itself: its lines have the
// tree's root.
//
// Thread: any (pure).   Fails: parse: kTampered (lines of another root), kBadShape.   Limits: those of Tree.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "views/tree.h"

namespace rtt::views {

inline constexpr std::size_t kTreeListBytesMax = std::size_t{256} << 20;

struct ListedFile {
  std::string path;
  Digest content{};
  bool executable = false;
  friend bool operator==(const ListedFile&, const ListedFile&) = default;
};

class TreeList {
 public:
  TreeList() = default;  // of no files
  static TreeList of(const Tree& tree);
  static Result<TreeList> parse(std::string_view text, const Digest& root);

  [[nodiscard]] std::span<const ListedFile> files() const { return files_; }  // sorted by path
  [[nodiscard]] const ListedFile* find(std::string_view path) const;

 private:
  std::vector<ListedFile> files_;
};
std::string tree_text(const Tree& tree);  // what parse() takes

}  // namespace rtt::views
