// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "mcp/backends/launch.h"
#include "mcp/own/own_tools.h"
#include "mcp/pins/one_list.h"
#include "model/limits.h"
#include "os/file.h"
#include "os/process.h"
#include "registry/secret_split.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kServersAtOnce = 24;     // listed side by side; most of a start is waiting
constexpr std::size_t kSideBySide = 2;         // lists of one server
constexpr std::size_t kPrintedBytesMax = 600;  // of what a failed server printed

std::string transport_of(const Json& entry) {
  const std::string_view type = entry.string_or("type", entry.string_or("transport"));
  if (!type.empty()) return std::string(type);
  return entry.find("command") ? "stdio" : entry.find("url") ? "http" : "stdio";
}

std::string last_printed(std::string log) {
  while (log.ends_with('\n')) log.pop_back();
  if (log.size() <= kPrintedBytesMax) return clean_text(log);
  const std::size_t from = log.find('\n', log.size() - kPrintedBytesMax);
  return clean_text(log.substr(from == std::string::npos ? log.size() - kPrintedBytesMax : from + 1));
}

Json error_json(const Error& error) {
  std::string message = error.message;
  for (const std::string& cause : error.causes) message += ": " + cause;
  return Json::object(
      {{"code", code_name(error.code)}, {"message", message}, {"where", error.where}, {"hint", error.hint}});
}

// One server being listed, as capability_probe.h wants it. Two lists run side by side: what most servers take
// is time, not work. A server that cannot run twice at once (one port, one locked file) fails beside itself
// only, so a list that failed where another one came is asked for once more, alone.
class Listing {
 public:
  using OnImported = std::function<void(Imported)>;
  // `done` runs later on the loop, once. `digests` outlives this.
  Listing(os::Loop& loop, Imported imported, const ImportOptions& options, CodeDigests& digests,
          OnImported done)
      : loop_(loop),
        imported_(std::move(imported)),
        digests_(digests),
        done_(std::move(done)),
        workspace_(options.workspace),
        deadline_ms_(options.deadline_ms) {}

  // Everything that can be refused without starting anything comes here already refused.
  void begin() {
    if (imported_.error) return deliver();
    auto pins = std::make_shared<PinnedServer>();
    pins->connector = {.ns = imported_.ns, .type = model::SymbolType::kConnector, .name = imported_.ns};
    pins->config = imported_.config;
    pins->config.instances = Instances::kSession;  // what is listed is started for this alone
    pins_ = std::move(pins);
    go_on();
  }

 private:
  struct Wanted {
    ClientFeatures set;
    std::unique_ptr<OneList> list;  // while it runs
    std::optional<OneList::Answer> answer;
    enum class Run : std::uint8_t { kWaits, kBeside, kAlone } run = Run::kWaits;
  };

