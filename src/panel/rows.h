// SPDX-License-Identifier: Apache-2.0
// Rows: the lines of `ls` answers, made the same way by the panel and by a process that answers without one.
//
// Thread: any (pure).   Fails: never.   Limits: the caller's.
#pragma once

#include <string>
#include <string_view>

#include "model/graph.h"
#include "panel/wiring.h"
#include "registry/snapshot.h"
#include "text/json.h"

namespace rtt::panel {

// {id,from,to,lane,class,state,breaker,origin}
text::Json route_row(const model::Route& route, const Wiring::View& view);
// {name,kind,pid,state,restarts,serves}: every driver instance the snapshot needs, with what `running` says
// of it.
text::Json driver_rows(const registry::Snapshot& snapshot, const text::Json& running);
// The route a person means: `7`, `route/7`, `A -> B`, or an end that only one route has; an end by its short
// form or a part of its address (kNotFound, kAmbiguous, kBadRoute).
Result<RouteId> route_named(const model::Graph& graph, std::string_view word);
// `5s`, `250ms`, `2m` as milliseconds; kBadArgument.
Result<std::int64_t> milliseconds_of(std::string_view span);
// Keeps rows in which some text field contains `filter`; with `*` a field must match as a whole.
text::Json filtered(text::Json rows, std::string_view filter);

// Whether `file` is one of `paths`, lies below one, or is the signature file of one; no paths mean every
// file.
[[nodiscard]] bool names_file(const std::vector<std::string>& paths, std::string_view file);

}  // namespace rtt::panel
