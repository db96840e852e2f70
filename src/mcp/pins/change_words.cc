// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/change_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kNamedMax = 8;
constexpr std::size_t kShownMax = 60;  // bytes of a value

// Which way a schema moved: what satisfies the new one against what satisfied the old one.
enum class Move : std::uint8_t { kTighter, kLooser, kUnclear, kWords };

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> out;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string token;
    for (std::size_t i = 0; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end) {
        token.push_back(pointer[++i] == '1' ? '/' : '~');
      } else {
        token.push_back(pointer[i]);
      }
    }
    out.push_back(std::move(token));
    pointer.remove_prefix(end);
  }
  return out;
}

std::string shown(const Json& value) {
  std::string out = value.is_string() ? value.as_string() : text::to_json(value);
  if (out.size() <= kShownMax) return out;
  std::size_t end = kShownMax;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  return out.substr(0, end) + "…";
}
std::string shown(const std::optional<Json>& value) { return value ? shown(*value) : "none"; }

// A schema inside a definition: whose it is, and what of it a pointer names.
struct Place {
  std::string what;     // "argument 'a.b'", "the arguments", "result member 'x'"
  std::string member;   // how a member of it is called: "argument 'a.c'" for what = "argument 'a'"
  std::string keyword;  // the schema keyword that changed; empty: the schema itself
};

// Walks the schema keywords that lead to a subschema; what is left is the keyword that changed.
Place place_of(std::span<const std::string> tokens, std::string_view noun, std::string_view whole) {
  std::string path, definition;
  std::size_t i = 0;
  const auto more = [&](std::size_t count) { return i + count <= tokens.size(); };
  while (i < tokens.size()) {
    const std::string& token = tokens[i];
    if (token == "properties" && more(2)) {
      path += (path.empty() ? "" : ".") + tokens[i + 1];
      i += 2;
    } else if (token == "items" && tokens.size() > i + 1) {
      path += "[]";
      ++i;
    } else if (token == "additionalProperties" && tokens.size() > i + 1) {
      path += path.empty() ? "*" : ".*";
      ++i;
    } else if ((token == "$defs" || token == "definitions") && more(2)) {
      definition = tokens[i + 1];
      path.clear();
      i += 2;
    } else {
      break;
    }
  }
  Place place;
  const std::string in = definition.empty() ? "" : fmt::format(" of definition '{}'", definition);
  place.what = path.empty() ? (definition.empty() ? std::string(whole) : "definition '" + definition + "'")
                            : fmt::format("{} '{}'{}", noun, path, in);
  place.member = fmt::format("{} '{}", noun, path.empty() ? "" : path + ".");
  for (; i < tokens.size(); ++i) place.keyword += (place.keyword.empty() ? "" : "/") + tokens[i];
  return place;
}

std::vector<Json> list_of(const std::optional<Json>& value) {
  if (!value) return {};
  return value->is_array() ? value->as_array() : std::vector<Json>{*value};
}
std::vector<Json> missing_in(const std::vector<Json>& from, const std::vector<Json>& other) {
  std::vector<Json> out;
  std::ranges::copy_if(from, std::back_inserter(out),
                       [&](const Json& item) { return std::ranges::find(other, item) == other.end(); });
  return out;
}
std::string names(const std::vector<Json>& items) {
  std::string out;
  for (std::size_t i = 0; i < items.size() && i < kNamedMax; ++i) {
    out += (i > 0 ? ", '" : "'") + shown(items[i]) + "'";
  }
  return items.size() > kNamedMax ? out + fmt::format(" and {} more", items.size() - kNamedMax) : out;
}

struct Said {
  std::string text;
  Move move = Move::kUnclear;
};

Move by_lists(const std::vector<Json>& gone, const std::vector<Json>& added) {
  if (gone.empty()) return Move::kLooser;
  return added.empty() ? Move::kTighter : Move::kUnclear;
}

Said required_words(const Place& place, const PinChange& change) {
  const auto before = list_of(change.before), after = list_of(change.after);
  const auto added = missing_in(after, before), gone = missing_in(before, after);
  const auto say = [&](const std::vector<Json>& items, std::string_view became) {
    std::string out;
    for (std::size_t i = 0; i < items.size() && i < kNamedMax; ++i) {
      out += fmt::format("{}{}{}' {}", out.empty() ? "" : ", ", place.member, shown(items[i]), became);
    }
    return items.size() > kNamedMax ? out + fmt::format(", {} more {}", items.size() - kNamedMax, became)
                                    : out;
  };
  std::string text = say(added, "became required");
  if (!gone.empty()) text += (text.empty() ? "" : ", ") + say(gone, "became optional");
  if (text.empty()) return {place.what + ": the required ones are listed otherwise", Move::kWords};
  return {std::move(text), added.empty() ? Move::kLooser : gone.empty() ? Move::kTighter : Move::kUnclear};
}

