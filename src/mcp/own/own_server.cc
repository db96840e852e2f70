// SPDX-License-Identifier: Apache-2.0
#include "mcp/own/own_server.h"

#include <string>
#include <utility>

#include "mcp/wire/jsonrpc.h"
#include "mcp/wire/line_stream.h"
#include "mcp/wire/protocol.h"
#include "model/limits.h"
#include "os/loop.h"
#include "os/pipe.h"
#include "os/terminal.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

std::string listed() {
  Json tools(text::JsonArray{});
  for (const Json& definition : own_definitions()) tools.push(definition);
  return text::canonical_json(Json::object({{"tools", std::move(tools)}}));
}

std::string greeting(std::string_view params) {
  const auto raw = member(params, "protocolVersion");
  const auto wanted = raw ? decode_string(*raw) : std::nullopt;
  const ServerInfo info = own_info();
  return text::canonical_json(
      Json::object({{"protocolVersion", wanted && speaks(*wanted) ? *wanted : info.protocol},
                    {"capabilities", info.capabilities},
                    {"serverInfo", Json::object({{"name", info.name}, {"version", info.version}})}}));
}

std::string called(const Message& message, const AskVerb& ask) {
  const auto invalid = [&](std::string_view why) {
    return error_line(message.id, error_object(RpcCode::kInvalidParams, why));
  };
  const auto raw = sole_member(message.params, "name");
  const auto name = raw ? decode_string(*raw) : std::nullopt;
  if (!name) return invalid("Invalid params: name is missing");
  const auto given = sole_member(message.params, "arguments");
  const auto arguments = text::parse_json(given.value_or("{}"), {.source_name = "arguments"});
  if (!arguments || !arguments->is_object()) return invalid("Invalid params: arguments are one JSON object");
  const auto result = call_own_tool(*name, *arguments, ask);
  return result ? result_line(message.id, *result) : invalid("Unknown tool: " + name->substr(0, 200));
}

std::string answer(const Message& message, const AskVerb& ask) {
  if (message.kind != MessageKind::kRequest) return {};  // nothing is asked of the client
  if (message.method == "initialize") return result_line(message.id, greeting(message.params));
  if (message.method == "ping") return result_line(message.id, "{}");
  if (message.method == "tools/list") return result_line(message.id, listed());
  if (message.method == "tools/call") return called(message, ask);
  return error_line(message.id, error_object(RpcCode::kMethodNotFound, "Method not found"));
}

}  // namespace

int own_server_main(const AskVerb& ask) {
  constexpr int kStdin = 0;
  auto loop = os::Loop::create();
  if (!loop) return static_cast<int>(exit_status(loop.error().code));
  LineStream stream(limits::kMcpLineBytesMax);
  const Status watched = (*loop)->watch(kStdin, os::kReadable, [&](std::uint32_t) {
    const auto got = os::read_nowait(kStdin, stream.room());
    if (!got || got->closed) return (*loop)->stop();
    stream.commit(got->bytes);
    while (const auto item = stream.next()) {
      if (item->overlong_bytes == 0) os::write_out(answer(classify(item->line), ask));
    }
  });
  if (!watched) return static_cast<int>(exit_status(watched.error().code));
  (*loop)->run();
  return 0;
}

}  // namespace rtt::mcp
