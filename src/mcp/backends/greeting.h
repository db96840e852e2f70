// SPDX-License-Identifier: Apache-2.0
// Greeting: finding out which era of the protocol a server speaks, as a step machine.
//
// A server that nothing is known of is asked server/discover first, as the protocol recommends: a modern one
// answers it; any other error, or kProbeMs of silence, means a legacy one, which is then sent initialize. A
// probe that is answered late still counts, so a modern server that starts slowly is not lost. A server that
// was legacy when it was accepted is greeted by initialize at once, and asked server/discover only if it
// refuses that. Some legacy servers end when the first line is no initialize: probing() says that nothing
// else has been said, so the shell can start such a server again with initialize.
//
// Owns: the two requests.   Thread: one (pure).
// Fails: kServerStart (it refused), kServerProtocol (unreadable, or no revision in common).
// Limits: kProbeMs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "mcp/pins/contracts.h"
#include "mcp/wire/era.h"

namespace rtt::mcp {

inline constexpr std::int64_t kProbeMs = 3000;

enum class Opening : std::uint8_t { kDiscover, kInitialize };

class Greeting {
 public:
  static constexpr std::uint64_t kInitializeId = 1, kDiscoverId = 2;  // JSON-RPC ids

  struct Greeted {
    Era era = Era::kLegacy;
    ServerInfo info;
  };
  struct Said {
    std::string method;
    std::string line;
  };
  struct Step {
    std::vector<Said> said;
    std::optional<Result<Greeted>> outcome;
  };

  Greeting(std::string server_name, std::string client_capabilities)
      : name_(std::move(server_name)), capabilities_(std::move(client_capabilities)) {}

  Step begin(Opening opening, Instant now);
  // Of the answer to one of the two; others are none of its business.
  [[nodiscard]] bool awaits(std::uint64_t id) const;
  Step on_reply(std::uint64_t id, MessageKind kind, std::string_view payload);
  Step on_tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  // Only server/discover was sent, and not answered.
  [[nodiscard]] bool probing() const { return discover_ == State::kSent && initialize_ == State::kUnsent; }

 private:
  enum class State : std::uint8_t { kUnsent, kSent, kRefused };

  void send_discover(Step& step);
  void send_initialize(Step& step);
  void on_discovered(Step& step, std::string_view result);
  void on_initialized(Step& step, std::string_view result);
  void on_refused(Step& step, std::uint64_t id, std::string_view error);
  [[nodiscard]] Error unreadable(std::string_view method) const;
  [[nodiscard]] Error no_revision(std::string_view offered) const;

  std::string name_, capabilities_;
  State discover_ = State::kUnsent, initialize_ = State::kUnsent;
  std::optional<Instant> patience_;  // until when only the probe is waited for
};

// A server's own words of a raw JSON-RPC error object, clipped; and any text, clipped.
std::string words_of(std::string_view error);
std::string clipped(std::string_view text);

}  // namespace rtt::mcp
