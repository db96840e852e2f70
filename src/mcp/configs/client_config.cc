// SPDX-License-Identifier: Apache-2.0
#include "mcp/configs/client_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mcp/configs/client_entry.h"
#include "model/limits.h"
#include "text/toml.h"

namespace rtt::mcp {
namespace {

using text::Json;

struct Named {
  std::string name;
  Json native;
};

bool looks_like_toml(std::string_view text, std::string_view file) {
  if (file.ends_with(".toml")) return true;
  if (file.ends_with(".json") || file.ends_with(".jsonc")) return false;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] != '{' && text[first] != '/' && text[first] != '\xEF';
}

// One text open for reading: JSON or TOML.
struct Opened {
  std::optional<text::JsoncText> jsonc;
  Json toml;
};
Result<Opened> open(std::string_view text, std::string_view file) {
  const text::ParseOptions options{.source_name = file, .bytes_max = limits::kClientConfigBytesMax};
  Opened out;
  if (looks_like_toml(text, file)) {
    RTT_TRY_SET(out.toml, text::parse_toml(text, options));
  } else {
    RTT_TRY_SET(out.jsonc, text::JsoncText::read(std::string(text), options));
  }
  return out;
}

// The value at a path: null if there is none.
Result<Json> value_at(const Opened& in, const text::KeyPath& path) {
  if (!in.jsonc) {
    const Json* at = &in.toml;
    for (const std::string& key : path) at = at == nullptr ? nullptr : at->find(key);
    return at == nullptr ? Json() : *at;
  }
  RTT_TRY_SET(const auto span, in.jsonc->find(path));
  if (!span) return Json();
  return in.jsonc->value(*span);
}

// `servers` is many things in many files: only the form of one MCP server below it makes it ours.
bool holds_servers(const Json& value) {
  if (!value.is_object()) return false;
  return std::ranges::all_of(value.as_object(), [](const auto& member) {
    return member.second.is_object() &&
           (member.second.find("command") || member.second.find("url") || member.second.find("type"));
  });
}

Result<std::vector<Section>> json_sections(const Opened& in, std::string_view file,
                                           std::string_view project) {
  using enum ClientForm;
  std::vector<Section> out;
  const auto add_if = [&](ClientForm form, text::KeyPath path, bool checked) -> Status {
    const auto value = value_at(in, path);
    if (!value && value.error().code == Code::kBadShape && path.size() > 1) return {};
    if (!value) return std::unexpected(value.error());
    const bool there = checked ? holds_servers(*value) : value->is_object();
    if (!value->is_null() && !there && !checked && path.size() == 1) {
      return fail(Code::kBadShape, fmt::format("`{}` must be an object", path.back()), std::string(file));
    }
    if (there) out.push_back({.form = form, .path = std::move(path)});
    return {};
  };
  const std::optional<ClientForm> place = form_of_place(file);
  if (!project.empty()) RTT_TRY(add_if(kMcpServers, {"projects", std::string(project), "mcpServers"}, false));
  RTT_TRY(add_if(kMcpServers, {"mcpServers"}, false));
  RTT_TRY(add_if(kContextServers, {"context_servers"}, false));
  RTT_TRY(add_if(kServers, {"servers"}, place != kServers));
  RTT_TRY(add_if(kServers, {"mcp", "servers"}, false));  // VS Code's settings
  if (out.empty() || place == kOpenCode) RTT_TRY(add_if(kOpenCode, {"mcp"}, place != kOpenCode));
  return out;
}

Result<std::vector<Named>> named_entries(const Opened& in, const Section& section, std::string_view file) {
  RTT_TRY_SET(const Json value, value_at(in, section.path));
  std::vector<Named> out;
  if (value.is_object()) {
    for (const auto& [name, native] : value.as_object()) out.push_back({name, native});
  } else if (value.is_array()) {
    for (const Json& native : value.as_array())
      out.push_back({std::string(native.string_or("name")), native});
  }
  for (const Named& one : out) {
    if (one.name.empty())
      return fail(Code::kBadShape, "a server without a name", std::string(file),
                  "give it a name in its file");
  }
  return out;
}

// Claude Code keeps apart which of a project's servers are switched off.
std::vector<std::string> switched_off(const Opened& in, std::string_view project) {
  std::vector<std::string> out;
  if (!in.jsonc || project.empty()) return out;
  const auto value = value_at(in, {"projects", std::string(project), "disabledMcpServers"});
  if (!value || !value->is_array()) return out;
  for (const Json& name : value->as_array()) {
    if (name.is_string()) out.push_back(name.as_string());
  }
  return out;
}

Error off_error(const ConfigServer& server) {
  return Error{.code = Code::kServerStart,
               .message = fmt::format("server '{}' is switched off there", server.name),
               .where = server.file,
               .hint = "rtt mcp import --only " + server.name};
}

std::string_view difference(const Json& a, const Json& b) {
  for (const char* key : {"command", "args", "url", "cwd", "env", "headers"}) {
    const Json* one = a.find(key);
    const Json* other = b.find(key);
    const Json nothing;
    const Json& left = one != nullptr ? *one : nothing;
    const Json& right = other != nullptr ? *other : nothing;
    const bool both_empty =
        (left.is_null() || left == Json(text::JsonArray{}) || left == Json(text::JsonObject{})) &&
        (right.is_null() || right == Json(text::JsonArray{}) || right == Json(text::JsonObject{}));
    if (left != right && !both_empty) return key;
  }
  return {};
}

}  // namespace

