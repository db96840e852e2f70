// SPDX-License-Identifier: Apache-2.0
// ServerSession, the routes of both eras: which server a request goes to, and what is answered here.
#include <algorithm>
#include <utility>

#include "mcp/clients/meta_tools.h"
#include "mcp/clients/server_session.h"
#include "model/limits.h"

namespace rtt::mcp {
namespace {

// How long a modern client may keep a list. It changes when somebody accepts servers or changes the policy,
// which those who listen are told at once.
constexpr std::string_view kListDress = R"("resultType":"complete","ttlMs":60000,"cacheScope":"private")";

void send_error(ClientActions& out, std::string_view id, RpcCode code, std::string_view message) {
  out.emplace_back(emit::Send{error_line(id, error_object(code, message))});
}

// Methods whose subject has an address, and so rules: they reach a server by their own route or not at all.
bool is_governed(std::string_view method) {
  return method.starts_with("tools/") || method.starts_with("resources/") || method.starts_with("prompts/") ||
         method.starts_with("completion/");
}

// The string member `key` of raw `params`, decoded.
std::optional<std::string> text_member(std::string_view params, std::string_view key) {
  const auto raw = sole_member(params, key);
  return raw ? decode_string(*raw) : std::nullopt;
}

}  // namespace

bool ServerSession::route(ClientActions& out, const Request& request) {
  const std::string_view method = request.method;
  if (method == "tools/call") {
    call_tool(out, request);
  } else if (method == "tools/list") {
    list(out, request, catalog_->tools_result);
  } else if (method == "resources/list" && catalog_->offers_resources) {
    list(out, request, catalog_->resources_result);
  } else if (method == "resources/templates/list" && catalog_->offers_resources) {
    list(out, request, catalog_->templates_result);
  } else if (method == "resources/read" && catalog_->offers_resources) {
    read_resource(out, request);
  } else if (method == "prompts/list" && catalog_->offers_prompts) {
    list(out, request, catalog_->prompts_result);
  } else if (method == "prompts/get" && catalog_->offers_prompts) {
    call_item(out, request, ItemKind::kPrompt);
  } else if (method == "completion/complete" && catalog_->offers_completions) {
    complete(out, request);
  } else if (catalog_->sole && !is_governed(method)) {
    pass_on(out, request);
  } else {
    return false;
  }
  return true;
}

void ServerSession::list(ClientActions& out, const Request& request, const std::string& result) const {
  if (request.params.find("\"cursor\"") != std::string_view::npos && member(request.params, "cursor")) {
    send_error(out, request.id, RpcCode::kInvalidParams,
               "Invalid params: unknown cursor (every list is one page)");
    return;
  }
  std::string_view dressed = result;
  std::string modern;
  if (request.era == Era::kModern) {
    modern = edited(result, {}, kListDress);
    dressed = modern;
  }
  out.emplace_back(emit::Send{result_line(request.id, dressed)});
}

// search and describe are answered here; call becomes the call it stands for.
void ServerSession::call_meta(ClientActions& out, const Request& request, std::string_view name) {
  const auto answer = [&](const std::string& result) {
    const bool modern = request.era == Era::kModern;
    out.emplace_back(
        emit::Send{result_line(request.id, modern ? modern_result(request.method, result) : result)});
  };
  if (name != kCallTool) {
    const auto arguments = sole_member(request.params, "arguments");
    return answer(meta_answer(*catalog_->index, name, arguments.value_or("{}")));
  }
  const Unwrapped call = unwrap_call(request.params);
  if (!call.complaint.empty()) return answer(call.complaint);
  Request direct = request;
  direct.params = call.params;
  direct.said = request.params;
  call_item(out, direct, ItemKind::kTool);
}

void ServerSession::call_tool(ClientActions& out, const Request& request) {
  if (catalog_->index) {
    const std::string name = text_member(request.params, "name").value_or("");
    if (std::ranges::find(kMetaTools, name) != kMetaTools.end()) return call_meta(out, request, name);
  }
  call_item(out, request, ItemKind::kTool);
}

void ServerSession::call_item(ClientActions& out, const Request& request, ItemKind kind) {
  const bool tool = kind == ItemKind::kTool;
  const auto raw_name = sole_member(request.params, "name");
  const auto name = raw_name ? decode_string(*raw_name) : std::nullopt;
  if (!name) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: name is missing or there twice");
    return;
  }
  const CatalogEntry* const entry = find_exposed(tool ? catalog_->tools : catalog_->prompts, *name);
  if (!entry) {
    if (tool) {
      refuse_unknown_tool(out, request, *name);
    } else {
      send_error(out, request.id, RpcCode::kInvalidParams,
                 "Invalid params: unknown prompt " + name->substr(0, 200));
    }
    return;
  }
  std::string params = entry->original == entry->exposed
                           ? std::string(request.params)
                           : spliced(request.params, *raw_name, json_quoted(entry->original));
  forward(out, request,
          {.ns = entry->ns,
           .kind = kind,
           .item = entry->original,
           .address = entry->address,
           .method = tool ? "tools/call" : "prompts/get",
           .params = std::move(params),
           .guard = entry->guard,
           .others = entry->others,
           .repeatable = entry->repeatable});
}

