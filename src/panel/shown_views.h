// SPDX-License-Identifier: Apache-2.0
// What a workspace shows to providers, rendered from what is in force; view_stage.h brings it before them.
//
// A provider is shown something while `views/PROVIDER.view.json` is in force. Rendering is a function of the
// snapshot alone (items, overlays, view files, pinned servers), so a plan names a view by the root of its
// tree, and whoever applies the plan renders again and compares. Trees stay in the store by root, so going
// back needs nothing that is in force today.
//
// Thread: one, blocking.   Fails: as the parts.   Limits: kViewsMax providers.
#pragma once

#include <string>
#include <vector>

#include "model/graph.h"
#include "model/problem.h"
#include "registry/snapshot.h"
#include "text/json.h"
#include "views/encode.h"
#include "views/placeholders.h"
#include "views/provider_file.h"
#include "views/tree_store.h"

namespace rtt::panel {

struct RenderedView {
  std::string provider;
  views::Tree tree;
  std::vector<views::Item> items;  // what it shows, merged
  std::vector<views::Loss> losses;
};
// The built-in providers and those of providers/providers.yaml in force.
views::ProviderTable known_providers(const registry::Snapshot& snapshot,
                                     std::vector<model::Problem>& problems);

// Fails: kNotFound with the nearest name, and what is wrong with the workspace's own table.
Status must_be_known(const views::ProviderTable& providers, const std::string& name,
                     const std::vector<model::Problem>& problems);
text::Json losses_json(const std::vector<views::Loss>& losses);

struct Rendered {
  views::ProviderTable providers;
  std::vector<RenderedView> views;     // sorted by provider
  std::vector<std::string> unchanged;  // sorted: what fits not together here, so they stay as they are
  std::vector<model::Problem> problems;
};
Result<Rendered> render_views(const registry::Workspace& workspace, const registry::Snapshot& snapshot);
// What one provider would be shown, whether or not it has a view file: that one's choice counts, and its
// environment where none is asked for.
struct OneView {
  views::ProviderTable providers;
  const views::Provider* provider = nullptr;  // one of them
  std::string env;
  RenderedView view;
  std::vector<model::Problem> problems;
};
Result<OneView> render_view(const registry::Workspace& workspace, const registry::Snapshot& snapshot,
                            views::ProviderTable providers, const std::string& name, const std::string& env);
// `base`: what is committed, for those that stay.
std::vector<model::View> roots_of(const Rendered& rendered, const std::vector<model::View>& base);

views::TreeStore tree_store(const registry::Workspace& workspace);
// Where the names that private views need in the project meanwhile are on record (views/placeholders.h).
views::HeldWhere held_where(const registry::Workspace& workspace);

}  // namespace rtt::panel
