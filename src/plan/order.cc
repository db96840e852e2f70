// SPDX-License-Identifier: Apache-2.0
#include "plan/order.h"

#include <algorithm>
#include <compare>
#include <initializer_list>
#include <string>
#include <tuple>

#include "base/assert.h"

namespace rtt::plan {
namespace {

using model::Route;

bool binds(const Route& route) { return route.origin == "requires"; }

struct Edit {
  const Route* route = nullptr;
  std::size_t from = 0, to = 0;  // endpoints
  std::size_t level = 0;         // its batch
};

std::vector<Edit> edits_of(const std::vector<Route>& routes) {
  std::vector<Edit> out(routes.size());
  for (std::size_t i = 0; i < routes.size(); ++i) out[i].route = &routes[i];
  return out;
}

// Gives the endpoints of all edits their numbers, in canonical text order; returns how many there are.
std::size_t number_endpoints(std::initializer_list<std::vector<Edit>*> lists) {
  struct End {
    std::string name;
    std::size_t* number;
  };
  std::vector<End> ends;
  for (std::vector<Edit>* edits : lists) {
    for (Edit& edit : *edits) {
      ends.push_back({model::identity(edit.route->from), &edit.from});
      ends.push_back({model::identity(edit.route->to), &edit.to});
    }
  }
  std::ranges::sort(ends, {}, &End::name);
  std::size_t count = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (i == 0 || ends[i].name != ends[i - 1].name) ++count;
    *ends[i].number = count - 1;
  }
  return count;
}

// Edits by one of their ends: neighbours[starts[e]..starts[e+1]) are those at endpoint e.
struct Adjacency {
  std::vector<std::size_t> starts, edits;
  Adjacency(const std::vector<Edit>& all, std::size_t Edit::* end, std::size_t endpoints)
      : starts(endpoints + 1) {
    for (const Edit& edit : all) ++starts[edit.*end + 1];
    for (std::size_t i = 0; i < endpoints; ++i) starts[i + 1] += starts[i];
    std::vector<std::size_t> next(starts.begin(), starts.end() - 1);
    edits.resize(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) edits[next[all[i].*end]++] = i;
  }
};

// A route with `requires` waits for its whole `behind` end; `ahead` is the end whose other routes wait for
// it. For adds a route waits until its provider's own requirements are up; for deletes a requirement waits
// until the routes to the symbol that has it are gone.
void level_adds(std::vector<Edit>& adds, std::size_t endpoints) {
  const Adjacency by_provider(adds, &Edit::to, endpoints);
  std::vector<std::size_t> owing(endpoints), ready(endpoints), queue;
  for (const Edit& add : adds) owing[add.from] += binds(*add.route) ? 1 : 0;
  for (std::size_t e = 0; e < endpoints; ++e) {
    if (owing[e] == 0) queue.push_back(e);
  }
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::size_t here = queue[head];
    for (std::size_t k = by_provider.starts[here]; k < by_provider.starts[here + 1]; ++k) {
      Edit& add = adds[by_provider.edits[k]];
      add.level = std::max(add.level, ready[here]);
      if (!binds(*add.route)) continue;
      ready[add.from] = std::max(ready[add.from], add.level + 1);
      if (--owing[add.from] == 0) queue.push_back(add.from);
    }
  }
  for (std::size_t e = 0; e < endpoints; ++e) {  // a circle, excluded by find_cycle: last
    if (owing[e] == 0) continue;
    for (std::size_t k = by_provider.starts[e]; k < by_provider.starts[e + 1]; ++k) {
      adds[by_provider.edits[k]].level = adds.size();
    }
  }
}

void level_deletes(std::vector<Edit>& deletes, std::size_t endpoints) {
  const Adjacency by_consumer(deletes, &Edit::from, endpoints);
  std::vector<std::size_t> owing(endpoints), gone(endpoints), queue;
  for (const Edit& del : deletes) {
    if (binds(*del.route)) {
      ++owing[del.to];
    } else {
      gone[del.to] = 1;
    }
  }
  for (std::size_t e = 0; e < endpoints; ++e) {
    if (owing[e] == 0) queue.push_back(e);
  }
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::size_t here = queue[head];
    for (std::size_t k = by_consumer.starts[here]; k < by_consumer.starts[here + 1]; ++k) {
      Edit& del = deletes[by_consumer.edits[k]];
      if (!binds(*del.route)) continue;
      del.level = gone[here];
      gone[del.to] = std::max(gone[del.to], del.level + 1);
      if (--owing[del.to] == 0) queue.push_back(del.to);
    }
  }
}

