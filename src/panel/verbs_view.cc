// SPDX-License-Identifier: Apache-2.0
// view: what providers are shown, and how it comes into the project.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "model/limits.h"
#include "model/saddr.h"
#include "model/view_file.h"
#include "os/file.h"
#include "panel/client_files.h"
#include "panel/connect_record.h"
#include "panel/ejected_views.h"
#include "panel/plan_apply.h"
#include "panel/rows.h"
#include "panel/shown_views.h"
#include "panel/signed_write.h"
#include "panel/view_drift.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "text/json_canonical.h"
#include "views/provider.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

const RenderedView* find_view(const Rendered& rendered, const std::string& provider) {
  const auto at = std::ranges::find(rendered.views, provider, &RenderedView::provider);
  return at == rendered.views.end() ? nullptr : &*at;
}

const Digest* root_in(const std::vector<model::View>& views, const std::string& provider) {
  const auto at = std::ranges::find(views, provider, &model::View::provider);
  return at == views.end() ? nullptr : &at->root;
}

Json problems_of(const Rendered& rendered) {
  Json list = text::JsonArray{};
  for (const auto& problem : rendered.problems) list.push(model::to_json(problem));
  return list;
}

// Which of a tree's places are what.
std::string forms_of(const std::vector<views::Place>& places) {
  constexpr std::array kForms{std::pair(views::Form::kLink, "links"),
                              std::pair(views::Form::kHardLink, "hard links"),
                              std::pair(views::Form::kCopy, "copies")};
  std::string words;
  for (const auto& [form, word] : kForms) {
    if (std::ranges::find(places, form, &views::Place::form) == places.end()) continue;
    words += (words.empty() ? "" : " and ") + std::string(word);
  }
  return words.empty() ? "none" : words;
}

std::vector<std::string> names_of(const Planned& planned) {
  std::vector<std::string> names;
  for (const RenderedView& view : planned.rendered.views) names.push_back(view.provider);
  for (const std::string& name : planned.rendered.unchanged) names.push_back(name);
  for (const model::View& view : planned.base.views) names.push_back(view.provider);
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  return names;
}

// Those named, which must be known; all of them where none is.
Result<std::vector<std::string>> chosen(const Turn& turn, std::vector<std::string> known) {
  const std::vector<std::string> words = turn.list("providers");
  if (words.empty()) return known;
  for (const std::string& word : words) {
    if (std::ranges::binary_search(known, word)) continue;
    const auto near = model::nearest(word, known);
    return fail(Code::kNotFound, fmt::format("nothing is shown to `{}`", word), {},
                near ? "did you mean " + *near + "?" : "rtt view mount " + word);
  }
  return words;
}

// The user's own file decides; RTT says what to write there and does not. A file that names the folder may
// say so in many ways, and is taken at its word.
void tell_of_trust(const Planned& planned, const std::string& root, Json& problems) {
  for (const RenderedView& view : planned.rendered.views) {
    const views::Provider* const provider = planned.rendered.providers.find(view.provider);
    if (provider == nullptr || provider->trust.file.empty()) continue;
    const std::string file = fmt::format("{}/{}", os::home_directory(), provider->trust.file);
    const auto text = os::read_file(file, limits::kClientConfigBytesMax);
    if (text && text->contains(root)) continue;
    problems.push(model::to_json(
        {.severity = model::Severity::kWarning,
         .file = model::view_path(view.provider),
         .code = Code::kNeedsConsent,
         .message =
             fmt::format("{} takes servers and agents of a project only where its user trusts the folder",
                         provider->product),
         .hint = fmt::format("trust it there, or add to ~/{}: {}", provider->trust.file,
                             views::path_for(provider->trust.entry, text::to_json(Json(root))))}));
  }
}

Result<views::Project> open_project(const Workspace& workspace) {
  return views::Project::open(workspace.root, tree_store(workspace));
}

}  // namespace

