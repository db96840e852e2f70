// SPDX-License-Identifier: Apache-2.0
// Tap: one watcher of routes. Every 250 ms it says what each route did since the last time.
//
// The figures lie in pages that the ends of a lane write and nobody else (telemetry/recorder.h); a tap maps
// them read-only and reads. The ends notice nothing, whether they are tapped or not, and an end that hangs
// can still be read. A page is read once more after its lane ended, so that what was dropped with it is told.
// Lanes that took over from each other within a period are one line. System calls of both ends come from
// /proc/PID/io, which counts reads and writes.
//
// Owns: the mappings of lanes that are carried.   Thread: the panel's loop.   Units: nanoseconds;
// milliseconds in the request.   Fails: never; an end that does not answer is left out, and asked again.
// Limits: the control connection's requests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "api/peer.h"
#include "os/loop.h"
#include "os/memfd.h"
#include "panel/wiring.h"
#include "telemetry/recorder.h"

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
  struct End {
    bool asked = false;  // for its page
    os::Mapping page;
    std::optional<telemetry::RouteSample> last;
    int pid = 0;
  };
  struct Watched {
    model::Route route;
    model::LaneKind lane = model::LaneKind::kUds;
    End from, to;
  };
  struct Line;
  struct Calls {
    std::uint64_t last = 0, grown = 0;
  };
  Tap(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond);
  void look(const std::vector<Wiring::Carried>& carried);
  void tick();
  void open(std::uint64_t generation, endpoint::Side side, const std::shared_ptr<api::Peer>& peer);
  void opened(std::uint64_t generation, endpoint::Side side, int pid, Result<api::Answer> answer);
  void count_calls();
  void report();

  Ports ports_;
  Options options_;
  std::weak_ptr<api::Peer> watcher_;
  api::Responder respond_;
  Instant next_, end_;
  std::map<std::uint64_t, Watched> watched_;  // by generation
  std::map<int, Calls> calls_;                // of the processes at their ends, by pid
};

}  // namespace rtt::panel
