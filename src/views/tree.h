// SPDX-License-Identifier: Apache-2.0
// Tree: what one provider is shown, all of it: files by path, sorted, and one Merkle root over them.
//
// The root is the RFC 6962 tree hash over one line a file, in the order of their paths' bytes:
// "100644 " or "100755 ", 64 hex digits (SHA-256 of its bytes), " ", the path, a line end. Folders are what
// the paths say; there are no empty ones and no links, so every mechanism that shows a tree shows the same
// root.
//
// Owns: the bytes.   Thread: any (values).   Units: bytes.
// Fails: kBadShape (a path that is absolute, has an empty part, `.`, `..`, `.git`, a control character or no
//        UTF-8; two files of one path; a file where another needs a folder), kLimit.
// Limits: kTreeFilesMax, kTreeFileBytesMax, kTreePathBytesMax, kTreeDepthMax; kNamedTreesMax of one set.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace rtt::views {

inline constexpr std::size_t kTreeFilesMax = 1'000'000;
inline constexpr std::size_t kTreeFileBytesMax = std::size_t{16} << 20;
inline constexpr std::size_t kTreePathBytesMax = 1024;
inline constexpr std::size_t kTreeDepthMax = 32;
inline constexpr std::size_t kNamedTreesMax = 256;

struct TreeFile {
  std::string path;  // relative, parts separated by `/`
  std::string bytes;
  bool executable = false;
  friend bool operator==(const TreeFile&, const TreeFile&) = default;
};

class Tree {
 public:
  Tree() = default;  // of no files
  static Result<Tree> of(std::vector<TreeFile> files);
  // As they were hashed elsewhere.   REQUIRES: sorted by path; digests[i] is of files[i].bytes.
  static Result<Tree> of(std::vector<TreeFile> files, std::vector<Digest> digests);

  [[nodiscard]] std::span<const TreeFile> files() const { return files_; }    // sorted by path
  [[nodiscard]] std::span<const Digest> digests() const { return digests_; }  // of each file's bytes
  [[nodiscard]] const Digest& root() const { return root_; }
  [[nodiscard]] const TreeFile* find(std::string_view path) const;

  friend bool operator==(const Tree& a, const Tree& b) { return a.root_ == b.root_; }

 private:
  std::vector<TreeFile> files_;
  std::vector<Digest> digests_;
  Digest root_ = root_of({}, {});

  static Digest root_of(std::span<const TreeFile> files, std::span<const Digest> digests);
};

// The line that stands for a file in the root.
std::string tree_line(const TreeFile& file, const Digest& digest);
Status check_path(std::string_view path);

struct NamedTree {
  std::string name;            // of the provider: one part of a path
  const Tree* tree = nullptr;  // outlives the call
};
// In the order of their names. Fails: kLimit; kBadShape (a name no folder may have, two of a name).
Result<std::vector<NamedTree>> sorted_by_name(std::span<const NamedTree> trees);
// What tells one set of them from all others: a line each, "<64 hex of its root> <name>"; and its SHA-256.
std::string roots_text(std::span<const NamedTree> trees);
std::string set_name(std::span<const NamedTree> trees);  // 64 hex

}  // namespace rtt::views
