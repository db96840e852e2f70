// SPDX-License-Identifier: Apache-2.0
// `rtt mcp …`.
#include <fmt/format.h>

#include "cli/render.h"
#include "cli/report.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

using text::Json;

std::string number_or_dash(const Json& row, std::string_view field) {
  const std::string text = plain(row.find(field));
  return text.empty() ? "-" : text;
}

// What one AI client sees, and why it does not see the rest.
std::string client_view(const Json& seen, const View& view) {
  Table table({{"TOOL"}, {"SERVED BY"}, {"HIDDEN BY"}});
  for (const Json& tool : items(seen, "tools"))
    table.add({{std::string(tool.string_or("name"))}, {std::string(tool.string_or("address"))}, {""}});
  for (const Json& tool : items(seen, "hidden")) {
    table.add({{std::string(tool.string_or("name")), Tone::kDim},
               {std::string(tool.string_or("address")), Tone::kDim},
               {std::string(tool.string_or("rule")), Tone::kBad}});
  }
  std::string text = std::string(seen.string_or("client")) + "\n";
  if (!table.empty()) text += table.text(view.paint, view.columns);
  if (const auto notice = seen.string_or("notice"); !notice.empty()) text += printable(notice) + "\n";
  return text;
}

std::string servers_table(const Json& body, const View& view) {
  Table table({{"SERVER"},
               {"STATE"},
               {"TOOLS", Align::kRight},
               {"INSTANCES", Align::kRight},
               {"P99", Align::kRight},
               {"CLIENTS", Align::kRight}});
  for (const Json& server : items(body, "servers")) {
    const std::string_view state = server.string_or("state");
    const Tone tone = state == "ready"                        ? Tone::kGood
                      : state == "failed" || state == "drift" ? Tone::kBad
                                                              : Tone::kWarn;
    const Json* p99 = server.find("p99_ns");
    const std::string_view since = server.string_or("unknown_since");
    table.add({{std::string(server.string_or("name"))},
               {std::string(state) + (since.empty() ? "" : " since " + printable(since)), tone},
               {number_or_dash(server, "tools")},
               {number_or_dash(server, "instances")},
               {p99 != nullptr && p99->is_int() ? duration(p99->as_int()) : "-"},
               {number_or_dash(server, "clients")}});
  }
  const std::string_view trouble = body.string_or("trouble");
  std::string text = !table.empty()    ? table.text(view.paint, view.columns)
                     : trouble.empty() ? "no servers\n"
                                       : std::string();
  if (!trouble.empty()) text += view.paint(Tone::kWarn, printable(trouble)) + "\n";
  text += render_problems(body, "warnings", view);
  const Json* const seen = body.find("view");
  return seen == nullptr ? text : text + "\n" + client_view(*seen, view);
}

std::string imported(const Json& body, const View& view) {
  Table table({{"SERVER"},
               {"STATE"},
               {"VERSION"},
               {"TOOLS", Align::kRight},
               {"RESOURCES", Align::kRight},
               {"PROMPTS", Align::kRight}});
  std::string errors;
  for (const Json& server : items(body, "servers")) {
    const std::string_view state = server.string_or("state");
    const Tone tone = state == "failed" ? Tone::kBad : state == "imported" ? Tone::kGood : Tone::kPlain;
    table.add({{std::string(server.string_or("name"))},
               {std::string(state), tone},
               {std::string(server.string_or("version", "-"))},
               {number_or_dash(server, "tools")},
               {number_or_dash(server, "resources")},
               {number_or_dash(server, "prompts")}});
    if (const Json* error = server.find("error"); error != nullptr && error->is_object()) {
      errors += error_text(*error, view.paint);
    }
    if (state == "differs") {
      errors +=
          view.paint(Tone::kNew, "next") + ": rtt mcp diff " + printable(server.string_or("name")) + "\n";
    }
    for (const Json& warning : items(server, "warnings")) {
      errors += view.paint(Tone::kWarn, "warning") + ": " + printable(server.string_or("name")) + ": " +
                printable(plain(&warning)) + "\n";
    }
  }
  std::string text = table.empty() ? "no servers to import\n" : table.text(view.paint, view.columns);
  text += errors;
  for (const Json& path : items(body, "manifests")) {
    text += view.paint(Tone::kGood, "+ ") + printable(plain(&path)) + "\n";
  }
  for (const Json& rule : items(body, "rules")) {
    text += view.paint(Tone::kGood, "+ ") + "policy: " + printable(plain(&rule)) + "\n";
  }
  if (const Json* secrets = body.find("secrets"); secrets != nullptr && !items(body, "secrets").empty()) {
    text += "kept in your secret store: " + printable(joined(*secrets)) + "\n";
  }
  return text;
}

std::string changed_part(const Json& change, const View& view) {
  const std::string_view kind = change.string_or("change");
  const Tone tone = kind == "added" ? Tone::kGood : kind == "removed" ? Tone::kBad : Tone::kWarn;
  const char* sign = kind == "added" ? "+" : kind == "removed" ? "-" : "~";
  std::string text = "  " +
                     view.paint(tone, fmt::format("{} {} {}", sign, printable(change.string_or("kind")),
                                                  printable(change.string_or("name")))) +
                     "\n";
  for (const Json& line : items(change, "lines")) {
    const std::string shown = printable(plain(&line));
    const Tone line_tone = shown.starts_with('+')   ? Tone::kGood
                           : shown.starts_with('-') ? Tone::kBad
                                                    : Tone::kDim;
    text += "      " + view.paint(line_tone, shown) + "\n";
  }
  return text;
}

