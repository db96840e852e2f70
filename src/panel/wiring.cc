// SPDX-License-Identifier: Apache-2.0
#include "panel/wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/handshake_json.h"
#include "endpoint/attachment.h"
#include "model/limits.h"
#include "model/saddr.h"
#include "os/process_watch.h"
#include "panel/together.h"

namespace rtt::panel {
namespace {

using endpoint::Side;
using text::Json;

constexpr std::int64_t kHostAnswerMs = 120'000;
// Lanes brought up together: an end is asked about each, and a connection takes 64 requests at a time.
constexpr std::size_t kBuildsAtOnce = 64;
constexpr int kGenerationBits = 24;  // lanes one panel builds in its life

// Whether a lane built for `a` carries `b`: all of a route but where it comes from and where it runs.
bool same_wire(const model::Route& a, const model::Route& b) {
  return a.from == b.from && a.to == b.to && a.route_class == b.route_class && a.id == b.id &&
         a.contract == b.contract && a.consumer_contract == b.consumer_contract && a.lane == b.lane &&
         a.qos == b.qos && a.caps == b.caps;
}

// An agent or a skill is read by an AI client rather than run, and the command line opens a link when it
// asks: no lane ends there.
bool is_read(const model::Route& route) {
  return route.from.type == model::SymbolType::kAgent || route.from.type == model::SymbolType::kSkill ||
         model::built_in_consumer(route.from);
}

}  // namespace

struct Wiring::Preparation {
  std::vector<model::Route> routes, leaving;
  OnDone done;
  std::size_t next = 0;  // of routes: not looked at yet
};

Wiring::Wiring(Ports ports) : ports_(std::move(ports)) {}

void Wiring::start(std::uint64_t panel_generation) {
  next_generation_ = (panel_generation << kGenerationBits) + 1;
  generations_end_ = (panel_generation + 1) << kGenerationBits;
}

// ---- ends

void Wiring::attach(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
                    const api::Responder& respond) {
  if (!know(peer)) return;
  const Json* symbols = request.args.find("symbols");
  if (symbols == nullptr || !symbols->is_array() || symbols->as_array().empty())
    return respond.finish(fail(Code::kPanelProtocol, "endpoint.attach needs `symbols`"));
  if (symbols->as_array().size() > endpoint::kSymbolsMax) {
    return respond.finish(fail(Code::kLimit, fmt::format("{} symbols; a program may attach as {}",
                                                         symbols->as_array().size(), endpoint::kSymbolsMax)));
  }
  std::vector<std::string> references;
  for (const Json& symbol : symbols->as_array())
    references.push_back(symbol.is_string() ? symbol.as_string() : std::string());
  const auto contracts = ports_.in_force(references);
  if (!contracts) return respond.finish(std::unexpected(contracts.error()));
  Json accepted = text::JsonArray{};
  std::vector<std::string> definitions;
  for (const model::Contract& contract : *contracts) {
    const std::string definition = model::identity(contract.saddr);
    if (const auto other = ends_.find(definition); other != ends_.end()) {
      const auto holder = other->second.lock();
      if (holder && holder->open() && holder != peer && holder->identity().pid != peer->identity().pid) {
        return respond.finish(
            fail(Code::kBusy,
                 fmt::format("{} is attached already, by process {}", definition, holder->identity().pid),
                 definition, "end that process first, or give this one another variant"));
      }
    }
    definitions.push_back(definition);
    accepted.push(Json::object({{"contract", to_string(contract.hash)}, {"saddr", definition}}));
  }
  if (ends_.size() + definitions.size() > kEndpointsMax)
    return respond.finish(fail(Code::kLimit, fmt::format("{} endpoints are attached", kEndpointsMax)));
  for (const std::string& definition : definitions) ends_[definition] = peer;
  respond.finish(api::Answer{Json::object({{"symbols", std::move(accepted)}}), {}, {}});
  const Json* lanes = request.args.find("lanes");
  adopt(peer, lanes != nullptr ? *lanes : Json(text::JsonArray{}));
  wire_all_of([&](const model::Route& route) {
    return std::ranges::any_of(definitions, [&](const std::string& definition) {
      return model::identity(route.from) == definition || model::identity(route.to) == definition;
    });
  });
}

void Wiring::host_attached(const std::string& instance, const std::shared_ptr<api::Peer>& peer,
                           const Json& lanes) {
  if (!know(peer)) return;
  adopt(peer, lanes);
  wire_all_of([&](const model::Route& route) {
    const auto provider = ports_.contract(route.contract);
    const auto consumer = ports_.contract(route.consumer_contract);
    return (provider && instance_of(**provider) == instance) ||
           (consumer && instance_of(**consumer) == instance);
  });
}

// What an end that was there before this panel, or before its own connection broke, says it holds.
void Wiring::adopt(const std::shared_ptr<api::Peer>& peer, const Json& lanes) {
  std::set<std::uint64_t> held;
  Json strange = text::JsonArray{};
  for (const Json& row : lanes.is_array() ? lanes.as_array() : text::JsonArray{}) {
    const auto generation = static_cast<std::uint64_t>(row.int_or("generation", 0));
    held.insert(generation);
    if (!adopt_lane(peer, row)) strange.push(generation);
  }
  if (!strange.as_array().empty()) {
    peer->ask(
        "lane.close", Json::object({{"generations", std::move(strange)}}), [](const auto&) {}, {},
        kEndAnswerMs);
  }
  adopt_chains(peer);
  // A lane the panel knows of and the end does not is over. The end gave it up while nobody heard it, so its
  // other end waits for no last word.
  std::vector<std::uint64_t> over;
  for (const auto& [generation, lane] : lanes_) {
    const bool ours = lane.from.lock() == peer || lane.to.lock() == peer;
    if (ours && lane.stage != Stage::kBuilding && !held.contains(generation)) over.push_back(generation);
  }
  for (const std::uint64_t generation : over) close(generation, "the other end does not hold it any more");
  if (!changing_) reconcile();
}

// One lane, if it can be one that a panel of this workspace built with this end.
bool Wiring::adopt_lane(const std::shared_ptr<api::Peer>& peer, const Json& row) {
  auto binding = endpoint::binding_from_json(row);
  if (!binding || binding->generation == 0 || binding->generation >= generations_end_) return false;
  const fabric::LaneEnd end{api::counter_or_none(row, "end")};
  if (end == fabric::LaneEnd{} || end.value >= generations_end_) return false;
  const std::uint64_t generation = binding->generation;
  const Side side = binding->side;
  const bool from = side == Side::kFrom;
  const model::Route& route = binding->route;
  if (end_of(from ? route.from : route.to, from ? route.consumer_contract : route.contract) != peer)
    return false;
  if (const auto hand = hands_.find(end); hand != hands_.end() && hand->second.generation != generation)
    return false;
  auto at = lanes_.find(generation);
  if (at != lanes_.end() && at->second.stage == Stage::kBuilding) return false;
  const bool carrying = row.bool_or("carrying", false);
  if (at == lanes_.end()) {
    binding->side = Side::kFrom;
    add_lane(std::move(*binding));
    at = lanes_.find(generation);
    at->second.stage = carrying ? Stage::kCarrying : Stage::kBuilt;
  }
  Lane& lane = at->second;
  // A flip that reached one end only is said again, to both: reconcile.
  if (lane.stage == Stage::kCarrying && !carrying) lane.stage = Stage::kBuilt;
  lane.unheard[from ? 0 : 1] = false;
  lane.who[from ? 0 : 1] = process_of(peer);
  (from ? lane.from : lane.to) = peer;
  lane.hands[from ? 0 : 1] = end;
  Hand& hand =
      hands_
          .try_emplace(
              end, Hand{.generation = generation, .side = side, .peer = {}, .acceptor = fabric::Acceptor({})})
          .first->second;
  hand.peer = peer;
  hand.ready = true;
  const auto ring = static_cast<std::uint32_t>(std::max<std::int64_t>(row.int_or("ring", 0), 0));
  const auto epoch = static_cast<std::uint32_t>(std::max<std::int64_t>(row.int_or("epoch", 0), 0));
  if (lane.ring == 0) lane.ring = ring;
  if (from) lane.epoch = epoch;
  if (!from && lane.chain) hand_chain(generation, Side::kTo);
  return true;
}

void Wiring::gone(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
                  const api::Responder& respond) {
  respond.finish(api::Answer{Json::object({}), {}, {}});
  const auto generation = static_cast<std::uint64_t>(request.args.int_or("generation", 0));
  const auto at = lanes_.find(generation);
  if (at == lanes_.end() || (at->second.from.lock() != peer && at->second.to.lock() != peer)) return;
  const model::Route route = at->second.binding.route;
  const bool broken = request.args.bool_or("broken", false);
  const std::string why(request.args.string_or("why", "its lane broke"));
  if (broken && at->second.stage == Stage::kCarrying) {
    ports_.audit(Json::object({{"action", "lane_lost"},
                               {"generation", generation},
                               {"reason", why},
                               {"to", model::route_name(route)},
                               {"who", "panel"}}));
  }
  close(generation, broken ? why : std::string());
  wire_again(route);
}

void Wiring::connection_lost(const api::Peer* peer) {
  std::erase_if(ends_, [&](const auto& entry) {
    const auto holder = entry.second.lock();
    return !holder || holder.get() == peer;
  });
  std::vector<fabric::LaneEnd> parted;
  for (const auto& [end, hand] : hands_) {
    if (const auto holder = hand.peer.lock(); !holder || holder.get() == peer) parted.push_back(end);
  }
  for (const fabric::LaneEnd end : parted) {
    step(end, fabric::Disconnected{});
    if (const auto hand = hands_.find(end); hand != hands_.end())
      finish(hand->second.generation, fail(Code::kLost, "an end went away while its lane was built"));
  }
  forget_orphans(peer);
}

// Whoever is left of a lane reports its loss; a lane whose both ends have died has nobody left to do so.
void Wiring::forget_orphans(const api::Peer* leaving) {
  std::vector<std::uint64_t> orphaned;
  for (const auto& [generation, lane] : lanes_) {
    const auto away = [&](const std::weak_ptr<api::Peer>& end) {
      const auto peer = end.lock();
      return !peer || peer.get() == leaving;
    };
    if (away(lane.from) && away(lane.to) && std::ranges::none_of(lane.who, os::is_alive))
      orphaned.push_back(generation);
  }
  for (const std::uint64_t generation : orphaned) forget(generation);
}

std::shared_ptr<api::Peer> Wiring::end_of(const model::Saddr& symbol, const Digest& hash) const {
  if (const auto at = ends_.find(model::identity(symbol)); at != ends_.end()) {
    auto peer = at->second.lock();
    if (peer && peer->open()) return peer;
  }
  const auto contract = ports_.contract(hash);
  if (!contract) return nullptr;
  const std::string instance = instance_of(**contract);
  return instance.empty() ? nullptr : ports_.hosts.attached(instance);
}

bool Wiring::know(const std::shared_ptr<api::Peer>& peer) {
  if (processes_.contains(peer)) return true;
  std::erase_if(processes_, [](const auto& entry) { return entry.first.expired(); });
  const int pid = peer->identity().pid;
  const auto began = os::process_start_time(pid);
  if (began) processes_.emplace(peer, os::ProcessId{.pid = pid, .start_time = *began});
  if (!began) peer->close();
  return began.has_value();
}

os::ProcessId Wiring::process_of(const std::shared_ptr<api::Peer>& peer) const {
  const auto known = processes_.find(peer);
  return known == processes_.end() ? os::ProcessId{} : known->second;
}

bool Wiring::attached(const std::string& definition) const {
  const auto at = ends_.find(definition);
  return at != ends_.end() && !at->second.expired();
}

void Wiring::link(const model::Route& route, os::Fd socket, OnDone done) {
  const auto at = ends_.find(model::identity(route.to));
  const auto to = at == ends_.end() ? nullptr : at->second.lock();
  if (!to || !to->open()) {
    return done(fail(Code::kNoProvider,
                     model::identity(route.to) + " has no driver, and no endpoint of it is attached",
                     model::identity(route.to), "start the program that attaches as it, or: rtt ls drivers"));
  }
  std::vector<os::Fd> fds;
  fds.push_back(std::move(socket));
  to->ask(
      "lane.link",
      endpoint::to_json({.generation = next_generation_++,
                         .side = Side::kTo,
                         .route = route,
                         .lane = model::LaneKind::kUds,
                         .port = endpoint::port_of(route)}),
      [done = std::move(done)](const Result<api::Answer>& answer) {
        done(answer ? Status{} : Status(std::unexpected(answer.error())));
      },
      std::move(fds), kEndAnswerMs);
}

// ---- changes of the graph

void Wiring::prepare(const std::vector<model::Route>& routes, const std::vector<model::Route>& leaving,
                     OnDone done) {
  changing_ = true;
  prepare_hosts(std::make_shared<Preparation>(
      Preparation{.routes = routes, .leaving = leaving, .done = std::move(done)}));
}

// Each driver host once, with everything it must bring up.
void Wiring::prepare_hosts(const std::shared_ptr<Preparation>& work) {
  std::map<std::string, Json> by_instance;
  const auto add = [&](const Digest& hash, const model::Route& route) -> Status {
    RTT_TRY_SET(const SharedContract contract, ports_.contract(hash));
    const std::string instance = instance_of(*contract);
    if (instance.empty()) return {};
    by_instance[instance].push(
        Json::object({{"contract", contract->object}, {"id", static_cast<std::int64_t>(route.id.value)}}));
    return {};
  };
  for (const model::Route& route : work->routes) {
    if (const Status provider = add(route.contract, route); !provider) return work->done(provider);
    if (is_read(route)) continue;
    if (const Status consumer = add(route.consumer_contract, route); !consumer) return work->done(consumer);
  }
  if (by_instance.empty()) return build_lanes(work);
  const auto together = std::make_shared<Together>(by_instance.size(), [this, work](const Status& status) {
    if (!status) return work->done(status);
    build_lanes(work);
  });
  for (auto& [instance, list] : by_instance) {
    ports_.hosts.when_ready(
        instance, [together, routes = std::move(list)](Result<std::shared_ptr<api::Peer>> host) mutable {
          if (!host) return together->one(std::unexpected(host.error()));
          (*host)->ask(
              "host.prepare", Json::object({{"routes", std::move(routes)}}),
              [together](const Result<api::Answer>& answer) {
                together->one(answer ? Status{} : Status(std::unexpected(answer.error())));
              },
              {}, kHostAnswerMs);
        });
  }
}

void Wiring::build_lanes(const std::shared_ptr<Preparation>& work) {
  std::vector<model::Route> wanted;
  for (; work->next < work->routes.size() && wanted.size() < kBuildsAtOnce; ++work->next) {
    const model::Route& route = work->routes[work->next];
    if (is_read(route) || lane_of(route) != nullptr) continue;
    if (!end_of(route.from, route.consumer_contract) || !end_of(route.to, route.contract)) continue;
    wanted.push_back(route);
  }
  if (wanted.empty()) return work->done({});
  const auto together = std::make_shared<Together>(wanted.size(), [this, work](Status status) {
    if (!status) return work->done(std::move(status));
    build_lanes(work);
  });
  for (const model::Route& route : wanted)
    build(route, lane_before(route, work->leaving),
          [together](Status status) { together->one(std::move(status)); });
}

std::uint64_t Wiring::lane_before(const model::Route& route, const std::vector<model::Route>& leaving) const {
  for (const auto& [generation, lane] : lanes_) {
    const model::Route& other = lane.binding.route;
    if (lane.stage != Stage::kCarrying || other.from != route.from || other.route_class != route.route_class)
      continue;
    const bool leaves =
        std::ranges::any_of(leaving, [&](const model::Route& gone) { return same_wire(gone, other); });
    // Same port, or the one route of a quick connect: its port is that of the reference it stands in for.
    if (leaves && lane.binding.port == endpoint::port_of(route)) return generation;
  }
  return 0;
}

const Wiring::Lane* Wiring::lane_of(const model::Route& route) const {
  for (auto [at, end] = by_route_.equal_range(route.id.value); at != end; ++at) {
    const Lane& lane = lanes_.at(at->second);
    if (same_wire(lane.binding.route, route)) return &lane;
  }
  return nullptr;
}

void Wiring::flip(const std::vector<model::Route>& routes, OnDone done) {
  std::vector<std::uint64_t> flipped;
  for (const model::Route& route : routes) {
    for (auto [at, last] = by_route_.equal_range(route.id.value); at != last; ++at) {
      Lane& lane = lanes_.at(at->second);
      if (lane.stage != Stage::kBuilt || !same_wire(route, lane.binding.route)) continue;
      lane.stage = Stage::kCarrying;
      // Shared memory flips here: one store, which both ends see at their next frame. The message only tells
      // an end that has none.
      if (lane.chain) lane.chain->page.flip(lane.ring);
      lane.unheard = {true, true};
      flipped.push_back(at->second);
    }
  }
  tell_flip(flipped, std::move(done));
}

// One message an end, however many lanes flip; said in the order of the lanes.
void Wiring::tell_flip(const std::vector<std::uint64_t>& flipped, OnDone done) {
  std::vector<std::pair<std::shared_ptr<api::Peer>, Json>> by_peer;
  std::map<const api::Peer*, std::size_t> place;  // in by_peer
  for (const std::uint64_t generation : flipped) {
    const Lane& lane = lanes_.at(generation);
    for (const Side side : {Side::kTo, Side::kFrom}) {
      const auto end = (side == Side::kFrom ? lane.from : lane.to).lock();
      if (!end || !end->open() || !lane.unheard[side == Side::kFrom ? 0 : 1]) continue;
      const auto [at, fresh] = place.try_emplace(end.get(), by_peer.size());
      if (fresh) by_peer.emplace_back(end, Json(text::JsonArray{}));
      by_peer[at->second].second.push(generation);
    }
  }
  if (by_peer.empty()) return done({});
  const auto together = std::make_shared<Together>(by_peer.size(), std::move(done));
  for (auto& [peer, generations] : by_peer) {
    const Json args = Json::object({{"generations", generations}});
    peer->ask(
        "lane.flip", args,
        [this, together, end = std::weak_ptr(peer), told = std::move(generations),
         alive = std::weak_ptr(alive_)](const Result<api::Answer>& answer) {
          if (answer && !alive.expired()) hear_flip(end.lock(), told);
          together->one(answer ? Status{} : Status(std::unexpected(answer.error())));
        },
        {}, kEndAnswerMs);
  }
}

void Wiring::hear_flip(const std::shared_ptr<api::Peer>& end, const Json& generations) {
  if (!end) return;  // it is gone: an end that is not there equals no other
  for (const Json& generation : generations.as_array()) {
    const auto at = lanes_.find(static_cast<std::uint64_t>(generation.as_int()));
    if (at == lanes_.end()) continue;
    Lane& lane = at->second;
    if (lane.from.lock() == end) lane.unheard[0] = false;
    if (lane.to.lock() == end) lane.unheard[1] = false;
  }
}

void Wiring::drop_built() {
  std::vector<std::uint64_t> built;
  for (const auto& [generation, lane] : lanes_) {
    if (lane.stage != Stage::kCarrying && !wiring_now_.contains(model::route_name(lane.binding.route)))
      built.push_back(generation);
  }
  for (const std::uint64_t generation : built) close(generation);
}

void Wiring::settle() {
  changing_ = false;
  reconcile();
  wire_all_of([](const model::Route&) { return true; });
}

// Brings the lanes to what the graph says. What is built for a route that is in it was committed: the panel
// that built it died before it could say so.
void Wiring::reconcile() {
  std::map<std::uint32_t, const model::Route*> by_id;
  for (const model::Route& route : ports_.graph().routes) by_id[route.id.value] = &route;
  std::vector<std::uint64_t> left;
  std::vector<model::Route> committed;
  for (const auto& [generation, lane] : lanes_) {
    const auto at = by_id.find(lane.binding.route.id.value);
    if (at == by_id.end() || !same_wire(*at->second, lane.binding.route)) {
      left.push_back(generation);
    } else if (lane.stage == Stage::kBuilt && !lane.from.expired() && !lane.to.expired() &&
               !wiring_now_.contains(model::route_name(*at->second))) {
      committed.push_back(*at->second);
    }
  }
  flip(committed, [](const Status&) {});  // said to each end before its old lane is closed
  for (const std::uint64_t generation : left) close(generation);
}

void Wiring::close(std::uint64_t generation, const std::string& broken) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return;
  Lane lane = std::move(at->second);
  at->second.hands = lane.hands;
  at->second.deadline = lane.deadline;
  forget(generation);
  for (const auto& end : {lane.from.lock(), lane.to.lock()}) {
    if (end && end->open()) {
      Json args = Json::object({{"generations", text::Json::array({generation})}});
      if (!broken.empty()) args.set("broken", true).set("why", broken);
      end->ask("lane.close", args, [](const auto&) {}, {}, kEndAnswerMs);
    }
  }
  if (lane.done) lane.done(fail(Code::kLost, "the lane was given up while it was built"));
}

