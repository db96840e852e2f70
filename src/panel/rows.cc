// SPDX-License-Identifier: Apache-2.0
#include "panel/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/flat_map.h"
#include "model/saddr.h"
#include "panel/hosts.h"
#include "text/glob.h"

namespace rtt::panel {

using text::Json;

// The lane is the one that carries the route, which may be a fallback of the planned one; a route that waits
// shows the planned one.
Json route_row(const model::Route& route, const Wiring::View& view) {
  return Json::object({{"breaker", "closed"},
                       {"class", to_string(route.route_class)},
                       {"from", model::identity(route.from)},
                       {"id", static_cast<std::int64_t>(route.id.value)},
                       {"lane", view.lane.empty() ? std::string(to_string(route.lane)) : view.lane},
                       {"origin", route.origin},
                       {"state", view.state},
                       {"to", model::identity(route.to)}});
}

namespace {

// A part of its address, or a short form of it.
bool names_end(std::string_view word, const model::Saddr& end) {
  if (model::identity(end).find(word) != std::string::npos) return true;
  const auto meant = model::resolve_short(word, {end});
  return meant && meant->ns == end.ns && meant->type == end.type && meant->name == end.name &&
         (meant->variant.empty() || meant->variant == end.variant) &&
         (!meant->range || meant->range->contains(*end.version));
}

Error no_route(const model::Graph& graph, std::string_view word) {
  std::vector<std::string> known;
  for (const model::Route& route : graph.routes) {
    known.push_back(model::route_name(route));
    for (const model::Saddr* end : {&route.from, &route.to}) {
      known.push_back(end->ns + "/" + end->name);
      known.push_back(end->name);
    }
  }
  const auto near = model::nearest(word, known);
  return {Code::kNotFound,
          fmt::format("no route is `{}`", word),
          {},
          near ? fmt::format("did you mean {}? rtt ls routes", *near) : std::string("rtt ls routes"),
          {}};
}

}  // namespace

Result<RouteId> route_named(const model::Graph& graph, std::string_view word) {
  std::string_view number = word;
  if (number.starts_with("route/")) number.remove_prefix(6);
  std::uint32_t id = 0;
  const auto [stop, status] = std::from_chars(number.data(), number.data() + number.size(), id);
  const bool is_number = status == std::errc() && stop == number.data() + number.size();
  std::optional<model::RouteText> pair;
  if (word.find(" -") != std::string_view::npos) {
    RTT_TRY_SET(pair, model::split_route(word));
  }
  const auto named = [&](const model::Route& route) {
    if (is_number) return route.id.value == id;
    if (pair) return names_end(pair->from, route.from) && names_end(pair->to, route.to);
    return names_end(word, route.from) || names_end(word, route.to);
  };
  std::vector<const model::Route*> found;
  for (const model::Route& route : graph.routes) {
    if (named(route)) found.push_back(&route);
  }
  if (found.empty()) return std::unexpected(no_route(graph, word));
  if (found.size() > 1) {
    std::string names;
    for (const model::Route* route : found)
      names +=
          fmt::format("{}{} ({})", names.empty() ? "" : ", ", route->id.value, model::route_name(*route));
    return fail(Code::kAmbiguous, fmt::format("several routes are `{}`: {}", word, names), {},
                "name one by its number");
  }
  return found.front()->id;
}

Result<std::int64_t> milliseconds_of(std::string_view span) {
  std::int64_t value = 0;
  const auto [stop, status] = std::from_chars(span.data(), span.data() + span.size(), value);
  const std::string_view unit(stop, static_cast<std::size_t>(span.data() + span.size() - stop));
  const std::int64_t scale = unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : 0;
  if (status != std::errc() || scale == 0 || value < 1 || value > 86'400'000 / scale) {
    return fail(Code::kBadArgument, fmt::format("`{}` is no span of time up to a day", span), {},
                "write 250ms, 5s or 2m");
  }
  return value * scale;
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
      if (const Json* child = live.find("child")) line.set("child", *child);
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
