// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/meta_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mcp/wire/jsonrpc.h"
#include "model/saddr.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kSearchLimit = 10;
constexpr std::size_t kArgumentsNamed = 20;

Json text_schema(std::string_view description) {
  return Json::object({{"type", "string"}, {"description", description}});
}

Json names_of(std::initializer_list<const char*> names) {
  Json out(text::JsonArray{});
  for (const char* const name : names) out.push(name);
  return out;
}

Json object_schema(Json properties, Json required) {
  return Json::object(
      {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}});
}

Json reads_only() { return Json::object({{"readOnlyHint", true}, {"openWorldHint", false}}); }

Json search_definition(std::size_t tool_count) {
  const Json limit = Json::object({{"type", "integer"},
                                   {"minimum", 1},
                                   {"maximum", kSearchLimitMax},
                                   {"default", static_cast<std::int64_t>(kSearchLimit)}});
  const Json row = object_schema(Json::object({{"name", Json::object({{"type", "string"}})},
                                               {"server", Json::object({{"type", "string"}})},
                                               {"title", Json::object({{"type", "string"}})},
                                               {"description", Json::object({{"type", "string"}})},
                                               {"arguments", Json::object({{"type", "array"}})}}),
                                 names_of({"name", "server"}));
  return Json::object(
      {{"name", kSearchTools},
       {"title", "Search tools"},
       {"description", fmt::format("Find tools by words, best first. {} tools are there to be called with "
                                   "call_tool; describe_tool shows one's arguments.",
                                   tool_count)},
       {"inputSchema",
        object_schema(
            Json::object({{"query", text_schema("what the tool should do, or its name")}, {"limit", limit}}),
            names_of({"query"}))},
       {"outputSchema",
        object_schema(Json::object({{"tools", Json::object({{"type", "array"}, {"items", row}})},
                                    {"total", Json::object({{"type", "integer"}})}}),
                      names_of({"tools", "total"}))},
       {"annotations", reads_only()}});
}

Json describe_definition() {
  return Json::object(
      {{"name", kDescribeTool},
       {"title", "Describe a tool"},
       {"description", "The whole definition of one tool: its arguments and what it returns."},
       {"inputSchema",
        object_schema(Json::object({{"name", text_schema("as search_tools gave it")}}), names_of({"name"}))},
       {"outputSchema", Json::object({{"type", "object"}})},
       {"annotations", reads_only()}});
}

Json call_definition() {
  return Json::object(
      {{"name", kCallTool},
       {"title", "Call a tool"},
       {"description", "Call one tool by name with the arguments that describe_tool shows."},
       {"inputSchema", object_schema(Json::object({{"name", text_schema("as search_tools gave it")},
                                                   {"arguments", Json::object({{"type", "object"}})}}),
                                     names_of({"name"}))}});
}

std::string result_of(const Json& structured) {
  const std::string text = text::canonical_json(structured);
  return R"({"content":[{"type":"text","text":)" + json_quoted(text) + R"(}],"structuredContent":)" + text +
         "}";
}

std::string complaint(std::string_view text) {
  return R"({"content":[{"type":"text","text":)" + json_quoted(text) + R"(}],"isError":true})";
}

// The start of a text, at most `most` bytes and whole characters.
std::string start_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return std::string(text.substr(0, most)) + "…";
}

Json row_of(const ToolIndex::Tool& tool) {
  Json row = Json::object({{"name", tool.name}, {"server", tool.server}});
  const Json& definition = tool.definition;
  if (const auto title = definition.string_or("title"); !title.empty()) row.set("title", title);
  if (const auto text = definition.string_or("description"); !text.empty())
    row.set("description", start_of(text, kSummaryBytesMax));
  const Json* const schema = definition.find("inputSchema");
  const Json* const arguments = schema != nullptr ? schema->find("properties") : nullptr;
  if (arguments == nullptr || !arguments->is_object()) return row;
  Json named(text::JsonArray{});
  for (const auto& [name, value] : arguments->as_object()) {
    if (named.as_array().size() < kArgumentsNamed) named.push(name);
  }
  row.set("arguments", std::move(named));
  return row;
}

std::optional<std::string> text_argument(std::string_view arguments, std::string_view name) {
  const auto raw = sole_member(arguments, name);
  return raw ? decode_string(*raw) : std::nullopt;
}

std::string search(const ToolIndex& index, std::string_view arguments) {
  const auto query = text_argument(arguments, "query");
  if (!query) return complaint("search_tools takes {\"query\":\"words\",\"limit\":10}; query is missing");
  std::size_t limit = kSearchLimit;
  if (const auto raw = member(arguments, "limit")) {
    const auto number = own_id(*raw);
    if (!number || *number < 1 || *number > static_cast<std::uint64_t>(kSearchLimitMax))
      return complaint(fmt::format("limit is a whole number from 1 to {}", kSearchLimitMax));
    limit = static_cast<std::size_t>(*number);
  }
  Json rows(text::JsonArray{});
  for (const ToolIndex::Tool* const tool : index.search(*query, limit)) rows.push(row_of(*tool));
  return result_of(
      Json::object({{"tools", std::move(rows)}, {"total", static_cast<std::int64_t>(index.size())}}));
}

std::string describe(const ToolIndex& index, std::string_view arguments) {
  const auto name = text_argument(arguments, "name");
  if (!name) return complaint("describe_tool takes {\"name\":\"…\"}; name is missing");
  const ToolIndex::Tool* const tool = index.find(*name);
  if (tool != nullptr) return result_of(tool->definition);
  const auto near = model::nearest(*name, index.names());
  return complaint("no tool is called " + start_of(*name, kSummaryBytesMax) +
                   (near ? "; did you mean " + *near + "?" : "; search_tools finds one"));
}

}  // namespace

std::string meta_tools_result(std::size_t tool_count) {
  Json tools(text::JsonArray{});
  tools.push(call_definition());
  tools.push(describe_definition());
  tools.push(search_definition(tool_count));
  return text::canonical_json(Json::object({{"tools", std::move(tools)}}));
}

std::string meta_answer(const ToolIndex& index, std::string_view name, std::string_view arguments) {
  return name == kSearchTools ? search(index, arguments) : describe(index, arguments);
}

Unwrapped unwrap_call(std::string_view params) {
  const auto outer = sole_member(params, "arguments");
  const auto name = outer ? sole_member(*outer, "name") : std::nullopt;
  if (!name || !decode_string(*name))
    return {.params = {},
            .complaint = complaint("call_tool takes {\"name\":\"…\",\"arguments\":{…}}; name is missing")};
  const auto inner = sole_member(*outer, "arguments");
  const auto given = member(*outer, "arguments");
  if (given && (!inner || !inner->starts_with('{')))
    return {.params = {}, .complaint = complaint("the arguments of call_tool are one JSON object")};
  const std::string plain = spliced(params, *outer, inner.value_or("{}"));
  const auto own = sole_member(plain, "name");
  if (!own) return {.params = {}, .complaint = complaint("call_tool is named twice")};
  return {.params = spliced(plain, *own, *name), .complaint = {}};
}

}  // namespace rtt::mcp
