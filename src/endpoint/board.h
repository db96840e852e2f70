// SPDX-License-Identifier: Apache-2.0
// Board: the lanes of one endpoint from inside: what arrives, what is sent, and how lanes take over from each
// other.
//
// An endpoint sees ports and arrivals, never lanes: a call on a port goes to the lane that carries it now;
// when a flip names a newer one, the old lane gets its last frame (FIN), keeps delivering the replies that
// are still owed and is closed after them, and the new one goes on with the same frame ids; a process that
// reads both reads the new one only behind the end of the old one. A call whose lane dies ends with kLost and
// is never sent again: only the caller knows whether repeating it is harmless.
//
// A handler of an arrival may call, publish, answer and wait; what comes for another handler meanwhile is
// kept until it is done, so handlers never nest.
//
// Lanes over sockets wake the loop themselves. Lanes in shared memory are looked at when the board's bell
// rings, or, by a thread that waits for an answer, for a while before it sleeps (wait()).
//
// Owns: the lanes.   Thread: the loop's.   Units: bytes, nanoseconds.
// Fails: call, publish: kNoProvider (nothing is wired there), kBusy (the lane is full and its policy says
// so), kTooLarge, kBadArgument (descriptors on a lane in shared memory); through OnReply also kLost,
// kDeadline, kCancelled and the other end's own error. Limits: kLanesMax lanes, kCallsMax calls under way
// each way, kLaterBytesMax kept during a handler, UdsLane's queue a lane.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "endpoint/binding.h"
#include "endpoint/shm_carrier.h"
#include "os/loop.h"
#include "os/memfd.h"

namespace rtt::endpoint {

inline constexpr std::size_t kLanesMax = 4096;
inline constexpr std::size_t kCallsMax = 65'536;  // each way
inline constexpr std::size_t kLaterBytesMax = limits::kClientQueueBytesMax;

// A request, event or stream message for one of this endpoint's symbols.
struct Arrival {
  std::uint64_t lane = 0;  // generation, for reply()
  std::uint32_t id = 0;
  const Binding* binding = nullptr;
  ByteView payload;       // valid during the call
  std::span<os::Fd> fds;  // likewise; whoever wants one moves it out, the others are closed
};

class Board {
 public:
  using CallId = std::uint64_t;
  using OnArrival = std::function<void(const Arrival&)>;
  struct Reply {
    ByteView payload;       // valid during the call
    std::span<os::Fd> fds;  // likewise, as an arrival's
  };
  using OnReply = std::function<void(Result<Reply>)>;
  struct Gone {
    std::uint64_t generation = 0;
    bool broken = false;  // by its other end or its bytes, rather than finished
    Error why;
  };
  using OnGone = std::function<void(const Gone&)>;

  Board(os::Loop& loop, OnArrival on_arrival, OnGone on_gone);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // ---- wiring (the desk calls these)
  // What a lane is built from, besides its binding.
  struct Parts {
    os::Mapping page;  // zero memory of telemetry::kPageBytes to count in
    os::Fd socket;     // uds
    ShmParams params;  // shm
    ShmOffer offer;
    ShmParts shm;
  };
  Status bind(Binding binding, Parts parts);  // built, not used yet
  Status flip(std::uint64_t generation);      // now it carries its port; what carried it drains
  // The control page of a panel that restarted, for the request chain of a lane.
  Status adopt(std::uint64_t generation, os::Fd control, std::uint64_t control_generation);
  void abandon(std::uint64_t generation,
               const Error& why);  // could not be built or flipped: reported as gone
  // Its other end is there no more and says no last word: what it wrote still counts, then as abandon.
  void left(std::uint64_t generation, const Error& why);
  void close(std::uint64_t generation);  // lets what is owed come in, then ends; unknown: nothing

