// SPDX-License-Identifier: Apache-2.0
#include "panel/connect.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mcp/backends/launch.h"
#include "mcp/configs/client_entry.h"
#include "mcp/pins/contracts.h"
#include "model/limits.h"
#include "os/file.h"
#include "panel/connect_text.h"
#include "registry/secrets.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using mcp::ClientText;
using registry::Workspace;
using text::Json;

Result<std::vector<mcp::PinnedServer>> accepted_servers(const Workspace& workspace) {
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  const auto contracts = snapshot.in_force();
  RTT_TRY_SET(auto pinned, mcp::pinned_servers(contracts));
  if (pinned.empty()) RTT_TRY(snapshot.signers_known());
  if (pinned.empty())
    return fail(Code::kNotFound, "this workspace has no MCP servers yet", workspace.root, "rtt mcp import");
  return pinned;
}

// Where the client looks for its servers in that file.
mcp::Section section_for(const Workspace& workspace, const mcp::Client& client, ClientScope scope,
                         const std::string& text) {
  mcp::Section out{.form = client.form, .path = {"mcpServers"}};
  switch (client.form) {
    case mcp::ClientForm::kServers:
      out.path = {"servers"};
      break;
    case mcp::ClientForm::kOpenCode:
      out.path = {"mcp"};
      break;
    case mcp::ClientForm::kContextServers:
      out.path = {"context_servers"};
      break;
    case mcp::ClientForm::kCodexToml:
    case mcp::ClientForm::kVibeToml:
      out.path = {"mcp_servers"};
      break;
    case mcp::ClientForm::kMcpServers:
      if (client.name == "claude" && scope == ClientScope::kUser && workspace.root != workspace.user_dir)
        out.path = {"projects", workspace.root, "mcpServers"};
      if (client.name == "mcp-hub") {
        const auto found = mcp::sections_of(text, "servers.json", {});
        if (found && !found->empty()) out.path = found->front().path;
      }
      break;
  }
  return out;
}

// One client's file and all that decides what happens to it.
class Connecting {
 public:
  Connecting(const Workspace& workspace, const ConnectRequest& request, const mcp::Client& client,
             const std::vector<mcp::PinnedServer>& servers)
      : workspace_(workspace),
        request_(request),
        client_(client),
        servers_(servers),
        secrets_(workspace.user_dir),
        bases_(mcp::path_bases(workspace)),
        scope_(request.project ? ClientScope::kProject : ClientScope::kUser) {}

  ClientChange run() {
    out_.client = client_.name;
    out_.scope = client_.name == "claude" && scope_ == ClientScope::kUser ? "local" : to_string(scope_);
    if (auto done = plan(); !done) out_.error = std::move(done).error();
    return std::move(out_);
  }

 private:
  Status plan() {
    RTT_TRY(open_file());
    RTT_TRY(read_other_scope());
    const mcp::Section section = section_for(workspace_, client_, scope_, file_.text.value_or(""));
    RTT_TRY_SET(const ClientText present, ClientText::read(file_.text.value_or(""), section, out_.shown));
    if (in_place(present)) {
      out_.after = out_.before;
      for (const auto& server : servers_) out_.rows.push_back({.name = server.config.name, .state = "same"});
      return {};
    }
    // Planned from the file as it was before RTT, so that a second time is no different from the first.
    std::optional<std::string> base = file_.text;
    const ConnectStore store(workspace_);
    RTT_TRY_SET(const auto earlier, store.find(out_.client, file_.path));
    if (earlier) note_held(*earlier, present);
    if (earlier && file_.text) {
      RTT_TRY_SET(auto back, reverted(*earlier, *file_.text, out_.shown));
      base = std::move(back.text);
    }
    RTT_TRY_SET(ClientText text, ClientText::read(base.value_or(""), section, out_.shown));
    ConnectRecord record{.client = out_.client,
                         .scope = out_.scope,
                         .workspace = workspace_.root,
                         .file = file_.path,
                         .section = section,
                         .single = request_.single,
                         .original = base};
    RTT_TRY(request_.single ? put_one(text, record) : put_each(text, record));
    out_.after = record.entries.empty() ? base : std::optional(text.text());
    record.left_hash = hash_of(out_.after.value_or(""));
    out_.diff = diff_of(out_.before, out_.after, section);
    out_.record = std::move(record);
    return {};
  }

