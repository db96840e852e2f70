// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/backend.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/assert.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/entropy.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kLevelAnswer = nanos_from_ms(10'000);
constexpr Nanos kRenewGrace = nanos_from_ms(2000);  // for what was taken before the session was lost
// A call withdrawn after this long without a word of the server counts as one that it left unanswered.
constexpr Nanos kSilence = nanos_from_ms(10'000);
constexpr std::size_t kJunkShownMax = 200;
constexpr std::uint64_t kJunkLoggedMax = 20;  // per start

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// Nothing is wrong with the server: it is tried again as soon as somebody has seen to it.
bool mends_by_hand(Code code) { return code == Code::kSecretMissing || code == Code::kNeedsLogin; }

std::uint64_t chance() {
  std::array<std::byte, 8> bytes{};
  os::fill_random(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

}  // namespace

std::string_view to_string(BackendState state) {
  switch (state) {
    case BackendState::kStopped:
      return "stopped";
    case BackendState::kStarting:
      return "starting";
    case BackendState::kReady:
      return "ready";
    case BackendState::kNeedsLogin:
      return "needs login";
    case BackendState::kFailed:
      break;
  }
  return "failed";
}

Backend::Backend(os::Loop& loop, std::shared_ptr<const PinnedServer> pins, registry::Workspace workspace,
                 BackendProfile profile)
    : loop_(loop),
      pins_(seen_by(std::move(pins), features_of(profile.client_capabilities))),
      workspace_(std::move(workspace)),
      profile_(std::move(profile)),
      record_(profile_.record ? profile_.record : std::make_shared<ServerRecord>()),
      code_(loop, profile_.digests),
      breaker_(chance()) {}

Backend::~Backend() {
  loop_.cancel(timer_);
  loop_.cancel(start_timer_);
  loop_.cancel(renew_timer_);
  loop_.cancel(probe_timer_);
}

BackendState Backend::state() const {
  if (is_down()) return BackendState::kFailed;
  if (code_.looking()) return BackendState::kStarting;
  if (session_) {
    return session_->phase() == BackendSession::Phase::kReady ? BackendState::kReady
                                                              : BackendState::kStarting;
  }
  if (needs_login_) return BackendState::kNeedsLogin;
  return start_timer_ != 0 ? BackendState::kStarting : BackendState::kStopped;
}

const BackendSession* Backend::live() const {
  return session_ && session_->phase() == BackendSession::Phase::kReady ? &*session_ : nullptr;
}

Result<BackendTicket> Backend::call(BackendCall call) {
  RTT_ASSERT(call.user != nullptr);
  last_used_ = loop_.now();
  if (is_down()) {
    ++record_->failed_calls;
    return std::unexpected(down());
  }
  const BackendTicket ticket = next_ticket_++;
  if (session_ && session_->phase() == BackendSession::Phase::kReady && renew_timer_ == 0 &&
      !code_.looking() && code_.changes().empty()) {
    RTT_TRY(begin({ticket, std::move(call)}));
    return ticket;
  }
  if (waiting_.size() >= limits::kMcpInFlightMax) {
    return fail(Code::kBusy, "too many calls wait for server '" + pins_->config.name + "' to start");
  }
  arm(call.deadline);
  waiting_.push_back({ticket, std::move(call)});
  start_soon();
  return ticket;
}

void Backend::start_soon() {
  if (start_timer_ != 0 || code_.looking()) return;
  if (session_) {
    // What it runs was refused; perhaps that was accepted a moment ago.
    if (session_->phase() == BackendSession::Phase::kReady && !code_.changes().empty()) look_again();
    return;
  }
  start_timer_ = loop_.after(breaker_.start_delay(loop_.now()), [this] {
    start_timer_ = 0;
    start();
  });
}

// Whoever subscribed expects updates from the server that is there, not only from the one that was.
void Backend::note_subscription(const BackendCall& call) {
  const bool off = call.method == "resources/unsubscribe";
  if (!off && call.method != "resources/subscribe") return;
  const auto raw = member(call.params, "uri");
  const auto uri = raw ? decode_string(*raw) : std::nullopt;
  if (!uri) return;
  if (off) {
    subscriptions_.erase(*uri);
  } else if (subscriptions_.size() < kSubscriptionsMax) {
    subscriptions_.insert_or_assign(*uri, call.params);
  }
}

void Backend::cancel(BackendTicket ticket, std::string_view reason) {
  const auto waits =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.ticket == ticket; });
  if (waits != waiting_.end()) {
    waiting_.erase(waits);
    return;
  }
  for (const auto& [key, running] : running_) {
    if (running.ticket != ticket) continue;
    const RequestKey gone = key;
    const bool silent = heard_ < running.started && loop_.now() - running.started >= kSilence;
    running_.erase(gone);
    kept_.erase(gone);
    if (!session_) return;
    perform(session_->cancel(gone, reason));
    if (silent) note_failure(silence(), Breaker::Failure::kSilent);
    return;
  }
}

