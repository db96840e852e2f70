// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/server_session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

void send_error(ClientActions& out, std::string_view id, RpcCode code, std::string_view message) {
  out.emplace_back(emit::Send{error_line(id, error_object(code, message))});
}

RpcCode rpc_code_of(const Error& why) {
  switch (exit_status(why.code)) {
    case Exit::kRefused:
      return RpcCode::kRefused;
    case Exit::kUsage:
      return RpcCode::kInvalidParams;
    case Exit::kDone:
    case Exit::kFailed:
    case Exit::kPending:
    case Exit::kRolledBack:
    case Exit::kNoPanel:
    case Exit::kCorrupt:
    case Exit::kGatewayLost:
      break;
  }
  return RpcCode::kBackend;
}

// Notifications that RTT itself gives, of its own lists, or that end in a session.
bool stays_here(std::string_view method) {
  return method.ends_with("/list_changed") || method == "notifications/cancelled" ||
         method == "notifications/progress" || method == "notifications/initialized";
}

}  // namespace

std::string rpc_error_of(const Error& why) {
  using text::Json;
  Json data = Json::object({{"code", code_name(why.code)}});
  if (!why.where.empty()) data.set("where", why.where);
  if (!why.hint.empty()) data.set("hint", why.hint);
  std::string message = why.message;
  for (const std::string& cause : why.causes) message += ": " + cause;
  if (!why.hint.empty()) message += ". Next: " + why.hint;
  return error_object(rpc_code_of(why), message, text::canonical_json(data));
}

text::Json capabilities_of(const Catalog& catalog, Era era) {
  using text::Json;
  const Json changes = Json::object({{"listChanged", true}});
  Json out = Json::object({});
  if (catalog.sole_capabilities.is_object()) {
    for (const auto& [name, value] : catalog.sole_capabilities.as_object()) {
      if (name == "tasks" && era == Era::kModern) continue;  // of the other era, as the extension is
      out.set(name, value);
    }
    Json extensions = Json::object({});
    const Json* const offered = catalog.sole_capabilities.find("extensions");
    if (offered && offered->is_object() && era == Era::kLegacy) {
      for (const auto& [name, value] : offered->as_object()) {
        if (name != "io.modelcontextprotocol/tasks") extensions.set(name, value);
      }
      out.set("extensions", std::move(extensions));
    }
  }
  out.set("tools", changes);
  if (catalog.offers_prompts) out.set("prompts", changes);
  if (catalog.offers_resources) {
    Json resources = changes;
    if (catalog.offers_subscriptions) resources.set("subscribe", true);
    out.set("resources", std::move(resources));
  }
  if (catalog.offers_completions) out.set("completions", Json::object({}));
  if (catalog.offers_logging) out.set("logging", Json::object({}));
  return out;
}

ClientActions ServerSession::on_message(const Message& message, Instant now) {
  ClientActions out;
  if (parked_.size() > 0) give_up_parked(out, now);
  switch (message.kind) {
    case MessageKind::kRequest:
      ++counters_.requests;
      on_request(out, message, now);
      break;
    case MessageKind::kNotification:
      on_notification(out, message);
      break;
    case MessageKind::kResult:
    case MessageKind::kError:
      on_answer(out, message);
      break;
    case MessageKind::kInvalid:
      ++counters_.junk_lines;
      if (message.fault == Fault::kSyntax) {
        send_error(out, {}, RpcCode::kParse, "Parse error: the line is not JSON");
      } else {
        send_error(out, message.id, RpcCode::kInvalidRequest,
                   "Invalid request: the line is no JSON-RPC 2.0 message");
      }
      break;
  }
  return out;
}

ClientActions ServerSession::on_overlong(std::size_t byte_count, std::string_view id) {
  ++counters_.junk_lines;
  ClientActions out;
  send_error(out, id, RpcCode::kInvalidRequest,
             "Invalid request: a message of " + std::to_string(byte_count) + " bytes; " +
                 std::to_string(limits::kMcpLineBytesMax) + " are the most");
  return out;
}

