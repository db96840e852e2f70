// SPDX-License-Identifier: Apache-2.0
// Connector: a driver of one's own, as written in .rtt/drivers/NAME/driver.json (docs/formats/driver.md).
//
// The file is authored configuration: signed and judged like the policy, because its `exec` is what a driver
// host runs. NAME is the folder's; a contract is served by it through `driver.use: NAME`, so the names of the
// built-in drivers are taken.
//
// Thread: any (values).   Fails: problems with line:column; a connector with an error is refused as a whole.
// Limits: kConnectorsMax connectors, kConnectorExecMax words.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/problem.h"
#include "text/json.h"

namespace rtt::model {

inline constexpr std::size_t kConnectorExecMax = 256;

inline constexpr auto kBuiltInDrivers = std::to_array<std::string_view>({"file", "http", "mcp", "process"});
[[nodiscard]] bool is_built_in_driver(std::string_view use);
// As a namespace is written: [a-z0-9][a-z0-9._-]*, at most 128 bytes.
[[nodiscard]] bool is_connector_name(std::string_view name);

enum class DriverWire : std::uint8_t { kNative, kJson, kLine };
std::string_view to_string(DriverWire wire);

struct Connector {
  std::string name;
  std::vector<std::string> exec;  // program first; ${workspace} and ${driver} are folders
  DriverWire wire = DriverWire::kJson;
  std::vector<std::string> types;  // of the symbols it may serve; empty = any
  std::vector<std::pair<std::string, std::string>> env;
  text::Json params;  // a JSON Schema for contracts' driver.params; null if absent
  std::vector<Problem> problems;

  // What a child is started from: a change of it takes a new child.
  [[nodiscard]] bool same_program(const Connector& other) const {
    return exec == other.exec && wire == other.wire && env == other.env;
  }
};

std::string connector_path(std::string_view name);  // ".rtt/drivers/NAME/driver.json"
// `file` is that path (its folder is compared with `name`) or any other, for a driver outside a workspace.
Connector read_connector(std::string_view text, std::string_view file);

}  // namespace rtt::model
