// SPDX-License-Identifier: Apache-2.0
// ClientEdits: what somebody changed in the files a provider is shown, as the tree it would be with that.
//
// Each edit is told from the file that it began with, which an older tree has where others were shown since.
//
// Three places hold edits: copies in the project that have other bytes than were placed (and what stands in
// the place of a link), a tree in the store that somebody wrote into, and trees that were set aside for it.
// Besides, a client may have made files of its own beside ours, in folders where it looks for items; a skill
// among them is whole or not taken. What is gone is no edit: it is told, and comes back with the next apply.
//
// Thread: one, blocking.   Fails: as views/native_tree.h, `tree_of`.   Limits: those of views/tree.h,
// views/native_tree.h.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "panel/shown_views.h"
#include "views/native_tree.h"
#include "views/project.h"

namespace rtt::panel {

struct ClientEdit {
  std::string from;    // where it lies, relative to the workspace
  Digest content{};    // of its bytes
  bool placed = true;  // in the project, where an item's file is placed once it is taken
  bool shown = false;  // the provider was shown such a file
};
struct ClientEdits {
  std::vector<views::TreeFile> shown;       // the tree, what is edited as it was before, sorted by path
  std::vector<views::TreeFile> files;       // the same with the edits
  std::map<std::string, ClientEdit> edits;  // by path in the tree
  std::vector<Error> refused;               // what is edited and cannot be taken
  std::vector<model::Problem> problems;
};

class ClientEditsReader {
 public:
  // What a provider is, or was, shown by a root.
  using TreeOf = std::function<Result<views::Tree>(const model::View&)>;
  // `wanted`: whether a path, relative to the workspace, is asked about.
  ClientEditsReader(const registry::Workspace& workspace, const views::ProviderTable& providers,
                    TreeOf tree_of, std::function<bool(const std::string& path)> wanted)
      : workspace_(workspace),
        providers_(providers),
        tree_of_(std::move(tree_of)),
        wanted_(std::move(wanted)) {}

  // `view`: what is shown, to a provider that is known. A new file that several providers read is the first
  // one's.
  Result<ClientEdits> read(const model::View& view, const views::Project& project);
  // What was set aside of clients to whom nothing is shown now.
  [[nodiscard]] std::vector<model::Problem> unread(const std::vector<model::View>& shown) const;

 private:
  struct Where {                // a file that may be an edit
    const std::string& path;    // in the tree
    const std::string& folder;  // where it lies, and its path there
    const std::string& file;
    bool placed = true;
  };
  void take(ClientEdits& out, const Where& where, const views::Tree& base) const;
  Status take_drift(ClientEdits& out, const model::View& view, const views::Project& project);
  Status take_store(ClientEdits& out, const model::View& view);
  // By root; it stays where it is.
  Result<const views::Tree*> tree(const model::View& view);
  Status take_new(ClientEdits& out, const model::View& view, const views::Tree& tree,
                  const views::Project& project);

  const registry::Workspace& workspace_;
  const views::ProviderTable& providers_;
  TreeOf tree_of_;
  std::function<bool(const std::string& path)> wanted_;
  std::map<Digest, views::Tree> trees_;
  std::optional<views::NativeTree> beside_;  // what lies in the project and is none of ours
  std::set<std::string> given_;              // of these, what a provider had already, or was told
};

}  // namespace rtt::panel
