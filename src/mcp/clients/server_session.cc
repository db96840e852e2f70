// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/server_session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "mcp/clients/meta_tools.h"
#include "mcp/wire/era.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

void send_error(ClientActions& out, std::string_view id, RpcCode code, std::string_view message) {
  out.emplace_back(emit::Send{error_line(id, error_object(code, message))});
}

// The string member `key` of raw `params`, decoded.
std::optional<std::string> text_member(std::string_view params, std::string_view key) {
  const auto raw = sole_member(params, key);
  return raw ? decode_string(*raw) : std::nullopt;
}

std::string progress_token(std::string_view params) {
  if (params.find("progressToken") == std::string_view::npos) return {};
  const auto meta = member(params, "_meta");
  const auto token = meta ? member(*meta, "progressToken") : std::nullopt;
  return token ? std::string(*token) : std::string();
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

std::string initialize_result(const Catalog& catalog, std::string_view protocol) {
  using text::Json;
  const Json changes = Json::object({{"listChanged", true}});
  Json capabilities = catalog.sole_capabilities.is_object() ? catalog.sole_capabilities : Json::object({});
  capabilities.set("tools", changes);
  if (catalog.offers_prompts) capabilities.set("prompts", changes);
  if (catalog.offers_resources) {
    Json resources = changes;
    if (catalog.offers_subscriptions) resources.set("subscribe", true);
    capabilities.set("resources", std::move(resources));
  }
  if (catalog.offers_completions) capabilities.set("completions", Json::object({}));
  if (catalog.offers_logging) capabilities.set("logging", Json::object({}));
  Json result = Json::object({{"protocolVersion", protocol},
                              {"capabilities", std::move(capabilities)},
                              {"serverInfo", Json::object({{"name", kImplementationName},
                                                           {"title", "Relay Terminal Tool"},
                                                           {"version", kImplementationVersion}})}});
  if (!catalog.instructions.empty()) result.set("instructions", catalog.instructions);
  return text::canonical_json(result);
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

ClientActions ServerSession::on_message(const Message& message) {
  ClientActions out;
  switch (message.kind) {
    case MessageKind::kRequest:
      ++counters_.requests;
      on_request(out, message);
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

ClientActions ServerSession::on_overlong(std::size_t byte_count) {
  ++counters_.junk_lines;
  ClientActions out;
  send_error(out, {}, RpcCode::kInvalidRequest,
             "Invalid request: a message of " + std::to_string(byte_count) + " bytes; " +
                 std::to_string(limits::kMcpLineBytesMax) + " are the most");
  return out;
}

void ServerSession::on_request(ClientActions& out, const Message& message) {
  const std::string& method = message.method;
  if (method == "ping") {
    out.emplace_back(emit::Send{result_line(message.id, "{}")});
  } else if (method == "initialize") {
    initialize(out, message);
  } else if (!catalog_) {
    send_error(out, message.id, RpcCode::kInvalidRequest, "Invalid request: initialize comes first");
  } else if (method == "tools/call") {
    call_tool(out, message);
  } else if (method == "tools/list") {
    list(out, message, catalog_->tools_result);
  } else if (method == "resources/list" && catalog_->offers_resources) {
    list(out, message, catalog_->resources_result);
  } else if (method == "resources/templates/list" && catalog_->offers_resources) {
    list(out, message, catalog_->templates_result);
  } else if ((method == "resources/read" && catalog_->offers_resources) ||
             ((method == "resources/subscribe" || method == "resources/unsubscribe") &&
              catalog_->offers_subscriptions)) {
    read_resource(out, message);
  } else if (method == "logging/setLevel" && catalog_->offers_logging) {
    set_level(out, message);
  } else if (method == "prompts/list" && catalog_->offers_prompts) {
    list(out, message, catalog_->prompts_result);
  } else if (method == "prompts/get" && catalog_->offers_prompts) {
    call_item(out, message, ItemKind::kPrompt);
  } else if (method == "completion/complete" && catalog_->offers_completions) {
    complete(out, message);
  } else if (catalog_->sole) {
    pass_on(out, message);
  } else {
    send_error(out, message.id, RpcCode::kMethodNotFound, "Method not found: " + method.substr(0, 200));
  }
}

void ServerSession::initialize(ClientActions& out, const Message& message) {
  if (catalog_ || !initialize_id_.empty()) {
    send_error(out, message.id, RpcCode::kInvalidRequest, "Invalid request: already initialized");
    return;
  }
  const auto wanted = text_member(message.params, "protocolVersion");
  if (!wanted) {
    send_error(out, message.id, RpcCode::kInvalidParams, "Invalid params: protocolVersion is missing");
    return;
  }
  protocol_ = speaks(*wanted) ? *wanted : std::string(kProtocolNewest);
  initialize_id_ = message.id;
  emit::Identify who;
  if (const auto info = member(message.params, "clientInfo")) {
    who.name = text_member(*info, "name").value_or("");
    who.version = text_member(*info, "version").value_or("");
  }
  const auto capabilities = member(message.params, "capabilities");
  who.capabilities = capabilities && capabilities->starts_with('{') ? *capabilities : "{}";
  out.emplace_back(std::move(who));
}

ClientActions ServerSession::identified(std::shared_ptr<const Catalog> catalog) {
  RTT_ASSERT(!initialize_id_.empty() && catalog);
  catalog_ = std::move(catalog);
  ClientActions out;
  out.emplace_back(
      emit::Send{result_line(std::exchange(initialize_id_, {}), initialize_result(*catalog_, protocol_))});
  return out;
}

std::vector<std::string> ServerSession::on_catalog(std::shared_ptr<const Catalog> catalog) {
  std::vector<std::string> out;
  if (!catalog_) return out;
  const std::shared_ptr<const Catalog> before = std::exchange(catalog_, std::move(catalog));
  const auto tell = [&out](std::string_view method) { out.push_back(notification_line(method, {})); };
  if (before->tools_result != catalog_->tools_result) tell("notifications/tools/list_changed");
  if (before->offers_prompts && before->prompts_result != catalog_->prompts_result) {
    tell("notifications/prompts/list_changed");
  }
  if (before->offers_resources && (before->resources_result != catalog_->resources_result ||
                                   before->templates_result != catalog_->templates_result)) {
    tell("notifications/resources/list_changed");
  }
  return out;
}

void ServerSession::list(ClientActions& out, const Message& message, const std::string& result) const {
  if (message.params.find("\"cursor\"") != std::string_view::npos && member(message.params, "cursor")) {
    send_error(out, message.id, RpcCode::kInvalidParams,
               "Invalid params: unknown cursor (every list is one page)");
    return;
  }
  out.emplace_back(emit::Send{result_line(message.id, result)});
}

// search and describe are answered here; call becomes the call it stands for.
void ServerSession::call_meta(ClientActions& out, const Message& message, std::string_view name) {
  if (name != kCallTool) {
    const auto arguments = sole_member(message.params, "arguments");
    const std::string answer = meta_answer(*catalog_->index, name, arguments.value_or("{}"));
    out.emplace_back(emit::Send{result_line(message.id, answer)});
    return;
  }
  const Unwrapped call = unwrap_call(message.params);
  if (!call.complaint.empty()) {
    out.emplace_back(emit::Send{result_line(message.id, call.complaint)});
    return;
  }
  Message direct = message;
  direct.params = call.params;
  call_item(out, direct, ItemKind::kTool);
}

void ServerSession::call_tool(ClientActions& out, const Message& message) {
  if (catalog_->index) {
    const std::string name = text_member(message.params, "name").value_or("");
    if (std::ranges::find(kMetaTools, name) != kMetaTools.end()) return call_meta(out, message, name);
  }
  call_item(out, message, ItemKind::kTool);
}

void ServerSession::call_item(ClientActions& out, const Message& message, ItemKind kind) {
  const bool tool = kind == ItemKind::kTool;
  const auto raw_name = sole_member(message.params, "name");
  const auto name = raw_name ? decode_string(*raw_name) : std::nullopt;
  if (!name) {
    send_error(out, message.id, RpcCode::kInvalidParams, "Invalid params: name is missing or there twice");
    return;
  }
  const CatalogEntry* const entry = find_exposed(tool ? catalog_->tools : catalog_->prompts, *name);
  if (!entry) {
    if (tool) {
      refuse_unknown_tool(out, message, *name);
    } else {
      send_error(out, message.id, RpcCode::kInvalidParams,
                 "Invalid params: unknown prompt " + name->substr(0, 200));
    }
    return;
  }
  std::string params = entry->original == entry->exposed
                           ? std::string(message.params)
                           : spliced(message.params, *raw_name, json_quoted(entry->original));
  forward(out, message,
          {.ns = entry->ns,
           .kind = kind,
           .item = entry->original,
           .address = entry->address,
           .method = tool ? "tools/call" : "prompts/get",
           .params = std::move(params),
           .guard = entry->guard});
}

void ServerSession::refuse_unknown_tool(ClientActions& out, const Message& message,
                                        std::string_view name) const {
  for (const HiddenEntry& hidden : catalog_->hidden_tools) {
    if (hidden.exposed != name) continue;
    const Error why{
        .code = Code::kDenied,
        .message = "policy does not let this client call " + hidden.address + " (" + hidden.rule + ")",
        .where = hidden.rule,
        .hint = "rtt policy why " + catalog_->client + " " + hidden.address};
    out.emplace_back(emit::Send{error_line(message.id, rpc_error_of(why))});
    return;
  }
  std::string text = "Unknown tool: " + std::string(name.substr(0, 200));
  if (!catalog_->notice.empty()) text += ". " + catalog_->notice;
  send_error(out, message.id, RpcCode::kInvalidParams, text);
}

void ServerSession::read_resource(ClientActions& out, const Message& message) {
  const auto uri = text_member(message.params, "uri");
  if (!uri) {
    send_error(out, message.id, RpcCode::kInvalidParams, "Invalid params: uri is missing or there twice");
    return;
  }
  const CatalogEntry* const entry = find_resource(*catalog_, *uri);
  if (!entry) {
    send_error(out, message.id, RpcCode::kResourceNotFound, "Resource not found: " + uri->substr(0, 500));
    return;
  }
  forward(out, message,
          {.ns = entry->ns,
           .kind = entry->original == *uri ? ItemKind::kResource : ItemKind::kTemplate,
           .item = entry->original,
           .address = entry->address,
           .method = message.method,
           .params = std::string(message.params)});
}

void ServerSession::complete(ClientActions& out, const Message& message) {
  const auto ref = sole_member(message.params, "ref");
  const auto raw_name = ref ? sole_member(*ref, "name") : std::nullopt;
  const auto name = raw_name ? decode_string(*raw_name) : std::nullopt;
  const auto uri = ref ? text_member(*ref, "uri") : std::nullopt;
  const CatalogEntry* entry = nullptr;
  if (name) {
    entry = find_exposed(catalog_->prompts, *name);
  } else if (uri) {
    const auto same = [&](const CatalogEntry& candidate) { return candidate.original == *uri; };
    const auto at = std::find_if(catalog_->templates.begin(), catalog_->templates.end(), same);
    entry = at != catalog_->templates.end() ? &*at : find_resource(*catalog_, *uri);
  }
  if (!entry) {
    send_error(out, message.id, RpcCode::kInvalidParams, "Invalid params: nothing to complete for this ref");
    return;
  }
  std::string params(message.params);
  if (name && entry->original != entry->exposed)
    params = spliced(message.params, *raw_name, json_quoted(entry->original));
  forward(out, message,
          {.ns = entry->ns,
           .kind = name ? ItemKind::kPrompt : ItemKind::kTemplate,
           .item = entry->original,
           .address = entry->address,
           .method = "completion/complete",
           .params = std::move(params)});
}

void ServerSession::set_level(ClientActions& out, const Message& message) {
  const auto name = text_member(message.params, "level");
  const int level = name ? log_rank(*name) : -1;
  if (level < 0) {
    send_error(out, message.id, RpcCode::kInvalidParams, "Invalid params: level is none of RFC 5424's");
    return;
  }
  level_ = level;
  out.emplace_back(emit::SetLevel{*name});
  out.emplace_back(emit::Send{result_line(message.id, "{}")});
}

void ServerSession::pass_on(ClientActions& out, const Message& message) {
  forward(out, message,
          {.ns = catalog_->sole->ns,
           .kind = ItemKind::kResource,
           .item = {},
           .address = catalog_->sole->address,
           .method = message.method,
           .params = std::string(message.params)});
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
  out.emplace_back(
      emit::Answered{*key, result ? act::Reply::Kind::kResult : act::Reply::Kind::kError, message.payload});
}

std::string ServerSession::ask(CallKey key, std::string_view method, std::string_view params) {
  asks_.set(key, true);
  return request_line(key, method, params);
}

std::string ServerSession::ask_withdrawn(CallKey key, std::string_view params) {
  if (!asks_.erase(key)) return {};
  const auto id = member(params, "requestId");
  const std::string own = std::to_string(key);
  return notification_line("notifications/cancelled",
                           id ? spliced(params, *id, own) : R"({"requestId":)" + own + "}");
}

std::string ServerSession::on_notice(std::string_view method, std::string_view params) const {
  if (!catalog_ || stays_here(method)) return {};
  if (method == "notifications/message") {
    const auto name = text_member(params, "level");
    if (name && log_rank(*name) < level_) return {};
  }
  return notification_line(method, params);
}

void ServerSession::forward(ClientActions& out, const Message& message, emit::Forward forward) {
  if (calls_.size() >= limits::kMcpInFlightMax) {
    send_error(out, message.id, RpcCode::kBackend,
               "Busy: " + std::to_string(limits::kMcpInFlightMax) + " requests are under way");
    return;
  }
  for (const auto& [key, call] : calls_) {
    if (call.id != message.id) continue;
    send_error(out, message.id, RpcCode::kInvalidRequest, "Invalid request: this id is under way already");
    return;
  }
  forward.key = next_key_++;
  calls_.set(forward.key, {.id = std::string(message.id), .token = progress_token(message.params)});
  out.emplace_back(std::move(forward));
}

void ServerSession::on_cancelled(ClientActions& out, std::string_view params) {
  const auto id = member(params, "requestId");
  if (!id) return;
  for (const auto& [key, call] : calls_) {
    if (call.id != *id) continue;
    out.emplace_back(emit::Withdraw{key, text_member(params, "reason").value_or("the client cancelled it")});
    calls_.erase(CallKey{key});
    return;
  }
}

std::string ServerSession::on_reply(CallKey key, act::Reply::Kind kind, std::string_view payload) {
  const Call* const call = calls_.find(key);
  if (!call) return {};
  std::string line =
      kind == act::Reply::Kind::kResult ? result_line(call->id, payload) : error_line(call->id, payload);
  calls_.erase(key);
  return line;
}

std::string ServerSession::on_failure(CallKey key, const Error& why) {
  const Call* const call = calls_.find(key);
  if (!call) return {};
  std::string line = error_line(call->id, rpc_error_of(why));
  calls_.erase(key);
  return line;
}

std::string ServerSession::on_progress(CallKey key, std::string_view params) const {
  const Call* const call = calls_.find(key);
  const auto token = member(params, "progressToken");
  if (!call || call->token.empty() || !token) return {};
  return notification_line("notifications/progress", spliced(params, *token, call->token));
}

}  // namespace rtt::mcp