void Backend::leave_client() { profile_.client = nullptr; }

void Backend::restart() {
  note_well(&Breaker::reset);
  last_failure_.reset();
  if (session_) {
    record_->note("restart");
    lose(Error{.code = Code::kServerGone, .message = "server '" + pins_->config.name + "' was restarted"});
  }
}

void Backend::stop(std::function<void()> done) {
  on_stopped_ = std::move(done);
  loop_.cancel(std::exchange(start_timer_, 0));
  loop_.cancel(std::exchange(probe_timer_, 0));
  code_.drop();
  const Error why{.code = Code::kServerGone, .message = "server '" + pins_->config.name + "' was stopped"};
  fail_waiting(why);
  if (session_) lose(why);
  if (leaving_.empty() && on_stopped_) loop_.post(std::exchange(on_stopped_, nullptr));
}

// Other code than was accepted is not started.
void Backend::start() {
  if (session_ || code_.looking()) return;
  code_.look(*pins_, workspace_, profile_.fresh, profile_.surroundings.get(), CodeWatch::Moment::kBeforeStart,
             [this] { start_accepted(); });
}

void Backend::start_accepted() {
  if (!code_.changes().empty()) {
    take_code_changes();
    const Error why = admit(server_verdict_, pins_->config).error();
    record_->note("not started: " + why.message);
    if (is_down()) note_well(&Breaker::well);  // it is refused for what it is, not set aside
    fail_waiting(why);
    return;
  }
  if (std::exchange(started_, true)) ++record_->restarts;
  if (const Status connected = connect(); !connected) {
    transport_.reset();
    const Error& why = connected.error();
    record_->note("did not start: " + why.message);
    failed_to_run(why);
    settle_waiting(why);
    return;
  }
  session_.emplace(pins_->config.name,
                   BackendSession::ClientSide{.capabilities = profile_.client_capabilities,
                                              .answers = profile_.client != nullptr,
                                              .headers = pins_->config.transport != "stdio"});
  perform(session_->start(opening(), loop_.now()));
  if (session_) arm(next_event(loop_.now()));
}

Status Backend::connect() {
  RTT_TRY_SET(transport_, make_transport(pins_->config, {.loop = loop_,
                                                         .workspace = workspace_,
                                                         .fresh = profile_.fresh,
                                                         .record = record_,
                                                         .events = *this,
                                                         .batch = batch_,
                                                         .code = code_.digest(),
                                                         .client = profile_.surroundings.get()}));
  return transport_->start();
}

void Backend::on_transport_message(const LineStream::Item& item) {
  heard_ = loop_.now();
  const std::uint64_t junk = session_->counters().junk_lines;
  if (item.overlong_bytes > 0) {
    record_->note("a message of " + std::to_string(item.overlong_bytes) + " bytes was dropped");
    const auto id = id_from_ends(item.head, item.tail);
    perform(session_->on_overlong(item.overlong_bytes, id ? own_id(*id) : std::nullopt));
  } else {
    perform(session_->on_line(item.line, heard_));
  }
  if (session_ && session_->counters().junk_lines > junk && junk < kJunkLoggedMax) {
    record_->note("not JSON-RPC: " + std::string(item.line.substr(0, kJunkShownMax)));
  }
}

// A call that has its answer is under way no more.
std::optional<Backend::Running> Backend::finished(RequestKey key) {
  const Running* const found = running_.find(key);
  if (!found) return std::nullopt;
  const Running running = *found;
  running_.erase(key);
  kept_.erase(key);
  return running;
}

