// SPDX-License-Identifier: Apache-2.0
// BackendSession towards a modern server: what its requests say of themselves, its input_required, its one
// subscription.
#include <algorithm>
#include <utility>

#include "mcp/backends/backend_session.h"
#include "model/limits.h"

namespace rtt::mcp {
namespace {

// Without a word of the client, a legacy server logs as it likes; most begin at info.
constexpr std::string_view kLevelUnsaid = "info";

std::string with_token(std::string_view params, std::uint64_t id) {
  const auto token = progress_token(params);
  return token ? spliced(params, *token, std::to_string(id)) : std::string(params);
}

}  // namespace

act::Send BackendSession::request_of(std::uint64_t id, std::string_view method,
                                     std::string_view params) const {
  act::Send send{request_line(id, method, params)};
  if (side_.headers && era_ == Era::kModern) {
    send.headers = modern_headers(method, params);
    if (method == "tools/call") mirror_arguments(send.headers, definitions_.tools, params);
  }
  return send;
}

act::Send BackendSession::own_request(std::uint64_t id, std::string_view method,
                                      std::string_view params) const {
  if (era_ == Era::kLegacy) return request_of(id, method, params);
  return request_of(id, method,
                    modern_params(method, params, {.capabilities = side_.capabilities}).value_or(""));
}

Result<BackendSession::Submitted> BackendSession::modern_request(std::string_view method,
                                                                 std::string_view params, Instant deadline,
                                                                 Caller caller) {
  if (method == "resources/subscribe" || method == "resources/unsubscribe") return watch(method, params);
  const RequestKey key = next_key_++;
  Submitted out{.key = key};
  Call call{.deadline = deadline, .wire = key, .caller = caller.era, .method = std::string(method)};
  std::string own(params);
  if (caller.era == Era::kLegacy) {
    const std::string_view level = !side_.answers || !offers("logging") ? std::string_view()
                                   : level_.empty()                     ? kLevelUnsaid
                                                                        : std::string_view(level_);
    auto said = modern_params(method, params, {.capabilities = side_.capabilities, .log_level = level});
    if (!said) {
      out.answer = {act::Reply::Kind::kError, std::move(said).error()};
      return out;
    }
    own = *std::move(said);
    call.retry = std::make_unique<Retry>(Retry{.params = own, .round = {}});
  }
  out.sends.push_back(request_of(key, method, with_token(own, key)));
  calls_.set(key, std::move(call));
  return out;
}

void BackendSession::give_up(BackendActions& out, RequestKey key, std::string why) {
  drop_call(key);
  out.emplace_back(act::Failure{key, Error{.code = Code::kServerProtocol,
                                           .message = "server '" + name_ + "' answered " + std::move(why),
                                           .hint = "rtt mcp logs " + name_}});
}

void BackendSession::want_input(BackendActions& out, RequestKey key, std::string_view result) {
  Call& call = *calls_.find(key);
  auto round = InputRound::read(result);
  if (!round) return give_up(out, key, "unusably: " + round.error());
  if (++call.retry->rounds > kInputRoundsMax) {
    return give_up(out, key, "for more input " + std::to_string(kInputRoundsMax) + " times over");
  }
  if (!side_.answers && !round->requests().empty())
    return give_up(out, key, "that it wants input of its client, and this caller gives none");
  if (asks_.size() + round->requests().size() > limits::kMcpInFlightMax)
    return give_up(out, key, "for more input than can wait for the client");
  call.retry->round = *std::move(round);
  const auto& requests = call.retry->round->requests();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const AskKey ask = next_ask_++;
    asks_.set(ask, {.id = {}, .token = {}, .call = key, .input = i});
    out.emplace_back(
        act::Ask{.key = ask, .call = key, .method = requests[i].method, .params = requests[i].params});
  }
  if (requests.empty()) call_again(out, key);
}

void BackendSession::take_input(BackendActions& out, const Asked& asked, act::Reply::Kind kind,
                                std::string_view payload) {
  Call* const call = calls_.find(asked.call);
  if (!call || !call->retry || !call->retry->round) return;
  if (kind == act::Reply::Kind::kError) {
    // A modern server can be told no error; without its input the call cannot go on, and the client knows
    // why.
    withdraw_asks(out, asked.call);
    drop_call(asked.call);
    translated_ = payload;
    out.emplace_back(act::Reply{asked.call, kind, translated_});
    return;
  }
  call->retry->round->answer(asked.input, payload);
  if (call->retry->round->complete()) call_again(out, asked.call);
}

void BackendSession::call_again(BackendActions& out, RequestKey key) {
  Call& call = *calls_.find(key);
  Retry& retry = *call.retry;
  retry.params = retry.round->retry(retry.params);
  retry.round.reset();
  if (call.wire != key) tries_.erase(std::uint64_t{call.wire});
  call.wire = next_key_++;
  tries_.set(call.wire, key);
  out.emplace_back(request_of(call.wire, call.method, with_token(retry.params, call.wire)));
}

void BackendSession::withdraw_asks(BackendActions& out, RequestKey key) {
  if (era_ == Era::kLegacy) return;
  std::vector<AskKey> gone;
  for (const auto& [ask, asked] : asks_) {
    if (asked.call == key) gone.push_back(ask);
  }
  for (const AskKey ask : gone) {
    asks_.erase(ask);
    out.emplace_back(act::AskWithdrawn{ask, {}});
  }
}

BackendSession::Submitted BackendSession::watch(std::string_view method, std::string_view params) {
  const auto raw = member(params, "uri");
  const std::string uri = (raw ? decode_string(*raw) : std::nullopt).value_or("");
  Submitted out{.key = next_key_++, .sends = {}, .answer = {{act::Reply::Kind::kResult, "{}"}}};
  if (method == "resources/unsubscribe") {
    if (watched_.erase(uri) == 0) return out;
  } else if (watched_.size() >= kResourceWatchesMax) {
    out.answer = {act::Reply::Kind::kError,
                  error_object(RpcCode::kBackend, "Busy: " + std::to_string(kResourceWatchesMax) +
                                                      " resources of this server are subscribed to")};
    return out;
  } else if (!watched_.insert(uri).second) {
    return out;
  }
  out.sends = listen();
  return out;
}

// Opens the subscription anew with all that is wanted; the one before it ends once this one is asked for.
std::vector<act::Send> BackendSession::listen() {
  const auto changes = [&](std::string_view capability) {
    const text::Json* const offered = info_.capabilities.find(capability);
    return offered != nullptr && offered->bool_or("listChanged", false);
  };
  std::string filter;
  const auto want = [&filter](std::string_view text) {
    filter += (filter.empty() ? "" : ",") + std::string(text);
  };
  if (changes("tools")) want(R"("toolsListChanged":true)");
  if (changes("prompts")) want(R"("promptsListChanged":true)");
  if (changes("resources")) want(R"("resourcesListChanged":true)");
  std::string uris;
  for (const std::string& uri : watched_) uris += (uris.empty() ? "" : ",") + json_quoted(uri);
  if (!uris.empty()) want(R"("resourceSubscriptions":[)" + uris + "]");
  const std::uint64_t before = std::exchange(listen_id_, 0);
  std::vector<act::Send> out;
  if (!filter.empty()) {
    listen_id_ = next_key_++;
    out.push_back(own_request(listen_id_, "subscriptions/listen", R"({"notifications":{)" + filter + "}}"));
  }
  if (before != 0) out.push_back(withdrawal(before, "subscribed anew"));
  return out;
}

}  // namespace rtt::mcp
