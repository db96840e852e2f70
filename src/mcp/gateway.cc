// SPDX-License-Identifier: Apache-2.0
#include "mcp/gateway.h"

#include <algorithm>
#include <utility>

#include "mcp/backends/backend.h"
#include "mcp/backends/server.h"
#include "mcp/call_ledger.h"
#include "mcp/clients/client.h"
#include "mcp/clients/stdio_client.h"
#include "mcp/own/own_tools.h"
#include "mcp/pins/pinboard.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/dir.h"
#include "os/folder_watch.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr Nanos kRefreshEvery = nanos_from_ms(500);
constexpr Nanos kSettle = nanos_from_ms(20);  // a command writes several files, the index last
constexpr int kGatewayLostStatus = 75;        // what `rtt mcp serve` exits with

// What a call of the fabric becomes on the wire of its server.
struct Wire {
  std::string method, params;
};
Result<Wire> wire_of(const PinnedItem& item, std::string_view payload) {
  if (payload.empty()) payload = "{}";
  if (!is_json(payload) || payload.find_first_not_of(" \t\r\n") == std::string_view::npos ||
      payload[payload.find_first_not_of(" \t\r\n")] != '{') {
    return fail(Code::kBadArgument, "the arguments of " + to_string(item.saddr) + " must be one JSON object");
  }
  std::string arguments(payload);
  std::replace(arguments.begin(), arguments.end(), '\n',
               ' ');  // a line is a message; inside strings it is escaped
  std::replace(arguments.begin(), arguments.end(), '\r', ' ');
  const std::string key = json_quoted(item.key());
  switch (item.kind) {
    case ItemKind::kTool:
      return Wire{"tools/call", R"({"name":)" + key + R"(,"arguments":)" + arguments + "}"};
    case ItemKind::kPrompt:
      return Wire{"prompts/get", R"({"name":)" + key + R"(,"arguments":)" + arguments + "}"};
    case ItemKind::kResource:
      return Wire{"resources/read", R"({"uri":)" + key + "}"};
    case ItemKind::kTemplate:
      break;
  }
  const auto raw = member(arguments, "uri");
  const auto uri = raw ? decode_string(*raw) : std::nullopt;
  if (!uri || !template_matches(item.key(), *uri)) {
    return fail(Code::kBadArgument, to_string(item.saddr) + " takes {\"uri\":…} with a URI of the form " +
                                        std::string(item.key()));
  }
  return Wire{"resources/read", R"({"uri":)" + json_quoted(*uri) + "}"};
}

Error rpc_failure(std::string_view error) {
  const auto raw = member(error, "message");
  const auto message = raw ? decode_string(*raw) : std::nullopt;
  const auto code = member(error, "code");
  Error why{.code = Code::kToolFailed, .message = message.value_or("the server answered with an error")};
  if (code) why.causes.push_back("JSON-RPC error " + std::string(*code));
  return why;
}

bool is_tool_error(std::string_view result) {
  return result.find("\"isError\"") != std::string_view::npos &&
         member(result, "isError") == std::string_view("true");
}

}  // namespace

struct Gateway::State final : ClientServices, BackendUser {
  State(os::Loop& the_loop, GatewayOptions the_options)
      : loop(the_loop),
        options(std::move(the_options)),
        calls_kept(the_loop, options.workspace, options.on_audit) {}

  struct DriverCall {
    Backend* backend = nullptr;
    BackendTicket ticket = 0;
    OnReply reply;  // call
    OnDone done;    // prepare
    receipts::Subject subject;
    Digest arguments;
    std::uint32_t route = 0;
    std::size_t in_bytes = 0;
    Instant started;
    std::shared_ptr<const ToolGuard> guard{};
  };

