// SPDX-License-Identifier: Apache-2.0
// Workbench: every verb that needs no running panel, in whatever process asks (docs/cli).
//
// The command line runs it in-process; `plan`, `check` and the rest therefore work with no daemon, offline,
// on the files alone. Verbs that change the graph or carry calls are the panel's (panel.h); the few that
// compose both (`up`) reach it through the port given here. A table maps verb names to functions; there is no
// other registration.
//
// Verbs that ask for consent answer `consent: "show"` with what they would do and change nothing until the
// same ask comes with `consent: "given"`.
//
// Owns: nothing but its ports.   Thread: one.   Fails: as each verb's page says.
#pragma once

#include <functional>
#include <memory>

#include "api/service.h"
#include "registry/workspace.h"

namespace rtt::panel {

struct WorkbenchPorts {
  // The workspace's panel, started on demand.
  std::function<Result<std::unique_ptr<api::Service>>(const registry::Workspace&)> panel;
};

class Workbench final : public api::Service {
 public:
  explicit Workbench(WorkbenchPorts ports) : ports_(std::move(ports)) {}
  Result<api::Reply> ask(const api::Ask& ask, const std::function<void(text::Json)>& on_part) override;

 private:
  WorkbenchPorts ports_;
};

// One ask under way: what a verb function is given.
struct Turn {
  const api::Ask& ask;
  const std::function<void(text::Json)>& part;
  const WorkbenchPorts& ports;

  [[nodiscard]] Result<registry::Workspace> workspace() const;
  [[nodiscard]] std::string text(std::string_view flag) const;  // "" when absent
  [[nodiscard]] bool set(std::string_view flag) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view flag) const;
  // Files and folders as typed, from the caller's directory, made relative to the workspace; the workspace
  // itself is "". Fails: kNotFound, kEscapes.
  [[nodiscard]] Result<std::vector<std::string>> files(const registry::Workspace& workspace,
                                                       std::string_view flag) const;
  enum class Consent : std::uint8_t { kShow, kGiven };
  [[nodiscard]] Consent consent() const;
  // For a verb of several questions: whether this step was agreed to ("given" without "granted" agrees to
  // all).
  [[nodiscard]] bool granted(std::string_view step) const;
};

using VerbFunction = Result<text::Json> (*)(const Turn& turn);
struct VerbEntry {
  std::string_view name;
  VerbFunction run;
};

// {"consent":{"question","will":[…]}} merged into `body`.
text::Json asking(std::string question, const std::vector<std::string>& will,
                  text::Json body = text::JsonObject{});
// The same about something that may change until the answer comes: `shown` names what it was, and comes back
// with the consent.
text::Json asking_about(std::string shown, std::string question, const std::vector<std::string>& will);

Result<text::Json> verb_init(const Turn& turn);
Result<text::Json> verb_sign(const Turn& turn);
// Of `rtt sign`: plans, which are signed for agents (approval.h).
[[nodiscard]] bool names_plan(std::string_view word);
Result<text::Json> sign_plans(const Turn& turn, const registry::Workspace& workspace);
Result<text::Json> verb_up(const Turn& turn);
Result<text::Json> verb_keys_new(const Turn& turn);
Result<text::Json> verb_keys_ls(const Turn& turn);
Result<text::Json> verb_keys_trust(const Turn& turn);
Result<text::Json> verb_keys_revoke(const Turn& turn);

Result<text::Json> verb_scan(const Turn& turn);
Result<text::Json> verb_ls_symbols(const Turn& turn);
Result<text::Json> verb_ls_agents(const Turn& turn);
Result<text::Json> verb_ls_routes(const Turn& turn);
Result<text::Json> verb_ls_drivers(const Turn& turn);
Result<text::Json> verb_ls_plans(const Turn& turn);
Result<text::Json> verb_lint(const Turn& turn);
Result<text::Json> verb_registry_verify(const Turn& turn);
Result<text::Json> verb_registry_rebuild(const Turn& turn);
Result<text::Json> verb_policy_why(const Turn& turn);

Result<text::Json> verb_plan(const Turn& turn);
Result<text::Json> verb_check(const Turn& turn);

Result<text::Json> verb_status(const Turn& turn);
Result<text::Json> verb_log(const Turn& turn);
Result<text::Json> verb_audit(const Turn& turn);
Result<text::Json> verb_doctor(const Turn& turn);
Result<text::Json> verb_down(const Turn& turn);
Result<text::Json> verb_panel_stopped(const Turn& turn);  // asked of a panel that does not run

Result<text::Json> verb_driver_test(const Turn& turn);

Result<text::Json> verb_mcp_import(const Turn& turn);
Result<text::Json> verb_mcp_diff(const Turn& turn);
Result<text::Json> verb_mcp_pin(const Turn& turn);
Result<text::Json> verb_mcp_accept(const Turn& turn);
Result<text::Json> verb_mcp_add(const Turn& turn);
Result<text::Json> verb_mcp_rm(const Turn& turn);
Result<text::Json> verb_mcp_sandbox(const Turn& turn);
Result<text::Json> verb_mcp_login(const Turn& turn);
Result<text::Json> verb_mcp_ls(const Turn& turn);
Result<text::Json> verb_mcp_connect(const Turn& turn);
Result<text::Json> verb_mcp_disconnect(const Turn& turn);
Result<text::Json> verb_eject(const Turn& turn);

Result<text::Json> verb_run(const Turn& turn);  // --dry-run
Result<text::Json> verb_dedupe(const Turn& turn);
Result<text::Json> verb_migrate(const Turn& turn);

Result<text::Json> verb_view_ls(const Turn& turn);
Result<text::Json> verb_view_mount(const Turn& turn);
Result<text::Json> verb_view_unmount(const Turn& turn);
Result<text::Json> verb_view_diff(const Turn& turn);
Result<text::Json> verb_view_pull(const Turn& turn);
Result<text::Json> verb_view_import(const Turn& turn);
Result<text::Json> verb_view_why(const Turn& turn);

}  // namespace rtt::panel
