// SPDX-License-Identifier: Apache-2.0
#include "drivers/json_wire.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "model/limits.h"
#include "text/utf8.h"

namespace rtt::drivers {
namespace {

using text::Json;

constexpr std::int64_t kEmpty = -32001, kNoLink = -32002, kBusy = -32003, kRefused = -32004;
constexpr std::int64_t kNoMethod = -32601;

Json link_value(const std::string& token) {
  auto value = text::parse_json(token);
  return value ? std::move(*value) : Json(token);
}

std::optional<std::string> link_token(const Json* link) {
  if (link == nullptr || (!link->is_string() && !link->is_int())) return std::nullopt;
  return text::to_json(*link);
}

void put_payload(Json& params, const std::string& payload) {
  if (text::find_invalid_utf8(payload) == std::string_view::npos) {
    params.set("payload", payload);
  } else {
    params.set("b64", to_base64(as_bytes(payload)));
  }
}

// The bytes of `payload` or `b64`, of which exactly one may be there.
std::optional<std::string> get_payload(const Json& object) {
  const Json* plain = object.find("payload");
  const Json* coded = object.find("b64");
  if ((plain == nullptr) == (coded == nullptr)) return std::nullopt;
  if (plain != nullptr) return plain->is_string() ? std::optional(plain->as_string()) : std::nullopt;
  if (!coded->is_string()) return std::nullopt;
  const auto bytes = from_base64(coded->as_string());
  return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
}

WireError::Kind kind_of(std::int64_t code) {
  switch (code) {
    case kEmpty:
      return WireError::Kind::kEmpty;
    case kNoLink:
      return WireError::Kind::kNoLink;
    case kBusy:
      return WireError::Kind::kBusy;
    case kRefused:
      return WireError::Kind::kRefused;
    case kNoMethod:
      return WireError::Kind::kUnknownVerb;
    default:
      return WireError::Kind::kFailed;
  }
}

WireMessage read_event(const Json& object) {
  const Json* params = object.find("params");
  if (object.string_or("method") != "evt") return junk_line("a request or notification other than evt");
  if (params == nullptr) return junk_line("evt without params");
  const auto link = link_token(params->find("link"));
  auto payload = get_payload(*params);
  if (!link || !payload) return junk_line("evt without a link and one payload");
  WireMessage message;
  message.kind = WireMessage::Kind::kEvent;
  message.link = *link;
  message.payload = std::move(*payload);
  return message;
}

std::unexpected<Error> malformed(WireVerb verb, std::string_view wants) {
  return fail(Code::kDriverProtocol,
              fmt::format("the driver's answer to {} has no {}", to_string(verb), wants));
}

void read_hello(const Json& body, WireResult& out) {
  out.version = body.int_or("ver", 0);
  out.name = body.string_or("name");
  out.language = body.string_or("language");
  if (body.bool_or("async", false)) out.order = WireResult::Order::kAnyOrder;
  out.push = WireResult::Push::kYes;
  if (const Json* methods = body.find("methods"); methods != nullptr && methods->is_array()) {
    for (const Json& method : methods->as_array()) {
      if (method.is_string()) out.methods.push_back(method.as_string());
    }
  }
}

}  // namespace

Result<std::string> JsonWire::encode(WireId id, const WireRequest& request) const {
  Json params = text::JsonObject{};
  switch (request.verb) {
    case WireVerb::kHello:
      params.set("ver", kDriverProtocolVersion);
      break;
    case WireVerb::kProbe:
      params.set("root", request.root);
      break;
    case WireVerb::kOpen:
      params.set("saddr", request.saddr);
      params.set("params", request.params.is_null() ? Json(text::JsonObject{}) : request.params);
      break;
    case WireVerb::kTx:
      put_payload(params, request.payload);
      [[fallthrough]];
    case WireVerb::kRx:
    case WireVerb::kHealth:
    case WireVerb::kClose:
      params.set("link", link_value(request.link));
      if (request.verb == WireVerb::kRx) params.set("timeout_ms", request.timeout_ms);
      break;
    case WireVerb::kBye:
      return std::string();
  }
  return within_line_limit(text::to_json(Json::object({{"id", id},
                                                       {"jsonrpc", "2.0"},
                                                       {"method", to_string(request.verb)},
                                                       {"params", std::move(params)}})) +
                           "\n");
}

WireMessage JsonWire::decode(std::string_view line) const {
  auto object = text::parse_json(line, {.bytes_max = limits::kDriverLineBytesMax});
  if (!object || !object->is_object()) return junk_line("no JSON object");
  if (object->string_or("jsonrpc") != "2.0") return junk_line("no JSON-RPC 2.0");
  if (object->find("method") != nullptr) return read_event(*object);
  const Json* id = object->find("id");
  if (id == nullptr || !id->is_int() || id->as_int() < 0) return junk_line("no id of ours");
  WireMessage message;
  message.id = static_cast<WireId>(id->as_int());
  const Json* result = object->find("result");
  const Json* error = object->find("error");
  if ((result == nullptr) == (error == nullptr)) return junk_line("neither a result nor an error");
  if (error != nullptr) {
    if (error->find("code") == nullptr) return junk_line("an error without a code");
    message.kind = WireMessage::Kind::kError;
    message.error = {.kind = kind_of(error->int_or("code", 0)),
                     .text = std::string(error->string_or("message")),
                     .hint = {}};
    return message;
  }
  message.kind = WireMessage::Kind::kReply;
  message.body = *result;
  return message;
}

Result<WireResult> JsonWire::result(const WireRequest& asked, const WireMessage& message) const {
  WireResult out;
  const Json& body = message.body;
  if (!body.is_object()) return malformed(asked.verb, "object as its result");
  switch (asked.verb) {
    case WireVerb::kHello:
      read_hello(body, out);
      break;
    case WireVerb::kProbe: {
      const Json* symbols = body.find("symbols");
      if (symbols == nullptr || !symbols->is_array()) return malformed(asked.verb, "array `symbols`");
      out.symbols = symbols->as_array();
      break;
    }
    case WireVerb::kOpen: {
      auto link = link_token(body.find("link"));
      if (!link) return malformed(asked.verb, "`link`, a string or an integer");
      out.link = std::move(*link);
      break;
    }
    case WireVerb::kTx:
      if (body.find("bytes") == nullptr || !body.find("bytes")->is_int())
        return malformed(asked.verb, "integer `bytes`");
      out.bytes = body.int_or("bytes", 0);
      break;
    case WireVerb::kRx: {
      auto payload = get_payload(body);
      if (!payload) return malformed(asked.verb, "string `payload` or base64 `b64`, exactly one");
      out.payload = std::move(*payload);
      break;
    }
    case WireVerb::kHealth: {
      const Json* ok = body.find("ok");
      if (ok == nullptr || !ok->is_bool()) return malformed(asked.verb, "boolean `ok`");
      out.lag_ms = body.int_or("lag_ms", 0);
      out.qdepth = body.int_or("qdepth", 0);
      if (!ok->as_bool()) out.health_error = body.string_or("err", "not well");
      break;
    }
    case WireVerb::kClose:
    case WireVerb::kBye:
      break;
  }
  return out;
}

}  // namespace rtt::drivers