  std::shared_ptr<const Catalog> catalog_for(const Client& client) override;
  Backend* backend(Client& client, std::string_view ns) override;
  std::vector<Backend*> backends(const Client& client) override;
  bool subscribed(const Backend& backend, std::string_view uri) override;
  std::uint64_t record(const CallRecord& record) override { return calls_kept.add(record); }
  [[nodiscard]] Digest mac(std::string_view text) const override { return calls_kept.mac(text); }
  [[nodiscard]] Status admits_calls() const override;
  void refresh() override;
  [[nodiscard]] Instant now() const override { return loop.now(); }
  void client_gone(Client& client) override;
  WriteBatch* batch() override { return &writes; }
  void on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) override;
  void on_backend_failure(std::uint64_t token, const Error& why) override;
  void on_backend_progress(std::uint64_t, std::string_view) override {}

  void reload();
  void watch_files();
  void place_backends();
  Server* server(std::string_view ns);
  Server* named(std::string_view name);
  void relist(const Server& of, const Client* only);
  void on_common_notice(Server& from, std::string_view method, std::string_view params);
  Result<drivers::CallId> submit(const model::Contract& provider, DriverCall call, BackendCall ask,
                                 std::string_view payload);
  void finish(std::uint64_t token, Result<drivers::CallReply> outcome, receipts::Outcome kind);
  void later(os::Loop::Task task);

  os::Loop& loop;
  GatewayOptions options;
  CallLedger calls_kept;
  WriteBatch writes;
  std::shared_ptr<CodeDigests> digests = std::make_shared<CodeDigests>();  // its backends share it
  std::shared_ptr<const Pinboard> board;
  PinboardStamp stamp;
  std::unique_ptr<os::FolderWatch> watch;  // of what reload() reads; nullptr: the kernel has none to give
  Instant next_refresh{};
  FlatMap<std::string, std::unique_ptr<Server>> servers;  // by namespace
  std::vector<std::unique_ptr<Server>> retired;           // no longer accepted, their children still ending
  std::vector<std::unique_ptr<ClientShell>> shells;
  drivers::CallId next_call = 1;
  FlatMap<drivers::CallId, DriverCall> calls;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

void Gateway::State::later(os::Loop::Task task) {
  loop.post([still = std::weak_ptr(alive), task = std::move(task)] {
    if (!still.expired()) task();
  });
}

std::shared_ptr<const Catalog> Gateway::State::catalog_for(const Client& client) {
  std::vector<std::string> down;
  for (const auto& [ns, held] : servers) {
    const Backend* const backend = held->running_of(client);
    if (backend != nullptr && backend->is_down()) down.push_back(ns);
  }
  return std::make_shared<const Catalog>(
      build_catalog({.servers = board->servers,
                     .policy = &board->policy,
                     .client = client.label(),
                     .features = features_of(client.capabilities()),
                     .chosen = client.options().servers,
                     .names = client.options().names.value_or(board->mcp.names),
                     .guards = &board->guards,
                     .equivalents = board->mcp.equivalents,
                     .view = client.options().view.value_or(board->mcp.view),
                     .meta_above = board->mcp.meta_above,
                     .down = std::move(down),
                     .trouble = board->trouble}));
}

Server* Gateway::State::server(std::string_view ns) {
  const auto* const found = servers.find(ns);
  return found ? found->get() : nullptr;
}

Backend* Gateway::State::backend(Client& client, std::string_view ns) {
  Server* const found = server(ns);
  return found ? &found->of(client) : nullptr;
}

std::vector<Backend*> Gateway::State::backends(const Client& client) {
  std::vector<Backend*> out;
  for (const auto& [ns, held] : servers) {
    Backend* const backend = client.sees(ns) ? held->running_of(client) : nullptr;
    if (backend) out.push_back(backend);
  }
  return out;
}

bool Gateway::State::subscribed(const Backend& backend, std::string_view uri) {
  const std::string_view ns = backend.pins().ns();
  const Server* const found = server(ns);
  return found && found->is_common(backend) && std::ranges::any_of(shells, [&](const auto& shell) {
           return shell->client().sees(ns) && shell->client().subscribed(uri);
         });
}

