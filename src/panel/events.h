// SPDX-License-Identifier: Apache-2.0
// Events: what a verb without a panel did, written into the journal — an import, an accept, a key trusted.
//
// A running panel owns the journal and is told; without one the verb appends itself, under the lock that
// starters of a panel take, so that no panel opens the journal meanwhile. Unfinished transitions are left to
// the next panel: an AUDIT record changes no graph.
//
// Thread: one, blocking.   Fails: kJournalDamaged, kBusy, kIo: what was done is done, but not on record.
// Limits: the journal's.
#pragma once

#include <string>

#include "registry/workspace.h"
#include "text/json.h"

namespace rtt::panel {

struct Event {
  std::string action;  // mcp_connect mcp_disconnect eject keys_trust …
  std::string reason;  // in words, without a secret
};
Status record_event(const registry::Workspace& workspace, const Event& event);
// The same where a panel runs; nothing where none does.
Status tell_panel(const registry::Workspace& workspace, std::string_view action, text::Json detail);

}  // namespace rtt::panel
