// SPDX-License-Identifier: Apache-2.0
#include "views/native_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/dir.h"

namespace rtt::views {
namespace {

class Reader {
 public:
  Reader(const std::string& root, std::span<const Provider> providers, const NativeTreeOptions& options)
      : root_(root), providers_(providers), options_(options) {}

  Result<NativeTree> run() {
    RTT_TRY_SET(const os::WalkStats stats,
                os::walk(root_,
                         {.unreadable = [this](std::string_view path,
                                               const Error& why) { problem(path, why.message, why.hint); }},
                         [this](const os::Entry& entry) { return visit(entry); }));
    RTT_TRY(std::move(bad_));
    if (stats.truncated) problem("", "it holds more than is looked at", "name a folder in it");
    std::ranges::sort(out_.files, {}, &TreeFile::path);
    return std::move(out_);
  }

 private:
  void problem(std::string_view path, std::string why, std::string hint = {}) {
    if (out_.problems.size() < kDecodeProblemsMax)
      out_.problems.push_back({.file = std::string(path), .why = std::move(why), .hint = std::move(hint)});
  }

  [[nodiscard]] bool any(bool (*wants)(const Provider&, std::string_view), std::string_view path) const {
    return std::ranges::any_of(providers_, [&](const Provider& one) { return wants(one, path); });
  }
  [[nodiscard]] bool is_aside(const std::string& path) const {
    const std::string& below = options_.below;
    return !below.empty() && path != below && !path.starts_with(below + "/") &&
           !below.starts_with(path + "/");
  }

  [[nodiscard]] bool is_of_a_skill(const std::string& path) const {
    return std::ranges::any_of(providers_, [&](const Provider& one) {
      return !one.skills.empty() && path.starts_with(one.skills) &&
             std::string_view(path).substr(one.skills.size()).starts_with('/');
    });
  }

  os::Visit visit(const os::Entry& entry) {
    const std::string path(entry.path);
    if (is_aside(path)) return os::Visit::kSkip;
    const bool folder = any(reads_below, path);
    if (entry.kind == os::EntryKind::kDirectory) {
      const bool own = entry.name == ".git" || entry.name == ".rtt" || entry.name == "node_modules";
      if (folder) out_.folders.push_back(path);
      // Where no file could lie that a tree may have. Told by its name, for a skill may be why.
      if (folder && entry.depth + 2 > static_cast<int>(kTreeDepthMax)) {
        problem(path, fmt::format("it lies too deep: {} names in a path are the most", kTreeDepthMax));
        return os::Visit::kSkip;
      }
      return folder && !own ? os::Visit::kContinue : os::Visit::kSkip;
    }
    if (options_.skip && options_.skip(path)) return os::Visit::kContinue;
    if (entry.kind == os::EntryKind::kFile) return any(reads, path) ? take(path) : os::Visit::kContinue;
    if (!folder && !any(reads, path)) return os::Visit::kContinue;
    problem(path,
            entry.kind == os::EntryKind::kSymlink ? "a symbolic link, and none is followed"
                                                  : "no file: a pipe, socket or device",
            entry.kind == os::EntryKind::kSymlink ? "put a folder or file in its place, or leave it so" : "");
    return os::Visit::kContinue;
  }

  os::Visit take(const std::string& path) {
    auto read = os::read_beneath(root_, path, kTreeFileBytesMax);
    if (!read) {
      problem(path, read.error().message, read.error().hint);
      return os::Visit::kContinue;
    }
    bytes_ += read->content.size();
    out_.files.push_back({.path = path, .bytes = std::move(read->content), .executable = read->executable});
    // Of other files a bad name is no item's, which decode() tells.
    if (const Status sound = check_path(path); !sound && is_of_a_skill(path))
      problem(path, sound.error().message, "rename it");
    if (out_.files.size() <= kNativeFilesMax && bytes_ <= kNativeBytesMax) return os::Visit::kContinue;
    bad_ = fail(Code::kLimit,
                fmt::format("more than {} files or {} bytes of AI clients", kNativeFilesMax, kNativeBytesMax),
                root_, "name a folder in it, such as .claude");
    return os::Visit::kStop;
  }

  const std::string& root_;
  std::span<const Provider> providers_;
  const NativeTreeOptions& options_;
  NativeTree out_;
  std::size_t bytes_ = 0;
  Status bad_;
};

}  // namespace

namespace {

// The folder of the skill that was read from these files, with a slash; empty if it is none.
std::string_view skill_folder(const Item& item, std::span<const std::string> from) {
  if (item.kind != ItemKind::kSkill) return {};
  const auto own =
      std::ranges::find_if(from, [](const std::string& path) { return path.ends_with("/SKILL.md"); });
  return own == from.end() ? std::string_view{} : std::string_view(*own).substr(0, own->rfind('/') + 1);
}

}  // namespace

bool NativeTree::read_whole(std::string_view skill_folder) const {
  return std::ranges::none_of(problems, [&](const DecodeProblem& one) {
    return one.weight == DecodeProblem::Weight::kLeftOut && one.file.starts_with(skill_folder);
  });
}

bool NativeTree::read_whole(const Item& item, std::span<const std::string> from) const {
  const std::string_view folder = skill_folder(item, from);
  return folder.empty() || read_whole(folder);
}

bool NativeTree::is_all_there_is(const Item& item, std::span<const std::string> from) const {
  const std::string_view folder = skill_folder(item, from);
  if (folder.empty()) return true;
  return read_whole(item, from) && std::ranges::none_of(folders, [&](const std::string& below) {
           return below.starts_with(folder) && std::ranges::none_of(from, [&](const std::string& file) {
                    return file.starts_with(below + "/");
                  });
         });
}

Result<NativeTree> read_native_tree(const std::string& root, std::span<const Provider> providers,
                                    const NativeTreeOptions& options) {
  return Reader(root, providers, options).run();
}

}  // namespace rtt::views
