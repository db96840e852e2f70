// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/backend_session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "mcp/wire/line_stream.h"
#include "model/limits.h"

namespace rtt::mcp {
namespace {

std::string logs_hint(std::string_view name) { return "rtt mcp logs " + std::string(name); }

// `params` with the client's progressToken replaced by our key, so that progress finds its way back.
std::string with_own_token(std::string_view params, RequestKey key) {
  const auto token = progress_token(params);
  return token ? spliced(params, *token, std::to_string(key)) : std::string(params);
}

}  // namespace

void BackendSession::fail(BackendActions& out, Error why) {
  if (phase_ == Phase::kOver) return;
  phase_ = Phase::kOver;
  for (const auto& [key, call] : calls_) out.emplace_back(act::Failure{key, why});
  calls_.clear();
  tries_.clear();
  out.emplace_back(act::Failed{.why = std::move(why)});
}

BackendActions BackendSession::start(Opening opening, Instant now) {
  RTT_ASSERT(phase_ == Phase::kNew);
  phase_ = Phase::kGreeting;
  start_limit_ = now + nanos_from_ms(limits::kServerStartMs);
  BackendActions out;
  on_greeting(out, greeting_.begin(opening, now), now);
  return out;
}

void BackendSession::on_greeting(BackendActions& out, Greeting::Step step, Instant now) {
  if (step.outcome && *step.outcome && (*step.outcome)->era == Era::kLegacy)
    out.emplace_back(act::Joined{{{"MCP-Protocol-Version", (*step.outcome)->info.protocol}}});
  for (Greeting::Said& said : step.said) {
    const bool modern = side_.headers && said.method == "server/discover";
    out.emplace_back(
        act::Send{std::move(said.line), modern ? modern_headers(said.method, {}) : MessageHeaders{}});
  }
  if (!step.outcome) return;
  if (!*step.outcome) {
    fail(out, std::move(*step.outcome).error());
    return;
  }
  era_ = (*step.outcome)->era;
  info_ = std::move((*step.outcome)->info);
  phase_ = Phase::kListing;
  // Before the lists, so no change is missed.
  if (era_ == Era::kModern) {
    for (act::Send& send : listen()) out.emplace_back(std::move(send));
  }
  for (std::size_t i = 0; i < kListCount; ++i) {
    if (offers(static_cast<List>(i))) relist(out, static_cast<List>(i), now);
  }
  if (!listing()) {
    phase_ = Phase::kReady;
    out.emplace_back(act::Ready{});
  }
}

BackendActions BackendSession::on_line(std::string_view line, Instant now) {
  BackendActions out;
  if (phase_ == Phase::kOver || phase_ == Phase::kNew) return out;
  Message message = classify(line);
  switch (message.kind) {
    case MessageKind::kInvalid:
      ++counters_.junk_lines;
      on_unreadable(out, message, line);
      break;
    case MessageKind::kRequest:
      on_request(out, message);
      break;
    case MessageKind::kNotification:
      on_notification(out, message, now);
      break;
    case MessageKind::kResult:
    case MessageKind::kError:
      on_reply(out, message, now);
      break;
  }
  return out;
}

// What a server prints is junk; but what bears the id of a request was meant to be its answer.
void BackendSession::on_unreadable(BackendActions& out, const Message& message, std::string_view line) {
  const std::size_t edge = std::min(line.size(), LineStream::kEdgeBytes);
  const std::string_view head = line.substr(0, edge), tail = line.substr(line.size() - edge);
  if (head.find("\"jsonrpc\"") == std::string_view::npos &&
      tail.find("\"jsonrpc\"") == std::string_view::npos)
    return;
  const auto raw = message.id.empty() ? id_from_ends(head, tail) : std::optional(message.id);
  const auto id = raw ? own_id(*raw) : std::nullopt;
  if (!id) return;
  Error why{.code = Code::kServerProtocol,
            .message = "server '" + name_ + "' answered with what is no JSON-RPC message" +
                       (message.fault == Fault::kSyntax
                            ? ": no JSON, or nested deeper than " + std::to_string(kRpcDepthMax)
                            : ""),
            .hint = "rtt mcp logs " + name_};
  if (const RequestKey key = call_of(std::to_string(*id)); key != 0) {
    withdraw_asks(out, key);
    drop_call(key);
    out.emplace_back(act::Failure{key, std::move(why)});
  } else if (phase_ == Phase::kGreeting || phase_ == Phase::kListing) {
    fail(out, std::move(why));
  }
}

BackendActions BackendSession::on_overlong(std::size_t byte_count, std::optional<std::uint64_t> id) {
  BackendActions out;
  ++counters_.overlong_lines;
  Error why{.code = Code::kTooLarge,
            .message = "server '" + name_ + "' answered with " + std::to_string(byte_count) +
                       " bytes; one message may have " + std::to_string(limits::kMcpLineBytesMax),
            .hint = "ask the tool for less at a time"};
  const RequestKey key = id ? call_of(std::to_string(*id)) : 0;
  if (key != 0) {
    drop_call(key);
    out.emplace_back(act::Failure{key, std::move(why)});
  } else if (!id && calls_.size() == 1) {  // it can only be that one's
    const RequestKey only = calls_.begin()->first;
    drop_call(only);
    out.emplace_back(act::Failure{only, std::move(why)});
  } else if (phase_ == Phase::kGreeting || phase_ == Phase::kListing) {
    fail(out, std::move(why));
  }
  return out;
}

BackendActions BackendSession::on_unanswered(std::uint64_t id, const Error& why, Instant now) {
  BackendActions out;
  if (const RequestKey key = call_of(std::to_string(id)); key != 0) {
    withdraw_asks(out, key);
    drop_call(key);
    out.emplace_back(act::Failure{key, why});
    return out;
  }
  // One of our own: the same as if the server had refused it.
  return on_line(error_line(std::to_string(id), error_object(RpcCode::kBackend, why.message)), now);
}

BackendActions BackendSession::on_tick(Instant now) {
  BackendActions out;
  if ((phase_ == Phase::kGreeting || phase_ == Phase::kListing) && now >= start_limit_) {
    const bool greeted = phase_ == Phase::kListing;
    fail(out, Error{.code = Code::kServerStart,
                    .message = "server '" + name_ + "' did not " +
                               (greeted ? "list what it offers" : "answer initialize") + " within " +
                               std::to_string(limits::kServerStartMs / 1000) + " s",
                    .hint = logs_hint(name_)});
    std::get<act::Failed>(out.back()).late = true;
    return out;
  }
  if (phase_ == Phase::kGreeting) on_greeting(out, greeting_.on_tick(now), now);
  for (std::size_t i = 0; i < kListCount && phase_ == Phase::kReady; ++i) {
    const Listing& list = lists_[i];
    if (now < list.deadline || !(list.under_way || list.unknown)) continue;
    list.under_way ? lose_list(out, static_cast<List>(i), now) : relist(out, static_cast<List>(i), now);
  }
  expire_calls(out, now);
  return out;
}

void BackendSession::expire_calls(BackendActions& out, Instant now) {
  std::vector<RequestKey> expired;
  for (const auto& [key, call] : calls_) {
    if (now >= call.deadline) expired.push_back(key);
  }
  for (const RequestKey key : expired) {
    const std::uint64_t wire = calls_.find(key)->wire;
    withdraw_asks(out, key);
    drop_call(key);
    out.emplace_back(withdrawal(wire, "deadline passed"));
    out.emplace_back(act::Failure{key, Error{.code = Code::kDeadline,
                                             .message = "server '" + name_ + "' did not answer in time",
                                             .hint = logs_hint(name_)}});
  }
}

BackendActions BackendSession::on_closed(const Error& why) {
  BackendActions out;
  fail(out, why);
  return out;
}

Result<BackendSession::Submitted> BackendSession::request(std::string_view method, std::string_view params,
                                                          Instant deadline, Caller caller) {
  RTT_ASSERT(phase_ == Phase::kReady);
  if (calls_.size() >= limits::kMcpInFlightMax) return fail_busy();
  if (era_ == Era::kModern) return modern_request(method, params, deadline, caller);
  const RequestKey key = next_key_++;
  Submitted out{.key = key};
  if (caller.era == Era::kLegacy) {
    out.sends.push_back({request_line(key, method, with_own_token(params, key))});
  } else {
    auto own = legacy_params(method, params);
    if (!own) {
      out.answer = {act::Reply::Kind::kError, std::move(own).error()};
      return out;
    }
    // The server keeps one level for all calls: the lowest that was asked for.
    const bool lower = level_.empty() || log_rank(caller.log_level) < log_rank(level_);
    if (!caller.log_level.empty() && lower) {
      if (auto level = set_log_level(caller.log_level, deadline)) out.sends.push_back(*std::move(level));
    }
    out.sends.push_back({request_line(key, method, with_own_token(*own, key))});
  }
  calls_.set(key, {.deadline = deadline, .wire = key, .caller = caller.era, .method = std::string(method)});
  return out;
}

std::unexpected<Error> BackendSession::fail_busy() const {
  return rtt::fail(
      Code::kBusy,
      "server '" + name_ + "' already has " + std::to_string(limits::kMcpInFlightMax) + " requests under way",
      {}, "try again when some have been answered");
}

std::optional<act::Send> BackendSession::set_log_level(std::string_view level, Instant deadline) {
  level_ = level;
  if (era_ == Era::kModern || phase_ != Phase::kReady || !offers("logging")) return std::nullopt;
  if (calls_.size() >= limits::kMcpInFlightMax) return std::nullopt;
  const RequestKey key = next_key_++;
  calls_.set(key, {.deadline = deadline, .wire = key, .method = "logging/setLevel"});
  return act::Send{request_line(key, "logging/setLevel", R"({"level":)" + json_quoted(level) + "}")};
}

std::optional<act::Send> BackendSession::notification(std::string_view method,
                                                      std::string_view params) const {
  if (era_ == Era::kModern && method == "notifications/roots/list_changed") return std::nullopt;
  return act::Send{notification_line(method, params)};
}

bool BackendSession::drop_call(RequestKey key) {
  const Call* const call = calls_.find(key);
  if (!call) return false;
  if (call->wire != key) tries_.erase(std::uint64_t{call->wire});
  return calls_.erase(key);
}

RequestKey BackendSession::call_of(std::string_view id) const {
  const auto wire = own_id(id);
  if (!wire) return 0;
  const RequestKey* const again = tries_.find(*wire);
  const RequestKey key = again ? *again : *wire;
  const Call* const call = calls_.find(key);
  return call && call->wire == *wire ? key : 0;
}

BackendActions BackendSession::cancel(RequestKey key, std::string_view reason) {
  BackendActions out;
  const Call* const call = calls_.find(key);
  if (!call) return out;
  out.emplace_back(withdrawal(call->wire, reason));
  withdraw_asks(out, key);
  drop_call(key);
  return out;
}

// Over HTTP a modern request is withdrawn by closing the stream of its answer, and by nothing else.
act::Send BackendSession::withdrawal(std::uint64_t id, std::string_view reason) const {
  act::Send out{.line = {}, .ends = id};
  if (side_.headers && era_ == Era::kModern) return out;
  std::string params = R"({"requestId":)" + std::to_string(id);
  params.append(R"(,"reason":)").append(json_quoted(reason)).append("}");
  out.line = notification_line("notifications/cancelled", params);
  return out;
}

BackendActions BackendSession::answer(AskKey key, act::Reply::Kind kind, std::string_view payload) {
  BackendActions out;
  const Asked* const found = asks_.find(key);
  if (!found || phase_ == Phase::kOver) return out;
  const Asked asked = *found;
  asks_.erase(key);
  if (asked.call != 0) {
    take_input(out, asked, kind, payload);
  } else {
    out.emplace_back(act::Send{kind == act::Reply::Kind::kResult ? result_line(asked.id, payload)
                                                                 : error_line(asked.id, payload)});
  }
  return out;
}

BackendActions BackendSession::ask_progress(AskKey key, std::string_view params) const {
  BackendActions out;
  const Asked* const asked = asks_.find(key);
  const auto token = member(params, "progressToken");
  if (!asked || asked->token.empty() || !token) return out;
  out.emplace_back(
      act::Send{notification_line("notifications/progress", spliced(params, *token, asked->token))});
  return out;
}

std::optional<Instant> BackendSession::next_deadline() const {
  std::optional<Instant> next;
  const auto earlier = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (phase_ == Phase::kGreeting || phase_ == Phase::kListing) earlier(start_limit_);
  if (const auto patience = greeting_.next_deadline(); patience && phase_ == Phase::kGreeting)
    earlier(*patience);
  for (const Listing& list : lists_) {
    if (phase_ == Phase::kReady && (list.under_way || list.unknown)) earlier(list.deadline);
  }
  for (const auto& [key, call] : calls_) earlier(call.deadline);
  return next;
}

void BackendSession::on_request(BackendActions& out, const Message& message) {
  if (message.method == "ping") {
    out.emplace_back(act::Send{result_line(message.id, "{}")});
    return;
  }
  const bool passes = side_.answers && era_ == Era::kLegacy;
  if (passes && asks_.size() >= limits::kMcpInFlightMax) {
    const std::string busy =
        "Busy: " + std::to_string(limits::kMcpInFlightMax) + " requests wait for the client";
    out.emplace_back(act::Send{error_line(message.id, error_object(RpcCode::kBackend, busy))});
    return;
  }
  if (passes) {
    const AskKey key = next_ask_++;
    const auto token = progress_token(message.params);
    asks_.set(key, {.id = std::string(message.id), .token = std::string(token.value_or(std::string_view()))});
    out.emplace_back(
        act::Ask{.key = key, .method = message.method, .params = with_own_token(message.params, key)});
    return;
  }
  ++counters_.refused_requests;
  const std::string what = "Method not found: " + clipped(message.method);
  out.emplace_back(act::Send{error_line(message.id, error_object(RpcCode::kMethodNotFound, what))});
}

void BackendSession::on_notification(BackendActions& out, Message& message, Instant now) {
  const std::string& method = message.method;
  if (method == "notifications/progress") {
    const auto token = member(message.params, "progressToken");
    const RequestKey key = token ? call_of(*token) : 0;
    if (key != 0) out.emplace_back(act::Progress{key, message.params});
    return;
  }
  if (method == "notifications/cancelled") {
    const auto id = member(message.params, "requestId");
    if (id && own_id(*id) == listen_id_) listen_id_ = 0;
    for (const auto& [key, asked] : asks_) {
      if (!id || asked.call != 0 || asked.id != *id) continue;
      out.emplace_back(act::AskWithdrawn{key, message.params});
      asks_.erase(AskKey{key});
      return;
    }
    return;
  }
  if (method == "notifications/subscriptions/acknowledged") return;
  if (phase_ == Phase::kListing || phase_ == Phase::kReady) {
    if (method == "notifications/tools/list_changed") relist(out, List::kTools, now);
    if (method == "notifications/prompts/list_changed") relist(out, List::kPrompts, now);
    if (method == "notifications/resources/list_changed") {
      relist(out, List::kResources, now);
      relist(out, List::kTemplates, now);
    }
  }
  std::string_view params = message.params;
  if (era_ == Era::kModern && params.find("subscriptionId") != std::string_view::npos) {
    translated_ = edited_meta(params, {meta_key::kSubscription});
    params = translated_;
  }
  out.emplace_back(act::Notice{std::move(message.method), params});
}

void BackendSession::on_reply(BackendActions& out, const Message& message, Instant now) {
  const auto id = own_id(message.id);
  if (id && phase_ == Phase::kGreeting && greeting_.awaits(*id)) {
    on_greeting(out, greeting_.on_reply(*id, message.kind, message.payload), now);
    return;
  }
  for (std::size_t i = 0; id && i < kListCount; ++i) {
    if (lists_[i].under_way && lists_[i].key == *id) {
      on_page(out, static_cast<List>(i), message, now);
      return;
    }
  }
  if (id && *id == listen_id_ && listen_id_ != 0) {  // the server has ended the subscription
    listen_id_ = 0;
    return;
  }
  const RequestKey key = call_of(message.id);
  if (key == 0) {
    ++counters_.unknown_replies;
    return;
  }
  on_answer(out, key, message);
}

void BackendSession::on_answer(BackendActions& out, RequestKey key, const Message& message) {
  const Call& call = *calls_.find(key);
  const bool result = message.kind == MessageKind::kResult;
  std::string_view payload = message.payload;
  if (call.caller != era_) {
    if (era_ == Era::kModern && result) {
      const std::string type = result_type(payload);
      if (type == "input_required") return want_input(out, key, payload);
      if (type != "complete") return give_up(out, key, "with a result of the type '" + clipped(type) + "'");
    }
    translated_ = era_ == Era::kModern
                      ? (result ? legacy_result(payload) : legacy_error(call.method, payload))
                      : (result ? modern_result(call.method, payload) : modern_error(payload));
    payload = translated_;
  }
  drop_call(key);
  out.emplace_back(act::Reply{key, result ? act::Reply::Kind::kResult : act::Reply::Kind::kError, payload});
}

}  // namespace rtt::mcp
