// SPDX-License-Identifier: Apache-2.0
// Wiring: the lanes behind the committed graph. Who is attached, what carries each route, and how it is
// built, flipped, adopted and taken down.
//
// A route is carried when both its ends are attached: a driver host for a symbol whose contract names a
// driver, else a program that said endpoint.attach. For a change of the graph the lanes of new routes are
// built beside the old ones (prepare), then flipped; a route whose end attaches later gets its lane then,
// outside of any change. The wiring holds no frame and no state that is not also at the ends: a panel that
// starts anew learns from each end which lanes it has (docs/formats/endpoint.md), adopts them, and brings
// them to what the committed graph says: what a change had built and not committed goes, what it had
// committed is flipped.
//
// A lane is brought up by two handshakes, one with each end (docs/formats/handshake.md): the wiring invites
// both, holds their offers until it has both, so that the lane is one that both can make, and crosses what
// they bring.
//
// Owns: what is known of ends and lanes, not the connections.   Thread: the panel's loop.   Units: none.
// Fails: prepare: kNack… as the ends say, kDriverStart, kDeadline; attach: kNotFound, kUnsigned, kBusy.
// Limits: one lane a route and one that takes over, kEndpointsMax attached symbols.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/peer.h"
#include "endpoint/shm_offer.h"
#include "fabric/handshake.h"
#include "fabric/shm/control_page.h"
#include "model/contract.h"
#include "os/loop.h"
#include "os/process_watch.h"
#include "panel/hosts.h"

namespace rtt::panel {

inline constexpr std::size_t kEndpointsMax = 4096;
inline constexpr std::int64_t kEndAnswerMs = 5'000;  // an end that takes longer over a lane is left out
// The participant that stands for every endpoint without a driver host.
inline constexpr std::string_view kEndpoints = "endpoints";
// What providers are shown takes part in a change as one; no driver can have this name.
inline constexpr std::string_view kViews = "the views";

// Of the panel's cache, and of whoever looks at one: the cache may let go of it first.
using SharedContract = std::shared_ptr<const model::Contract>;

class Wiring {
 public:
  struct Ports {
    os::Loop& loop;
    Hosts& hosts;
    std::function<Result<SharedContract>(const Digest&)> contract;
    // The definitions in force that an endpoint means by its references, in their order.
    std::function<Result<std::vector<model::Contract>>(const std::vector<std::string>& references)> in_force;
    std::function<const model::Graph&()> graph;
    std::function<void(text::Json)> audit;
  };
  using OnDone = std::function<void(Status)>;

  explicit Wiring(Ports ports);
  ~Wiring();
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;
  void start(std::uint64_t panel_generation);  // lanes of this panel are numbered apart from earlier ones'

  // ---- ends
  void attach(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
              const api::Responder& respond);
  void host_attached(const std::string& instance, const std::shared_ptr<api::Peer>& peer,
                     const text::Json& lanes);
  void hear(const std::shared_ptr<api::Peer>& peer, api::Request request, const api::Responder& respond);
  void gone(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
            const api::Responder& respond);
  void connection_lost(const api::Peer* peer);
  // Takes down who an end is, for whoever has to notice its death. False: that cannot be told now, so it must
  // come again; its connection is closed.
  bool know(const std::shared_ptr<api::Peer>& peer);

  // ---- changes of the graph
  // Starts what the routes' drivers need and builds lanes for those whose both ends are there. `leaving` are
  // the routes that go with this change: a lane of one is taken over by the lane that replaces it.
  void prepare(const std::vector<model::Route>& routes, const std::vector<model::Route>& leaving,
               OnDone done);
  void flip(const std::vector<model::Route>& routes, OnDone done);
  void drop_built();  // what was built for a change that does not come
  void settle();      // the graph is another: closes lanes of routes that left, wires what can be wired
  void try_again();   // what no end answered, or could not be wired, though both ends are there

  struct View {
    std::string state;  // waiting | ready | draining | detached
    std::string lane;   // what really carries it; empty: nothing
  };
  [[nodiscard]] View view(const model::Route& route) const;
  struct Carried {
    std::uint64_t generation = 0;
    model::Route route;
    model::LaneKind lane = model::LaneKind::kUds;  // what really carries it
    std::shared_ptr<api::Peer> from, to;           // nullptr: not attached at present
  };
  [[nodiscard]] std::vector<Carried> carried() const;  // by generation
  [[nodiscard]] bool attached(const std::string& definition) const;
  // A lane outside of the plan, of one caller who has the other end of `socket`: to an attached endpoint.
  // kNoProvider: it is not.
  void link(const model::Route& route, os::Fd socket, OnDone done);
  [[nodiscard]] text::Json describe() const;  // attached endpoints, as rows of `ls drivers`

