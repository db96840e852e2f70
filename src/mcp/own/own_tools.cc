// SPDX-License-Identifier: Apache-2.0
#include "mcp/own/own_tools.h"

#include <algorithm>
#include <utility>

#include "crypto/sha256.h"
#include "mcp/wire/jsonrpc.h"
#include "mcp/wire/protocol.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::int64_t kRecords = 50;

Json typed(std::string_view type, std::string_view description = {}) {
  Json out = Json::object({{"type", type}});
  if (!description.empty()) out.set("description", description);
  return out;
}

Json object_of(std::initializer_list<Json::Member> properties, std::initializer_list<const char*> required) {
  Json names(text::JsonArray{});
  for (const char* const name : required) names.push(name);
  return Json::object(
      {{"type", "object"}, {"properties", Json::object(properties)}, {"required", std::move(names)}});
}

enum class Effect : std::uint8_t { kLooks, kChanges };

Json tool(std::string_view name, std::string_view description, Json input, Json output,
          Effect effect = Effect::kLooks) {
  const bool looks = effect == Effect::kLooks;
  return Json::object({{"name", name},
                       {"description", description},
                       {"inputSchema", std::move(input)},
                       {"outputSchema", std::move(output)},
                       {"annotations", Json::object({{"readOnlyHint", looks},
                                                     {"destructiveHint", !looks},
                                                     {"idempotentHint", true},
                                                     {"openWorldHint", false}})}});
}

Json audit_tool() {
  return tool(
      "rtt_audit",
      "Who did what in this workspace, newest last: transitions, calls, refusals. With verify, whether the "
      "journal is whole instead.",
      object_of({{"verify", typed("boolean", "check every record's hash and its place in the chain")},
                 {"limit", Json::object({{"type", "integer"}, {"minimum", 1}, {"maximum", kOwnRecordsMax}})},
                 {"since", typed("string", "10m, 2h, 3d or an RFC 3339 time")},
                 {"who", typed("string", "only what this key, client or endpoint did")},
                 {"action", typed("string", "only this action: apply, call, refused, …")}},
                {}),
      object_of({{"records", typed("array")}, {"ok", typed("boolean")}}, {}));
}

Json committed() {
  return object_of({{"state", typed("string", "committed, unchanged or rolled_back")},
                    {"seq", typed("integer", "the commit in force")},
                    {"plan_id", typed("string")},
                    {"graph", typed("string")}},
                   {"state", "seq", "plan_id", "graph"});
}

Json apply_tool() {
  return tool(
      "rtt_apply",
      "Makes the wiring of a plan real, all or nothing. Only a plan that a person has signed for agents at a "
      "terminal (`rtt sign PLAN_ID`), and only until the wiring changes otherwise.",
      object_of({{"plan", typed("string", "the whole plan_id, sha256-…; `rtt ls plans` lists them")}},
                {"plan"}),
      committed(), Effect::kChanges);
}

Json quick_connect_tool() {
  return tool(
      "rtt_qc",
      "Connects a consumer to another provider. Only if a person has signed that very change for agents "
      "at a terminal (`rtt qc FROM TO --plan`, then `rtt sign PLAN_ID`).",
      object_of({{"from", typed("string", "the consumer's address, rtt://…")},
                 {"to", typed("string", "the provider's address, rtt://…")}},
                {"from", "to"}),
      committed(), Effect::kChanges);
}

