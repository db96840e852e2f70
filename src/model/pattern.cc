// SPDX-License-Identifier: Apache-2.0
// Patterns, routes and short forms: the texts that are not addresses themselves but talk about addresses.
#include <fmt/format.h>

#include <algorithm>

#include "model/saddr.h"
#include "model/saddr_text.h"
#include "text/glob.h"

namespace rtt::model {
namespace {

bool has_star(std::string_view text) { return text.find('*') != std::string_view::npos; }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Status read_pattern_version(const RawPart& part, Pattern& out) {
  auto range = parse_range(part.text);
  if (!range || trimmed(part.text).empty()) {
    return bad_address(part.column, range ? "the version is empty" : range.error().message,
                       "a pattern's version is a range such as ^1.2, or left away for all");
  }
  if (range->is_any()) return {};
  out.version = range->text();
  out.version_range = *std::move(range);
  return {};
}

// Short forms: [ns/[type/]]name[@range][#variant], every part in canonical spelling.
struct ShortForm {
  std::string_view ns, type, name, tail;
};

ShortForm cut_short(std::string_view text) {
  ShortForm form;
  const std::size_t tail = std::min(text.find_first_of("@#?"), text.size());
  form.tail = text.substr(tail);
  std::string_view path = text.substr(0, tail);
  const std::size_t last = path.rfind('/');
  form.name = last == std::string_view::npos ? path : path.substr(last + 1);
  if (last == std::string_view::npos) return form;
  path = path.substr(0, last);
  const std::size_t slash = path.find('/');
  form.ns = path.substr(0, slash);
  if (slash != std::string_view::npos) form.type = path.substr(slash + 1);
  return form;
}

bool fits(const ShortForm& form, const Saddr& known) {
  return (form.ns.empty() || form.ns == known.ns) &&
         (form.type.empty() || form.type == to_string(known.type)) && form.name == encode_name(known.name);
}

std::string bare(const Saddr& saddr) {
  return fmt::format("rtt://{}/{}/{}", saddr.ns, to_string(saddr.type), encode_name(saddr.name));
}

// The nearest known address to a short form, compared in the same short form.
std::string near_miss(std::string_view text, const ShortForm& form, const std::vector<Saddr>& known) {
  std::vector<std::string> choices;
  choices.reserve(known.size());
  for (const Saddr& saddr : known) {
    std::string choice;
    if (!form.ns.empty()) choice += saddr.ns + "/";
    if (!form.type.empty()) choice += std::string(to_string(saddr.type)) + "/";
    choices.push_back(choice + encode_name(saddr.name));
  }
  const auto found = nearest(text.substr(0, text.size() - form.tail.size()), choices);
  return found ? fmt::format("did you mean '{}'? `rtt ls symbols` lists all", *found)
               : std::string("`rtt ls symbols` lists what there is");
}

constexpr std::size_t kListedMax = 10;

std::string listed(const std::vector<std::string>& names) {
  const std::size_t count = std::min(names.size(), kListedMax);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count), ", "));
  if (names.size() > count) text += fmt::format(" and {} more", names.size() - count);
  return text;
}

}  // namespace

Result<Pattern> parse_pattern(std::string_view text) {
  RTT_TRY_SET(const RawAddress raw, cut_address(text));
  Pattern out;
  RTT_TRY(check_word(raw.ns, "namespace", Stars::kAllowed));
  RTT_TRY(check_word(raw.type, "type", Stars::kAllowed));
  out.ns = raw.ns.text;
  out.type = raw.type.text;
  RTT_TRY_SET(out.name, canonical_name_pattern(raw.name));
  if (raw.version) RTT_TRY(read_pattern_version(*raw.version, out));
  if (raw.variant) {
    RTT_TRY(check_word(*raw.variant, "variant", Stars::kAllowed));
    if (raw.variant->text.find_first_not_of('*') != std::string_view::npos) out.variant = raw.variant->text;
  }
  if (raw.query) {
    return bad_address(raw.query->column - 1, "a pattern has no parameters",
                       "leave '?' and what follows away");
  }
  out.text = fmt::format("rtt://{}/{}/{}", out.ns, out.type, out.name);
  if (out.version) out.text += "@" + *out.version;
  if (out.variant) out.text += "#" + *out.variant;
  return out;
}