void Backend::pass_on(const act::Ask& ask) {
  if (!profile_.client) return;
  const Running* const call = running_.find(ask.call);
  const auto token = call ? std::optional(call->token) : std::nullopt;
  profile_.client->on_backend_ask(*this, ask.key, token, ask.method, ask.params);
}

void Backend::say(const act::Send& send) {
  if (!transport_) return;  // a user may have ended it
  if (!send.line.empty()) transport_->send(send.line, send.headers);
  if (send.ends != 0) transport_->forget(send.ends);
}

void Backend::take_reply(const act::Reply& reply) {
  if (probed(reply.key, nullptr)) return;
  const auto running = finished(reply.key);
  if (!running) return;
  record_->latency.record(loop_.now() - running->started);
  last_used_ = loop_.now();
  if (breaker_.remembers()) note_well(&Breaker::answered);
  running->user->on_backend_reply(running->token, reply.kind, reply.payload);
}

void Backend::take_failure(const act::Failure& failure) {
  if (probed(failure.key, &failure.why)) return;
  const auto running = finished(failure.key);
  if (!running) return;
  ++record_->failed_calls;
  if (session_ && failure.why.code == Code::kDeadline) note_failure(failure.why, Breaker::Failure::kSilent);
  running->user->on_backend_failure(running->token, failure.why);
}

void Backend::perform(BackendActions actions) {
  for (BackendAction& action : actions) {
    std::visit(Overloaded{
                   [&](act::Send& send) { say(send); },
                   [&](act::Joined& joined) {
                     if (transport_) transport_->joined(joined.headers);
                   },
                   [&](act::Ready&) { became_ready(); },
                   [&](act::Listed&) {
                     if (session_) compare();
                   },
                   [&](act::Failed& failed) {
                     if (session_) {
                       using enum Breaker::Failure;
                       note_failure(failed.why, failed.late ? kMute : kEnded);
                       lose(failed.why);
                     }
                   },
                   [&](act::Reply& reply) { take_reply(reply); },
                   [&](act::Failure& failure) { take_failure(failure); },
                   [&](act::Progress& progress) {
                     const Running* const found = running_.find(progress.key);
                     if (found) found->user->on_backend_progress(found->token, progress.params);
                   },
                   [&](act::Notice& notice) {
                     if (profile_.owner)
                       profile_.owner->on_backend_notice(*this, notice.method, notice.params);
                   },
                   [&](act::Ask& ask) { pass_on(ask); },
                   [&](act::AskWithdrawn& ask) {
                     if (profile_.client)
                       profile_.client->on_backend_ask_withdrawn(*this, ask.key, ask.params);
                   },
               },
               action);
  }
}

void Backend::answer(AskKey key, act::Reply::Kind kind, std::string_view payload) {
  if (session_) perform(session_->answer(key, kind, payload));
}

void Backend::ask_progress(AskKey key, std::string_view params) {
  if (session_) perform(session_->ask_progress(key, params));
}

void Backend::notify(std::string_view method, std::string_view params) {
  if (live() == nullptr) return;
  if (auto send = session_->notification(method, params)) say(*send);
}

void Backend::set_log_level(std::string_view level) {
  log_level_ = level;
  if (live() == nullptr) return;
  if (auto send = session_->set_log_level(level, loop_.now() + kLevelAnswer)) say(*send);
}

void Backend::became_ready() {
  record_->opening = session_->era() == Era::kModern ? Opening::kDiscover : Opening::kInitialize;
  needs_login_ = false;
  note_well(&Breaker::well);
  if (!log_level_.empty()) set_log_level(std::string(log_level_));
  if (code_.whole()) return serve_waiting();
  look_again();
}

void Backend::look_again() {
  code_.look(*pins_, workspace_, profile_.fresh, profile_.surroundings.get(), CodeWatch::Moment::kRunning,
             [this] { serve_waiting(); });
}

void Backend::serve_waiting() {
  compare();
  for (const auto& [uri, params] : subscriptions_) {
    // Nobody waits for the answer; the session drops it as one that was not asked for.
    const auto again = session_->request("resources/subscribe", params, loop_.now() + kLevelAnswer, {});
    if (!again) continue;
    for (const act::Send& send : again->sends) say(send);
  }
  const std::deque<Waiting> waiting = std::exchange(waiting_, {});
  for (const Waiting& waits : waiting) {
    if (const Status begun = begin(waits); !begun) {
      waits.call.user->on_backend_failure(waits.call.token, begun.error());
    }
  }
}

