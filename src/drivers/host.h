// SPDX-License-Identifier: Apache-2.0
// Host: the process around a Driver. Keeps the connection to the panel, serves lanes, outlives the panel.
//
// A host belongs to a workspace, not to a panel: when the panel goes away its lanes keep carrying calls, and
// the host reconnects (backoff at most 1 s) and says hello with its instance name, pid and start time, by
// which a restarted panel adopts it. Nobody adopts it for kHostOrphanMs and nobody uses it: it drains and
// ends.
//
// Owns: the panel connection and the lanes.   Thread: the loop's.
// Fails: start: kIo.   Limits: kClientsMax lanes; call records: kAuditQueueMax, the
// oldest are counted as dropped.
#pragma once

#include <memory>
#include <string>

#include "drivers/driver.h"
#include "model/limits.h"
#include "os/loop.h"

namespace rtt::drivers {

struct HostOptions {
  std::string instance;  // "mcp", "process-<ns>-<name>": also a file name
  std::string sockets_dir;
  std::function<bool()>
      in_use;  // besides lanes: whether somebody is served directly, so that it must not end
  Nanos orphan_after = nanos_from_ms(limits::kHostOrphanMs);
};

inline constexpr std::size_t kAuditQueueMax = 16'384;

class Host {
 public:
  static Result<std::unique_ptr<Host>> start(os::Loop& loop, HostOptions options, Driver& driver);
  ~Host();

  // One record of a call or event for the ledger, batched to the panel every 100 ms; kept while it is away.
  void audit(text::Json record);
  // The lanes of planned routes, as Board::describe.
  [[nodiscard]] text::Json lanes() const;
  // Whether the panel is there now; looks again if it was not.
  [[nodiscard]] bool reaches_panel();
  // Runs the loop until stopped by the panel, a signal, or orphanhood; returns the exit status.
  int run();

 private:
  Host();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::drivers
