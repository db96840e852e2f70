// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "mcp/wire/result_meta.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/entropy.h"

namespace rtt::mcp {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

constexpr std::size_t kSealKeyBytes = 32;
constexpr std::uint64_t kNobody = ~std::uint64_t{0};  // the token of what nobody waits for

bool is_tool_error(std::string_view result) {
  return result.find("\"isError\"") != std::string_view::npos &&
         member(result, "isError") == std::string_view("true");
}

// What is hashed as the arguments of a call: those of a tool or prompt as the client wrote them, else all
// parameters.
std::string_view arguments_of(const emit::Forward& forward) {
  if (forward.method != "tools/call" && forward.method != "prompts/get") return forward.params;
  return member(forward.params, "arguments").value_or(std::string_view());
}

// Results that hold what a server said, and so can say where that comes from.
bool has_content(std::string_view method) {
  return method == "tools/call" || method == "prompts/get" || method == "resources/read";
}

constexpr std::string_view kProvenance = "io.github.rtt/provenance";  // as the protocol wants it for `_meta`

std::string provenance(std::uint64_t receipt, std::string_view provider, const Digest& server,
                       const Digest& pin) {
  std::string out;
  out.reserve(256);
  out.append(R"({"receipt":")").append(std::to_string(receipt));
  out.append(R"(","provider":)").append(json_quoted(provider));
  out.append(R"(,"server":"sha256-)").append(bare_hex(server)).append("\"");
  if (!pin.is_zero()) out.append(R"(,"definition":"sha256-)").append(bare_hex(pin)).append("\"");
  out += '}';
  return out;
}

// The same call for the next server that provides the tool; nullptr: there is none.
std::unique_ptr<emit::Forward> next_of(const emit::Forward& forward) {
  if (forward.others.empty()) return nullptr;
  auto next = std::make_unique<emit::Forward>(forward);
  next->ns = forward.others.front().ns;
  next->address = forward.others.front().address;
  next->guard = forward.others.front().guard;
  next->others.erase(next->others.begin());
  return next;
}

// Whether another server may be asked after this failure: not where a call is to be blamed, nor where its
// time is up, and where nobody knows whether it was done only if to do it again is harmless.
enum class Reached : std::uint8_t { kNo, kPerhaps, kHarmless };
bool passes_on(Code code, Reached reached) {
  constexpr std::array kNotTaken{Code::kServerStart, Code::kServerDown, Code::kSecretMissing,
                                 Code::kNeedsLogin,  Code::kBusy,       Code::kDrift,
                                 Code::kUnknownTool};
  if (std::ranges::find(kNotTaken, code) != kNotTaken.end()) return true;
  return code == Code::kServerGone && reached != Reached::kPerhaps;
}

std::string gone_error() {
  return error_object(RpcCode::kBackend, "the client has closed its input and answers nothing any more");
}

}  // namespace

Client::Client(ClientServices& services, ClientShell& shell, ClientOptions options)
    : services_(services),
      shell_(shell),
      options_(std::move(options)),
      label_(options_.as),
      session_(os::random_hex(kSealKeyBytes)),
      next_ask_(options_.first_ask) {}

Client::~Client() { RTT_ASSERT(phase_ == Phase::kOver); }

bool Client::sees(std::string_view ns) const {
  if (!catalog_) return false;
  return std::find(catalog_->servers.begin(), catalog_->servers.end(), ns) != catalog_->servers.end();
}

void Client::take(std::string_view line, StreamId stream) { take(classify(line), stream); }

void Client::introduce(const RequestMeta& meta) {
  if (phase_ == Phase::kOpen) perform(session_.introduce(meta), kNoStream);
}

void Client::take(const Message& message, StreamId stream) {
  if (phase_ == Phase::kOpen) perform(session_.on_message(message, services_.now()), stream);
}

void Client::take_overlong(std::size_t byte_count, std::string_view id) {
  if (phase_ == Phase::kOpen) perform(session_.on_overlong(byte_count, id), kNoStream);
}

void Client::input_ended() {
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kDeaf;
  decline_asks();
}

