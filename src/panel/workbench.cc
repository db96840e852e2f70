// SPDX-License-Identifier: Apache-2.0
#include "panel/workbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/saddr.h"
#include "os/file.h"

namespace rtt::panel {
namespace {

constexpr auto kVerbs = std::to_array<VerbEntry>({
    {"init", verb_init},
    {"sign", verb_sign},
    {"up", verb_up},
    {"keys.new", verb_keys_new},
    {"ls.keys", verb_keys_ls},
    {"keys.trust", verb_keys_trust},
    {"keys.revoke", verb_keys_revoke},
    {"scan", verb_scan},
    {"ls.symbols", verb_ls_symbols},
    {"ls.agents", verb_ls_agents},
    {"ls.routes", verb_ls_routes},
    {"ls.drivers", verb_ls_drivers},
    {"ls.plans", verb_ls_plans},
    {"ls.views", verb_view_ls},
    {"lint", verb_lint},
    {"registry.verify", verb_registry_verify},
    {"registry.rebuild", verb_registry_rebuild},
    {"policy.why", verb_policy_why},
    {"plan", verb_plan},
    {"check", verb_check},
    {"status", verb_status},
    {"log", verb_log},
    {"audit", verb_audit},
    {"doctor", verb_doctor},
    {"down", verb_down},
    {"panel.stop", verb_panel_stopped},
    {"driver.test", verb_driver_test},
    {"mcp.import", verb_mcp_import},
    {"mcp.diff", verb_mcp_diff},
    {"mcp.pin", verb_mcp_pin},
    {"mcp.accept", verb_mcp_accept},
    {"mcp.add", verb_mcp_add},
    {"mcp.rm", verb_mcp_rm},
    {"mcp.sandbox", verb_mcp_sandbox},
    {"mcp.login", verb_mcp_login},
    {"mcp.ls", verb_mcp_ls},
    {"mcp.connect", verb_mcp_connect},
    {"mcp.disconnect", verb_mcp_disconnect},
    {"eject", verb_eject},
    {"run", verb_run},
    {"dedupe", verb_dedupe},
    {"migrate", verb_migrate},
    {"view.ls", verb_view_ls},
    {"view.mount", verb_view_mount},
    {"view.unmount", verb_view_unmount},
    {"view.diff", verb_view_diff},
    {"view.pull", verb_view_pull},
    {"view.import", verb_view_import},
    {"view.why", verb_view_why},
});

}  // namespace

Result<api::Reply> Workbench::ask(const api::Ask& ask, const std::function<void(text::Json)>& on_part) {
  const Turn turn{.ask = ask, .part = on_part, .ports = ports_};
  for (const VerbEntry& entry : kVerbs) {
    if (entry.name != ask.verb) continue;
    RTT_TRY_SET(text::Json body, entry.run(turn));
    return api::Reply{.body = std::move(body), .fds = {}};
  }
  return fail(Code::kUnknownVerb, fmt::format("`{}` is not something the workbench can do", ask.verb), {},
              "rtt --help");
}

Result<registry::Workspace> Turn::workspace() const {
  return registry::find_workspace({.directory = ask.directory,
                                   .search = ask.search == "exactly"
                                                 ? registry::FindOptions::Search::kExactly
                                                 : registry::FindOptions::Search::kUpward});
}

std::string Turn::text(std::string_view flag) const { return std::string(ask.args.string_or(flag)); }

bool Turn::set(std::string_view flag) const { return ask.args.bool_or(flag, false); }

std::vector<std::string> Turn::list(std::string_view flag) const {
  std::vector<std::string> out;
  const text::Json* value = ask.args.find(flag);
  if (value == nullptr) return out;
  if (value->is_string()) out.push_back(value->as_string());
  if (!value->is_array()) return out;
  for (const text::Json& item : value->as_array()) {
    if (item.is_string()) out.push_back(item.as_string());
  }
  return out;
}

Result<std::vector<std::string>> Turn::files(const registry::Workspace& workspace,
                                             std::string_view flag) const {
  std::vector<std::string> paths;
  for (const std::string& word : list(flag)) {
    const auto real = os::real_path(word.starts_with('/') ? word : ask.directory + "/" + word);
    if (!real) return fail(Code::kNotFound, fmt::format("no file `{}`", word), word, "rtt scan --all");
    if (*real != workspace.root && !real->starts_with(workspace.root + "/")) {
      return fail(Code::kEscapes, fmt::format("`{}` is outside the workspace {}", word, workspace.root), word,
                  "rtt -C DIR, for the workspace it is in");
    }
    paths.push_back(*real == workspace.root ? std::string() : real->substr(workspace.root.size() + 1));
  }
  return paths;
}

Turn::Consent Turn::consent() const {
  return ask.args.string_or("consent") == "given" ? Consent::kGiven : Consent::kShow;
}

bool Turn::granted(std::string_view step) const {
  if (consent() == Consent::kShow) return false;
  if (ask.args.find("granted") == nullptr) return true;
  const auto steps = list("granted");
  return std::ranges::find(steps, step) != steps.end();
}

text::Json asking(std::string question, const std::vector<std::string>& will, text::Json body) {
  text::Json lines = text::JsonArray{};
  for (const std::string& line : will) lines.push(line);
  body.set("consent", text::Json::object({{"question", std::move(question)}, {"will", std::move(lines)}}));
  return body;
}

text::Json asking_about(std::string shown, std::string question, const std::vector<std::string>& will) {
  text::Json body = asking(std::move(question), will);
  text::Json consent = *body.find("consent");
  consent.set("shown", std::move(shown));
  body.set("consent", std::move(consent));
  return body;
}

}  // namespace rtt::panel
