// SPDX-License-Identifier: Apache-2.0
// Tap: one watcher of routes. Every 250 ms it says what each route did since the last time.
//
// The figures lie in pages that the ends of a lane write and nobody else (telemetry/recorder.h); a tap maps
// them read-only and reads. The ends notice nothing, whether they are tapped or not, and an end that hangs
// can still be read. System calls of both ends come from /proc/PID/io, which counts reads and writes.
//
// Owns: the mappings.   Thread: the panel's loop.   Units: nanoseconds; milliseconds in the request.
// Fails: never; an end that does not answer is left out.   Limits: the control connection's requests.
#pragma once

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
  struct Options {
    std::optional<RouteId> route;        // absent: all
    std::optional<std::int64_t> for_ms;  // absent: until the watcher leaves
  };
  static void start(os::Loop& loop, Wiring& wiring, Options options, std::weak_ptr<api::Peer> watcher,
                    api::Responder respond);

 private:
  struct End {
    os::Mapping page;
    std::optional<telemetry::RouteSample> last;
    int pid = 0;
    std::uint64_t calls_last = 0;
  };
  struct Watched {
    End from, to;
  };
  Tap(os::Loop& loop, Wiring& wiring, Options options, std::weak_ptr<api::Peer> watcher,
      api::Responder respond);
  void look();
  void tick();
  void open(std::uint64_t generation, endpoint::Side side, const std::shared_ptr<api::Peer>& peer);
  void report(const Wiring::Carried& lane, Watched& watched);

  os::Loop& loop_;
  Wiring& wiring_;
  Options options_;
  std::weak_ptr<api::Peer> watcher_;
  api::Responder respond_;
  Instant next_, end_;
  std::map<std::uint64_t, Watched> watched_;  // by generation
};

}  // namespace rtt::panel
