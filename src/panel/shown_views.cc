// SPDX-License-Identifier: Apache-2.0
#include "panel/shown_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "model/saddr.h"
#include "model/view_file.h"
#include "os/parallel.h"
#include "text/glob.h"
#include "views/overlay.h"
#include "views/sources.h"

namespace rtt::panel {
namespace {

using registry::Snapshot;
using registry::Workspace;
using text::Json;
using views::Item;

std::string provider_of(const std::string& view_path) {
  constexpr std::string_view kStart = "views/", kEnd = ".view.json";
  return view_path.substr(kStart.size(), view_path.size() - kStart.size() - kEnd.size());
}

model::Problem no_provider(const std::string& path, const std::string& name) {
  return {.severity = model::Severity::kError,
          .file = path,
          .code = Code::kNotFound,
          .message = fmt::format("RTT knows no provider `{}`, so nothing is shown to it", name),
          .hint = "rtt view ls --all"};
}

model::Problem matches_nothing(const std::string& path, const std::string& what, const std::string& word,
                               const std::vector<std::string>& known) {
  const auto near = model::nearest(word, known);
  return {.severity = model::Severity::kWarning,
          .file = path,
          .code = Code::kNotFound,
          .message = what,
          .hint = near ? "did you mean " + *near + "?" : ""};
}

// Words of a view file that nothing here answers to, which may be mistyped.
void tell_of_idle_words(const std::string& path, const model::ViewFile& file, const std::vector<Item>& items,
                        const std::vector<model::Overlay>& overlays, std::vector<model::Problem>& problems) {
  std::vector<std::string> names, environments;
  for (const Item& item : items) names.push_back(fmt::format("{}/{}", to_string(item.kind), item.name));
  for (const std::string& pattern : file.show) {
    const bool idle =
        std::ranges::none_of(names, [&](const std::string& name) { return text::glob_match(pattern, name); });
    if (idle && pattern.find('*') == pattern.npos)
      problems.push_back(
          matches_nothing(path, fmt::format("'{}' names nothing that is here", pattern), pattern, names));
  }
  for (const model::Overlay& overlay : overlays) {
    if (overlay.layer == model::Overlay::Layer::kEnv) environments.push_back(overlay.of);
  }
  if (!file.env.empty() && std::ranges::find(environments, file.env) == environments.end())
    problems.push_back(matches_nothing(path, fmt::format("no overlay is for the environment '{}'", file.env),
                                       file.env, environments));
}

// One provider's view on its way; several are made at once.
struct Rendering {
  const registry::ConfigEntry* entry = nullptr;
  std::string name;
  const views::Provider* forms = nullptr;
  std::vector<model::Problem> problems{};
  Result<RenderedView> view = RenderedView{};
};

Result<RenderedView> render(const std::string& name, const views::Provider& forms,
                            const model::ViewFile& file, const views::Sources& sources,
                            std::vector<model::Problem>& problems) {
  if (!sources.servers) return std::unexpected(sources.servers.error());
  std::vector<Item> items = views::server_items(*sources.servers, {.program = "rtt", .client = name});
  items.insert(items.end(), sources.items.begin(), sources.items.end());
  tell_of_idle_words(model::view_path(name), file, items, sources.overlays, problems);
  std::erase_if(items, [&](const Item& item) { return !file.shows(to_string(item.kind), item.name); });
  RTT_TRY_SET(views::Merged merged,
              views::merge_overlays(std::move(items),
                                    {.overlays = sources.overlays, .provider = name, .env = file.env}));
  problems.insert(problems.end(), merged.warnings.begin(), merged.warnings.end());
  views::Encoded encoded = views::encode(forms, merged.items);
  RenderedView view{
      .provider = name, .tree = {}, .items = std::move(merged.items), .losses = std::move(encoded.losses)};
  auto tree = views::Tree::of(std::move(encoded.files));
  if (!tree) {
    return fail(tree.error().code,
                fmt::format("what `{}` would be shown is no tree of files: {}: {}", name, tree.error().where,
                            tree.error().message),
                model::view_path(name), "rtt view ls");
  }
  view.tree = *std::move(tree);
  return view;
}

}  // namespace

views::ProviderTable known_providers(const Snapshot& snapshot, std::vector<model::Problem>& problems) {
  views::ProviderTable table;
  const auto at = std::ranges::find(snapshot.configs, model::kProvidersPath, &registry::ConfigEntry::path);
  if (at == snapshot.configs.end() || at->standing == registry::Standing::kRefused) return table;
  std::ranges::copy(table.add(at->text, at->path), std::back_inserter(problems));
  return table;
}

Json losses_json(const std::vector<views::Loss>& losses) {
  Json list = text::JsonArray{};
  for (const views::Loss& loss : losses) {
    list.push(Json::object({{"item", fmt::format("{}/{}", to_string(loss.kind), loss.item)},
                            {"member", loss.pointer},
                            {"why", loss.why}}));
  }
  return list;
}

Status must_be_known(const views::ProviderTable& providers, const std::string& name,
                     const std::vector<model::Problem>& problems) {
  if (providers.find(name) != nullptr) return {};
  std::vector<std::string> known;
  for (const views::Provider& provider : providers.rows()) known.emplace_back(provider.name);
  const auto near = model::nearest(name, known);
  Error unknown{.code = Code::kNotFound,
                .message = fmt::format("RTT knows no provider `{}`", name),
                .where = {},
                .hint = near ? "did you mean " + *near + "?" : "rtt view ls --all"};
  for (const model::Problem& problem : problems) unknown.causes.push_back(to_string(problem));
  return std::unexpected(std::move(unknown));
}

namespace {

// For a provider that nobody knows no overlay counts, which its author may not.
void tell_of_unknown(const views::Sources& sources, const views::ProviderTable& known,
                     std::vector<model::Problem>& problems) {
  for (const model::Overlay& overlay : sources.overlays) {
    if (overlay.layer != model::Overlay::Layer::kProvider || known.find(overlay.of) != nullptr) continue;
    problems.push_back(
        {.severity = model::Severity::kWarning,
         .file = overlay.path,
         .code = Code::kNotFound,
         .message = fmt::format("RTT knows no provider `{}`, so this overlay changes nothing", overlay.of),
         .hint = "rtt view ls --all"});
  }
}

}  // namespace

Result<Rendered> render_views(const Workspace& workspace, const Snapshot& snapshot) {
  Rendered out;
  out.providers = known_providers(snapshot, out.problems);
  std::vector<Rendering> renderings;
  for (const registry::ConfigEntry& entry : snapshot.configs) {
    if (!model::is_view_path(entry.path) || entry.standing == registry::Standing::kRefused) continue;
    const std::string name = provider_of(entry.path);
    const views::Provider* const forms = out.providers.find(name);
    if (forms == nullptr) {
      out.problems.push_back(no_provider(entry.path, name));
      continue;
    }
    renderings.push_back({.entry = &entry, .name = name, .forms = forms});
  }
  if (renderings.empty()) return out;  // as in most workspaces: nothing is gathered for them
  RTT_TRY_SET(const views::Sources sources, views::gather_sources(workspace, snapshot));
  out.problems.insert(out.problems.end(), sources.problems.begin(), sources.problems.end());
  tell_of_unknown(sources, out.providers, out.problems);
  os::in_parallel(
      renderings.size(),
      [&](std::size_t i) {
        Rendering& one = renderings[i];
        const model::ViewFile file = model::read_view_file(one.entry->text, one.entry->path);
        one.view = render(one.name, *one.forms, file, sources, one.problems);
      },
      2);
  for (Rendering& one : renderings) {
    std::ranges::move(one.problems, std::back_inserter(out.problems));
    if (one.view) {
      out.views.push_back(*std::move(one.view));
    } else {
      out.unchanged.push_back(one.name);
      out.problems.push_back(model::problem_from(one.view.error(), one.entry->path));
    }
  }
  std::ranges::sort(out.unchanged);
  std::ranges::sort(out.views, {}, &RenderedView::provider);
  return out;
}

Result<OneView> render_view(const Workspace& workspace, const Snapshot& snapshot,
                            views::ProviderTable providers, const std::string& name, const std::string& env) {
  OneView out{.providers = std::move(providers)};
  out.provider = out.providers.find(name);
  RTT_ASSERT(out.provider != nullptr);
  model::ViewFile file;
  const std::string path = model::view_path(name);
  const auto at = std::ranges::find(snapshot.configs, path, &registry::ConfigEntry::path);
  if (at != snapshot.configs.end()) {
    if (at->standing == registry::Standing::kRefused) {
      return fail(Code::kUnsigned,
                  fmt::format("what `{}` is to be shown is said by a file that is not in force", name), path,
                  "rtt sign " + path);
    }
    file = model::read_view_file(at->text, path);
  }
  if (!env.empty()) file.env = env;
  out.env = file.env;
  RTT_TRY_SET(const views::Sources sources, views::gather_sources(workspace, snapshot));
  out.problems = sources.problems;
  RTT_TRY_SET(out.view, render(name, *out.provider, file, sources, out.problems));
  return out;
}

std::vector<model::View> roots_of(const Rendered& rendered, const std::vector<model::View>& base) {
  std::vector<model::View> views;
  std::ranges::copy_if(base, std::back_inserter(views), [&](const model::View& view) {
    return std::ranges::binary_search(rendered.unchanged, view.provider);
  });
  for (const RenderedView& view : rendered.views)
    views.push_back({.provider = view.provider, .root = view.tree.root()});
  std::ranges::sort(views, {}, &model::View::provider);
  return views;
}

views::TreeStore tree_store(const Workspace& workspace) {
  return views::TreeStore(workspace.dot("registry/views"));
}

views::HeldWhere held_where(const Workspace& workspace) {
  return {.root = workspace.root, .records = workspace.sockets()};
}

}  // namespace rtt::panel
