// SPDX-License-Identifier: Apache-2.0
// The lines spoken about a mount of views, of two kinds (docs/formats/view-mount.md): what is asked of who
// serves it, and what its keeper and its server tell each other.
//
// Owns: its strings.   Thread: any (values).   Fails: kBadArgument (not a line of that kind).
// Limits: kMountLineBytesMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "views/pack_store.h"

namespace rtt::views {

inline constexpr std::size_t kMountLineBytesMax = std::size_t{1} << 20;

struct MountAsk {
  enum class Verb : std::uint8_t { kAdd, kShow, kDrop, kList } verb = Verb::kList;
  std::string workspace{};
  GenerationNumber generation = 0;
};
std::string to_line(const MountAsk& ask);  // with its end
Result<MountAsk> parse_ask(std::string_view line);

// "ok WORDS" or "error NUMBER MESSAGE".
std::string answer_line(const Result<std::string>& answer);
Result<std::string> parse_answer(std::string_view line);

// Between keeper and server: `hello HEX` (the first request of the connection), `number N NAME` (0: given
// back), `last N` (the largest number given), `started N` (a server was, in that second), `ready` (from the
// server), `go` (no more follows).
struct MountNote {
  enum class What : std::uint8_t { kHello, kNumber, kLast, kStarted, kReady, kGo } what = What::kGo;
  std::uint32_t number = 0;
  std::string text{};  // of kHello its bytes, of kNumber the name
};
std::string to_line(const MountNote& note);
Result<MountNote> parse_note(std::string_view line);

}  // namespace rtt::views
