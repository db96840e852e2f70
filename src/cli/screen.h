// SPDX-License-Identifier: Apache-2.0
// Screen: where the command line writes and what it may ask, as values, so that every verb can be run in a
// test.
//
// Nothing that came from outside (a tool's name, a server's answer, a file's path) reaches a terminal as it
// is: an escape sequence in it could repaint the screen or type for the user. printable() shows control
// characters, C1 controls and bidirectional overrides as \xNN and \u{NNNN}.
//
// Owns: its functions.   Thread: one.   Units: columns are terminal cells.   Fails: never.
// Limits: none; a closed pipe ends quietly.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace rtt::cli {

struct Screen {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> err;
  std::function<std::optional<std::string>(std::string_view prompt)> answer;  // nothing: end of input
  std::function<void(Nanos)> wait;                                            // for --watch
  std::function<bool()> interrupted;                                          // ends --watch
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool no_colour = false;  // NO_COLOR is set, or TERM is dumb
  int columns = 80;
};

Screen real_screen();

enum class Lines : std::uint8_t { kOne, kMany };  // kMany keeps \n and \t
std::string printable(std::string_view text, Lines lines = Lines::kOne);
// Terminal cells the text takes: combining marks none, East Asian wide characters two.
std::size_t display_width(std::string_view text);
// The text cut to `columns` cells, ending in … if something was cut.
std::string fit(std::string_view text, std::size_t columns);

enum class Tone : std::uint8_t { kPlain, kBold, kDim, kGood, kBad, kWarn, kNew };
// Colours, or not: decided once a run from --color, NO_COLOR and the terminal.
class Paint {
 public:
  enum class Mode : std::uint8_t { kPlain, kColour };
  Paint() = default;
  explicit Paint(Mode mode) : mode_(mode) {}
  [[nodiscard]] std::string operator()(Tone tone, std::string_view text) const;

 private:
  Mode mode_ = Mode::kPlain;
};

}  // namespace rtt::cli
