// SPDX-License-Identifier: Apache-2.0
// ClientEdits: what somebody changed in the files a provider is shown, as the tree it would be with that.
//
// Three places hold edits: copies in the project that have other bytes than were placed (and what stands in
// the place of a link), a tree in the store that somebody wrote into, and trees that were set aside for it.
// Besides, a client may have made files of its own beside ours, in folders where it looks for items. What is
// gone is no edit: it is told, and comes back with the next apply.
//
// Thread: one, blocking.   Fails: as views/native_tree.h.   Limits: those of views/tree.h,
// views/native_tree.h.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "panel/shown_views.h"
#include "views/project.h"

namespace rtt::panel {

struct ClientEdit {
  std::string from;    // where it lies, relative to the workspace
  Digest content{};    // of its bytes
  bool placed = true;  // in the project, where an item's file is placed once it is taken
};
struct ClientEdits {
  std::vector<views::TreeFile> files;       // the tree as it is now, sorted by path
  std::map<std::string, ClientEdit> edits;  // by path in the tree
  std::vector<model::Problem> problems;
};

class ClientEditsReader {
 public:
  // `wanted`: whether a path, relative to the workspace, is asked about.
  ClientEditsReader(const registry::Workspace& workspace, const views::ProviderTable& providers,
                    std::function<bool(const std::string& path)> wanted)
      : workspace_(workspace), providers_(providers), wanted_(std::move(wanted)) {}

  // `tree`: what the provider is shown. A new file that several providers read is the first one's.
  Result<ClientEdits> read(const model::View& view, const views::Tree& tree, const views::Project& project);

 private:
  void take(ClientEdits& out, const std::string& path, const std::string& folder, const std::string& file,
            bool placed) const;
  void take_drift(ClientEdits& out, const std::string& provider, const views::Tree& tree,
                  const views::Project& project) const;
  void take_store(ClientEdits& out, const model::View& view, const views::Tree& tree) const;
  Status take_new(ClientEdits& out, const model::View& view, const views::Tree& tree,
                  const views::Project& project);

  const registry::Workspace& workspace_;
  const views::ProviderTable& providers_;
  std::function<bool(const std::string& path)> wanted_;
  std::optional<std::vector<views::TreeFile>> beside_;  // what lies in the project and is none of ours
  std::set<std::string> given_;                         // of these, what a provider had already
};

}  // namespace rtt::panel
