// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/hidden_text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace rtt::mcp {
namespace {

struct Span {
  std::uint32_t first, last;
};
// Sorted. Unicode's default-ignorable and bidi format characters, fillers that print as nothing, and
// controls.
constexpr std::array kHidden{
    Span{0x0000, 0x0008},   Span{0x000B, 0x000C},   Span{0x000E, 0x001F},   Span{0x007F, 0x009F},
    Span{0x00AD, 0x00AD},   Span{0x034F, 0x034F},   Span{0x061C, 0x061C},   Span{0x115F, 0x1160},
    Span{0x17B4, 0x17B5},   Span{0x180B, 0x180F},   Span{0x200B, 0x200F},   Span{0x2028, 0x202E},
    Span{0x2060, 0x206F},   Span{0x2800, 0x2800},   Span{0x3164, 0x3164},   Span{0xE000, 0xF8FF},
    Span{0xFE00, 0xFE0F},   Span{0xFEFF, 0xFEFF},   Span{0xFFA0, 0xFFA0},   Span{0xFFF0, 0xFFFB},
    Span{0x1BCA0, 0x1BCA3}, Span{0x1D173, 0x1D17A}, Span{0xE0000, 0xE0FFF}, Span{0xF0000, 0x10FFFF},
};

constexpr std::uint32_t kZeroWidthNonJoiner = 0x200C;
constexpr std::uint32_t kZeroWidthJoiner = 0x200D;
constexpr std::uint32_t kTextStyle = 0xFE0E;
constexpr std::uint32_t kEmojiStyle = 0xFE0F;

bool listed(std::uint32_t point) {
  const auto at = std::upper_bound(kHidden.begin(), kHidden.end(), point,
                                   [](std::uint32_t wanted, Span span) { return wanted < span.first; });
  return at != kHidden.begin() && point <= std::prev(at)->last;
}

bool pictograph(std::uint32_t point) { return point >= 0x2190 && !listed(point); }
bool keycap_base(std::uint32_t point) {
  return (point >= '0' && point <= '9') || point == '#' || point == '*' || point == 0xA9 || point == 0xAE;
}
bool joining_letter(std::uint32_t point) { return point >= 0x0600 && point <= 0x0DFF && !listed(point); }

bool fits(std::uint32_t before, std::uint32_t point, std::uint32_t after) {
  switch (point) {
    case kEmojiStyle:
    case kTextStyle:
      return pictograph(before) || keycap_base(before);
    case kZeroWidthJoiner:
      return ((pictograph(before) || before == kEmojiStyle) && pictograph(after)) ||
             (joining_letter(before) && joining_letter(after));
    case kZeroWidthNonJoiner:
      return joining_letter(before) && joining_letter(after);
    default:
      return false;
  }
}

std::vector<std::uint32_t> points_of(std::string_view text) {
  std::vector<std::uint32_t> points;
  points.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int more = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    std::uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);
    for (int k = 0; k < more && i < text.size(); ++k) {
      point = (point << 6) | (static_cast<unsigned char>(text[i++]) & 0x3FU);
    }
    points.push_back(point);
  }
  return points;
}

}  // namespace

std::optional<std::uint32_t> first_hidden(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t' || c == '\r';
  });
  if (plain) return std::nullopt;
  const std::vector<std::uint32_t> points = points_of(text);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::uint32_t before = i > 0 ? points[i - 1] : 0;
    const std::uint32_t after = i + 1 < points.size() ? points[i + 1] : 0;
    if (listed(points[i]) && !fits(before, points[i], after)) return points[i];
  }
  return std::nullopt;
}

}  // namespace rtt::mcp
