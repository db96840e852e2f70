// SPDX-License-Identifier: Apache-2.0
#include "panel/client_edits.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "panel/client_copies.h"
#include "views/decode.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using views::Tree;
using views::TreeFile;

constexpr std::string_view kPulled = "pulled-";  // what was taken already

model::Problem note(const std::string& path, std::string message, std::string hint) {
  return {.severity = model::Severity::kWarning,
          .file = path,
          .code = Code::kNotFound,
          .message = std::move(message),
          .hint = std::move(hint)};
}

Error refusal(const std::string& file, const Error& why) {
  return {.code = Code::kEditConflict, .message = why.message, .where = file, .hint = why.hint};
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

// Of the skill that this file belongs to, with a slash; empty: it is of none.
std::string skill_folder_of(const views::Provider& forms, const std::string& path) {
  const std::string skills = std::string(forms.skills) + "/";
  if (forms.skills.empty() || !path.starts_with(skills)) return {};
  const std::size_t end = path.find('/', skills.size());
  return end == std::string::npos ? std::string() : path.substr(0, end + 1);
}

// `file` in the place of whatever has that path; nothing: no file has it.
void put(std::vector<TreeFile>& files, const std::string& path, const TreeFile* file) {
  const auto at = std::ranges::lower_bound(files, path, {}, &TreeFile::path);
  const bool there = at != files.end() && at->path == path;
  if (file == nullptr) {
    if (there) files.erase(at);
  } else if (there) {
    *at = *file;
  } else {
    files.insert(at, *file);
  }
}

}  // namespace

// What lies there, if it is something else than the base has.
void ClientEditsReader::take(ClientEdits& out, const Where& where, const Tree& base) const {
  const std::string& path = where.path;
  const std::string from = below(workspace_, where.folder + "/" + where.file);
  if (out.edits.contains(path) || !(wanted_(path) || wanted_(from))) return;
  auto read = os::read_beneath(where.folder, where.file, views::kTreeFileBytesMax);
  if (!read) {
    out.refused.push_back(refusal(from, read.error()));
    return;
  }
  const TreeFile now{.path = path, .bytes = std::move(read->content), .executable = read->executable};
  const TreeFile* const was = base.find(path);
  if (was != nullptr && *was == now) return;
  out.edits.emplace(path, ClientEdit{.from = from,
                                     .content = crypto::sha256(now.bytes),
                                     .placed = where.placed,
                                     .shown = was != nullptr});
  put(out.shown, path, was);
  put(out.files, path, &now);
}

Result<const Tree*> ClientEditsReader::tree(const model::View& view) {
  auto at = trees_.find(view.root);
  if (at == trees_.end()) {
    RTT_TRY_SET(Tree tree, tree_of_(view));
    at = trees_.emplace(view.root, std::move(tree)).first;
  }
  return &at->second;
}

Status ClientEditsReader::take_drift(ClientEdits& out, const model::View& view,
                                     const views::Project& project) {
  const std::string& root = workspace_.root;
  for (const views::Drift& drift : project.drift()) {
    // What could not be replaced is what was shown before, and nobody's edit.
    if (drift.provider != view.provider || drift.kind == views::Drift::Kind::kOld) continue;
    const std::string full = root + "/" + drift.path;
    if (!os::exists(full)) {
      if (wanted_(drift.path))
        out.problems.push_back(note(drift.path, "it was taken away here and not in the workspace",
                                    "rtt apply puts it there again; remove its item to have it nowhere"));
      continue;
    }
    if (os::is_symlink(full)) {
      out.problems.push_back(
          note(drift.path, "a link is in its place, and none is followed", "rtt view diff"));
      continue;
    }
    RTT_TRY_SET(const Tree* const shown, tree(view));
    const auto base = tree({view.provider, project.base_of(view.provider, drift.path).value_or(view.root)});
    if (!base) {
      if (wanted_(drift.path)) out.refused.push_back(refusal(drift.path, base.error()));
      continue;
    }
    if (!os::is_directory(full)) {
      take(out, {.path = drift.path, .folder = root, .file = drift.path}, **base);
      continue;
    }
    const auto take_all = [&](const Tree& from, const Tree* but) {
      for (const TreeFile& file : from.files()) {
        if (!file.path.starts_with(drift.path + "/") || (but != nullptr && but->find(file.path) != nullptr))
          continue;
        const bool regular = os::exists(root + "/" + file.path) && !os::is_directory(root + "/" + file.path);
        if (regular) take(out, {.path = file.path, .folder = root, .file = file.path}, from);
      }
    };
    take_all(**base, nullptr);
    take_all(*shown, *base);
  }
  return {};
}

