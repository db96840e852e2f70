// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "mcp/configs/client_edit.h"
#include "model/limits.h"
#include "text/jsonc.h"

namespace rtt::mcp::edit {
namespace {

using text::Json;
using text::JsoncText;

Result<JsoncText> open(const std::string& text, const std::string& file = {}) {
  return JsoncText::read(text, {.source_name = file, .bytes_max = limits::kClientConfigBytesMax});
}

text::KeyPath below(const Section& section, std::string_view name) {
  text::KeyPath path = section.path;
  path.emplace_back(name);
  return path;
}

// Arrays on one line, a blank after each comma: how people write commands.
std::string written(const Json& value) {
  if (!value.is_array()) return text::to_json(value);
  std::string out = "[";
  for (const Json& item : value.as_array()) out += (out.size() > 1 ? ", " : "") + text::to_json(item);
  return out + "]";
}

Result<std::string> set(const std::string& text, text::KeyPath path, const std::string& key,
                        const Json& value) {
  path.push_back(key);
  if (value.is_object()) {
    RTT_TRY_SET(const JsoncText in, open(text));
    RTT_TRY_SET(std::string made, in.with(path, "{}"));
    for (const auto& [name, item] : value.as_object()) {
      RTT_TRY_SET(made, set(made, path, name, item));
    }
    return made;
  }
  RTT_TRY_SET(const JsoncText in, open(text));
  return in.with(path, written(value));
}

}  // namespace

Result<std::vector<EntryText>> json_entries(const std::string& text, const Section& section,
                                            const std::string& file) {
  RTT_TRY_SET(const JsoncText in, open(text, file));
  RTT_TRY_SET(const auto at, in.find(section.path));
  std::vector<EntryText> out;
  if (!at) return out;
  if (!at->of(text).starts_with('{'))
    return fail(Code::kBadShape, fmt::format("`{}` must be an object", section.path.back()), file);
  for (const auto& member : in.members(*at)) {
    RTT_TRY_SET(Json native, in.value(member.value));
    out.push_back(
        {.name = member.name, .native = std::move(native), .raw = std::string(member.value.of(text))});
  }
  return out;
}

Result<std::string> json_with(const std::string& text, const Section& section, const Started& started) {
  const text::KeyPath path = below(section, started.name);
  std::string made = text;
  RTT_TRY_SET(const JsoncText in, open(text));
  RTT_TRY_SET(const auto present, in.find(path));
  const auto fields = started_fields(section.form, started);
  if (!present || !present->of(text).starts_with('{')) {
    RTT_TRY_SET(made, in.with(path, "{}"));
  } else {
    for (const auto& member : in.members(*present)) {
      const bool stays =
          std::ranges::any_of(fields, [&](const auto& field) { return field.first == member.name; }) ||
          member.name == "type" || member.name == "transport";
      if (stays || !is_launch_field(section.form, member.name)) continue;
      text::KeyPath gone = path;
      gone.push_back(member.name);
      RTT_TRY_SET(const JsoncText now, open(made));
      RTT_TRY_SET(made, now.without(gone));
    }
  }
  for (const auto& [key, value] : fields) {
    RTT_TRY_SET(made, set(made, path, key, value));
  }
  if (section.form != ClientForm::kMcpServers) return made;
  for (const char* key : {"type", "transport"}) {  // where the client had one, of whatever kind
    text::KeyPath at = path;
    at.emplace_back(key);
    RTT_TRY_SET(const JsoncText now, open(made));
    RTT_TRY_SET(const auto there, now.find(at));
    if (there) {
      RTT_TRY_SET(made, now.with(at, "\"stdio\""));
    }
  }
  return made;
}

Result<std::string> json_with_raw(const std::string& text, const Section& section, std::string_view name,
                                  std::string_view raw) {
  RTT_TRY_SET(const JsoncText in, open(text));
  return in.with(below(section, name), raw);
}

Result<std::string> json_without(const std::string& text, const Section& section, std::string_view name) {
  RTT_TRY_SET(const JsoncText in, open(text));
  return in.without(below(section, name));
}

}  // namespace rtt::mcp::edit
