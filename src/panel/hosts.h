// SPDX-License-Identifier: Apache-2.0
// Hosts: the panel's table of driver hosts — which should run, which are attached, how to reach each.
//
// Every decision is the Supervisor's (drivers/supervisor.h); this file starts processes, watches them, and
// answers whoever waits for one. A host that was started by an earlier panel is adopted when it says hello:
// its pid and start time are checked against the kernel's, so a reused pid is never taken for it.
//
// Owns: the child handles. When the panel stops, hosts outlive it, but for those that have not said hello.
// Thread: the panel's loop. Fails: when_ready: kDriverStart (tripped; says since when), kDeadline.   Limits:
// kMcpServersMax instances.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/peer.h"
#include "drivers/supervisor.h"
#include "model/contract.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/process_watch.h"
#include "registry/workspace.h"

namespace rtt::panel {

// The host instance that serves a provider: "mcp" for every MCP contract of the workspace, one for each
// process, file and http provider, one for each connector of one's own; empty when the contract has no driver
// (its endpoint attaches by itself).
std::string instance_of(const model::Contract& provider);
inline constexpr std::string_view kConnectorInstance = "driver-";  // + the connector's name

class Hosts {
 public:
  using OnReady = std::function<void(Result<std::shared_ptr<api::Peer>>)>;
  using OnLost = std::function<void(const std::string& instance)>;

  Hosts(os::Loop& loop, registry::Workspace workspace, OnLost on_lost);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  // Calls back once the instance is attached, starting it if needed.
  void when_ready(const std::string& instance, OnReady ready);
  // A connection said host.hello; refused (kNotOwner) if its pid or start time is not the sender's.
  Status attach(const text::Json& hello, std::shared_ptr<api::Peer> peer);
  void connection_lost(const api::Peer* peer);
  // What a host says of its driver's children; of a connection that is no host's, nothing is kept.
  void report(const api::Peer* peer, const text::Json& health);
  [[nodiscard]] std::shared_ptr<api::Peer> running(const std::string& instance) const;  // or nullptr
  // Where lanes of its symbols end: nullptr too when its programs attach by themselves.
  [[nodiscard]] std::shared_ptr<api::Peer> attached(const std::string& instance) const;
  [[nodiscard]] std::vector<std::string> instances() const;
  // {name,pid,state,restarts} of each, for `status` and `ls drivers`; with `child` where the driver is a
  // program of its own, whose restarts count too.
  [[nodiscard]] text::Json describe() const;
  [[nodiscard]] std::uint64_t revision() const { return revision_; }  // moves when describe() may differ
  void heal(const std::string& instance);

 private:
  struct Entry {
    drivers::Supervisor supervisor;
    os::Child child;  // empty for an adopted one
    std::shared_ptr<api::Peer> peer;
    bool lanes_end_here = true;
    int pid = 0;
    std::uint64_t start_time = 0;    // 0: it has not said hello
    os::ProcessWatch::Id watch = 0;  // of one that this panel did not start
    os::Loop::TimerId timer = 0;
    std::string last_error;
    text::Json driver;  // {pid,state,restarts} of the driver's own process, where it has one
    std::vector<OnReady> waiting;
  };
  void feed(const std::string& instance, drivers::HostEvent event);
  void spawn(const std::string& instance);
  void child_ended(const std::string& instance);
  void lost(const std::string& instance, std::string why);

  os::Loop& loop_;
  registry::Workspace workspace_;
  OnLost on_lost_;
  os::ProcessWatch processes_;
  std::map<std::string, Entry> entries_;
  std::uint64_t revision_ = 1;
};

}  // namespace rtt::panel
