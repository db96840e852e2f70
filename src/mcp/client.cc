// SPDX-License-Identifier: Apache-2.0
#include "mcp/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/limits.h"
#include "os/clock.h"
#include "os/pipe.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr int kReadsPerRound = 4;  // then the other clients and servers get their turn
constexpr std::size_t kPauseAt = std::size_t{4} << 20;
constexpr std::size_t kResumeAt = std::size_t{1} << 20;

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

bool is_tool_error(std::string_view result) {
  return result.find("\"isError\"") != std::string_view::npos &&
         member(result, "isError") == std::string_view("true");
}

std::string gone_error() {
  return error_object(RpcCode::kBackend, "the client has closed its input and answers nothing any more");
}

}  // namespace

Client::Client(os::Loop& loop, ClientServices& services, os::Fd in, os::Fd out, os::Fd control,
               ClientOptions options)
    : loop_(loop),
      services_(services),
      in_(std::move(in)),
      out_(std::move(out)),
      control_(std::move(control)),
      options_(std::move(options)),
      label_(options_.as),
      stream_(limits::kMcpLineBytesMax),
      outbox_(limits::kClientQueueBytesMax) {}

Client::~Client() {
  end(1);
  if (WriteBatch* const batch = services_.batch()) batch->forget(*this);
  for (const int fd : {in_.get(), out_.get(), control_.get()}) {
    if (fd >= 0) loop_.unwatch(fd);
  }
}

Status Client::start() {
  if (control_.valid()) {
    RTT_TRY(loop_.watch(control_.get(), os::kReadable, [this](std::uint32_t) {
      std::array<std::byte, 64> buffer{};
      const auto got = os::receive(control_.get(), buffer);
      if (!got || got->closed) end(1);
    }));
  }
  return loop_.watch(in_.get(), os::kReadable, [this](std::uint32_t) { read_input(); });
}

bool Client::sees(std::string_view ns) const {
  if (!catalog_) return false;
  return std::find(catalog_->servers.begin(), catalog_->servers.end(), ns) != catalog_->servers.end();
}

void Client::read_input() {
  services_.refresh();
  const WriteBatch::Scope batched(services_.batch());
  for (int i = 0; i < kReadsPerRound && phase_ == Phase::kOpen; ++i) {
    const MutableBytes room = stream_.room();
    const auto got = os::read_nowait(in_.get(), room);
    if (!got || got->closed) {
      input_ended();
      return;
    }
    stream_.commit(got->bytes);
    take_lines();
    if (got->would_block || got->bytes < room.size()) return;
  }
}

void Client::take_lines() {
  while (phase_ == Phase::kOpen) {
    const auto item = stream_.next();
    if (!item) break;
    perform(item->overlong_bytes > 0 ? session_.on_overlong(item->overlong_bytes)
                                     : session_.on_line(item->line));
  }
  pace_input();
}

void Client::input_ended() {
  if (const auto rest = stream_.rest(); rest && phase_ == Phase::kOpen && !rest->line.empty()) {
    perform(session_.on_line(rest->line));
  }
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kDraining;
  loop_.unwatch(in_.get());
  watch_output();  // its reader going away ends the wait
  decline_asks();
  end_if_drained();
}

void Client::pace_input() {
  if (phase_ != Phase::kOpen) return;
  const bool reading = loop_.watching(in_.get());
  if (reading && outbox_.bytes() > kPauseAt) {
    loop_.unwatch(in_.get());
  } else if (!reading && outbox_.bytes() < kResumeAt) {
    const Status watched = loop_.watch(in_.get(), os::kReadable, [this](std::uint32_t) { read_input(); });
    if (!watched) end(1);
  }
}

void Client::perform(ClientActions actions) {
  for (ClientAction& action : actions) {
    if (phase_ == Phase::kOver) return;
    std::visit(Overloaded{
                   [&](emit::Send& send) { write_line(send.line); },
                   [&](emit::Identify& who) {
                     if (label_.empty()) label_ = who.name;
                     address_ = to_string(client_address(label_));
                     capabilities_ = std::move(who.capabilities);
                     catalog_ = services_.catalog_for(*this);
                     perform(session_.identified(catalog_));
                   },
                   [&](emit::Forward& call) { forward(call); },
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
                     level_ = level.params;
                     for (Backend* const own : services_.backends(*this)) own->set_log_level(level_);
                   },
               },
               action);
  }
}

void Client::catalog_changed() {
  if (!session_.is_identified() || phase_ == Phase::kOver) return;
  catalog_ = services_.catalog_for(*this);
  perform(session_.on_catalog(catalog_));
}

void Client::forward(emit::Forward& forward) {
  const Instant now = os::now();
  Asked asked{.address = std::move(forward.address),
              .method = forward.method,
              .in_bytes = forward.params.size(),
              .started = now};
  asked.backend = services_.backend(*this, forward.ns);
  if (asked.backend && !subscribe(forward, *asked.backend)) {
    write_line(session_.on_reply(forward.key, act::Reply::Kind::kResult, "{}"));
    return;
  }
  Result<BackendTicket> ticket =
      fail(Code::kServerGone, "server '" + forward.ns + "' is no longer accepted here");
  if (asked.backend) {
    ticket = asked.backend->call({.method = std::move(forward.method),
                                  .params = std::move(forward.params),
                                  .kind = forward.kind,
                                  .item = std::move(forward.item),
                                  .deadline = now + nanos_from_ms(kClientCallMs),
                                  .user = this,
                                  .token = forward.key});
  }
  if (!ticket) {
    record(asked, CallRecord::Outcome::kFailure, ticket.error().code, 0);
    write_line(session_.on_failure(forward.key, ticket.error()));
    return;
  }
  asked.ticket = *ticket;
  asked_.set(forward.key, std::move(asked));
}

