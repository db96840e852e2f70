// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/exposed_names.h"

#include <algorithm>
#include <map>
#include <set>

#include "crypto/sha256.h"

namespace rtt::mcp {
namespace {

constexpr std::size_t kHashDigits = 16;
constexpr std::string_view kSeparator = "__";

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}  // inside a UTF-8 sequence

// `want`, cut to leave room, with a hash of whom it names. `round` tells hashes apart that were taken.
std::string hashed(std::string_view want, const NameClaim& claim, int round) {
  std::string whole = claim.ns + '\n' + claim.key;
  if (round > 0) whole += '\n' + std::to_string(round);
  std::size_t length = std::min(want.size(), kExposedNameBytesMax - kHashDigits - 1);
  while (length > 0 && length < want.size() && continues(want[length])) --length;
  return std::string(want.substr(0, length)) + "_" + bare_hex(crypto::sha256(whole)).substr(0, kHashDigits);
}

}  // namespace

void expose_names(std::vector<NameClaim>& claims, model::NameMode mode,
                  const std::vector<std::string>& reserved) {
  using model::NameMode;
  std::map<std::string_view, std::pair<int, std::string_view>>
      uses;  // of a key: how many, the first namespace
  for (const NameClaim& claim : claims) {
    auto& [count, first] = uses[claim.key];
    if (count++ == 0 || claim.ns < first) first = claim.ns;
  }
  std::set<std::string, std::less<>> taken(reserved.begin(), reserved.end());
  std::vector<NameClaim*> others;
  // Own names first: what a server calls its tool is never changed for another one's made-up name.
  for (NameClaim& claim : claims) {
    const auto& [count, first] = uses[claim.key];
    claim.exposed.clear();
    if (mode == NameMode::kPlain && claim.ns != first) continue;
    const bool own = mode == NameMode::kPlain || (mode == NameMode::kConflict && count == 1);
    if (own && claim.key.size() <= kExposedNameBytesMax && taken.insert(claim.key).second) {
      claim.exposed = claim.key;
    } else {
      others.push_back(&claim);
    }
  }
  std::ranges::sort(others, {}, [](const NameClaim* claim) { return std::tie(claim->ns, claim->key); });
  for (NameClaim* const claim : others) {
    const std::string want =
        mode == NameMode::kPlain || (mode == NameMode::kConflict && uses[claim->key].first == 1)
            ? claim->key
            : claim->ns + std::string(kSeparator) + claim->key;
    if (want.size() <= kExposedNameBytesMax && taken.insert(want).second) {
      claim->exposed = want;
      continue;
    }
    for (int round = 0; claim->exposed.empty(); ++round) {  // ends: each round offers another name
      std::string name = hashed(want, *claim, round);
      if (taken.insert(name).second) claim->exposed = std::move(name);
    }
  }
}

}  // namespace rtt::mcp
