// SPDX-License-Identifier: Apache-2.0
// LanePages: the pages in which both ends of each lane count (telemetry/recorder.h), mapped read-only, and
// what was counted since they were last read.
//
// The ends notice nothing, whether somebody reads or not, and an end that hangs can still be read. A page is
// read once more after its lane ended, so that what was dropped with it is told. A page may have been cut
// short by a hostile writer's lies, so its figures are for showing and for judging the one who wrote them.
//
// Owns: the mappings of lanes that are carried.   Thread: the panel's loop.   Units: nanoseconds, frames.
// Fails: never; an end that does not answer is left out, and asked again.   Limits: the control connection's
// requests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "api/peer.h"
#include "os/memfd.h"
#include "panel/wiring.h"
#include "telemetry/recorder.h"

namespace rtt::panel {

class LanePages : public std::enable_shared_from_this<LanePages> {
 public:
  using Wanted = std::function<bool(const model::Route&)>;
  struct End {
    bool asked = false;  // for its page
    os::Mapping page;
    std::optional<telemetry::RouteSample> last;
    int pid = 0;
  };
  struct Lane {
    model::Route route;
    model::LaneKind lane = model::LaneKind::kUds;
    End from, to;
  };
  // `opened` is told the process whose page came.
  static std::shared_ptr<LanePages> make(Wanted wanted, std::function<void(int pid)> opened = {});

  // Finds lanes that are new since the last look, and asks their ends for pages it does not have.
  void look(const std::vector<Wiring::Carried>& carried);
  void forget_ended(const std::vector<Wiring::Carried>& carried);
  [[nodiscard]] std::map<std::uint64_t, Lane>& lanes() { return lanes_; }  // by generation

  // What an end did since it was last read.
  static std::optional<telemetry::RouteSample> since_last(End& end);

 private:
  LanePages(Wanted wanted, std::function<void(int pid)> opened);
  void open(std::uint64_t generation, endpoint::Side side, const std::shared_ptr<api::Peer>& peer);
  void opened(std::uint64_t generation, endpoint::Side side, int pid, Result<api::Answer> answer);

  Wanted wanted_;
  std::function<void(int pid)> opened_;
  std::map<std::uint64_t, Lane> lanes_;
};

}  // namespace rtt::panel
