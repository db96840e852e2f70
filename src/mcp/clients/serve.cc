// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/serve.h"

#include <memory>
#include <utility>

#include "mcp/clients/serve_http.h"
#include "mcp/clients/stdio_client.h"
#include "mcp/gateway_dial.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/terminal.h"
#include "registry/workspace.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr int kHandOverAttempts = 3;

int status_of(Exit exit) { return static_cast<int>(exit); }

// Serves a client that no gateway can serve: it learns why, and what to run.
class Explainer final : public ClientServices {
 public:
  Explainer(os::Loop& loop, std::string reason) : loop_(loop), reason_(std::move(reason)) {}
  std::shared_ptr<const Catalog> catalog_for(const Client& client) override {
    return std::make_shared<const Catalog>(build_catalog({.client = client.label(), .trouble = reason_}));
  }
  Backend* backend(Client&, std::string_view) override { return nullptr; }
  std::vector<Backend*> backends(const Client&) override { return {}; }
  bool subscribed(const Backend&, std::string_view) override { return false; }
  std::uint64_t record(const CallRecord&) override { return 0; }
  [[nodiscard]] Digest mac(std::string_view) const override { return {}; }
  void refresh() override {}
  void client_gone(Client&) override { loop_.stop(); }
  WriteBatch* batch() override { return nullptr; }

 private:
  os::Loop& loop_;
  std::string reason_;
};

Result<os::Fd> own_copy(int number) {
  os::Fd borrowed(number);
  auto copy = borrowed.duplicate();
  (void)borrowed.release();
  return copy;
}

int explain(const ServeOptions& options, const Error& why) {
  const std::string reason = reason_of(why);
  os::write_err("rtt mcp serve: " + reason + "\n");
  auto loop = os::Loop::create();
  auto in = own_copy(options.in);
  auto out = own_copy(options.out);
  if (!loop || !in || !out) return status_of(Exit::kFailed);
  Explainer services(**loop, reason);
  StdioClient client(**loop, services, {.in = *std::move(in), .out = *std::move(out), .control = os::Fd()},
                     options.client);
  if (!client.start()) return status_of(Exit::kFailed);
  (*loop)->run();
  return status_of(exit_status(why.code));
}

Result<Ending> hand_over(const ServeOptions& options, const registry::Workspace& workspace) {
  return ask_gateway(workspace, {.hello = hello_of(options.client), .fds = {options.in, options.out}},
                     [](const Json&) {});
}

}  // namespace

int serve_main(const ServeOptions& options) {
  os::ignore_broken_pipes();
  using Search = registry::FindOptions::Search;
  const auto search = options.search == ServeOptions::Search::kExactly ? Search::kExactly : Search::kUpward;
  const auto workspace = registry::find_workspace({.directory = options.directory, .search = search});
  if (options.http) return serve_http(options, workspace);
  if (!workspace) return explain(options, workspace.error());
  Error last{.code = Code::kLost, .message = "the MCP gateway went away before it took this client"};
  for (int attempt = 0; attempt < kHandOverAttempts; ++attempt) {
    auto ending = hand_over(options, *workspace);
    if (!ending) {
      last = std::move(ending).error();
      if (last.code == Code::kLost || last.code == Code::kPanelDown)
        continue;  // it was just ending: start another
      break;
    }
    if (ending->status) {
      const bool nothing = ending->unknown != 0 && ending->unknown == options.client.servers.size();
      return nothing && *ending->status == 0 ? status_of(Exit::kFailed) : *ending->status;
    }
    if (ending->accepted) {
      os::write_err("rtt mcp serve: the MCP gateway went away\n");
      return status_of(Exit::kGatewayLost);
    }
    if (!ending->error.empty()) last = Error{.code = Code::kPanelProtocol, .message = ending->error};
  }
  return explain(options, last);
}

}  // namespace rtt::mcp
