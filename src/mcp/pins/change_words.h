// SPDX-License-Identifier: Apache-2.0
// What a change of a definition means, in words: "argument 'path' became required".
//
// Derived from the JSON pointer and the two values alone. It says which way a schema moved, and so who is
// hurt: a tighter input schema turns away calls made for the accepted one, a looser output schema lets out
// answers that their readers do not expect. What cannot be told from the keyword alone ($ref, anyOf, pattern
// against pattern) says so rather than guess.
//
// Thread: any (pure).   Fails: never.   Limits: kNamedMax names of a list are spelt out.
#pragma once

#include <cstdint>
#include <string>

#include "mcp/pins/pin.h"

namespace rtt::mcp {

enum class ChangeEffect : std::uint8_t {
  kCompatible,  // what was made for the accepted one still works
  kBreaking,    // it may not
  kUnclear,     // cannot be told
  kWords,       // says something else, takes and gives the same
};
std::string_view to_string(ChangeEffect effect);  // compatible breaking unclear words

struct ChangeWords {
  std::string text;  // "argument 'path' became required: calls made for the accepted tool may be refused"
  ChangeEffect effect = ChangeEffect::kUnclear;
};
ChangeWords words_of(const PinChange& change);

}  // namespace rtt::mcp
