// SPDX-License-Identifier: Apache-2.0
// view import: a provider's own files as items of the workspace. view why: where a shown file comes from.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <span>

#include "model/saddr.h"
#include "model/view_file.h"
#include "os/file.h"
#include "os/link.h"
#include "panel/client_copies.h"
#include "panel/inside.h"
#include "panel/shown_views.h"
#include "panel/signed_write.h"
#include "panel/workbench.h"
#include "views/decode.h"
#include "views/native_tree.h"
#include "views/overlay.h"
#include "views/own_forms.h"
#include "views/sources.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;
using views::Item;
using views::ItemKind;

struct Source {
  std::string folder;  // absolute: what a provider would see as the project
  std::string below;   // only what is there; empty: everything
};

// Folders as typed: `.claude` means what Claude Code has there, a project means every provider's.
Result<std::vector<Source>> sources_of(const Turn& turn, const std::string& root) {
  std::vector<Source> out;
  for (const std::string& word : turn.list("files")) {
    RTT_TRY_SET(const std::string path,
                os::real_path(word.starts_with('/') ? word : turn.ask.directory + "/" + word));
    const std::size_t slash = path.rfind('/');
    const bool hidden = path.substr(slash + 1).starts_with('.');
    if (!os::is_directory(path))
      return fail(Code::kNotRegular, word + " is no folder", path, "rtt view import .claude");
    out.push_back(hidden ? Source{.folder = path.substr(0, slash), .below = path.substr(slash + 1)}
                         : Source{.folder = path, .below = {}});
  }
  if (out.empty()) out.push_back({.folder = root, .below = {}});
  return out;
}

