// SPDX-License-Identifier: Apache-2.0
// The explorer's row: transitions a second over the real step machines, in one whole search.
#include "client.h"
#include "report.h"
#include "search.h"

namespace rtt::bench {

void explore_rows(const Settings& settings, Report& report) {
  const explore::Scenario scenario =
      settings.scale == 1
          ? explore::scenario({.parties = 3}, {.nacks = 1, .deaths = 1, .lost = 1, .doubled = 1, .verify = 1})
          : explore::scenario({.parties = 3}, {.nacks = 1, .lost = 1, .doubled = 1});
  const std::int64_t begin = now_ns();
  const explore::Report found = explore::explore(scenario);
  const std::int64_t took = now_ns() - begin;
  if (found.law != explore::Law::kHolds || !found.complete) give_up(explore::to_text(found));
  report.add({"explorer.transitions",
              static_cast<double>(found.transitions) / (static_cast<double>(took) / 1e9),
              "per s",
              {},
              {}});
}

}  // namespace rtt::bench
