// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/transport.h"

#include <utility>

#include "mcp/backends/http_transport.h"
#include "mcp/backends/pipe_transport.h"
#include "mcp/shared/transport.h"

namespace rtt::mcp {

Result<std::unique_ptr<BackendTransport>> make_transport(const ServerConfig& config,
                                                         const TransportStart& start) {
  const auto at_start = [&](Error why) {
    if (start.client != nullptr && why.code == Code::kSecretMissing && why.where.starts_with("${")) {
      why.hint =
          "set it where this AI client is started and start the client again, or rtt mcp import to store "
          "the value";
    }
    const std::string_view how = config.transport == "http" ? "reached" : "started";
    return std::unexpected(std::move(why).in("server '" + config.name + "' cannot be " + std::string(how)));
  };
  if (config.transport == "http") {
    auto endpoint = resolve_endpoint(config, start.workspace, start.fresh, start.client);
    if (!endpoint) return at_start(std::move(endpoint).error());
    start.record->hide(std::exchange(endpoint->secrets, {}));
    return std::make_unique<HttpTransport>(config.name, *std::move(endpoint), start);
  }
  auto launch = resolve_launch(config, start.workspace, start.fresh, start.client);
  if (!launch) return at_start(std::move(launch).error());
  start.record->hide(std::move(launch->secrets));
  if (config.instances == Instances::kShared) {
    return std::make_unique<SharedTransport>(
        SharedLaunch{.name = config.name,
                     .code = start.code ? to_string(*start.code) : std::string(),
                     .options = std::move(launch->options)},
        start);
  }
  RTT_TRY_SET(const std::string ns, namespace_of(config.name));
  return std::make_unique<PipeTransport>(config.name, std::move(launch->options), manifest_path(ns), start);
}

}  // namespace rtt::mcp
