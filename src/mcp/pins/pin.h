// SPDX-License-Identifier: Apache-2.0
// Pin: what a server offers now against what was accepted.
//
// A tool's contract is its name, schemas and annotations, all but the words people read: any change there
// makes calls of that tool refused (of that tool, not of the server) until somebody accepts it. Changed words
// (title, description, icons, _meta) are held: the accepted ones are served and calls pass, unless the
// server's `drift` is `refuse`, or the new words hold characters that cannot be seen, which no honest author
// writes. A new tool stays hidden. Of the server itself, another name is another server: every call is
// refused; another version, other instructions or capabilities are held.
//
// Thread: any (pure).   Fails: kDrift from admit().   Limits: kPinChangesMax changes a definition are listed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mcp/pins/contracts.h"

namespace rtt::mcp {

inline constexpr std::size_t kPinChangesMax = 32;

enum class PinState : std::uint8_t { kSame, kContractDrift, kTextDrift, kNew, kRemoved };
std::string_view to_string(PinState state);  // same contract text new removed

struct PinChange {
  std::string pointer;                      // RFC 6901, into the definition
  std::optional<text::Json> before, after;  // absent = the member is not there
  std::string why = {};                     // in words, where the values do not say it
  friend bool operator==(const PinChange&, const PinChange&) = default;
};
struct PinVerdict {
  ItemKind kind = ItemKind::kTool;
  std::string key;
  PinState state = PinState::kSame;
  std::vector<PinChange> changes;  // in document order of the accepted definition
};

// Of the server itself: what it says of itself, and the code that is run for it.
struct ServerVerdict {
  PinState state = PinState::kSame;  // kSame, kTextDrift or kContractDrift
  std::vector<PinChange> changes;
};

// Pointers /package/<member>; a package that is not known on one side is not compared.
std::vector<PinChange> compare_package(const text::Json& accepted, const text::Json& live);
// What `live` does not know of itself (a running server does not know its package) is not compared.
ServerVerdict compare_info(const ServerInfo& accepted, const ServerInfo& live);
PinVerdict compare_definition(ItemKind kind, const text::Json& accepted, const text::Json& live);
// One verdict per definition on either side, sorted by (kind, key).
std::vector<PinVerdict> compare_server(const PinnedServer& accepted, const Definitions& live);
// The same for all clients at once: what a server offers now against all that was accepted of it.
std::vector<PinVerdict> compare_offer(const PinnedServer& accepted, const Offer& live);
// Whether a call may pass: kDrift naming the first changes and `rtt mcp diff NAME`.
Status admit(const PinVerdict& verdict, const ServerConfig& server);
Status admit(const ServerVerdict& verdict, const ServerConfig& server);

std::string to_string(const PinChange& change);  // "/inputSchema/required: [\"a\"] -> [\"a\",\"b\"]"
// The same in words, the pointer and the values behind them.
std::string explain(const PinChange& change);
text::Json to_json(const PinChange& change);  // {pointer,before?,after?,words,effect}

}  // namespace rtt::mcp