std::vector<Json> make_definitions() {
  std::vector<Json> out;
  out.push_back(apply_tool());
  out.push_back(audit_tool());
  out.push_back(tool("rtt_explain", "What an RTT error code means and what to do about it.",
                     object_of({{"code", typed("string", "RTT0412")}}, {"code"}),
                     object_of({{"code", typed("string")},
                                {"title", typed("string")},
                                {"explain", typed("string")},
                                {"exit", typed("integer")}},
                               {"code", "title", "explain", "exit"})));
  out.push_back(tool(
      "rtt_health", "State, instances and latency of every MCP server and driver.", object_of({}, {}),
      object_of({{"servers", typed("array")}, {"drivers", typed("array")}, {"receipts", typed("object")}},
                {"servers", "drivers"})));
  out.push_back(
      tool("rtt_plan", "What `rtt plan` would change in the wiring and why. Nothing is written or signed.",
           object_of({}, {}),
           object_of({{"plan_id", typed("string")}, {"add", typed("array")}, {"del", typed("array")}}, {})));
  out.push_back(quick_connect_tool());
  out.push_back(
      tool("rtt_status", "Whether the panel runs, the committed graph, and its sequence number.",
           object_of({}, {}),
           object_of({{"panel", typed("string")}, {"graph", typed("string")}}, {"panel", "graph"})));
  return out;
}

std::string result_of(const Json& document) {
  const std::string text = text::canonical_json(document);
  const bool failed = document.string_or("state") == "rolled_back";
  return R"({"content":[{"type":"text","text":)" + json_quoted(text) + R"(}],"structuredContent":)" + text +
         (failed ? R"(,"isError":true})" : "}");
}

std::string failure_of(const Error& why) {
  Json error = Json::object({{"code", code_name(why.code)}, {"message", why.message}});
  if (!why.where.empty()) error.set("where", why.where);
  if (!why.hint.empty()) error.set("hint", why.hint);
  const std::string text = text::canonical_json(Json::object({{"error", std::move(error)}}));
  return R"({"content":[{"type":"text","text":)" + json_quoted(text) + R"(}],"isError":true})";
}

Result<Json> explain(const Json& arguments) {
  const std::string_view wanted = arguments.string_or("code");
  const auto codes = all_codes();
  const auto at =
      std::ranges::find_if(codes, [&](const CodeInfo& one) { return code_name(one.code) == wanted; });
  if (at == codes.end()) {
    return fail(Code::kBadArgument, "no such error code: " + std::string(wanted.substr(0, 64)), "code",
                "a code reads RTT0412");
  }
  const CodeInfo& info = *at;
  return Json::object({{"code", code_name(info.code)},
                       {"title", info.title},
                       {"explain", info.explain},
                       {"exit", static_cast<int>(info.exit)}});
}

Result<Json> audit(const Json& arguments, const AskVerb& ask) {
  if (arguments.bool_or("verify", false)) {
    RTT_TRY_SET(OwnAnswer answer, ask("audit", Json::object({{"verify", true}})));
    return std::move(answer.body);
  }
  const std::int64_t limit = arguments.int_or("limit", kRecords);
  if (limit < 1 || limit > kOwnRecordsMax) {
    return fail(Code::kBadArgument, "limit is from 1 to " + std::to_string(kOwnRecordsMax), "limit");
  }
  Json args = Json::object({{"limit", limit}});
  for (const char* const key : {"since", "who", "action"}) {
    if (const auto text = arguments.string_or(key); !text.empty()) args.set(key, text);
  }
  RTT_TRY_SET(OwnAnswer answer, ask("audit", std::move(args)));
  Json records(text::JsonArray{});
  for (Json& part : answer.parts) records.push(std::move(part));
  return Json::object({{"records", std::move(records)}});
}

Result<Json> health(const AskVerb& ask) {
  RTT_TRY_SET(const OwnAnswer servers, ask("mcp.ls", Json::object({})));
  RTT_TRY_SET(const OwnAnswer status, ask("status", Json::object({})));
  const auto list = [](const Json& body, const char* key) {
    const Json* const found = body.find(key);
    return found != nullptr ? *found : Json(text::JsonArray{});
  };
  Json out =
      Json::object({{"servers", list(servers.body, "servers")}, {"drivers", list(status.body, "drivers")}});
  if (const Json* const kept = servers.body.find("receipts"); kept != nullptr) out.set("receipts", *kept);
  return out;
}

