// SPDX-License-Identifier: Apache-2.0
// ServerSession, what the legacy era alone has: initialize, ping, the log level and the subscriptions of a
// session.
#include <utility>

#include "mcp/clients/server_session.h"

namespace rtt::mcp {
namespace {

void send_error(ClientActions& out, std::string_view id, RpcCode code, std::string_view message) {
  out.emplace_back(emit::Send{error_line(id, error_object(code, message))});
}

std::optional<std::string> text_member(std::string_view params, std::string_view key) {
  const auto raw = member(params, key);
  return raw ? decode_string(*raw) : std::nullopt;
}

}  // namespace

void ServerSession::legacy_request(ClientActions& out, const Request& request) {
  const std::string_view method = request.method;
  if (method == "ping") {
    out.emplace_back(emit::Send{result_line(request.id, "{}")});
  } else if (method == "initialize") {
    initialize(out, request);
  } else if (!initialized_) {
    send_error(out, request.id, RpcCode::kInvalidRequest, "Invalid request: initialize comes first");
  } else if ((method == "resources/subscribe" || method == "resources/unsubscribe") &&
             catalog_->offers_subscriptions) {
    read_resource(out, request);
  } else if (method == "logging/setLevel" && catalog_->offers_logging) {
    set_level(out, request);
  } else if (!route(out, request)) {
    send_error(out, request.id, RpcCode::kMethodNotFound,
               "Method not found: " + std::string(method.substr(0, 200)));
  }
}

void ServerSession::initialize(ClientActions& out, const Request& request) {
  if (initialized_ || !initialize_id_.empty()) {
    send_error(out, request.id, RpcCode::kInvalidRequest, "Invalid request: already initialized");
    return;
  }
  const auto wanted = text_member(request.params, "protocolVersion");
  if (!wanted) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: protocolVersion is missing");
    return;
  }
  protocol_ = speaks(*wanted) ? *wanted : std::string(kProtocolNewest);
  initialize_id_ = request.id;
  emit::Identify who;
  if (const auto info = member(request.params, "clientInfo")) {
    who.name = text_member(*info, "name").value_or("");
    who.version = text_member(*info, "version").value_or("");
  }
  const auto capabilities = member(request.params, "capabilities");
  who.capabilities = capabilities && capabilities->starts_with('{') ? *capabilities : "{}";
  out.emplace_back(std::move(who));
}

void ServerSession::set_level(ClientActions& out, const Request& request) {
  const auto name = text_member(request.params, "level");
  const int level = name ? log_rank(*name) : -1;
  if (level < 0) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: level is none of RFC 5424's");
    return;
  }
  level_ = level;
  out.emplace_back(emit::SetLevel{*name});
  out.emplace_back(emit::Send{result_line(request.id, "{}")});
}

}  // namespace rtt::mcp
