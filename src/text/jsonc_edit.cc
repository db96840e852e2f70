// SPDX-License-Identifier: Apache-2.0
// The edits of JsoncText: where a new member goes, and what leaves with one that goes.
#include <fmt/format.h>

#include <algorithm>

#include "text/json_outline.h"
#include "text/json_token.h"
#include "text/jsonc.h"

namespace rtt::text {

class JsoncEditor {
 public:
  explicit JsoncEditor(const JsoncText& text) : in_(text), outline_(text.bare_) {
    const auto& all = in_.text_;
    const std::size_t line_end = all.find('\n');
    if (line_end != std::string::npos) newline_ = line_end > 0 && all[line_end - 1] == '\r' ? "\r\n" : "\n";
    const auto top = in_.members(in_.root_);
    if (!top.empty()) {
      spaced_ = outline_.at(top[0].key.end + (outline_.at(top[0].key.end) == ':' ? 1 : 0)) == ' ';
      lines_ = on_own_line(top[0].key.begin);
      if (lines_) unit_ = indentation(top[0].key.begin);
    }
    if (unit_.empty()) unit_ = "  ";
  }

  std::string insert(Span object, std::string_view name, std::string_view raw) const {
    const auto members = in_.members(object);
    return members.empty() ? insert_first(object, name, raw) : insert_last(object, members, name, raw);
  }

  std::string remove(Span object, const std::vector<JsoncText::Member>& members, std::size_t index) const {
    const JsoncText::Member& gone = members[index];
    std::vector<Splice> splices;
    Span cut{gone.key.begin, gone.value.end};
    const std::size_t after = outline_.skip_space(cut.end);
    if (members.size() == 1 && only_space(object.begin + 1, cut.begin) &&
        only_space_or_comma(cut.end, object.end - 1))
      return spliced(in_.text_, {{.at = {object.begin + 1, object.end - 1}, .with = {}}});
    if (outline_.at(after) == ',') {
      cut.end = after + 1;
    } else if (index > 0) {
      const std::size_t comma = comma_before(cut.begin);
      if (only_space(comma + 1, cut.begin) && !spans_lines(comma, cut.begin)) {
        cut.begin = comma;
      } else {
        splices.push_back({.at = {comma, comma + 1}, .with = {}});
      }
    }
    splices.push_back({.at = widened(cut, object), .with = {}});
    return spliced(in_.text_, std::move(splices));
  }

 private:
  [[nodiscard]] std::string_view all() const { return in_.text_; }
  [[nodiscard]] std::size_t line_start(std::size_t at) const {
    const std::size_t before = at == 0 ? std::string::npos : all().rfind('\n', at - 1);
    return before == std::string::npos ? 0 : before + 1;
  }
  [[nodiscard]] std::string indentation(std::size_t at) const {
    const std::size_t start = line_start(at);
    return std::string(
        all().substr(start, std::min(all().find_first_not_of(" \t", start), all().size()) - start));
  }
  [[nodiscard]] bool on_own_line(std::size_t at) const {
    const std::size_t start = line_start(at);
    return start > 0 && all().find_first_not_of(" \t", start) == at;
  }
  [[nodiscard]] bool only_space(std::size_t from, std::size_t to) const {
    return all().substr(from, to - from).find_first_not_of(" \t\r\n") == std::string_view::npos;
  }
  [[nodiscard]] bool only_space_or_comma(std::size_t from, std::size_t to) const {
    return all().substr(from, to - from).find_first_not_of(" \t\r\n,") == std::string_view::npos;
  }
  [[nodiscard]] bool spans_lines(std::size_t from, std::size_t to) const {
    return all().substr(from, to - from).contains('\n');
  }
  [[nodiscard]] std::size_t comma_before(std::size_t at) const {
    std::size_t comma = at;
    while (comma > 0 && outline_.at(comma) != ',') --comma;
    return comma;
  }
  [[nodiscard]] std::string member(std::string_view name, std::string_view raw) const {
    std::string out;
    append_json_string(out, name);
    out += spaced_ ? ": " : ":";
    out += raw;
    return out;
  }

  // From `at` over blanks and comments to the end of the line, if nothing else stands there; else `at`.
  [[nodiscard]] std::size_t end_of_line_after(std::size_t at) const {
    std::size_t end = at;
    while (end < all().size() && (outline_.at(end) == ' ' || outline_.at(end) == '\t')) ++end;
    if (all().substr(end).starts_with("\r\n") || all().substr(end).starts_with("\n")) return end;
    return at;
  }

