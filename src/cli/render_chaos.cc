// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/render.h"
#include "cli/table.h"

namespace rtt::cli {

using text::Json;

namespace {

// A row a case; below it what it broke, and nothing of what held.
std::string broken(const Json& row, const View& view) {
  std::string text;
  for (const Json& check : items(row, "checks")) {
    if (check.bool_or("ok", false)) continue;
    text += view.paint(Tone::kBad, printable(check.string_or("invariant"))) +
            fmt::format(" in run {} of {}: {}\n", row.int_or("run", 0), printable(row.string_or("name")),
                        printable(check.string_or("detail")));
  }
  return text;
}

}  // namespace

std::string render_chaos(const Json& body, const View& view) {
  Table table({{"RUN", Align::kRight},
               {"CASE"},
               {"FAULT"},
               {"TARGET"},
               {"STRIKES", Align::kRight},
               {"COMMITS", Align::kRight},
               {"CALLS", Align::kRight},
               {"BACK AFTER", Align::kRight},
               {"CHECKS", Align::kRight},
               {"VERDICT"}});
  std::string text;
  for (const Json& row : items(body, "cases")) {
    const bool passed = row.string_or("verdict") == "pass";
    std::int64_t answered = 0;
    for (const Json& calls : items(row, "calls")) answered += calls.int_or("answered", 0);
    const auto checks = items(row, "checks");
    const auto held =
        std::count_if(checks.begin(), checks.end(), [](const Json& one) { return one.bool_or("ok", false); });
    table.add({{std::to_string(row.int_or("run", 0))},
               {std::string(row.string_or("name"))},
               {std::string(row.string_or("action"))},
               {std::string(row.string_or("target"))},
               {std::to_string(row.int_or("strikes", 0))},
               {std::to_string(row.int_or("commits", 0))},
               {std::to_string(answered)},
               {fmt::format("{} ms", row.int_or("recovered_ms", 0))},
               {fmt::format("{}/{}", held, checks.size())},
               {passed ? "pass" : "fail", passed ? Tone::kGood : Tone::kBad}});
    text += broken(row, view);
  }
  const std::int64_t failed = body.int_or("failed", 0);
  return table.text(view.paint, view.columns) + text +
         view.paint(
             failed == 0 ? Tone::kGood : Tone::kBad,
             fmt::format("{} of {} passed", body.int_or("passed", 0), body.int_or("passed", 0) + failed)) +
         fmt::format(", seed {}\n", body.int_or("seed", 0));
}

}  // namespace rtt::cli
