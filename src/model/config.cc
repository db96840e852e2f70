// SPDX-License-Identifier: Apache-2.0
// panel.yaml. routes.json and topology.json are wiring.cc.
#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/document.h"
#include "model/limits.h"
#include "model/saddr_text.h"
#include "text/yaml.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::array<std::string_view, 4> kLanes{"shm", "uds", "tcp", "inproc"};
constexpr std::array<std::string_view, 3> kModes{"strict", "relaxed", "sealed"};
constexpr std::array<std::string_view, kMechanisms + 1> kMechanismNames{"fuse",      "erofs",  "links",
                                                                        "hardlinks", "copies", "auto"};

constexpr auto kPanelKeys = std::to_array<Key>({{"api", Shape::kObject},
                                                {"scan", Shape::kObject},
                                                {"routing", Shape::kObject},
                                                {"security", Shape::kObject},
                                                {"health", Shape::kObject},
                                                {"mcp", Shape::kObject},
                                                {"views", Shape::kObject}});
constexpr auto kApiKeys = std::to_array<Key>({{"listen", Shape::kAny}});
constexpr auto kListenKeys = std::to_array<Key>({{"unix", Shape::kText}, {"npipe", Shape::kText}});
constexpr auto kScanKeys = std::to_array<Key>({{"roots", Shape::kArray}, {"ignore", Shape::kArray}});
constexpr auto kRoutingKeys =
    std::to_array<Key>({{"prefer", Shape::kArray}, {"rewire_atomic", Shape::kBool}});
constexpr auto kSecurityKeys = std::to_array<Key>(
    {{"strict_manifests", Shape::kBool}, {"mode", Shape::kText}, {"allow_unsigned", Shape::kArray}});
constexpr auto kHealthKeys = std::to_array<Key>({{"heartbeat_ms", Shape::kInteger},
                                                 {"trip_threshold", Shape::kObject},
                                                 {"verify_window_ms", Shape::kInteger}});
constexpr auto kViewsKeys = std::to_array<Key>({{"mechanism", Shape::kText}});
constexpr auto kTripKeys = std::to_array<Key>({{"errors", Shape::kInteger}, {"window_ms", Shape::kInteger}});

enum class Mode : std::uint8_t { kStrict, kRelaxed, kSealed };

struct Bounds {
  std::int64_t least, most;
};

bool leads_outside(std::string_view path) {
  if (path.starts_with('/')) return true;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    if (path.substr(start, slash - start) == "..") return true;
    start = slash + 1;
  }
  return false;
}

class PanelReader {
 public:
  PanelReader(Document& document, const Json& root) : document_(document), root_(root) {}

  void read(PanelConfig& out) {
    if (root_.is_null()) return;  // an empty file is all defaults
    if (!document_.check(root_, "", kPanelKeys)) return;
    read_api(out);
    read_scan(out);
    read_routing(out);
    read_security(out);
    read_health(out);
    if (const Json* mcp = member(root_, "mcp", Shape::kObject)) read_mcp_settings(document_, *mcp, out.mcp);
    read_views(out);
  }

 private:
  const Json* section(std::string_view name, std::span<const Key> keys) {
    const Json* found = member(root_, name, Shape::kObject);
    if (found != nullptr) document_.check(*found, child("", name), keys);
    return found;
  }

  void read_integer(const Json& object, std::string_view key, const std::string& at, Bounds bounds,
                    std::int64_t& field) {
    const Json* value = member(object, key, Shape::kInteger);
    if (value == nullptr) return;
    if (value->as_int() < bounds.least || value->as_int() > bounds.most) {
      document_.error(child(at, key), {.message = fmt::format("'{}' must be from {} to {}, not {}", key,
                                                              bounds.least, bounds.most, value->as_int())});
      return;
    }
    field = value->as_int();
  }