  // Servers whose entries RTT took the place of before, and still does.
  void note_held(const ConnectRecord& earlier, const ClientText& present) {
    const auto ours = [&](const std::string& name) {
      const mcp::EntryText* const entry = present.find(name);
      return entry != nullptr && is_door(*entry, present.section()) &&
             workspace_of_door(*entry, present.section(), project()) == workspace_.root;
    };
    const bool single = earlier.single && ours(kSingleName);
    for (const RecordedEntry& entry : earlier.entries) {
      if (ours(entry.name) || (single && present.find(entry.name) == nullptr)) held_.push_back(entry.name);
    }
  }

  // What a door without a folder of its own serves.
  [[nodiscard]] std::string project() const {
    return scope_ == ClientScope::kProject ? workspace_.root : std::string();
  }

  Status open_file() {
    const auto places = client_files(workspace_, client_, scope_);
    if (places.empty()) {
      return fail(Code::kBadArgument, fmt::format("{} has no configuration of a project", client_.product),
                  {}, fmt::format("rtt mcp connect {}", client_.name));
    }
    ClientFile place = places.front();
    for (const ClientFile& one : places) {
      if (os::exists(one.path)) {
        place = one;
        break;
      }
    }
    out_.shown = place.shown;
    RTT_TRY_SET(file_, read_client_file(place.path));
    out_.path = file_.path;
    out_.before = file_.text;
    return {};
  }

  // Names the client's other file has, which it would list beside ours or instead of them.
  Status read_other_scope() {
    const ClientScope other = scope_ == ClientScope::kUser ? ClientScope::kProject : ClientScope::kUser;
    for (const ClientFile& file : client_files(workspace_, client_, other)) {
      RTT_TRY_SET(const FileText text, read_client_file(file.path));
      if (!text.text) continue;
      other_shown_ = file.shown;
      const mcp::Section section = section_for(workspace_, client_, ClientScope::kProject, *text.text);
      RTT_TRY_SET(const ClientText read, ClientText::read(*text.text, section, file.shown));
      for (const mcp::EntryText& entry : read.entries()) {
        const bool door = is_door(entry, section);
        (door ? other_doors_ : other_direct_).push_back(entry.name);
        // A view calls a server by its namespace, whatever its name.
        if (door) other_doors_.push_back(server_of_door(entry, section));
      }
    }
    if (client_.overlap == mcp::Overlap::kProjectOnly && scope_ == ClientScope::kUser &&
        !other_shown_.empty()) {
      return fail(Code::kBadArgument,
                  fmt::format("{} reads {} instead of {} here", client_.product, other_shown_, out_.shown),
                  other_shown_, fmt::format("rtt mcp connect {} --project", client_.name));
    }
    return {};
  }

  bool in_place(const ClientText& text) const {
    const auto is_ours = [&](const std::string& name, const std::string& server) {
      const mcp::EntryText* entry = text.find(name);
      if (entry == nullptr) return false;
      const auto fields =
          mcp::started_fields(text.section().form, door_of(workspace_, out_.client, server, scope_));
      return std::ranges::all_of(fields, [&](const auto& field) {
        const Json* value = entry->native.find(field.first);
        return field.first == "type" || (value != nullptr && *value == field.second);
      });
    };
    if (request_.single) {
      return is_ours(kSingleName, "") && std::ranges::none_of(servers_, [&](const auto& server) {
               return text.find(server.config.name) != nullptr;
             });
    }
    const mcp::EntryText* one = text.find(kSingleName);
    if (one != nullptr && is_door(*one, text.section()) &&
        workspace_of_door(*one, text.section(), project()) == workspace_.root)
      return false;
    return std::ranges::all_of(
        servers_, [&](const auto& server) { return is_ours(server.config.name, server.config.name); });
  }