  // ---- traffic
  // Wired to somebody now. `from` narrows to one of several symbols of this endpoint; empty = any.
  [[nodiscard]] bool wired(std::string_view port, std::string_view from = {}) const;
  // `fds` are moved from, unless the call is refused at once.
  CallId call(std::string_view port, ByteView payload, Nanos deadline, OnReply on_reply,
              std::span<os::Fd> fds = {});
  void cancel(CallId call);  // its OnReply gets kCancelled; unknown: nothing
  Status reply(std::uint64_t lane, std::uint32_t id, ByteView payload, std::span<os::Fd> fds = {});
  Status reply(std::uint64_t lane, std::uint32_t id, const Error& error);
  struct Published {
    std::size_t sent = 0, dropped = 0;
  };
  // To every route that leads from `from` and is no request route (empty: from any symbol of this endpoint).
  Result<Published> publish(std::string_view from, ByteView payload);

  // Handles what is there; if that is nothing, looks for up to `spin` and then sleeps until something comes
  // or `max_wait` is over (< 0: no limit). For a thread that runs no loop of its own; a loop's thread needs
  // none.
  void wait(Nanos max_wait, Nanos spin);
  // Rings this board: what the other ends of its shared-memory lanes are given.
  [[nodiscard]] const os::Fd& bell() const { return bell_ring_; }

  [[nodiscard]] bool handling() const { return handling_ > 0; }  // inside OnArrival
  [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }
  [[nodiscard]] bool owes() const;  // calls under way, either way
  // That was sent and waits for room in its lane: it goes on as the other end reads, and ends with this
  // board.
  [[nodiscard]] std::size_t queued_bytes() const;
  // [{…the binding, carrying, dropped, queued, received, sent}]
  [[nodiscard]] text::Json describe() const;

 private:
  enum class Stage : std::uint8_t { kBuilt, kCarrying, kDraining };
  struct Lane;
  struct Call;

  Status answer(std::uint64_t generation, std::uint32_t id, fabric::MessageKind kind, ByteView payload,
                std::span<os::Fd> fds);
  Result<std::unique_ptr<Carrier>> carrier_for(const Binding& binding, Parts& parts);
  Lane* lane_of_reply(Lane& came_on, std::uint32_t request);
  Status make_carrier(Lane& lane, Parts& parts);
  void on_request(Lane& lane, const fabric::LaneMessage& message);
  void deliver(const Arrival& arrival);
  void end_handler();
  [[nodiscard]] bool waits_its_turn(const Lane& lane) const;
  bool pump();  // every lane once; whether anything came
  bool pump_to(std::uint64_t generation);
  void settle();  // pumps until nothing is left, then rests
  void attend(const Lane& lane);
  void settle_later();
  bool rest();
  void on_message_of(std::uint64_t generation, const fabric::LaneMessage& message);
  void on_closed_of(std::uint64_t generation, const Error& why);
  void drain(Lane& lane);
  void begin_after(std::uint64_t generation);
  void end_if_drained(std::uint64_t generation);
  void end_later(std::uint64_t generation);
  void gone(std::uint64_t generation, bool broken, const Error& why);
  Lane* find(std::uint64_t generation);
  Lane* carrying(std::string_view port);
  void finish(CallId call, Result<Reply> result);

  os::Loop& loop_;
  OnArrival on_arrival_;
  OnGone on_gone_;
  os::ProcessWatch processes_;
  std::map<std::uint64_t, std::unique_ptr<Lane>> lanes_;  // by generation
  std::map<CallId, std::unique_ptr<Call>> calls_;
  std::size_t owed_ = 0;  // on all lanes
  // While a handler makes this board work: what came for another handler, lanes that went, tasks that wait.
  struct Later {
    const Lane* lane = nullptr;  // of lanes_ or gone_
    std::uint32_t id = 0;
    Bytes payload;
    std::vector<os::Fd> fds;
  };
  int handling_ = 0;
  std::deque<Later> later_;
  std::size_t later_bytes_ = 0;
  std::vector<std::unique_ptr<Lane>> gone_;
  std::vector<std::function<void()>> after_handler_;
  os::Fd bell_, bell_ring_;  // where it is heard, where it is rung
  bool pumping_ = false, settling_ = false;
  bool passed_over_ = false;  // a lane, when the others were put to rest during a handler
  os::Loop::TimerId restless_ = 0;
  Nanos restless_look_{0};
  CallId next_call_ = 1;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // tasks posted to the loop end with it
};

}  // namespace rtt::endpoint