Status Backend::begin(const Waiting& waiting) {
  ++record_->calls;
  const BackendCall& call = waiting.call;
  if (Status admitted = check_pin(call); !admitted) {
    ++record_->failed_calls;
    return admitted;
  }
  if (call.method.empty()) {
    // Keys of the session count up from 1; a check holds a place from the other end until it is answered.
    const RequestKey key = ~waiting.ticket;
    running_.set(key, {waiting.ticket, call.user, call.token, last_used_});
    reply_later(key, waiting.ticket, act::Reply::Kind::kResult, "{}");
    return {};
  }
  const std::size_t bytes = transport_->bytes_waiting() + call.params.size();
  if (bytes > limits::kClientQueueBytesMax / 2) {
    ++record_->failed_calls;
    return fail(Code::kBusy, "server '" + pins_->config.name + "' does not read what it is sent");
  }
  RTT_TRY_SET(const BackendSession::Submitted submitted,
              session_->request(call.method, call.params, call.deadline,
                                {.era = call.era, .log_level = call.log_level}));
  running_.set(submitted.key, {waiting.ticket, call.user, call.token, loop_.now()});
  note_subscription(call);
  if (submitted.answer)
    reply_later(submitted.key, waiting.ticket, submitted.answer->first, submitted.answer->second);
  if (transport_->may_expire()) kept_.set(submitted.key, waiting);
  arm(call.deadline);
  for (const act::Send& send : submitted.sends) say(send);
  return {};
}

// An answer that needs no server still comes after the call has returned.
void Backend::reply_later(RequestKey key, BackendTicket ticket, act::Reply::Kind kind, std::string payload) {
  loop_.post([this, alive = std::weak_ptr(alive_), key, ticket, kind, payload = std::move(payload)] {
    if (alive.expired()) return;
    const Running* const found = running_.find(key);
    if (!found || found->ticket != ticket) return;  // cancelled, or failed with the child
    const Running running = *found;
    running_.erase(key);
    kept_.erase(key);
    running.user->on_backend_reply(running.token, kind, payload);
  });
}

void Backend::on_transport_unanswered(RequestKey request, const Error& why) {
  perform(session_->on_unanswered(request, why, loop_.now()));
}

// What the server did not take waits for the next session, once; what it took may still be answered for a
// moment. A server that loses session after session trips like one that ends.
void Backend::on_transport_expired(std::optional<RequestKey> request) {
  const Error why{.code = Code::kServerGone,
                  .message = "server '" + pins_->config.name + "' lost the session",
                  .hint = "rtt mcp logs " + pins_->config.name};
  if (renew_timer_ == 0) {
    record_->note("the server has forgotten the session");
    note_failure(why, Breaker::Failure::kEnded);
    if (is_down() || session_->phase() != BackendSession::Phase::kReady) {
      lose(why);
      return;
    }
    renew_timer_ = loop_.after(kRenewGrace, [this] { renew(); });
  }
  const Waiting* const kept = request ? kept_.find(*request) : nullptr;
  if (kept != nullptr && !kept->again) {
    waiting_.push_back(*kept);
    waiting_.back().again = true;
    running_.erase(*request);
    kept_.erase(*request);
    session_->drop(*request);
  } else if (request) {
    on_transport_unanswered(*request, why);
  }
  if (renew_timer_ != 0 && running_.empty()) renew();
}

void Backend::renew() {
  lose(Error{.code = Code::kServerGone,
             .message = "server '" + pins_->config.name + "' lost the session while it worked on this"});
}

void Backend::on_transport_ended(Error why) {
  record_->note(why.message);
  if (session_->probing() &&
      transport_->pid() !=
          0) {  // over server/discover, it seems: then it is one of those that want initialize
    record_->opening = Opening::kInitialize;
    session_.reset();
    let_go();
    start();
    return;
  }
  needs_login_ = why.code == Code::kNeedsLogin;
  if (why.code == Code::kServerGone) {
    if (session_->phase() != BackendSession::Phase::kReady) why.code = Code::kServerStart;
    why.message = "server '" + pins_->config.name + "' " + why.message;
    why.hint = "rtt mcp logs " + pins_->config.name;
  }
  failed_to_run(why);
  lose(why);
}

