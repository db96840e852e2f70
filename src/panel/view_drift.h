// SPDX-License-Identifier: Apache-2.0
// ViewDrift: what a client finds otherwise than its view has it, whoever made it so and wherever it lies: in
// the project's places, in files of the project's own that stand where the view's would be, and in the tree
// that the places lead to.
//
// A file of the project's own is compared by what its client reads of it: one that says the same in other
// bytes is no drift. A path that several providers have is each one's.
//
// Thread: one, blocking.   Fails: as views/project.h.   Limits: the parts'.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "panel/shown_views.h"
#include "views/project.h"
#include "views/tree_list.h"

namespace rtt::panel {

struct DriftRow {
  std::string path;  // relative to the workspace
  // changed gone replaced old: of what was placed (views/project.h); changed gone added: in the tree that
  // is shown; own: the project's file is there instead; unreadable damaged: nothing can be said of a file
  std::string_view state;
  std::string why{};
};

class ViewDrift {
 public:
  static Result<ViewDrift> look(const registry::Workspace& workspace, const Rendered& rendered);

  [[nodiscard]] std::vector<DriftRow> of(const std::string& provider) const;
  [[nodiscard]] std::vector<DriftRow> all() const;
  // Which files it is shown, whatever was done to them; nothing where that is not known any more.
  [[nodiscard]] std::optional<views::TreeList> shown(const std::string& provider) const;

 private:
  friend class DriftLook;
  struct One {
    std::vector<DriftRow> rows;
    std::optional<views::TreeList> list = views::TreeList();  // of no files where nothing is shown
    std::optional<views::Tree> tree;
  };
  void add(const std::string& provider, DriftRow row);

  std::map<std::string, One> all_;  // by provider
};

text::Json to_json(const std::vector<DriftRow>& rows);  // [{"path","state","why"?}]

}  // namespace rtt::panel
