// SPDX-License-Identifier: Apache-2.0
#include "chaos/rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "model/limits.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/output_of.h"
#include "panel/start.h"
#include "registry/snapshot.h"

namespace rtt::chaos {
namespace {

using text::Json;

constexpr std::size_t kOutputBytesMax = std::size_t{256} << 20;  // an audit of a long run
constexpr int kPairs = 6;

// Generated, others' business, or the reason of a side effect outside of the copy.
bool stays_out(const os::Entry& entry) {
  constexpr std::array kAtRoot{"agents", "skills", "views", "overlays", "providers", "rules", "commands"};
  constexpr std::array kBelowDot{".rtt/registry", ".rtt/plans",   ".rtt/cache",
                                 ".rtt/wal",      ".rtt/sockets", ".rtt/tuned",
                                 ".rtt/receipts", ".rtt/pack",    ".rtt/index.json"};
  if (entry.name == ".git" || entry.name == "node_modules" || entry.name.ends_with(".sig")) return true;
  if (entry.depth == 0 && std::ranges::find(kAtRoot, entry.name) != kAtRoot.end()) return true;
  return std::ranges::find(kBelowDot, entry.path) != kBelowDot.end();
}

Json contract(std::string_view saddr, std::string_view direction) {
  const std::string_view type = saddr.substr(saddr.find('/', 6) + 1);
  return Json::object({{"$schema", "https://rtt/spec/v1"},
                       {"symbol", Json::object({{"saddr", saddr},
                                                {"type", type.substr(0, type.find('/'))},
                                                {"direction", direction}})}});
}

Json own_contracts(std::uint16_t http_port) {
  Json list = text::JsonArray{};
  list.push(contract(fmt::format("{}@1.0.0", kCaller), "consumer"));
  list.push(contract(fmt::format("{}@1.0.0", kHostile), "consumer"));
  list.push(contract(fmt::format("{}@1.0.0#a", kEcho), "provider"));
  list.push(contract(fmt::format("{}@1.0.0#b", kEcho), "provider"));
  list.push(contract(fmt::format("{}@1.0.0", kBus), "both"));
  list.push(contract(fmt::format("{}@1.0.0", kSink), "provider"));
  for (int i = 0; i < kPairs; ++i) {
    list.push(contract(fmt::format("rtt://chaos/hook/h{}@1.0.0", i), "consumer"));
    list.push(contract(fmt::format("rtt://chaos/api/a{}@1.0.0", i), "provider"));
  }
  Json http = contract(fmt::format("{}@1.0.0", kHttp), "provider");
  Json symbol = *http.find("symbol");
  symbol.set("driver",
             Json::object({{"use", "http"},
                           {"params", Json::object({{"url", fmt::format("http://127.0.0.1:{}/", http_port)},
                                                    {"timeout_ms", 2000}})}}));
  http.set("symbol", std::move(symbol));
  list.push(std::move(http));
  return Json::object({{"contracts", std::move(list)}});
}

Json pair(std::string_view from, std::string_view to) { return Json::object({{"from", from}, {"to", to}}); }

// A: each pair to its own, the caller to #a. B: to the next one's, and to #b.
void add_routes(Json& routes, std::size_t which) {
  routes.push(pair(kCaller, fmt::format("{}#{}", kEcho, which == 0 ? "a" : "b")));
  routes.push(pair(kHostile, fmt::format("{}#a", kEcho)));
  routes.push(pair(kBus, kSink));
  for (int i = 0; i < kPairs; ++i) {
    const int to = (i + static_cast<int>(which)) % kPairs;
    routes.push(pair(fmt::format("rtt://chaos/hook/h{}", i), fmt::format("rtt://chaos/api/a{}", to)));
  }
}

Result<Json> read_object(const std::string& path) {
  if (!os::exists(path)) return Json(text::JsonObject{});
  RTT_TRY_SET(const std::string text, os::read_file(path, limits::kConfigBytesMax));
  return text::parse_json(text, {.source_name = path});
}

Json list_in(const Json& object, std::string_view key) {
  const Json* list = object.find(key);
  return list != nullptr && list->is_array() ? *list : Json(text::JsonArray{});
}

// What counts in the original: the copy is signed by a key of its own, so nothing else may get into it.
Status all_in_force(const registry::Snapshot& snapshot) {
  using registry::Standing;
  const auto sign_first = [](std::string_view what, Standing standing, const std::string& path) {
    return fail(
        standing == Standing::kRefused ? Code::kUnsigned : Code::kChangedUnsigned,
        fmt::format("a chaos run signs its copy of the workspace anew, and {} is not in force as it stands",
                    what),
        path, "rtt sign " + path);
  };
  const auto counts = [](Standing standing) {
    return standing == Standing::kSigned || standing == Standing::kAllowedUnsigned;
  };
  for (const registry::SymbolEntry& entry : snapshot.symbols) {
    if (!counts(entry.standing))
      return sign_first(model::identity(entry.contract.saddr), entry.standing, entry.source);
  }
  for (const registry::ConfigEntry& entry : snapshot.configs) {
    if (!counts(entry.standing)) return sign_first(entry.path, entry.standing, entry.path);
  }
  return {};
}

}  // namespace

std::vector<std::string> edges_of(const Json& routes) {
  std::vector<std::string> edges;
  const Json* rows = routes.find("routes");
  if (rows == nullptr || !rows->is_array()) return edges;
  for (const Json& row : rows->as_array())
    edges.push_back(fmt::format("{} -> {}", row.string_or("from"), row.string_or("to")));
  std::ranges::sort(edges);
  return edges;
}

Result<std::unique_ptr<Rig>> Rig::make(const registry::Workspace& original, std::uint16_t http_port) {
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(original,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  RTT_TRY(snapshot.signers_known());
  RTT_TRY(all_in_force(snapshot));
  RTT_TRY_SET(os::TempDir folder, os::TempDir::create());
  RTT_TRY_SET(const std::string real, os::real_path(folder.path()));
  registry::Workspace workspace{.root = real + "/workspace", .user_dir = real + "/config/rtt"};
  std::unique_ptr<Rig> rig(new Rig(std::move(folder), std::move(workspace)));
  rig->contracts_ = snapshot.in_force();
  RTT_TRY(rig->copy(original));
  RTT_TRY(rig->add_own(http_port));
  RTT_TRY(rig->begin());
  return rig;
}

Rig::~Rig() { (void)panel::end_everything(workspace_); }

Status Rig::copy(const registry::Workspace& original) const {
  std::size_t bytes = 0, files = 0;
  Status copied;
  const auto visit = [&](const os::Entry& entry) {
    if (stays_out(entry)) return os::Visit::kSkip;
    const std::string to = workspace_.path(entry.path);
    if (entry.kind == os::EntryKind::kDirectory) {
      copied = os::make_directories(to);
    } else if (entry.kind == os::EntryKind::kFile) {
      const auto file = os::read_beneath(original.root, std::string(entry.path), kChaosCopyBytesMax - bytes);
      if (!file) {
        copied = std::unexpected(file.error());
      } else if (bytes += file->content.size(), ++files > kChaosCopyFilesMax) {
        copied = fail(Code::kTooLarge, fmt::format("a chaos run copies at most {} files", kChaosCopyFilesMax),
                      original.root, "run it on a smaller workspace, such as a clone without what was built");
      } else {
        copied = os::write_atomic(to, file->content,
                                  {.mode = file->executable ? 0755U : 0644U, .durable = os::Durable::kNo});
      }
    }
    return copied ? os::Visit::kContinue : os::Visit::kStop;
  };
  RTT_TRY(os::make_directories(workspace_.root));
  RTT_TRY_SET(const auto walked, os::walk(original.root, {}, visit));
  (void)walked;
  RTT_TRY(std::move(copied));
  for (const model::Contract& one :
       contracts_) {  // folders that a file driver writes to are not in every clone
    if (!one.driver || one.driver->use != "file") continue;
    const std::string root(one.driver->params.string_or("root", "."));
    if (!root.starts_with('/') && root.find("..") == std::string::npos)
      RTT_TRY(os::make_directories(workspace_.path(root)));
  }
  return {};
}

Status Rig::add_own(std::uint16_t http_port) {
  RTT_TRY(os::make_directories(workspace_.dot("manifests")));
  RTT_TRY(os::write_atomic(workspace_.dot("manifests/chaos.api.json"),
                           text::to_pretty_json(own_contracts(http_port))));
  RTT_TRY_SET(Json policy, read_object(workspace_.dot("policy.json")));
  Json allow = list_in(policy, "allow");
  allow.push(pair("rtt://chaos/*/*", "rtt://chaos/*/*"));
  allow.push(pair("rtt://local/proc/cli", "rtt://chaos/*/*"));
  policy.set("allow", std::move(allow));
  RTT_TRY(os::write_atomic(workspace_.dot("policy.json"), text::to_pretty_json(policy)));
  RTT_TRY_SET(routes_, read_object(workspace_.dot("routes.json")));
  RTT_TRY_SET(const Json own, text::parse_json(text::to_json(own_contracts(http_port))));
  for (const Json& one : own.find("contracts")->as_array()) {
    const auto saddr = model::parse_definition(one.find("symbol")->string_or("saddr"));
    if (!saddr) return std::unexpected(saddr.error());
    model::Contract mine;
    mine.saddr = *saddr;
    if (const Json* driver = one.find("symbol")->find("driver"))
      mine.driver = model::DriverUse{.use = "http", .params = *driver->find("params")};
    contracts_.push_back(std::move(mine));
  }
  return {};
}

Result<Json> Rig::asked(std::vector<std::string> words) const {
  const std::string verb = words.front();
  RTT_TRY_SET(Answer answer, rtt(std::move(words)));
  if (const Json* error = answer.error()) {
    return fail(Code::kNack,
                fmt::format("`rtt {}` in the copy says {}: {}", verb, error->string_or("code"),
                            error->string_or("message")),
                std::string(error->string_or("where")), "rtt check");
  }
  if (answer.document.is_null())
    return fail(Code::kInternal, fmt::format("`rtt {}` in the copy says nothing", verb));
  return std::move(answer.document);
}

Status Rig::begin() {
  RTT_TRY_SET(const Json made, asked({"init", "--yes"}));
  for (std::size_t which : {std::size_t{1}, std::size_t{0}}) {
    RTT_TRY_SET(wirings_[which], apply_wiring(which));
  }
  return {};
}

Result<Rig::Wiring> Rig::apply_wiring(std::size_t which) {
  Json wanted = routes_;
  Json list = list_in(wanted, "routes");
  add_routes(list, which);
  wanted.set("routes", std::move(list));
  RTT_TRY(os::write_atomic(workspace_.dot("routes.json"), text::to_pretty_json(wanted)));
  RTT_TRY_SET(const Json signed_now, asked({"sign", "--yes"}));
  RTT_TRY_SET(const Json planned, asked({"plan"}));
  RTT_TRY_SET(const Json applied, asked({"apply"}));
  if (applied.string_or("state") != "committed") {
    return fail(
        Code::kNack,
        fmt::format("the copy's wiring is {}: {}", applied.string_or("state"), applied.string_or("reason")),
        {}, "rtt apply, in the workspace itself");
  }
  RTT_TRY_SET(const Json routes, asked({"ls", "routes"}));
  return Wiring{.commit = {.seq = applied.int_or("seq", 0), .graph = std::string(applied.string_or("graph"))},
                .edges = edges_of(routes)};
}

os::SpawnOptions Rig::command(std::vector<std::string> words) const {
  os::SpawnOptions options{
      .argv = std::move(words), .env = os::own_environment(), .directory = workspace_.root};
  const std::string base = workspace_.root.substr(0, workspace_.root.rfind('/'));
  const auto set = [&](std::string_view name, std::string value) {
    std::erase_if(options.env, [&](const auto& one) { return one.first == name; });
    options.env.emplace_back(name, std::move(value));
  };
  set("XDG_CONFIG_HOME", base + "/config");
  set("HOME", base);
  set("RTT_CLOCK_SHIFT", base + "/clock");
  options.argv.insert(options.argv.begin(), os::own_executable());
  options.argv.insert(options.argv.end(), {"-C", workspace_.root});
  options.in = options.err = os::Wire::kNull;
  options.out = os::Wire::kPipe;
  options.lifetime = os::Lifetime::kDetached;  // else the panel that a command starts would end with it
  return options;
}

Result<Answer> Rig::rtt(std::vector<std::string> words) const {
  words.emplace_back("--json");
  RTT_TRY_SET(const os::Ended ended,
              os::run_to_end(command(std::move(words)),
                             {.bytes_max = kOutputBytesMax, .time_max = nanos_from_ms(kRttMs)}));
  Answer answer{.status = ended.state.code, .document = {}};
  if (auto document = text::parse_json(ended.output, {.bytes_max = kOutputBytesMax}))
    answer.document = *std::move(document);
  return answer;
}

Result<std::vector<Json>> Rig::lines(std::vector<std::string> words) const {
  words.emplace_back("--json");
  RTT_TRY_SET(const os::Ended ended,
              os::run_to_end(command(std::move(words)),
                             {.bytes_max = kOutputBytesMax, .time_max = nanos_from_ms(kRttMs)}));
  std::vector<Json> out;
  for (std::string_view rest = ended.output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    RTT_TRY_SET(Json line, text::parse_json(rest.substr(0, end)));
    out.push_back(std::move(line));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

const model::Contract* Rig::contract(const std::string& identity) const {
  const auto at = std::ranges::find_if(
      contracts_, [&](const model::Contract& one) { return model::identity(one.saddr) == identity; });
  return at == contracts_.end() ? nullptr : &*at;
}

Status Rig::shift_clock(std::int64_t ms) const {
  const std::string base = workspace_.root.substr(0, workspace_.root.rfind('/'));
  return os::write_atomic(base + "/clock", fmt::format("{}\n", ms),
                          {.mode = 0644, .durable = os::Durable::kNo});
}

std::vector<int> Rig::processes() const {
  std::vector<int> found;
  const auto names = os::list_directory("/proc");
  if (!names) return found;
  for (const std::string& name : *names) {
    int pid = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || stop != name.data() + name.size() || pid == os::own_pid()) continue;
    const auto words = os::read_file("/proc/" + name + "/cmdline", std::size_t{1} << 20);
    if (words && words->find(workspace_.root) != std::string::npos &&
        words->find("--chaos-end") == std::string::npos)
      found.push_back(pid);
  }
  return found;
}

}  // namespace rtt::chaos