  std::string insert_last(Span object, const std::vector<JsoncText::Member>& members, std::string_view name,
                          std::string_view raw) const {
    const std::size_t end = members.back().value.end;
    const std::size_t next = outline_.skip_space(end);
    const bool trailing = outline_.at(next) == ',' && next < object.end;
    const std::size_t from = trailing ? next + 1 : end;
    std::vector<Splice> splices;
    if (on_own_line(members[0].key.begin)) {
      if (!trailing) splices.push_back({.at = {end, end}, .with = ","});
      const std::size_t at = end_of_line_after(from);
      splices.push_back(
          {.at = {at, at},
           .with = newline_ + indentation(members[0].key.begin) + member(name, raw) + (trailing ? "," : "")});
    } else {
      const std::string gap = spaced_ ? " " : "";
      splices.push_back({.at = {from, from},
                         .with = (trailing ? gap : "," + gap) + member(name, raw) + (trailing ? "," : "")});
    }
    return spliced(in_.text_, std::move(splices));
  }

  std::string insert_first(Span object, std::string_view name, std::string_view raw) const {
    const std::size_t inside = object.begin + 1, close = object.end - 1;
    const bool bare = only_space(inside, close);
    const bool empty_root = object == in_.root_;
    if (!lines_ && !empty_root)
      return spliced(in_.text_, {{.at = {inside, inside}, .with = member(name, raw)}});
    const std::string outer = indentation(object.begin);
    const std::string line = newline_ + outer + unit_ + member(name, raw);
    if (spans_lines(inside, close)) return spliced(in_.text_, {{.at = {inside, inside}, .with = line}});
    if (!bare) return spliced(in_.text_, {{.at = {inside, inside}, .with = " " + member(name, raw)}});
    return spliced(in_.text_, {{.at = {inside, close}, .with = line + newline_ + outer}});
  }

  // What is cut takes its line along, or the blanks on one side of it.
  [[nodiscard]] Span widened(Span cut, Span object) const {
    const std::size_t start = line_start(cut.begin);
    const std::size_t blank = std::min(all().find_first_not_of(" \t", cut.end), all().size());
    if (start > object.begin && only_space(start, cut.begin)) {
      if (all().substr(blank).starts_with("\n")) return {start, blank + 1};
      if (all().substr(blank).starts_with("\r\n")) return {start, blank + 2};
    }
    if (start > object.begin && only_space(start, cut.begin)) return {cut.begin, blank};
    if (all()[cut.end - 1] != ',') return cut;
    if (only_space(object.begin + 1, cut.begin)) return {cut.begin, blank};
    std::size_t begin = cut.begin;
    while (all()[begin - 1] == ' ' || all()[begin - 1] == '\t') --begin;
    return {begin, cut.end};
  }

  const JsoncText& in_;
  JsonOutline outline_;
  std::string newline_ = "\n", unit_;
  bool spaced_ = true, lines_ = true;
};

Result<std::string> JsoncText::with(const KeyPath& path, std::string_view raw) const {
  RTT_TRY_SET(const auto present, find(path));
  if (present) return spliced(text_, {{.at = *present, .with = std::string(raw)}});
  const KeyPath above(path.begin(), path.end() - 1);
  RTT_TRY_SET(const auto object, find(above));
  if (!object) {
    RTT_TRY_SET(std::string made, with(above, "{}"));
    RTT_TRY_SET(const JsoncText again,
                read(std::move(made), {.source_name = name_, .bytes_max = text_.size() + kJsonBytesMax}));
    return again.with(path, raw);
  }
  return JsoncEditor(*this).insert(*object, path.back(), raw);
}

Result<std::string> JsoncText::without(const KeyPath& path) const {
  RTT_TRY_SET(const auto present, find(path));
  if (!present) return text_;
  RTT_TRY_SET(const auto object, find(KeyPath(path.begin(), path.end() - 1)));
  const auto all = members(*object);
  const auto at = std::ranges::find(all, path.back(), &Member::name);
  return JsoncEditor(*this).remove(*object, all, static_cast<std::size_t>(at - all.begin()));
}

}  // namespace rtt::text
