// SPDX-License-Identifier: Apache-2.0
#include "panel/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/error_json.h"
#include "api/handshake_json.h"
#include "apply/records.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "panel/acceptance.h"
#include "panel/ledger.h"
#include "panel/ledger_replay.h"
#include "panel/rows.h"
#include "panel/shown_views.h"
#include "panel/state.h"
#include "panel/tap.h"
#include "panel/tap_tools.h"
#include "panel/view_signatures.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr Nanos kAuditDelay = nanos_from_ms(100);
constexpr Nanos kIdleLook = nanos_from_ms(30'000);
constexpr std::size_t kContractsCachedMax = 20'000;  // of a graph of 10,000 routes, all at once

apply::Entry entry_of(journal::RecordType type, Seq seq, Json payload) {
  return {.type = type, .seq = seq, .payload = std::move(payload)};
}

// A journal that failed once takes no more records, so the panel ends, and the next one goes on from what the
// disk holds. Who waits for an answer has it first. What is only too large was never begun.
Result<std::vector<Seq>> append_or_end(os::Loop& loop, journal::Journal& journal,
                                       const std::vector<journal::NewRecord>& batch) {
  auto seqs = journal.append_batch(batch);
  if (!seqs && seqs.error().code != Code::kTooLarge) loop.post([&loop] { loop.stop(); });
  return seqs;
}

}  // namespace

Panel::State::State(os::Loop& the_loop, registry::Workspace the_workspace, PanelOptions the_options)
    : loop(the_loop),
      workspace(std::move(the_workspace)),
      options(the_options),
      store(workspace.cas(), workspace.dot("registry/index.json")),
      known_snapshot(workspace),
      wiring({.loop = loop,
              .hosts = hosts,
              .contract = [this](const Digest& hash) { return contract(hash); },
              .in_force = [this](const auto& references) { return attachable(references); },
              .graph = [this]() -> const model::Graph& { return graph; },
              .audit = [this](Json record) { audit(std::move(record)); }}),
      hosts(loop, workspace,
            [this](const std::string& instance) {
              audit(apply::to_json(apply::AuditRecord{
                  "host_lost", "panel",
                  Json::object({{"instance", instance}, {"reason", "driver host " + instance + " ended"}})}));
              if (transition) transition->host_lost(instance, "its driver host ended");
              canary_host_lost(instance);
            }),
      view_stage(workspace),
      view_keeping(workspace),
      mount_watch(loop, [this] { sweep_now(); }),
      started(os::now()),
      last_used(started) {}

Panel::Panel() = default;
Panel::~Panel() {
  if (!state_) return;
  if (state_->audit_timer != 0) state_->loop.cancel(state_->audit_timer);
  if (state_->idle_timer != 0) state_->loop.cancel(state_->idle_timer);
  if (state_->canary_timer != 0) state_->loop.cancel(state_->canary_timer);
  if (state_->collect_timer != 0) state_->loop.cancel(state_->collect_timer);
  if (state_->sweep_timer != 0) state_->loop.cancel(state_->sweep_timer);
}

void Panel::stop() {
  state_->flush_audit();
  state_->keep_checkpoint(State::When::kStopping);
}

const std::vector<std::string>& Panel::notices() const { return state_->notices; }

Result<std::unique_ptr<Panel>> Panel::start(os::Loop& loop, registry::Workspace workspace,
                                            PanelOptions options) {
  auto panel = std::unique_ptr<Panel>(new Panel);
  panel->state_ = std::make_unique<State>(loop, std::move(workspace), options);
  State& state = *panel->state_;
  RTT_TRY(state.open_journal());
  // Beyond this point the journal is ours alone and settled; the graph is what its last COMMIT says.
  RTT_TRY(state.listen());
  state.wiring.start(state.generation);
  state.watch_idleness();
  state.take_back_canary();
  state.collect_views();
  state.sweep_in(state.options.sweep_every);
  // Wired providers should be up: hosts that outlived the last panel come by themselves, the others are
  // started.
  for (const model::Route& route : state.graph.routes) {
    if (const auto provider = state.contract(route.contract)) {
      if (const std::string instance = instance_of(**provider); !instance.empty()) {
        state.hosts.when_ready(instance, [](const auto&) {});
      }
    }
  }
  return panel;
}

