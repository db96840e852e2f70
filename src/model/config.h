// SPDX-License-Identifier: Apache-2.0
// Configuration files other than the policy: panel.yaml, routes.json, topology.json, flags.json.
//
// `canonical` is what enters a plan: routing and security with defaults filled in (panel.yaml), sorted
// routes, the topology document or a constant one-node one. Both spellings of api.listen are read; unknown
// keys get the nearest known one.
//
// Thread: any (values).   Fails: problems with line:column; a config with errors is refused as a whole (fails
// closed).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/contract.h"
#include "model/mcp_settings.h"

namespace rtt::model {

enum class LaneKind : std::uint8_t { kShm, kUds, kTcp, kInproc };
std::string_view to_string(LaneKind lane);
std::optional<LaneKind> parse_lane(std::string_view text);

// How what providers are shown comes to them (views/mechanism.h).
enum class Mechanism : std::uint8_t { kFuse, kErofs, kLinks, kHardLinks, kCopies };
inline constexpr std::size_t kMechanisms = 5;
std::string_view to_string(Mechanism mechanism);  // fuse erofs links hardlinks copies
std::optional<Mechanism> parse_mechanism(std::string_view text);

struct PanelConfig {
  std::string listen_unix = "./.rtt/sockets/panel.sock";
  std::vector<std::string> scan_roots{"./"};
  std::vector<std::string> scan_ignore{".git", "node_modules", "target", "venv", "dist"};
  std::vector<LaneKind> prefer{LaneKind::kShm, LaneKind::kUds, LaneKind::kTcp};
  bool rewire_atomic = true;
  Strictness strictness = Strictness::kStrict;
  std::vector<std::string> allow_unsigned;  // "dev/*" = namespace dev
  std::int64_t heartbeat_ms = 250;          // 100 to 5000
  std::int64_t trip_errors = 5;
  std::int64_t trip_window_ms = 5000;
  std::int64_t verify_window_ms = 0;  // how long what an apply adds is watched; 0, or 1000 to 60000
  McpSettings mcp;
  std::optional<Mechanism> view_mechanism;  // nothing: what the machine does best
  std::vector<Problem> problems;

  [[nodiscard]] text::Json canonical() const;
};
PanelConfig read_panel_yaml(std::string_view text, std::string_view file);
std::string default_panel_yaml();

struct DesiredRoute {
  Saddr from;  // a reference to a consumer
  Saddr to;    // a reference to a provider
  bool optional = false;
  std::string origin;  // routes | agent | requires | qc
  std::string where;   // "routes.json:3" or the manifest's place
};
struct RoutesFile {
  std::vector<DesiredRoute> routes;
  text::Json object;  // {"routes":[…]} sorted
  std::vector<Problem> problems;
};
RoutesFile read_routes(std::string_view text, std::string_view file);

struct Topology {
  struct Node {
    std::string id;
    std::int64_t cpu_milli = 0, memory_bytes = 0;  // 0 = not said
    std::string endpoint{};  // where another machine's panel is reached; empty = this machine
  };
  std::vector<Node> nodes;
  text::Json object;
  std::vector<Problem> problems;
};
Topology read_topology(std::string_view text, std::string_view file);
Topology one_node_topology();

}  // namespace rtt::model
