// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/transport.h"

#include <utility>

#include "mcp/backends/pipe_transport.h"
#include "mcp/shared/transport.h"

namespace rtt::mcp {

Result<std::unique_ptr<BackendTransport>> make_transport(const ServerConfig& config,
                                                         const TransportStart& start) {
  auto launch = resolve_launch(config, start.workspace, start.fresh);
  if (!launch) {
    return std::unexpected(std::move(launch).error().in("server '" + config.name + "' cannot be started"));
  }
  start.record->hide(std::move(launch->secrets));
  if (config.instances == Instances::kShared) {
    return std::make_unique<SharedTransport>(
        SharedLaunch{.name = config.name, .options = std::move(launch->options)}, start);
  }
  RTT_TRY_SET(const std::string ns, namespace_of(config.name));
  return std::make_unique<PipeTransport>(config.name, std::move(launch->options), manifest_path(ns), start);
}

}  // namespace rtt::mcp