std::string to_string(const Pattern& pattern) { return pattern.text; }

bool matches(const Pattern& pattern, const Saddr& definition) {
  if (!text::glob_match(pattern.ns, definition.ns)) return false;
  if (!text::glob_match(pattern.type, to_string(definition.type))) return false;
  if (!text::glob_match(pattern.name, encode_name(definition.name))) return false;
  if (pattern.variant && !text::glob_match(*pattern.variant, definition.variant)) return false;
  if (!pattern.version_range) return true;
  return definition.version && pattern.version_range->contains(*definition.version);
}

bool could_match(const Pattern& pattern, const Saddr& reference) {
  if (reference.version) return matches(pattern, reference);
  Pattern rest = pattern;
  rest.version_range.reset();
  if (reference.variant.empty()) rest.variant.reset();  // a reference without one stands for every variant
  if (!matches(rest, reference)) return false;
  if (!pattern.version_range || !reference.range) return true;
  return ranges_meet({*pattern.version_range, *reference.range});
}

bool can_match(const Pattern& pattern) {
  bool known = false;
  for (std::size_t i = 0; i < kSymbolTypeCount; ++i) {
    known = known || text::glob_match(pattern.type, to_string(static_cast<SymbolType>(i)));
  }
  return known && (!pattern.version_range || ranges_meet({*pattern.version_range}));
}

std::array<bool, 5> literal_mask(const Pattern& pattern) {
  const auto literal = [](const std::optional<std::string>& part) { return part && !has_star(*part); };
  return {!has_star(pattern.ns), !has_star(pattern.type), !has_star(pattern.name), literal(pattern.version),
          literal(pattern.variant)};
}

int literal_parts(const Pattern& pattern) {
  return static_cast<int>(std::ranges::count(literal_mask(pattern), true));
}

Result<RouteText> split_route(std::string_view text) {
  constexpr std::string_view kArrow = " -> ";
  const std::string_view whole = trimmed(text);
  const std::size_t arrow = whole.find(kArrow);
  if (arrow != std::string_view::npos) {
    const RouteText route{trimmed(whole.substr(0, arrow)), trimmed(whole.substr(arrow + kArrow.size()))};
    if (!route.from.empty() && !route.to.empty()) return route;
  }
  if (whole == "-" || whole.ends_with(" -")) {
    return fail(Code::kBadRoute, "a route ends in '-': the shell took `> B` as a redirection", {},
                "write two words, `A B`, or quote it: 'A -> B'");
  }
  return fail(Code::kBadRoute, fmt::format("'{}' is not a route", whole.substr(0, 200)), {},
              "a route is 'A -> B', with a space on each side of the arrow");
}

Result<Saddr> resolve_short(std::string_view text, const std::vector<Saddr>& known) {
  if (text.starts_with("rtt://")) return parse_reference(text);
  const ShortForm form = cut_short(text);
  std::vector<std::string> found;
  for (const Saddr& saddr : known) {
    if (fits(form, saddr)) found.push_back(bare(saddr));
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  if (found.size() == 1) return parse_reference(found.front() + std::string(form.tail));
  const std::string_view shown = text.substr(0, 200);
  if (found.empty()) {
    return fail(Code::kNotFound, fmt::format("nothing is called '{}'", shown), {},
                near_miss(text, form, known));
  }
  return fail(Code::kAmbiguous, fmt::format("'{}' fits {}: {}", shown, found.size(), listed(found)), {},
              "write the namespace too, or the full address");
}

}  // namespace rtt::model
