// SPDX-License-Identifier: Apache-2.0
#include "panel/connect_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "mcp/configs/client_entry.h"
#include "mcp/pins/import.h"
#include "model/limits.h"
#include "model/saddr.h"
#include "os/file.h"
#include "os/process.h"
#include "registry/secret_split.h"
#include "text/line_diff.h"

namespace rtt::panel {
namespace {

using mcp::ClientText;
using text::Json;

// The program as a client finds it: the bare name where PATH leads to this very file.
std::string program() {
  const std::string own = os::own_executable();
  const auto found = os::find_on_path("rtt", os::environment("PATH"));
  if (found) {
    if (const auto real = os::real_path(*found); real && *real == own) return "rtt";
  }
  return own;
}

Json canonical(const mcp::EntryText& entry, const mcp::Section& section) {
  return mcp::read_entry(entry.native, {.form = section.form, .name = entry.name}).entry;
}

void collect(const Json& value, std::vector<std::string>& into) {
  if (value.is_string()) {
    into.push_back(value.as_string());
  } else if (value.is_array()) {
    for (const Json& item : value.as_array()) collect(item, into);
  } else if (value.is_object() && !value.find("secret") && !value.find("concat") && !value.find("else")) {
    for (const auto& [key, item] : value.as_object()) collect(item, into);
  }
}

// What the entries of a text say in plain: commands, arguments and addresses without their secrets.
void collect_shown(const ClientText& in, std::vector<std::string>& into) {
  for (const mcp::EntryText& entry : in.entries()) {
    into.push_back(entry.name);
    const auto split = registry::split_secrets(canonical(entry, in.section()), {.ns = "x"});
    if (split) collect(split->entry, into);
    for (const char* key : {"type", "transport"}) into.emplace_back(entry.native.string_or(key));
  }
}

// Objects and tables that came with RTT's entries leave with the last of them.
Result<std::string> without_empty(const ConnectRecord& record, std::string text) {
  if (mcp::is_toml(record.section.form)) return text;
  std::optional<text::JsoncText> was;
  if (record.original) {
    RTT_TRY_SET(was, text::JsoncText::read(*record.original, {.bytes_max = limits::kClientConfigBytesMax}));
  }
  for (text::KeyPath path = record.section.path; !path.empty(); path.pop_back()) {
    if (was) {
      const auto there = was->find(path);
      if (!there || *there) break;
    }
    RTT_TRY_SET(const auto now, text::JsoncText::read(text, {.bytes_max = limits::kClientConfigBytesMax}));
    RTT_TRY_SET(const auto at, now.find(path));
    if (!at || at->of(text) != "{}") break;
    RTT_TRY_SET(text, now.without(path));
  }
  return text;
}

bool holds_nothing(const std::string& text) {
  return std::ranges::all_of(
      text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '{' || c == '}'; });
}

}  // namespace

mcp::Started door_of(const registry::Workspace& workspace, const std::string& client,
                     const std::string& server, ClientScope scope) {
  mcp::Started out{.name = server.empty() ? kSingleName : server, .command = {program(), "mcp", "serve"}};
  if (!server.empty()) out.command.push_back(server);
  out.command.insert(out.command.end(), {"--as", client});
  if (scope == ClientScope::kUser) {
    out.command.insert(out.command.end(), {"-C", workspace.root});
  } else if (client == "cursor" || client == "vscode") {
    // Others work with the same file, so no folder of one machine stands in it. These two start servers
    // wherever they like and name the project; the others start them in it.
    out.command.insert(out.command.end(), {"-C", "${workspaceFolder}"});
  }
  return out;
}

bool is_door(const mcp::EntryText& entry, const mcp::Section& section) {
  return mcp::is_own_door(canonical(entry, section));
}

std::string server_of_door(const mcp::EntryText& entry, const mcp::Section& section) {
  const Json read = canonical(entry, section);
  const Json* args = read.find("args");
  if (args == nullptr || !args->is_array()) return {};
  const auto& words = args->as_array();
  const auto at = std::ranges::find(words, Json("serve"));
  if (at == words.end() || at + 1 == words.end() || !(at + 1)->is_string()) return {};
  const std::string& name = (at + 1)->as_string();
  return name.starts_with('-') ? std::string() : name;
}

std::string workspace_of_door(const mcp::EntryText& entry, const mcp::Section& section,
                              const std::string& project) {
  const Json read = canonical(entry, section);
  const Json* args = read.find("args");
  if (args == nullptr || !args->is_array()) return {};
  const auto& words = args->as_array();
  const auto at = std::ranges::find(words, Json("-C"));
  if (at == words.end()) return project;
  if (at + 1 == words.end() || !(at + 1)->is_string()) return {};
  const std::string& named = (at + 1)->as_string();
  return named == "${workspace}" ? project : named;
}

