// SPDX-License-Identifier: Apache-2.0
#include "panel/view_drift.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/dir.h"
#include "os/file.h"
#include "panel/view_stage.h"
#include "views/decode.h"

namespace rtt::panel {

using registry::Workspace;
using text::Json;
using views::Tree;
using views::TreeFile;
using views::TreeList;
using views::TreeStore;

namespace {

std::string_view word_of(TreeStore::Edit::Kind kind) {
  if (kind == TreeStore::Edit::Kind::kAdded) return "added";
  return kind == TreeStore::Edit::Kind::kGone ? "gone" : "changed";
}

const RenderedView* rendered_as(const Rendered& rendered, const TreeStore::Member& member) {
  const auto at = std::ranges::find_if(rendered.views, [&](const RenderedView& one) {
    return one.provider == member.provider && one.tree.root() == member.root;
  });
  return at == rendered.views.end() ? nullptr : &*at;
}

// Whether what lies in the project at `path`, or below it, says to this provider what the tree says there.
bool says_the_same(const std::string& root, const views::Provider& forms, const Tree& tree,
                   const std::string& path) {
  if (path == forms.companion.path) return true;  // the client writes it itself where it is not there
  std::vector<TreeFile> shown, own;
  for (const TreeFile& file : tree.files()) {
    if (file.path != path && !file.path.starts_with(path + "/")) continue;
    auto there = os::read_beneath(root, file.path, views::kTreeFileBytesMax);
    if (!there) return false;
    shown.push_back(file);
    own.push_back({.path = file.path, .bytes = std::move(there->content), .executable = there->executable});
  }
  if (own == shown) return true;
  const views::Decoded ours = views::decode(forms, shown), theirs = views::decode(forms, own);
  return !ours.items.empty() && ours.items == theirs.items;
}

}  // namespace

// The parts of one look.
class DriftLook {
 public:
  DriftLook(const Workspace& workspace, const Rendered& rendered, ViewDrift& out)
      : workspace_(workspace), rendered_(rendered), out_(out), store_(tree_store(workspace)) {}

  void tree(const TreeStore::Member& member) {
    ViewDrift::One& one = out_.all_[member.provider];
    const bool readable = os::is_directory(store_.shown_path(member.provider));
    if (!readable) {
      out_.add(member.provider, {.path = below(where(member)),
                                 .state = "unreadable",
                                 .why = "what is shown cannot be read there: rtt panel start"});
    }
    auto found = homes_.shown(member);
    if (found) {
      one.list = TreeList::of(*found);
      one.tree = *std::move(found);
      return;
    }
    one.list.reset();
    if (found.error().code == Code::kNotFound) one.list = TreeList();  // all of it is to come
    if (auto list = store_.list(member.root)) one.list = *std::move(list);
    if (const RenderedView* const view = rendered_as(rendered_, member)) {
      one.list = TreeList::of(view->tree);
      one.tree = view->tree;
    } else if (auto made = store_.as_made(member.root)) {
      one.tree = *std::move(made);
    }
    const bool told = (member.at.empty() && edits(member)) || !readable;
    if (told) return;
    const bool kept = found.error().code != Code::kNotFound;
    out_.add(member.provider, {.path = below(kept ? found.error().where : where(member)),
                               .state = "damaged",
                               .why = found.error().message});
  }

  // What the project has of its own where the view has something else to say.
  Status own(views::Project& project, views::Mechanism mechanism) {
    views::Trees trees;
    for (const auto& [provider, one] : out_.all_) {
      if (one.tree) trees[provider] = *one.tree;
    }
    if (trees.empty()) return {};
    RTT_TRY_SET(const auto parts, project.look(trees, placing_of(mechanism)));
    for (const views::Project::Part& part : parts) {
      const views::Provider* const forms = rendered_.providers.find(part.provider);
      for (const views::Kept& kept : part.placement.kept) {
        const bool another = std::ranges::any_of(parts, [&](const views::Project::Part& other) {
          return std::ranges::find(other.placement.places, kept.path, &views::Place::path) !=
                 other.placement.places.end();
        });
        if (another) continue;  // the first has it, which was told when it was shown
        if (forms == nullptr || !says_the_same(workspace_.root, *forms, trees[part.provider], kept.path))
          out_.add(part.provider, {.path = kept.path, .state = "own", .why = kept.why});
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::string where(const TreeStore::Member& member) const {
    return member.at.empty() ? store_.path_of(member.root) : member.at;
  }
  [[nodiscard]] std::string below(const std::string& path) const {
    return path.starts_with(workspace_.root + "/") ? path.substr(workspace_.root.size() + 1) : path;
  }
  // Whether there are some that can be told.
  bool edits(const TreeStore::Member& member) {
    const auto edits = store_.edits(member.root);
    if (!edits) return false;
    for (const TreeStore::Edit& edit : *edits) {
      out_.add(member.provider, {.path = edit.path, .state = word_of(edit.kind)});
    }
    return !edits->empty();
  }

  const Workspace& workspace_;
  const Rendered& rendered_;
  ViewDrift& out_;
  TreeStore store_;
  ViewHomes homes_{workspace_, ViewHomes::For::kFind};
};

Result<ViewDrift> ViewDrift::look(const Workspace& workspace, const Rendered& rendered) {
  ViewDrift out;
  const auto [set, how] = tree_store(workspace).shown();
  RTT_TRY_SET(views::Project project, views::Project::open(workspace.root, tree_store(workspace)));
  for (const views::Drift& one : project.drift())
    out.add(one.provider, {.path = one.path, .state = to_string(one.kind), .why = one.why});
  DriftLook look(workspace, rendered, out);
  for (const auto& member : set) look.tree(member);
  // What was left to its clients is no concern of a view any more.
  if (project.ejected()) {
    for (auto& [provider, one] : out.all_) one.rows.clear();
    return out;
  }
  RTT_TRY(look.own(project, how.mechanism));
  return out;
}

// What is told of a path by what was placed there is not told again by what lies behind it.
void ViewDrift::add(const std::string& provider, DriftRow row) {
  std::vector<DriftRow>& rows = all_[provider].rows;
  if (std::ranges::find(rows, row.path, &DriftRow::path) == rows.end()) rows.push_back(std::move(row));
}

std::vector<DriftRow> ViewDrift::of(const std::string& provider) const {
  const auto at = all_.find(provider);
  return at == all_.end() ? std::vector<DriftRow>() : at->second.rows;
}

std::vector<DriftRow> ViewDrift::all() const {
  std::vector<DriftRow> rows;
  for (const auto& [provider, one] : all_) rows.insert(rows.end(), one.rows.begin(), one.rows.end());
  return rows;
}

std::optional<TreeList> ViewDrift::shown(const std::string& provider) const {
  const auto at = all_.find(provider);
  return at == all_.end() ? TreeList() : at->second.list;
}

Json to_json(const std::vector<DriftRow>& rows) {
  Json list = text::JsonArray{};
  for (const DriftRow& row : rows) {
    Json one = Json::object({{"path", row.path}, {"state", row.state}});
    if (!row.why.empty()) one.set("why", row.why);
    list.push(std::move(one));
  }
  return list;
}

}  // namespace rtt::panel
