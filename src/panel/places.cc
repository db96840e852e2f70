// SPDX-License-Identifier: Apache-2.0
#include "panel/places.h"

#include "model/limits.h"
#include "os/dir.h"

namespace rtt::panel {

Places::Places(const registry::Workspace& workspace, const registry::Snapshot& snapshot)
    : workspace_(workspace) {
  for (const registry::SymbolEntry& entry : snapshot.symbols) {
    by_address_.emplace(model::identity(entry.contract.saddr), &entry);
  }
}

std::string Places::in_file(const std::string& where) {
  const std::size_t space = where.find(" /");
  const auto at = by_address_.find(std::string_view(where).substr(0, space));
  if (at == by_address_.end()) return where;
  const registry::SymbolEntry& entry = *at->second;
  // The file of a symbol whose last signed version is in force says something else by now.
  const bool as_written = entry.standing != registry::Standing::kLastSigned;
  if (space == std::string::npos || !as_written || ++located_ > kPlacesMax) return entry.source;
  if (file_ != entry.source) {
    auto read = os::read_beneath(workspace_.root, entry.source, limits::kManifestBytesMax);
    if (!read) return entry.source;
    file_ = entry.source;
    text_ = std::move(read->content);
  }
  return model::place_in_file(text_, file_, entry.pointer + where.substr(space + 1));
}

void name_places(Places& places, plan::Outcome& outcome) {
  for (plan::Conflict& conflict : outcome.conflicts) conflict.where = places.in_file(conflict.where);
  for (model::Problem& warning : outcome.warnings) {
    if (warning.line != 0) continue;
    const model::Problem placed = model::problem_from(
        {.code = warning.code, .message = {}, .where = places.in_file(warning.file), .hint = {}}, "");
    warning.line = placed.line;
    warning.column = placed.column;
    warning.file = placed.file;
  }
}

void name_reasons(Places& places, plan::Outcome& outcome) {
  constexpr std::string_view kWantedBy = "wanted by ";
  for (plan::RouteReport& report : outcome.reports) {
    for (std::string& because : report.because) {
      if (!because.starts_with(kWantedBy)) continue;
      because = std::string(kWantedBy) + places.in_file(because.substr(kWantedBy.size()));
    }
  }
}

}  // namespace rtt::panel