Status Panel::State::open_journal() {
  RTT_TRY_SET(OpenJournal open, panel::open_journal(workspace));
  journal = std::move(open.journal);
  fold = std::move(open.fold);
  notices = std::move(open.notices);
  RTT_TRY_SET(graph, graph_of(workspace, fold.state().root, fold.state().graph));
  generation = open.panel_starts + 1;
  RTT_TRY_SET(const Seq seq, append(journal::RecordType::kAudit,
                                    apply::to_json(apply::AuditRecord{
                                        "panel_start", "panel",
                                        Json::object({{"generation", static_cast<std::int64_t>(generation)},
                                                      {"pid", os::own_pid()}})})));
  static_cast<void>(seq);
  return show_committed_views();
}

Status Panel::State::listen() {
  RTT_TRY_SET(auto listener, os::UnixListener::bind(workspace.sockets(), "panel.sock"));
  server = api::Server::start(
      loop, std::move(listener), {.generation = generation},
      [this](const std::shared_ptr<api::Peer>& peer, api::Request request, const api::Responder& respond) {
        handle(peer, std::move(request), respond);
      },
      [this](const std::shared_ptr<api::Peer>& peer) { closed(peer); });
  return {};
}

void Panel::State::closed(const std::shared_ptr<api::Peer>& peer) {
  hosts.connection_lost(peer.get());
  wiring.connection_lost(peer.get());
}

// One durable batch: this record, and whatever audit records wait before it.
Result<Seq> Panel::State::append(journal::RecordType type, Json payload) {
  std::vector<journal::NewRecord> batch = std::exchange(audit_waiting, {});
  payload = apply::stamped(std::move(payload), os::rfc3339(os::wall_now()));
  batch.push_back({.type = type, .payload = std::move(payload)});
  RTT_TRY_SET(const std::vector<Seq> seqs, append_or_end(loop, *journal, batch));
  const apply::KnownGraphs known = [this](const Digest& root) {
    return transition ? transition->graph_with(root).get() : nullptr;
  };
  RTT_TRY(fold.take(entry_of(type, seqs.back(), std::move(batch.back().payload)), known));
  return seqs.back();
}

void Panel::State::audit(Json payload) {
  if (audit_waiting.size() >= kAuditWaitingMax) {
    ++audit_dropped;
    return;
  }
  if (payload.find("ts") == nullptr)
    payload = apply::stamped(std::move(payload), os::rfc3339(os::wall_now()));
  audit_waiting.push_back({.type = journal::RecordType::kAudit, .payload = std::move(payload)});
  if (audit_timer != 0) return;
  audit_timer = loop.after(kAuditDelay, [this] {
    audit_timer = 0;
    flush_audit();
  });
}

void Panel::State::flush_audit() {
  if (audit_waiting.empty() || !journal) return;
  if (audit_dropped != 0) {
    audit_waiting.push_back({.type = journal::RecordType::kAudit,
                             .payload = apply::stamped(
                                 apply::to_json(apply::AuditRecord{
                                     "audit_dropped", "panel",
                                     Json::object({{"records", static_cast<std::int64_t>(audit_dropped)}})}),
                                 os::rfc3339(os::wall_now()))});
    audit_dropped = 0;
  }
  const auto written = append_or_end(loop, *journal, std::exchange(audit_waiting, {}));
  if (!written) notices.push_back("audit records could not be written: " + written.error().message);
  keep_checkpoint(When::kDue);
}

// Nothing depends on it but how long the next start takes.
void Panel::State::keep_checkpoint(When when) {
  if (!journal) return;
  const bool wanted =
      when == When::kStopping ? journal->since_checkpoint().records > 0 : checkpoint_due(*journal);
  if (!wanted) return;
  if (const Status done = write_checkpoint(workspace, *journal, fold.state(), generation); !done) {
    notices.push_back("no checkpoint could be written: " + done.error().message);
    if (!journal->takes_records()) loop.post([this] { loop.stop(); });  // as after any append that failed
  }
}

void Panel::State::watch_idleness() {
  idle_timer = loop.after(std::min(kIdleLook, options.idle_after), [this] {
    const bool idle = os::now() - last_used >= options.idle_after;
    if (idle && changes.empty()) {
      loop.stop();
      return;
    }
    watch_idleness();
  });
}