  std::optional<std::vector<std::string>> read_strings(const Json& object, std::string_view key,
                                                       const std::string& at) {
    const Json* array = member(object, key, Shape::kArray);
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < array->as_array().size(); ++i) {
      const Json& item = array->as_array()[i];
      if (document_.check_shape(item, child(child(at, key), i), Shape::kText))
        out.push_back(item.as_string());
    }
    return out;
  }

  // "unix:///abs/panel.sock" and {unix: ./.rtt/sockets/panel.sock} mean the same kind of thing.
  void read_api(PanelConfig& out) {
    const Json* api = section("api", kApiKeys);
    const Json* listen = api != nullptr ? api->find("listen") : nullptr;
    if (listen == nullptr) return;
    if (listen->is_object()) {
      document_.check(*listen, "/api/listen", kListenKeys);
      if (const Json* path = member(*listen, "unix", Shape::kText)) out.listen_unix = path->as_string();
      if (listen->find("npipe") != nullptr) {
        document_.warning("/api/listen/npipe",
                          {.message = "named pipes are not available on this system; ignored"});
      }
      return;
    }
    constexpr std::string_view kUnix = "unix://";
    if (listen->is_string() && listen->as_string().starts_with(kUnix) &&
        listen->as_string().size() > kUnix.size() && listen->as_string()[kUnix.size()] == '/') {
      out.listen_unix = listen->as_string().substr(kUnix.size());
      return;
    }
    document_.error("/api/listen", {.message = "'listen' names no socket",
                                    .hint = "write unix:///absolute/path.sock, or a map with the key unix"});
  }

  void read_scan(PanelConfig& out) {
    const Json* scan = section("scan", kScanKeys);
    if (scan == nullptr) return;
    if (auto roots = read_strings(*scan, "roots", "/scan")) {
      for (std::size_t i = 0; i < roots->size(); ++i) {
        if (!leads_outside((*roots)[i])) continue;
        document_.error(child("/scan/roots", i),
                        {.code = Code::kEscapes,
                         .message = fmt::format("'{}' leads outside the workspace", (*roots)[i]),
                         .hint = "roots are folders of this workspace, like ./services"});
      }
      out.scan_roots = *std::move(roots);
    }
    if (auto ignore = read_strings(*scan, "ignore", "/scan")) out.scan_ignore = *std::move(ignore);
  }

  void read_routing(PanelConfig& out) {
    const Json* routing = section("routing", kRoutingKeys);
    if (routing == nullptr) return;
    if (const Json* atomic = member(*routing, "rewire_atomic", Shape::kBool))
      out.rewire_atomic = atomic->as_bool();
    const auto names = read_strings(*routing, "prefer", "/routing");
    if (!names) return;
    out.prefer.clear();
    for (std::size_t i = 0; i < names->size(); ++i) {
      const std::string at = child("/routing/prefer", i);
      const std::string& name = (*names)[i];
      if (name == "npipe" || name == "ffi") {
        document_.warning(
            at, {.message = fmt::format("the lane '{}' is not available on this system; skipped", name)});
        continue;
      }
      const auto lane = parse_lane(name);
      if (!lane) {
        document_.error(at, {.message = fmt::format("'{}' is no lane", name.substr(0, 64)),
                             .hint = suggest(name, {kLanes.begin(), kLanes.end()})});
      } else if (std::ranges::find(out.prefer, *lane) != out.prefer.end()) {
        document_.error(at, {.message = fmt::format("'{}' is listed twice", name)});
      } else {
        out.prefer.push_back(*lane);
      }
    }
    if (out.prefer.empty()) document_.error("/routing/prefer", {.message = "'prefer' names no usable lane"});
  }

  void read_security(PanelConfig& out) {
    const Json* security = section("security", kSecurityKeys);
    if (security == nullptr) return;
    const Json* strict = member(*security, "strict_manifests", Shape::kBool);
    if (strict != nullptr) out.strictness = strict->as_bool() ? Strictness::kStrict : Strictness::kRelaxed;
    std::optional<Mode> mode;
    if (const Json* text = member(*security, "mode", Shape::kText)) {
      mode = read_enum<Mode>(document_, "/security/mode", *text, kModes);
    }
    if (mode) {
      const Strictness asked = *mode == Mode::kRelaxed ? Strictness::kRelaxed : Strictness::kStrict;
      if (strict != nullptr && asked != out.strictness) {
        document_.error("/security/mode", {.message = "'mode' and 'strict_manifests' contradict each other"});
      }
      out.strictness = asked;
    }
    if (auto globs = read_strings(*security, "allow_unsigned", "/security")) {
      for (std::size_t i = 0; i < globs->size(); ++i)
        check_namespace((*globs)[i], child("/security/allow_unsigned", i));
      std::ranges::sort(*globs);
      globs->erase(std::ranges::unique(*globs).begin(), globs->end());
      if (mode != Mode::kSealed) out.allow_unsigned = *std::move(globs);
    }
  }

  void check_namespace(std::string_view glob, const std::string& at) {
    constexpr std::string_view kAll = "/*";
    if (glob.ends_with(kAll) &&
        check_word({glob.substr(0, glob.size() - kAll.size()), 1}, "namespace", Stars::kRefused)) {
      return;
    }
    document_.error(at, {.message = fmt::format("'{}' names no namespace", glob.substr(0, 200)),
                         .hint = "write <namespace>/*, like dev/*"});
  }

  void read_health(PanelConfig& out) {
    constexpr std::int64_t kMost = 86'400'000;
    const Json* health = section("health", kHealthKeys);
    if (health == nullptr) return;
    read_integer(*health, "heartbeat_ms", "/health", {100, 5000}, out.heartbeat_ms);
    const Json* window = member(*health, "verify_window_ms", Shape::kInteger);
    if (window != nullptr && window->as_int() != 0)
      read_integer(*health, "verify_window_ms", "/health", {1000, 60'000}, out.verify_window_ms);
    const Json* trip = member(*health, "trip_threshold", Shape::kObject);
    if (trip == nullptr) return;
    document_.check(*trip, "/health/trip_threshold", kTripKeys);
    read_integer(*trip, "errors", "/health/trip_threshold", {1, 1'000'000}, out.trip_errors);
    read_integer(*trip, "window_ms", "/health/trip_threshold", {1000, kMost}, out.trip_window_ms);
  }

  void read_views(PanelConfig& out) {
    const Json* views = section("views", kViewsKeys);
    const Json* text = views != nullptr ? member(*views, "mechanism", Shape::kText) : nullptr;
    if (text == nullptr) return;
    const auto said = read_enum<Mechanism>(document_, "/views/mechanism", *text, kMechanismNames);
    if (said && static_cast<std::size_t>(*said) < kMechanisms) out.view_mechanism = said;  // the last is auto
  }

  Document& document_;
  const Json& root_;
};

}  // namespace

