// SPDX-License-Identifier: Apache-2.0
// ServerSession, what the modern era alone has: requests that say who asks, server/discover,
// subscriptions/listen, and calls that wait for input.
#include <algorithm>
#include <array>
#include <utility>

#include "mcp/clients/server_session.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

// Of the legacy era, and no part of this one.
constexpr std::array<std::string_view, 5> kRemoved{"initialize", "ping", "logging/setLevel",
                                                   "resources/subscribe", "resources/unsubscribe"};
constexpr std::int64_t kDiscoverTtlMs = 60'000;

void send_error(ClientActions& out, std::string_view id, RpcCode code, std::string_view message) {
  out.emplace_back(emit::Send{error_line(id, error_object(code, message))});
}

std::string subscription_meta(std::string_view id) {
  return R"("_meta":{)" + json_quoted(meta_key::kSubscription) + ":" + std::string(id) + "}";
}

// Whether a client of these capabilities can be asked that; what it lacks otherwise, for people.
std::optional<std::string> lacks(std::string_view capabilities, std::string_view method,
                                 std::string_view params) {
  const std::string_view needed = method == "sampling/createMessage" ? "sampling"
                                  : method == "elicitation/create"   ? "elicitation"
                                  : method == "roots/list"           ? "roots"
                                                                     : "";
  if (needed.empty()) return "a client of protocol 2026-07-28 cannot be asked that";
  const auto has = member(capabilities, needed);
  if (!has) return "the client did not declare the capability " + std::string(needed);
  const auto mode = needed == "elicitation" ? member(params, "mode") : std::nullopt;
  if (mode == std::string_view(R"("url")") && !member(*has, "url"))
    return "the client did not declare the capability elicitation.url";
  return std::nullopt;
}

}  // namespace

bool ServerSession::known(const RequestMeta& meta) const {
  return catalog_ && client_info_ == meta.client_info && client_capabilities_ == meta.capabilities;
}

void ServerSession::modern_request(ClientActions& out, const Request& request, Instant now) {
  const auto meta = read_meta(request.params);
  if (!meta) {
    out.emplace_back(emit::Send{error_line(request.id, meta.error())});
    return;
  }
  if (std::ranges::find(kRemoved, request.method) != kRemoved.end()) {
    send_error(out, request.id, RpcCode::kMethodNotFound,
               "Method not found: " + std::string(request.method) + " is no part of protocol 2026-07-28");
    return;
  }
  // In a session that was initialized, who the client is stays as it was said there.
  if (!initialized_ && !known(*meta)) {
    held_ = Held{std::string(request.id), std::string(request.method), std::string(request.params)};
    out = introduce(*meta);
    return;
  }
  if (initialized_) client_capabilities_ = meta->capabilities;
  modern_serve(out,
               {.id = request.id,
                .params = request.params,
                .method = request.method,
                .era = Era::kModern,
                .log_level = meta->log_level},
               now);
}

ClientActions ServerSession::introduce(const RequestMeta& meta) {
  ClientActions out;
  if (known(meta)) return out;
  client_info_ = meta.client_info;
  client_capabilities_ = meta.capabilities;
  emit::Identify who{.name = {}, .version = {}, .capabilities = client_capabilities_};
  const auto text = [&](std::string_view key) {
    const auto raw = member(client_info_, key);
    return (raw ? decode_string(*raw) : std::nullopt).value_or("");
  };
  who.name = text("name");
  who.version = text("version");
  out.emplace_back(std::move(who));
  return out;
}

void ServerSession::modern_serve(ClientActions& out, const Request& request, Instant now) {
  if (request.method == "server/discover") {
    discover(out, request);
  } else if (request.method == "subscriptions/listen") {
    listen(out, request);
  } else if (parked_.is_own(request.params)) {
    resume(out, request, now);
  } else if (!route(out, request)) {
    send_error(out, request.id, RpcCode::kMethodNotFound,
               "Method not found: " + std::string(request.method.substr(0, 200)));
  }
}

void ServerSession::discover(ClientActions& out, const Request& request) const {
  using text::Json;
  Json versions(text::JsonArray{});
  for (const std::string_view one : kModernProtocols) versions.push(one);
  Json result = Json::object(
      {{"resultType", "complete"},
       {"supportedVersions", std::move(versions)},
       {"capabilities", capabilities_of(*catalog_, Era::kModern)},
       {"ttlMs", kDiscoverTtlMs},
       {"cacheScope", "private"},
       {"_meta",
        Json::object({{meta_key::kServerInfo, Json::object({{"name", kImplementationName},
                                                            {"title", "Relay Terminal Tool"},
                                                            {"version", kImplementationVersion}})}})}});
  if (!catalog_->instructions.empty()) result.set("instructions", catalog_->instructions);
  out.emplace_back(emit::Send{result_line(request.id, text::canonical_json(result))});
}

