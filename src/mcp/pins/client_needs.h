// SPDX-License-Identifier: Apache-2.0
// ClientNeeds: for which clients a server lists a definition.
//
// Servers list what their client can serve: a tool that asks the user something only where the client
// declared `elicitation`. A list taken under one set of capabilities would hide tools from a client with
// more, or show one with less tools that fail. So a definition says what a client must have (`needs`: one of
// these sets) and what it must not (`unless`: none of them), in the few capabilities that servers look at.
// Whatever else a client declares changes no list.
//
// Thread: any (pure).   Fails: kBadShape from client_needs_from.   Limits: kSetsMax sets of either kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/json.h"

namespace rtt::mcp {

inline constexpr std::size_t kClientFeatureCount = 8;

// A set of client capabilities; closed: with `elicitation.url` it holds `elicitation`.
struct ClientFeatures {
  std::uint32_t bits = 0;
  [[nodiscard]] constexpr bool contains(ClientFeatures other) const {
    return (bits & other.bits) == other.bits;
  }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  friend constexpr auto operator<=>(ClientFeatures, ClientFeatures) = default;
};
constexpr ClientFeatures operator|(ClientFeatures a, ClientFeatures b) { return {a.bits | b.bits}; }
constexpr ClientFeatures all_client_features() { return {(1U << kClientFeatureCount) - 1}; }
ClientFeatures client_feature(std::size_t index);  // with what it stands on
// `set` without that feature and those that stand on it.
ClientFeatures without_feature(ClientFeatures set, std::size_t index);

ClientFeatures features_of(std::string_view capabilities);  // of raw `capabilities`; unreadable: none
std::string capabilities_of(ClientFeatures set);            // raw JSON that declares exactly these
std::vector<std::string> names_of(ClientFeatures set);      // sorted by place, those implied left out
std::string to_string(ClientFeatures set);                  // "roots and sampling"; "no capabilities"
std::string variant_of(ClientFeatures set);                 // "roots-sampling", fit for an address

struct ClientNeeds {
  static constexpr std::size_t kSetsMax = 32;
  std::vector<ClientFeatures> needs, unless;  // sorted, none inside another; both empty = every client
  [[nodiscard]] bool met_by(ClientFeatures client) const;
  [[nodiscard]] bool everybody() const { return needs.empty() && unless.empty(); }
  friend auto operator<=>(const ClientNeeds&, const ClientNeeds&) = default;
};
text::Json to_json(const ClientNeeds& needs);  // {"needs":[["sampling"]],"unless":[…]}
Result<ClientNeeds> client_needs_from(const text::Json& json);
std::string to_string(const ClientNeeds& needs);  // "clients with roots", "every client"

// Those that hold no other of them, sorted.
std::vector<ClientFeatures> minimal_sets(std::vector<ClientFeatures> sets);

}  // namespace rtt::mcp