Result<Json> verb_view_ls(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const Planned planned,
              make_plan(workspace, {.store = registry::LoadOptions::Store::kReadOnly}, QuickConnects::kKeep));
  RTT_TRY_SET(const views::Project project, open_project(workspace));
  RTT_TRY_SET(const ViewDrift drift, ViewDrift::look(workspace, planned.rendered));
  Json rows = text::JsonArray{};
  for (const std::string& name : names_of(planned)) {
    const RenderedView* const view = find_view(planned.rendered, name);
    const Digest* const now = root_in(planned.base.views, name);
    const bool stuck = std::ranges::binary_search(planned.rendered.unchanged, name);
    const bool same = view != nullptr && now != nullptr && view->tree.root() == *now;
    const auto places = project.placed().find(name);
    Json row =
        Json::object({{"provider", name},
                      {"state", stuck   ? "broken"
                                : same  ? "shown"
                                : !view ? "leaving"
                                        : "pending"},
                      {"mechanism", places == project.placed().end() ? "none" : forms_of(places->second)},
                      {"drift", to_json(drift.of(name))}});
    row.set("root", now != nullptr ? Json(to_string(*now)) : Json());
    if (view != nullptr) {
      row.set("files", view->tree.files().size());
      row.set("items", view->items.size());
      row.set("losses", losses_json(view->losses));
      row.set("wanted", to_string(view->tree.root()));
    }
    rows.push(std::move(row));
  }
  Json body = Json::object({{"views", filtered(std::move(rows), turn.text("filter"))}});
  if (project.ejected()) body.set("ejected", true);
  if (!planned.base.views.empty()) {
    const views::TreeStore store = tree_store(workspace);
    const auto [set, choice] = store.shown();
    Json how = to_json(choice);
    how.set("readable", can_be_read(store, set));
    body.set("shown", std::move(how));
  }
  Json edited = text::JsonArray{};
  const auto aside = os::list_directory(tree_store(workspace).folder() + "/edited");
  for (const std::string& one : aside ? *aside : std::vector<std::string>{})
    edited.push(".rtt/registry/views/edited/" + one);
  body.set("set_aside", std::move(edited));
  Json known = text::JsonArray{};
  for (const views::Provider& provider : planned.rendered.providers.rows())
    known.push(Json::object({{"name", provider.name}, {"product", provider.product}}));
  if (turn.set("all")) body.set("known", std::move(known));
  Json problems = problems_of(planned.rendered);
  tell_of_trust(planned, workspace.root, problems);
  body.set("problems", std::move(problems));
  return body;
}

namespace {

// By path, what is shown and what is wanted.
using TwoTrees = std::map<std::string, std::pair<const Digest*, const Digest*>>;

Json changes_in(const views::TreeList& shown, const views::TreeList& wanted) {
  TwoTrees files;
  for (const views::ListedFile& file : shown.files()) files[file.path].first = &file.content;
  for (const views::ListedFile& file : wanted.files()) files[file.path].second = &file.content;
  Json changes = text::JsonArray{};
  for (const auto& [path, both] : files) {
    const auto& [was, is] = both;
    const char* const change = was == nullptr ? "added" : is == nullptr ? "removed" : "changed";
    if (was == nullptr || is == nullptr || *was != *is)
      changes.push(Json::object({{"path", path}, {"change", change}}));
  }
  return changes;
}

}  // namespace

Result<Json> verb_view_diff(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const Planned planned,
              make_plan(workspace, {.store = registry::LoadOptions::Store::kReadOnly}, QuickConnects::kKeep));
  RTT_TRY_SET(const std::vector<std::string> names, chosen(turn, names_of(planned)));
  RTT_TRY_SET(const ViewDrift drift, ViewDrift::look(workspace, planned.rendered));
  bool differs = false;
  Json rows = text::JsonArray{};
  for (const std::string& name : names) {
    const RenderedView* const view = find_view(planned.rendered, name);
    const bool stuck = std::ranges::binary_search(planned.rendered.unchanged, name);
    const auto now = drift.shown(name);
    const auto wanted = view ? views::TreeList::of(view->tree) : views::TreeList();
    Json changes = stuck || !now ? Json(text::JsonArray{}) : changes_in(*now, wanted);
    Json drifted = to_json(drift.of(name));
    differs = differs || stuck || !changes.as_array().empty() || !drifted.as_array().empty();
    Json row =
        Json::object({{"provider", name}, {"changes", std::move(changes)}, {"drift", std::move(drifted)}});
    if (stuck) row.set("state", "broken");
    rows.push(std::move(row));
  }
  Json body = Json::object(
      {{"views", std::move(rows)}, {"differs", differs}, {"problems", problems_of(planned.rendered)}});
  if (differs) body.set("exit", static_cast<std::int64_t>(Exit::kPending));
  return body;
}