Result<FileText> read_client_file(const std::string& path) {
  FileText out{.path = path, .text = {}};
  if (!os::exists(path)) return out;
  RTT_TRY_SET(out.path, os::real_path(path));
  RTT_TRY_SET(out.text, os::read_file(out.path, limits::kClientConfigBytesMax));
  return out;
}

Result<Reverted> reverted(const ConnectRecord& record, const std::string& current, const std::string& shown,
                          const Native& native) {
  Reverted out;
  const bool stays = native && std::ranges::any_of(record.entries, [&](const RecordedEntry& entry) {
                       return !entry.raw && native(entry.name).has_value();
                     });
  if (hash_of(current) == record.left_hash && !stays) {
    for (const RecordedEntry& entry : record.entries)
      out.rows.push_back({.name = entry.name, .state = entry.raw ? "restored" : "removed"});
    out.text = record.original;
    out.exact = true;
    return out;
  }
  RTT_TRY_SET(ClientText text, ClientText::read(current, record.section, shown));
  const std::string project = record.scope == to_string(ClientScope::kProject) ? record.workspace : "";
  const auto own = [&](const std::string& name) {
    const mcp::EntryText* entry = text.find(name);
    return entry != nullptr && is_door(*entry, record.section) &&
           workspace_of_door(*entry, record.section, project) == record.workspace;
  };
  const bool single_there = record.single && own(kSingleName);
  for (const RecordedEntry& entry : record.entries) {
    const bool absent = text.find(entry.name) == nullptr;
    if (!(own(entry.name) || (single_there && absent))) {
      out.rows.push_back({.name = entry.name,
                          .state = "kept",
                          .why = absent ? "its entry was taken out since" : "its entry was changed since"});
      continue;
    }
    const auto started = native && !entry.raw ? native(entry.name) : std::nullopt;
    if (entry.raw) {
      RTT_TRY_SET(text, text.with_raw(entry.name, *entry.raw));
    } else if (started) {
      RTT_TRY_SET(text, text.with(*started));
    } else if (!absent) {
      RTT_TRY_SET(text, text.without(entry.name));
    }
    out.rows.push_back({.name = entry.name,
                        .state = entry.raw ? "restored"
                                 : started ? "native"
                                           : "removed"});
  }
  if (single_there) {
    RTT_TRY_SET(text, text.without(kSingleName));
  }
  RTT_TRY_SET(out.text, without_empty(record, text.text()));
  if (!record.original && holds_nothing(*out.text)) out.text.reset();
  return out;
}

std::vector<std::string> diff_of(const std::optional<std::string>& before,
                                 const std::optional<std::string>& after, const mcp::Section& section) {
  const std::string old_text = before.value_or(""), new_text = after.value_or("");
  std::vector<std::string> shown;
  const auto old_read = ClientText::read(old_text, section, {}),
             new_read = ClientText::read(new_text, section, {});
  if (old_read) collect_shown(*old_read, shown);
  if (new_read) collect_shown(*new_read, shown);
  const std::string old_masked = old_read && before ? old_read->masked(shown) : "";
  const std::string new_masked = new_read && after ? new_read->masked(shown) : "";
  return text::line_diff(
      {.before = old_text, .after = new_text, .shown_before = old_masked, .shown_after = new_masked});
}

Result<std::vector<const mcp::Client*>> named_clients(const registry::Workspace& workspace,
                                                      const ConnectRequest& request,
                                                      const std::vector<std::string>& all) {
  std::vector<std::string> names;
  for (const mcp::Client& client : mcp::clients()) names.emplace_back(client.name);
  if (request.clients.empty() && !request.all) {
    const auto here = clients_here(workspace);
    return fail(Code::kBadArgument,
                here.empty() ? fmt::format("name a client: {}", fmt::join(names, ", "))
                             : fmt::format("name a client, or --all; found here: {}", fmt::join(here, ", ")),
                {}, here.empty() ? "rtt mcp connect claude" : "rtt mcp connect " + here.front());
  }
  std::vector<const mcp::Client*> out;
  for (const std::string& name : request.clients) {
    const mcp::Client* client = mcp::find_client(name);
    if (client == nullptr) {
      const auto near = model::nearest(name, names);
      return fail(Code::kNotFound,
                  fmt::format("no client `{}` is known; known are {}", name, fmt::join(names, ", ")), {},
                  near ? "rtt mcp connect " + *near : "rtt mcp connect claude");
    }
    if (std::ranges::find(out, client) == out.end()) out.push_back(client);
  }
  if (request.all) {
    out.clear();
    for (const std::string& name : all) out.push_back(mcp::find_client(name));
  }
  return out;
}

}  // namespace rtt::panel
