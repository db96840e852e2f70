// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/http_front.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "crypto/sha256.h"
#include "mcp/clients/http_client.h"
#include "mcp/clients/http_connection.h"
#include "mcp/wire/era.h"
#include "mcp/wire/mirrored.h"
#include "os/entropy.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kSweepEvery = nanos_from_ms(1000);
constexpr std::size_t kSessionIdBytes = 16;
constexpr int kAcceptsPerRound = 16;
constexpr std::string_view kPageMayAsk =
    "Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name";

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

std::string error_body(RpcCode code, std::string_view message, std::string_view id = {}) {
  return error_line(id, error_object(code, message));
}

// Whether a message is to be taken as the modern era has it.
bool is_modern(const Message& message, const HttpAsk& ask) {
  const std::string* const revision = ask.header("mcp-protocol-version");
  return (revision != nullptr && speaks_modern(*revision)) ||
         (message.kind == MessageKind::kRequest && names_version(message.params));
}

std::string who(const HttpAsk& ask, const RequestMeta& meta) {
  std::string said = ask.query + "\n" + ask.origin + "\n";
  said.append(meta.client_info);
  return to_string(crypto::sha256(said));
}

}  // namespace

struct HttpFront::State final : HttpConnectionOwner, HttpCarrier {
  State(os::Loop& the_loop, Gateway& the_gateway, HttpFrontOptions the_options)
      : loop(the_loop), gateway(the_gateway), options(std::move(the_options)) {}

  std::variant<HttpAsk, HttpRefusal> on_head(const drivers::HttpRequestReader& request) override;
  void on_request(HttpConnection& connection, const HttpAsk& ask, std::string_view body) override;
  void on_closed(HttpConnection& connection) override;
  void carry(HttpClient& client, HttpActions actions) override;
  void session_over(HttpClient& client) override;

  void accept();
  void sweep();
  void sweep_later();
  void on_message(HttpConnection& connection, const HttpAsk& ask, std::string_view body);
  void on_listen(HttpConnection& connection, const HttpAsk& ask);
  void initialize(HttpConnection& connection, const HttpAsk& ask, const Message& message);
  void on_modern(HttpConnection& connection, const HttpAsk& ask, const Message& message);
  HttpClient* modern_client(HttpConnection& connection, const HttpAsk& ask, const RequestMeta& meta);
  HttpClient* add_client(HttpConnection& connection, Era era);  // nullptr: it was answered why not
  HttpClient* session(const std::string& id);
  HttpConnection* connection(ConnId id);

  os::Loop& loop;
  Gateway& gateway;
  HttpFrontOptions options;
  os::TcpListener listener;
  std::string url;
  std::map<ConnId, std::unique_ptr<HttpConnection>> connections;
  std::vector<std::unique_ptr<HttpConnection>> closed;       // destroyed when no handler of theirs runs
  std::map<std::string, HttpClient*, std::less<>> sessions;  // all clients, by id
  std::map<std::string, HttpClient*, std::less<>> modern;  // those of them without a session, by who they are
  HttpClient* fresh = nullptr;                             // the session whose initialize is at hand
  ConnId next_connection = 1;
  os::Loop::TimerId sweeper = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

HttpClient* HttpFront::State::session(const std::string& id) {
  const auto at = sessions.find(id);
  return at == sessions.end() || at->second->era() == Era::kModern ? nullptr : at->second;
}

HttpConnection* HttpFront::State::connection(ConnId id) {
  const auto at = connections.find(id);
  return at == connections.end() ? nullptr : at->second.get();
}

void HttpFront::State::accept() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    auto accepted = listener.accept();
    if (!accepted || !*accepted) return;
    if (connections.size() >= kHttpConnectionsMax) continue;  // closed at once
    const ConnId id = next_connection++;
    auto made = std::make_unique<HttpConnection>(loop, *this, gateway.batch(), *std::move(*accepted), id);
    if (made->start()) connections.emplace(id, std::move(made));
  }
  sweep_later();
}

void HttpFront::State::sweep_later() {
  if (sweeper != 0 || (connections.empty() && sessions.empty())) return;
  sweeper = loop.after(kSweepEvery, [this] {
    sweeper = 0;
    sweep();
    sweep_later();
  });
}

void HttpFront::State::sweep() {
  const Instant now = loop.now();
  std::vector<ConnId> open;
  for (const auto& [id, one] : connections) open.push_back(id);
  for (const ConnId id : open) {
    if (HttpConnection* const one = connection(id)) one->expire(now);
  }
  std::vector<std::string> live;
  for (const auto& [id, one] : sessions) live.push_back(id);
  for (const std::string& id : live) {
    const auto at = sessions.find(id);
    if (at != sessions.end()) at->second->tick(now);
  }
}

std::variant<HttpAsk, HttpRefusal> HttpFront::State::on_head(const drivers::HttpRequestReader& request) {
  auto verdict = judge(request, options.policy);
  const auto* const ask = std::get_if<HttpAsk>(&verdict);
  if (ask && !ask->session.empty() && session(ask->session) == nullptr)
    return HttpRefusal{.status = 404,
                       .message = "the session is unknown or has ended: POST an initialize request",
                       .headers = {}};
  return verdict;
}