// How to greet the server: as it showed when it ran before, else as it was when it was accepted; one that
// nothing is known of is probed.
Opening Backend::opening() const {
  if (record_->opening) return *record_->opening;
  const bool legacy = speaks(pins_->info.protocol);
  return legacy ? Opening::kInitialize : Opening::kDiscover;
}

void Backend::failed_to_run(const Error& why) {
  if (mends_by_hand(why.code)) return note_well(&Breaker::reset);
  note_failure(why, Breaker::Failure::kEnded);
}

// The session is over, for whatever reason: who is owed an answer is told, the server leaves.
void Backend::lose(const Error& why) {
  RTT_ASSERT(session_.has_value());
  session_.reset();
  code_.drop();
  loop_.cancel(std::exchange(renew_timer_, 0));
  kept_ = {};
  probe_key_ = 0;
  if (profile_.client) profile_.client->on_backend_ended(*this);
  let_go();
  verdicts_.clear();
  unknown_since_.clear();
  server_verdict_ = {};
  drifting_ = false;
  // Taken out first: whoever is told may ask again at once, and that call belongs to the next start.
  const FlatMap<RequestKey, Running> running = std::exchange(running_, {});
  record_->failed_calls += running.size();
  for (const auto& [key, call] : running) call.user->on_backend_failure(call.token, why);
  settle_waiting(why);
}

// What the server was not sent waits for its next start, if there is to be one.
void Backend::settle_waiting(const Error& why) {
  if (on_stopped_) return;
  // What it said that is wrong it says again.
  const bool may_pass = why.code == Code::kServerStart || why.code == Code::kServerGone;
  if (is_down() || !may_pass) return fail_waiting(why);
  if (!waiting_.empty() || !subscriptions_.empty()) start_soon();
}

void Backend::let_go() {
  leaving_.push_back(std::move(transport_));
  const BackendTransport* const left = leaving_.back().get();
  leaving_.back()->leave([this, left] { forget_left(left); });
}

void Backend::forget_left(const BackendTransport* left) {
  std::erase_if(leaving_, [left](const auto& transport) { return transport.get() == left; });
  if (leaving_.empty() && on_stopped_) loop_.post(std::exchange(on_stopped_, nullptr));
}

void Backend::fail_waiting(const Error& why) {
  const std::deque<Waiting> waiting = std::exchange(waiting_, {});
  for (const Waiting& waits : waiting) {
    ++record_->failed_calls;
    waits.call.user->on_backend_failure(waits.call.token, why);
  }
}

void Backend::arm(Instant at) {
  if (timer_at_ <= at) return;
  loop_.cancel(timer_);
  timer_at_ = at;
  timer_ = loop_.after(at - loop_.now(), [this] {
    timer_ = 0;
    timer_at_ = kNever;
    on_timer();
  });
}

void Backend::on_timer() {
  const Instant now = loop_.now();
  std::vector<Waiting> late;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (now < at->call.deadline) {
      ++at;
      continue;
    }
    late.push_back(std::move(*at));
    at = waiting_.erase(at);
  }
  const Error slow{.code = Code::kDeadline,
                   .message = "server '" + pins_->config.name + "' was not ready in time",
                   .hint = "rtt mcp logs " + pins_->config.name};
  for (const Waiting& waits : late) waits.call.user->on_backend_failure(waits.call.token, slow);
  if (session_) perform(session_->on_tick(now));
  if (session_ && profile_.stops_idle && idle() && now - last_used_ >= nanos_from_ms(limits::kServerIdleMs)) {
    record_->note("idle, stopped");
    lose(Error{.code = Code::kServerGone, .message = "server '" + pins_->config.name + "' was idle"});
  }
  const Instant next = next_event(now);
  if (next < kNever) arm(next);
}

bool Backend::idle() const { return running_.empty() && waiting_.empty() && subscriptions_.empty(); }

Instant Backend::next_event(Instant now) const {
  Instant next = kNever;
  for (const Waiting& waits : waiting_) next = std::min(next, waits.call.deadline);
  if (!session_) return next;
  next = std::min(next, session_->next_deadline().value_or(kNever));
  if (!profile_.stops_idle) return next;
  return std::min(next, (idle() ? last_used_ : now) + nanos_from_ms(limits::kServerIdleMs));
}

}  // namespace rtt::mcp
