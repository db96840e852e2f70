// SPDX-License-Identifier: Apache-2.0
#include "model/saddr.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "model/saddr_text.h"

namespace rtt::model {
namespace {

constexpr std::array<std::string_view, kSymbolTypeCount> kTypeNames{
    "api",  "hook", "plugin",  "extension", "stub", "flag",  "tag",    "queue",    "bus",
    "file", "proc", "service", "agent",     "tool", "skill", "prompt", "resource", "connector"};
constexpr std::array<std::string_view, 3> kIoNames{"req", "pubsub", "stream"};
constexpr std::array<std::string_view, 2> kParameters{"caps", "io"};

template <std::size_t N>
std::vector<std::string> words(const std::array<std::string_view, N>& names) {
  return {names.begin(), names.end()};
}

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& choices) {
  if (const auto found = nearest(wrong, choices)) return fmt::format("did you mean '{}'?", *found);
  return fmt::format("one of: {}", fmt::join(choices, " "));
}

Result<SymbolType> read_type(const RawPart& part) {
  if (const auto type = parse_symbol_type(part.text)) return *type;
  if (part.text.empty()) return bad_address(part.column, "the type is empty");
  return bad_address(part.column, fmt::format("'{}' is no symbol type", part.text.substr(0, 64)),
                     did_you_mean(part.text, words(kTypeNames)));
}

// Calls `take` for each piece of `part` between `separator`s, with its column.
template <typename Take>
Status each_piece(const RawPart& part, char separator, Take take) {
  for (std::size_t start = 0; start <= part.text.size();) {
    const std::size_t end = std::min(part.text.find(separator, start), part.text.size());
    RTT_TRY(take(RawPart{part.text.substr(start, end - start), part.column + start}));
    start = end + 1;
  }
  return {};
}

Result<std::vector<std::string>> read_caps(const RawPart& part) {
  std::vector<std::string> caps;
  const auto take = [&](const RawPart& piece) -> Status {
    RTT_TRY(check_word(piece, "capability", Stars::kRefused));
    if (caps.size() == limits::kCapabilitiesMax) {
      return bad_address(piece.column, fmt::format("more than {} capabilities", limits::kCapabilitiesMax));
    }
    caps.emplace_back(piece.text);
    return {};
  };
  RTT_TRY(each_piece(part, ',', take));
  std::ranges::sort(caps);
  caps.erase(std::ranges::unique(caps).begin(), caps.end());
  return caps;
}

Status read_query(const RawPart& query, Saddr& out) {
  bool seen_caps = false;
  return each_piece(query, '&', [&](const RawPart& piece) -> Status {
    const std::size_t equals = piece.text.find('=');
    const std::string_view key = piece.text.substr(0, equals);
    if (equals == std::string_view::npos) {
      return bad_address(piece.column, piece.text.empty() ? "an empty parameter" : "a parameter is key=value",
                         "parameters are caps=a,b and io=req|pubsub|stream");
    }
    const RawPart value{piece.text.substr(equals + 1), piece.column + equals + 1};
    const bool again = (key == "caps" && seen_caps) || (key == "io" && out.io);
    if (again) return bad_address(piece.column, fmt::format("the parameter {} is given twice", key));
    if (key == "caps") {
      seen_caps = true;
      RTT_TRY_SET(out.caps, read_caps(value));
      return {};
    }
    if (key == "io") {
      out.io = parse_io_mode(value.text);
      if (out.io) return {};
      return bad_address(value.column, fmt::format("'{}' is no io mode", value.text.substr(0, 64)),
                         did_you_mean(value.text, words(kIoNames)));
    }
    return bad_address(piece.column, fmt::format("'{}' is no parameter", key.substr(0, 64)),
                       did_you_mean(key, words(kParameters)));
  });
}

std::unexpected<Error> at_version(const RawPart& part, Error error) {
  error.code = Code::kBadAddress;
  error.where = fmt::format("column {}", part.column);
  return std::unexpected(std::move(error));
}

bool blank(std::string_view text) { return text.find_first_not_of(" \t") == std::string_view::npos; }

// Everything but the version, which definitions and references read differently.
Result<Saddr> read_common(const RawAddress& raw) {
  Saddr out;
  RTT_TRY(check_word(raw.ns, "namespace", Stars::kRefused));
  out.ns = raw.ns.text;
  RTT_TRY_SET(out.type, read_type(raw.type));
  RTT_TRY_SET(out.name, decode_name(raw.name));
  if (raw.version && blank(raw.version->text))
    return bad_address(raw.version->column, "the version is empty");
  if (raw.variant) {
    RTT_TRY(check_word(*raw.variant, "variant", Stars::kRefused));
    out.variant = raw.variant->text;
  }
  if (raw.query) RTT_TRY(read_query(*raw.query, out));
  return out;
}

// Appended piece by piece: a plan of 10,000 routes spells some 100,000 addresses while it is read and
// checked.
std::string head(const Saddr& saddr) {
  std::string text;
  text.reserve(saddr.ns.size() + saddr.name.size() + saddr.variant.size() + 48);
  text.append("rtt://").append(saddr.ns).append("/").append(to_string(saddr.type)).append("/");
  text += encode_name(saddr.name);
  if (saddr.version) {
    text.append("@").append(to_string(*saddr.version));
  } else if (saddr.range) {
    text.append("@").append(saddr.range->text());
  }
  if (!saddr.variant.empty()) text.append("#").append(saddr.variant);
  return text;
}

std::strong_ordering order_versions(const Saddr& a, const Saddr& b) {
  if (a.version && b.version) {
    return precedence(*a.version, *b.version);
  }
  return a.version.has_value() <=> b.version.has_value();
}

// What canonical order leaves equal, so that sorting is total: build metadata, ranges, capabilities, io.
std::strong_ordering order_rest(const Saddr& a, const Saddr& b) {
  if (a.version && b.version) {
    if (const auto order = a.version->build <=> b.version->build; order != 0) return order;
  }
  const std::string_view a_range = a.range ? a.range->text() : std::string_view();
  const std::string_view b_range = b.range ? b.range->text() : std::string_view();
  if (const auto order = a_range <=> b_range; order != 0) return order;
  if (const auto order = a.caps <=> b.caps; order != 0) return order;
  return a.io <=> b.io;
}

}  // namespace