// What the common instance says is for every client it serves; an update only for those who subscribed.
void Gateway::State::on_common_notice(Server& from, std::string_view method, std::string_view params) {
  if (from.pins().config.instances == Instances::kSession) return;
  const auto raw = method == "notifications/resources/updated" ? member(params, "uri") : std::nullopt;
  const std::string uri = (raw ? decode_string(*raw) : std::nullopt).value_or("");
  for (const auto& shell : shells) {
    Client& client = shell->client();
    if (client.sees(from.pins().ns()) && (!raw || client.subscribed(uri)))
      client.on_notice(from.common(), method, params);
  }
}

// Later: whoever is told may be in the middle of a call.
void Gateway::State::relist(const Server& of, const Client* only) {
  later([this, ns = std::string(of.pins().ns()), only] {
    for (std::size_t i = 0; i < shells.size(); ++i) {
      Client& client = shells[i]->client();
      if (only != nullptr ? &client == only : client.sees(ns)) client.catalog_changed();
    }
  });
}

Server* Gateway::State::named(std::string_view name) {
  for (const auto& [ns, held] : servers) {
    if (ns == name || held->pins().config.name == name) return held.get();
  }
  return nullptr;
}

Status Gateway::State::admits_calls() const {
  if (board->mcp.on_panel_failure == model::PanelFailure::kServe || options.reaches_panel()) return {};
  return fail(Code::kPanelDown,
              "the panel of this workspace does not run, and without it no tool may be called here "
              "(mcp.on_panel_failure: refuse)",
              options.workspace.dot("panel.yaml"), "rtt panel start");
}

void Gateway::State::refresh() {
  if (now() < next_refresh) return;
  next_refresh = now() + kRefreshEvery;
  if (stamp_of(options.workspace) != stamp) reload();
}

void Gateway::State::reload() {
  stamp = stamp_of(options.workspace);
  board = read_pinboard(options.workspace);
  place_backends();
  for (std::size_t i = 0; i < shells.size(); ++i) shells[i]->client().catalog_changed();
}

// Clients hear of a change when it happens, and not only when somebody asks next.
void Gateway::State::watch_files() {
  std::vector<std::string> folders;
  for (const std::string& root : {options.workspace.root, options.workspace.user_dir}) {
    for (const char* folder : {"/.rtt", "/.rtt/registry", "/.rtt/manifests"})
      folders.push_back(root + folder);
  }
  auto watching = os::FolderWatch::create(loop, folders, kSettle, [this] { reload(); });
  if (watching) watch = *std::move(watching);
}

void Gateway::State::place_backends() {
  std::vector<std::string> gone;
  for (const auto& [ns, held] : servers) {
    const bool stays = std::any_of(board->servers.begin(), board->servers.end(),
                                   [&](const PinnedServer& pinned) { return pinned.ns() == ns; });
    if (!stays) gone.push_back(ns);
  }
  for (const std::string& ns : gone) {
    retired.push_back(std::move(*servers.find(ns)));
    servers.erase(ns);
    Server* const leaving = retired.back().get();
    leaving->stop([this, leaving, still = std::weak_ptr(alive)] {
      later([this, leaving] {
        std::erase_if(retired, [leaving](const auto& held) { return held.get() == leaving; });
      });
    });
  }
  for (const PinnedServer& pinned : board->servers) {
    std::shared_ptr<const PinnedServer> pins(board, &pinned);
    registry::Workspace home = options.workspace;
    if (!pinned.root.empty()) home.root = pinned.root;
    if (Server* const held = server(pinned.ns())) {
      held->set_pins(std::move(pins));
    } else {
      servers.set(
          pinned.ns(),
          std::make_unique<Server>(
              loop, std::move(pins), std::move(home), writes, digests,
              Server::Events{
                  .on_notice = [this](Server& from, std::string_view method,
                                      std::string_view params) { on_common_notice(from, method, params); },
                  .on_breaker = [this](const Server& of, const Client* only) { relist(of, only); }}));
    }
  }
}