 private:
  enum class Stage : std::uint8_t { kBuilding, kBuilt, kCarrying };
  // The rings that follow each other in shared memory, and the page that says which one is in use.
  struct Chain {
    fabric::shm::ControlPage page;
    std::uint64_t generation = 0;  // of the page
  };
  struct Lane {
    endpoint::Binding binding;  // as the `from` end has it
    Stage stage = Stage::kBuilding;
    std::weak_ptr<api::Peer> from, to;
    // Shared memory: the request ring's number and chain, and what whoever reads on after this lane waits
    // for: its reader's index page, and the end of its process. A restarted panel has no chain before the
    // `from` end is back, and no page before the `to` end is.
    std::uint32_t ring = 0;
    std::uint32_t epoch = 0;        // as the `from` end saw it when it came back
    std::array<bool, 2> unheard{};  // by Side: it was told to flip and has not said that it did
    std::shared_ptr<Chain> chain;
    std::shared_ptr<os::Fd> gate;
    std::array<os::ProcessId, 2> who{};      // by Side; none of an end that is not back since the panel began
    std::array<fabric::LaneEnd, 2> hands{};  // by Side; none for the ends of a lane before it is invited
    // While it is built:
    std::vector<model::LaneKind> kinds;  // it may be of, best first
    bool offered = false;                // its generation is known to an end
    bool over = false;                   // this attempt is: the ends' next offers begin another
    os::Loop::TimerId deadline = 0;
    OnDone done;
  };
  // The panel's hand of one end of a lane.
  struct Hand {
    std::uint64_t generation = 0;  // of the lane
    endpoint::Side side = endpoint::Side::kFrom;
    std::weak_ptr<api::Peer> peer;
    fabric::Acceptor acceptor;
    os::Loop::TimerId timer = 0;
    std::optional<fabric::Syn> offer;      // held until the other end's is here
    std::vector<os::Fd> theirs, for_them;  // what BIND brought; what READY brings, until it is confirmed
    os::ProcessId gate_owner;              // of the gate among `for_them`
    bool bound = false, ready = false;
  };
  struct Happened {
    fabric::LaneEnd end;
    fabric::HandshakeEvent event;
  };
  struct Preparation;

  std::shared_ptr<api::Peer> end_of(const model::Saddr& symbol, const Digest& contract) const;
  [[nodiscard]] os::ProcessId process_of(const std::shared_ptr<api::Peer>& peer) const;
  void forget_orphans(const api::Peer* leaving);
  void prepare_hosts(const std::shared_ptr<Preparation>& work);
  void build_lanes(const std::shared_ptr<Preparation>& work);
  void build(const model::Route& route, std::uint64_t follows, OnDone done);
  // ---- the handshakes of lanes (wiring_build.cc)
  void invite(const Lane& lane, endpoint::Side side);
  void meet(std::uint64_t generation);
  Result<fabric::LaneParams> terms(Lane& lane);
  void perform(fabric::LaneEnd end, const fabric::HandshakeAction& action);
  void say(fabric::LaneEnd end, const fabric::HandshakeMessage& message);
  void step(fabric::LaneEnd end, fabric::HandshakeEvent event);
  Status take(Hand& hand, const fabric::OpenLane& opened);
  void cross(std::uint64_t generation);
  Status gather(Lane& lane);
  void tripped(fabric::LaneEnd end, const fabric::Tripped& why);
  void finish(std::uint64_t generation, Status status);
  Lane& add_lane(endpoint::Binding binding);
  void forget(std::uint64_t generation);
  Hand* hand_of(const Lane& lane, endpoint::Side side);

  void tell_flip(const std::vector<std::uint64_t>& flipped, OnDone done);
  void hear_flip(const std::shared_ptr<api::Peer>& end, const text::Json& generations);
  void adopt_chains(const std::shared_ptr<api::Peer>& from);
  void hand_chain(std::uint64_t generation, endpoint::Side side);
  bool adopt_lane(const std::shared_ptr<api::Peer>& peer, const text::Json& row);
  void reconcile();
  [[nodiscard]] std::uint64_t lane_before(const model::Route& route,
                                          const std::vector<model::Route>& leaving) const;
  [[nodiscard]] const Lane* lane_of(const model::Route& route) const;
  void adopt(const std::shared_ptr<api::Peer>& peer, const text::Json& lanes);
  void wire(const model::Route& route);        // REQUIRES: it is in the graph
  void wire_again(const model::Route& route);  // if it still is
  [[nodiscard]] bool is_wanted(const model::Route& route) const;
  void wire_all_of(const std::function<bool(const model::Route&)>& concerns);
  // `broken`: why it cannot carry on; empty: what is owed on it still comes in.
  void close(std::uint64_t generation, const std::string& broken = {});

  Ports ports_;
  std::uint64_t next_generation_ = 0, generations_end_ = 0;
  bool changing_ =
      false;  // from a change's first prepare until settle(): which routes there are is not settled
  std::map<std::uint64_t, Lane> lanes_;
  std::multimap<std::uint32_t, std::uint64_t> by_route_;  // route id: generations of its lanes
  std::map<fabric::LaneEnd, Hand> hands_;
  std::deque<Happened> happened_;  // a step may bring the next: never nested
  bool stepping_ = false;
  std::map<std::string, std::weak_ptr<api::Peer>> ends_;  // by definition
  // Whose each peer is: asked of /proc once, for one process may be an end of every lane.
  std::map<std::weak_ptr<api::Peer>, os::ProcessId, std::owner_less<>> processes_;
  std::map<std::string, int> wiring_now_;                 // routes being wired outside of a change, by name
  std::map<std::string, std::string> unwired_;            // those that could not be, and why, as it was told
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // answers of ends may come after it
};

}  // namespace rtt::panel
