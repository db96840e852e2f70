// SPDX-License-Identifier: Apache-2.0
// Pin: what a server offers now against what was accepted.
//
// A tool's contract is its name, schemas and annotations, all but the words people read: any change there
// makes calls of that tool refused (of that tool, not of the server) until somebody accepts it. Changed words
// (title, description, icons, _meta) are held: the accepted ones are served and calls pass. A new tool stays
// hidden.
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
  friend bool operator==(const PinChange&, const PinChange&) = default;
};
struct PinVerdict {
  ItemKind kind = ItemKind::kTool;
  std::string key;
  PinState state = PinState::kSame;
  std::vector<PinChange> changes;  // in document order of the accepted definition
};

PinVerdict compare_definition(ItemKind kind, const text::Json& accepted, const text::Json& live);
// One verdict per definition on either side, sorted by (kind, key).
std::vector<PinVerdict> compare_server(const PinnedServer& accepted, const Definitions& live);
// Whether a call may pass: kDrift naming the first changes and `rtt mcp diff NAME`.
Status admit(const PinVerdict& verdict, std::string_view server);

std::string to_string(const PinChange& change);  // "/inputSchema/required: [\"a\"] -> [\"a\",\"b\"]"
text::Json to_json(const PinVerdict& verdict);   // {kind,name,state,changes:[{pointer,before?,after?}]}

}  // namespace rtt::mcp