void Client::perform(ClientActions actions, StreamId stream) {
  for (ClientAction& action : actions) {
    if (phase_ == Phase::kOver) return;
    std::visit(Overloaded{
                   [&](emit::Send& line) { send(line, stream); },
                   [&](emit::Identify& who) {
                     label_ = options_.as.empty() ? who.name : options_.as;
                     address_ = to_string(client_address(label_));
                     capabilities_ = std::move(who.capabilities);
                     catalog_ = services_.catalog_for(*this);
                     perform(session_.identified(catalog_, services_.now()), stream);
                   },
                   [&](emit::Forward& call) { forward(call, stream); },
                   [&](emit::Resume& call) {
                     if (Asked* const asked = asked_.find(call.key)) asked->stream = stream;
                   },
                   [&](emit::Listen& listen) { listens_.set(listen.key, stream); },
                   [&](emit::Unlisten& listen) { unlisten(listen.key); },
                   [&](emit::Watch& wish) { watch(wish); },
                   [&](emit::Withdraw& call) { withdraw(call.key, call.reason); },
                   [&](emit::Answered& answer) { answered(answer.key, answer.kind, answer.payload); },
                   [&](emit::AskProgress& progress) {
                     if (const Ask* const ask = asks_.find(progress.key))
                       ask->backend->ask_progress(ask->key, progress.params);
                   },
                   [&](emit::Tell& tell) {
                     for (Backend* const own : services_.backends(*this))
                       own->notify(tell.method, tell.params);
                   },
                   [&](emit::SetLevel& level) {
                     level_ = level.level;
                     for (Backend* const own : services_.backends(*this)) own->set_log_level(level_);
                   },
               },
               action);
  }
}

void Client::send(emit::Send& send, StreamId at_hand) {
  StreamId stream = at_hand;
  if (send.of == kNoCall) {
    stream = kNoStream;
  } else if (send.of != kAtHand) {
    Asked* const asked = asked_.find(send.of);
    const StreamId* const listens = listens_.find(send.of);
    stream = asked ? asked->stream : listens ? *listens : kNoStream;
    // Answered before its server did: what comes later has no place until the client comes back.
    if (asked && send.part == Part::kAnswer) asked->stream = kNoStream;
  }
  deliver(send.line, stream, send.part);
}

void Client::unlisten(CallKey key) {
  const StreamId* const found = listens_.find(key);
  if (!found) return;
  const StreamId stream = *found;
  listens_.erase(key);
  shell_.unanswered(stream);
}

void Client::watch(const emit::Watch& watch) {
  const bool on = watch.wish == emit::Watch::Wish::kOn;
  if (on ? subscribed_.size() >= kSubscriptionsMax || !subscribed_.insert(watch.uri).second
         : subscribed_.erase(watch.uri) == 0)
    return;
  Backend* const server = services_.backend(*this, watch.ns);
  if (!server || (!on && services_.subscribed(*server, watch.uri))) return;
  // Nobody waits for the answer; an error means that no update comes.
  (void)server->call({.method = on ? "resources/subscribe" : "resources/unsubscribe",
                      .params = R"({"uri":)" + json_quoted(watch.uri) + "}",
                      .kind = watch.item == watch.uri ? ItemKind::kResource : ItemKind::kTemplate,
                      .item = watch.item,
                      .deadline = services_.now() + nanos_from_ms(kClientCallMs),
                      .user = this,
                      .token = kNobody});
}

void Client::stream_gone(StreamId stream) {
  std::vector<CallKey> gone;
  for (const auto& [key, asked] : asked_) {
    if (asked.stream == stream) gone.push_back(key);
  }
  for (const auto& [key, listens] : listens_) {
    if (listens == stream) gone.push_back(key);
  }
  for (const CallKey key : gone) perform(session_.abandoned(key), kNoStream);
}

void Client::catalog_changed() {
  if (!session_.is_identified() || phase_ == Phase::kOver) return;
  catalog_ = services_.catalog_for(*this);
  perform(session_.on_catalog(catalog_), kNoStream);
}

void Client::knew(const CatalogDigests& lists) {
  if (phase_ == Phase::kOpen) perform(session_.on_known(lists), kNoStream);
}

void Client::forward(emit::Forward& forward, StreamId stream) {
  const std::int64_t own_ms = forward.guard ? forward.guard->call_ms() : 0;
  if (forward.deadline == Instant{})
    forward.deadline = services_.now() + nanos_from_ms(own_ms > 0 ? own_ms : kClientCallMs);
  for (;;) {
    const CallKey key = forward.key;
    std::unique_ptr<emit::Forward> next = next_of(forward);
    const std::optional<Error> failed = attempt(forward, stream, next);
    if (!failed) return;
    if (!next || !passes_on(failed->code, Reached::kNo)) {
      deliver(session_.on_failure(key, *failed), stream, Part::kAnswer);
      return;
    }
    forward = std::move(*next);
  }
}