  // Why this server's entry stays as it is; nothing if it may be RTT's.
  std::string obstacle(const ClientText& text, const mcp::PinnedServer& server) const {
    const std::string& name = server.config.name;
    const auto in = [&](const std::vector<std::string>& names) {
      return std::ranges::find(names, name) != names.end();
    };
    const bool local = client_.name == "claude";  // wins over both other files
    if (!local && scope_ == ClientScope::kUser && in(other_direct_)) {
      return fmt::format("{} names it too, and {}; rtt mcp connect {} --project", other_shown_,
                         client_.overlap == mcp::Overlap::kBoth ? "both would be listed" : "wins there",
                         client_.name);
    }
    if (scope_ == ClientScope::kUser && !local && in(other_doors_))
      return other_shown_ + " has RTT's entry already";
    if (scope_ == ClientScope::kProject && client_.overlap == mcp::Overlap::kBoth &&
        (in(other_direct_) || in(other_doors_)))
      return fmt::format("{} names it too, and both would be listed", other_shown_);
    const mcp::EntryText* entry = text.find(name);
    if (entry == nullptr) return {};
    if (is_door(*entry, text.section())) {
      const std::string other = workspace_of_door(*entry, text.section(), project());
      return other == workspace_.root ? "" : fmt::format("the workspace {} serves it there", other);
    }
    if (std::ranges::find(held_, name) != held_.end()) return {};  // looked at when it was replaced
    return in_words(differing(*entry, text.section(), server));
  }

  // What of an entry is another than what was accepted, by name and never by value: all that is accepted
  // would take its place, so what the entry alone has would be lost.
  std::vector<std::string> differing(const mcp::EntryText& entry, const mcp::Section& section,
                                     const mcp::PinnedServer& server) const {
    const Json read =
        mcp::read_entry(entry.native, {.form = section.form,
                                       .name = entry.name,
                                       .bare_variables = mcp::expands_bare_variables(out_.path)})
            .entry;
    const mcp::ServerConfig& pinned = server.config;
    const auto of = [&read](std::string_view key) {
      const Json* const value = read.find(key);
      return value == nullptr ? Json() : *value;
    };
    if (pinned.transport == "http") {
      std::vector<std::string> out;
      if (!same(pinned.url, of("url"))) out.emplace_back("url");
      add_differing("header", pinned.headers, of("headers"), out);
      return out;
    }
    if (!same(pinned.command, of("command"))) return {"command"};
    const Json args = of("args");
    static const text::JsonArray none;
    if (!std::ranges::equal(pinned.args.as_array(), args.is_array() ? args.as_array() : none,
                            [this](const Json& a, const Json& b) { return same(a, b); }))
      return {"args"};
    std::vector<std::string> out;
    add_differing("env", pinned.env, of("env"), out);
    // A server of the user has a folder of its own where the client gives it none.
    const bool given = pinned.instances == mcp::Instances::kShared && pinned.directory == "${home}";
    const std::string directory = mcp::portable_text(read.string_or("cwd"), bases_);
    if (directory != pinned.directory && !(given && directory.empty())) out.emplace_back("cwd");
    return out;
  }

  void add_differing(std::string_view what, const Json& pinned, const Json& theirs,
                     std::vector<std::string>& out) const {
    std::set<std::string> names;
    for (const Json* side : {&pinned, &theirs}) {
      if (!side->is_object()) continue;
      for (const auto& [name, value] : side->as_object()) names.insert(name);
    }
    for (const std::string& name : names) {
      const Json* const a = pinned.find(name);
      const Json* const b = theirs.find(name);
      if (a == nullptr || b == nullptr || !same(*a, *b)) out.push_back(fmt::format("{} {}", what, name));
    }
  }

  [[nodiscard]] bool same(const Json& pinned, const Json& theirs) const {
    const auto a = spelled(pinned), b = spelled(theirs);
    return a && b && mcp::portable_text(*a, bases_) == mcp::portable_text(*b, bases_);
  }