std::string difference(const Json& body, const View& view) {
  std::string text;
  for (const Json& server : items(body, "servers")) {
    const std::string name = printable(server.string_or("name"));
    if (!server.bool_or("changed", false)) {
      text += name + ": as accepted\n";
      continue;
    }
    text += view.paint(Tone::kBold, name) + "\n";
    for (const Json& change : items(server, "changes")) text += changed_part(change, view);
    text += view.paint(Tone::kNew, "next") + ": rtt mcp accept " + name + "\n";
  }
  return text.empty() ? "no servers\n" : text;
}

std::string diff_text(const Json& client, const View& view) {
  const std::string file = printable(client.string_or("file"));
  std::string text = view.paint(Tone::kBold, file) + "\n";
  for (const Json& line : items(client, "diff")) {
    const std::string shown = printable(plain(&line));
    const Tone tone = shown.starts_with('+')   ? Tone::kGood
                      : shown.starts_with('-') ? Tone::kBad
                      : shown.starts_with('@') ? Tone::kDim
                                               : Tone::kPlain;
    text += view.paint(tone, shown) + "\n";
  }
  return text;
}

std::string connected(const Json& body, const View& view) {
  std::string text;
  const bool written = body.bool_or("written", false);
  bool pending = false;
  for (const Json& client : items(body, "clients")) {
    const std::string name = printable(client.string_or("client"));
    if (client.find("error") != nullptr) {
      text += name + ": " + view.paint(Tone::kBad, "nothing done") + "\n";
      continue;
    }
    const bool changed = client.bool_or("changed", false);
    const std::string file = printable(client.string_or("file"));
    if (!changed) {
      text += name + ": " + file + " stays as it is\n";
    } else if (written) {
      text += name + ": " + file + " " + view.paint(Tone::kGood, "written") + "\n";
    } else {
      text += diff_text(client, view);
      pending = true;
    }
    for (const Json& server : items(client, "servers")) {
      const std::string why = printable(server.string_or("why"));
      if (!why.empty())
        text += "  " + printable(server.string_or("state")) + " " + printable(server.string_or("name")) +
                ": " + why + "\n";
    }
  }
  for (const Json& one : items(body, "views")) {
    text += printable(one.string_or("provider")) + ": " + counted(one.int_or("files", 0), "file") +
            (written ? " left as real ones; rtt view mount shows it views again\n" : " of its view\n");
    if (one.bool_or("edited", false))
      text += view.paint(Tone::kWarn, "  with what was written into its view") + "\n";
    for (const Json& kept : items(one, "kept")) {
      text +=
          view.paint(Tone::kWarn, fmt::format("  kept as it is: {}: {}", printable(kept.string_or("path")),
                                              printable(kept.string_or("why")))) +
          "\n";
    }
  }
  for (const Json& loss : items(body, "losses")) {
    text += view.paint(Tone::kWarn,
                       fmt::format("  {} does not get {}: {}", printable(loss.string_or("provider")),
                                   printable(loss.string_or("item")), printable(loss.string_or("why")))) +
            "\n";
  }
  if (pending) text += view.paint(Tone::kNew, "next") + ": the same with --write\n";
  return text.empty() ? "no client is connected to this workspace\n" : text;
}

}  // namespace

std::string render_mcp(std::string_view what, const Json& body, const View& view) {
  if (what == "ls") return servers_table(body, view);
  if (what == "import" || what == "add" || what == "pin") return imported(body, view);
  if (what == "diff") return difference(body, view);
  if (what == "connect" || what == "disconnect") return connected(body, view);
  if (what == "login") {
    const std::string ends(body.string_or("ends"));
    return fmt::format("{}: {} at {}{}\n", printable(body.string_or("name")),
                       printable(body.string_or("state")), printable(body.string_or("issuer")),
                       body.bool_or("renews", false) ? ", renewed by itself"
                       : ends.empty()                ? ""
                                                     : ", until " + ends);
  }
  std::string text;
  if (what == "rm") {
    for (const Json& path : items(body, "manifests")) text += printable(plain(&path)) + ": deleted\n";
    for (const Json& rule : items(body, "rules"))
      text += "policy: " + printable(plain(&rule)) + ": taken out\n";
    return text;
  }
  if (what == "sandbox") {
    const bool held = body.find("sandbox") != nullptr && !body.find("sandbox")->is_null();
    return printable(body.string_or("name")) + ": " +
           (!body.bool_or("changed", true) ? "as it was"
            : held                         ? view.paint(Tone::kGood, "held")
                                           : std::string("not held any more")) +
           "\n";
  }
  if (what == "logs") {
    for (const Json& line : items(body, "lines")) text += printable(plain(&line)) + "\n";
    return text;
  }
  for (const Json& server : items(body, "servers")) {
    const std::string name = printable(server.string_or("name"));
    if (what == "accept") {
      text += name +
              (server.bool_or("changed", true) ? ": accepted " + short_hash(server.string_or("hash"))
                                               : std::string(": as accepted before")) +
              "\n";
    } else {
      text += fmt::format("{}: {} (pid {})\n", name, printable(server.string_or("state")),
                          number_or_dash(server, "pid"));
    }
  }
  return text.empty() ? "no servers\n" : text;
}

}  // namespace rtt::cli