void Panel::State::handle(const std::shared_ptr<api::Peer>& peer, api::Request request,
                          const api::Responder& respond) {
  const std::string verb = request.verb;
  if (verb == "host.hello") return hello(peer, request, respond);
  if (verb == "host.audit") return host_audit(request, respond);
  if (verb == "endpoint.attach") return wiring.attach(peer, request, respond);
  if (api::is_handshake(verb)) return wiring.hear(peer, std::move(request), respond);
  if (verb == "endpoint.gone") return wiring.gone(peer, request, respond);
  if (verb == "host.report") {
    hosts.report(peer.get(), request.args);
    return respond.finish(api::Answer{Json::object({}), {}});
  }
  last_used = os::now();
  const bool first = !std::exchange(asked, true);
  if (verb == "status") return status(respond);
  if (verb == "call.open") return call_open(request, respond);
  if (verb == "ls.routes") return ls_routes(request, respond);
  if (verb == "tap") return tap(peer, request, respond);
  if (verb == "ls.drivers") return ls_drivers(request, respond);
  if (verb == "mcp.ls") return mcp_ls(request, respond);
  if (verb == "mcp.logs") return mcp_logs(request, respond);
  if (verb == "mcp.restart") return mcp_restart(request, respond);
  if (verb == "apply") return enqueue({apply::Verb::kApply, request.args, request.directory, respond});
  if (verb == "rollback") return enqueue({apply::Verb::kRollback, request.args, request.directory, respond});
  if (verb == "undo") return enqueue({apply::Verb::kUndo, request.args, request.directory, respond});
  if (verb == "mcp.accepted") {
    const auto action = apply::parse_verb(request.args.string_or("action"));
    if (action && apply::accepts(*action))
      return enqueue({*action, request.args, request.directory, respond});
    return respond.finish(fail(Code::kBadArgument, "not an action that accepts", {}, "rtt mcp --help"));
  }
  if (verb == "qc") return enqueue({apply::Verb::kQc, request.args, request.directory, respond});
  if (verb == "panel.start") {
    // Whoever starts a panel asks it first: then this very ask brought it up.
    respond.finish(api::Answer{Json::object({{"changed", first},
                                             {"generation", static_cast<std::int64_t>(generation)},
                                             {"panel", "up"},
                                             {"pid", os::own_pid()}}),
                               {}});
    return;
  }
  if (verb == "panel.stop") {
    respond.finish(
        api::Answer{Json::object({{"changed", true}, {"panel", "down"}, {"pid", os::own_pid()}}), {}});
    loop.post([this] { loop.stop(); });
    return;
  }
  respond.finish(fail(Code::kUnknownVerb, fmt::format("the panel has no `{}`", verb), {}, "rtt --help"));
}

void Panel::State::hello(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
                         const api::Responder& respond) {
  if (!wiring.know(peer)) return;
  if (Status attached = hosts.attach(request.args, peer); !attached) {
    respond.finish(std::unexpected(attached.error()));
    return;
  }
  respond.finish(api::Answer{Json::object({{"generation", static_cast<std::int64_t>(generation)},
                                           {"graph", to_string(fold.state().root)}}),
                             {}});
  const Json* lanes = request.args.find("lanes");
  wiring.host_attached(std::string(request.args.string_or("instance")), peer,
                       lanes != nullptr ? *lanes : Json(text::JsonArray{}));
}

void Panel::State::host_audit(const api::Request& request, const api::Responder& respond) {
  const Json* records = request.args.find("records");
  if (records != nullptr && records->is_array()) {
    for (const Json& record : records->as_array()) {
      if (record.is_object()) audit(record);
    }
    if (!records->as_array().empty()) last_used = os::now();
  }
  respond.finish(api::Answer{Json::object({}), {}});
}

// Asked many times a second by whoever watches, so all but the time is kept as bytes until something it tells
// of changes: the answer then costs 1 µs instead of the 6 µs of building and printing the document.
void Panel::State::status(const api::Responder& respond) {
  const apply::Recovered& recovered = fold.state();
  const StatusKey key{.hosts = hosts.revision(), .clients = server->clients(), .seq = recovered.seq};
  if (status_known.empty() || key != status_key) {
    status_known = text::to_json(Json::object({{"clients", static_cast<std::int64_t>(key.clients)},
                                               {"drivers", hosts.describe()},
                                               {"generation", static_cast<std::int64_t>(generation)},
                                               {"graph", to_string(recovered.root)},
                                               {"panel", "up"},
                                               {"pid", os::own_pid()},
                                               {"routes", static_cast<std::int64_t>(graph.routes.size())},
                                               {"seq", static_cast<std::int64_t>(recovered.seq.value)},
                                               {"workspace", workspace.root}}));
    status_known.pop_back();  // the closing brace: the time follows
    status_key = key;
  }
  std::string text = status_known;
  fmt::format_to(std::back_inserter(text), R"(,"uptime_ms":{}}})", (os::now() - started).value / 1'000'000);
  respond.finish(api::Answer{.body = {}, .fds = {}, .text = std::move(text)});
}

