// SPDX-License-Identifier: Apache-2.0
// `rtt dedupe` and `rtt migrate`.
#include <fmt/format.h>

#include "cli/render.h"
#include "cli/report.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

using text::Json;

// 980 B, 24.1 kB, 3.2 MB
std::string bytes(std::int64_t count) {
  if (count < 1000) return fmt::format("{} B", count);
  if (count < 1'000'000) return fmt::format("{:.1f} kB", static_cast<double>(count) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(count) / 1e6);
}

std::string list(const Json& row, std::string_view field) {
  const Json* found = row.find(field);
  return found == nullptr ? std::string() : printable(joined(*found));
}

std::string first_file(const Json& row) {
  const auto all = items(row, "files");
  if (all.empty()) return {};
  std::string text = all.front().is_string() ? printable(all.front().as_string()) : std::string();
  if (all.size() > 1) text += fmt::format(" and {} more", all.size() - 1);
  return text;
}

std::string copy_line(const Json& copy, const View& view) {
  const std::string_view state = copy.string_or("state");
  std::string line = fmt::format("  {:<8}{}  {}  {}", state, first_file(copy), bytes(copy.int_or("bytes", 0)),
                                 list(copy, "providers"));
  if (!list(copy, "differs").empty()) line += ": " + list(copy, "differs");
  std::string text = view.paint(state == "same"   ? Tone::kGood
                                : state == "more" ? Tone::kWarn
                                                  : Tone::kBad,
                                line) +
                     "\n";
  for (const Json& loss : items(copy, "lacks")) {
    const std::string_view member = loss.string_or("member");
    text += view.paint(Tone::kDim,
                       fmt::format("          {} has no {}: {}", printable(loss.string_or("provider")),
                                   member.empty() ? "place for it" : printable(member),
                                   printable(loss.string_or("why")))) +
            "\n";
  }
  if (!copy.string_or("stays").empty())
    text += view.paint(Tone::kWarn, "          stays as it is: " + printable(copy.string_or("stays"))) + "\n";
  return text;
}

std::string tree(const Json& tree, const View& view) {
  Table table({{"ITEM"},
               {"COPIES", Align::kRight},
               {"DRIFTED", Align::kRight},
               {"BYTES", Align::kRight},
               {"LEFT", Align::kRight},
               {"IN"}});
  std::string each;
  std::size_t places = 0;
  const auto rows = items(tree, "items");
  for (const Json& row : rows) {
    const auto copies = items(row, "copies");
    places += copies.size();
    std::string in;
    for (const Json& copy : copies) in += (in.empty() ? "" : ", ") + list(copy, "providers");
    table.add({{std::string(row.string_or("item"))},
               {std::to_string(copies.size())},
               {std::to_string(row.int_or("drifted", 0)),
                row.int_or("drifted", 0) > 0 ? Tone::kWarn : Tone::kPlain},
               {std::to_string(row.int_or("bytes_before", 0))},
               {std::to_string(row.int_or("bytes_left", 0))},
               {in}});
    each += view.paint(Tone::kBold, printable(row.string_or("item"))) + "\n";
    for (const Json& copy : copies) each += copy_line(copy, view);
  }
  std::string text = printable(tree.string_or("dir")) + "\n";
  if (rows.empty()) return text + "no agents, skills, rules or commands of a provider are here\n";
  text += view.all ? each : table.text(view.paint, view.columns);
  const std::int64_t duplicates = tree.int_or("duplicates", 0);
  text += fmt::format("{} in {} of {}: {}\n", counted(static_cast<std::int64_t>(rows.size()), "item"),
                      counted(static_cast<std::int64_t>(places), "place"), list(tree, "providers"),
                      bytes(tree.int_or("bytes_before", 0)));
  if (duplicates == 0) return text + view.paint(Tone::kGood, "nothing is there twice") + "\n";
  return text +
         view.paint(Tone::kWarn,
                    fmt::format("{} too many, {} drifted; one of each would be {}", duplicates,
                                tree.int_or("drifted", 0), bytes(tree.int_or("bytes_left", 0)))) +
         "\n";
}

std::string migrated(const Json& body, const View& view) {
  const std::string_view result = body.string_or("result");
  std::string text;
  if (result == "nothing") text = "nothing to migrate: no provider has anything of its own here\n";
  if (result == "undone") {
    text = fmt::format("everything is as it was: {} back\n", counted(body.int_or("restored", 0), "file"));
  }
  if (result == "planned" || result == "migrated") {
    for (const Json& row : items(body, "items")) {
      text +=
          view.paint(Tone::kGood, printable(row.string_or("item"))) +
          fmt::format("  from {}, in place of {}\n", printable(row.string_or("from")), list(row, "files"));
      for (const Json& overlay : items(row, "overlays"))
        text += fmt::format("  {}\n", overlay.is_string() ? printable(overlay.as_string()) : "");
    }
    text += fmt::format("{} {} of {}, shown to each of them\n",
                        result == "planned" ? "would replace" : "replaced",
                        counted(body.int_or("moved", 0), "file"), list(body, "providers"));
  }
  for (const Json& one : items(body, "left"))
    text += view.paint(Tone::kWarn,
                       fmt::format("left {}: {}", first_file(one), printable(one.string_or("why")))) +
            "\n";
  if (result == "migrated") text += view.paint(Tone::kDim, "rtt migrate --undo puts everything back") + "\n";
  return text + render_problems(body, "problems", view);
}

}  // namespace

std::string render_copies(std::string_view verb, const Json& body, const View& view) {
  if (verb == "migrate") return migrated(body, view);
  std::string text;
  const auto trees = items(body, "trees");
  bool any = false;
  for (const Json& one : trees) {
    text += tree(one, view) + render_problems(one, "problems", view);
    any = any || one.int_or("duplicates", 0) > 0;
  }
  if (any)
    text += view.paint(Tone::kDim, "rtt migrate makes one of them; rtt migrate --dry-run says how") + "\n";
  return text;
}

}  // namespace rtt::cli
