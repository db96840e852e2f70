// SPDX-License-Identifier: Apache-2.0
// main: wires the command line to whoever answers it. The only file that sees both.
#include <cstdlib>
#include <string>

#include "chaos/load_end.h"
#include "chaos/run.h"
#include "cli/run.h"
#include "mcp/clients/serve.h"
#include "mcp/own/own_server.h"
#include "os/heap.h"
#include "os/process.h"
#include "os/terminal.h"
#include "panel/private_run.h"
#include "panel/start.h"
#include "panel/view_mount.h"
#include "panel/workbench.h"

namespace {

using namespace rtt;

Result<registry::Workspace> workspace_of(const cli::Place& place) {
  return registry::find_workspace({.directory = place.directory,
                                   .search = place.search == "exactly"
                                                 ? registry::FindOptions::Search::kExactly
                                                 : registry::FindOptions::Search::kUpward});
}

int refuse(const Error& error) {
  os::write_err("error[" + code_name(error.code) + "]: " + error.message + "\n");
  return static_cast<int>(exit_status(error.code));
}

Result<std::unique_ptr<api::Service>> service_for(const cli::ServiceNeed& need) {
  const auto workbench = [] {
    os::keep_freed_memory();
    return std::make_unique<panel::Workbench>(panel::WorkbenchPorts{.panel = panel::ensure_panel});
  };
  if (need.verb == "chaos") return std::make_unique<chaos::ChaosService>();
  // `down` must end a panel that no longer answers, so it never asks one.
  if (need.where == cli::Where::kInProcess || need.verb == "down") return workbench();
  RTT_TRY_SET(const auto workspace, workspace_of(need.place));
  // Logs live in the gateway: whoever started it, a panel reaches it.
  if (need.where == cli::Where::kPanel || need.verb == "mcp.logs") return panel::ensure_panel(workspace);
  if (auto running = panel::running_panel(workspace)) return running;
  return workbench();
}

int serve(const cli::ServeArgs& args) {
  mcp::ServeOptions options{.client = {.servers = args.names, .as = args.as},
                            .directory = args.place.directory,
                            .search = args.place.search == "exactly" ? mcp::ServeOptions::Search::kExactly
                                                                     : mcp::ServeOptions::Search::kUpward,
                            .http = {}};
  options.client.names = model::parse_name_mode(args.name_mode);
  if (args.no_provenance) options.client.provenance = mcp::ClientOptions::Provenance::kHidden;
  if (args.meta) options.client.view = model::ToolView::kMeta;
  using Http = mcp::ServeHttp;
  if (!args.http.empty()) {
    options.http = Http{.at = args.http,
                        .reach = args.allow_remote ? Http::Reach::kBeyond : Http::Reach::kLoopback,
                        .origins = args.origins,
                        .token_file = args.token_file,
                        .token = args.no_token ? Http::Token::kNone : Http::Token::kAsked};
  } else {
    auto own = mcp::own_surroundings();
    for (const std::string& what : own.left_out)
      os::write_err("rtt mcp serve: servers do not get " + what + "\n");
    options.client.surroundings = std::move(own.surroundings);
  }
  return mcp::serve_main(options);
}

int panel_run(const cli::PanelRunArgs& args) {
  const auto workspace = workspace_of(args.place);
  if (!workspace) return refuse(workspace.error());
  return panel::panel_main(*workspace, panel::Ground::kForeground, -1);
}

cli::NotRun private_run(const cli::PrivateRunArgs& args) {
  auto workspace = workspace_of(args.place);
  if (!workspace) return {workspace.error(), static_cast<int>(exit_status(workspace.error().code))};
  using Told = panel::PrivateRun::Told;
  using Where = panel::PrivateRun::Where;
  panel::NotRun not_run =
      panel::run_privately({.workspace = *std::move(workspace),
                            .where = args.place.search == "exactly" ? Where::kNamed : Where::kFound,
                            .provider = args.provider,
                            .env = args.env,
                            .command = args.command,
                            .told = args.quiet ? Told::kQuiet : Told::kOnStderr});
  return {std::move(not_run.why), not_run.status};
}

constexpr std::int64_t kLookMs = 30'000, kChangeMs = 300'000;

// RTT's own tools as an MCP server: the verbs of the command line, asked of the panel if one runs.
int own_tools(const std::string& root) {
  return mcp::own_server_main([&root](std::string_view verb, text::Json args) -> Result<mcp::OwnAnswer> {
    const cli::ServiceNeed need{.where = cli::Where::kPanelIfUp,
                                .verb = std::string(verb),
                                .place = {.directory = root, .search = "exactly"}};
    const bool changes = verb == "apply" || verb == "qc";
    if (changes) {  // a panel started from here would end with this process
      RTT_TRY_SET(const auto workspace, workspace_of(need.place));
      if (const auto running = panel::running_panel(workspace); !running) {
        return fail(Code::kPanelDown, "no panel runs here, and a change needs one", workspace.root,
                    "a person runs: rtt panel start");
      }
    }
    RTT_TRY_SET(const auto service, service_for(need));
    mcp::OwnAnswer out;
    RTT_TRY_SET(api::Reply reply,
                service->ask({.verb = need.verb,
                              .args = std::move(args),
                              .directory = root,
                              .search = "exactly",
                              .deadline_ms = changes ? kChangeMs : kLookMs},
                             [&out](text::Json part) { out.parts.push_back(std::move(part)); }));
    out.body = std::move(reply.body);
    return out;
  });
}

// --views STORE MOUNTPOINT [--parent PID | --ready-fd N], and the server that it starts:
// --view-server STORE MOUNTPOINT.
int views_host(const std::vector<std::string>& words) {
  if (words.size() < 3)
    return refuse({Code::kBadArgument, "driver-host is started by rtt itself", {}, {}, {}});
  const views::MountPlace place{.store = words[1], .mountpoint = words[2]};
  if (words[0] == "--view-server") return views::serve_views(place);
  panel::ViewMountMain options{.place = place};
  if (words.size() == 5 && words[3] == "--parent") options.parent = std::atoi(words[4].c_str());
  if (words.size() == 5 && words[3] == "--ready-fd") options.ready_fd = std::atoi(words[4].c_str());
  return panel::view_mount_main(options);
}

// --chaos-end ROLE SYMBOL PORT
int chaos_end(const cli::DriverHostArgs& args) {
  const auto workspace = workspace_of(args.place);
  if (!workspace) return refuse(workspace.error());
  if (args.words.size() < 4)
    return refuse({Code::kBadArgument, "driver-host is started by rtt itself", {}, {}, {}});
  return chaos::load_end_main(*workspace,
                              {.role = args.words[1], .symbol = args.words[2], .port = args.words[3]});
}

// driver-host --instance NAME | --gateway | --own-tools | --panel | --shared | --views … | --chaos-end …
// [--ready-fd N]: the processes RTT starts of itself.
int driver_host(const cli::DriverHostArgs& args) {
  if (!args.words.empty() && args.words[0] == "--chaos-end") return chaos_end(args);
  if (!args.words.empty() && (args.words[0] == "--views" || args.words[0] == "--view-server"))
    return views_host(args.words);
  std::string instance;
  int ready_fd = -1;
  for (std::size_t i = 0; i < args.words.size(); ++i) {
    const bool more = i + 1 < args.words.size();
    if (args.words[i] == "--shared") return panel::shared_host_main();
    if (args.words[i] == "--gateway") instance = "mcp";
    if (args.words[i] == "--panel") instance = "panel";
    if (args.words[i] == "--own-tools") instance = "own-tools";
    if (args.words[i] == "--instance" && more)
      instance = args.words[++i];
    else if (args.words[i] == "--ready-fd" && more)
      ready_fd = std::atoi(args.words[++i].c_str());
  }
  const auto workspace = workspace_of(args.place);
  if (!workspace) return refuse(workspace.error());
  if (instance.empty())
    return refuse({Code::kBadArgument, "driver-host is started by rtt itself", {}, {}, {}});
  if (instance == "own-tools") return own_tools(workspace->root);
  if (instance == "panel") return panel::panel_main(*workspace, panel::Ground::kBackground, ready_fd);
  return panel::driver_host_main(*workspace, instance, ready_fd);
}

}  // namespace

int main(int argc, char** argv) {
  return cli::run(argc, argv,
                  {.service = service_for,
                   .mcp_serve = serve,
                   .panel_run = panel_run,
                   .private_run = private_run,
                   .driver_host = driver_host});
}