// The panel holds it to what a person has agreed to.
Result<Json> change(std::string_view verb, Json args, const AskVerb& ask) {
  args.set("approved", true);
  RTT_TRY_SET(OwnAnswer answer, ask(verb, std::move(args)));
  return std::move(answer.body);
}

Result<Json> apply(const Json& arguments, const AskVerb& ask) {
  const auto plan = parse_digest(arguments.string_or("plan"));
  if (!plan) {
    return fail(Code::kBadArgument, "plan is a whole plan_id: sha256- and 64 hexadecimal digits", "plan",
                "rtt_plan says what would be planned, `rtt ls plans` what was");
  }
  return change("apply", Json::object({{"plan", to_string(*plan)}}), ask);
}

Result<Json> quick_connect(const Json& arguments, const AskVerb& ask) {
  Json args = Json::object({});
  for (const char* const end : {"from", "to"}) {
    const std::string_view word = arguments.string_or(end);
    if (word.empty()) return fail(Code::kBadArgument, std::string(end) + " is an address, rtt://…", end);
    args.set(end, word);
  }
  return change("qc", std::move(args), ask);
}

Result<Json> body_of(Result<OwnAnswer> answer) {
  if (!answer) return std::unexpected(std::move(answer).error());
  return std::move(answer->body);
}

}  // namespace

const std::vector<Json>& own_definitions() {
  static const std::vector<Json> definitions = make_definitions();
  return definitions;
}

ServerInfo own_info() {
  return {.name = std::string(kImplementationName),
          .version = std::string(kImplementationVersion),
          .protocol = std::string(kProtocolNewest),
          .instructions = {},
          .capabilities = Json::object({{"tools", Json::object({})}})};
}

PinnedServer own_server(const OwnLaunch& launch) {
  const auto saddr = [](model::SymbolType type, std::string_view name) {
    return model::Saddr{.ns = std::string(kOwnNamespace),
                        .type = type,
                        .name = std::string(name),
                        .version = version_of(own_info())};
  };
  Json args(text::JsonArray{});
  for (const std::string& word :
       {std::string("driver-host"), std::string("--own-tools"), std::string("-C"), launch.root})
    args.push(word);
  Json env = Json::object({});
  for (const auto& [name, value] : launch.env) env.set(name, value);
  PinnedServer out{.connector = saddr(model::SymbolType::kConnector, kOwnNamespace),
                   .config = {.name = std::string(kOwnNamespace),
                              .command = launch.executable,
                              .args = std::move(args),
                              .env = std::move(env),
                              .instances = Instances::kWorkspace},
                   .info = own_info()};
  for (const Json& definition : own_definitions()) {
    out.items.push_back({.kind = ItemKind::kTool,
                         .saddr = saddr(model::SymbolType::kTool, definition.string_or("name")),
                         .hash = crypto::sha256(text::canonical_json(definition)),
                         .definition = definition});
  }
  return out;
}

std::optional<std::string> call_own_tool(std::string_view name, const Json& arguments, const AskVerb& ask) {
  Result<Json> answer = fail(Code::kUnknownTool, "no such tool");
  if (name == "rtt_status") {
    answer = body_of(ask("status", Json::object({})));
  } else if (name == "rtt_health") {
    answer = health(ask);
  } else if (name == "rtt_explain") {
    answer = explain(arguments);
  } else if (name == "rtt_audit") {
    answer = audit(arguments, ask);
  } else if (name == "rtt_plan") {
    answer = body_of(ask("plan", Json::object({{"check", true}, {"explain", true}})));
  } else if (name == "rtt_apply") {
    answer = apply(arguments, ask);
  } else if (name == "rtt_qc") {
    answer = quick_connect(arguments, ask);
  } else {
    return std::nullopt;
  }
  return answer ? result_of(*answer) : failure_of(answer.error());
}

}  // namespace rtt::mcp
