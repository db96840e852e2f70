// SPDX-License-Identifier: Apache-2.0
// Reading of routes and views inside graphs and plans, with the place of each finding.
//
// Thread: any.   Fails: problems go into the Document.
#pragma once

#include <string_view>
#include <vector>

#include "model/document.h"
#include "model/graph.h"

namespace rtt::model {

// A route with errors is left out; Document::errors() tells.
std::vector<Route> read_route_list(Document& document, const text::Json& list, std::string_view pointer);
std::vector<View> read_view_list(Document& document, const text::Json& list, std::string_view pointer);
Digest read_digest(Document& document, const text::Json& object, std::string_view key,
                   std::string_view pointer);
// Whether every neighbour pair is in strictly rising route_order.
bool strictly_sorted(const std::vector<Route>& routes);
bool unique_ids(const std::vector<Route>& routes);

}  // namespace rtt::model