// The tree in the store, and what was set aside of this and of earlier ones. Who was shown those is not
// remembered: what this provider reads counts as its own.
Status ClientEditsReader::take_store(ClientEdits& out, const model::View& view) {
  const views::Provider& forms = *providers_.find(view.provider);
  const auto take_folder = [&](const std::string& folder, const Tree& base) {
    for (const std::string& file : files_in(folder)) {
      if (views::reads(forms, file))
        take(out, {.path = file, .folder = folder, .file = file, .placed = false}, base);
    }
  };
  const views::TreeStore store = tree_store(workspace_);
  RTT_TRY_SET(const Tree* const shown, tree(view));
  if (store.has(view.root) && !store.read(view.root)) take_folder(store.path_of(view.root), *shown);
  const std::string edited = store.folder() + "/edited/";
  const auto asides = os::list_directory(edited);
  for (const std::string& name : asides ? *asides : std::vector<std::string>{}) {
    if (name.starts_with(kPulled)) continue;
    const std::string digits = name.substr(0, name.find('-'));
    const auto root = bare_hex(view.root).starts_with(digits) ? view.root : store.kept_beginning(digits);
    if (!root) {
      if (given_.insert(edited + name).second)
        out.problems.push_back(note(below(workspace_, edited + name),
                                    "what it was changed from is not kept any more",
                                    "take by hand what is wanted of it, then remove it"));
      continue;
    }
    const auto base = tree({view.provider, *root});
    if (base) {
      take_folder(edited + name, **base);
    } else {
      out.problems.push_back(note(below(workspace_, edited + name), base.error().message, base.error().hint));
    }
  }
  return {};
}

std::vector<model::Problem> ClientEditsReader::unread(const std::vector<model::View>& shown) const {
  std::vector<model::Problem> told;
  const std::string edited = tree_store(workspace_).folder() + "/edited/";
  const auto asides = os::list_directory(edited);
  for (const std::string& name : asides ? *asides : std::vector<std::string>{}) {
    if (name.starts_with(kPulled)) continue;
    const std::vector<std::string> files = files_in(edited + name);
    const auto is_unread = [&](const std::string& file) {
      return std::ranges::none_of(shown, [&](const model::View& view) {
        const views::Provider* const forms = providers_.find(view.provider);
        return forms != nullptr && views::reads(*forms, file);
      });
    };
    const auto read_by = [&](const views::Provider& forms) {
      return std::ranges::count_if(files, [&](const std::string& file) { return views::reads(forms, file); });
    };
    const auto who = std::ranges::max_element(providers_.rows(), {}, read_by);
    const bool unread =
        who != providers_.rows().end() && std::ranges::any_of(files, [&](const std::string& file) {
          return views::reads(*who, file) && is_unread(file);
        });
    if (!unread) continue;
    told.push_back(note(below(workspace_, edited + name), "it has edits of a client to whom nothing is shown",
                        fmt::format("rtt view mount {}, then rtt view pull", who->name)));
  }
  return told;
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
    RTT_TRY_SET(beside_,
                views::read_native_tree(workspace_.root, providers_.rows(), {.below = {}, .skip = skip}));
  }
  const views::Provider& forms = *providers_.find(view.provider);
  for (const views::DecodeProblem& problem : beside_->problems) {
    if (wanted_(problem.file) && views::reads(forms, problem.file) && given_.insert(problem.file).second)
      out.problems.push_back(problem_of(problem));
  }
  for (const TreeFile& file : beside_->files) {
    const bool single = file.path == forms.main_rules || file.path == forms.servers.path;
    if (single || !wanted_(file.path) || !views::reads(forms, file.path) || given_.contains(file.path))
      continue;
    if (tree.find(file.path) != nullptr) continue;  // ours is not shown, for this was there
    given_.insert(file.path);
    const std::string skill = skill_folder_of(forms, file.path);
    if (!skill.empty() && !beside_->read_whole(skill)) {
      if (given_.insert(skill).second) out.problems.push_back(not_whole(skill));
      continue;
    }
    take(out, {.path = file.path, .folder = workspace_.root, .file = file.path}, tree);
  }
  return {};
}

Result<ClientEdits> ClientEditsReader::read(const model::View& view, const views::Project& project) {
  RTT_TRY_SET(const Tree* const shown, tree(view));
  ClientEdits out;
  out.shown.assign(shown->files().begin(), shown->files().end());
  out.files = out.shown;
  RTT_TRY(take_drift(out, view, project));
  RTT_TRY(take_store(out, view));
  RTT_TRY(take_new(out, view, *shown, project));
  return out;
}

}  // namespace rtt::panel