void Gateway::State::client_gone(Client& client) {
  for (const auto& [ns, held] : servers) held->client_gone(client);
  for (const auto& held : retired) held->client_gone(client);
  later([this, gone = &client] {
    std::erase_if(shells, [gone](const auto& held) { return &held->client() == gone; });
  });
}

Result<drivers::CallId> Gateway::State::submit(const model::Contract& provider, DriverCall call,
                                               BackendCall ask, std::string_view payload) {
  RTT_TRY_SET(const model::Saddr connector, connector_of(provider));
  Server* held = server(connector.ns);
  if (held && held->common().drifting()) next_refresh = Instant{};  // perhaps accepted a moment ago
  refresh();
  held = server(connector.ns);
  if (!held) {  // accepted a moment ago, within kRefreshEvery: look now
    next_refresh = Instant{};
    refresh();
    held = server(connector.ns);
  }
  if (!held) {
    Error why{.code = Code::kNotFound,
              .message = "no accepted MCP server is behind " + to_string(provider.saddr),
              .where = to_string(connector),
              .hint = "rtt mcp ls"};
    if (!board->trouble.empty()) why.causes.push_back(board->trouble);
    return std::unexpected(std::move(why));
  }
  if (provider.saddr.type != model::SymbolType::kConnector) {
    RTT_TRY_SET(const PinnedItem item, item_from_contract(provider));
    ask.kind = item.kind;
    ask.item = item.key();
    // Routes use the common instance, which declares nothing.
    if (!item.client.met_by(ClientFeatures{})) {
      return fail(Code::kUnknownTool,
                  to_string(provider.saddr) + " is there for " + to_string(item.client) +
                      " only; no route and no `rtt call` is such a client",
                  {}, "rtt mcp serve " + held->pins().config.name);
    }
    call.subject.pin = provider.hash;
    const PinnedItem* const accepted = held->common().pins().find(item.kind, item.key());
    if (!accepted || accepted->definition != item.definition) ask.pin = item.definition;
    if (call.reply) {
      RTT_TRY_SET(Wire wire, wire_of(item, payload));
      ask.method = std::move(wire.method);
      ask.params = std::move(wire.params);
      call.guard = guard_of(board->guards, to_string(item.saddr));
      if (call.guard) {
        if (call.guard->call_ms() > 0)
          ask.deadline = std::min(ask.deadline, now() + nanos_from_ms(call.guard->call_ms()));
        auto finding = call.guard->check_params(ask.params);
        if (finding && finding->refuses) return std::unexpected(std::move(finding->why));
        if (finding) held->common().complain(finding->why.message);
      }
    }
  } else if (call.reply) {
    return fail(Code::kBadArgument, to_string(provider.saddr) + " is a connector; call one of its tools", {},
                "rtt ls symbols");
  }
  const drivers::CallId id = next_call++;
  ask.user = this;
  ask.token = id;
  call.backend = &held->common();
  call.in_bytes = payload.size();
  RTT_TRY_SET(call.ticket, call.backend->call(std::move(ask)));
  calls.set(id, std::move(call));
  return id;
}

void Gateway::State::finish(std::uint64_t token, Result<drivers::CallReply> outcome, receipts::Outcome kind) {
  DriverCall* const found = calls.find(token);
  if (!found) return;
  DriverCall call = std::move(*found);
  calls.erase(token);
  if (call.done) {
    call.done(outcome ? Status{} : Status(std::unexpected(std::move(outcome).error())));
    return;
  }
  const std::string_view result = outcome ? std::string_view(outcome->payload) : std::string_view();
  const bool answered = outcome || kind == receipts::Outcome::kRpcError;
  calls_kept.add({.subject = call.subject,
                  .outcome = kind,
                  .failure = answered ? std::nullopt : std::optional(outcome.error().code),
                  .latency = now() - call.started,
                  .route = call.route,
                  .in_bytes = call.in_bytes,
                  .out_bytes = result.size(),
                  .arguments = call.arguments,
                  .result = calls_kept.mac(result)});
  call.reply(std::move(outcome));
}

