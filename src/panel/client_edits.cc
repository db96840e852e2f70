// SPDX-License-Identifier: Apache-2.0
#include "panel/client_edits.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "views/decode.h"
#include "views/native_tree.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using views::Tree;
using views::TreeFile;

model::Problem note(const std::string& path, std::string message, std::string hint) {
  return {.severity = model::Severity::kWarning,
          .file = path,
          .code = Code::kNotFound,
          .message = std::move(message),
          .hint = std::move(hint)};
}

std::string below(const Workspace& workspace, const std::string& path) {
  return path.starts_with(workspace.root + "/") ? path.substr(workspace.root.size() + 1) : path;
}

// The regular files of a folder, relative to it.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> out;
  const auto walked = os::walk(folder, {.entries_max = views::kNativeFilesMax}, [&](const os::Entry& entry) {
    if (entry.kind == os::EntryKind::kFile) out.emplace_back(entry.path);
    return os::Visit::kContinue;
  });
  static_cast<void>(walked);  // what cannot be walked holds no edits that could be read
  return out;
}

}  // namespace

// What lies at `file` of `folder`, where the tree has `path`, if that is something else.
void ClientEditsReader::take(ClientEdits& out, const std::string& path, const std::string& folder,
                             const std::string& file, bool placed) const {
  const std::string from = below(workspace_, folder + "/" + file);
  if (out.edits.contains(path) || !(wanted_(path) || wanted_(from))) return;
  auto read = os::read_beneath(folder, file, views::kTreeFileBytesMax);
  if (!read) {
    out.problems.push_back(model::problem_from(read.error(), from));
    return;
  }
  TreeFile now{.path = path, .bytes = std::move(read->content), .executable = read->executable};
  const auto at = std::ranges::lower_bound(out.files, path, {}, &TreeFile::path);
  const bool there = at != out.files.end() && at->path == path;
  if (there && *at == now) return;
  out.edits.emplace(path, ClientEdit{.from = from, .content = crypto::sha256(now.bytes), .placed = placed});
  if (there) {
    *at = std::move(now);
  } else {
    out.files.insert(at, std::move(now));
  }
}

void ClientEditsReader::take_drift(ClientEdits& out, const std::string& provider, const Tree& tree,
                                   const views::Project& project) const {
  const std::string& root = workspace_.root;
  for (const views::Drift& drift : project.drift()) {
    // What could not be replaced is what was shown before, and nobody's edit.
    if (drift.provider != provider || drift.kind == views::Drift::Kind::kOld) continue;
    const std::string full = root + "/" + drift.path;
    if (!os::exists(full)) {
      if (wanted_(drift.path))
        out.problems.push_back(note(drift.path, "it was taken away here and not in the workspace",
                                    "rtt apply puts it there again; remove its item to have it nowhere"));
    } else if (os::is_symlink(full)) {
      out.problems.push_back(
          note(drift.path, "a link is in its place, and none is followed", "rtt view diff"));
    } else if (!os::is_directory(full)) {
      take(out, drift.path, root, drift.path, true);
    } else {
      for (const TreeFile& file : tree.files()) {
        const bool regular = os::exists(root + "/" + file.path) && !os::is_directory(root + "/" + file.path);
        if (file.path.starts_with(drift.path + "/") && regular) take(out, file.path, root, file.path, true);
      }
    }
  }
}

// The tree in the store, and those set aside before it was made again.
void ClientEditsReader::take_store(ClientEdits& out, const model::View& view, const Tree& tree) const {
  const views::TreeStore store = tree_store(workspace_);
  std::vector<std::string> folders;
  if (store.has(view.root) && !store.read(view.root)) folders.push_back(store.path_of(view.root));
  const std::string aside = store.folder() + "/edited", begin = bare_hex(view.root).substr(0, 16) + "-";
  const auto names = os::list_directory(aside);
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    if (name.starts_with(begin)) folders.push_back(aside + "/" + name);
  }
  const views::Provider* const forms = providers_.find(view.provider);
  for (const std::string& folder : folders) {
    for (const std::string& file : files_in(folder)) {
      if (tree.find(file) != nullptr || (forms != nullptr && views::reads(*forms, file)))
        take(out, file, folder, file, false);
    }
  }
}

Status ClientEditsReader::take_new(ClientEdits& out, const model::View& view, const Tree& tree,
                                   const views::Project& project) {
  if (!beside_) {
    std::set<std::string> ours;
    for (const auto& [provider, places] : project.placed()) {
      for (const views::Place& place : places) ours.insert(place.path);
    }
    RTT_TRY_SET(const views::Placeholders held, views::Placeholders::look(held_where(workspace_)));
    const auto skip = [&](const std::string& path) { return ours.contains(path) || held.holds(path); };
    RTT_TRY_SET(views::NativeTree found,
                views::read_native_tree(workspace_.root, providers_.rows(), {.below = {}, .skip = skip}));
    beside_ = std::move(found.files);
  }
  const views::Provider& forms = *providers_.find(view.provider);
  for (const TreeFile& file : *beside_) {
    const bool single = file.path == forms.main_rules || file.path == forms.servers.path;
    if (single || !wanted_(file.path) || !views::reads(forms, file.path) || given_.contains(file.path))
      continue;
    if (tree.find(file.path) != nullptr) continue;  // ours is not shown, for this was there
    given_.insert(file.path);
    take(out, file.path, workspace_.root, file.path, true);
  }
  return {};
}

Result<ClientEdits> ClientEditsReader::read(const model::View& view, const Tree& tree,
                                            const views::Project& project) {
  ClientEdits out;
  out.files.assign(tree.files().begin(), tree.files().end());
  take_drift(out, view.provider, tree, project);
  take_store(out, view, tree);
  if (providers_.find(view.provider) != nullptr) RTT_TRY(take_new(out, view, tree, project));
  return out;
}

}  // namespace rtt::panel
