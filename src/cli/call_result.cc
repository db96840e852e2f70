// SPDX-License-Identifier: Apache-2.0
#include "cli/call_result.h"

#include <fmt/format.h>

#include <utility>

#include "base/hex.h"
#include "cli/render.h"
#include "model/limits.h"

namespace rtt::cli {
namespace {

using text::Json;

Result<Json> read(std::string_view payload) {
  return text::parse_json(payload, {.source_name = "result", .bytes_max = limits::kFramePayloadBytesMax});
}

std::string item_text(const Json& item) {
  const std::string_view type = item.string_or("type");
  if (type == "text") return std::string(item.string_or("text"));
  if (type == "image" || type == "audio") {
    return fmt::format("[{} {}, {} bytes]", type, item.string_or("mimeType"),
                       item.string_or("data").size() / 4 * 3);
  }
  if (type == "resource_link")
    return fmt::format("[resource {} {}]", item.string_or("uri"), item.string_or("name"));
  if (const Json* resource = item.find("resource"); type == "resource" && resource != nullptr) {
    const std::string_view text = resource->string_or("text");
    return text.empty() ? fmt::format("[resource {}]", resource->string_or("uri")) : std::string(text);
  }
  return text::to_json(item);
}

std::string readable(std::string_view payload) {
  const auto result = read(payload);
  if (!result) return std::string(payload);
  const auto content = items(*result, "content");
  if (content.empty()) {
    const Json* structured = result->find("structuredContent");
    if (result->find("content") != nullptr && structured == nullptr) return {};
    return text::to_pretty_json(structured != nullptr ? *structured : *result);
  }
  std::string text;
  for (const Json& item : content) text += (text.empty() ? "" : "\n") + item_text(item);
  return text;
}

}  // namespace

bool is_tool_error(std::string_view payload) {
  if (payload.find("\"isError\"") == std::string_view::npos)
    return false;  // spares the hot loop of --repeat a parse
  const auto result = read(payload);
  return result && result->bool_or("isError", false);
}

std::string result_text(std::string_view payload, Lines lines) { return printable(readable(payload), lines); }

std::string shown_result(std::string_view payload, Shown shown) {
  std::string text = shown == Shown::kSafe ? result_text(payload, Lines::kMany) : readable(payload);
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text;
}

std::string with_result(const Json& document, std::string_view payload) {
  if (const auto result = read(payload)) {
    const std::string rest = text::to_json(document);  // an object with at least one member
    return fmt::format("{{\"result\":{},{}\n", payload, std::string_view(rest).substr(1));
  }
  Json whole = document;
  const std::string shown = text::to_json(Json(std::string(payload)));
  const auto back = text::parse_json(shown, {.bytes_max = shown.size()});
  if (back && back->as_string() == payload) {  // the writer replaces what is not UTF-8
    whole.set("result_text", payload);
  } else {
    whole.set("result_b64", to_base64(as_bytes(payload)));
  }
  return text::to_json(whole) + "\n";
}

}  // namespace rtt::cli