void HttpFront::State::on_request(HttpConnection& connection, const HttpAsk& ask, std::string_view body) {
  switch (ask.what) {
    case HttpAsk::What::kMessage:
      on_message(connection, ask, body);
      return;
    case HttpAsk::What::kListen:
      on_listen(connection, ask);
      return;
    case HttpAsk::What::kEnd:
      if (HttpClient* const ending = session(ask.session)) ending->client().end(0);
      connection.answer(204, {}, {});
      return;
    case HttpAsk::What::kPreflight:
      connection.answer(204,
                        {{"Access-Control-Allow-Methods", "POST, GET, DELETE"},
                         {"Access-Control-Allow-Headers", std::string(kPageMayAsk)},
                         {"Access-Control-Max-Age", "600"}},
                        {});
      return;
  }
}

void HttpFront::State::on_message(HttpConnection& connection, const HttpAsk& ask, std::string_view body) {
  gateway.refresh();
  // A line is a message for the servers; in JSON a line's end is white space, and inside strings it is
  // escaped.
  std::string one_line;
  if (body.find_first_of("\r\n") != std::string_view::npos && is_json(body)) {
    one_line = body;
    std::ranges::replace(one_line, '\n', ' ');
    std::ranges::replace(one_line, '\r', ' ');
    body = one_line;
  }
  const std::size_t first = body.find_first_not_of(" \t");
  if (first != std::string_view::npos && body[first] == '[' && is_json(body)) {
    connection.answer(400, {},
                      error_body(RpcCode::kInvalidRequest, "batches are not taken: POST one message"));
    return;
  }
  const Message message = classify(body);
  if (message.kind == MessageKind::kInvalid) {
    const bool syntax = message.fault == Fault::kSyntax;
    connection.answer(400, {},
                      error_body(syntax ? RpcCode::kParse : RpcCode::kInvalidRequest,
                                 syntax ? "Parse error: the body is not JSON"
                                        : "Invalid request: the body is no JSON-RPC 2.0 message"));
    return;
  }
  if (is_modern(message, ask)) return on_modern(connection, ask, message);
  if (const auto no = unspoken(ask)) {
    connection.answer(no->status, {}, error_body(RpcCode::kInvalidRequest, no->message));
    return;
  }
  const bool request = message.kind == MessageKind::kRequest;
  HttpClient* const client = session(ask.session);
  if (client == nullptr && request && message.method == "initialize") {
    initialize(connection, ask, message);
  } else if (client == nullptr) {
    connection.answer(
        ask.session.empty() ? 400 : 404, {},
        error_body(RpcCode::kInvalidRequest,
                   ask.session.empty() ? "Mcp-Session-Id is missing: POST an initialize request first"
                                       : "the session has ended: POST an initialize request"));
  } else if (request) {
    client->request(message, connection.id(), ask.takes);
  } else {
    client->tell(message);
    connection.answer(202, {}, {});
  }
}

HttpClient* HttpFront::State::add_client(HttpConnection& connection, Era era) {
  HttpClient* made = nullptr;
  const Status added = gateway.add_client([&](ClientServices& services) {
    auto client =
        std::make_unique<HttpClient>(services, *this, os::random_hex(kSessionIdBytes), era, options.client);
    made = client.get();
    return client;
  });
  if (!added) {
    connection.answer(503, {{"Retry-After", "60"}}, error_body(RpcCode::kBackend, added.error().message));
    return nullptr;
  }
  sessions.emplace(made->id(), made);
  return made;
}

void HttpFront::State::on_modern(HttpConnection& connection, const HttpAsk& ask, const Message& message) {
  if (message.kind == MessageKind::kNotification) {
    connection.answer(202, {}, {});  // none means anything here: who closes a stream cancels its request
    return;
  }
  if (message.kind != MessageKind::kRequest) {
    connection.answer(400, {},
                      error_body(RpcCode::kInvalidRequest,
                                 "Invalid request: a client of protocol 2026-07-28 sends no responses"));
    return;
  }
  const HeaderOf header = [&ask](std::string_view name) { return ask.header(name); };
  if (const auto differs = header_mismatch(message, header)) {
    connection.answer(400, {},
                      error_body(RpcCode::kHeaderMismatch, "Header mismatch: " + *differs, message.id));
    return;
  }
  const auto meta = read_meta(message.params);
  if (!meta) {
    connection.answer(400, {}, error_line(message.id, meta.error()));
    return;
  }
  if (message.method == "subscriptions/listen" && ask.takes == HttpAsk::Takes::kJson) {
    connection.answer(
        406, {},
        error_body(RpcCode::kInvalidRequest,
                   "a subscription is a stream of events: Accept must name text/event-stream", message.id));
    return;
  }
  HttpClient* const client = modern_client(connection, ask, *meta);
  if (client == nullptr) return;
  const CatalogEntry* tool = nullptr;
  if (message.method == "tools/call" && client->client().catalog()) {
    const auto raw = member(message.params, "name");
    const auto name = raw ? decode_string(*raw) : std::nullopt;
    tool = name ? find_exposed(client->client().catalog()->tools, *name) : nullptr;
  }
  if (const auto differs = tool ? argument_mismatch(tool->mirrored, message.params, header) : std::nullopt) {
    connection.answer(400, {},
                      error_body(RpcCode::kHeaderMismatch, "Header mismatch: " + *differs, message.id));
    return;
  }
  client->request(message, connection.id(), ask.takes);
}

