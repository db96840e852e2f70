// SPDX-License-Identifier: Apache-2.0
// `rtt view …` and `rtt run --dry-run`.
#include <fmt/format.h>

#include <algorithm>

#include "cli/render.h"
#include "cli/report.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

using text::Json;

std::string count_of(const Json& row, std::string_view field) {
  const std::string text = plain(row.find(field));
  return text.empty() ? "-" : text;
}

std::string losses(const Json& row, const View& view) {
  std::string text;
  for (const Json& loss : items(row, "losses")) {
    const std::string_view member = loss.string_or("member");
    const std::string_view item = loss.string_or("item", row.string_or("item"));
    text += view.paint(Tone::kDim,
                       fmt::format("  {} does not get {} of {}: {}", printable(row.string_or("provider")),
                                   member.empty() ? "anything" : printable(member), printable(item),
                                   printable(loss.string_or("why")))) +
            "\n";
  }
  return text;
}

std::string drift(const Json& row, const View& view) {
  std::string text;
  for (const Json& one : items(row, "drift")) {
    const std::string_view why = one.string_or("why");
    text += view.paint(Tone::kWarn, fmt::format("  {} {}{}{}", printable(one.string_or("state")),
                                                printable(one.string_or("path")), why.empty() ? "" : ": ",
                                                printable(why))) +
            "\n";
  }
  return text;
}

std::string list(const Json& body, const View& view) {
  Table table(
      {{"PROVIDER"}, {"STATE"}, {"BY"}, {"ITEMS", Align::kRight}, {"FILES", Align::kRight}, {"ROOT"}});
  std::string below;
  for (const Json& row : items(body, "views")) {
    const std::string_view state = row.string_or("state");
    const Tone tone = state == "shown" ? Tone::kGood : state == "broken" ? Tone::kBad : Tone::kWarn;
    table.add({{std::string(row.string_or("provider"))},
               {std::string(state), tone},
               {std::string(row.string_or("mechanism"))},
               {count_of(row, "items")},
               {count_of(row, "files")},
               {row.string_or("root").empty() ? "-" : short_hash(row.string_or("root"))}});
    below += drift(row, view) + losses(row, view);
  }
  std::string text = table.empty() ? "nothing is shown to anybody: rtt view mount PROVIDER\n"
                                   : table.text(view.paint, view.columns) + below;
  if (const Json* const how = body.find("shown")) {
    text += fmt::format("shown by {}: {}\n", printable(how->string_or("mechanism")),
                        printable(how->string_or("why")));
    if (!how->bool_or("readable", true))
      text += view.paint(Tone::kBad, "what is shown cannot be read now: rtt panel start\n");
  }
  for (const Json& one : items(body, "set_aside"))
    text += fmt::format("an edit is set aside in {}\n", printable(one.is_string() ? one.as_string() : ""));
  if (body.find("known") != nullptr) {
    Table known({{"PROVIDER"}, {"PRODUCT"}});
    for (const Json& row : items(body, "known"))
      known.add({{std::string(row.string_or("name"))}, {std::string(row.string_or("product"))}});
    text += "\n" + known.text(view.paint, view.columns);
  }
  return text + render_problems(body, "problems", view);
}

// What takes an edit back and what brings back what is missing; a file of the project's own is its owner's.
std::string help_for(const Json& row, const View& view) {
  std::string text;
  for (const auto& [states, help] :
       {std::pair{"changed replaced added", "rtt view pull"}, std::pair{"gone old damaged", "rtt apply"},
        std::pair{"own", "remove that file to have the view's there"}}) {
    const auto drifted = items(row, "drift");
    const bool any = std::ranges::any_of(
        drifted, [&](const Json& one) { return std::string_view(states).contains(one.string_or("state")); });
    if (any) text += "  " + view.paint(Tone::kNew, "help") + ": " + help + "\n";
  }
  return text;
}

std::string difference(const Json& body, const View& view) {
  std::string text;
  for (const Json& row : items(body, "views")) {
    std::string lines;
    for (const Json& change : items(row, "changes")) {
      const std::string_view what = change.string_or("change");
      const Tone tone = what == "added" ? Tone::kGood : what == "removed" ? Tone::kBad : Tone::kWarn;
      const char mark = what == "added" ? '+' : what == "removed" ? '-' : '~';
      lines += view.paint(tone, fmt::format("{} {}", mark, printable(change.string_or("path")))) + "\n";
    }
    const std::string edited = drift(row, view);
    lines += edited + help_for(row, view);
    if (row.string_or("state") == "broken")
      lines += view.paint(Tone::kBad, "  an overlay does not fit, so it stays as it is") + "\n";
    if (!lines.empty()) text += printable(row.string_or("provider")) + "\n" + lines;
  }
  if (text.empty()) text = "every provider is shown what it is to be shown\n";
  return text + render_problems(body, "problems", view);
}