void Gateway::State::on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) {
  if (kind == act::Reply::Kind::kError) {
    finish(token, std::unexpected(rpc_failure(payload)), receipts::Outcome::kRpcError);
    return;
  }
  const DriverCall* const call = calls.find(token);
  if (auto finding = call && call->guard ? call->guard->check_result(payload) : std::nullopt) {
    if (finding->refuses) {
      finish(token, std::unexpected(std::move(finding->why)), receipts::Outcome::kResult);
      return;
    }
    call->backend->complain(finding->why.message);
  }
  using Kind = drivers::CallReply::Kind;
  const bool tool_error = is_tool_error(payload);
  finish(token,
         drivers::CallReply{.payload = std::string(payload),
                            .kind = tool_error ? Kind::kToolError : Kind::kResult},
         tool_error ? receipts::Outcome::kToolError : receipts::Outcome::kResult);
}

void Gateway::State::on_backend_failure(std::uint64_t token, const Error& why) {
  finish(token, std::unexpected(why), receipts::Outcome::kResult);
}

Gateway::Gateway() = default;
Gateway::~Gateway() {
  if (!state_) return;
  state_->calls_kept.flush();
  state_->alive.reset();
  state_->shells.clear();  // they withdraw their calls from backends that still stand
}

Result<std::unique_ptr<Gateway>> Gateway::create(os::Loop& loop, GatewayOptions options) {
  std::unique_ptr<Gateway> gateway(new Gateway);
  gateway->state_ = std::make_unique<State>(loop, std::move(options));
  gateway->state_->reload();
  gateway->state_->next_refresh = os::now() + kRefreshEvery;
  gateway->state_->watch_files();
  return gateway;
}

Status Gateway::serve_client(os::Fd in, os::Fd out, os::Fd control, ClientOptions options,
                             std::unique_ptr<os::Handover> handover) {
  StdioClient* stdio = nullptr;
  RTT_TRY(add_client([&](ClientServices& services) {
    auto made = std::make_unique<StdioClient>(state_->loop, services,
                                              StdioFds{.in = std::move(in),
                                                       .out = std::move(out),
                                                       .control = std::move(control),
                                                       .handover = std::move(handover)},
                                              std::move(options));
    stdio = made.get();
    return made;
  }));
  Status started = stdio->start();
  if (!started) stdio->client().end(1);
  return started;
}

Status Gateway::add_client(const std::function<std::unique_ptr<ClientShell>(ClientServices&)>& make) {
  State& state = *state_;
  if (state.shells.size() >= static_cast<std::size_t>(limits::kClientsMax)) {
    return fail(Code::kBusy, std::to_string(limits::kClientsMax) + " AI clients are served already");
  }
  state.next_refresh = Instant{};  // who comes after a command sees what it did
  state.refresh();
  state.shells.push_back(make(state));
  return {};
}

std::vector<std::string> Gateway::unknown_servers(const std::vector<std::string>& names) {
  std::vector<std::string> unknown;
  const auto look = [&] {
    unknown.clear();
    for (const std::string& name : names) {
      if (state_->named(name) == nullptr) unknown.push_back(name);
    }
  };
  look();
  if (!unknown.empty()) {
    state_->reload();
    look();
  }
  return unknown;
}

void Gateway::refresh() { state_->refresh(); }
WriteBatch* Gateway::batch() { return &state_->writes; }
std::size_t Gateway::client_count() const { return state_->shells.size(); }

void Gateway::prepare(const model::Contract& provider, OnDone done) {
  State::DriverCall call{.done = done};
  BackendCall ask{.deadline = state_->now() + nanos_from_ms(limits::kServerStartMs)};
  auto id = state_->submit(provider, std::move(call), std::move(ask), {});
  if (!id)
    state_->later([done = std::move(done), why = std::move(id).error()] { done(std::unexpected(why)); });
}

