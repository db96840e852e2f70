// SPDX-License-Identifier: Apache-2.0
// Server: one accepted MCP server of the workspace, with its running instances.
//
// By default each AI client has an instance of its own, with its capabilities, environment and folder, as if
// it had started the server itself: what one client does to a server with a state (a browser, a database
// session) no other one sees, and what the server asks reaches the client that it works for. An instance ends
// with its client. A server whose manifest says `instances: workspace` has one for all clients, which is
// stopped when idle and asks nobody anything. Routes and the command line use the common instance in either
// case.
//
// Owns: the backends, the record they share.   Thread: the loop's.   Units: none.
// Fails: as Backend.   Limits: one instance a client and the common one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mcp/clients/client.h"

namespace rtt::mcp {

class Server final : public BackendOwner {
 public:
  struct Events {
    // Notices of the common instance, for whoever wants them.
    std::function<void(Server&, std::string_view method, std::string_view params)> on_notice;
    // An instance was set aside or is no longer: what its clients are listed is another.
    std::function<void(Server&, const Client* only)> on_breaker;  // nullptr: the common one's
  };
  Server(os::Loop& loop, std::shared_ptr<const PinnedServer> pins, registry::Workspace workspace,
         WriteBatch& writes, std::shared_ptr<CodeDigests> digests, Events events);

  Backend& common();
  Backend& of(Client& client);
  [[nodiscard]] Backend* running_of(const Client& client) const;  // nullptr: not started for it
  [[nodiscard]] bool is_common(const Backend& backend) const { return &backend == common_.get(); }
  void client_gone(const Client& client);

  void set_pins(std::shared_ptr<const PinnedServer> pins);
  void restart();
  void stop(const std::function<void()>& done);  // of all instances

  [[nodiscard]] const PinnedServer& pins() const { return *pins_; }
  [[nodiscard]] text::Json health() const;  // as Backend::health, over all instances
  [[nodiscard]] std::string log() const { return record_->clean_log(); }

  void on_backend_notice(Backend& backend, std::string_view method, std::string_view params) override;
  void on_backend_breaker(Backend& backend) override;

 private:
  std::unique_ptr<Backend> make(BackendProfile profile);
  void retire(std::unique_ptr<Backend> backend);
  [[nodiscard]] std::vector<Backend*> all() const;

  os::Loop& loop_;
  std::shared_ptr<const PinnedServer> pins_;
  registry::Workspace workspace_;
  WriteBatch& writes_;
  std::shared_ptr<CodeDigests> digests_;  // of all servers of the gateway
  Events events_;
  std::shared_ptr<ServerRecord> record_ = std::make_shared<ServerRecord>();
  std::unique_ptr<Backend> common_;
  std::map<Client*, std::unique_ptr<Backend>, std::less<>> own_;
  std::vector<std::unique_ptr<Backend>> retired_;  // their children still ending
  std::function<void()> on_stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rtt::mcp
