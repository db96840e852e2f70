// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/render.h"
#include "cli/table.h"

namespace rtt::cli {

using text::Json;

std::string render_driver_test(const Json& body, const View& view) {
  std::string text =
      fmt::format("{} ({}, {} wire)\n", printable(body.string_or("name", "unnamed")),
                  printable(body.string_or("language", "unknown")), printable(body.string_or("wire")));
  for (const Json& check : items(body, "checks")) {
    const std::string_view state = check.string_or("state");
    const Tone tone = state == "passed" ? Tone::kGood : state == "failed" ? Tone::kBad : Tone::kWarn;
    text += fmt::format("  {}  {}", view.paint(tone, fmt::format("{:<7}", printable(state))),
                        printable(check.string_or("check")));
    if (const auto detail = check.string_or("detail"); !detail.empty()) text += ": " + printable(detail);
    text += "\n";
  }
  if (const auto told = body.string_or("stderr"); !told.empty()) {
    text += "it wrote to stderr:\n";
    for (std::string_view rest = told; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      text += "  " + printable(rest.substr(0, end)) + "\n";
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  const bool ok = body.bool_or("ok", false);
  return text + view.paint(ok ? Tone::kGood : Tone::kBad, ok ? "ok" : "not conformant") + "\n";
}

}  // namespace rtt::cli
