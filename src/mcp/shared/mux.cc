// SPDX-License-Identifier: Apache-2.0
#include "mcp/shared/mux.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/limits.h"

namespace rtt::mcp {
namespace {

// Most talkative first.
constexpr std::array<std::string_view, 8> kLevels{"debug", "info",     "notice", "warning",
                                                  "error", "critical", "alert",  "emergency"};

std::optional<std::string> text_member(std::string_view params, std::string_view key) {
  const auto raw = member(params, key);
  return raw ? decode_string(*raw) : std::nullopt;
}

std::optional<std::string_view> token_of(std::string_view params) {
  if (params.find("progressToken") == std::string_view::npos) return std::nullopt;
  const auto meta = member(params, "_meta");
  return meta ? member(*meta, "progressToken") : std::nullopt;
}

std::string cancel_line(std::uint64_t key) {
  return notification_line("notifications/cancelled", R"({"requestId":)" + std::to_string(key) + "}");
}

}  // namespace

MuxSends Mux::on_client(MuxClient client, std::string_view line) {
  MuxSends out;
  const Message message = classify(line);
  if (message.kind == MessageKind::kRequest) {
    request(out, client, message);
  } else if (message.kind == MessageKind::kNotification) {
    const std::string& method = message.method;
    // Of one gateway alone: that it is ready, how its roots changed, what it answers to what was refused.
    const bool own = method == "notifications/initialized" || method == "notifications/progress" ||
                     method == "notifications/roots/list_changed";
    if (method == "notifications/cancelled") {
      cancelled(out, client, message.params);
    } else if (!own) {
      out.push_back({0, notification_line(method, message.params)});
    }
  } else {
    ++dropped_;
  }
  return out;
}

void Mux::request(MuxSends& out, MuxClient client, const Message& message) {
  if (message.method == "ping") {
    out.push_back({client, result_line(message.id, "{}")});
  } else if (message.method == "initialize") {
    initialize(out, client, message);
  } else if (absorbed(client, message)) {
    out.push_back({client, result_line(message.id, "{}")});
  } else {
    forward(out, client, message, false);
  }
}

void Mux::initialize(MuxSends& out, MuxClient client, const Message& message) {
  if (!greeting_.empty()) {
    clients_.set(client, true);
    out.push_back({client, result_line(message.id, greeting_)});
  } else if (std::exchange(greeted_, true)) {
    waiting_.emplace_back(client, message.id);
  } else {
    forward(out, client, message, true);
  }
}

// Whether the server need not hear of it, because another one's wish already covers or still needs it.
bool Mux::absorbed(MuxClient client, const Message& message) {
  if (message.method == "logging/setLevel") {
    const auto name = text_member(message.params, "level");
    const auto at = name ? std::ranges::find(kLevels, *name) : kLevels.end();
    if (at == kLevels.end()) return false;  // the server refuses it in its own words
    const int level = static_cast<int>(at - kLevels.begin());
    if (level_ >= 0 && level >= level_) return true;
    level_ = level;
    return false;
  }
  const bool off = message.method == "resources/unsubscribe";
  if (!off && message.method != "resources/subscribe") return false;
  const auto uri = text_member(message.params, "uri");
  if (!uri) return false;
  if (!off) {
    if (subscribed_.size() < kMuxSubscriptionsMax) subscribed_[*uri].insert(client);
    return false;
  }
  const auto at = subscribed_.find(*uri);
  if (at == subscribed_.end()) return false;
  at->second.erase(client);
  if (!at->second.empty()) return true;
  subscribed_.erase(at);
  return false;
}

void Mux::forward(MuxSends& out, MuxClient client, const Message& message, bool initialize) {
  if (asked_.size() >= limits::kMcpInFlightMax) {
    out.push_back(
        {client, error_line(message.id, error_object(RpcCode::kBackend, "Busy: the shared server owes " +
                                                                            std::to_string(asked_.size()) +
                                                                            " answers"))});
    return;
  }
  const std::uint64_t key = next_++;
  Asked asked{.client = client, .id = std::string(message.id), .token = {}, .initialize = initialize};
  std::string params(message.params);
  if (const auto token = token_of(message.params)) {
    asked.token = *token;
    params = spliced(message.params, *token, std::to_string(key));
  }
  asked_.set(key, std::move(asked));
  out.push_back({0, request_line(key, message.method, params)});
}

void Mux::cancelled(MuxSends& out, MuxClient client, std::string_view params) {
  const auto id = member(params, "requestId");
  if (!id) return;
  for (const auto& [key, asked] : asked_) {
    if (asked.client != client || asked.id != *id || asked.initialize) continue;
    const std::uint64_t gone = key;
    asked_.erase(gone);
    out.push_back(
        {0, notification_line("notifications/cancelled", spliced(params, *id, std::to_string(gone)))});
    return;
  }
}

MuxSends Mux::on_server(std::string_view line) {
  MuxSends out;
  const Message message = classify(line);
  switch (message.kind) {
    case MessageKind::kResult:
    case MessageKind::kError:
      answer(out, message);
      break;
    case MessageKind::kRequest:
      out.push_back({0, message.method == "ping"
                            ? result_line(message.id, "{}")
                            : error_line(message.id, error_object(RpcCode::kMethodNotFound,
                                                                  "a shared server has nobody to ask"))});
      break;
    case MessageKind::kNotification:
      notify(out, message);
      break;
    case MessageKind::kInvalid:
      ++dropped_;
      break;
  }
  return out;
}

void Mux::answer(MuxSends& out, const Message& message) {
  const auto key = own_id(message.id);
  Asked* const found = key ? asked_.find(*key) : nullptr;
  if (!found) {
    ++dropped_;
    return;
  }
  const Asked asked = std::move(*found);
  asked_.erase(std::uint64_t{*key});
  if (asked.client != 0) {
    const bool result = message.kind == MessageKind::kResult;
    out.push_back({asked.client,
                   result ? result_line(asked.id, message.payload) : error_line(asked.id, message.payload)});
  }
  if (asked.initialize) {
    if (asked.client != 0) clients_.set(asked.client, true);
    initialized(out, message);
  }
}

void Mux::initialized(MuxSends& out, const Message& message) {
  const auto waiting = std::exchange(waiting_, {});
  if (message.kind == MessageKind::kResult) {
    greeting_ = message.payload;
    out.push_back({0, notification_line("notifications/initialized", {})});
    for (const auto& [client, id] : waiting) {
      clients_.set(client, true);
      out.push_back({client, result_line(id, greeting_)});
    }
    return;
  }
  greeted_ = false;  // the next one may ask again
  for (const auto& [client, id] : waiting) out.push_back({client, error_line(id, message.payload)});
}

void Mux::notify(MuxSends& out, const Message& message) {
  if (message.method == "notifications/progress") {
    const auto token = member(message.params, "progressToken");
    const auto key = token ? own_id(*token) : std::nullopt;
    const Asked* const asked = key ? asked_.find(*key) : nullptr;
    if (asked && asked->client != 0 && !asked->token.empty()) {
      out.push_back(
          {asked->client, notification_line(message.method, spliced(message.params, *token, asked->token))});
    }
    return;
  }
  if (message.method == "notifications/cancelled") return;  // of what was refused at once
  const auto uri =
      message.method == "notifications/resources/updated" ? text_member(message.params, "uri") : std::nullopt;
  const auto wanted = uri ? subscribed_.find(*uri) : subscribed_.end();
  const std::string line = notification_line(message.method, message.params);
  for (const auto& [client, ready] : clients_) {
    if (!ready) continue;
    // An update of what nobody subscribed to here may be of a folder that somebody did: all hear of it.
    if (wanted == subscribed_.end() || wanted->second.contains(client)) out.push_back({client, line});
  }
}

MuxSends Mux::leave(MuxClient client) {
  MuxSends out;
  clients_.erase(client);
  std::erase_if(waiting_, [client](const auto& waits) { return waits.first == client; });
  std::vector<std::uint64_t> withdrawn;
  for (auto& [key, asked] : asked_) {
    if (asked.client != client) continue;
    if (asked.initialize) {
      asked.client = 0;  // others may wait for it
    } else {
      withdrawn.push_back(key);
    }
  }
  for (const std::uint64_t key : withdrawn) {
    asked_.erase(std::uint64_t{key});
    out.push_back({0, cancel_line(key)});
  }
  for (auto at = subscribed_.begin(); at != subscribed_.end();) {
    if (at->second.erase(client) == 0 || !at->second.empty()) {
      ++at;
      continue;
    }
    const std::uint64_t key = next_++;
    asked_.set(key, {});  // its answer is nobody's
    out.push_back(
        {0, request_line(key, "resources/unsubscribe", R"({"uri":)" + json_quoted(at->first) + "}")});
    at = subscribed_.erase(at);
  }
  return out;
}

}  // namespace rtt::mcp
