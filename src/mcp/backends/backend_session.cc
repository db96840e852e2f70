// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/backend_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "model/limits.h"
#include "text/json.h"

namespace rtt::mcp {
namespace {

struct ListNames {
  std::string_view method, member, capability;
};
// In the order of BackendSession::List.
constexpr std::array<ListNames, 4> kListNames{{
    {"tools/list", "tools", "tools"},
    {"resources/list", "resources", "resources"},
    {"resources/templates/list", "resourceTemplates", "resources"},
    {"prompts/list", "prompts", "prompts"},
}};
constexpr std::size_t kErrorTextMax = 500;  // of a server's own words in our errors

std::string clipped(std::string_view text) {
  if (text.size() <= kErrorTextMax) return std::string(text);
  std::size_t end = kErrorTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

// The server's own words of a JSON-RPC error object.
std::string words_of(std::string_view error) {
  const auto raw = member(error, "message");
  const auto message = raw ? decode_string(*raw) : std::nullopt;
  return clipped(message ? *message : error);
}

std::string logs_hint(std::string_view name) { return "rtt mcp logs " + std::string(name); }

std::string cancel_params(RequestKey key, std::string_view reason) {
  std::string params = R"({"requestId":)" + std::to_string(key);
  params.append(R"(,"reason":)").append(json_quoted(reason)).append("}");
  return params;
}

// `params` with the client's progressToken replaced by our key, so that progress finds its way back.
std::optional<std::string_view> token_of(std::string_view params) {
  if (params.find("progressToken") == std::string_view::npos) return std::nullopt;
  const auto meta = member(params, "_meta");
  return meta ? member(*meta, "progressToken") : std::nullopt;
}
std::string with_own_token(std::string_view params, RequestKey key) {
  const auto token = token_of(params);
  return token ? spliced(params, *token, std::to_string(key)) : std::string(params);
}

}  // namespace

void BackendSession::fail(BackendActions& out, Error why) {
  if (phase_ == Phase::kOver) return;
  phase_ = Phase::kOver;
  for (const auto& [key, deadline] : calls_) out.emplace_back(act::Failure{key, why});
  calls_.clear();
  out.emplace_back(act::Failed{std::move(why)});
}

BackendActions BackendSession::start(Instant now) {
  RTT_ASSERT(phase_ == Phase::kNew);
  phase_ = Phase::kInitializing;
  start_limit_ = now + nanos_from_ms(limits::kServerStartMs);
  initialize_key_ = next_key_++;
  std::string params = R"({"protocolVersion":)";
  params.append(json_quoted(kProtocolNewest)).append(R"(,"capabilities":)").append(side_.capabilities);
  params.append(R"(,"clientInfo":{"name":)");
  params.append(json_quoted(kImplementationName)).append(R"(,"version":)");
  params.append(json_quoted(kImplementationVersion)).append("}}");
  BackendActions out;
  out.emplace_back(act::Send{request_line(initialize_key_, "initialize", params)});
  return out;
}

BackendActions BackendSession::on_line(std::string_view line, Instant now) {
  BackendActions out;
  if (phase_ == Phase::kOver || phase_ == Phase::kNew) return out;
  Message message = classify(line);
  switch (message.kind) {
    case MessageKind::kInvalid:
      ++counters_.junk_lines;
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

BackendActions BackendSession::on_overlong(std::size_t byte_count, std::optional<std::uint64_t> id) {
  BackendActions out;
  ++counters_.overlong_lines;
  Error why{.code = Code::kTooLarge,
            .message = "server '" + name_ + "' answered with " + std::to_string(byte_count) +
                       " bytes; one message may have " + std::to_string(limits::kMcpLineBytesMax),
            .hint = "ask the tool for less at a time"};
  if (id && calls_.erase(*id)) {
    out.emplace_back(act::Failure{*id, std::move(why)});
  } else if (!id && calls_.size() == 1) {  // it can only be that one's
    const RequestKey key = calls_.begin()->first;
    calls_.clear();
    out.emplace_back(act::Failure{key, std::move(why)});
  } else if (phase_ == Phase::kInitializing || phase_ == Phase::kListing) {
    fail(out, std::move(why));
  }
  return out;
}

BackendActions BackendSession::on_tick(Instant now) {
  BackendActions out;
  if ((phase_ == Phase::kInitializing || phase_ == Phase::kListing) && now >= start_limit_) {
    const bool greeted = phase_ == Phase::kListing;
    fail(out, Error{.code = Code::kServerStart,
                    .message = "server '" + name_ + "' did not " +
                               (greeted ? "list what it offers" : "answer initialize") + " within " +
                               std::to_string(limits::kServerStartMs / 1000) + " s",
                    .hint = logs_hint(name_)});
    return out;
  }
  for (Listing& list : lists_) {
    if (phase_ == Phase::kReady && list.under_way && now >= list.deadline) list = Listing{};
  }
  std::vector<RequestKey> expired;
  for (const auto& [key, deadline] : calls_) {
    if (now >= deadline) expired.push_back(key);
  }
  for (const RequestKey key : expired) {
    calls_.erase(key);
    out.emplace_back(
        act::Send{notification_line("notifications/cancelled", cancel_params(key, "deadline passed"))});
    out.emplace_back(act::Failure{key, Error{.code = Code::kDeadline,
                                             .message = "server '" + name_ + "' did not answer in time",
                                             .hint = logs_hint(name_)}});
  }
  return out;
}

BackendActions BackendSession::on_closed(const Error& why) {
  BackendActions out;
  fail(out, why);
  return out;
}

Result<BackendSession::Submitted> BackendSession::request(std::string_view method, std::string_view params,
                                                          Instant deadline) {
  RTT_ASSERT(phase_ == Phase::kReady);
  if (calls_.size() >= limits::kMcpInFlightMax) {
    return fail_busy();
  }
  const RequestKey key = next_key_++;
  calls_.set(key, deadline);
  return Submitted{.key = key, .line = request_line(key, method, with_own_token(params, key))};
}

std::unexpected<Error> BackendSession::fail_busy() const {
  return rtt::fail(
      Code::kBusy,
      "server '" + name_ + "' already has " + std::to_string(limits::kMcpInFlightMax) + " requests under way",
      {}, "try again when some have been answered");
}

BackendActions BackendSession::cancel(RequestKey key, std::string_view reason) {
  BackendActions out;
  if (!calls_.erase(key)) return out;
  out.emplace_back(act::Send{notification_line("notifications/cancelled", cancel_params(key, reason))});
  return out;
}

BackendActions BackendSession::answer(AskKey key, act::Reply::Kind kind, std::string_view payload) {
  BackendActions out;
  const Asked* const asked = asks_.find(key);
  if (!asked || phase_ == Phase::kOver) return out;
  out.emplace_back(act::Send{kind == act::Reply::Kind::kResult ? result_line(asked->id, payload)
                                                               : error_line(asked->id, payload)});
  asks_.erase(key);
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
  if (phase_ == Phase::kInitializing || phase_ == Phase::kListing) earlier(start_limit_);
  for (const Listing& list : lists_) {
    if (phase_ == Phase::kReady && list.under_way) earlier(list.deadline);
  }
  for (const auto& [key, deadline] : calls_) earlier(deadline);
  return next;
}

void BackendSession::on_request(BackendActions& out, const Message& message) {
  if (message.method == "ping") {
    out.emplace_back(act::Send{result_line(message.id, "{}")});
    return;
  }
  if (side_.answers && asks_.size() >= limits::kMcpInFlightMax) {
    const std::string busy =
        "Busy: " + std::to_string(limits::kMcpInFlightMax) + " requests wait for the client";
    out.emplace_back(act::Send{error_line(message.id, error_object(RpcCode::kBackend, busy))});
    return;
  }
  if (side_.answers) {
    const AskKey key = next_ask_++;
    const auto token = token_of(message.params);
    asks_.set(key, {std::string(message.id), std::string(token.value_or(std::string_view()))});
    out.emplace_back(act::Ask{key, message.method, with_own_token(message.params, key)});
    return;
  }
  ++counters_.refused_requests;
  const std::string what = "Method not found: " + clipped(message.method);
  out.emplace_back(act::Send{error_line(message.id, error_object(RpcCode::kMethodNotFound, what))});
}

void BackendSession::on_notification(BackendActions& out, Message& message, Instant now) {
  if (message.method == "notifications/progress") {
    const auto token = member(message.params, "progressToken");
    const auto key = token ? own_id(*token) : std::nullopt;
    if (key && calls_.contains(*key)) out.emplace_back(act::Progress{*key, message.params});
    return;
  }
  if (message.method == "notifications/cancelled") {
    const auto id = member(message.params, "requestId");
    for (const auto& [key, asked] : asks_) {
      if (!id || asked.id != *id) continue;
      out.emplace_back(act::AskWithdrawn{key, message.params});
      asks_.erase(AskKey{key});
      return;
    }
    return;
  }
  if (phase_ == Phase::kListing || phase_ == Phase::kReady) {
    if (message.method == "notifications/tools/list_changed") relist(out, List::kTools, now);
    if (message.method == "notifications/prompts/list_changed") relist(out, List::kPrompts, now);
    if (message.method == "notifications/resources/list_changed") {
      relist(out, List::kResources, now);
      relist(out, List::kTemplates, now);
    }
  }
  out.emplace_back(act::Notice{std::move(message.method), message.params});
}

void BackendSession::on_reply(BackendActions& out, const Message& message, Instant now) {
  const auto key = own_id(message.id);
  if (key && phase_ == Phase::kInitializing && *key == initialize_key_) {
    on_initialized(out, message, now);
    return;
  }
  for (std::size_t i = 0; key && i < kListCount; ++i) {
    if (lists_[i].under_way && lists_[i].key == *key) {
      on_page(out, static_cast<List>(i), message, now);
      return;
    }
  }
  if (!key || !calls_.erase(*key)) {
    ++counters_.unknown_replies;
    return;
  }
  const auto kind =
      message.kind == MessageKind::kResult ? act::Reply::Kind::kResult : act::Reply::Kind::kError;
  out.emplace_back(act::Reply{*key, kind, message.payload});
}

void BackendSession::on_initialized(BackendActions& out, const Message& message, Instant now) {
  initialize_key_ = 0;
  if (message.kind == MessageKind::kError) {
    fail(out, Error{.code = Code::kServerStart,
                    .message = "server '" + name_ + "' refused initialize: " + words_of(message.payload),
                    .hint = logs_hint(name_)});
    return;
  }
  auto result = text::parse_json(message.payload, {.source_name = "initialize"});
  if (!result || !result->is_object()) {
    Error why{.code = Code::kServerProtocol,
              .message = "server '" + name_ + "' answered initialize with something unreadable"};
    if (!result) why.causes.push_back(result.error().message);
    fail(out, std::move(why));
    return;
  }
  const text::Json* const server = result->find("serverInfo");
  info_.protocol = result->string_or("protocolVersion");
  if (server) {
    info_.name = server->string_or("name");
    info_.version = server->string_or("version");
  }
  info_.instructions = result->string_or("instructions");
  const text::Json* const capabilities = result->find("capabilities");
  info_.capabilities = capabilities && capabilities->is_object() ? *capabilities : text::Json::object({});
  if (!speaks(info_.protocol)) {
    fail(out, Error{.code = Code::kServerProtocol,
                    .message = "server '" + name_ + "' speaks protocol '" + clipped(info_.protocol) +
                               "', which RTT does not"});
    return;
  }
  phase_ = Phase::kListing;
  out.emplace_back(act::Send{notification_line("notifications/initialized", {})});
  for (std::size_t i = 0; i < kListCount; ++i) {
    if (offers(static_cast<List>(i))) relist(out, static_cast<List>(i), now);
  }
  if (!listing()) {
    phase_ = Phase::kReady;
    out.emplace_back(act::Ready{});
  }
}

bool BackendSession::offers(List list) const {
  return info_.capabilities.find(kListNames[static_cast<std::size_t>(list)].capability) != nullptr;
}

bool BackendSession::listing() const {
  return std::any_of(std::begin(lists_), std::end(lists_),
                     [](const Listing& list) { return list.under_way; });
}

std::vector<text::Json>& BackendSession::stored(List list) {
  switch (list) {
    case List::kTools:
      return definitions_.tools;
    case List::kResources:
      return definitions_.resources;
    case List::kTemplates:
      return definitions_.templates;
    case List::kPrompts:
      break;
  }
  return definitions_.prompts;
}

void BackendSession::relist(BackendActions& out, List list, Instant now) {
  if (!offers(list)) return;
  Listing& state = lists_[static_cast<std::size_t>(list)];
  if (state.under_way) {  // pages already fetched may be of the old list
    state.again = true;
    return;
  }
  state = Listing{.under_way = true, .deadline = now + nanos_from_ms(limits::kServerStartMs)};
  ask_list(out, list, {});
}

void BackendSession::ask_list(BackendActions& out, List list, std::string_view cursor) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  state.key = next_key_++;
  const std::string params = cursor.empty() ? "" : R"({"cursor":)" + json_quoted(cursor) + "}";
  const std::string_view method = kListNames[static_cast<std::size_t>(list)].method;
  out.emplace_back(act::Send{request_line(state.key, method, params)});
}

void BackendSession::on_page(BackendActions& out, List list, const Message& message, Instant now) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const ListNames& names = kListNames[static_cast<std::size_t>(list)];
  if (message.kind == MessageKind::kError) {
    // A server may announce resources and not know templates; anything else it fails to list is a failed
    // start.
    const bool missing = member(message.payload, "code") == std::string_view("-32601");
    if (list == List::kTools || !missing) {
      if (phase_ == Phase::kListing) {
        fail(out, Error{.code = Code::kServerProtocol,
                        .message = "server '" + name_ + "' failed " + std::string(names.method) + ": " +
                                   words_of(message.payload),
                        .hint = logs_hint(name_)});
      } else {
        state = Listing{};
      }
      return;
    }
    finish_list(out, list, now);
    return;
  }
  auto cursor = take_page(list, message);
  if (!cursor) {
    if (phase_ == Phase::kListing) fail(out, std::move(cursor).error());
    state = Listing{};
  } else if (!cursor->empty()) {
    ask_list(out, list, *cursor);
  } else {
    finish_list(out, list, now);
  }
}

Result<std::string> BackendSession::take_page(List list, const Message& message) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const ListNames& names = kListNames[static_cast<std::size_t>(list)];
  const std::string context =
      "server '" + name_ + "' gave an unusable answer to " + std::string(names.method);
  auto page =
      text::parse_json(message.payload, {.source_name = names.method, .bytes_max = limits::kMcpLineBytesMax});
  if (!page) {
    Error why = std::move(page).error().in(context);
    why.code = Code::kServerProtocol;
    return std::unexpected(std::move(why));
  }
  const text::Json* const items = page->find(names.member);
  if (!items || !items->is_array()) {
    return rtt::fail(Code::kServerProtocol, context + ": no array '" + std::string(names.member) + "'");
  }
  for (const text::Json& item : items->as_array()) {
    if (!item.is_object()) return rtt::fail(Code::kServerProtocol, context + ": an entry is no object");
    if (state.items.size() >= limits::kMcpToolsPerServerMax) {
      return rtt::fail(Code::kLimit, "server '" + name_ + "' lists more than " +
                                         std::to_string(limits::kMcpToolsPerServerMax) + " " +
                                         std::string(names.member));
    }
    state.items.push_back(item);
  }
  const std::string_view next = page->string_or("nextCursor");
  if (!next.empty() && ++state.pages >= limits::kMcpPagesMax) {
    return rtt::fail(Code::kLimit, "server '" + name_ + "' answers " + std::string(names.method) +
                                       " in more than " + std::to_string(limits::kMcpPagesMax) + " pages");
  }
  return std::string(next);
}

void BackendSession::finish_list(BackendActions& out, List list, Instant now) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const bool again = state.again;
  stored(list) = std::move(state.items);
  state = Listing{};
  if (again) relist(out, list, now);
  if (listing()) return;
  if (phase_ == Phase::kListing) {
    phase_ = Phase::kReady;
    out.emplace_back(act::Ready{});
  } else {
    out.emplace_back(act::Listed{});
  }
}

}  // namespace rtt::mcp
