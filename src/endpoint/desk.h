// SPDX-License-Identifier: Apache-2.0
// Desk: what the panel may ask of an endpoint about its lanes, and what the endpoint remembers for the next
// panel: lane.offer, lane.bind, lane.flip, lane.close, lane.adopt, lane.ls, lane.page
// (docs/formats/endpoint.md).
//
// The desk sits on the loop of the control connection, the Board perhaps on another thread's: `on_board` runs
// a task where the Board is. Saying anything twice is harmless, so the panel may repeat what it is not sure
// of.
//
// Owns: the bindings in force.   Thread: the control loop's.   Units: none.
// Fails: answers kPanelProtocol, kLimit to the panel.   Limits: kLanesMax.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "api/peer.h"
#include "endpoint/board.h"

namespace rtt::endpoint {

class Desk {
 public:
  using OnBoard = std::function<void(std::function<void(Board&)>)>;
  // `bell`: the board's, which outlives the desk.
  Desk(OnBoard on_board, const os::Fd& bell);

  // Whether `request` was the desk's to answer.
  bool handle(api::Request& request, const api::Responder& respond);
  // The Board says a lane is over (on the control loop); what the panel is to be told, if it did not ask for
  // it.
  std::optional<text::Json> gone(const Board::Gone& gone);
  // For a panel that has just been found: the lanes that are there, so that it adopts them.
  [[nodiscard]] text::Json lanes() const;
  [[nodiscard]] bool idle() const { return bindings_.empty(); }

 private:
  Result<api::Answer> offer(const api::Request& request);
  Result<text::Json> bind(api::Request& request);
  Result<api::Answer> adopt(api::Request& request);
  Result<os::Fd> page(const api::Request& request) const;
  Result<text::Json> flip(const api::Request& request);
  Result<text::Json> close(const api::Request& request);

  struct Known {
    Binding binding;
    os::Fd page;  // telemetry, read-only; not valid where memfd is denied
    std::optional<ShmOffer> offer;
    os::Fd index;            // of the request ring, at `to`: the gate of whoever reads on
    std::uint32_t ring = 0;  // shm
    bool bound = false;
    bool carrying = false;
    bool closing = false;
  };
  OnBoard on_board_;
  const os::Fd& bell_;
  os::Fence fence_;
  std::map<std::uint64_t, Known> bindings_;
};

}  // namespace rtt::endpoint