drivers::CallId Gateway::call(drivers::CallRequest request, OnReply reply) {
  State& state = *state_;
  State::DriverCall call{.reply = reply,
                         .subject = {.who = std::move(request.consumer),
                                     .to = to_string(request.provider.saddr),
                                     .method = "call"},
                         .arguments = state.calls_kept.mac(request.payload),
                         .route = request.route,
                         .started = state.now()};
  BackendCall ask{.deadline = request.deadline};
  auto id = state.submit(request.provider, std::move(call), std::move(ask), request.payload);
  if (id) return *id;
  const drivers::CallId refused = state.next_call++;
  state.later([reply = std::move(reply), why = std::move(id).error()] { reply(std::unexpected(why)); });
  return refused;
}

void Gateway::cancel(drivers::CallId call) {
  const State::DriverCall* const found = state_->calls.find(call);
  if (!found) return;
  found->backend->cancel(found->ticket, "the caller withdrew it");
  state_->later([state = state_.get(), call] {
    state->finish(call, fail(Code::kCancelled, "the caller withdrew the call"), receipts::Outcome::kResult);
  });
}

Json Gateway::health() const {
  Json drivers(text::JsonArray{}), servers(text::JsonArray{});
  for (const auto& [ns, held] : state_->servers) {
    Json row = held->health();
    if (ns == kOwnNamespace && row.int_or("calls", 0) == 0) continue;  // nobody asked for it
    const auto watchers =
        std::count_if(state_->shells.begin(), state_->shells.end(),
                      [&name = ns](const auto& shell) { return shell->client().sees(name); });
    row.set("clients", watchers);
    row.set("called", state_->calls_kept.stats().rows(ns));
    drivers.push(Json::object({{"name", "mcp/" + ns},
                               {"pid", *row.find("pid")},
                               {"state", *row.find("state")},
                               {"restarts", *row.find("restarts")}}));
    servers.push(std::move(row));
  }
  Json answer = Json::object({{"clients", state_->shells.size()},
                              {"drivers", std::move(drivers)},
                              {"receipts", state_->calls_kept.health()},
                              {"servers", std::move(servers)}});
  if (!state_->board->trouble.empty()) answer.set("trouble", state_->board->trouble);
  return answer;
}

Result<Json> Gateway::control(std::string_view verb, const Json& args) {
  State& state = *state_;
  if (verb == "mcp.ls") {
    state.refresh();
    return health();
  }
  if (verb == "mcp.reload") {
    state.reload();
    return Json::object({{"servers", state.servers.size()}});
  }
  if (verb != "mcp.logs" && verb != "mcp.restart") {
    return fail(Code::kUnknownVerb, "the MCP gateway has no verb '" + std::string(verb) + "'");
  }
  const std::string_view name = args.string_or("name");
  Server* const server = state.named(name);
  if (!server) {
    std::vector<std::string> known;
    for (const auto& [ns, held] : state.servers) known.push_back(held->pins().config.name);
    const auto near = model::nearest(name, known);
    return fail(Code::kNotFound, "no accepted MCP server is called '" + std::string(name) + "'", {},
                near ? "did you mean " + *near + "?" : "rtt mcp ls");
  }
  if (verb == "mcp.logs") {
    return Json::object({{"name", server->pins().config.name}, {"text", clean_text(server->log())}});
  }
  server->restart();
  return Json::object({{"name", server->pins().config.name}, {"state", server->health().string_or("state")}});
}

void Gateway::stop(OnDone done) {
  State& state = *state_;
  for (std::size_t i = 0; i < state.shells.size(); ++i) state.shells[i]->client().end(kGatewayLostStatus);
  auto left = std::make_shared<std::size_t>(state.servers.size() + 1);
  const auto one_done = [left, done = std::move(done)] {
    if (--*left == 0) done({});
  };
  for (const auto& [ns, server] : state.servers) server->stop(one_done);
  state.calls_kept.flush();
  state.later(one_done);
}

}  // namespace rtt::mcp
