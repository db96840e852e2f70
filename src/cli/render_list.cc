// SPDX-License-Identifier: Apache-2.0
// `rtt ls …` as tables.
#include <fmt/format.h>

#include <array>

#include "cli/render.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

using text::Json;

enum class Shown : std::uint8_t { kText, kNumber, kHash, kKey, kCount, kState, kFlagText };
struct Field {
  std::string_view name, heading;
  Shown shown = Shown::kText;
};
struct List {
  std::string_view what, field;
  std::span<const Field> fields;
};

constexpr auto kSymbols = std::to_array<Field>({{"saddr", "SYMBOL"},
                                                {"type", "TYPE"},
                                                {"direction", "DIRECTION"},
                                                {"hash", "HASH", Shown::kHash},
                                                {"signed_by", "SIGNED BY", Shown::kKey},
                                                {"source", "SOURCE"}});
constexpr auto kRoutes = std::to_array<Field>({{"id", "ID", Shown::kNumber},
                                               {"from", "FROM"},
                                               {"to", "TO"},
                                               {"lane", "LANE"},
                                               {"class", "CLASS"},
                                               {"state", "STATE", Shown::kState},
                                               {"breaker", "BREAKER"},
                                               {"origin", "ORIGIN"}});
constexpr auto kAgents = std::to_array<Field>({{"saddr", "AGENT"},
                                               {"model", "MODEL"},
                                               {"tools", "TOOLS", Shown::kCount},
                                               {"skills", "SKILLS", Shown::kCount},
                                               {"signed_by", "SIGNED BY", Shown::kKey},
                                               {"source", "SOURCE"}});
constexpr auto kDrivers = std::to_array<Field>({{"name", "DRIVER"},
                                                {"kind", "KIND"},
                                                {"pid", "PID", Shown::kNumber},
                                                {"state", "STATE", Shown::kState},
                                                {"restarts", "RESTARTS", Shown::kNumber},
                                                {"serves", "SERVES", Shown::kNumber}});
// What `status` knows of them; kinds and symbols are in the files, which it does not read.
constexpr auto kHosts = std::to_array<Field>({{"name", "DRIVER"},
                                              {"pid", "PID", Shown::kNumber},
                                              {"state", "STATE", Shown::kState},
                                              {"restarts", "RESTARTS", Shown::kNumber}});
constexpr auto kKeys = std::to_array<Field>({{"key_id", "KEY"},
                                             {"label", "LABEL"},
                                             {"own", "OWN", Shown::kFlagText},
                                             {"accepted", "ACCEPTED", Shown::kFlagText},
                                             {"revoked", "REVOKED", Shown::kFlagText},
                                             {"file", "FILE"}});
constexpr auto kPlans = std::to_array<Field>({{"plan_id", "PLAN", Shown::kHash},
                                              {"created_at", "MADE"},
                                              {"base", "FROM", Shown::kHash},
                                              {"add", "ADD", Shown::kNumber},
                                              {"del", "DEL", Shown::kNumber},
                                              {"signed_by", "SIGNED BY", Shown::kKey},
                                              {"state", "STATE"},
                                              {"latest", "LATEST", Shown::kFlagText}});
constexpr auto kViews = std::to_array<Field>({{"provider", "PROVIDER"},
                                              {"state", "STATE", Shown::kState},
                                              {"mechanism", "BY"},
                                              {"items", "ITEMS", Shown::kNumber},
                                              {"files", "FILES", Shown::kNumber},
                                              {"root", "ROOT", Shown::kHash}});
constexpr auto kLists = std::to_array<List>({{"symbols", "symbols", kSymbols},
                                             {"routes", "routes", kRoutes},
                                             {"agents", "agents", kAgents},
                                             {"drivers", "drivers", kDrivers},
                                             {"hosts", "drivers", kHosts},
                                             {"keys", "keys", kKeys},
                                             {"plans", "plans", kPlans},
                                             {"views", "views", kViews}});

Tone state_tone(std::string_view state) {
  if (state == "ready" || state == "running" || state == "shown") return Tone::kGood;
  if (state == "tripped" || state == "failed" || state == "drift" || state == "broken") return Tone::kBad;
  return Tone::kWarn;
}

Cell cell(const Field& field, const Json* value) {
  const std::string text = plain(value);
  switch (field.shown) {
    case Shown::kText:
    case Shown::kNumber:
      return {text};
    case Shown::kHash:
      return {short_hash(text), Tone::kDim};
    case Shown::kKey:
      return text.empty() ? Cell{"unsigned", Tone::kWarn} : Cell{text, Tone::kDim};
    case Shown::kCount:
      return {value != nullptr && value->is_array() ? std::to_string(value->as_array().size()) : text};
    case Shown::kState:
      return {text, state_tone(text)};
    case Shown::kFlagText:
      return {text == "true" ? "yes" : ""};
  }
  return {text};
}

}  // namespace

std::string render_list(std::string_view what, const Json& body, const View& view) {
  for (const List& list : kLists) {
    if (list.what != what) continue;
    std::vector<Column> columns;
    for (const Field& field : list.fields) {
      const bool number = field.shown == Shown::kNumber || field.shown == Shown::kCount;
      columns.push_back({std::string(field.heading), number ? Align::kRight : Align::kLeft});
    }
    Table table(std::move(columns));
    for (const Json& row : items(body, list.field)) {
      std::vector<Cell> cells;
      for (const Field& field : list.fields) cells.push_back(cell(field, row.find(field.name)));
      table.add(std::move(cells));
    }
    if (table.empty()) return fmt::format("no {}\n", what);
    std::string text = table.text(view.paint, view.columns);
    if (what == "routes") {
      text +=
          fmt::format("commit {}, wiring {}\n", body.int_or("seq", 0), short_hash(body.string_or("graph")));
    }
    return text;
  }
  return {};
}

}  // namespace rtt::cli