  // The next round of lists, or the whole.
  void go_on() {
    round_.clear();
    for (const ClientFeatures set : probe_.wanted()) round_.push_back({.set = set, .list = {}, .answer = {}});
    if (round_.empty()) {
      finish();
      return deliver();
    }
    side_by_side_ = kSideBySide;
    start_more();
  }
  void start_more() {
    for (std::size_t i = 0; i < round_.size() && running() < side_by_side_; ++i) {
      if (round_[i].answer || round_[i].list) continue;
      const bool alone = round_.size() == 1 || side_by_side_ == 1;
      round_[i].run = alone ? Wanted::Run::kAlone : Wanted::Run::kBeside;
      round_[i].list = std::make_unique<OneList>(loop_,
                                                 OneList::Options{.pins = pins_,
                                                                  .workspace = workspace_,
                                                                  .fresh = imported_.secrets,
                                                                  .client = round_[i].set,
                                                                  .deadline_ms = deadline_ms_},
                                                 [this, i](OneList::Answer answer) {
                                                   round_[i].answer = std::move(answer);
                                                   round_[i].list.reset();
                                                   start_more();
                                                 });
    }
    if (running() == 0) end_round();
  }
  [[nodiscard]] std::size_t running() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(round_, [](const Wanted& wanted) { return wanted.list != nullptr; }));
  }
  void end_round() {
    if (std::ranges::any_of(round_, [](const Wanted& one) { return !one.answer->error; })) {
      bool again = false;
      for (Wanted& one : round_) {
        if (!one.answer->error || one.run == Wanted::Run::kAlone) continue;
        one.answer.reset();
        again = true;
      }
      side_by_side_ = 1;
      if (again) return start_more();
    }
    for (Wanted& one : round_) {  // in the order wanted: what came first changes nothing
      if (one.answer->error && one.set.empty()) return fail_with(std::move(*one.answer));
      if (one.answer->error) {
        imported_.warnings.push_back(fmt::format("a client with {} is not known to be served: {}",
                                                 to_string(one.set), one.answer->error->message));
        probe_.failed(one.set);
        continue;
      }
      if (one.set.empty()) imported_.info = std::move(one.answer->info);
      probe_.listed(one.set, one.answer->definitions);
    }
    go_on();
  }
  void finish() {
    imported_.offer = probe_.offer();
    imported_.lists = probe_.lists();
    for (const ClientFeatures set : probe_.unexplained()) {
      imported_.warnings.push_back(
          fmt::format("its list for a client with {} follows from no other", to_string(set)));
    }
    look_at_code();
    auto manifest = manifest_from(imported_.config, imported_.info, imported_.offer);
    if (manifest) {
      imported_.manifest = *std::move(manifest);
      imported_.state = ImportState::kListed;
    } else {
      imported_.error = std::move(manifest).error();
    }
  }
  void look_at_code() {
    if (imported_.config.transport != "stdio") return;
    auto launch = resolve_launch(imported_.config, workspace_, imported_.secrets);
    if (!launch) return;
    if (const auto record = read_code_record(workspace_, imported_.ns)) digests_.know(record->code);
    imported_.code = code_of(std::move(launch->options), digests_);
    imported_.info.package = imported_.code.package;
  }
  void fail_with(OneList::Answer answer) {
    Error why = *std::move(answer.error);
    // One that never ran printed nothing: its log holds only why, which `why` says.
    const bool ran = !why.hint.starts_with("look at its command");
    const bool http = imported_.config.transport == "http";  // it prints nothing here
    const std::string printed = ran && !http ? last_printed(std::move(answer.log)) : std::string();
    if (!printed.empty()) why.causes.push_back("it printed: " + printed);
    if (http && (why.hint.empty() || why.hint.starts_with("rtt mcp logs"))) {
      why.hint = "look whether its address is right";
    } else if (!http && (!ran || why.hint.starts_with("rtt mcp logs"))) {
      why.hint = "run its command by hand to see what it misses";
    }
    imported_.error = std::move(why);
    deliver();
  }
  void deliver() {
    loop_.post([this, alive = std::weak_ptr(alive_)] {
      if (alive.expired() || !done_) return;
      const OnImported done = std::exchange(done_, nullptr);
      done(std::move(imported_));  // may destroy this
    });
  }

  os::Loop& loop_;
  Imported imported_;
  CodeDigests& digests_;
  OnImported done_;
  registry::Workspace workspace_;
  std::int64_t deadline_ms_;  // for each list
  std::shared_ptr<const PinnedServer> pins_;
  CapabilityProbe probe_;
  std::vector<Wanted> round_;
  std::size_t side_by_side_ = kSideBySide;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Imported refused(Imported imported, ImportState state, Error why) {
  imported.state = state;
  imported.error = std::move(why);
  return imported;
}

void keep_settings(ServerConfig& config, const std::vector<ServerConfig>& accepted) {
  const auto same = std::ranges::find_if(accepted, [&](const ServerConfig& one) {
    return namespace_of(one.name) == namespace_of(config.name) && one.transport == config.transport;
  });
  if (same == accepted.end()) return;
  config.instances = same->instances;
  config.drift = same->drift;
  config.sandbox = same->sandbox;
  if (!(same->url == config.url)) return;
  config.ca_file = config.ca_file.empty() ? same->ca_file : config.ca_file;
  config.plain_http = config.plain_http || same->plain_http;
}

