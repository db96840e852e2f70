// SPDX-License-Identifier: Apache-2.0
// Plans as a diff, scans and commits.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cli/render.h"
#include "cli/table.h"

namespace rtt::cli {
namespace {

using text::Json;

std::string reasons(const Json& route, const View& view) {
  const Json* explain = route.find("explain");
  if (!view.explain || explain == nullptr) return {};
  std::string text;
  for (const Json& because : items(*explain, "because")) {
    text += "      " + view.paint(Tone::kDim, "because ") + printable(plain(&because)) + "\n";
  }
  for (const Json& rejected : items(*explain, "rejected")) {
    text += "      " + view.paint(Tone::kDim, "not ") + printable(rejected.string_or("candidate")) + ": " +
            printable(rejected.string_or("rule"));
    if (const auto why = rejected.string_or("why"); !why.empty()) text += ", " + printable(why);
    if (const auto where = rejected.string_or("where"); !where.empty()) {
      text += view.paint(Tone::kDim, "  --> " + printable(where));
    }
    text += "\n";
  }
  return text;
}

std::string details(const Json& route) {
  std::string text = fmt::format("{} {}", route.string_or("lane"), route.string_or("class"));
  const std::string_view origin = route.string_or("origin");
  if (!origin.empty()) text += fmt::format(" ({})", origin);
  return printable(text);
}

std::string diff_line(char sign, Tone tone, const Json& route, const View& view) {
  return view.paint(tone, fmt::format("{} {} -> {}", sign, printable(route.string_or("from")),
                                      printable(route.string_or("to")))) +
         "  " + view.paint(Tone::kDim, details(route)) + "\n";
}

// The consumer and what it asks for: a deleted and an added route that agree in it are one that moved.
// Version and variant are what a move changes, so they do not count.
std::string wish(const Json& route) {
  std::string to(route.string_or("to"));
  to.resize(std::min({to.size(), to.find('@'), to.find('#')}));
  return fmt::format("{} {} {}", route.string_or("from"), to, route.string_or("class"));
}

// A view that changes is taken away and added.
std::string views_text(const Json& body, const View& view) {
  std::map<std::string, std::string> marks;
  for (const Json& one : items(body, "views_del")) marks[std::string(one.string_or("provider"))] = "-";
  for (const Json& one : items(body, "views_add")) {
    std::string& mark = marks[std::string(one.string_or("provider"))];
    mark = mark.empty() ? "+" : "~";
  }
  std::string text;
  for (const auto& [provider, mark] : marks) {
    const Tone tone = mark == "+" ? Tone::kGood : mark == "-" ? Tone::kBad : Tone::kWarn;
    text += view.paint(tone, fmt::format("{} view of {}", mark, printable(provider))) + "\n";
  }
  const Json* const how = body.find("shown");
  if (!text.empty() && how != nullptr) {
    text += view.paint(Tone::kDim, fmt::format("  shown by {}: {}\n", printable(how->string_or("mechanism")),
                                               printable(how->string_or("why"))));
  }
  return text;
}

}  // namespace

std::string render_plan(const Json& body, const View& view) {
  std::string text = render_problems(body, "problems", view) + render_problems(body, "warnings", view);
  std::vector<Json> added = items(body, "add");
  std::vector<Json> deleted = items(body, "del");
  std::size_t moved = 0;
  for (auto old = deleted.begin(); old != deleted.end();) {
    const auto now =
        std::find_if(added.begin(), added.end(), [&](const Json& one) { return wish(one) == wish(*old); });
    if (now == added.end()) {
      ++old;
      continue;
    }
    text += view.paint(Tone::kWarn, fmt::format("~ {} -> {}", printable(now->string_or("from")),
                                                printable(now->string_or("to")))) +
            view.paint(Tone::kDim, "  was " + printable(old->string_or("to"))) + "\n" + reasons(*now, view);
    ++moved;
    added.erase(now);
    old = deleted.erase(old);
  }
  for (const Json& route : deleted) text += diff_line('-', Tone::kBad, route, view) + reasons(route, view);
  for (const Json& route : added) text += diff_line('+', Tone::kGood, route, view) + reasons(route, view);
  // What people set by hand is shown even when it stays: routes.json does not say it.
  for (const Json& route : items(body, view.explain ? "keep" : "qc"))
    text += diff_line('=', Tone::kPlain, route, view) + reasons(route, view);
  // No plan was possible, or none was written; the error says why.
  if (body.find("add") == nullptr || body.find("error") != nullptr) return text;
  const std::string views = views_text(body, view);
  text += views;
  if (added.empty() && deleted.empty() && moved == 0 && views.empty()) {
    return text +
           fmt::format("nothing to change, {} as wanted\n", counted(body.int_or("unchanged", 0), "route"));
  }
  text += fmt::format("plan {}: {} to add, {} to delete, {} to move, {} unchanged, in {} ms\n",
                      short_hash(body.string_or("plan_id")), added.size(), deleted.size(), moved,
                      body.int_or("unchanged", 0), body.int_or("elapsed_ms", 0));
  if (const auto path = body.string_or("path"); !path.empty()) {
    text += fmt::format("written to {}\n{}: rtt apply\n", printable(path), view.paint(Tone::kNew, "next"));
  }
  return text;
}

std::string render_scan(const Json& body, const View& view) {
  std::string text = render_problems(body, "problems", view);
  Table table({{"STATE"}, {"TYPE"}, {"SYMBOL"}, {"SOURCE"}});
  for (const Json& found : items(body, "found")) {
    const std::string_view state = found.string_or("state");
    if (state == "signed" && !view.all) continue;
    const Tone tone = state == "signed"    ? Tone::kPlain
                      : state == "removed" ? Tone::kBad
                      : state == "added"   ? Tone::kGood
                                           : Tone::kWarn;
    table.add({{std::string(state), tone},
               {std::string(found.string_or("type"))},
               {std::string(found.string_or("saddr"))},
               {std::string(found.string_or("source")), Tone::kDim}});
  }
  if (!table.empty()) text += table.text(view.paint, view.columns);
  const auto servers = items(body, "servers");
  for (const Json& server : servers) {
    text += fmt::format("MCP server {} in {} is not imported\n", printable(server.string_or("name")),
                        printable(server.string_or("file")));
  }
  if (!servers.empty()) text += view.paint(Tone::kNew, "next") + ": rtt mcp import\n";
  text += fmt::format("{}: {} added, {} changed, {} removed, {} unsigned, in {} ms\n",
                      counted(body.int_or("symbols", 0), "symbol"), body.int_or("added", 0),
                      body.int_or("changed", 0), body.int_or("removed", 0), body.int_or("unsigned", 0),
                      body.int_or("elapsed_ms", 0));
  if (body.int_or("unsigned", 0) > 0) text += view.paint(Tone::kNew, "next") + ": rtt sign\n";
  return text;
}

std::string render_commit(const Json& body, const View& view) {
  const std::string_view state = body.string_or("state");
  const Tone tone = state == "rolled_back" ? Tone::kBad : Tone::kGood;
  const std::string word = state == "rolled_back" ? "rolled back, everything is as before" : printable(state);
  std::string text = view.paint(tone, word) + fmt::format(", commit {}, wiring {}\n", body.int_or("seq", 0),
                                                          short_hash(body.string_or("graph")));
  if (const auto reason = body.string_or("reason"); !reason.empty())
    text += "  = " + printable(reason) + "\n";
  for (const auto& [list, told] :
       {std::pair{"accepted", "put back "}, std::pair{"kept", "left as it is, changed since: "}}) {
    const Json* const paths = body.find(list);
    if (paths == nullptr || !paths->is_array()) continue;
    for (const Json& path : paths->as_array())
      text += fmt::format("  {}{}\n", told, printable(path.is_string() ? path.as_string() : ""));
  }
  return text + render_view_notes(body, view);
}

std::string render_quick_connect(const Json& body, const View& view) {
  const std::string_view state = body.string_or("state");
  const std::string route =
      fmt::format("{} -> {}", printable(body.string_or("from")), printable(body.string_or("to")));
  const std::string_view replaced = body.string_or("replaced");
  std::string text;
  if (state == "unchanged") {
    text = view.paint(Tone::kPlain, "= " + route) + "\n";
  } else if (state == "committed" && replaced.empty()) {
    text = view.paint(Tone::kGood, "+ " + route) + "\n";
  } else if (state == "committed") {
    text =
        view.paint(Tone::kWarn, "~ " + route) + view.paint(Tone::kDim, "  was " + printable(replaced)) + "\n";
  }
  if (state == "planned") {
    return view.paint(replaced.empty() ? Tone::kGood : Tone::kWarn,
                      (replaced.empty() ? "+ " : "~ ") + route) +
           (replaced.empty() ? "" : view.paint(Tone::kDim, "  was " + printable(replaced))) +
           fmt::format("\nwritten to {}\n{}: rtt apply {}, or rtt sign {} to let an agent do it\n",
                       printable(body.string_or("path")), view.paint(Tone::kNew, "next"),
                       printable(body.string_or("plan_id")), printable(body.string_or("plan_id")));
  }
  text += render_commit(body, view);
  if (const auto ns = body.int_or("flip_ns", 0); state == "committed" && ns > 0)
    text += fmt::format("flipped in {}\n", duration(ns));
  return text;
}

}  // namespace rtt::cli