void ServerSession::listen(ClientActions& out, const Request& request) {
  const auto filter = member(request.params, "notifications");
  if (!filter || !filter->starts_with('{')) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: notifications is missing");
    return;
  }
  if (listens_.size() >= kListensMax) {
    send_error(out, request.id, RpcCode::kBackend,
               "Busy: " + std::to_string(kListensMax) + " subscriptions are open");
    return;
  }
  const auto wants = [&](std::string_view what) { return member(*filter, what) == std::string_view("true"); };
  Listening listening{.id = std::string(request.id),
                      .tools = wants("toolsListChanged"),
                      .prompts = wants("promptsListChanged") && catalog_->offers_prompts,
                      .resources = wants("resourcesListChanged") && catalog_->offers_resources,
                      .uris = {}};
  std::size_t held = 0;
  for (const auto& [key, other] : listens_) held += other.uris.size();
  const auto uris = text::parse_json(member(*filter, "resourceSubscriptions").value_or("[]"));
  std::vector<emit::Watch> watches;
  for (const text::Json& uri : uris && uris->is_array() ? uris->as_array() : text::JsonArray{}) {
    const auto entry = uri.is_string() && catalog_->offers_subscriptions
                           ? find_resource(*catalog_, uri.as_string()).entry
                           : std::nullopt;
    if (!entry || held + listening.uris.size() >= kListenUrisMax) continue;
    if (!listening.uris.insert(uri.as_string()).second) continue;
    watches.push_back({emit::Watch::Wish::kOn, uri.as_string(), entry->ns, entry->original, entry->address});
  }
  std::string agreed;
  const auto agree = [&agreed](const std::string& text) { agreed += (agreed.empty() ? "" : ",") + text; };
  if (listening.tools) agree(R"("toolsListChanged":true)");
  if (listening.prompts) agree(R"("promptsListChanged":true)");
  if (listening.resources) agree(R"("resourcesListChanged":true)");
  std::string list;
  for (const std::string& uri : listening.uris) list += (list.empty() ? "" : ",") + json_quoted(uri);
  if (!list.empty()) agree(R"("resourceSubscriptions":[)" + list + "]");
  const CallKey key = next_key_++;
  const std::string params = "{" + subscription_meta(request.id) + R"(,"notifications":{)" + agreed + "}}";
  listens_.set(key, std::move(listening));
  out.emplace_back(emit::Listen{key});
  out.emplace_back(
      emit::Send{notification_line("notifications/subscriptions/acknowledged", params), key, Part::kBefore});
  for (emit::Watch& watch : watches) out.emplace_back(std::move(watch));
}

void ServerSession::unlisten(ClientActions& out, CallKey key) {
  const std::set<std::string, std::less<>> uris = listens_.find(key)->uris;
  listens_.erase(key);
  out.emplace_back(emit::Unlisten{key});
  unwatch(out, uris);
}

void ServerSession::unwatch(ClientActions& out, const std::set<std::string, std::less<>>& uris) {
  for (const std::string& uri : uris) {
    const bool wanted =
        std::ranges::any_of(listens_, [&](const auto& other) { return other.second.uris.contains(uri); });
    const auto entry = wanted ? std::nullopt : find_resource(*catalog_, uri).entry;
    if (entry)
      out.emplace_back(emit::Watch{emit::Watch::Wish::kOff, uri, entry->ns, entry->original, entry->address});
  }
}

ClientActions ServerSession::end_listens() {
  ClientActions out;
  for (const auto& [key, listening] : std::exchange(listens_, {})) {
    out.emplace_back(emit::Send{
        result_line(listening.id, R"({"resultType":"complete",)" + subscription_meta(listening.id) + "}"),
        key, Part::kAnswer});
  }
  return out;
}

ClientActions ServerSession::ask_modern(CallKey ask, CallKey call, std::string_view method,
                                        std::string_view params, Instant now) {
  ClientActions out;
  const auto decline = [&](std::string_view why) {
    out.emplace_back(emit::Answered{
        ask, act::Reply::Kind::kError,
        error_object(RpcCode::kMethodNotFound,
                     "Method not found: " + std::string(method) + " (" + std::string(why) + ")")});
    return out;
  };
  if (!calls_.contains(call)) return decline("no call is under way for which the client could be asked");
  if (const auto lack = lacks(client_capabilities_, method, params)) return decline(*lack);
  const bool waits = parked_.waits(call);
  if (parked_.ask(call, ask, method, params) == ParkedCalls::Taken::kFull)
    return decline("as many calls as can wait for the client do");
  if (!waits) {
    const Call& asking = *calls_.find(call);
    const std::string result = parked_.hand_out(call, call_identity(asking.method, asking.params), now);
    out.emplace_back(emit::Send{result_line(asking.id, result), call, Part::kAnswer});
  }
  return out;
}

void ServerSession::resume(ClientActions& out, const Request& request, Instant now) {
  const std::string identity = call_identity(request.method, request.params);
  auto resumed = parked_.resume(identity, request.params, now);
  if (!resumed) {
    out.emplace_back(emit::Send{error_line(request.id, resumed.error())});
    return;
  }
  for (const ParkedCalls::Input& input : resumed->inputs) {
    out.emplace_back(emit::Answered{input.ask, act::Reply::Kind::kResult, std::string(input.response)});
  }
  if (parked_.wants_input(resumed->call)) {
    const std::string result = parked_.hand_out(resumed->call, identity, now);
    out.emplace_back(emit::Send{result_line(request.id, result)});
  } else if (resumed->answer) {
    out.emplace_back(emit::Send{R"({"jsonrpc":"2.0","id":)" + std::string(request.id) + "," +
                                *std::move(resumed->answer) + "}\n"});
  } else if (Call* const call = calls_.find(resumed->call)) {
    call->id = request.id;
    if (const auto token = progress_token(request.params)) call->token = *token;
    // Before the inputs reach the server, which may answer at once.
    out.insert(out.begin(), emit::Resume{resumed->call});
  }
}

// Nobody will answer what its server asked, perhaps for another call.
void ServerSession::drop_parked(ClientActions& out, CallKey call) {
  for (const CallKey ask : parked_.drop(call)) {
    out.emplace_back(emit::Answered{
        ask, act::Reply::Kind::kError,
        error_object(RpcCode::kBackend, "the client did not come back with the input asked for")});
  }
}

void ServerSession::give_up_parked(ClientActions& out, Instant now) {
  for (const CallKey key : parked_.expired(now)) {
    drop_parked(out, key);
    if (calls_.erase(key))
      out.emplace_back(emit::Withdraw{key, "the client did not come back with the input asked for"});
  }
}

}  // namespace rtt::mcp
