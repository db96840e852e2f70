// SPDX-License-Identifier: Apache-2.0
#include "views/tree_home.h"

#include <fmt/format.h>

#include "os/dir.h"
#include "views/tree_collector.h"

namespace rtt::views {

Status look_through(const std::string& path, const Tree& tree, LookThrough& how) {
  Status done;
  const auto differs = [&](std::string_view file, std::string_view what) {
    done = fail(Code::kTampered, fmt::format("what is read there {}", what), path + "/" + std::string(file));
    return os::Visit::kStop;
  };
  std::size_t files = 0;
  RTT_TRY_SET(const os::WalkStats stats,
              os::walk(path, {.entries_max = how.entries}, [&](const os::Entry& entry) {
                if (entry.kind == os::EntryKind::kDirectory) return os::Visit::kContinue;
                const TreeFile* const file = tree.find(entry.path);
                if (file == nullptr || entry.kind != os::EntryKind::kFile)
                  return differs(entry.path, "was never put there");
                ++files;
                if (how.files_left == 0) return os::Visit::kContinue;
                --how.files_left;
                const auto read = os::read_beneath(path, std::string(entry.path), kTreeFileBytesMax);
                if (!read) {
                  done = std::unexpected(read.error());
                  return os::Visit::kStop;
                }
                if (read->content != file->bytes || read->executable != file->executable)
                  return differs(entry.path, "is not what was put there");
                return os::Visit::kContinue;
              }));
  if (done && (stats.errors != 0 || (!stats.truncated && files != tree.files().size())))
    differs("", fmt::format("are {} files, not {}", files, tree.files().size()));
  return done;
}

Result<Tree> FolderHome::find(const Digest& root) {
  RTT_TRY_SET(Tree tree, store_.read(root));
  sound_.insert(root);
  return tree;
}

Result<std::vector<std::string>> FolderHome::hold(std::span<const NamedTree> trees) {
  for (const NamedTree& one : trees) {
    const Digest& root = one.tree->root();
    if (sound_.contains(root)) continue;
    if (store_.has(root)) {
      const auto kept = find(root);
      if (!kept && kept.error().code != Code::kTampered && kept.error().code != Code::kNotFound)
        return std::unexpected(kept.error());
      if (!kept) {
        RTT_TRY_SET(auto aside, store_.set_aside(root));
        aside_.push_back(std::move(aside));
      }
    }
    RTT_TRY(store_.put(*one.tree));
    sound_.insert(root);
  }
  return std::vector<std::string>(trees.size());
}

Status FolderHome::collect(const std::vector<Digest>& keep) {
  TreeCollector collector(store_.folder());
  for (;;) {
    RTT_TRY_SET(const TreeCollector::Left left, collector.step(keep, kTreeFilesMax));
    if (left == TreeCollector::Left::kNothing) return {};
  }
}

}  // namespace rtt::views
