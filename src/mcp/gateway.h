// SPDX-License-Identifier: Apache-2.0
// Gateway: every MCP server of a workspace and every AI client served from it, in one process and one loop.
//
// A client's stdin and stdout are handed over as descriptors, so a call crosses client -> gateway -> server
// and back, no more processes than through a bare pass-through. Lists come from the signed snapshot: they are
// complete and byte-identical before any server runs. A server is started by its first call or prepare,
// checked against its pin, shared by everybody, and stopped when idle. A server that hangs, dies or floods
// harms the calls it owes, nobody else.
//
// The snapshot is reloaded on "mcp.reload" and when what it is made of changes (the files are watched; where
// the kernel has no watches left, the registry index is looked at on demand, at most every 500 ms); clients
// are told by list_changed.
//
// Owns: backends with their children, client sessions with their descriptors.   Thread: the loop's.
// Fails: prepare and call as drivers/driver.h says.
// Limits: kMcpServersMax, kClientsMax, kMcpInFlightMax a server, kClientQueueBytesMax a client,
// CallLedger's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/driver.h"
#include "mcp/surroundings.h"
#include "model/mcp_settings.h"
#include "os/fd.h"
#include "os/handover.h"
#include "os/loop.h"
#include "registry/workspace.h"

namespace rtt::mcp {

struct GatewayOptions {
  registry::Workspace workspace;
  // What the journal is told of the receipts of calls, at most once a second (call_ledger.h).
  std::function<void(text::Json record)> on_audit;
  std::function<bool()>
      reaches_panel;  // whether it is there now; asked where `mcp.on_panel_failure` is refuse
};

class ClientShell;
class ClientServices;
class WriteBatch;

struct ClientOptions {
  std::vector<std::string> servers;      // names or namespaces; empty = all
  std::string as;                        // empty = the client's own clientInfo.name
  std::optional<model::NameMode> names;  // other than the workspace's
  std::optional<model::ToolView> view;
  // Whether results say in `_meta` where they come from (docs/formats/receipts.md).
  enum class Provenance : std::uint8_t { kShown, kHidden } provenance = Provenance::kShown;
  std::uint64_t first_ask = 1;  // id of the first request that a server makes of the client
  // What its own instances of servers are started with; nullptr: with what the gateway has. Shared with them.
  std::shared_ptr<const Surroundings> surroundings{};
};

class Gateway : public drivers::Driver {
 public:
  // Loads the snapshot; a workspace that cannot be loaded is still served, each client told why.
  static Result<std::unique_ptr<Gateway>> create(os::Loop& loop, GatewayOptions options);
  ~Gateway() override;

  // Serves one AI client until it goes away. O_NONBLOCK is never set on `in` and `out`. When the session
  // ends,
  // {"status":N} is sent on `control` (a stream socket) and it is closed; the other end closing
  // ends the session. With a handover it can go on in another process.
  Status serve_client(os::Fd in, os::Fd out, os::Fd control, ClientOptions options,
                      std::unique_ptr<os::Handover> handover = nullptr);
  // Serves a client that comes another way; the gateway keeps what `make` gives until the session is over.
  Status add_client(const std::function<std::unique_ptr<ClientShell>(ClientServices&)>& make);
  void refresh();       // looks, now and then, whether the workspace has changed
  WriteBatch* batch();  // what one event writes goes out together
  [[nodiscard]] std::size_t client_count() const;
  // Of these names, those that are no server accepted here, however lately.
  [[nodiscard]] std::vector<std::string> unknown_servers(const std::vector<std::string>& names);

  void prepare(const model::Contract& provider, OnDone done) override;
  drivers::CallId call(drivers::CallRequest request, OnReply reply) override;
  void cancel(drivers::CallId call) override;
  // {"drivers":[…],"servers":[{name,namespace,state,tools,instances,p50_ns,p99_ns,clients,pid,restarts,…}],
  // "receipts":{state,kept,lost,last,problem?}}
  [[nodiscard]] text::Json health() const override;
  // "mcp.ls" {} · "mcp.logs" {name} -> {name,text} · "mcp.restart" {name} · "mcp.reload" {}
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

 private:
  Gateway();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::mcp
