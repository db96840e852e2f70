// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "os/file.h"
#include "os/loop.h"
#include "os/terminal.h"

namespace rtt::cli {
namespace {

struct Decoded {
  char32_t point = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// One UTF-8 sequence; an invalid byte is one undecoded byte, so any input is consumed.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.point = lead, .bytes = 1, .valid = true};
  const std::size_t bytes = lead >= 0xF0 && lead < 0xF5   ? 4
                            : lead >= 0xE0 && lead < 0xF0 ? 3
                            : lead >= 0xC2 && lead < 0xE0 ? 2
                                                          : 0;
  if (bytes == 0 || bytes > text.size()) return {};
  char32_t point = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    point = (point << 6) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest.at(bytes) || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return {};
  return {.point = point, .bytes = bytes, .valid = true};
}

struct Span {
  char32_t first, last;
};
bool within(std::span<const Span> table, char32_t point) {
  return std::any_of(table.begin(), table.end(),
                     [&](const Span& span) { return point >= span.first && point <= span.last; });
}

constexpr auto kHidden = std::to_array<Span>({{0x00, 0x1F},
                                              {0x7F, 0x9F},
                                              {0x200B, 0x200F},
                                              {0x2028, 0x202E},
                                              {0x2060, 0x206F},
                                              {0xFEFF, 0xFEFF},
                                              {0xE0000, 0xE007F}});
constexpr auto kZeroWidth = std::to_array<Span>(
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}});
constexpr auto kWide = std::to_array<Span>({{0x1100, 0x115F},
                                            {0x2E80, 0x303E},
                                            {0x3041, 0x33FF},
                                            {0x3400, 0x4DBF},
                                            {0x4E00, 0x9FFF},
                                            {0xA000, 0xA4CF},
                                            {0xAC00, 0xD7A3},
                                            {0xF900, 0xFAFF},
                                            {0xFE30, 0xFE4F},
                                            {0xFF00, 0xFF60},
                                            {0xFFE0, 0xFFE6},
                                            {0x1F300, 0x1F64F},
                                            {0x1F900, 0x1F9FF},
                                            {0x20000, 0x3FFFD}});

std::size_t cells(const Decoded& one) {
  if (within(kZeroWidth, one.point)) return 0;
  return within(kWide, one.point) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text, Lines lines) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Decoded one = decode(text);
    const bool kept = lines == Lines::kMany && (text[0] == '\n' || text[0] == '\t');
    if (!one.valid || (one.point < 0xA0 && within(kHidden, one.point) && !kept)) {
      const char32_t shown_point = one.valid ? one.point : static_cast<unsigned char>(text[0]);
      shown += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(shown_point));
    } else if (within(kHidden, one.point) && !kept) {
      shown += fmt::format("\\u{{{:04x}}}", static_cast<std::uint32_t>(one.point));
    } else {
      shown += text.substr(0, one.bytes);
    }
    text.remove_prefix(one.bytes);
  }
  return shown;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded one = decode(text);
    width += cells(one);
    text.remove_prefix(one.bytes);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t kept = 0;
  std::size_t width = 0;
  while (kept < text.size()) {
    const Decoded one = decode(text.substr(kept));
    if (width + cells(one) > columns - 1) break;
    width += cells(one);
    kept += one.bytes;
  }
  return std::string(text.substr(0, kept)) + "…";
}

std::string Paint::operator()(Tone tone, std::string_view text) const {
  if (mode_ == Mode::kPlain || text.empty()) return std::string(text);
  std::string_view code;
  switch (tone) {
    case Tone::kPlain:
      return std::string(text);
    case Tone::kBold:
      code = "1";
      break;
    case Tone::kDim:
      code = "2";
      break;
    case Tone::kGood:
      code = "32";
      break;
    case Tone::kBad:
      code = "31";
      break;
    case Tone::kWarn:
      code = "33";
      break;
    case Tone::kNew:
      code = "36";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

Screen real_screen() {
  constexpr int kIn = 0, kOut = 1, kErr = 2;
  constexpr int kColumnsOtherwise = 100;
  Screen screen;
  screen.out = [](std::string_view text) { os::write_out(text); };
  screen.err = [](std::string_view text) { os::write_err(text); };
  screen.answer = [](std::string_view prompt) { return os::read_answer(prompt); };
  screen.wait = [](Nanos span) {
    auto loop = os::Loop::create();
    if (!loop) return;
    (*loop)->after(span, [&] { (*loop)->stop(); });
    (*loop)->run();
  };
  screen.interrupted = [] { return false; };  // SIGINT ends the process
  screen.in_is_terminal = os::is_terminal(kIn);
  screen.out_is_terminal = os::is_terminal(kOut);
  screen.err_is_terminal = os::is_terminal(kErr);
  screen.no_colour = !os::environment("NO_COLOR").empty() || os::environment("TERM") == "dumb";
  screen.columns = screen.out_is_terminal ? os::terminal_columns(kOut, kColumnsOtherwise) : kColumnsOtherwise;
  return screen;
}

}  // namespace rtt::cli
