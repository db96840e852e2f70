// SPDX-License-Identifier: Apache-2.0
// CodeWatch: whether the code that a server's command runs is what was accepted, for one backend.
//
// Looked at before each start, and once more when the server runs where it was not there before (npx fetches
// it). The work is done in steps between which the loop serves others. What was accepted with the pin is in
// this user's record (code_identity.h); a pin that has none here, from a clone or a pull, gets it at its
// first start.
//
// Owns: the look under way.   Thread: the loop's.
// Fails: never; what is other than accepted is in changes().   Limits: those of CodeReader.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "mcp/backends/code_identity.h"
#include "mcp/backends/launch.h"
#include "os/loop.h"

namespace rtt::mcp {

class CodeWatch {
 public:
  CodeWatch(os::Loop& loop, std::shared_ptr<CodeDigests> known);
  ~CodeWatch();

  enum class Moment : std::uint8_t { kBeforeStart, kRunning };
  // Calls `done` now, where there is nothing to look at, or later; not at all after drop().
  // Of what resolve_launch() gives for these.
  void look(const PinnedServer& pins, const registry::Workspace& workspace, const SecretValues& fresh,
            const Surroundings* client, Moment moment, std::function<void()> done);
  void drop();

  [[nodiscard]] bool looking() const { return look_ != nullptr; }
  [[nodiscard]] bool whole() const { return whole_; }  // false: look again when it runs
  [[nodiscard]] const std::vector<PinChange>& changes() const { return changes_; }
  [[nodiscard]] const std::optional<Digest>& digest() const { return digest_; }  // of what was there

 private:
  struct Look;
  void step();
  void finish();

  os::Loop& loop_;
  std::shared_ptr<CodeDigests> known_;  // all backends of the gateway have a share
  std::shared_ptr<Look> look_;          // posted steps see whether it is still this one
  std::vector<PinChange> changes_;
  std::optional<Digest> digest_;
  bool whole_ = true;
};

}  // namespace rtt::mcp