void ServerSession::on_request(ClientActions& out, const Message& message, Instant now) {
  const Request request{
      .id = message.id, .params = message.params, .method = message.method, .log_level = {}};
  const bool modern_only = message.method == "server/discover" || message.method == "subscriptions/listen";
  if (modern_only || names_version(message.params)) {
    modern_request(out, request, now);
  } else {
    legacy_request(out, request);
  }
}

ClientActions ServerSession::identified(std::shared_ptr<const Catalog> catalog, Instant now) {
  RTT_ASSERT(catalog != nullptr);
  catalog_ = std::move(catalog);
  ClientActions out;
  if (held_) {
    const Held held = *std::exchange(held_, std::nullopt);
    modern_request(out, {.id = held.id, .params = held.params, .method = held.method, .log_level = {}}, now);
    return out;
  }
  if (initialize_id_.empty()) return out;
  using text::Json;
  initialized_ = true;
  Json result = Json::object({{"protocolVersion", protocol_},
                              {"capabilities", capabilities_of(*catalog_, Era::kLegacy)},
                              {"serverInfo", Json::object({{"name", kImplementationName},
                                                           {"title", "Relay Terminal Tool"},
                                                           {"version", kImplementationVersion}})}});
  if (!catalog_->instructions.empty()) result.set("instructions", catalog_->instructions);
  out.emplace_back(emit::Send{result_line(std::exchange(initialize_id_, {}), text::canonical_json(result))});
  return out;
}

ClientActions ServerSession::on_catalog(std::shared_ptr<const Catalog> catalog) {
  if (!catalog_) return {};
  const std::shared_ptr<const Catalog> before = std::exchange(catalog_, std::move(catalog));
  return on_known(before->digests);
}

ClientActions ServerSession::on_known(const CatalogDigests& known) {
  ClientActions out;
  if (!catalog_) return out;
  const CatalogDigests& now = catalog_->digests;
  const auto tell = [&](std::string_view method, bool Listening::* wants) {
    if (initialized_) out.emplace_back(emit::Send{notification_line(method, {}), kNoCall, Part::kBefore});
    for (const auto& [key, listening] : listens_) {
      if (!(listening.*wants)) continue;
      const std::string params =
          R"({"_meta":{)" + json_quoted(meta_key::kSubscription) + ":" + listening.id + "}}";
      out.emplace_back(emit::Send{notification_line(method, params), key, Part::kBefore});
    }
  };
  if (known.tools != now.tools) tell("notifications/tools/list_changed", &Listening::tools);
  if (!known.prompts.is_zero() && known.prompts != now.prompts)
    tell("notifications/prompts/list_changed", &Listening::prompts);
  if (!known.resources.is_zero() && known.resources != now.resources)
    tell("notifications/resources/list_changed", &Listening::resources);
  return out;
}

void ServerSession::on_notification(ClientActions& out, const Message& message) {
  if (message.method == "notifications/cancelled") return on_cancelled(out, message.params);
  if (message.method == "notifications/progress") {
    const auto token = member(message.params, "progressToken");
    const auto key = token ? own_id(*token) : std::nullopt;
    if (key && asks_.contains(*key)) out.emplace_back(emit::AskProgress{*key, message.params});
    return;
  }
  const bool roots = message.method == "notifications/roots/list_changed";
  if (catalog_ && (roots || (catalog_->sole && !stays_here(message.method))))
    out.emplace_back(emit::Tell{message.method, message.params});
}

void ServerSession::on_answer(ClientActions& out, const Message& message) {
  const auto key = own_id(message.id);
  if (!key || !asks_.erase(*key)) {
    ++counters_.junk_lines;
    return;
  }
  const bool result = message.kind == MessageKind::kResult;
  out.emplace_back(emit::Answered{*key, result ? act::Reply::Kind::kResult : act::Reply::Kind::kError,
                                  std::string(message.payload)});
}

void ServerSession::on_cancelled(ClientActions& out, std::string_view params) {
  const auto id = member(params, "requestId");
  if (!id) return;
  for (const auto& [key, listening] : listens_) {
    if (listening.id == *id) return unlisten(out, CallKey{key});
  }
  for (const auto& [key, call] : calls_) {
    if (call.id != *id || parked_.waits(key)) continue;
    const auto why = member(params, "reason");
    out.emplace_back(
        emit::Withdraw{key, (why ? decode_string(*why) : std::nullopt).value_or("the client cancelled it")});
    drop_parked(out, key);
    calls_.erase(CallKey{key});
    return;
  }
}

