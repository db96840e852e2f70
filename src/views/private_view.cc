// SPDX-License-Identifier: Apache-2.0
#include "views/private_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "views/git_checkout.h"
#include "views/project.h"

namespace rtt::views {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// Whether a path of the project shows what the tree has there: these files with these bytes, and no others.
bool shows_same(const std::string& full, const std::string& path, const Tree& tree) {
  std::set<std::string> there;
  if (os::is_directory(full)) {
    const auto walked = os::walk(full, {.entries_max = kTreeFilesMax}, [&](const os::Entry& entry) {
      if (entry.kind != os::EntryKind::kDirectory) there.insert(path + "/" + std::string(entry.path));
      return os::Visit::kContinue;
    });
    if (!walked) return false;
  } else {
    there.insert(path);
  }
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    const std::string& file = tree.files()[i].path;
    if (file != path && !is_below(file, path)) continue;
    if (there.erase(file) == 0) return false;
    const auto bytes = os::read_file(full + file.substr(path.size()), kTreeFileBytesMax);
    if (!bytes || crypto::sha256(*bytes) != tree.digests()[i]) return false;
  }
  return there.empty();
}

class Looker {
 public:
  Looker(const PrivateAsk& ask, const Placeholders& held) : ask_(ask), held_(held) {}

  Result<PrivateLook> look() {
    RTT_TRY_SET(const Project project, Project::open(ask_.root, ask_.store));
    for (const auto& [provider, places] : project.placed()) {
      for (const Place& place : places) placed_[place.path] = provider;
    }
    for (const Drift& drift : project.drift()) placed_.erase(drift.path);
    Placement placement =
        place(ask_.tree, Wish::kLinks, [this](const std::string& path) { return found(path); });
    out_.kept = std::move(placement.kept);
    for (const Place& one : placement.places) take(one.path);
    std::ranges::sort(out_.kept, {}, &Kept::path);
    if (out_.mounted.size() >= os::kPrivateMountsMax) {
      return fail(Code::kLimit, fmt::format("{} places in a private view; {} are the most",
                                            out_.mounted.size(), os::kPrivateMountsMax));
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string full(const std::string& path) const { return ask_.root + "/" + path; }

  [[nodiscard]] Found found(const std::string& path) const {
    using Kind = Found::Kind;
    if (placed_.contains(path) || held_.holds(path)) return {.kind = Kind::kOurs};
    for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
      if (os::exists(full(folder)) && (os::is_symlink(full(folder)) || !os::is_directory(full(folder))))
        return {.kind = Kind::kBlocked};
    }
    if (!os::exists(full(path))) return {.kind = Kind::kNothing};
    const bool folder = os::is_directory(full(path)) && !os::is_symlink(full(path));
    return {.kind = folder ? Kind::kFolder : Kind::kOther};
  }

  void take(const std::string& path) {
    // A client that wants this file in its folder makes it there, as it would without a view: the folder is
    // real.
    if (path == ask_.provider.companion.path) return;
    if (const auto placed = placed_.find(path); placed != placed_.end()) {
      if (shows_same(full(path), path, ask_.tree)) {
        out_.shown.push_back(path);
      } else {
        out_.kept.push_back(
            {.path = path, .why = fmt::format("`rtt view mount {}` placed another there", placed->second)});
      }
      return;
    }
    out_.shown.push_back(path);
    out_.mounted.push_back(path);
    hold(path);
  }

  void hold(const std::string& path) {
    std::vector<Held> way;
    for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
      if (!os::exists(full(folder))) way.push_back({.path = folder, .kind = os::Placeholder::kFolder});
    }
    std::ranges::reverse(way);
    if (!os::exists(full(path))) way.push_back({.path = path, .kind = kind_of(path)});
    for (Held& one : way) {
      if (needed_.insert(one.path).second) out_.needed.push_back(std::move(one));
    }
  }

  // Files that are opened by their name, and those found by listing a folder.
  [[nodiscard]] os::Placeholder kind_of(const std::string& path) const {
    if (ask_.tree.find(path) == nullptr) return os::Placeholder::kFolder;
    const bool by_name = path == ask_.provider.main_rules || path == ask_.provider.servers.path;
    return by_name ? os::Placeholder::kSocket : os::Placeholder::kFile;
  }

  const PrivateAsk& ask_;
  const Placeholders& held_;
  std::map<std::string, std::string> placed_;  // by path, the provider
  std::set<std::string> needed_;
  PrivateLook out_;
};

// The list of excluded files as it is, and the view's names; nothing where git would not read it.
std::optional<std::string> excluded(const ExcludeFile& file, const std::vector<std::string>& mounted) {
  const auto text =
      os::is_symlink(file.path) ? std::nullopt : std::optional(os::read_file(file.path, kExcludeBytesMax));
  if (!text || !*text) return std::nullopt;
  std::string lines = **text;
  if (!lines.empty() && !lines.ends_with('\n')) lines += '\n';
  for (const std::string& path : mounted) lines += exclude_line(file.prefix + path) + "\n";
  return lines;
}

Status mount(const PrivateAsk& ask, const PrivateLook& look) {
  std::vector<os::PrivateFile> files;
  for (const TreeFile& file : ask.tree.files()) {
    std::string at = file.path;
    while (!at.empty() && !std::ranges::binary_search(look.mounted, at)) at = folder_of(at);
    if (!at.empty())
      files.push_back({.path = "view/" + file.path, .bytes = file.bytes, .executable = file.executable});
  }
  std::vector<os::PrivateMount> mounts;
  for (const std::string& path : look.mounted)
    mounts.push_back({.from = "view/" + path, .folder = ask.root, .onto = path});
  std::optional<std::string> lines;
  if (const auto git = exclude_file_of(ask.root); git && !git->path.empty()) {
    lines = excluded(*git, look.mounted);
    if (lines) {
      files.push_back({.path = "exclude", .bytes = *lines});
      mounts.push_back({.from = "exclude", .folder = folder_of(git->path), .onto = "exclude"});
    }
  }
  return os::mount_privately(ask.root, files, mounts);
}

}  // namespace

Result<PrivateLook> look_privately(const PrivateAsk& ask, const Placeholders& held) {
  return Looker(ask, held).look();
}

Result<PrivateLook> enter_private_view(const PrivateAsk& ask, Placeholders& held) {
  RTT_TRY_SET(PrivateLook look, look_privately(ask, held));
  if (look.mounted.empty()) return look;
  RTT_TRY_SET(const os::Separated separated, os::separate_mounts());
  RTT_TRY(held.make(look.needed));
  RTT_TRY(mount(ask, look));
  RTT_TRY(os::settle_in(separated));
  return look;
}

}  // namespace rtt::views