Said enum_words(const Place& place, const PinChange& change) {
  if (!change.before) return {place.what + " now takes fixed values only", Move::kTighter};
  if (!change.after) return {place.what + " takes any value now, not fixed ones", Move::kLooser};
  const auto gone = missing_in(list_of(change.before), list_of(change.after));
  const auto added = missing_in(list_of(change.after), list_of(change.before));
  std::string text;
  if (!gone.empty()) text = place.what + " no longer takes " + names(gone);
  if (!added.empty())
    text += text.empty() ? place.what + " also takes " + names(added) : ", but " + names(added);
  if (text.empty()) return {place.what + ": the values are listed otherwise", Move::kWords};
  return {std::move(text), by_lists(gone, added)};
}

Said type_words(const Place& place, const PinChange& change) {
  auto before = list_of(change.before), after = list_of(change.after);
  const auto widened = [](const std::vector<Json>& narrow, std::vector<Json> wide) {
    if (std::ranges::find(wide, Json("number")) != wide.end()) wide.emplace_back("integer");
    return missing_in(narrow, wide).empty();
  };
  std::string text = fmt::format("{}: type {} -> {}", place.what, shown(change.before), shown(change.after));
  if (!change.before) return {std::move(text), Move::kTighter};
  if (!change.after || widened(before, after)) return {std::move(text), Move::kLooser};
  return {std::move(text), widened(after, before) ? Move::kTighter : Move::kUnclear};
}

// Keywords that bound a number from below tighten by growing, those from above by shrinking.
constexpr std::array kLowerBounds{std::string_view("minimum"),       std::string_view("exclusiveMinimum"),
                                  std::string_view("minLength"),     std::string_view("minItems"),
                                  std::string_view("minProperties"), std::string_view("minContains")};
constexpr std::array kUpperBounds{std::string_view("maximum"),       std::string_view("exclusiveMaximum"),
                                  std::string_view("maxLength"),     std::string_view("maxItems"),
                                  std::string_view("maxProperties"), std::string_view("maxContains")};
constexpr std::array kSayings{std::string_view("description"), std::string_view("title"),
                              std::string_view("default"),     std::string_view("examples"),
                              std::string_view("$comment"),    std::string_view("deprecated"),
                              std::string_view("readOnly"),    std::string_view("writeOnly")};
template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Move by_presence(const PinChange& change) {
  if (!change.before) return Move::kTighter;
  return change.after ? Move::kUnclear : Move::kLooser;
}

Move by_bound(const PinChange& change, bool lower) {
  if (!change.before || !change.after) return by_presence(change);
  if (!change.before->is_number() || !change.after->is_number()) return Move::kUnclear;
  const bool grew = change.after->as_double() > change.before->as_double();
  return grew == lower ? Move::kTighter : Move::kLooser;
}

Said additional_words(const Place& place, const PinChange& change) {
  const auto closed = [](const std::optional<Json>& value) { return value && *value == Json(false); };
  if (closed(change.after))
    return {place.what + ": others than those listed are refused now", Move::kTighter};
  if (closed(change.before)) return {place.what + ": others than those listed are taken now", Move::kLooser};
  return {
      fmt::format("{}: additionalProperties {} -> {}", place.what, shown(change.before), shown(change.after)),
      Move::kUnclear};
}

Said schema_words(const Place& place, const PinChange& change) {
  const std::string& keyword = place.keyword;
  if (keyword.empty()) {
    if (!change.before) return {place.what + " was added", Move::kLooser};
    if (!change.after) return {place.what + " was removed", Move::kTighter};
    return {fmt::format("{}: {} -> {}", place.what, shown(change.before), shown(change.after)),
            Move::kUnclear};
  }
  if (keyword == "required") return required_words(place, change);
  if (keyword == "enum") return enum_words(place, change);
  if (keyword == "type") return type_words(place, change);
  if (keyword == "additionalProperties") return additional_words(place, change);
  std::string text =
      fmt::format("{}: {} {} -> {}", place.what, keyword, shown(change.before), shown(change.after));
  if (one_of(kSayings, keyword) || keyword.starts_with("examples/")) return {std::move(text), Move::kWords};
  if (one_of(kLowerBounds, keyword)) return {std::move(text), by_bound(change, true)};
  if (one_of(kUpperBounds, keyword)) return {std::move(text), by_bound(change, false)};
  if (keyword == "pattern" || keyword == "format" || keyword == "const" || keyword == "uniqueItems" ||
      keyword == "multipleOf")
    return {std::move(text), by_presence(change)};
  return {std::move(text), Move::kUnclear};
}