std::string_view to_string(LaneKind lane) { return kLanes[static_cast<std::size_t>(lane)]; }

std::string_view to_string(Mechanism mechanism) {
  return kMechanismNames[static_cast<std::size_t>(mechanism)];
}

std::optional<Mechanism> parse_mechanism(std::string_view text) {
  const auto names = std::span(kMechanismNames).first(kMechanisms);
  const auto at = std::ranges::find(names, text);
  if (at == names.end()) return std::nullopt;
  return static_cast<Mechanism>(at - names.begin());
}

std::optional<LaneKind> parse_lane(std::string_view text) {
  const auto at = std::ranges::find(kLanes, text);
  if (at == kLanes.end()) return std::nullopt;
  return static_cast<LaneKind>(at - kLanes.begin());
}

Json PanelConfig::canonical() const {
  Json lanes{text::JsonArray{}};
  for (const LaneKind lane : prefer) lanes.push(to_string(lane));
  Json unsigned_allowed{text::JsonArray{}};
  for (const std::string& glob : allow_unsigned) unsigned_allowed.push(glob);
  return Json::object(
      {{"routing", Json::object({{"prefer", std::move(lanes)}, {"rewire_atomic", rewire_atomic}})},
       {"security", Json::object({{"allow_unsigned", std::move(unsigned_allowed)},
                                  {"strict_manifests", strictness == Strictness::kStrict}})}});
}

PanelConfig read_panel_yaml(std::string_view text, std::string_view file) {
  PanelConfig out;
  const auto root = text::parse_yaml(text, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!root) {
    out.problems.push_back(problem_from(root.error(), file));
    return out;
  }
  Document document({.text = text, .file = file, .syntax = Document::Syntax::kYaml});
  PanelReader(document, *root).read(out);
  if (document.errors() > 0) out = PanelConfig();  // the defaults are the strictest there are
  out.problems = document.take_problems();
  return out;
}

std::string default_panel_yaml() {
  return R"(# How this workspace is served. Every key is optional; these are the defaults.
api:
  listen:
    unix: ./.rtt/sockets/panel.sock
scan:
  roots: [./]
  ignore: [.git, node_modules, target, venv, dist]
routing:
  prefer: [shm, uds, tcp]
  rewire_atomic: true
security:
  strict_manifests: true
  allow_unsigned: []
health:
  heartbeat_ms: 250
  trip_threshold: {errors: 5, window_ms: 5000}
  verify_window_ms: 0
views:
  mechanism: auto
mcp:
  names: conflict
  view: list
  meta_above: 100
)";
}

}  // namespace rtt::model