void Client::on_notice(std::string_view method, std::string_view params) {
  if (phase_ == Phase::kOpen) write_line(session_.on_notice(method, params));
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

void Client::on_backend_ask(Backend& backend, AskKey key, std::string_view method, std::string_view params) {
  if (phase_ != Phase::kOpen) {
    backend.answer(key, act::Reply::Kind::kError, gone_error());
    return;
  }
  const CallKey own = next_ask_++;
  asks_.set(own, {&backend, key});
  write_line(session_.ask(own, method, params));
}

void Client::on_backend_ask_withdrawn(Backend& backend, AskKey key, std::string_view params) {
  for (const auto& [own, ask] : asks_) {
    if (ask.backend != &backend || ask.key != key) continue;
    const CallKey gone = own;
    asks_.erase(gone);
    write_line(session_.ask_withdrawn(gone, params));
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
    write_line(session_.ask_withdrawn(own, {}));
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
  record(*asked, CallRecord::Outcome::kFailure, Code::kCancelled, 0);
  asked_.erase(key);
  end_if_drained();
}

void Client::on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) {
  const Asked* const asked = asked_.find(token);
  if (!asked) return;
  const bool result = kind == act::Reply::Kind::kResult;
  const bool tool_error = result && asked->method == "tools/call" && is_tool_error(payload);
  record(*asked,
         !result      ? CallRecord::Outcome::kRpcError
         : tool_error ? CallRecord::Outcome::kToolError
                      : CallRecord::Outcome::kResult,
         Code::kToolFailed, payload.size());
  asked_.erase(token);
  write_line(session_.on_reply(token, kind, payload));
  end_if_drained();
}

void Client::on_backend_failure(std::uint64_t token, const Error& why) {
  const Asked* const asked = asked_.find(token);
  if (!asked) return;
  record(*asked, CallRecord::Outcome::kFailure, why.code, 0);
  asked_.erase(token);
  write_line(session_.on_failure(token, why));
  end_if_drained();
}

void Client::on_backend_progress(std::uint64_t token, std::string_view params) {
  write_line(session_.on_progress(token, params));
}

void Client::record(const Asked& asked, CallRecord::Outcome outcome, Code code, std::size_t out_bytes) {
  services_.record({.ts = os::wall_now(),
                    .who = address_,
                    .to = asked.address,
                    .method = asked.method,
                    .outcome = outcome,
                    .code = code,
                    .latency = os::now() - asked.started,
                    .in_bytes = asked.in_bytes,
                    .out_bytes = out_bytes});
}

void Client::write_line(std::string_view line) {
  if (line.empty() || phase_ == Phase::kOver) return;
  WriteBatch* const batch = services_.batch();
  const bool later = batch != nullptr && batch->open();
  if (const Status written = later ? outbox_.keep(line) : outbox_.write(out_.get(), line); !written) {
    end(1);
  } else if (later) {
    batch->add(*this);
  } else if (!outbox_.empty()) {
    watch_output();
  }
}

void Client::watch_output() {
  const std::uint32_t interest = outbox_.empty() ? 0U : std::uint32_t{os::kWritable};
  if (loop_.watching(out_.get())) {
    loop_.change(out_.get(), interest);
    return;
  }
  const Status watched = loop_.watch(out_.get(), interest, [this](std::uint32_t ready) {
    if ((ready & os::kWritable) != 0) {
      flush_output();
    } else if ((ready & os::kHangup) != 0) {
      end(1);  // nobody reads its stdout any more
    }
  });
  if (!watched) end(1);
}

void Client::flush_output() {
  if (phase_ == Phase::kOver) return;
  if (const Status flushed = outbox_.flush(out_.get()); !flushed) {
    end(1);
    return;
  }
  if (!outbox_.empty() || phase_ == Phase::kDraining) {
    watch_output();
  } else {
    loop_.unwatch(out_.get());
  }
  pace_input();
  end_if_drained();
}

void Client::end_if_drained() {
  if (phase_ == Phase::kDraining && asked_.empty() && outbox_.empty()) end(0);
}

void Client::end(int status) {
  if (phase_ == Phase::kOver) return;
  phase_ = Phase::kOver;
  decline_asks();
  const FlatMap<CallKey, Asked> asked = std::exchange(asked_, {});
  for (const auto& [key, call] : asked) {
    call.backend->cancel(call.ticket, "the client went away");
    record(call, CallRecord::Outcome::kFailure, Code::kCancelled, 0);
  }
  for (const int fd : {in_.get(), out_.get(), control_.get()}) {
    if (fd >= 0) loop_.unwatch(fd);
  }
  if (control_.valid()) {
    const std::string line = text::to_json(text::Json::object({{"status", status}})) + "\n";
    (void)os::send(control_.get(), as_bytes(line));  // if nobody listens, nobody needs it
  }
  services_.client_gone(*this);
}

}  // namespace rtt::mcp