ChangeWords input_words(const Place& place, const PinChange& change) {
  Said said = schema_words(place, change);
  switch (said.move) {
    case Move::kTighter:
      return {said.text + ": calls made for the accepted one may be refused", ChangeEffect::kBreaking};
    case Move::kLooser:
      return {said.text + ": calls made for the accepted one still fit", ChangeEffect::kCompatible};
    case Move::kWords:
      return {said.text + ": takes the same", ChangeEffect::kWords};
    case Move::kUnclear:
      break;
  }
  return {said.text + ": calls made for the accepted one may be refused or mean something else",
          ChangeEffect::kUnclear};
}

// A member more is something readers ignore, a member less something they miss.
ChangeWords output_words(const Place& place, const PinChange& change) {
  Said said = schema_words(place, change);
  const bool member = place.keyword.empty();
  switch (said.move) {
    case Move::kTighter:
      return member ? ChangeWords{said.text + ": readers of the accepted one may miss it",
                                  ChangeEffect::kBreaking}
                    : ChangeWords{said.text + ": its answers still fit readers of the accepted one",
                                  ChangeEffect::kCompatible};
    case Move::kLooser:
      return member
                 ? ChangeWords{said.text + ": its answers still fit readers of the accepted one",
                               ChangeEffect::kCompatible}
                 : ChangeWords{said.text + ": answers may be what readers of the accepted one do not expect",
                               ChangeEffect::kBreaking};
    case Move::kWords:
      return {said.text + ": gives the same", ChangeEffect::kWords};
    case Move::kUnclear:
      break;
  }
  return {said.text + ": answers may be what readers of the accepted one do not expect",
          ChangeEffect::kUnclear};
}

struct Hint {
  std::string_view name;
  bool otherwise;   // what its absence means
  bool reassuring;  // the value that promises more
  std::string_view gone, come;
};
constexpr std::array kHints{
    Hint{"readOnlyHint", false, true, "is no longer said to be read-only", "is now said to be read-only"},
    Hint{"destructiveHint", true, false, "may now destroy", "is now said not to destroy"},
    Hint{"idempotentHint", false, true, "is no longer said to be repeatable", "is now said to be repeatable"},
    Hint{"openWorldHint", true, false, "may now reach other systems",
         "is now said to stay in its own system"},
};

ChangeWords annotation_words(const std::vector<std::string>& tokens, const PinChange& change) {
  if (tokens.size() == 2) {
    for (const Hint& hint : kHints) {
      if (hint.name != tokens[1]) continue;
      const auto value = [&](const std::optional<Json>& given) {
        return given && given->is_bool() ? given->as_bool() : hint.otherwise;
      };
      if (value(change.before) == value(change.after))
        return {fmt::format("the tool says {} otherwise", hint.name), ChangeEffect::kWords};
      const bool promises = value(change.after) == hint.reassuring;
      return {fmt::format("the tool {}", promises ? hint.come : hint.gone),
              promises ? ChangeEffect::kCompatible : ChangeEffect::kBreaking};
    }
  }
  return {"the tool says other things of how it behaves", ChangeEffect::kUnclear};
}

}  // namespace

std::string_view to_string(ChangeEffect effect) {
  switch (effect) {
    case ChangeEffect::kCompatible:
      return "compatible";
    case ChangeEffect::kBreaking:
      return "breaking";
    case ChangeEffect::kWords:
      return "words";
    case ChangeEffect::kUnclear:
      break;
  }
  return "unclear";
}

ChangeWords words_of(const PinChange& change) {
  if (!change.why.empty()) return {change.why, ChangeEffect::kUnclear};
  const std::vector<std::string> tokens = tokens_of(change.pointer);
  if (tokens.empty()) return {"it is another definition", ChangeEffect::kUnclear};
  const std::span<const std::string> rest(tokens.begin() + 1, tokens.end());
  const std::string& member = tokens.front();
  if (member == "inputSchema") return input_words(place_of(rest, "argument", "the arguments"), change);
  if (member == "outputSchema") return output_words(place_of(rest, "result member", "the result"), change);
  if (member == "annotations") return annotation_words(tokens, change);
  if (member == "title" || member == "description" || member == "icons" || member == "_meta")
    return {fmt::format("{} reads otherwise", member), ChangeEffect::kWords};
  std::string text = member;
  for (const std::string& token : rest) text += "/" + token;
  return {fmt::format("{}: {} -> {}", text, shown(change.before), shown(change.after)),
          ChangeEffect::kUnclear};
}

}  // namespace rtt::mcp