ClientActions ServerSession::abandoned(CallKey key) {
  ClientActions out;
  if (listens_.contains(key)) {
    unlisten(out, key);
  } else if (calls_.contains(key) && !parked_.waits(key)) {
    drop_parked(out, key);
    calls_.erase(key);
    out.emplace_back(emit::Withdraw{key, "the client closed the stream of its answer"});
  }
  return out;
}

std::string ServerSession::on_reply(CallKey key, act::Reply::Kind kind, std::string_view payload) {
  const Call* const call = calls_.find(key);
  if (!call) return {};
  const bool result = kind == act::Reply::Kind::kResult;
  std::string line;
  if (parked_.waits(key)) {
    parked_.finish(key, result ? "result" : "error", payload);
  } else {
    line = result ? result_line(call->id, payload) : error_line(call->id, payload);
    (void)parked_.drop(key);  // what waits for the client keeps its asks; one that does not has none
  }
  calls_.erase(key);
  return line;
}

std::string ServerSession::on_failure(CallKey key, const Error& why) {
  return on_reply(key, act::Reply::Kind::kError, rpc_error_of(why));
}

std::string ServerSession::on_progress(CallKey key, std::string_view params) const {
  const Call* const call = calls_.find(key);
  const auto token = member(params, "progressToken");
  if (!call || call->token.empty() || !token || parked_.waits(key)) return {};
  return notification_line("notifications/progress", spliced(params, *token, call->token));
}

ClientActions ServerSession::ask(CallKey ask, CallKey call, std::string_view method, std::string_view params,
                                 Instant now) {
  const Call* const asking = calls_.find(call);
  if (asking ? asking->era == Era::kModern : !initialized_) return ask_modern(ask, call, method, params, now);
  asks_.set(ask, call);
  ClientActions out;
  out.emplace_back(emit::Send{request_line(ask, method, params), call, Part::kBefore});
  return out;
}

ClientActions ServerSession::ask_withdrawn(CallKey ask, std::string_view params) {
  ClientActions out;
  parked_.withdraw(ask);
  const CallKey* const found = asks_.find(ask);
  if (!found) return out;
  const CallKey call = *found;
  asks_.erase(ask);
  const auto id = member(params, "requestId");
  const std::string own = std::to_string(ask);
  out.emplace_back(
      emit::Send{notification_line("notifications/cancelled",
                                   id ? spliced(params, *id, own) : R"({"requestId":)" + own + "}"),
                 call, Part::kBefore});
  return out;
}

ClientActions ServerSession::on_notice(CallKey call, std::string_view method, std::string_view params) const {
  ClientActions out;
  if (!catalog_ || stays_here(method)) return out;
  const bool message = method == "notifications/message";
  const auto raw = message ? member(params, "level") : std::nullopt;
  const int level = raw ? log_rank(decode_string(*raw).value_or("")) : -1;
  if (method == "notifications/resources/updated") {
    const auto uri = member(params, "uri");
    const std::string updated = (uri ? decode_string(*uri) : std::nullopt).value_or("");
    for (const auto& [key, listening] : listens_) {
      if (!listening.uris.contains(updated)) continue;
      const std::string tag = json_quoted(meta_key::kSubscription) + ":" + listening.id;
      out.emplace_back(
          emit::Send{notification_line(method, edited_meta(params, {}, tag)), key, Part::kBefore});
    }
    call = kNoCall;
  }
  const Call* const asking = calls_.find(call);
  if (asking && asking->era == Era::kModern) {
    if (message && (asking->log_level.empty() || level < log_rank(asking->log_level))) return out;
    if (!parked_.waits(call))
      out.emplace_back(emit::Send{notification_line(method, params), call, Part::kBefore});
  } else if (initialized_ && !(message && raw && level < level_)) {
    out.emplace_back(emit::Send{notification_line(method, params), call, Part::kBefore});
  }
  return out;
}

}  // namespace rtt::mcp
