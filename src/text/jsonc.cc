// SPDX-License-Identifier: Apache-2.0
#include "text/jsonc.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/json_members.h"
#include "text/json_outline.h"
#include "text/utf8.h"

namespace rtt::text {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Where the comment that begins at `at` ends (a line's without its line end); nothing if none begins there,
// the end of the text if it is not closed.
std::optional<std::size_t> comment_end(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("//")) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at && text[end - 1] == '\r') --end;
    return end;
  }
  if (text.substr(at).starts_with("/*")) {
    const std::size_t close = text.find("*/", at + 2);
    return close == std::string_view::npos ? text.size() : close + 2;
  }
  return std::nullopt;
}

}  // namespace

std::string spliced(std::string_view text, std::vector<Splice> splices) {
  std::ranges::stable_sort(splices, {}, [](const Splice& one) { return one.at.begin; });
  std::string out;
  std::size_t at = 0;
  for (const Splice& splice : splices) {
    out += text.substr(at, splice.at.begin - at);
    out += splice.with;
    at = splice.at.end;
  }
  out += text.substr(at);
  return out;
}

Error JsoncText::error_at(std::size_t offset, Code code, std::string message) const {
  const std::string place = to_string(position_of(text_, std::min(offset, text_.size())));
  return Error{.code = code,
               .message = std::move(message),
               .where = name_.empty() ? place : name_ + ":" + place,
               .hint = {}};
}

Status JsoncText::blank() {
  bare_ = text_;
  const auto wipe = [](std::string& in, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (in[i] != '\n' && in[i] != '\r') in[i] = ' ';
    }
  };
  std::size_t at = 0;
  if (text_.starts_with(kByteOrderMark)) {
    wipe(bare_, 0, kByteOrderMark.size());
    at = kByteOrderMark.size();
  }
  const JsonOutline raw(text_);
  while (at < text_.size()) {
    if (text_[at] == '"') {
      const auto end = raw.skip_string(at);
      if (!end)
        return std::unexpected(error_at(at, Code::kJsonSyntax, "a string that does not end on its line"));
      at = *end;
    } else if (const auto end = comment_end(text_, at)) {
      if (text_[at + 1] == '*' && (*end - at < 4 || !text_.substr(at, *end - at).ends_with("*/")))
        return std::unexpected(error_at(at, Code::kJsonSyntax, "a comment that does not end"));
      comments_.push_back({at, *end});
      wipe(bare_, at, *end);
      at = *end;
    } else {
      ++at;
    }
  }
  strict_ = bare_;
  const JsonOutline outline(bare_, [this](std::size_t comma) { strict_[comma] = ' '; });
  const std::size_t begin = outline.skip_space(0);
  const auto end = outline.skip_value(begin);
  if (!end)
    return std::unexpected(error_at(end.error(), Code::kJsonSyntax, "JSON cannot go on like this here"));
  root_ = {begin, *end};
  if (const std::size_t rest = outline.skip_space(*end); rest < text_.size())
    return std::unexpected(error_at(rest, Code::kJsonSyntax, "more text after the end of the JSON value"));
  return {};
}

Result<JsoncText> JsoncText::read(std::string text, ParseOptions options) {
  if (text.size() > options.bytes_max) {
    return fail(Code::kTooLarge, fmt::format("{} bytes; {} are the most", text.size(), options.bytes_max),
                std::string(options.source_name));
  }
  JsoncText out;
  out.text_ = std::move(text);
  out.name_ = options.source_name;
  if (const std::size_t bad = find_invalid_utf8(out.text_); bad != std::string_view::npos)
    return std::unexpected(out.error_at(bad, Code::kJsonEncoding, "not UTF-8"));
  RTT_TRY(out.blank());
  return out;
}

std::vector<JsoncText::Member> JsoncText::members(Span object) const {
  std::vector<Member> out;
  const JsonOutline outline(strict_);
  if (outline.at(object.begin) != '{') return out;
  for (std::size_t at = outline.skip_space(object.begin + 1); outline.at(at) == '"';) {
    Member member;
    member.key = {at, *outline.skip_string(at)};
    // A key that is no strict JSON string (half a surrogate) keeps its spelling: nobody asks for it.
    const auto name = parse_json(member.key.of(strict_), {.bytes_max = strict_.size()});
    member.name = name ? name->as_string() : std::string(member.key.of(strict_));
    at = outline.skip_space(outline.skip_space(member.key.end) + 1);
    member.value = {at, *outline.skip_value(at)};
    at = outline.skip_space(member.value.end);
    out.push_back(std::move(member));
    if (outline.at(at) != ',') break;
    at = outline.skip_space(at + 1);
  }
  return out;
}

Result<std::optional<Span>> JsoncText::find(const KeyPath& path) const {
  Span at = root_;
  std::string shown;
  for (const std::string& key : path) {
    if (bare_[at.begin] != '{') {
      return std::unexpected(error_at(
          at.begin, Code::kBadShape,
          shown.empty() ? std::string("an object is expected") : fmt::format("{} must be an object", shown)));
    }
    std::optional<Member> found;
    for (Member& member : members(at)) {
      if (member.name != key) continue;
      if (found) {
        return std::unexpected(error_at(member.key.begin, Code::kJsonDuplicateKey,
                                        fmt::format("the key {} is there twice", quoted_key(key))));
      }
      found = std::move(member);
    }
    if (!found) return std::optional<Span>();
    at = found->value;
    shown = quoted_key(key);
  }
  return std::optional(at);
}

Result<Json> JsoncText::value(Span value) const {
  auto json = parse_json(value.of(strict_), {.bytes_max = strict_.size()});
  if (json) return json;
  // The reader says where in the value; told again from the start of the text.
  std::string padded = strict_.substr(0, value.begin);
  for (char& c : padded) {
    if (c != '\n') c = ' ';
  }
  return parse_json(padded + std::string(value.of(strict_)),
                    {.source_name = name_, .bytes_max = strict_.size()});
}

std::vector<std::pair<Span, std::string>> JsoncText::strings() const {
  std::vector<std::pair<Span, std::string>> out;
  const JsonOutline outline(strict_);
  for (std::size_t at = 0; at < strict_.size();) {
    if (strict_[at] != '"') {
      ++at;
      continue;
    }
    const Span span{at, *outline.skip_string(at)};
    at = span.end;
    if (outline.at(outline.skip_space(at)) == ':') continue;
    const auto read = parse_json(span.of(strict_), {.bytes_max = strict_.size()});
    out.emplace_back(span, read ? read->as_string() : std::string(span.of(strict_)));
  }
  return out;
}

}  // namespace rtt::text