namespace {

// Clients that list a server of their view a second time, for they were connected by themselves.
Status tell_of_doubles(const Workspace& workspace, const Rendered& rendered, Json& problems) {
  RTT_TRY_SET(const auto records, ConnectStore(workspace).all());
  for (const ConnectRecord& record : records) {
    const RenderedView* const view = find_view(rendered, record.client);
    const mcp::Client* const client = mcp::find_client(record.client);
    if (view == nullptr || client == nullptr || record.scope != to_string(ClientScope::kUser)) continue;
    const bool twice = std::ranges::any_of(view->items, [&](const views::Item& item) {
      if (item.kind != views::ItemKind::kServer) return false;
      // RTT's own entry: mcp serve NAME. In the view it is called by its namespace.
      const Json* args = item.object.find("args");
      const std::string name =
          args == nullptr || args->as_array().size() < 3 ? item.name : args->as_array()[2].as_string();
      if (record.single) return true;
      if (std::ranges::find(record.entries, name, &RecordedEntry::name) == record.entries.end()) return false;
      return name != item.name || client->overlap == mcp::Overlap::kBoth;
    });
    if (!twice) continue;
    problems.push(
        model::to_json({.severity = model::Severity::kWarning,
                        .file = record.file,
                        .code = Code::kNameClash,
                        .message = fmt::format("{} finds servers of this workspace here and in its view, "
                                               "and lists them twice",
                                               client->product),
                        .hint = "rtt mcp disconnect " + record.client}));
  }
  return {};
}

// Writes or removes view files, signs, plans and applies.
Result<Json> change_views(const Turn& turn, const Workspace& workspace, SignedWrite& files, Json body) {
  RTT_TRY_SET(const std::size_t signed_files, files.commit());
  static_cast<void>(signed_files);
  RTT_TRY_SET(const Followed followed, follow_again(workspace));
  static_cast<void>(followed);
  RTT_TRY_SET(Planned planned, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
  RTT_TRY(must_be_plannable(planned));
  RTT_TRY_SET(const auto panel, apply_planned(turn, workspace, planned, body));
  static_cast<void>(panel);
  // Else the next plan would do what was refused now.
  if (body.string_or("state") == "rolled_back") {
    RTT_TRY(files.put_back());
    for (const char* const done : {"created", "removed"}) {
      if (body.find(done) != nullptr) body.set(done, text::JsonArray{});
    }
  }
  RTT_TRY_SET(views::Project project, open_project(workspace));
  RTT_TRY_SET(const views::Trees trees, shown_trees(workspace));
  const views::Choice how = tree_store(workspace).shown().how;
  RTT_TRY_SET(const auto shown, project.look(trees, placing_of(how.mechanism)));
  Json rows = text::JsonArray{};
  for (const views::Project::Part& one : shown) {
    Json paths = text::JsonArray{}, kept = text::JsonArray{};
    for (const views::Place& place : one.placement.places) {
      const auto missing = std::ranges::find_if(one.drift, [&](const views::Drift& drift) {
        return drift.path == place.path && !drift.why.empty();
      });
      if (missing == one.drift.end()) {
        paths.push(Json::object({{"path", place.path}, {"form", to_string(place.form)}}));
      } else {
        kept.push(Json::object({{"path", place.path}, {"why", missing->why}}));
      }
    }
    for (const views::Kept& path : one.placement.kept)
      kept.push(Json::object({{"path", path.path}, {"why", path.why}}));
    const RenderedView* const view = find_view(planned.rendered, one.provider);
    rows.push(Json::object({{"provider", one.provider},
                            {"places", std::move(paths)},
                            {"kept", std::move(kept)},
                            {"losses", view ? losses_json(view->losses) : Json(text::JsonArray{})}}));
  }
  body.set("views", std::move(rows));
  Json problems = problems_of(planned.rendered);
  const std::vector<std::string> named = turn.list("providers");
  const bool stuck = std::ranges::any_of(named, [&](const std::string& name) {
    return std::ranges::binary_search(planned.rendered.unchanged, name);
  });
  if (stuck) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  tell_of_trust(planned, workspace.root, problems);
  if (const Status excluded = project.exclude(); !excluded) {
    model::Problem told = model::problem_from(excluded.error(), ".git/info/exclude");
    told.severity = model::Severity::kWarning;
    told.message = "git will show what is placed: " + told.message;
    problems.push(model::to_json(told));
  }
  RTT_TRY(tell_of_doubles(workspace, planned.rendered, problems));
  body.set("problems", std::move(problems));
  return body;
}

}  // namespace

Result<Json> verb_view_mount(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const auto snapshot, registry::load_snapshot(workspace, {}));
  std::vector<model::Problem> problems;
  const views::ProviderTable providers = known_providers(snapshot, problems);
  SignedWrite files(workspace);
  Json created = text::JsonArray{};
  for (const std::string& name : turn.list("providers")) {
    RTT_TRY(must_be_known(providers, name, problems));
    const std::string path = model::view_path(name);
    if (os::exists(workspace.path(path))) {
      if (!turn.text("env").empty()) {
        return fail(Code::kBadArgument, "the view file is there already, and says its environment itself",
                    path,
                    fmt::format("write \"env\": \"{}\" there, then rtt sign {}", turn.text("env"), path));
      }
      files.sign_as_it_is(path);
      continue;
    }
    // Before anything is written: where an overlay does not fit, nothing could be shown.
    RTT_TRY_SET(const OneView would, render_view(workspace, snapshot, known_providers(snapshot, problems),
                                                 name, turn.text("env")));
    static_cast<void>(would);
    Json file = text::JsonObject{};
    if (!turn.text("env").empty()) file.set("env", turn.text("env"));
    files.write(path, text::to_pretty_json(file));
    created.push(path);
  }
  return change_views(turn, workspace, files, Json::object({{"created", std::move(created)}}));
}

Result<Json> verb_view_unmount(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  SignedWrite files(workspace);
  Json removed = text::JsonArray{};
  for (const std::string& name : turn.list("providers")) {
    const std::string path = model::view_path(name);
    if (!os::exists(workspace.path(path)))
      return fail(Code::kNotFound, fmt::format("nothing is shown to `{}`", name), path, "rtt view ls");
    files.remove(path);
    files.remove(path + ".sig");
    removed.push(path);
  }
  return change_views(turn, workspace, files, Json::object({{"removed", std::move(removed)}}));
}

}  // namespace rtt::panel