// One server is asked. `next` is taken if it was.
std::optional<Error> Client::attempt(emit::Forward& forward, StreamId stream,
                                     std::unique_ptr<emit::Forward>& next) {
  Asked asked{.stream = stream,
              .subject = {.who = address_, .to = std::move(forward.address), .method = forward.method},
              .arguments = services_.mac(arguments_of(forward)),
              .in_bytes = forward.params.size(),
              .started = services_.now(),
              .guard = std::move(forward.guard)};
  asked.backend = services_.backend(*this, forward.ns);
  if (asked.backend) asked.server = asked.backend->pins().hash;
  if (asked.backend && !forward.item.empty()) {
    const PinnedItem* const item = asked.backend->pins().find(forward.kind, forward.item);
    if (item != nullptr) asked.subject.pin = item->hash;
  }
  if (asked.backend && !subscribe(forward, *asked.backend)) {
    deliver(session_.on_reply(forward.key, act::Reply::Kind::kResult, "{}"), stream, Part::kAnswer);
    return std::nullopt;
  }
  Status held = services_.admits_calls();
  if (held && asked.backend) held = hold_params(forward, asked);
  Result<BackendTicket> ticket =
      fail(Code::kServerGone, "server '" + forward.ns + "' is no longer accepted here");
  if (!held) {
    ticket = std::unexpected(held.error());
  } else if (asked.backend) {
    ticket = asked.backend->call({.method = std::move(forward.method),
                                  .params = std::move(forward.params),
                                  .kind = forward.kind,
                                  .item = std::move(forward.item),
                                  .deadline = forward.deadline,
                                  .era = forward.era,
                                  .log_level = std::move(forward.log_level),
                                  .user = this,
                                  .token = forward.key});
  }
  if (!ticket) {
    record(asked, {.failure = ticket.error().code});
    return ticket.error();
  }
  asked.ticket = *ticket;
  asked.next = std::move(next);
  asked_.set(forward.key, std::move(asked));
  return std::nullopt;
}

// What panel.yaml says of this tool's arguments.
Status Client::hold_params(const emit::Forward& forward, const Asked& asked) {
  auto finding = asked.guard ? asked.guard->check_params(forward.params) : std::nullopt;
  if (!finding) return {};
  if (finding->refuses) return std::unexpected(std::move(finding->why));
  asked.backend->complain(finding->why.message);
  return {};
}

// The call at that server which it is taken to mean when it does not say.
CallKey Client::newest_at(const Backend& backend) const {
  CallKey newest = kNoCall, parked = kNoCall;
  for (const auto& [key, call] : asked_) {
    if (call.backend == &backend) (session_.is_parked(key) ? parked : newest) = key;
  }
  return newest != kNoCall ? newest : parked;
}

void Client::on_notice(const Backend& backend, std::string_view method, std::string_view params) {
  if (phase_ != Phase::kOpen) return;
  const bool of_call = method != "notifications/resources/updated";
  perform(session_.on_notice(of_call ? newest_at(backend) : kNoCall, method, params), kNoStream);
}

// Whether the server is to be asked: it keeps one list for all clients of an instance, so a subscription that
// another client still wants stays.
bool Client::subscribe(const emit::Forward& forward, const Backend& server) {
  const bool off = forward.method == "resources/unsubscribe";
  if (!off && forward.method != "resources/subscribe") return true;
  const auto raw = member(forward.params, "uri");
  const std::string uri = (raw ? decode_string(*raw) : std::nullopt).value_or("");
  if (!off) {
    if (subscribed_.size() < kSubscriptionsMax) subscribed_.insert(uri);
    return true;
  }
  subscribed_.erase(uri);
  return !services_.subscribed(server, uri);
}

void Client::on_backend_ask(Backend& backend, AskKey key, std::optional<std::uint64_t> call,
                            std::string_view method, std::string_view params) {
  if (phase_ != Phase::kOpen) {
    backend.answer(key, act::Reply::Kind::kError, gone_error());
    return;
  }
  const CallKey own = next_ask_++;
  asks_.set(own, {&backend, key});
  perform(session_.ask(own, call.value_or(newest_at(backend)), method, params, services_.now()), kNoStream);
}

void Client::on_backend_ask_withdrawn(Backend& backend, AskKey key, std::string_view params) {
  for (const auto& [own, ask] : asks_) {
    if (ask.backend != &backend || ask.key != key) continue;
    const CallKey gone = own;
    asks_.erase(gone);
    perform(session_.ask_withdrawn(gone, params), kNoStream);
    return;
  }
}

