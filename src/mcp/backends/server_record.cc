// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/server_record.h"

#include <algorithm>
#include <utility>

#include "mcp/backends/launch.h"
#include "model/limits.h"
#include "os/clock.h"

namespace rtt::mcp {

void ServerRecord::note(std::string_view line) {
  append_log(os::rfc3339(os::wall_now()) + " rtt: " + std::string(line) + "\n");
}

void ServerRecord::append_log(std::string_view text) {
  log.append(text);
  if (heard) heard(text);
  if (log.size() <= 2 * limits::kServerLogBytesMax) return;
  log.erase(0, log.size() - limits::kServerLogBytesMax);
  log.erase(0, log.find('\n') + 1);  // whole lines only
}

void ServerRecord::hide(std::vector<std::string> resolved) {
  for (std::string& secret : resolved) {
    if (std::ranges::find(secrets, secret) == secrets.end()) secrets.push_back(std::move(secret));
  }
}

std::string ServerRecord::clean_log() const { return without_secrets(log, secrets); }

}  // namespace rtt::mcp
