// SPDX-License-Identifier: Apache-2.0
// Tap: one watcher of routes. Every 250 ms it says what each route did since the last time.
//
// Lanes that took over from each other within a period are one line. System calls of both ends come from
// /proc/PID/io, which counts reads and writes.
//
// Owns: its LanePages.   Thread: the panel's loop.   Units: nanoseconds;
// milliseconds in the request.   Fails: never.
// Limits: those of LanePages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "api/peer.h"
#include "os/loop.h"
#include "panel/lane_pages.h"

namespace rtt::panel {

class Tap : public std::enable_shared_from_this<Tap> {
 public:
  struct Ports {
    os::Loop& loop;
    Wiring& wiring;
    std::function<void()> used;  // each period: somebody watches
  };
  struct Options {
    std::optional<RouteId> route;        // absent: all
    std::optional<std::int64_t> for_ms;  // absent: until the watcher leaves
  };
  static void start(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond);

 private:
  struct Line;
  struct Calls {
    std::uint64_t last = 0, grown = 0;
  };
  Tap(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond);
  void tick();
  void count_calls();
  void report();

  Ports ports_;
  Options options_;
  std::weak_ptr<api::Peer> watcher_;
  api::Responder respond_;
  Instant next_, end_;
  std::shared_ptr<LanePages> pages_;  // calls back later, and knows when it is too late
  std::map<int, Calls> calls_;        // of the processes at their ends, by pid
};

}  // namespace rtt::panel