void Panel::State::tap(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
                       const api::Responder& respond) {
  Tap::Options watched;
  const Json* route = request.args.find("route");
  const Json* flight = request.args.find("flight");
  const Json* span = request.args.find("for");
  if (flight != nullptr && (route != nullptr || span != nullptr))
    return respond.finish(fail(Code::kBadArgument, "a flight is of every route, and says itself for how long",
                               {}, "rtt tap ROUTE --for 5s, or rtt tap --flight 5s"));
  const bool tools = request.args.bool_or("tools", false);
  if (tools && (flight != nullptr || route != nullptr))
    return respond.finish(fail(Code::kBadArgument, "tools are watched all together, and apart from routes",
                               {}, "rtt tap --tools --for 5s"));
  if (route != nullptr) {
    std::string word(request.args.string_or("route"));
    if (const std::string_view to = request.args.string_or("to"); !to.empty())
      word += (to == "-" ? " " : " -> ") + std::string(to);
    auto id = route_named(graph, word);
    if (!id) return respond.finish(std::unexpected(std::move(id).error()));
    watched.route = *id;
  }
  if (flight != nullptr) span = flight;
  if (span != nullptr) {
    const auto ms = milliseconds_of(span->is_string() ? span->as_string() : std::string_view());
    if (!ms) return respond.finish(std::unexpected(ms.error()));
    watched.for_ms = *ms;
  }
  const auto used = [this] { last_used = os::now(); };
  if (tools) {
    ToolTap::start({.loop = loop, .gateway = [this] { return hosts.running("mcp"); }, .used = used},
                   watched.for_ms, peer, respond);
    return;
  }
  Tap::start({loop, wiring, used}, watched, peer, respond);
}

void Panel::State::ls_routes(const api::Request& request, const api::Responder& respond) {
  Json rows = text::JsonArray{};
  for (const model::Route& route : graph.routes) rows.push(route_row(route, wiring.view(route)));
  respond.finish(
      api::Answer{Json::object({{"graph", to_string(fold.state().root)},
                                {"routes", filtered(std::move(rows), request.args.string_or("filter"))},
                                {"seq", static_cast<std::int64_t>(fold.state().seq.value)}}),
                  {}});
}

void Panel::State::ls_drivers(const api::Request& request, const api::Responder& respond) {
  const auto snapshot = known_snapshot.in_force(registry::LoadOptions::Store::kReadOnly);
  if (!snapshot) {
    respond.finish(std::unexpected(snapshot.error()));
    return;
  }
  Json rows = driver_rows(**snapshot, hosts.describe());
  const Json endpoints = wiring.describe();
  for (const Json& endpoint : endpoints.as_array()) rows.push(endpoint);
  respond.finish(api::Answer{
      Json::object({{"drivers", filtered(std::move(rows), request.args.string_or("filter"))}}), {}});
}

Result<SharedContract> Panel::State::contract(const Digest& hash) {
  if (const auto known = contracts.find(hash); known != contracts.end()) return known->second;
  RTT_TRY_SET(Json object, store.get(hash));
  RTT_TRY_SET(model::Contract contract, model::contract_from_object(std::move(object), to_string(hash)));
  if (contracts.size() >= kContractsCachedMax) contracts.clear();
  return contracts.emplace(hash, std::make_shared<const model::Contract>(std::move(contract))).first->second;
}

// A signed definition was verified as the snapshot was loaded: the store has nothing to add to it.
void Panel::State::keep_contracts(const registry::Snapshot& snapshot) {
  for (const registry::SymbolEntry& entry : snapshot.symbols) {
    if (entry.standing != registry::Standing::kSigned) continue;
    if (contracts.size() >= kContractsCachedMax) return;
    if (auto& kept = contracts[entry.contract.hash]; !kept)
      kept = std::make_shared<const model::Contract>(entry.contract);
  }
}

}  // namespace rtt::panel