// ---- outside of changes

void Wiring::wire_all_of(const std::function<bool(const model::Route&)>& concerns) {
  for (const model::Route& route : std::vector<model::Route>(ports_.graph().routes)) {
    if (!is_read(route) && concerns(route)) wire(route);
  }
}

bool Wiring::is_wanted(const model::Route& route) const {
  return std::ranges::any_of(ports_.graph().routes,
                             [&](const model::Route& each) { return same_wire(each, route); });
}

void Wiring::wire_again(const model::Route& route) {
  if (is_wanted(route)) wire(route);
}

void Wiring::wire(const model::Route& route) {
  const std::string name = model::route_name(route);
  if (changing_ || is_read(route) || wiring_now_.contains(name)) return;
  if (const Lane* lane = lane_of(route); lane != nullptr) {
    const bool half = lane->from.expired() || lane->to.expired();
    if (!half) return;
    // One end came back without it, or another process took its place: the lane cannot be used again. An end
    // that is only on its way back from a lost panel will say so within a second, and finds its lane kept.
    if (!end_of(route.from, route.consumer_contract) || !end_of(route.to, route.contract)) return;
    close(lane->binding.generation, "the other end came back without it");
  }
  const auto ready = [&](const model::Saddr& symbol, const Digest& hash) {
    if (end_of(symbol, hash)) return true;
    const auto contract = ports_.contract(hash);
    return contract && !instance_of(**contract).empty();
  };
  if (!ready(route.from, route.consumer_contract) || !ready(route.to, route.contract)) return;
  wiring_now_[name] = 1;
  const auto flipped = [this, route, name](const Status& prepared) {
    wiring_now_.erase(name);
    if (!prepared) {
      const std::string& why = prepared.error().message;
      if (std::exchange(unwired_[name], why) == why) return;
      ports_.audit(Json::object({{"action", "wire_failed"},
                                 {"code", code_name(prepared.error().code)},
                                 {"reason", why},
                                 {"to", name},
                                 {"who", "panel"}}));
      return;
    }
    unwired_.erase(name);
    if (is_wanted(route)) return flip({route}, [](const Status&) {});
    if (!changing_) reconcile();  // it left while its host was awaited; a change settles that itself
  };
  prepare_hosts(
      std::make_shared<Preparation>(Preparation{.routes = {route}, .leaving = {}, .done = flipped}));
}