  // A value as a client's file would have it, with this user's secrets in place; nothing where one is not
  // here.
  [[nodiscard]] std::optional<std::string> spelled(const Json& value) const {
    if (value.is_string()) return value.as_string();
    if (const std::string_view secret = value.string_or("secret"); !secret.empty()) {
      auto stored = secrets_.get(secret);
      return stored ? std::optional(*std::move(stored)) : std::nullopt;
    }
    if (const std::string_view variable = value.string_or("env"); !variable.empty()) {
      const Json* const otherwise = value.find("else");
      if (otherwise == nullptr) return fmt::format("${{{}}}", variable);
      const auto text = spelled(*otherwise);
      return text ? std::optional(fmt::format("${{{}:-{}}}", variable, *text)) : std::nullopt;
    }
    const Json* const parts = value.find("concat");
    if (parts == nullptr || !parts->is_array()) return std::nullopt;
    std::string out;
    for (const Json& part : parts->as_array()) {
      const auto text = spelled(part);
      if (!text) return std::nullopt;
      out += *text;
    }
    return out;
  }

  static std::string in_words(const std::vector<std::string>& differing) {
    if (differing.empty()) return {};
    if (differing.front() == "command" || differing.front() == "args")
      return "its entry there starts another program than the server accepted here";
    return fmt::format("its entry there has another {} than the server accepted here",
                       fmt::join(differing, ", "));
  }

  Status put_each(ClientText& text, ConnectRecord& record) {
    for (const auto& server : servers_) {
      const std::string& name = server.config.name;
      if (std::string why = obstacle(text, server); !why.empty()) {
        out_.rows.push_back({.name = name, .state = "left", .why = std::move(why)});
        continue;
      }
      const mcp::EntryText* entry = text.find(name);
      RecordedEntry kept{.name = name, .raw = {}};
      if (entry != nullptr) kept.raw = entry->raw;
      out_.rows.push_back({.name = name, .state = entry != nullptr ? "replaced" : "added"});
      RTT_TRY_SET(text, text.with(door_of(workspace_, out_.client, name, scope_)));
      record.entries.push_back(std::move(kept));
    }
    return {};
  }

  Status put_one(ClientText& text, ConnectRecord& record) {
    const mcp::EntryText* taken = text.find(kSingleName);
    if (taken != nullptr)
      return fail(Code::kNameClash, fmt::format("a server `{}` is there already", kSingleName), out_.shown,
                  fmt::format("rtt mcp connect {}", client_.name));
    for (const auto& server : servers_) {
      const std::string& name = server.config.name;
      if (std::ranges::find(other_direct_, name) != other_direct_.end()) {
        return fail(Code::kNameClash,
                    fmt::format("{} starts `{}` itself, so {} would list its tools twice", other_shown_, name,
                                client_.product),
                    other_shown_, fmt::format("rtt mcp connect {} (without --single)", client_.name));
      }
      if (std::ranges::find(other_doors_, name) != other_doors_.end()) {
        return fail(Code::kNameClash,
                    fmt::format("{} has RTT's entry for `{}` already, so {} would list its tools twice",
                                other_shown_, name, client_.product),
                    other_shown_, fmt::format("rtt mcp connect {} (without --single)", client_.name));
      }
      const mcp::EntryText* entry = text.find(name);
      if (entry == nullptr) continue;
      if (std::string why = obstacle(text, server); !why.empty()) {
        out_.rows.push_back({.name = name, .state = "left", .why = std::move(why)});
        continue;
      }
      out_.rows.push_back({.name = name, .state = "replaced"});
      record.entries.push_back({.name = name, .raw = entry->raw});
      RTT_TRY_SET(text, text.without(name));
    }
    out_.rows.push_back({.name = kSingleName, .state = "added"});
    record.entries.push_back({.name = kSingleName, .raw = {}});
    RTT_TRY_SET(text, text.with(door_of(workspace_, out_.client, "", scope_)));
    return {};
  }

  const Workspace& workspace_;
  const ConnectRequest& request_;
  const mcp::Client& client_;
  const std::vector<mcp::PinnedServer>& servers_;
  registry::SecretStore secrets_;
  mcp::PathBases bases_;
  ClientScope scope_;
  FileText file_;
  std::string other_shown_;
  std::vector<std::string> other_direct_, other_doors_, held_;
  ClientChange out_;
};

