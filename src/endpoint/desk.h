// SPDX-License-Identifier: Apache-2.0
// Desk: an endpoint's side of everything that is said about its lanes, and what it remembers for the next
// panel (docs/formats/handshake.md, docs/formats/endpoint.md).
//
// The panel invites the endpoint to a lane (lane.want); from there an Initiator brings this end of it up: the
// desk makes its memory, says BIND, has the Board bind what READY brings, and says READY only when the Board
// has done so. A lane that is up is flipped, closed, adopted and looked at by requests (lane.flip,
// lane.close, lane.adopt, lane.ls, lane.page). When a connection is new, READY is said for every lane that is
// held.
//
// The desk sits on the loop of the control connection, the Board perhaps on another thread's: `on_board` runs
// a task where the Board is. Saying anything twice is harmless, so the panel may repeat what it is not sure
// of.
//
// Owns: the handshakes, the bindings in force.   Thread: the control loop's.   Units: none.
// Fails: answers kPanelProtocol, kLimit to the panel.   Limits: kLanesMax lanes, as many handshakes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "api/peer.h"
#include "endpoint/board.h"
#include "fabric/handshake.h"
#include "fabric/shm/control_page.h"

namespace rtt::endpoint {

class Desk {
 public:
  using OnBoard = std::function<void(std::function<void(Board&)>)>;
  // The contract this endpoint was built for; nothing: whatever is in force.
  using ContractOf = std::function<std::optional<Digest>(const std::string& definition)>;
  // `bell`: the board's, which outlives the desk.
  Desk(os::Loop& loop, OnBoard on_board, const os::Fd& bell, ContractOf contract_of);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // The panel has accepted this endpoint on this connection.
  void connected(const std::shared_ptr<api::Peer>& panel);
  void disconnected();
  // Whether `request` was the desk's to answer.
  bool handle(api::Request& request, const api::Responder& respond);
  // The Board says a lane is over (on the control loop); what the panel is to be told, if it did not ask for
  // it.
  std::optional<text::Json> gone(const Board::Gone& gone);
  // For a panel that has just been found: the lanes that are there. It takes each over when READY is said.
  [[nodiscard]] text::Json lanes() const;
  [[nodiscard]] bool idle() const { return lanes_.empty(); }

 private:
  struct Hand {  // one end of a lane that is brought up, or is up
    Binding binding;
    fabric::Initiator initiator;
    os::Loop::TimerId timer = 0;
    fabric::LaneParams params;
    std::optional<fabric::shm::ControlView> control;  // shm, from READY on
    std::optional<ShmOffer> offer;                    // until READY
    std::shared_ptr<Board::Parts> parts;              // what READY brought
  };
  struct Lane {  // on the Board, or on its way there
    fabric::LaneEnd end;
    Binding binding;
    os::Fd page;             // telemetry, read-only; not valid where memfd is denied
    os::Fd index;            // of the request ring, at `to`: the gate of whoever reads on
    std::uint32_t ring = 0;  // shm
    std::optional<fabric::shm::ControlView> control;  // shm: says how far the chain has come
    bool bound = false;
    bool carrying = false;
    bool closing = false;
  };
  struct Happened {
    fabric::LaneEnd end;
    fabric::HandshakeEvent event;
  };

  Result<text::Json> want(const api::Request& request);
  Result<text::Json> hear(api::Request& request);
  Status take_parts(Hand& hand, api::Request& request);
  Result<api::Answer> adopt(api::Request& request);
  Result<os::Fd> page(const api::Request& request) const;
  Result<text::Json> link(api::Request& request);
  Result<text::Json> flip(const api::Request& request);
  Result<text::Json> close(const api::Request& request);

  void step(fabric::LaneEnd end, fabric::HandshakeEvent event);
  void perform(fabric::LaneEnd end, Hand& hand, const fabric::HandshakeAction& action);
  void say(fabric::LaneEnd end, const fabric::HandshakeMessage& message, std::vector<os::Fd> fds = {});
  Status open(Hand& hand, const fabric::OpenLane& lane);
  Status wire(fabric::LaneEnd end, Hand& hand, fabric::Generation generation);
  void bound(fabric::LaneEnd end, fabric::Generation generation, const Status& status);
  void drop(fabric::LaneEnd end);

  os::Loop& loop_;
  OnBoard on_board_;
  const os::Fd& bell_;
  ContractOf contract_of_;
  os::Fence fence_;
  std::weak_ptr<api::Peer> panel_;
  std::map<fabric::LaneEnd, Hand> hands_;
  std::map<std::uint64_t, Lane> lanes_;  // by generation
  std::deque<Happened> happened_;        // a step may bring the next: never nested
  bool stepping_ = false;
  std::uint64_t last_nonce_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // the Board's answers end with it
};

}  // namespace rtt::endpoint
