// SPDX-License-Identifier: Apache-2.0
#include "panel/rows.h"

#include <algorithm>

#include "base/flat_map.h"
#include "panel/hosts.h"
#include "text/glob.h"

namespace rtt::panel {

using text::Json;

Json route_row(const model::Route& route, std::string_view state) {
  return Json::object({{"breaker", "closed"},
                       {"class", to_string(route.route_class)},
                       {"from", model::identity(route.from)},
                       {"id", static_cast<std::int64_t>(route.id.value)},
                       {"lane", to_string(route.lane)},
                       {"origin", route.origin},
                       {"state", state},
                       {"to", model::identity(route.to)}});
}

Json driver_rows(const registry::Snapshot& snapshot, const Json& running) {
  struct Row {
    std::string kind;
    std::int64_t serves = 0;
  };
  FlatMap<std::string, Row> instances;
  for (const auto& entry : snapshot.symbols) {
    if (entry.standing == registry::Standing::kRefused) continue;
    const std::string instance = instance_of(entry.contract);
    if (instance.empty()) continue;
    Row& row = instances[instance];
    row.kind = entry.contract.driver->use;
    ++row.serves;
  }
  Json rows = text::JsonArray{};
  for (const auto& [name, row] : instances) {
    Json line = Json::object({{"kind", row.kind},
                              {"name", name},
                              {"pid", Json()},
                              {"restarts", 0},
                              {"serves", row.serves},
                              {"state", "stopped"}});
    for (const Json& live : running.as_array()) {
      if (live.string_or("name") != name) continue;
      for (const char* field : {"pid", "restarts", "state"}) line.set(field, *live.find(field));
    }
    rows.push(std::move(line));
  }
  return rows;
}

bool names_file(const std::vector<std::string>& paths, std::string_view file) {
  if (file.ends_with(".sig")) file.remove_suffix(std::string_view(".sig").size());
  return paths.empty() || std::ranges::any_of(paths, [file](const std::string& path) {
           return path.empty() || file == path ||
                  (file.size() > path.size() && file.starts_with(path) && file[path.size()] == '/');
         });
}

Json filtered(Json rows, std::string_view filter) {
  if (filter.empty()) return rows;
  const bool glob = filter.find('*') != std::string_view::npos;
  std::erase_if(rows.as_array(), [&](const Json& row) {
    return std::ranges::none_of(row.as_object(), [&](const auto& field) {
      if (!field.second.is_string()) return false;
      const std::string& value = field.second.as_string();
      return glob ? text::glob_match(filter, value) : value.find(filter) != std::string::npos;
    });
  });
  return rows;
}

}  // namespace rtt::panel
