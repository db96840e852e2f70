// SPDX-License-Identifier: Apache-2.0
// Surroundings: the environment and the working folder of the `rtt mcp serve` that an AI client started.
//
// A client's servers have its own environment and folder when it starts them itself. Those that RTT runs for
// one client alone get the same (backends/launch.h); what several clients share has the gateway's. They come
// in the hello to the gateway, as "env":{NAME:VALUE} and "cwd":PATH, and again to the gateway that takes
// over. JSON carries no text that is no UTF-8: such variables are left out, and their names told.
//
// Owns: its values. They may be secrets: none is printed, logged, journaled or named in an error.
// Thread: any; one copy a client, shared as const by the client and its instances of servers.
// Fails: read_surroundings: kPanelProtocol.
// Limits: kSurroundingsBytesMax as JSON; the largest variables are left out first.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/json.h"

namespace rtt::mcp {

inline constexpr std::size_t kSurroundingsBytesMax = std::size_t{256} << 10;

struct Surroundings {
  std::vector<std::pair<std::string, std::string>> environment;  // by name, each once
  std::string directory;                                         // absolute; empty: not known
};
struct KeptSurroundings {
  std::shared_ptr<const Surroundings> surroundings;
  std::vector<std::string> left_out;  // in words, for people
};
KeptSurroundings keep_surroundings(Surroundings all);  // of what is there, what can be sent
KeptSurroundings own_surroundings();                   // of this process

void write_surroundings(const Surroundings& surroundings, text::Json& hello);
// nullptr: the hello has none (an older rtt sent it).
Result<std::shared_ptr<const Surroundings>> read_surroundings(const text::Json& hello);

}  // namespace rtt::mcp
