// SPDX-License-Identifier: Apache-2.0
// Saddr: the address of a symbol (docs/formats/saddr.md).
//
//     rtt://<namespace>/<type>/<name>[@<version or range>][#<variant>][?caps=a,b&io=req|pubsub|stream]
//
// One grammar, three uses told apart by type: a *definition* has an exact version, a *reference* a range
// (none means
// `*`), a *pattern* (policy only) may carry `*` in any part. There is one canonical spelling, and
// parse(print(x)) == x; `#` and `?` are read in either order and printed in the order above. The `A -> B`
// route grammar is split here too, at the first ` -> `.
//
// namespace, variant, capability: [a-z0-9][a-z0-9._-]*, 1 to 128 bytes. name: [A-Za-z0-9_][A-Za-z0-9._-]*,
// case-sensitive, any other byte as %XX (upper-case hex). No `..`, no empty part.
//
// Thread: any (values).   Fails: kBadAddress with where = "column N"; the nearest type name is offered as
// hint. Limits: kNameBytesMax a part, kCapabilitiesMax capabilities.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/semver.h"

namespace rtt::model {

enum class SymbolType : std::uint8_t {
  kApi,
  kHook,
  kPlugin,
  kExtension,
  kStub,
  kFlag,
  kTag,
  kQueue,
  kBus,
  kFile,
  kProc,
  kService,
  kAgent,
  kTool,
  kSkill,
  kPrompt,
  kResource,
  kConnector,
};
inline constexpr std::size_t kSymbolTypeCount = 18;
std::string_view to_string(SymbolType type);
std::optional<SymbolType> parse_symbol_type(std::string_view text);

enum class IoMode : std::uint8_t { kReq, kPubsub, kStream };
std::string_view to_string(IoMode mode);
std::optional<IoMode> parse_io_mode(std::string_view text);

struct Saddr {
  std::string ns;
  SymbolType type = SymbolType::kApi;
  std::string name;                // decoded bytes; printed with %XX where needed
  std::optional<Version> version;  // definitions
  std::optional<Range> range;      // references; nothing means `*` (an any-range reads as nothing)
  std::string variant;             // empty = none
  std::vector<std::string> caps;   // sorted, unique
  std::optional<IoMode> io;

  [[nodiscard]] bool is_definition() const { return version.has_value(); }
  friend bool operator==(const Saddr&, const Saddr&) = default;
};

// `text` must carry an exact version.
Result<Saddr> parse_definition(std::string_view text);
// An exact version reads as the range `=version`… kept as written: "1.2.0" prints as "1.2.0".
Result<Saddr> parse_reference(std::string_view text);
std::string to_string(const Saddr& saddr);
// Without caps and io: what identifies a definition (`rtt://ns/type/name@version#variant`).
std::string identity(const Saddr& saddr);
Saddr identity_only(Saddr saddr);
// Canonical order of definitions: namespace, type name, name, version (SemVer precedence), variant; what is
// still equal is ordered by build metadata, range, capabilities and io, so equal order means equal value.
std::strong_ordering canonical_order(const Saddr& a, const Saddr& b);

// A pattern: each part a glob over that part's canonical text; version and variant parts absent match
// everything.
struct Pattern {
  std::string text;  // canonical spelling
  std::string ns, type, name;
  std::optional<std::string> version;  // a range, or "*"
  std::optional<Range> version_range;
  std::optional<std::string> variant;

  friend bool operator==(const Pattern&, const Pattern&) = default;
};
Result<Pattern> parse_pattern(std::string_view text);
std::string to_string(const Pattern& pattern);
// A pattern with a version matches definitions only.
[[nodiscard]] bool matches(const Pattern& pattern, const Saddr& definition);
// Whether some definition that satisfies `reference` could match: what a deny rule asks of a reference.
[[nodiscard]] bool could_match(const Pattern& pattern, const Saddr& reference);
// Whether any definition could match: false when `type` matches none of the known types.
[[nodiscard]] bool can_match(const Pattern& pattern);
// How many parts are literal (no `*`), of namespace, type, name, version, variant: 0 to 5.
[[nodiscard]] int literal_parts(const Pattern& pattern);
[[nodiscard]] std::array<bool, 5> literal_mask(const Pattern& pattern);

struct RouteText {
  std::string_view from;
  std::string_view to;
};
// Splits `A -> B`. Fails kBadRoute; a bare `A -` is answered with what the shell did to `-> B`.
Result<RouteText> split_route(std::string_view text);

// Short form `ns/name`, `name` or `ns/type/name`, with `@range` or `#variant` if wanted, against known
// definitions; several matches fail kAmbiguous and list them, none fails kNotFound with the nearest one. Full
// addresses are parsed as references.
Result<Saddr> resolve_short(std::string_view text, const std::vector<Saddr>& known);

// The nearest of `choices` within Damerau–Levenshtein distance 2 (or a third of the length), or nothing.
std::optional<std::string> nearest(std::string_view wrong, const std::vector<std::string>& choices);

}  // namespace rtt::model