std::string_view to_string(SymbolType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

std::optional<SymbolType> parse_symbol_type(std::string_view text) {
  const auto at = std::ranges::find(kTypeNames, text);
  if (at == kTypeNames.end()) return std::nullopt;
  return static_cast<SymbolType>(at - kTypeNames.begin());
}

std::string_view to_string(IoMode mode) { return kIoNames[static_cast<std::size_t>(mode)]; }

std::optional<IoMode> parse_io_mode(std::string_view text) {
  const auto at = std::ranges::find(kIoNames, text);
  if (at == kIoNames.end()) return std::nullopt;
  return static_cast<IoMode>(at - kIoNames.begin());
}

Result<Saddr> parse_definition(std::string_view text) {
  RTT_TRY_SET(const RawAddress raw, cut_address(text));
  RTT_TRY_SET(Saddr out, read_common(raw));
  if (!raw.version) {
    return bad_address(raw.name.column + raw.name.text.size(), "a definition needs an exact version",
                       "add one, for example @1.0.0");
  }
  auto version = parse_version(raw.version->text);
  if (!version) return at_version(*raw.version, std::move(version).error());
  out.version = *std::move(version);
  return out;
}

Result<Saddr> parse_reference(std::string_view text) {
  RTT_TRY_SET(const RawAddress raw, cut_address(text));
  RTT_TRY_SET(Saddr out, read_common(raw));
  if (!raw.version) return out;
  auto range = parse_range(raw.version->text);
  if (!range) return at_version(*raw.version, std::move(range).error());
  if (!range->is_any()) out.range = *std::move(range);
  return out;
}

std::string to_string(const Saddr& saddr) {
  std::string text = head(saddr);
  char mark = '?';
  if (!saddr.caps.empty()) {
    text += fmt::format("{}caps={}", mark, fmt::join(saddr.caps, ","));
    mark = '&';
  }
  if (saddr.io) text += fmt::format("{}io={}", mark, to_string(*saddr.io));
  return text;
}

std::string identity(const Saddr& saddr) { return head(saddr); }

Saddr identity_only(Saddr saddr) {
  saddr.caps.clear();
  saddr.io.reset();
  return saddr;
}

std::strong_ordering canonical_order(const Saddr& a, const Saddr& b) {
  if (const auto order = a.ns <=> b.ns; order != 0) return order;
  if (a.type != b.type) return to_string(a.type) <=> to_string(b.type);
  if (const auto order = a.name <=> b.name; order != 0) return order;
  if (const auto order = order_versions(a, b); order != 0) return order;
  if (const auto order = a.variant <=> b.variant; order != 0) return order;
  return order_rest(a, b);
}

}  // namespace rtt::model
