// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/report.h"

namespace rtt::cli {

using text::Json;

std::string short_hash(std::string_view hash) {
  constexpr std::size_t kShown = 19;  // "sha256-" and 12 digits
  return hash.size() <= kShown ? printable(hash) : printable(hash.substr(0, kShown)) + "…";
}

std::string duration(std::int64_t ns) {
  if (ns < 1'000) return fmt::format("{} ns", ns);
  if (ns < 1'000'000) return fmt::format("{:.3g} µs", static_cast<double>(ns) / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.3g} ms", static_cast<double>(ns) / 1e6);
  return fmt::format("{:.1f} s", static_cast<double>(ns) / 1e9);
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::vector<Json> items(const Json& body, std::string_view field) {
  const Json* list = body.find(field);
  return list != nullptr && list->is_array() ? list->as_array() : std::vector<Json>{};
}

std::string plain(const Json* value) {
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? value->as_string() : text::to_json(*value);
}

std::string joined(const Json& list, std::string_view separator) {
  if (!list.is_array()) return plain(&list);
  std::string text;
  for (const Json& item : list.as_array()) {
    if (!text.empty()) text += separator;
    text += plain(&item);
  }
  return text;
}

std::string render_problems(const Json& body, std::string_view field, const View& view) {
  std::string text;
  for (const Json& problem : items(body, field)) text += problem_text(problem, view.paint);
  return text;
}

namespace {

std::string line(std::string_view label, std::string_view value) {
  constexpr int kLabelCells = 10;
  return value.empty() ? std::string() : fmt::format("{:<{}}{}\n", label, kLabelCells, printable(value));
}

std::string created_and_signed(const Json& body, const View& view) {
  std::string text;
  for (const Json& path : items(body, "created")) {
    text += view.paint(Tone::kGood, "+ ") + printable(plain(&path)) + "\n";
  }
  for (const Json& one : items(body, "signed")) {
    const std::string name =
        one.is_object() ? std::string(one.string_or("saddr", one.string_or("path"))) : plain(&one);
    const bool again =
        one.is_object() && one.find("supersedes") != nullptr && !one.find("supersedes")->is_null();
    text += view.paint(Tone::kGood, again ? "re-signed " : "signed ") + printable(name) + "\n";
  }
  return text;
}

std::string render_init(const Json& body, const View& view) {
  std::string text = created_and_signed(body, view);
  if (text.empty()) text = "nothing to do\n";
  return text + render_problems(body, "problems", view) + line("workspace", body.string_or("workspace"));
}

std::string render_sign(const Json& body, const View& view) {
  const std::string text = created_and_signed(body, view);
  return (text.empty() ? "nothing to sign\n" : text) + render_problems(body, "problems", view);
}

std::string render_up(const Json& body, const View& view) {
  std::string text = created_and_signed(body, view);
  if (const auto imported = items(body, "imported"); !imported.empty()) {
    text += render_mcp("import", Json::object({{"servers", *body.find("imported")}}), view);
  }
  text += render_problems(body, "problems", view) + render_view_notes(body, view);
  if (!body.bool_or("changed", true)) {
    const auto problems = items(body, "problems");
    const bool sound = std::ranges::none_of(
        problems, [](const Json& problem) { return problem.string_or("severity") == "error"; });
    text += sound ? "everything is in place\n" : "everything else is in place\n";
  }
  text += line("workspace", body.string_or("workspace"));
  text += line("wiring", fmt::format("{}, commit {}, {}", counted(body.int_or("routes", 0), "route"),
                                     body.int_or("seq", 0), short_hash(body.string_or("graph"))));
  text += line("panel", fmt::format("{} {}", body.string_or("panel"), plain(body.find("pid"))));
  if (const auto connect = items(body, "connect"); !connect.empty()) {
    text += view.paint(Tone::kBold, "connect a client with") + "\n";
    for (const Json& one : connect) text += "    " + printable(plain(&one)) + "\n";
  }
  return text;
}

std::string render_status(const Json& body, const View& view) {
  const bool up = body.string_or("panel") == "up";
  std::string text =
      fmt::format("{:<10}", "panel") + view.paint(up ? Tone::kGood : Tone::kWarn, up ? "up" : "down");
  if (up) {
    text += fmt::format(", pid {}, generation {}", body.int_or("pid", 0), body.int_or("generation", 0));
    if (const auto ms = body.int_or("uptime_ms", -1); ms >= 0) text += fmt::format(", for {} s", ms / 1000);
  }
  text += "\n" + line("wiring", fmt::format("{}, commit {}, {}", counted(body.int_or("routes", 0), "route"),
                                            body.int_or("seq", 0), short_hash(body.string_or("graph"))));
  text += line("workspace", body.string_or("workspace"));
  if (!items(body, "drivers").empty()) text += "\n" + render_list("hosts", body, view);
  return text;
}

std::string render_doctor(const Json& body, const View& view) {
  std::string text;
  for (const Json& check : items(body, "checks")) {
    const std::string_view state = check.string_or("state");
    const Tone tone = state == "ok" ? Tone::kGood : state == "warn" ? Tone::kWarn : Tone::kBad;
    text += view.paint(tone, fmt::format("{:<5}", printable(state))) + printable(check.string_or("name"));
    if (const auto detail = check.string_or("detail"); !detail.empty()) text += ": " + printable(detail);
    text += "\n";
    const std::string_view hint = check.string_or("hint");
    if (state != "ok" && !hint.empty())
      text += "     " + view.paint(Tone::kNew, "help") + ": " + printable(hint) + "\n";
  }
  return text;
}

std::string render_checked(const Json& body, const View& view) {
  const std::string problems = render_problems(body, "problems", view);
  if (body.bool_or("pending", false)) {
    return problems + view.paint(Tone::kWarn, "changes are pending") +
           ": the committed wiring is not what the files ask for\n" + view.paint(Tone::kNew, "next") +
           ": rtt plan\n";
  }
  if (!body.bool_or("ok", false)) return problems;
  return problems + view.paint(Tone::kGood, "ok") + "\n";
}

std::string render_registry(std::string_view what, const Json& body, const View& view) {
  std::string text;
  if (what == "rebuild") {
    return fmt::format("{}, {}, index {} ({})\n", counted(body.int_or("objects", 0), "object"),
                       counted(body.int_or("ids", 0), "id"), short_hash(body.string_or("index")),
                       body.bool_or("changed", false) ? "changed" : "as it was");
  }
  for (const Json& bad : items(body, "bad")) {
    text += view.paint(Tone::kBad, "bad ") + printable(bad.string_or("file"));
    if (const auto hash = bad.string_or("hash"); !hash.empty()) text += " " + short_hash(hash);
    if (const auto reason = bad.string_or("reason"); !reason.empty()) text += ": " + printable(reason);
    text += "\n";
  }
  const bool ok = body.bool_or("ok", false);
  return text + view.paint(ok ? Tone::kGood : Tone::kBad, ok ? "ok" : "damaged") + ", " +
         counted(body.int_or("objects", 0), "object") + "\n";
}

std::string render_keys(std::string_view what, const Json& body, const View& view) {
  const std::string key = printable(body.string_or("key_id"));
  const std::string label = printable(body.string_or("label"));
  if (what == "new") {
    return view.paint(Tone::kGood, "new key ") + key + (label.empty() ? "" : " (" + label + ")") + "\n" +
           line("kept in", body.string_or("file"));
  }
  const bool changed = body.bool_or("changed", true);
  return key + (label.empty() ? "" : " (" + label + ")") +
         (what == "trust" ? (changed ? " is trusted here now\n" : " was trusted here already\n")
                          : (changed ? " is revoked now\n" : " was revoked already\n"));
}

std::string render_why(const Json& body, const View& view) {
  const bool allowed = body.bool_or("allowed", false);
  std::string text = view.paint(allowed ? Tone::kGood : Tone::kBad, allowed ? "allowed" : "denied") + "  " +
                     printable(body.string_or("from")) + " -> " + printable(body.string_or("to")) + "\n";
  if (const auto reason = body.string_or("reason"); !reason.empty()) text += "  " + printable(reason) + "\n";
  for (const Json& rule : items(body, "rules")) {
    text += rule.bool_or("decides", false) ? view.paint(Tone::kBold, "* ") : std::string("  ");
    text += fmt::format("{} {} -> {}", printable(rule.string_or("effect")), printable(rule.string_or("from")),
                        printable(rule.string_or("to")));
    text += view.paint(Tone::kDim, "  --> " + printable(rule.string_or("where"))) + "\n";
  }
  return text;
}

std::string render_panel(const Json& body, const View& view) {
  const bool up = body.string_or("panel") == "up";
  std::string text;
  for (const Json& one : items(body, "stopped")) {
    text += fmt::format("stopped {} (pid {})\n", printable(one.string_or("name")), one.int_or("pid", 0));
  }
  text += "panel " + view.paint(up ? Tone::kGood : Tone::kWarn, up ? "up" : "down");
  if (up) text += fmt::format(", pid {}", body.int_or("pid", 0));
  return text + (body.bool_or("changed", true) ? "\n" : ", as before\n");
}

std::string render_graph_diff(const Json& body, const Json& diff, const View& view) {
  std::string text = fmt::format("{} {}  {}\n", printable(body.string_or("action")), body.int_or("seq", 0),
                                 printable(body.string_or("ts")));
  const auto list = [&](std::string_view key, Tone tone, std::string_view sign) {
    for (const Json& one : items(diff, key))
      text += view.paint(tone, std::string(sign)) + printable(plain(&one)) + "\n";
  };
  list("del", Tone::kBad, "- ");
  list("add", Tone::kGood, "+ ");
  return text;
}

std::string render_audit(const Json& body, const View& view) {
  if (const Json* diff = body.find("diff")) return render_graph_diff(body, *diff, view);
  if (body.find("ok") == nullptr)
    return body.find("seq") != nullptr ? text::to_pretty_json(body) : std::string();
  const bool ok = body.bool_or("ok", false);
  std::string text =
      view.paint(ok ? Tone::kGood : Tone::kBad, ok ? "ok" : "damaged") + ", " +
      counted(body.int_or("records", 0), "record") +
      fmt::format(", last {}, root {}\n", body.int_or("seq", 0), short_hash(body.string_or("root")));
  if (const Json* checkpoints = body.find("checkpoints");
      checkpoints && checkpoints->int_or("trusted", 0) > 0)
    text += fmt::format("signed up to record {}\n", checkpoints->int_or("signed_to", 0));
  if (const Json* bad = body.find("bad_seq")) text += fmt::format("first bad record: {}\n", plain(bad));
  return text + line("because", body.string_or("problem"));
}

// A verb without a rendering of its own: its fields, one a line.
std::string render_fields(const Json& body) {
  if (!body.is_object()) return text::to_pretty_json(body);
  std::string text;
  for (const auto& [key, value] : body.as_object()) {
    if (key == "schema") continue;
    text += fmt::format("{}: {}\n", printable(key), printable(plain(&value)));
  }
  return text;
}

std::string render_tool_tap(const Json& row, const View& view) {
  std::string text = view.paint(Tone::kDim, std::string(row.string_or("ts").substr(11, 12))) +
                     fmt::format(" {:>8} calls  p50 {:>8}  p95 {:>8}  p99 {:>8}", row.int_or("calls", 0),
                                 duration(row.int_or("p50", 0)), duration(row.int_or("p95", 0)),
                                 duration(row.int_or("p99", 0)));
  if (const std::int64_t errors = row.int_or("errors", 0); errors > 0)
    text += view.paint(Tone::kBad, fmt::format("  {} failed", errors));
  return text + "  " + printable(row.string_or("to")) + "\n";
}

std::string render_tap(const Json& row, const View& view) {
  std::string text =
      view.paint(Tone::kDim, std::string(row.string_or("ts").substr(11, 12))) +
      fmt::format(" {:>4} {:<6}", row.int_or("route_id", 0), printable(row.string_or("lane"))) +
      fmt::format(" {:>8} frames  p50 {:>8}  p95 {:>8}  p99 {:>8}  queue {:>4}", row.int_or("frames", 0),
                  duration(row.int_or("p50", 0)), duration(row.int_or("p95", 0)),
                  duration(row.int_or("p99", 0)), row.int_or("qdepth", 0));
  if (const std::int64_t drops = row.int_or("drops", 0); drops > 0)
    text += view.paint(Tone::kBad,
                       fmt::format("  {} dropped ({})", drops, printable(row.string_or("drop_reason"))));
  return text + "  " + printable(row.string_or("to")) + "\n";
}

}  // namespace

std::string render_line(const Json& entry, const View& view) {
  if (entry.find("route_id") != nullptr) return render_tap(entry, view);
  if (entry.find("p99") != nullptr) return render_tool_tap(entry, view);
  const std::string_view before = entry.string_or("before");
  const std::string_view after = entry.string_or("after");
  std::string text =
      view.paint(Tone::kDim, fmt::format("{:>6} {}", entry.int_or("seq", 0), entry.string_or("ts"))) + " " +
      view.paint(Tone::kBold, fmt::format("{:<10}", printable(entry.string_or("action")))) + " " +
      printable(entry.string_or("who"));
  if (const auto to = entry.string_or("to"); !to.empty()) text += " -> " + printable(to);
  if (const auto outcome = entry.string_or("outcome"); !outcome.empty()) text += "  " + printable(outcome);
  if (const auto reason = entry.string_or("reason"); !reason.empty()) text += "  " + printable(reason);
  if (!after.empty() && before != after) text += view.paint(Tone::kDim, "  -> " + short_hash(after));
  return text + "\n";
}

std::string render(std::string_view verb, const Json& body, const View& view) {
  const std::size_t dot = verb.find('.');
  const std::string_view first = verb.substr(0, dot);
  const std::string_view second = dot == std::string_view::npos ? std::string_view{} : verb.substr(dot + 1);
  if (verb == "up") return render_up(body, view);
  if (verb == "init") return render_init(body, view);
  if (verb == "scan") return render_scan(body, view);
  if (verb == "sign") return render_sign(body, view);
  if (verb == "plan") return render_plan(body, view);
  if (verb == "qc") return render_quick_connect(body, view);
  if (verb == "apply" || verb == "rollback" || verb == "undo") return render_commit(body, view);
  if (first == "ls") return render_list(second, body, view);
  if (verb == "status") return render_status(body, view);
  if (verb == "doctor") return render_doctor(body, view);
  if (verb == "check" || verb == "lint") return render_checked(body, view);
  if (verb == "log" || verb == "tap") return {};  // streamed
  if (verb == "audit") return render_audit(body, view);
  if (first == "registry") return render_registry(second, body, view);
  if (first == "keys") return render_keys(second, body, view);
  if (verb == "policy.why") return render_why(body, view);
  if (first == "panel" || verb == "down") return render_panel(body, view);
  if (verb == "driver.test") return render_driver_test(body, view);
  if (verb == "chaos") return render_chaos(body, view);
  if (first == "mcp") return render_mcp(second, body, view);
  if (first == "run") return render_run(body, view);
  if (first == "view") return render_view(second, body, view);
  if (verb == "dedupe" || verb == "migrate") return render_copies(verb, body, view);
  if (first == "eject") return render_mcp("connect", body, view);
  return render_fields(body);
}

}  // namespace rtt::cli