// ${VAR} as the client writes it.
std::string variable(const mcp::Client& client, std::string_view name) {
  if (client.form == mcp::ClientForm::kOpenCode) return fmt::format("{{env:{}}}", name);
  if (client.name == "vscode" || client.name == "cursor") return fmt::format("${{env:{}}}", name);
  return fmt::format("${{{}}}", name);
}

}  // namespace

std::vector<std::string> clients_here(const Workspace& workspace) {
  std::vector<std::string> out;
  for (const mcp::Client& client : mcp::clients()) {
    if (is_used_here(workspace, client)) out.emplace_back(client.name);
  }
  return out;
}

Result<std::vector<ClientChange>> plan_connect(const Workspace& workspace, const ConnectRequest& request) {
  const auto here = clients_here(workspace);
  RTT_TRY_SET(const auto clients, named_clients(workspace, request, here));
  if (clients.empty())
    return fail(Code::kNotFound, "no AI client is set up for this user or project", workspace.root,
                "rtt mcp connect claude");
  RTT_TRY_SET(const auto servers, accepted_servers(workspace));
  std::vector<ClientChange> out;
  for (const mcp::Client* client : clients) {
    if (request.all && request.project && client->project.front().path.empty()) continue;
    out.push_back(Connecting(workspace, request, *client, servers).run());
  }
  return out;
}

Result<std::vector<ClientChange>> plan_disconnect(const Workspace& workspace, const ConnectRequest& request,
                                                  GiveBack how) {
  const ConnectStore store(workspace);
  RTT_TRY_SET(const auto records, store.all());
  std::vector<std::string> connected;
  for (const ConnectRecord& record : records) {
    if (std::ranges::find(connected, record.client) == connected.end()) connected.push_back(record.client);
  }
  RTT_TRY_SET(const auto clients, named_clients(workspace, request, connected));
  std::vector<mcp::PinnedServer> servers;
  if (how == GiveBack::kNative) {
    if (auto accepted = accepted_servers(workspace)) servers = *std::move(accepted);
  }
  std::vector<ClientChange> out;
  for (const ConnectRecord& record : records) {
    const mcp::Client* client = mcp::find_client(record.client);
    if (std::ranges::find(clients, client) == clients.end()) continue;
    const Native native = [&](const std::string& name) -> std::optional<mcp::Started> {
      const auto at = std::ranges::find_if(servers, [&](const auto& one) { return one.config.name == name; });
      if (at == servers.end()) return std::nullopt;
      const mcp::PathBases bases = mcp::path_bases(workspace);
      const auto said = [&](const Json& value) {  // secrets by the name of a variable, never by value
        return mcp::native_text(value, bases,
                                [client](std::string_view word) { return variable(*client, word); });
      };
      mcp::Started started{.name = name, .command = {said(at->config.command)}};
      for (const Json& arg : at->config.args.as_array()) started.command.push_back(said(arg));
      for (const auto& [key, value] : at->config.env.as_object()) started.env.emplace_back(key, said(value));
      if (!at->config.directory.empty()) started.directory = said(Json(at->config.directory));
      return started;
    };
    ClientChange change{.client = record.client,
                        .scope = record.scope,
                        .path = record.file,
                        .shown = shown_path(workspace, record.file),
                        .record = record};
    const auto plan = [&]() -> Status {
      RTT_TRY_SET(const FileText file, read_client_file(record.file));
      if (!file.text) {
        return fail(Code::kNotFound, fmt::format("{} is gone; nothing was written", change.shown),
                    change.shown, "its backup is " + store.backup_of(record));
      }
      change.before = file.text;
      RTT_TRY_SET(Reverted back,
                  reverted(record, *file.text, change.shown, how == GiveBack::kNative ? native : Native{}));
      change.after = std::move(back.text);
      change.rows = std::move(back.rows);
      if (!back.exact && how == GiveBack::kAsItWas) {
        change.rows.push_back({.name = change.shown,
                               .state = "kept",
                               .why = "the file was edited since; only RTT's entries are taken back"});
      }
      change.diff = diff_of(change.before, change.after, record.section);
      return {};
    };
    if (auto done = plan(); !done) change.error = std::move(done).error();
    out.push_back(std::move(change));
  }
  return out;
}

}  // namespace rtt::panel