// An end hung for longer than it is waited for, or a driver did not start: nobody says when that is over.
void Wiring::try_again() {
  if (changing_) return;
  forget_orphans(nullptr);  // one that was dying when its connection went
  std::vector<std::uint64_t> unheard;
  for (const auto& [generation, lane] : lanes_) {
    if (lane.stage == Stage::kCarrying && (lane.unheard[0] || lane.unheard[1])) unheard.push_back(generation);
  }
  tell_flip(unheard, [](const Status&) {});
  if (unwired_.empty()) return;
  std::map<std::string, std::string> still;
  std::vector<model::Route> routes;
  for (const model::Route& route : ports_.graph().routes) {
    const auto at = unwired_.find(model::route_name(route));
    if (at == unwired_.end() || lane_of(route) != nullptr) continue;
    still.insert(*at);
    routes.push_back(route);
  }
  unwired_ = std::move(still);
  for (const model::Route& route : routes) wire(route);
}

// ---- what is

Wiring::View Wiring::view(const model::Route& route) const {
  const Lane* lane = lane_of(route);
  const bool provider = end_of(route.to, route.contract) != nullptr;
  if (!ports_.contract(route.contract)) return {.state = "tripped", .lane = {}};
  if (is_read(route)) return {.state = provider ? "ready" : "waiting", .lane = {}};
  if (lane == nullptr || lane->stage != Stage::kCarrying) return {.state = "waiting", .lane = {}};
  const bool both = !lane->from.expired() && !lane->to.expired();
  const bool heard = !lane->unheard[0] && !lane->unheard[1];  // from here on a message finds it
  return {.state = !both   ? "detached"
                   : heard ? "ready"
                           : "waiting",
          .lane = std::string(to_string(lane->binding.lane))};
}

std::vector<Wiring::Carried> Wiring::carried() const {
  std::vector<Carried> out;
  for (const auto& [generation, lane] : lanes_) {
    if (lane.stage == Stage::kCarrying)
      out.push_back({generation, lane.binding.route, lane.binding.lane, lane.from.lock(), lane.to.lock()});
  }
  return out;
}

Json Wiring::describe() const {
  Json list = text::JsonArray{};
  for (const auto& [definition, end] : ends_) {
    const auto peer = end.lock();
    if (!peer || !peer->open()) continue;
    list.push(Json::object({{"kind", "native"},
                            {"name", definition},
                            {"pid", peer->identity().pid},
                            {"restarts", 0},
                            {"serves", 1},
                            {"state", "ready"}}));
  }
  return list;
}

}  // namespace rtt::panel
