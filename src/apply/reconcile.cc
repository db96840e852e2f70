// SPDX-License-Identifier: Apache-2.0
#include "apply/reconcile.h"

#include <algorithm>

namespace rtt::apply {
namespace {

using model::Graph;
using model::Route;

constexpr std::size_t kNamedMax = 5;  // routes and commits spelled out in one error

bool before(const Route& a, const Route& b) { return model::route_order(a, b) < 0; }

// The graph this plan starts from, if `graph` is what it leads to.
std::optional<Graph> taken_back(const Graph& graph, const model::Plan& plan) {
  auto undone = model::apply_to(graph, model::inverse(plan, model::graph_root(graph)));
  if (!undone || model::graph_root(*undone) != plan.base) return std::nullopt;
  return std::move(*undone);
}

std::string listed(const std::vector<Route>& routes, std::string_view sign) {
  std::string out;
  for (std::size_t i = 0; i < std::min(routes.size(), kNamedMax); ++i) {
    out += (out.empty() ? "" : ", ") + std::string(sign) + model::route_name(routes[i]);
  }
  if (routes.size() > kNamedMax) out += " and " + std::to_string(routes.size() - kNamedMax) + " more";
  return out;
}

std::string what_changed(const model::Plan& plan, const Committed& committed) {
  const auto& history = committed.ledger.history;
  const Graph* base = nullptr;
  const Graph empty;
  std::size_t since = history.size();  // commits after the last one that made the base
  bool known = false;
  for (std::size_t i = history.size(); i-- > 0 && !known;) {
    if (history[i].root == plan.base) {
      known = true;
      if (history[i].graph) base = &*history[i].graph;
    } else {
      since = i;
    }
  }
  if (!known && model::graph_root(empty) == plan.base) {
    known = true;
    since = 0;
    base = &empty;
  }
  if (!known) return "this workspace never committed the graph the plan starts from";
  std::string out;
  for (std::size_t i = since; i < history.size() && i < since + kNamedMax; ++i) {
    out += (out.empty() ? "since then: commit " : ", commit ") + std::to_string(history[i].seq.value) + " (" +
           std::string(to_string(history[i].action)) +
           (history[i].who.empty() ? "" : " by " + history[i].who) + ")";
  }
  if (history.size() > since + kNamedMax)
    out += " and " + std::to_string(history.size() - since - kNamedMax) + " more";
  if (base == nullptr) return out;
  const Changes changes = changes_between(*base, committed.graph);
  const std::string added = listed(changes.add, "+");
  const std::string deleted = listed(changes.del, "-");
  if (!added.empty()) out += "; " + added;
  if (!deleted.empty()) out += "; " + deleted;
  return out;
}

}  // namespace

Changes changes_between(const Graph& from, const Graph& to) {
  Changes out;
  auto old = from.routes.begin();
  auto now = to.routes.begin();
  while (old != from.routes.end() || now != to.routes.end()) {
    if (now == to.routes.end() || (old != from.routes.end() && before(*old, *now))) {
      out.del.push_back(*old++);
    } else if (old == from.routes.end() || before(*now, *old)) {
      out.add.push_back(*now++);
    } else {
      if (!(*old == *now)) {
        out.del.push_back(*old);
        out.add.push_back(*now);
      }
      ++old;
      ++now;
    }
  }
  return out;
}

Result<Decision> decide(const model::Plan& plan, const Committed& committed) {
  if (taken_back(committed.graph, plan)) return Decision::kUnchanged;
  if (model::graph_root(committed.graph) == plan.base) return Decision::kProceed;
  return fail(Code::kStalePlan,
              "the plan starts from graph " + rtt::to_string(plan.base) + ", committed is " +
                  rtt::to_string(committed.ledger.root) + " (seq " +
                  std::to_string(committed.ledger.seq.value) + "): " + what_changed(plan, committed),
              {}, "rtt plan");
}

}  // namespace rtt::apply