void Client::on_backend_ended(Backend& backend) {
  std::vector<CallKey> gone;
  for (const auto& [own, ask] : asks_) {
    if (ask.backend == &backend) gone.push_back(own);
  }
  for (const CallKey own : gone) {
    asks_.erase(own);
    perform(session_.ask_withdrawn(own, {}), kNoStream);
  }
}

void Client::answered(CallKey key, act::Reply::Kind kind, std::string_view payload) {
  const Ask* const found = asks_.find(key);
  if (!found) return;
  const Ask ask = *found;
  asks_.erase(key);
  ask.backend->answer(ask.key, kind, payload);
}

// Nobody will answer any more: the servers are told rather than left waiting.
void Client::decline_asks() {
  const FlatMap<CallKey, Ask> asks = std::exchange(asks_, {});
  for (const auto& [own, ask] : asks) {
    ask.backend->answer(ask.key, act::Reply::Kind::kError, gone_error());
  }
}

void Client::withdraw(CallKey key, std::string_view reason) {
  const Asked* const asked = asked_.find(key);
  if (!asked) return;
  asked->backend->cancel(asked->ticket, reason);
  record(*asked, {.failure = Code::kCancelled});
  const StreamId stream = asked->stream;
  asked_.erase(key);
  shell_.unanswered(stream);
}

void Client::on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) {
  const Asked* const asked = asked_.find(token);
  if (!asked) return;
  const bool result = kind == act::Reply::Kind::kResult;
  if (auto finding = result && asked->guard ? asked->guard->check_result(payload) : std::nullopt) {
    if (finding->refuses) return on_backend_failure(token, finding->why);
    asked->backend->complain(finding->why.message);
  }
  const bool tool_error = result && asked->subject.method == "tools/call" && is_tool_error(payload);
  const std::uint64_t receipt = record(*asked, {.outcome = !result      ? receipts::Outcome::kRpcError
                                                           : tool_error ? receipts::Outcome::kToolError
                                                                        : receipts::Outcome::kResult,
                                                .result = payload});
  const StreamId stream = asked->stream;
  std::string told;
  if (result && has_content(asked->subject.method)) {
    const bool shown = receipt != 0 && options_.provenance == ClientOptions::Provenance::kShown;
    told = with_meta(
        payload, kProvenance,
        shown ? provenance(receipt, asked->subject.to, asked->server, asked->subject.pin) : std::string());
    payload = told;
  }
  asked_.erase(token);
  deliver(session_.on_reply(token, kind, payload), stream, Part::kAnswer);
}

void Client::on_backend_failure(std::uint64_t token, const Error& why) {
  Asked* const asked = asked_.find(token);
  if (!asked) return;
  record(*asked, {.failure = why.code});
  const StreamId stream = asked->stream;
  const std::unique_ptr<emit::Forward> next = std::move(asked->next);
  asked_.erase(token);
  if (next && phase_ != Phase::kOver &&
      passes_on(why.code, next->repeatable ? Reached::kHarmless : Reached::kPerhaps)) {
    forward(*next, stream);
  } else {
    deliver(session_.on_failure(token, why), stream, Part::kAnswer);
  }
}

void Client::on_backend_progress(std::uint64_t token, std::string_view params) {
  const Asked* const asked = asked_.find(token);
  if (asked) deliver(session_.on_progress(token, params), asked->stream, Part::kBefore);
}

std::uint64_t Client::record(const Asked& asked, const Ending& ending) {
  return services_.record({.subject = asked.subject,
                           .outcome = ending.outcome,
                           .failure = ending.failure,
                           .latency = services_.now() - asked.started,
                           .in_bytes = asked.in_bytes,
                           .out_bytes = ending.result.size(),
                           .arguments = asked.arguments,
                           .result = services_.mac(ending.result)});
}

void Client::deliver(std::string_view line, StreamId stream, Part part) {
  if (!line.empty() && phase_ != Phase::kOver) shell_.deliver(line, stream, part);
}

void Client::end(int status) {
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kOpen) perform(session_.end_listens(), kNoStream);
  if (phase_ == Phase::kOver) return;  // that was more than its reader takes
  phase_ = Phase::kOver;
  decline_asks();
  const FlatMap<CallKey, Asked> asked = std::exchange(asked_, {});
  for (const auto& [key, call] : asked) {
    call.backend->cancel(call.ticket, "the client went away");
    record(call, {.failure = Code::kCancelled});
  }
  shell_.ended(status);
  services_.client_gone(*this);
}

}  // namespace rtt::mcp
