// SPDX-License-Identifier: Apache-2.0
#include "drivers/host.h"

#include <fmt/format.h>

#include <csignal>
#include <deque>
#include <map>

#include "api/error_json.h"
#include "api/peer.h"
#include "endpoint/desk.h"
#include "fabric/uds/lane.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "os/unix_socket.h"

namespace rtt::drivers {
namespace {

using text::Json;

constexpr Nanos kFirstRetry = nanos_from_ms(20);
constexpr Nanos kLongestRetry = nanos_from_ms(1000);
constexpr Nanos kAuditDelay = nanos_from_ms(100);
constexpr Nanos kOrphanLook = nanos_from_ms(5'000);
constexpr std::size_t kAuditBatchMax = 1000;

// The one child of the driver was not given up. One that is on its way back is no reason to undo a change,
// nor is one of several, which serves others.
bool is_well(const Json& health) {
  const Json* rows = health.find("drivers");
  return rows == nullptr || !rows->is_array() || rows->as_array().size() != 1 ||
         rows->as_array().front().string_or("state") != "tripped";
}

}  // namespace

struct Host::State {
  State(os::Loop& the_loop, HostOptions the_options, Driver& the_driver)
      : loop(the_loop),
        options(std::move(the_options)),
        driver(the_driver),
        unowned_since(os::now()),
        board(
            loop, [this](const endpoint::Arrival& arrival) { arrived(arrival); },
            [this](const endpoint::Board::Gone& gone) { lane_gone(gone); }),
        desk(
            loop, [this](const std::function<void(endpoint::Board&)>& task) { task(board); }, board.bell(),
            [this](const std::string& definition) { return contract_of(definition); }) {}
  ~State();

  // One opened route: a lane and the calls it has under way.
  struct Lane {
    std::unique_ptr<fabric::UdsLane> lane;
    model::Contract provider;
    std::string consumer;
    std::map<std::uint32_t, CallId> calls;  // request id -> call
  };

  void connect();
  void retry();
  void say_hello();
  void handle(api::Request request, api::Responder respond);
  void prepare(const api::Request& request, const api::Responder& respond);
  void open(api::Request request, const api::Responder& respond);
  void on_message(std::uint64_t lane_id, const fabric::LaneMessage& message);
  void answer(std::uint64_t lane_id, std::uint32_t request_id, Result<CallReply> reply);
  void lane_closed(std::uint64_t lane_id);
  void arrived(const endpoint::Arrival& arrival);
  void lane_gone(const endpoint::Board::Gone& gone);
  void audit_call(const model::Contract& provider, const std::string& consumer, Nanos took,
                  const Result<CallReply>& reply);
  void audit(Json record);
  void flush_audit();
  void report();
  void look_for_owner();
  [[nodiscard]] std::optional<Digest> contract_of(const std::string& definition) const;
  void end(int with_status);

