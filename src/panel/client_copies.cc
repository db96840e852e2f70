// SPDX-License-Identifier: Apache-2.0
#include "panel/client_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "crypto/sha256.h"
#include "panel/shown_views.h"
#include "views/native_tree.h"
#include "views/own_forms.h"
#include "views/project.h"
#include "views/sources.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using views::Copy;
using views::Decoded;
using views::ItemKind;
using views::Shared;

// What the workspace has already: its items, its overlays, and which names in the project are its own doing.
struct There {
  std::vector<views::Item> items;
  std::vector<model::Overlay> overlays;
  std::set<std::string> placed;
  std::optional<views::Placeholders> held;  // by private views at work
};

Result<There> look_at(const std::string& root, ClientCopies& out) {
  There there;
  const auto workspace = workspace_at(root);
  if (!workspace) return there;
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(*workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  out.table = known_providers(snapshot, out.problems);
  RTT_TRY_SET(views::Sources sources, views::gather_sources(*workspace, snapshot));
  there.items = std::move(sources.items);
  there.overlays = std::move(sources.overlays);
  RTT_TRY_SET(there.held, views::Placeholders::look(held_where(*workspace)));
  RTT_TRY_SET(const views::Project project, views::Project::open(root, tree_store(*workspace)));
  if (project.ejected()) return there;  // those files are the clients' own
  for (const auto& [provider, places] : project.placed()) {
    for (const views::Place& place : places) there.placed.insert(place.path);
  }
  for (const views::Drift& drift : project.drift()) there.placed.erase(drift.path);
  return there;
}

void add_versions(ClientCopies& out, const views::Provider& provider, const views::NativeTree& tree,
                  Decoded&& read) {
  for (const auto& problem : read.problems) {
    if (problem.weight == views::DecodeProblem::Weight::kLeftOut) out.problems.push_back(problem_of(problem));
  }
  for (std::size_t i = 0; i < read.items.size(); ++i) {
    if (read.items[i].kind == ItemKind::kServer) {
      const auto at = std::ranges::find(out.servers, read.items[i].name, &ClientCopies::Server::name);
      ClientCopies::Server& server =
          at != out.servers.end() ? *at : out.servers.emplace_back(read.items[i].name);
      server.providers.emplace_back(provider.name);
      continue;
    }
    if (!tree.is_all_there_is(read.items[i], read.files[i])) {
      out.problems.push_back(
          {.severity = model::Severity::kWarning,
           .file = read.files[i].front(),
           .code = Code::kBadShape,
           .message = "the skill stays as it is: its folder holds something that no item has",
           .hint = {}});
      continue;
    }
    auto item = views::adopted(std::move(read.items[i]), provider);
    if (item) {
      out.versions.push_back({&provider, *std::move(item), std::move(read.files[i])});
    } else {
      out.problems.push_back(model::problem_from(item.error(), read.files[i].front()));
    }
  }
}

Status must_have(const ClientCopies& copies, const std::string& prefer) {
  if (prefer.empty() || std::ranges::binary_search(copies.providers, prefer)) return {};
  return fail(Code::kNotFound, fmt::format("`{}` has nothing of its own here", prefer), {},
              copies.providers.empty() ? std::string()
                                       : fmt::format("--prefer {}", fmt::join(copies.providers, "|")));
}

}  // namespace

Result<Workspace> workspace_at(const std::string& root) {
  RTT_TRY_SET(Workspace found, registry::find_workspace({.directory = root}));
  if (found.root == root) return found;
  return fail(Code::kNoWorkspace, root + " is no workspace", root, "rtt init");
}

model::Problem problem_of(const views::DecodeProblem& found) {
  return {.severity = model::Severity::kWarning,
          .file = found.file,
          .line = found.line,
          .code = Code::kBadShape,
          .message = found.why,
          .hint = found.hint};
}

model::Problem not_whole(const std::string& file) {
  return {.severity = model::Severity::kWarning,
          .file = file,
          .code = Code::kBadShape,
          .message = "the skill is left out: something in its folder cannot be read",
          .hint = {}};
}

std::size_t ClientCopies::bytes_of(const Copy& copy) const {
  std::size_t bytes = 0;
  for (const std::string& file : copy.files) bytes += files.at(file).bytes;
  return bytes;
}

std::size_t ClientCopies::bytes_before(const Shared& item) const {
  std::size_t bytes = 0;
  for (const Copy& copy : item.copies) bytes += bytes_of(copy);
  return bytes;
}

std::size_t ClientCopies::bytes_left(const Shared& item) const {
  if (duplicates(item) == 0) return bytes_before(item);
  std::size_t bytes = 0;
  if (!item.from.empty()) {
    for (const views::TreeFile& file : views::written_down(item.item).files) bytes += file.bytes.size();
  }
  for (const views::NewOverlay& overlay : item.overlays) bytes += overlay.text.size();
  for (const Copy& copy : item.copies) bytes += copy.stays.empty() ? 0 : bytes_of(copy);
  return bytes;
}

std::size_t duplicates(const Shared& item) { return item.copies.size() - (item.from.empty() ? 0 : 1); }

Result<ClientCopies> find_client_copies(const std::string& root, const std::string& prefer) {
  ClientCopies out;
  RTT_TRY_SET(const There there, look_at(root, out));
  const auto skip = [&](const std::string& path) {
    return there.placed.contains(path) || (there.held && there.held->holds(path));
  };
  RTT_TRY_SET(const views::NativeTree tree,
              views::read_native_tree(root, out.table.rows(), {.below = {}, .skip = skip}));
  for (const auto& problem : tree.problems) out.problems.push_back(problem_of(problem));
  std::vector<Decoded> read;
  for (const views::Provider& provider : out.table.rows())
    read.push_back(views::decode(provider, tree.files));
  const std::vector<bool> used = views::in_use(out.table.rows(), read);
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (!used[i]) continue;
    out.providers.emplace_back(out.table.rows()[i].name);
    add_versions(out, out.table.rows()[i], tree, std::move(read[i]));
  }
  std::ranges::sort(out.problems);  // a file that several clients read is told once
  const auto again = std::ranges::unique(out.problems);
  out.problems.erase(again.begin(), again.end());
  RTT_TRY(must_have(out, prefer));
  out.items =
      views::dedupe(out.versions, {.prefer = prefer, .there = there.items, .overlays_there = there.overlays});
  std::set<std::string> wanted;
  for (const views::Version& version : out.versions)
    wanted.insert(version.files.begin(), version.files.end());
  for (const views::TreeFile& file : tree.files) {
    if (wanted.contains(file.path))
      out.files[file.path] = {.content = crypto::sha256(file.bytes), .bytes = file.bytes.size()};
  }
  return out;
}

}  // namespace rtt::panel