using LinkKey = std::tuple<std::string, std::string_view, std::string, std::string, model::RouteClass>;

LinkKey link_key(const Route& route) {
  return {model::identity(route.from), model::to_string(route.to.type), route.to.ns, route.to.name,
          route.route_class};
}

// A new route comes after every deleted one whose id or link it takes over.
void wait_for_deletes(std::vector<Edit>& adds, const std::vector<Edit>& deletes) {
  std::vector<std::pair<RouteId, std::size_t>> by_id;
  std::vector<std::pair<LinkKey, std::size_t>> by_link;
  for (const Edit& del : deletes) {
    by_id.emplace_back(del.route->id, del.level + 1);
    if (del.route->route_class != model::RouteClass::kPubsub)
      by_link.emplace_back(link_key(*del.route), del.level + 1);
  }
  std::sort(by_id.begin(), by_id.end());
  std::sort(by_link.begin(), by_link.end());
  const auto raise = [](const auto& sorted, const auto& key, std::size_t level) {
    auto at = std::partition_point(sorted.begin(), sorted.end(),
                                   [&](const auto& each) { return each.first < key; });
    for (; at != sorted.end() && at->first == key; ++at) level = std::max(level, at->second);
    return level;
  };
  for (Edit& add : adds) {
    add.level = raise(by_id, add.route->id, add.level);
    if (!by_link.empty()) add.level = raise(by_link, link_key(*add.route), add.level);
  }
}

std::strong_ordering order_in_batch(const Route& a, const Route& b) {
  if (const auto by_from = model::canonical_order(a.from, b.from); by_from != 0) return by_from;
  if (a.to.type != b.to.type) return model::to_string(a.to.type) <=> model::to_string(b.to.type);
  if (const auto by_to = model::canonical_order(a.to, b.to); by_to != 0) return by_to;
  return a.route_class <=> b.route_class;
}

}  // namespace

Batches order_batches(const std::vector<Route>& add, const std::vector<Route>& del) {
  std::vector<Edit> adds = edits_of(add), deletes = edits_of(del);
  const std::size_t endpoints = number_endpoints({&adds, &deletes});
  level_deletes(deletes, endpoints);
  wait_for_deletes(adds, deletes);
  level_adds(adds, endpoints);

  struct Entry {
    std::size_t level;
    const Route* route;
    bool adds;
  };
  std::vector<Entry> entries;
  for (const Edit& edit : deletes) entries.push_back({edit.level, edit.route, false});
  for (const Edit& edit : adds) entries.push_back({edit.level, edit.route, true});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.level != b.level) return a.level < b.level;
    const auto by_route = order_in_batch(*a.route, *b.route);
    return by_route != 0 ? by_route < 0 : a.adds < b.adds;
  });
  Batches out;
  std::optional<std::size_t> level;
  for (const Entry& entry : entries) {
    if (level != entry.level) out.emplace_back();
    level = entry.level;
    out.back().push_back((entry.adds ? "A" : "D") + std::to_string(entry.route->id.value));
  }
  return out;
}

std::vector<std::size_t> find_cycle(const std::vector<Route>& routes) {
  if (std::ranges::none_of(routes, binds)) return {};
  std::vector<Edit> edits = edits_of(routes);
  const std::size_t endpoints = number_endpoints({&edits});
  const Adjacency by_consumer(edits, &Edit::from, endpoints);
  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(endpoints, Mark::kNew);
  struct Frame {
    std::size_t endpoint, next;
  };
  for (std::size_t start = 0; start < endpoints; ++start) {
    if (marks[start] != Mark::kNew) continue;
    std::vector<Frame> stack{{start, by_consumer.starts[start]}};
    std::vector<std::size_t> path;  // the edge by which each frame after the first was entered
    marks[start] = Mark::kOpen;
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next == by_consumer.starts[top.endpoint + 1]) {
        marks[top.endpoint] = Mark::kDone;
        stack.pop_back();
        if (!path.empty()) path.pop_back();
        continue;
      }
      const std::size_t edge = by_consumer.edits[top.next++];
      if (!binds(*edits[edge].route)) continue;
      const std::size_t to = edits[edge].to;
      if (marks[to] == Mark::kDone) continue;
      path.push_back(edge);
      if (marks[to] == Mark::kOpen) {  // closed: the path from `to` on is the circle
        const auto first =
            std::find_if(path.begin(), path.end(), [&](std::size_t e) { return edits[e].from == to; });
        return {first, path.end()};
      }
      marks[to] = Mark::kOpen;
      stack.push_back({to, by_consumer.starts[to]});
    }
  }
  return {};
}

}  // namespace rtt::plan