// What can be known of an entry before anything is started.
Imported prepared(const ConfigServer& server, const ImportOptions& options) {
  Imported imported{.name = server.name};
  auto ns = namespace_of(server.name);
  if (!ns) return refused(std::move(imported), ImportState::kFailed, std::move(ns).error());
  imported.ns = *std::move(ns);
  imported.path = manifest_path(imported.ns);
  if (is_own_door(server.entry)) {
    return refused(std::move(imported), ImportState::kUnsupported,
                   Error{.code = Code::kServerStart,
                         .message = fmt::format("server '{}' is `rtt mcp serve` itself, put there for an AI "
                                                "client; there is nothing to import from it",
                                                server.name),
                         .where = server.file,
                         .hint = "rtt mcp ls"});
  }
  if (imported.ns == kOwnNamespace) {
    return refused(std::move(imported), ImportState::kFailed,
                   Error{.code = Code::kNameClash,
                         .message = fmt::format("server '{}' has the name of RTT's own tools", server.name),
                         .where = server.file,
                         .hint = "give it another name in that file"});
  }
  if (server.why) return refused(std::move(imported), ImportState::kUnsupported, *server.why);
  const std::string transport = transport_of(server.entry);
  if (transport != "stdio" && transport != "http" && transport != "sse") {
    return refused(
        std::move(imported), ImportState::kUnsupported,
        Error{.code = Code::kServerStart,
              .message = fmt::format("server '{}' is reached by {}; RTT reaches servers by stdio and HTTP",
                                     server.name, clean_text(transport.substr(0, 40))),
              .where = server.file});
  }
  auto split = registry::split_secrets(server.entry,
                                       {.ns = imported.ns, .plain = options.plain, .marked = options.marked});
  if (!split)
    return refused(std::move(imported), ImportState::kFailed, std::move(split).error().at(server.file));
  imported.secrets = std::move(split->secrets);
  auto config = config_from_entry(server.name, split->entry, path_bases(options.workspace));
  if (!config)
    return refused(std::move(imported), ImportState::kFailed, std::move(config).error().at(server.file));
  imported.config = *std::move(config);
  if (options.scope == ImportOptions::Scope::kUser) {
    imported.config.instances = Instances::kShared;
    if (imported.config.directory.empty() && imported.config.transport == "stdio")
      imported.config.directory = "${home}";
  }
  keep_settings(imported.config, options.accepted);
  if (imported.config.transport == "http") {
    imported.config.plain_http = imported.config.plain_http || options.plain_http;
    if (!options.ca_file.empty())
      imported.config.ca_file = portable_text(options.ca_file, path_bases(options.workspace));
  }
  return imported;
}

Imported prepared(ServerConfig config) {
  Imported imported{.name = config.name};
  auto ns = namespace_of(config.name);
  if (!ns) return refused(std::move(imported), ImportState::kFailed, std::move(ns).error());
  imported.ns = *std::move(ns);
  imported.path = manifest_path(imported.ns);
  imported.config = std::move(config);
  return imported;
}

// Lists all of them side by side, kServersAtOnce at a time; results in the order given.
Result<std::vector<Imported>> list_all(std::vector<Imported> wanted, const ImportOptions& options) {
  os::ignore_broken_pipes();  // a server that ends before it was asked is an outcome
  RTT_TRY_SET(const std::unique_ptr<os::Loop> loop, os::Loop::create());
  std::vector<Imported> results(wanted.size());
  std::vector<std::unique_ptr<Listing>> jobs(wanted.size());
  CodeDigests digests;
  std::size_t next = 0, left = wanted.size();
  std::function<void()> start_more = [&] {
    const auto running = [&] { return next - (wanted.size() - left); };
    while (next < wanted.size() && running() < kServersAtOnce) {
      const std::size_t index = next++;
      const auto done = [&, index](Imported imported) {
        results[index] = std::move(imported);
        --left;
        loop->post([&, index] { jobs[index].reset(); });
        start_more();
        if (left == 0) loop->stop();
      };
      jobs[index] = std::make_unique<Listing>(*loop, std::move(wanted[index]), options, digests, done);
      jobs[index]->begin();
    }
  };
  if (wanted.empty()) return results;
  start_more();
  loop->run();
  jobs.clear();
  return results;
}

}  // namespace

