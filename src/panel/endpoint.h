// SPDX-License-Identifier: Apache-2.0
// Endpoint: the one definition a person means by a word, at either end of a route.
//
// A word is a full address or a short name; of several versions that satisfy it the highest usable one is
// meant. A definition that exists but may not be used is told apart from one that does not exist.
//
// Owns: nothing; the entry points into the snapshot.   Thread: any.
// Fails: kNotFound with the nearest name, kAmbiguous, kDirection when only the other side has that name, and
// the code of the problem for which a definition is refused.
#pragma once

#include <string>

#include "registry/snapshot.h"

namespace rtt::panel {

enum class Side : std::uint8_t { kConsumer, kProvider };

struct Endpoint {
  const registry::SymbolEntry* entry = nullptr;
  model::Saddr asked;  // the word as a reference, with the capabilities it asks for
};
Result<Endpoint> find_endpoint(const registry::Snapshot& snapshot, const std::string& word, Side side);

}  // namespace rtt::panel