  os::Loop& loop;
  HostOptions options;
  Driver& driver;
  std::shared_ptr<api::Peer> panel;
  bool adopted = false;
  bool said_lanes_end_here = true;  // in the last hello
  Nanos retry_delay = kFirstRetry;
  Instant unowned_since;
  endpoint::Board board;  // the lanes of planned routes
  endpoint::Desk desk;
  using RoutedKey = std::pair<std::uint64_t, std::uint32_t>;  // lane, request
  std::map<RoutedKey, CallId> routed;
  std::map<std::string, model::Contract> prepared;  // by definition: what the panel had this host bring up
  std::map<std::uint64_t, Lane> lanes;              // links outside of the plan, one caller each
  std::uint64_t next_lane = 1;
  std::deque<Json> audit_queue;
  std::uint64_t audit_dropped = 0;
  std::uint64_t events_unrouted = 0;  // what the driver said and no route carried
  std::uint64_t events_refused = 0;   // what a route brought and the driver did not take
  bool reporting = false, report_again = false;
  os::Loop::TimerId audit_timer = 0, retry_timer = 0, orphan_timer = 0;
  bool ending = false;
  int status = 0;
};

Host::Host() = default;
Host::~Host() = default;

Host::State::~State() {
  for (const auto timer : {audit_timer, retry_timer, orphan_timer}) {
    if (timer != 0) loop.cancel(timer);
  }
  if (panel) panel->close();
}

Result<std::unique_ptr<Host>> Host::start(os::Loop& loop, HostOptions options, Driver& driver) {
  auto host = std::unique_ptr<Host>(new Host);
  host->state_ = std::make_unique<State>(loop, std::move(options), driver);
  State& state = *host->state_;
  for (const int signal : {SIGTERM, SIGINT}) RTT_TRY(loop.on_signal(signal, [&state] { state.end(0); }));
  driver.listen({.on_event =
                     [&state](const DriverEvent& event) {
                       if (!state.board.publish(event.saddr, as_bytes(event.payload)))
                         ++state.events_unrouted;
                     },
                 .on_change = [&state] { state.report(); }});
  state.connect();
  state.look_for_owner();
  return host;
}

void Host::audit(Json record) { state_->audit(std::move(record)); }

Json Host::lanes() const { return state_->board.describe(); }

bool Host::reaches_panel() {
  if (!state_->panel) {
    state_->loop.cancel(std::exchange(state_->retry_timer, 0));
    state_->connect();
  }
  return state_->panel != nullptr;
}

int Host::run() {
  state_->loop.run();
  return state_->status;
}

void Host::State::connect() {
  retry_timer = 0;
  if (ending) return;
  auto socket = os::connect_unix(options.sockets_dir, "panel.sock");
  if (!socket) return retry();
  panel = api::Peer::start(
      loop, std::move(*socket),
      {.role = api::Peer::Role::kConnecting, .client_name = "host " + options.instance},
      [this](api::Request request, api::Responder respond) {
        handle(std::move(request), std::move(respond));
      },
      [this](const Error&) {
        panel = nullptr;
        if (adopted) unowned_since = os::now();
        adopted = false;
        reporting = false;
        desk.disconnected();
        retry();
      });
  say_hello();
}

void Host::State::retry() {
  if (ending || retry_timer != 0) return;
  retry_timer = loop.after(retry_delay, [this] { connect(); });
  retry_delay = std::min(Nanos{retry_delay.value * 2}, kLongestRetry);
}

void Host::State::say_hello() {
  const auto own = os::own_process();
  if (!own) {  // no descriptor is left to look at it with
    std::exchange(panel, nullptr)->close();
    return retry();
  }
  said_lanes_end_here = driver.lanes_end_here();
  panel->ask("host.hello",
             Json::object({{"health", driver.health()},
                           {"instance", options.instance},
                           {"lanes", desk.lanes()},
                           {"lanes_end_here", said_lanes_end_here},
                           {"pid", own->pid},
                           {"start_time", static_cast<std::int64_t>(own->start_time)}}),
             [this](const Result<api::Answer>& answer) {
               if (!answer) {
                 // A panel that does not want this host: it drains like any orphan.
                 if (panel) std::exchange(panel, nullptr)->close();
                 return retry();
               }
               adopted = true;
               retry_delay = kFirstRetry;
               desk.connected(panel);
               flush_audit();
               report();
             });
}

// How the driver's own children fare, for `status`: at each change, one report on its way at a time.
void Host::State::report() {
  if (!adopted) return;  // said again after hello
  if (reporting) {
    report_again = true;
    return;
  }
  reporting = true;
  report_again = false;
  panel->ask("host.report", driver.health(), [this](const Result<api::Answer>&) {
    reporting = false;
    if (report_again) report();
  });
}

void Host::State::handle(api::Request request, api::Responder respond) {
  const std::string verb = request.verb;
  if (desk.handle(request, respond)) return;
  if (verb == "host.prepare") return prepare(request, respond);
  if (verb == "host.open") return open(std::move(request), respond);
  if (verb == "host.commit" || verb == "host.abort") {
    // Prepared providers stay warm either way: what a route may do is decided when it is opened and called.
    return respond.finish(api::Answer{Json::object({}), {}});
  }
  if (verb == "host.health") {
    Json body = driver.health();
    body.set("ok", is_well(body));
    body.set("events_refused", events_refused);
    body.set("events_unrouted", events_unrouted);
    return respond.finish(api::Answer{std::move(body), {}});
  }
  if (verb == "host.control") {
    const Json* args = request.args.find("args");
    auto answer = driver.control(request.args.string_or("verb"), args != nullptr ? *args : Json::object({}));
    if (!answer) return respond.finish(std::unexpected(std::move(answer).error()));
    return respond.finish(api::Answer{std::move(*answer), {}});
  }
  respond.finish(fail(Code::kUnknownVerb, fmt::format("a driver host has no `{}`", verb)));
}

void Host::State::prepare(const api::Request& request, const api::Responder& respond) {
  const Json* routes = request.args.find("routes");
  struct Count {
    std::size_t open = 0;
    bool failed = false;
  };
  const auto count = std::make_shared<Count>();
  if (routes == nullptr || !routes->is_array() || routes->as_array().empty()) {
    return respond.finish(api::Answer{Json::object({}), {}});
  }
  count->open = routes->as_array().size();
  for (const Json& route : routes->as_array()) {
    const Json* object = route.find("contract");
    auto contract = model::contract_from_object(object != nullptr ? *object : Json(), "host.prepare");
    const auto done = [this, count, respond](const Status& ready) {
      if (count->failed) return;
      if (!ready) {
        count->failed = true;
        respond.finish(std::unexpected(ready.error()));
      } else if (--count->open == 0) {
        // Another program may have been signed: the panel learns before it builds lanes where they end.
        if (panel && said_lanes_end_here != driver.lanes_end_here()) say_hello();
        respond.finish(api::Answer{Json::object({}), {}});
      }
    };
    if (!contract) return done(std::unexpected(contract.error()));
    prepared.insert_or_assign(model::identity(contract->saddr), *contract);
    driver.prepare(*contract, done);
  }
}

void Host::State::open(api::Request request, const api::Responder& respond) {
  const Json* object = request.args.find("contract");
  auto contract = model::contract_from_object(object != nullptr ? *object : Json(), "host.open");
  const std::int64_t route = request.args.int_or("route", 0);
  if (!contract) return respond.finish(std::unexpected(contract.error()));
  if (request.fds.size() != 1 || route < 1 || route > 0xffff'ffff) {
    return respond.finish(fail(Code::kPanelProtocol, "host.open needs one descriptor and a route"));
  }
  if (lanes.size() >= static_cast<std::size_t>(limits::kClientsMax)) {
    return respond.finish(fail(Code::kBusy, fmt::format("{} links are open already", limits::kClientsMax)));
  }
  const std::uint64_t id = next_lane++;
  Lane& lane = lanes[id];
  lane.provider = std::move(*contract);
  lane.consumer = request.args.string_or("consumer");
  auto started = fabric::UdsLane::start(
      loop, std::move(request.fds.front()), {.route_id = static_cast<std::uint32_t>(route)},
      [this, id](const fabric::LaneMessage& message) { on_message(id, message); },
      [this, id](const Error&) { lane_closed(id); });
  if (!started) {
    lanes.erase(id);
    return respond.finish(std::unexpected(started.error()));
  }
  lane.lane = std::move(*started);
  respond.finish(api::Answer{Json::object({}), {}});
}

void Host::State::on_message(std::uint64_t lane_id, const fabric::LaneMessage& message) {
  const auto at = lanes.find(lane_id);
  if (at == lanes.end()) return;
  if (message.kind == fabric::MessageKind::kFin) return loop.post([this, lane_id] { lane_closed(lane_id); });
  if (message.kind != fabric::MessageKind::kRequest) return;
  Lane& lane = at->second;
  const Instant begin = os::now();
  const std::uint32_t request_id = message.id;
  // The asker's own deadline is enforced by the asker; this one only keeps a forgotten call from living for
  // ever.
  CallRequest call{.provider = lane.provider,
                   .consumer = lane.consumer,
                   .payload = std::string(as_text(message.payload)),
                   .deadline = begin + nanos_from_ms(limits::kCallDeadlineMs * 10)};
  const CallId id = driver.call(std::move(call), [this, lane_id, request_id, begin](Result<CallReply> reply) {
    if (const auto open = lanes.find(lane_id); open != lanes.end())
      audit_call(open->second.provider, open->second.consumer, os::now() - begin, reply);
    answer(lane_id, request_id, std::move(reply));
  });
  if (const auto still = lanes.find(lane_id); still != lanes.end()) still->second.calls[request_id] = id;
}

// A request of a planned route. A lane that is gone meanwhile takes its reply with it.
void Host::State::arrived(const endpoint::Arrival& arrival) {
  const std::string to = model::identity(arrival.binding->route.to);
  const auto provider = prepared.find(to);
  if (provider == prepared.end()) {
    (void)board.reply(arrival.lane, arrival.id,
                      Error{.code = Code::kNoProvider, .message = to + " was not prepared by this host"});
    return;
  }
  const std::string from = model::identity(arrival.binding->route.from);
  const Instant begin = os::now();
  CallRequest call{.provider = provider->second,
                   .consumer = from,
                   .payload = std::string(as_text(arrival.payload)),
                   .deadline = begin + nanos_from_ms(limits::kCallDeadlineMs * 10),
                   .route = arrival.binding->route.id.value};
  if (arrival.binding->route.route_class != model::RouteClass::kReq) {
    // An event has nobody who waits for an answer: what the driver says against it is counted, by its kind.
    return driver.publish(std::move(call), [this](const Status& taken) {
      if (!taken) ++events_refused;
    });
  }
  const RoutedKey key{arrival.lane, arrival.id};
  const CallId under_way =
      driver.call(std::move(call), [this, key, lane = arrival.lane, id = arrival.id, from, begin,
                                    contract = provider->second](const Result<CallReply>& reply) {
        routed.erase(key);
        audit_call(contract, from, os::now() - begin, reply);
        Status sent =
            reply ? board.reply(lane, id, as_bytes(reply->payload)) : board.reply(lane, id, reply.error());
        if (!sent && sent.error().code == Code::kTooLarge) (void)board.reply(lane, id, sent.error());
      });
  routed.emplace(key, under_way);
}

void Host::State::lane_gone(const endpoint::Board::Gone& gone) {
  // Nobody waits any longer for what came on it.
  std::vector<CallId> over;
  auto at = routed.lower_bound({gone.generation, 0});
  while (at != routed.end() && at->first.first == gone.generation) {
    over.push_back(at->second);
    at = routed.erase(at);
  }
  for (const CallId call : over) driver.cancel(call);
  auto report = desk.gone(gone);
  if (report && adopted) panel->ask("endpoint.gone", *report, [](const auto&) {});
}

void Host::State::audit_call(const model::Contract& provider, const std::string& consumer, Nanos took,
                             const Result<CallReply>& reply) {
  const std::string outcome = !reply                                       ? code_name(reply.error().code)
                              : reply->kind == CallReply::Kind::kToolError ? "tool error"
                                                                           : "ok";
  audit(Json::object({{"action", "call"},
                      {"latency_ns", took.value},
                      {"outcome", outcome},
                      {"to", model::identity(provider.saddr)},
                      {"ts", os::rfc3339(os::wall_now())},
                      {"who", consumer}}));
}

void Host::State::answer(std::uint64_t lane_id, std::uint32_t request_id, Result<CallReply> reply) {
  const auto at = lanes.find(lane_id);
  if (at == lanes.end()) return;
  at->second.calls.erase(request_id);
  const Status sent = reply ? at->second.lane->send_reply(request_id, as_bytes(reply->payload))
                            : at->second.lane->send_error(
                                  request_id, as_bytes(text::to_json(api::error_json(reply.error()))));
  if (!sent && sent.error().code == Code::kTooLarge) {
    [[maybe_unused]] const Status told =
        at->second.lane->send_error(request_id, as_bytes(text::to_json(api::error_json(sent.error()))));
  }
}

void Host::State::lane_closed(std::uint64_t lane_id) {
  const auto at = lanes.find(lane_id);
  if (at == lanes.end()) return;
  const Lane lane = std::move(at->second);
  lanes.erase(at);
  for (const auto& [request_id, call] : lane.calls) driver.cancel(call);
  if (!adopted && lanes.empty()) unowned_since = os::now();
}

void Host::State::audit(Json record) {
  if (audit_queue.size() >= kAuditQueueMax) {
    audit_queue.pop_front();
    ++audit_dropped;
  }
  audit_queue.push_back(std::move(record));
  if (audit_timer == 0) {
    audit_timer = loop.after(kAuditDelay, [this] {
      audit_timer = 0;
      flush_audit();
    });
  }
}

void Host::State::flush_audit() {
  if (!adopted || audit_queue.empty()) return;
  Json records = text::JsonArray{};
  while (!audit_queue.empty() && records.as_array().size() < kAuditBatchMax) {
    records.push(std::move(audit_queue.front()));
    audit_queue.pop_front();
  }
  if (audit_dropped != 0) {
    records.push(Json::object({{"action", "audit_dropped"},
                               {"records", static_cast<std::int64_t>(std::exchange(audit_dropped, 0))},
                               {"ts", os::rfc3339(os::wall_now())},
                               {"who", "host " + options.instance}}));
  }
  panel->ask("host.audit", Json::object({{"records", std::move(records)}}),
             [this](const Result<api::Answer>& answer) {
               if (answer) flush_audit();  // the next batch, if more waits
             });
}

// What it was prepared for is what it serves.
std::optional<Digest> Host::State::contract_of(const std::string& definition) const {
  const auto at = prepared.find(definition);
  return at == prepared.end() ? std::nullopt : std::optional(at->second.hash);
}

// Nobody's host, and nobody uses it: after a while it ends, and at once where no panel can ever find it
// again.
void Host::State::look_for_owner() {
  orphan_timer = loop.after(std::min(kOrphanLook, options.orphan_after), [this] {
    // Lanes of its programs' own cannot be seen from here, and outlive panels like any.
    const bool used = adopted || !lanes.empty() || !desk.idle() || !driver.lanes_end_here() ||
                      (options.in_use && options.in_use());
    if (used) unowned_since = os::now();
    const bool lost = !os::is_directory(options.sockets_dir);
    if (!used && (lost || os::now() - unowned_since >= options.orphan_after)) return end(0);
    look_for_owner();
  });
}

void Host::State::end(int with_status) {
  if (ending) return;
  ending = true;
  status = with_status;
  // Nothing more is asked of a host that ends: what the panel wants meanwhile waits for the next one.
  flush_audit();
  adopted = false;
  desk.disconnected();
  if (panel) std::exchange(panel, nullptr)->close();
  driver.stop([this](const Status&) { loop.stop(); });
}

}  // namespace rtt::drivers