void ServerSession::refuse_denied(ClientActions& out, const Request& request,
                                  const HiddenEntry& hidden) const {
  const Error why{
      .code = Code::kDenied,
      .message = "policy does not let this client call " + hidden.address + " (" + hidden.rule + ")",
      .where = hidden.rule,
      .hint = "rtt policy why " + catalog_->client + " " + hidden.address};
  out.emplace_back(emit::Send{error_line(request.id, rpc_error_of(why))});
}

void ServerSession::refuse_unknown_tool(ClientActions& out, const Request& request,
                                        std::string_view name) const {
  for (const HiddenEntry& hidden : catalog_->hidden_tools) {
    if (hidden.exposed == name) return refuse_denied(out, request, hidden);
  }
  std::string text = "Unknown tool: " + std::string(name.substr(0, 200));
  if (!catalog_->notice.empty()) text += ". " + catalog_->notice;
  send_error(out, request.id, RpcCode::kInvalidParams, text);
}

void ServerSession::read_resource(ClientActions& out, const Request& request) {
  const auto uri = text_member(request.params, "uri");
  if (!uri) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: uri is missing or there twice");
    return;
  }
  const auto [entry, denied] = find_resource(*catalog_, *uri);
  if (denied) return refuse_denied(out, request, *denied);
  if (!entry) {
    const bool modern = request.era == Era::kModern;
    const std::string data = R"({"uri":)" + json_quoted(*uri) + "}";
    out.emplace_back(emit::Send{
        error_line(request.id, error_object(modern ? RpcCode::kInvalidParams : RpcCode::kResourceNotFound,
                                            "Resource not found: " + uri->substr(0, 500), data))});
    return;
  }
  forward(out, request,
          {.ns = entry->ns,
           .kind = entry->original == *uri ? ItemKind::kResource : ItemKind::kTemplate,
           .item = entry->original,
           .address = entry->address,
           .method = std::string(request.method),
           .params = std::string(request.params)});
}

void ServerSession::complete(ClientActions& out, const Request& request) {
  const auto ref = sole_member(request.params, "ref");
  const auto raw_name = ref ? sole_member(*ref, "name") : std::nullopt;
  const auto name = raw_name ? decode_string(*raw_name) : std::nullopt;
  const auto uri = ref ? text_member(*ref, "uri") : std::nullopt;
  ResourceRoute found;
  const CatalogEntry* entry = nullptr;
  if (name) {
    entry = find_exposed(catalog_->prompts, *name);
  } else if (uri) {
    const auto at = std::ranges::find(catalog_->templates, *uri, &CatalogEntry::original);
    if (at == catalog_->templates.end()) found = find_resource(*catalog_, *uri);
    entry = at != catalog_->templates.end() ? &*at : found.entry ? &*found.entry : nullptr;
  }
  if (found.denied) return refuse_denied(out, request, *found.denied);
  if (!entry) {
    send_error(out, request.id, RpcCode::kInvalidParams, "Invalid params: nothing to complete for this ref");
    return;
  }
  std::string params(request.params);
  if (name && entry->original != entry->exposed)
    params = spliced(request.params, *raw_name, json_quoted(entry->original));
  forward(out, request,
          {.ns = entry->ns,
           .kind = name ? ItemKind::kPrompt : ItemKind::kTemplate,
           .item = entry->original,
           .address = entry->address,
           .method = "completion/complete",
           .params = std::move(params)});
}

void ServerSession::pass_on(ClientActions& out, const Request& request) {
  forward(out, request,
          {.ns = catalog_->sole->ns,
           .kind = ItemKind::kResource,
           .item = {},
           .address = catalog_->sole->address,
           .method = std::string(request.method),
           .params = std::string(request.params)});
}

void ServerSession::forward(ClientActions& out, const Request& request, emit::Forward forward) {
  if (calls_.size() >= limits::kMcpInFlightMax) {
    send_error(out, request.id, RpcCode::kBackend,
               "Busy: " + std::to_string(limits::kMcpInFlightMax) + " requests are under way");
    return;
  }
  for (const auto& [key, call] : calls_) {
    if (call.id != request.id || parked_.waits(key)) continue;
    send_error(out, request.id, RpcCode::kInvalidRequest, "Invalid request: this id is under way already");
    return;
  }
  forward.key = next_key_++;
  forward.era = request.era;
  forward.log_level = request.log_level;
  Call call{.id = std::string(request.id),
            .token = std::string(progress_token(request.params).value_or("")),
            .era = request.era};
  if (request.era == Era::kModern) {
    call.log_level = request.log_level;
    call.method = request.method;
    call.params = request.said.empty() ? request.params : request.said;
  }
  calls_.set(forward.key, std::move(call));
  out.emplace_back(std::move(forward));
}

}  // namespace rtt::mcp
