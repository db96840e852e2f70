// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/serve.h"

#include <memory>
#include <utility>

#include "mcp/clients/serve_http.h"
#include "mcp/clients/stdio_client.h"
#include "mcp/gateway_dial.h"
#include "os/clock.h"
#include "os/handover.h"
#include "os/keeper.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/unix_socket.h"
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
  [[nodiscard]] Status admits_calls() const override { return {}; }
  std::uint64_t record(const CallRecord&) override { return 0; }
  [[nodiscard]] Digest mac(std::string_view) const override { return {}; }
  void refresh() override {}
  [[nodiscard]] Instant now() const override { return os::now(); }
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

// The client's descriptors, and what lets one gateway go on where another one was killed.
class Handing {
 public:
  Handing(const ServeOptions& options, const registry::Workspace& workspace)
      : options_(options), workspace_(workspace) {
    if (!os::can_hand_over(options.out)) return;
    if (auto files = os::create_handover()) files_ = *std::move(files);
  }

  Result<Ending> hand_over() {
    std::vector<int> fds{options_.in, options_.out};
    if (files_) {
      fds.push_back(files_->memory.get());
      fds.push_back(files_->output.get());
    }
    return ask_gateway(workspace_, {.hello = hello_of(options_.client), .fds = std::move(fds)},
                       [](const Json&) {});
  }
  // After a gateway that had the client went away without a word.
  bool may_go_on() {
    return !losses_.too_many(os::now()) && files_ && os::can_take_over(files_->memory.get());
  }

 private:
  const ServeOptions& options_;
  const registry::Workspace& workspace_;
  std::optional<os::HandoverFiles> files_;
  Losses losses_;
};

// Nothing of the workspace is written, so this needs no more than that it can be read.
int serve_here(const ServeOptions& options, const registry::Workspace& workspace, const Error& why) {
  os::write_err("rtt mcp serve: " + reason_of(why) + "; serving without the workspace's gateway\n");
  if (!os::adopt_orphans()) return explain(options, why);
  auto loop = os::Loop::create();
  auto in = own_copy(options.in);
  auto out = own_copy(options.out);
  if (!loop || !in || !out) return status_of(Exit::kFailed);
  const auto reaches_panel = [&] { return os::connect_unix(workspace.sockets(), "panel.sock").has_value(); };
  auto gateway = Gateway::create(
      **loop, {.workspace = workspace, .on_audit = [](const Json&) {}, .reaches_panel = reaches_panel});
  if (!gateway) return explain(options, gateway.error());
  const Status served = (*gateway)->serve_client(*std::move(in), *std::move(out), os::Fd(), options.client);
  if (!served) return status_of(Exit::kFailed);
  while ((*gateway)->client_count() > 0) (*loop)->run_once(Nanos{-1});
  return 0;
}

}  // namespace

int serve_main(const ServeOptions& options) {
  os::ignore_broken_pipes();
  using Search = registry::FindOptions::Search;
  const auto search = options.search == ServeOptions::Search::kExactly ? Search::kExactly : Search::kUpward;
  const auto workspace = registry::find_workspace({.directory = options.directory, .search = search});
  if (options.http) return serve_http(options, workspace);
  if (!workspace) {
    Error why = workspace.error();
    // Some clients start their servers nowhere in particular.
    if (why.code == Code::kNoWorkspace && options.directory == "/")
      why.hint =
          "rtt mcp serve -C DIR, where DIR is the folder of your project, as the command of this server";
    return explain(options, why);
  }
  Error last{.code = Code::kLost, .message = "the MCP gateway went away before it took this client"};
  Handing handing(options, *workspace);
  bool had = false;  // a gateway had the client: what it said is known there alone
  for (int attempt = 0; attempt < kHandOverAttempts; ++attempt) {
    auto ending = handing.hand_over();
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
    had = had || ending->accepted;
    if (ending->accepted) {
      if (!handing.may_go_on()) break;
      attempt = -1;
    }
    if (!ending->error.empty()) last = Error{.code = Code::kPanelProtocol, .message = ending->error};
  }
  if (had) {
    os::write_err("rtt mcp serve: the MCP gateway went away, and none takes its place: " + reason_of(last) +
                  "\n");
    return status_of(Exit::kGatewayLost);
  }
  return serve_here(options, *workspace, last);
}

}  // namespace rtt::mcp
