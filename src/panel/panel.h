// SPDX-License-Identifier: Apache-2.0
// Panel: the daemon of one workspace. Owns the journal, the committed graph and the table of driver hosts;
// wires them; decides nothing itself.
//
// Control plane only: no data frame passes through it. A call opens a link — a socket pair, one end to the
// driver host, one to the caller — and from then on the two talk without the panel; killing it harms no open
// link. Started by the first verb that needs it, it ends when nobody used it for kPanelIdleMs.
//
// Owns: journal, hosts table, panel.sock.   Thread: its loop's.
// Fails: start: kBusy (a panel runs), kJournalDamaged (refuses to build on it, naming the seq), kIo.
// Limits: kClientsMax connections, kChangesQueuedMax waiting changes.
#pragma once

#include <memory>

#include "api/peer.h"
#include "model/limits.h"
#include "os/loop.h"
#include "registry/workspace.h"

namespace rtt::panel {

inline constexpr std::size_t kChangesQueuedMax = 64;
inline constexpr std::size_t kAuditWaitingMax = 65'536;

struct PanelOptions {
  Nanos idle_after = nanos_from_ms(limits::kPanelIdleMs);
  Nanos sweep_every = nanos_from_ms(5'000);  // or less often, where a sweep would take 1 % of a core
};

class Panel {
 public:
  static Result<std::unique_ptr<Panel>> start(os::Loop& loop, registry::Workspace workspace,
                                              PanelOptions options = {});
  ~Panel();

  // What recovery had to say: a torn tail set aside, an unfinished apply dropped.
  [[nodiscard]] const std::vector<std::string>& notices() const;

 private:
  Panel();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::panel