HttpClient* HttpFront::State::modern_client(HttpConnection& connection, const HttpAsk& ask,
                                            const RequestMeta& meta) {
  const std::string key = who(ask, meta);
  if (const auto at = modern.find(key); at != modern.end()) return at->second;
  HttpClient* const made = add_client(connection, Era::kModern);
  if (made == nullptr) return nullptr;
  modern.emplace(key, made);
  made->client().introduce(meta);
  return made;
}

void HttpFront::State::initialize(HttpConnection& connection, const HttpAsk& ask, const Message& message) {
  HttpClient* const made = add_client(connection, Era::kLegacy);
  if (made == nullptr) return;
  fresh = made;
  made->request(message, connection.id(), ask.takes);
  fresh = nullptr;
  if (!made->client().is_identified()) made->client().end(1);  // it was told why; there is no session
}

void HttpFront::State::on_listen(HttpConnection& connection, const HttpAsk& ask) {
  HttpClient* const client = session(ask.session);
  if (client == nullptr) {
    connection.answer(404, {}, error_body(RpcCode::kInvalidRequest, "the session has ended"));
    return;
  }
  switch (client->listen(connection.id(), ask.last_event_id)) {
    case HttpStreams::Heard::kListens:
      return;
    case HttpStreams::Heard::kBusy:
      connection.answer(
          409, {}, error_body(RpcCode::kInvalidRequest, "this session's stream is open already: one GET"));
      return;
    case HttpStreams::Heard::kForgotten:
      connection.answer(
          400, {},
          error_body(RpcCode::kInvalidRequest,
                     "nothing is kept behind this Last-Event-ID: GET without it, or ask again"));
      return;
  }
}

void HttpFront::State::carry(HttpClient& client, HttpActions actions) {
  const auto headers = [&]() -> drivers::HttpHeaders {
    if (&client != fresh || !client.client().is_identified()) return {};
    return {{"Mcp-Session-Id", client.id()}};
  };
  for (HttpAction& action : actions) {
    std::visit(
        [&](auto& what) {
          HttpConnection* const to = connection(what.conn);
          if (to == nullptr || !to->owes()) return;
          Overloaded{
              [&](http::Whole& whole) { to->answer(whole.status, headers(), whole.body); },
              [&](http::Nothing&) { to->answer(202, {}, {}); },
              [&](http::Begin&) {
                auto with = headers();
                with.emplace_back("X-Accel-Buffering", "no");  // a proxy is to pass events at once
                to->begin_events(std::move(with));
              },
              [&](http::Text& text) { to->events(text.text); },
              [&](http::End&) { to->end_events(); },
              [&](http::Refuse&) {
                to->answer(404, {},
                           error_body(RpcCode::kInvalidRequest, "the session ended before an answer"));
              },
          }(what);
        },
        action);
  }
}

void HttpFront::State::on_closed(HttpConnection& connection) {
  for (const auto& [id, client] : sessions) client->gone(connection.id());
  const auto at = connections.find(connection.id());
  if (at == connections.end()) return;
  closed.push_back(std::move(at->second));
  connections.erase(at);
  loop.post([this, still = std::weak_ptr(alive)] {
    if (!still.expired()) closed.clear();
  });
}

void HttpFront::State::session_over(HttpClient& client) {
  sessions.erase(client.id());
  std::erase_if(modern, [&client](const auto& one) { return one.second == &client; });
}

HttpFront::HttpFront() = default;

HttpFront::~HttpFront() {
  if (!state_) return;
  State& state = *state_;
  state.loop.unwatch(state.listener.fd());
  state.loop.cancel(state.sweeper);
  while (!state.sessions.empty()) state.sessions.begin()->second->client().end(1);
  state.alive.reset();
}

Result<std::unique_ptr<HttpFront>> HttpFront::open(os::Loop& loop, Gateway& gateway,
                                                   HttpFrontOptions options) {
  RTT_TRY_SET(os::TcpListener listener, os::TcpListener::bind(options.address));
  const bool six = options.address.host.find(':') != std::string::npos;
  std::unique_ptr<HttpFront> out(new HttpFront);
  out->state_ = std::make_unique<State>(loop, gateway, std::move(options));
  State* const state = out->state_.get();
  state->listener = std::move(listener);
  const std::string& host = state->options.address.host;
  state->url = "http://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(state->listener.port()) +
               std::string(kHttpPath);
  RTT_TRY(loop.watch(state->listener.fd(), os::kReadable, [state](std::uint32_t) { state->accept(); }));
  return out;
}

const std::string& HttpFront::url() const { return state_->url; }

}  // namespace rtt::mcp
