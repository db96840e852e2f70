// SPDX-License-Identifier: Apache-2.0
// ToolTap: one watcher of MCP tools. Once a second it says which were called since, and how long they take.
//
// The figures are the gateway's (mcp/tool_stats.h), asked for as `mcp ls` asks, so the two cannot differ.
// Percentiles are of all calls since the gateway started, counts of the time since the last line.
//
// Owns: itself, until its watcher leaves or the time is over.   Thread: the panel's loop.
// Fails: never; while no gateway answers there are no lines.   Limits: kToolStatsMax lines a period.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/peer.h"
#include "os/loop.h"

namespace rtt::panel {

class ToolTap : public std::enable_shared_from_this<ToolTap> {
 public:
  struct Ports {
    os::Loop& loop;
    std::function<std::shared_ptr<api::Peer>()> gateway;  // nullptr: none runs
    std::function<void()> used;                           // each period: somebody watches
  };
  static void start(Ports ports, std::optional<std::int64_t> for_ms, std::weak_ptr<api::Peer> watcher,
                    api::Responder respond);

 private:
  struct Seen {
    std::int64_t calls = 0, errors = 0;
  };
  ToolTap(Ports ports, std::optional<std::int64_t> for_ms, std::weak_ptr<api::Peer> watcher,
          api::Responder respond);
  void look();
  void report(const text::Json& servers);
  void again();

  Ports ports_;
  std::weak_ptr<api::Peer> watcher_;
  api::Responder respond_;
  std::optional<Instant> end_;
  std::map<std::string, Seen, std::less<>> seen_;
};

}  // namespace rtt::panel
