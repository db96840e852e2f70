// SPDX-License-Identifier: Apache-2.0
// Wiring: the lanes behind the committed graph. Who is attached, what carries each route, and how it is
// built, flipped, adopted and taken down.
//
// A route is carried when both its ends are attached: a driver host for a symbol whose contract names a
// driver, else a program that said endpoint.syn. For a change of the graph the lanes of new routes are built
// beside the old ones (prepare), then flipped; a route whose end attaches later gets its lane then, outside
// of any change. The wiring holds no frame and no state that is not also at the ends: a panel that starts
// anew learns from each end which lanes it has (docs/formats/endpoint.md) and adopts them.
//
// Owns: what is known of ends and lanes, not the connections.   Thread: the panel's loop.   Units: none.
// Fails: prepare: kNack… as the ends say, kDriverStart, kDeadline; syn: kNotFound, kUnsigned, kBusy.
// Limits: kRoutesMax lanes, kEndpointsMax attached symbols.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/peer.h"
#include "endpoint/shm_offer.h"
#include "fabric/shm/control_page.h"
#include "model/contract.h"
#include "os/loop.h"
#include "panel/hosts.h"

namespace rtt::panel {

inline constexpr std::size_t kEndpointsMax = 4096;
inline constexpr std::int64_t kEndAnswerMs = 5'000;  // an end that takes longer over a lane is left out
// The participant that stands for every endpoint without a driver host.
inline constexpr std::string_view kEndpoints = "endpoints";

class Wiring {
 public:
  struct Ports {
    os::Loop& loop;
    Hosts& hosts;
    std::function<Result<model::Contract>(const Digest&)> contract;
    // The definition in force that an endpoint means by a reference, and its contract's hash.
    std::function<Result<model::Contract>(const std::string& reference)> in_force;
    std::function<const model::Graph&()> graph;
    std::function<void(text::Json)> audit;
  };
  using OnDone = std::function<void(Status)>;

  explicit Wiring(Ports ports);
  void start(std::uint64_t panel_generation);  // lanes of this panel are numbered apart from earlier ones'

  // ---- ends
  void syn(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
           const api::Responder& respond);
  void host_attached(const std::string& instance, const std::shared_ptr<api::Peer>& peer,
                     const text::Json& lanes);
  void gone(const api::Request& request, const api::Responder& respond);
  void connection_lost(const api::Peer* peer);

  // ---- changes of the graph
  // Starts what the routes' drivers need and builds lanes for those whose both ends are there. `leaving` are
  // the routes that go with this change: a lane of one is taken over by the lane that replaces it.
  void prepare(const std::vector<model::Route>& routes, const std::vector<model::Route>& leaving,
               OnDone done);
  void flip(const std::vector<model::Route>& routes, OnDone done);
  void drop_built();  // what was built for a change that does not come
  void settle();      // the graph is another: closes lanes of routes that left, wires what can be wired

  struct View {
    std::string state;  // waiting | ready | draining | detached
    std::string lane;   // what really carries it; empty: nothing
  };
  [[nodiscard]] View view(const model::Route& route) const;
  struct Carried {
    std::uint64_t generation = 0;
    model::Route route;                   // its lane is the one that carries it
    std::shared_ptr<api::Peer> from, to;  // nullptr: not attached at present
  };
  [[nodiscard]] std::vector<Carried> carried() const;  // by generation
  [[nodiscard]] bool attached(const std::string& definition) const;
  [[nodiscard]] text::Json describe() const;  // attached endpoints, for `status` and `ls drivers`

 private:
  enum class Stage : std::uint8_t { kBuilding, kBuilt, kCarrying };
  struct Lane {
    endpoint::Binding binding;  // as the `from` end has it
    Stage stage = Stage::kBuilding;
    std::weak_ptr<api::Peer> from, to;
    // Shared memory: the request ring's number, the page its chain follows, and the index page that whoever
    // reads on after this lane waits for. Nothing of it before a restarted panel has asked for it again.
    std::uint32_t ring = 0;
    std::shared_ptr<fabric::shm::ControlPage> control;
    std::uint64_t control_generation = 0;
    std::shared_ptr<os::Fd> gate;
  };
  struct Preparation;
  struct ShmBuild;

  std::shared_ptr<api::Peer> end_of(const model::Saddr& symbol, const Digest& contract) const;
  void prepare_hosts(const std::shared_ptr<Preparation>& work);
  void build_lanes(const std::shared_ptr<Preparation>& work);
  void build(const model::Route& route, std::uint64_t follows, OnDone done);
  void build_shm(endpoint::Binding binding, OnDone done);
  void bind_shm(const std::shared_ptr<ShmBuild>& work);
  void build_uds(endpoint::Binding binding, OnDone done);
  void bound(std::uint64_t generation, const Status& status, const OnDone& done);
  void take_control(std::uint64_t generation);
  [[nodiscard]] std::uint64_t lane_before(const model::Route& route,
                                          const std::vector<model::Route>& leaving) const;
  [[nodiscard]] const Lane* lane_of(const model::Route& route) const;
  void adopt(const std::shared_ptr<api::Peer>& peer, const text::Json& lanes);
  void wire(const model::Route& route);
  void wire_all_of(const std::function<bool(const model::Route&)>& concerns);
  // `broken`: why it cannot carry on; empty: what is owed on it still comes in.
  void close(std::uint64_t generation, const std::string& broken = {});

  Ports ports_;
  std::uint64_t next_generation_ = 0;
  bool changing_ =
      false;  // from a change's first prepare until settle(): which routes there are is not settled
  std::map<std::uint64_t, Lane> lanes_;
  std::map<std::string, std::weak_ptr<api::Peer>> ends_;  // by definition
  std::map<std::string, int> wiring_now_;                 // routes being wired outside of a change, by name
};

}  // namespace rtt::panel