// Whose files are read: all that are known, those of providers/providers.yaml too, or one.
struct Chosen {
  views::ProviderTable table;
  std::span<const views::Provider> rows;
  std::vector<model::Problem> problems;
};
Result<Chosen> chosen_providers(const Turn& turn, const Result<Workspace>& workspace) {
  Chosen out;
  if (workspace) {
    RTT_TRY_SET(const auto snapshot,
                registry::load_snapshot(*workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
    out.table = known_providers(snapshot, out.problems);
  }
  out.rows = out.table.rows();
  const std::string only = turn.text("from");
  if (only.empty()) return out;
  RTT_TRY(must_be_known(out.table, only, out.problems));
  out.rows = std::span(out.table.find(only), 1);
  return out;
}

struct Adopted {
  std::vector<views::TreeFile> files;       // as the workspace has them
  std::map<std::string, std::string> from;  // by path: the provider
  std::vector<model::Problem> problems;
};

// What is taken so far; one item of a name and kind: the first provider's.
struct Taking {
  std::map<std::pair<ItemKind, std::string>, std::string> taken;
  std::vector<Item> items;
  std::vector<model::Problem> problems;

  void take(const views::Provider& provider, const views::NativeTree& tree, Item&& found,
            const std::vector<std::string>& files) {
    if (found.kind == ItemKind::kServer) return;  // rtt mcp import: its secrets, its pins
    if (!tree.read_whole(found, files)) {
      problems.push_back(not_whole(files.front()));
      return;
    }
    auto item = views::adopted(std::move(found), provider);
    if (!item) {
      problems.push_back(model::problem_from(item.error(), files.front()));
      return;
    }
    const auto [at, first] = taken.try_emplace({item->kind, item->name}, std::string(provider.name));
    if (!first) return;
    if (views::limits_tools_for_itself(*item, provider)) {
      problems.push_back({.severity = model::Severity::kWarning,
                          .file = files.front(),
                          .code = Code::kBadShape,
                          .message = fmt::format("its list of tools is in {}'s own words: other clients "
                                                 "give it every tool",
                                                 provider.product),
                          .hint = {}});
    }
    items.push_back(*std::move(item));
  }
};

// What private views at work hold in a project is nobody's.
views::NativeTreeOptions reading(const Source& source) {
  views::NativeTreeOptions out{.below = source.below};
  const auto workspace = workspace_at(source.folder);
  if (!workspace) return out;
  auto held = views::Placeholders::look(held_where(*workspace));
  if (!held) return out;
  out.skip = [mine = std::make_shared<const views::Placeholders>(*std::move(held))](const std::string& path) {
    return mine->holds(path);
  };
  return out;
}

Result<Adopted> adopt(std::span<const views::Provider> providers, const std::vector<Source>& sources) {
  Taking taking;
  std::vector<views::NativeTree> trees;
  for (const Source& source : sources) {
    RTT_TRY_SET(views::NativeTree tree, views::read_native_tree(source.folder, providers, reading(source)));
    for (const auto& problem : tree.problems) taking.problems.push_back(problem_of(problem));
    trees.push_back(std::move(tree));
  }
  for (const views::Provider& provider : providers) {  // in the order of their names
    for (const views::NativeTree& tree : trees) {
      views::Decoded decoded = views::decode(provider, tree.files);
      for (const auto& problem : decoded.problems) taking.problems.push_back(problem_of(problem));
      for (std::size_t i = 0; i < decoded.items.size(); ++i)
        taking.take(provider, tree, std::move(decoded.items[i]), decoded.files[i]);
    }
  }
  auto& [taken, items, problems] = taking;
  Adopted out;
  out.problems = std::move(problems);
  for (const Item& item : items) {
    views::Encoded own = views::written_down(item);
    for (const views::Loss& loss : own.losses) {
      out.problems.push_back(
          {.severity = model::Severity::kWarning,
           .file = fmt::format("{}/{}", to_string(loss.kind), loss.item),
           .code = Code::kBadShape,
           .message = fmt::format("{} is left out: {}", loss.pointer.empty() ? "it" : loss.pointer, loss.why),
           .hint = {}});
    }
    for (views::TreeFile& file : own.files) {
      out.from[file.path] = taken[{item.kind, item.name}];
      out.files.push_back(std::move(file));
    }
  }
  std::ranges::sort(out.files, {}, &views::TreeFile::path);
  return out;
}

}  // namespace

Result<Json> verb_view_import(const Turn& turn) {
  const auto found = turn.workspace();
  const std::string root = found ? found->root : turn.ask.directory;
  RTT_TRY_SET(const std::vector<Source> sources, sources_of(turn, root));
  RTT_TRY_SET(const Chosen chosen, chosen_providers(turn, found));
  RTT_TRY_SET(Adopted adopted, adopt(chosen.rows, sources));
  adopted.problems.insert(adopted.problems.begin(), chosen.problems.begin(), chosen.problems.end());
  Json rows = text::JsonArray{}, problems = text::JsonArray{};
  std::vector<std::string> will;
  if (!found)
    will.push_back("create " + root + "/.rtt: configuration, and a policy under which nobody else may call");
  for (const views::TreeFile& file : adopted.files) {
    const bool there = os::exists(root + "/" + file.path);
    const std::string from = adopted.from.at(file.path);
    rows.push(Json::object({{"path", file.path}, {"from", from}, {"state", there ? "kept" : "created"}}));
    if (!there) will.push_back(fmt::format("create and sign {} from {}", file.path, from));
  }
  for (const auto& problem : adopted.problems) problems.push(model::to_json(problem));
  Json body = Json::object({{"files", std::move(rows)}, {"problems", std::move(problems)}});
  if (will.empty() || (found && adopted.files.empty())) return body;
  if (turn.consent() == Turn::Consent::kShow)
    return asking("Take these into the workspace?", will, std::move(body));
  if (!found) {
    const api::Ask init{.verb = "init",
                        .args = Json::object({{"consent", "given"}}),
                        .directory = root,
                        .search = "exactly",
                        .deadline_ms = turn.ask.deadline_ms};
    RTT_TRY_SET(const Json made, verb_init(Turn{.ask = init, .part = turn.part, .ports = turn.ports}));
    body.set("workspace", made.string_or("workspace"));
  }
  RTT_TRY_SET(const Workspace workspace, registry::find_workspace({.directory = root}));
  SignedWrite write(workspace);
  for (const views::TreeFile& file : adopted.files) {
    if (os::exists(workspace.path(file.path))) continue;
    const bool beside = file.path.starts_with("skills/") && !file.path.ends_with("/SKILL.md");
    if (beside) {
      write.lay(file.path, file.bytes, file.executable ? 0755 : 0644);
    } else {
      write.write(file.path, file.bytes);
    }
  }
  RTT_TRY_SET(const std::size_t count, write.commit());
  body.set("signed", count);
  return body;
}

Result<Json> verb_view_why(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  std::string path = turn.text("file");
  if (path.starts_with('/')) {
    RTT_TRY_SET(path, inside(workspace, path));
  }
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  RTT_TRY_SET(const Rendered rendered, render_views(workspace, snapshot));
  RTT_TRY_SET(const views::Sources sources, views::gather_sources(workspace, snapshot));
  Json from = text::JsonArray{};
  for (const RenderedView& view : rendered.views) {
    if (view.tree.find(path) == nullptr) continue;
    const views::Provider& forms = *rendered.providers.find(view.provider);
    for (const Item& item : view.items) {
      const views::Encoded alone = views::encode(forms, std::span(&item, 1));
      if (std::ranges::find(alone.files, path, &views::TreeFile::path) == alone.files.end()) continue;
      const std::string name = fmt::format("{}/{}", to_string(item.kind), item.name);
      Json overlays = text::JsonArray{}, losses = text::JsonArray{};
      for (const model::Overlay& overlay : sources.overlays) {
        const bool meant = overlay.target == name ||
                           (overlay.target == model::kGlobalTarget && item.kind == ItemKind::kAgent);
        const bool here = overlay.layer != model::Overlay::Layer::kProvider || overlay.of == view.provider;
        if (meant && here) overlays.push(overlay.path);
      }
      for (const views::Loss& loss : alone.losses)
        losses.push(Json::object({{"member", loss.pointer}, {"why", loss.why}}));
      const auto at = std::ranges::find_if(
          sources.items, [&](const Item& one) { return one.kind == item.kind && one.name == item.name; });
      const auto index = static_cast<std::size_t>(at - sources.items.begin());
      from.push(Json::object({{"provider", view.provider},
                              {"item", name},
                              {"file", at == sources.items.end() ? "" : sources.files[index]},
                              {"overlays", std::move(overlays)},
                              {"losses", std::move(losses)}}));
    }
  }
  if (from.as_array().empty())
    return fail(Code::kNotFound, "no view has the file " + path, path, "rtt view ls");
  return Json::object({{"path", path}, {"from", std::move(from)}});
}

}  // namespace rtt::panel
