// SPDX-License-Identifier: Apache-2.0
// dedupe: which of the files that AI clients have in a project are copies of one another.
#include <fmt/format.h>

#include <algorithm>

#include "os/file.h"
#include "panel/client_copies.h"
#include "panel/workbench.h"

namespace rtt::panel {
namespace {

using text::Json;

Json texts(const std::vector<std::string>& list) {
  Json out = text::JsonArray{};
  for (const std::string& one : list) out.push(one);
  return out;
}

Json copy_json(const views::Copy& copy, const ClientCopies& all) {
  Json lacks = text::JsonArray{};
  for (const views::Loss& loss : copy.lacks)
    lacks.push(Json::object({{"provider", loss.provider}, {"member", loss.pointer}, {"why", loss.why}}));
  Json out = Json::object({{"providers", texts(copy.providers)},
                           {"files", texts(copy.files)},
                           {"bytes", all.bytes_of(copy)},
                           {"state", to_string(copy.state)},
                           {"differs", texts(copy.differs)},
                           {"lacks", std::move(lacks)}});
  if (!copy.stays.empty()) out.set("stays", copy.stays);
  return out;
}

struct Total {
  std::size_t before = 0, left = 0, duplicates = 0, drifted = 0;
  Total& operator+=(const Total& other) {
    before += other.before;
    left += other.left;
    duplicates += other.duplicates;
    drifted += other.drifted;
    return *this;
  }
  void put(Json& into) const {
    into.set("bytes_before", before);
    into.set("bytes_left", left);
    into.set("duplicates", duplicates);
    into.set("drifted", drifted);
  }
};

Json tree_json(const std::string& root, const ClientCopies& found, Total& total) {
  Total here;
  Json items = text::JsonArray{}, servers = text::JsonArray{}, problems = text::JsonArray{};
  for (const views::Shared& item : found.items) {
    Json copies = text::JsonArray{};
    for (const views::Copy& copy : item.copies) copies.push(copy_json(copy, found));
    const Total one{.before = found.bytes_before(item),
                    .left = found.bytes_left(item),
                    .duplicates = duplicates(item),
                    .drifted = static_cast<std::size_t>(
                        std::ranges::count(item.copies, views::Copy::State::kDrifted, &views::Copy::state))};
    Json row = Json::object({{"item", fmt::format("{}/{}", to_string(item.item.kind), item.item.name)},
                             {"from", item.from.empty() ? "workspace" : item.from},
                             {"copies", std::move(copies)}});
    Json overlays = text::JsonArray{};
    for (const views::NewOverlay& overlay : item.overlays) overlays.push(overlay.path);
    row.set("overlays", std::move(overlays));
    one.put(row);
    items.push(std::move(row));
    here += one;
  }
  for (const ClientCopies::Server& server : found.servers)
    servers.push(Json::object({{"name", server.name}, {"providers", texts(server.providers)}}));
  for (const model::Problem& problem : found.problems) problems.push(model::to_json(problem));
  Json tree = Json::object({{"dir", root},
                            {"providers", texts(found.providers)},
                            {"items", std::move(items)},
                            {"servers", std::move(servers)},
                            {"problems", std::move(problems)}});
  here.put(tree);
  total += here;
  return tree;
}

}  // namespace

Result<Json> verb_dedupe(const Turn& turn) {
  std::vector<std::string> roots = turn.list("dirs");
  if (roots.empty()) {
    const auto workspace = turn.workspace();
    roots.push_back(workspace ? workspace->root : turn.ask.directory);
  }
  Total total;
  Json trees = text::JsonArray{};
  for (const std::string& word : roots) {
    RTT_TRY_SET(const std::string root, os::real_path(word));
    if (!os::is_directory(root))
      return fail(Code::kNotRegular, word + " is no folder", root, "rtt dedupe DIR");
    RTT_TRY_SET(const ClientCopies found, find_client_copies(root, turn.text("prefer")));
    trees.push(tree_json(root, found, total));
  }
  Json body = Json::object({{"trees", std::move(trees)}});
  total.put(body);
  if (total.duplicates > 0) body.set("exit", static_cast<std::int64_t>(Exit::kPending));
  return body;
}

}  // namespace rtt::panel