bool is_own_door(const Json& entry) {
  const std::string_view command = entry.string_or("command");
  if (command.substr(command.rfind('/') + 1) != "rtt") {
    const auto real = os::real_path(std::string(command));
    if (!command.contains('/') || !real || *real != os::own_executable()) return false;
  }
  const Json* args = entry.find("args");
  if (args == nullptr || !args->is_array()) return false;
  const auto& words = args->as_array();
  return std::ranges::adjacent_find(words, [](const Json& one, const Json& next) {
           return one == Json("mcp") && next == Json("serve");
         }) != words.end();
}

std::string_view to_string(ImportState state) {
  switch (state) {
    case ImportState::kListed:
      return "listed";
    case ImportState::kUnsupported:
      return "unsupported";
    case ImportState::kFailed:
      break;
  }
  return "failed";
}

Json summary(const Imported& imported) {
  std::size_t tools = 0, resources = 0, prompts = 0;
  const Offered* before = nullptr;
  for (const Offered& one : imported.offer) {
    const bool variant = before && before->kind == one.kind && before->key() == one.key();
    before = &one;
    if (variant) continue;
    ++(one.kind == ItemKind::kTool ? tools : one.kind == ItemKind::kPrompt ? prompts : resources);
  }
  Json warnings(text::JsonArray{});
  for (const std::string& warning : imported.warnings) warnings.push(warning);
  Json row = Json::object({{"name", imported.name},
                           {"namespace", imported.ns},
                           {"version", to_string(version_of(imported.info))},
                           {"protocol", imported.info.protocol},
                           {"tools", tools},
                           {"resources", resources},
                           {"prompts", prompts},
                           {"lists", imported.lists},
                           {"warnings", std::move(warnings)},
                           {"state", to_string(imported.state)}});
  if (imported.error) row.set("error", error_json(*imported.error));
  return row;
}

Imported read_server(const ConfigServer& server, const ImportOptions& options) {
  return prepared(server, options);
}

std::optional<CodeRecord> code_record_of(const Imported& imported) {
  if (imported.config.transport != "stdio") return std::nullopt;
  return CodeRecord{.pin = code_pin(imported.config, imported.info), .code = imported.code};
}

Status keep_code(const registry::Workspace& workspace, const Imported& imported) {
  const auto record = code_record_of(imported);
  return record ? write_code_record(workspace, imported.ns, *record) : Status();
}

Result<std::vector<Imported>> import_servers(const std::vector<ConfigServer>& servers,
                                             const ImportOptions& options) {
  if (servers.size() > limits::kMcpServersMax) {
    return fail(Code::kLimit,
                fmt::format("{} servers; {} are the most", servers.size(), limits::kMcpServersMax));
  }
  std::vector<std::string> names;
  for (const ConfigServer& server : servers) {
    if (namespace_of(server.name))
      names.push_back(server.name);  // the others fail one by one, with their reason
  }
  if (auto clash = namespaces_of(names); !clash) return std::unexpected(std::move(clash).error());
  std::vector<Imported> wanted;
  for (const ConfigServer& server : servers) wanted.push_back(prepared(server, options));
  return list_all(std::move(wanted), options);
}

Result<Imported> import_server(ConfigServer server, const ImportOptions& options) {
  RTT_TRY_SET(std::vector<Imported> all, import_servers({std::move(server)}, options));
  return std::move(all.front());
}

Result<std::vector<Imported>> list_servers(std::vector<ServerConfig> configs, const ImportOptions& options) {
  std::vector<Imported> wanted;
  for (ServerConfig& config : configs) wanted.push_back(prepared(std::move(config)));
  return list_all(std::move(wanted), options);
}

}  // namespace rtt::mcp
