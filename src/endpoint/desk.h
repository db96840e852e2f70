// SPDX-License-Identifier: Apache-2.0
// Desk: what the panel may ask of an endpoint about its lanes, and what the endpoint remembers for the next
// panel: lane.bind, lane.flip, lane.close, lane.ls, lane.page (docs/formats/handshake.md).
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

#include "api/peer.h"
#include "endpoint/board.h"

namespace rtt::endpoint {

class Desk {
 public:
  using OnBoard = std::function<void(std::function<void(Board&)>)>;
  explicit Desk(OnBoard on_board) : on_board_(std::move(on_board)) {}

  // Whether `request` was the desk's to answer.
  bool handle(api::Request& request, const api::Responder& respond);
  // The Board says a lane is over (on the control loop); what the panel is to be told, if it did not ask for
  // it.
  std::optional<text::Json> gone(const Board::Gone& gone);
  // For a panel that has just been found: the lanes that are there, so that it adopts them.
  [[nodiscard]] text::Json lanes() const;
  [[nodiscard]] bool idle() const { return bindings_.empty(); }

 private:
  Result<text::Json> bind(api::Request& request);
  Result<os::Fd> page(const api::Request& request) const;
  Result<text::Json> flip(const api::Request& request);
  Result<text::Json> close(const api::Request& request);

  struct Known {
    Binding binding;
    os::Fd page;  // telemetry, read-only
    bool carrying = false;
    bool closing = false;
  };
  OnBoard on_board_;
  std::map<std::uint64_t, Known> bindings_;
};

}  // namespace rtt::endpoint
