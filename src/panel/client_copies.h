// SPDX-License-Identifier: Apache-2.0
// ClientCopies: what AI clients have of their own in a project, as items, and which of them are copies of one
// another. What RTT shows there itself is none of it.
//
// Thread: one.   Fails: as native_tree.h, load_snapshot, project.h; kNotFound (a preferred client that has
// nothing here).   Limits: the parts'.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/problem.h"
#include "registry/snapshot.h"
#include "views/dedupe.h"
#include "views/provider_file.h"

namespace rtt::panel {

struct ClientCopies {
  struct File {
    Digest content{};
    std::size_t bytes = 0;
  };
  struct Server {  // named in clients' files; `rtt mcp import` takes those
    std::string name;
    std::vector<std::string> providers;
  };
  views::ProviderTable table;
  std::vector<std::string> providers;  // whose folders these are, sorted
  std::vector<views::Version> versions;
  std::vector<views::Shared> items;
  std::map<std::string, File> files;  // of the copies, by path
  std::vector<Server> servers;
  std::vector<model::Problem> problems;

  [[nodiscard]] std::size_t bytes_of(const views::Copy& copy) const;
  // What all copies have, and what one item and its overlays would.
  [[nodiscard]] std::size_t bytes_before(const views::Shared& item) const;
  [[nodiscard]] std::size_t bytes_left(const views::Shared& item) const;
};
// How many of an item's copies are one too many.
std::size_t duplicates(const views::Shared& item);

// `root`: the project; it may have no workspace yet.
Result<ClientCopies> find_client_copies(const std::string& root, const std::string& prefer);
// The workspace whose root this folder is.
Result<registry::Workspace> workspace_at(const std::string& root);

model::Problem problem_of(const views::DecodeProblem& found);
// Of a skill some of whose folder cannot be had (views::NativeTree::read_whole).
model::Problem not_whole(const std::string& file);

}  // namespace rtt::panel