std::string not_shown(const Json& row, const View& view) {
  std::string text;
  for (const Json& kept : items(row, "kept")) {
    text += view.paint(Tone::kWarn, fmt::format("  not shown: {}: {}", printable(kept.string_or("path")),
                                                printable(kept.string_or("why")))) +
            "\n";
  }
  return text;
}

std::string changed(const Json& body, const View& view) {
  std::string text;
  for (const Json& row : items(body, "views")) {
    text += printable(row.string_or("provider")) + "\n";
    for (const Json& place : items(row, "places"))
      text +=
          fmt::format("  {} {}\n", printable(place.string_or("form")), printable(place.string_or("path")));
    text += not_shown(row, view) + losses(row, view);
  }
  if (text.empty()) text = "nothing is shown to anybody\n";
  return text + render_view_notes(body, view) + render_problems(body, "problems", view);
}

std::string imported(const Json& body, const View& view) {
  std::string text;
  for (const Json& row : items(body, "files")) {
    const std::string_view state = row.string_or("state");
    text += view.paint(state == "created" ? Tone::kGood : Tone::kDim,
                       fmt::format("{} {}", printable(state), printable(row.string_or("path")))) +
            fmt::format("  from {}\n", printable(row.string_or("from")));
  }
  if (text.empty()) text = "no agents, skills, rules or commands of a provider are here\n";
  return text + render_problems(body, "problems", view);
}

std::string pulled(const Json& body, const View& view) {
  std::string text;
  for (const Json& row : items(body, "changes")) {
    const std::string_view state = row.string_or("state");
    text +=
        view.paint(Tone::kGood, fmt::format("{} {}", printable(state), printable(row.string_or("path")))) +
        fmt::format("  from {}\n", printable(row.string_or("from")));
    for (const Json& each : items(row, "diff")) {
      if (!each.is_string()) continue;
      const Tone tone = each.as_string().starts_with('+') ? Tone::kGood : Tone::kBad;
      text += "    " + view.paint(tone, printable(each.as_string())) + "\n";
    }
  }
  if (text.empty()) text = "nothing that clients edited is to be taken\n";
  return text + render_view_notes(body, view) + render_problems(body, "problems", view);
}

std::string reasons(const Json& body, const View& view) {
  std::string text;
  for (const Json& row : items(body, "from")) {
    text += fmt::format("{} for {}: {}\n", printable(body.string_or("path")),
                        printable(row.string_or("provider")), printable(row.string_or("item")));
    if (!row.string_or("file").empty()) text += fmt::format("  from {}\n", printable(row.string_or("file")));
    for (const Json& overlay : items(row, "overlays"))
      if (overlay.is_string()) text += fmt::format("  with {}\n", printable(overlay.as_string()));
    text += losses(row, view);
  }
  return text;
}

}  // namespace

std::string render_view_notes(const Json& body, const View& view) {
  std::string text;
  for (const Json& note : items(body, "view_notes")) {
    const std::string_view state = note.string_or("state");
    const std::string_view told = state == "left"        ? "left there"
                                  : state == "set_aside" ? "an edit is set aside"
                                                         : "not placed";
    text += view.paint(state == "not_placed" ? Tone::kBad : Tone::kWarn,
                       fmt::format("  {}: {} {}: {}", printable(note.string_or("provider")), told,
                                   printable(note.string_or("path")), printable(note.string_or("why")))) +
            "\n";
  }
  return text;
}

std::string render_run(const Json& body, const View& view) {
  std::string text = printable(body.string_or("provider")) + "\n";
  for (const Json& path : items(body, "shown"))
    if (path.is_string()) text += fmt::format("  {}\n", printable(path.as_string()));
  if (items(body, "shown").empty()) text += "  nothing is shown\n";
  return text + not_shown(body, view) + losses(body, view) + render_problems(body, "problems", view);
}

std::string render_view(std::string_view verb, const Json& body, const View& view) {
  if (verb == "ls") return list(body, view);
  if (verb == "diff") return difference(body, view);
  if (verb == "mount" || verb == "unmount") return changed(body, view);
  if (verb == "import") return imported(body, view);
  if (verb == "pull") return pulled(body, view);
  return reasons(body, view);
}

}  // namespace rtt::cli
