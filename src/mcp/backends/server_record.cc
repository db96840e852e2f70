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
    if (const auto known = std::ranges::find(secrets, secret); known != secrets.end()) secrets.erase(known);
    secrets.push_back(std::move(secret));
  }
  while (secrets.size() > kStruckMax) {
    log = without_secrets(std::move(log), {secrets.front()});
    secrets.pop_front();
  }
}

std::string ServerRecord::clean_log() const {
  std::vector<std::string> longest_first(secrets.begin(), secrets.end());  // one may hold another
  std::ranges::stable_sort(longest_first, std::greater{}, &std::string::size);
  return without_secrets(log, longest_first);
}

}  // namespace rtt::mcp
