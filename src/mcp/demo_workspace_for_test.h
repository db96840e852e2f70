// SPDX-License-Identifier: Apache-2.0
// DemoWorkspace, for tests: a signed workspace in a temporary folder whose servers are real child processes
// (tests/mcp_servers/demo_server.py), with HOME and XDG_CONFIG_HOME inside it.
//
// Owns: the folder and what it starts.   Thread: one.   Fails: as test failures.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mcp/backends/backend.h"
#include "mcp/pins/import.h"
#include "os/loop.h"
#include "registry/workspace.h"

namespace rtt::mcp {

using Variables = std::vector<std::pair<std::string, std::string>>;

class DemoWorkspace {
 public:
  DemoWorkspace();   // `rtt init` with a key of its own
  ~DemoWorkspace();  // removes everything
  DemoWorkspace(const DemoWorkspace&) = delete;
  DemoWorkspace& operator=(const DemoWorkspace&) = delete;

  [[nodiscard]] const registry::Workspace& workspace() const { return workspace_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] ImportOptions import_options() const { return {.workspace = workspace_}; }
  static text::Json entry(const Variables& env);  // as a client's configuration has it
  // Imports, writes the manifest and signs it: `rtt mcp import`.
  Imported accept(const std::string& name, const Variables& env = {},
                  Instances instances = Instances::kSession);
  void write_policy(std::string_view json);  // and signs it
  void sign();
  PinnedServer pinned(const std::string& name, const Variables& env = {});

 private:
  std::string folder_;
  registry::Workspace workspace_;
  std::vector<std::pair<std::string, std::string>> saved_;
};

// What a backend's caller got, by token.
class Outcomes final : public BackendUser {
 public:
  struct Outcome {
    std::uint64_t token = 0;
    std::string reply, rpc_error;
    Error failure{};
    bool failed = false;
  };
  void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) override;
  void on_backend_failure(std::uint64_t token, const Error& why) override;
  void on_backend_progress(std::uint64_t token, std::string_view params) override;
  [[nodiscard]] const Outcome* find(std::uint64_t token) const;

  std::vector<Outcome> all;
  std::vector<std::string> progress;
};

// Runs the loop until `done` or 30 s; false if it was the time.
bool run_until(os::Loop& loop, const std::function<bool()>& done);
std::string text_of(std::string_view result);  // content[0].text of a CallToolResult

}  // namespace rtt::mcp