Result<std::vector<Section>> sections_of(std::string_view text, std::string_view file,
                                         std::string_view project) {
  RTT_TRY_SET(const Opened in, open(text, file));
  if (in.jsonc) return json_sections(in, file, project);
  std::vector<Section> out;
  const Json* servers = in.toml.find("mcp_servers");
  if (servers == nullptr) return out;
  if (!servers->is_object() && !servers->is_array())
    return fail(Code::kBadShape, "`mcp_servers` must be tables", std::string(file));
  out.push_back({.form = servers->is_array() ? ClientForm::kVibeToml : ClientForm::kCodexToml,
                 .path = {"mcp_servers"}});
  return out;
}

Result<std::vector<ConfigServer>> read_client_config(std::string_view text, const ReadOptions& options) {
  const std::string file(options.file);
  RTT_TRY_SET(const auto sections, sections_of(text, file, options.project));
  if (sections.empty() && options.absent == ReadOptions::Absent::kRefused) {
    return fail(Code::kBadShape, "no MCP servers in it", file,
                "a client's file names them under mcpServers, servers, mcp, context_servers or mcp_servers");
  }
  RTT_TRY_SET(const Opened in, open(text, file));
  const auto off = switched_off(in, options.project);
  std::map<std::string, ConfigServer> found;
  for (const Section& section : sections) {
    RTT_TRY_SET(const auto entries, named_entries(in, section, file));
    Json inputs;
    if (section.form == ClientForm::kServers) {
      text::KeyPath beside(section.path.begin(), section.path.end() - 1);
      beside.emplace_back("inputs");
      RTT_TRY_SET(inputs, value_at(in, beside));
    }
    for (const Named& one : entries) {
      ReadEntry read = read_entry(one.native, {.form = section.form,
                                               .name = one.name,
                                               .inputs = inputs,
                                               .bare_variables = expands_bare_variables(file)});
      ConfigServer server{
          .name = one.name, .file = file, .entry = std::move(read.entry), .why = std::move(read.why)};
      if (server.why) server.why->where = file;
      server.enabled = read.enabled && std::ranges::find(off, one.name) == off.end();
      if (!server.enabled && !server.why) server.why = off_error(server);
      found.try_emplace(one.name, std::move(server));
    }
  }
  if (found.size() > limits::kMcpServersMax)
    return fail(Code::kLimit,
                fmt::format("{} servers; {} are the most", found.size(), limits::kMcpServersMax), file);
  std::vector<ConfigServer> out;
  for (auto& [name, server] : found) out.push_back(std::move(server));
  return out;
}

Result<std::vector<ConfigServer>> read_client_config(std::string_view text, std::string_view file) {
  return read_client_config(text, ReadOptions{.file = file});
}

Result<std::vector<ConfigServer>> merge_servers(std::vector<ConfigServer> found) {
  std::vector<ConfigServer> out;
  for (ConfigServer& server : found) {
    const auto same = std::ranges::find(out, server.name, &ConfigServer::name);
    if (server.sources.empty()) server.sources.push_back(server.file);
    if (same == out.end()) {
      out.push_back(std::move(server));
      continue;
    }
    const std::string_view differs = difference(same->entry, server.entry);
    if (!differs.empty()) {
      return fail(
          Code::kNameClash,
          fmt::format("server `{}` of {} is another one in {}: their `{}` differ", server.name, same->file,
                      server.file, differs),
          server.file,
          fmt::format("rtt mcp import {} — a FILE chooses; --only NAME leaves the others out", same->file));
    }
    if (same->why && !server.why) {  // switched off in one place, on in another
      server.sources.insert(server.sources.begin(), same->sources.begin(), same->sources.end());
      *same = std::move(server);
    } else {
      same->sources.push_back(server.file);
    }
  }
  std::ranges::sort(out, {}, &ConfigServer::name);
  return out;
}

}  // namespace rtt::mcp
