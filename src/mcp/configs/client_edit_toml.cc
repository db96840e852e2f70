// SPDX-License-Identifier: Apache-2.0
// TOML has several spellings of one server: a table with its own tables below it, dotted keys, an inline
// table, a table of an array, an item of an inline array. An edit keeps the spelling it finds.
#include <fmt/format.h>

#include <algorithm>

#include "mcp/configs/client_edit.h"
#include "model/limits.h"
#include "text/toml.h"
#include "text/toml_write.h"

namespace rtt::mcp::edit {
namespace {

using text::Json;
using text::Span;
using text::Splice;
using text::TomlText;
using Statement = TomlText::Statement;

constexpr std::string_view kServers = "mcp_servers";

std::string toml_value(const Json& value) {
  std::string out;
  text::append_toml_value(out, value);
  return out;
}

bool begins_with(const text::KeyPath& path, const text::KeyPath& prefix) {
  return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

class TomlSection {
 public:
  TomlSection(const TomlText& toml, ClientForm form) : toml_(toml), form_(form) {}

  // One server as this text spells it.
  struct Place {
    text::KeyPath prefix;
    std::vector<const Statement*> lines;  // its statements and headers, if it has lines of its own
    std::optional<Span> inline_value;     // its inline table
    const Statement* only = nullptr;      // the statement that is this inline table and no more
    std::optional<std::size_t> item;      // its number in an inline array
  };
  std::optional<Place> find(std::string_view name) const {
    const Json* servers = toml_.json().find(kServers);
    if (servers == nullptr) return std::nullopt;
    Place place{.prefix = {std::string(kServers)}};
    if (servers->is_array()) {
      const auto& all = servers->as_array();
      const auto at =
          std::ranges::find_if(all, [&](const Json& one) { return one.string_or("name") == name; });
      if (at == all.end()) return std::nullopt;
      place.item = static_cast<std::size_t>(at - all.begin());
      place.prefix.push_back(fmt::format("[{}]", *place.item));
    } else {
      if (servers->find(name) == nullptr) return std::nullopt;
      place.prefix.emplace_back(name);
    }
    if (const Statement* whole = whole_value()) {
      if (place.item) {
        place.inline_value = toml_.items(whole->value).at(*place.item);
      } else {
        for (const auto& member : toml_.inline_members(whole->value)) {
          if (member.path.size() == 1 && member.path[0] == name) place.inline_value = member.value;
        }
      }
      return place;
    }
    place.item.reset();
    for (const Statement& statement : toml_.statements()) {
      if (!begins_with(statement.path, place.prefix)) continue;
      if (statement.kind == TomlText::Kind::kValue && statement.path == place.prefix) {
        place.inline_value = statement.value;
        place.only = &statement;
        return place;
      }
      place.lines.push_back(&statement);
    }
    return place;
  }

  // `mcp_servers = {…}` or `[…]`.
  const Statement* whole_value() const {
    for (const Statement& statement : toml_.statements()) {
      if (statement.kind == TomlText::Kind::kValue && statement.path == text::KeyPath{std::string(kServers)})
        return &statement;
    }
    return nullptr;
  }

  std::string raw(const Place& place) const {
    if (place.inline_value) return std::string(place.inline_value->of(toml_.text()));
    if (const auto block = block_of(place)) return std::string(block->of(toml_.text()));
    std::string out;
    for (const Statement* statement : place.lines) out += statement->lines.of(toml_.text());
    return out;
  }

  // All lines from its first statement to its last, where no other server's stand between.
  std::optional<Span> block_of(const Place& place) const {
    if (place.lines.empty() || place.lines.back() - place.lines.front() + 1 != std::ssize(place.lines))
      return std::nullopt;
    return Span{place.lines.front()->lines.begin, place.lines.back()->lines.end};
  }

  Result<std::string> with(const Started& started) const {
    const auto fields = started_fields(form_, started);
    const auto place = find(started.name);
    if (!place) return insert(started.name, fields);
    if (!place->inline_value && place->lines.empty()) return unreachable(started.name);
    if (place->inline_value) {
      return text::spliced(toml_.text(),
                           {{.at = *place->inline_value, .with = rebuilt(*place->inline_value, fields)}});
    }
    return with_fields(*place, fields);
  }

  Result<std::string> with_raw(std::string_view name, std::string_view raw) const {
    const auto place = find(name);
    const bool is_inline = raw.starts_with('{');
    if (place && !place->inline_value && place->lines.empty()) return unreachable(name);
    if (place && place->inline_value && is_inline)
      return text::spliced(toml_.text(), {{.at = *place->inline_value, .with = std::string(raw)}});
    if (place && !place->inline_value && !is_inline) {
      if (const auto block = block_of(*place)) return with_block(*block, ended(raw));
      std::vector<Splice> splices;
      for (const Statement* statement : place->lines) {
        splices.push_back(
            {.at = statement->lines, .with = statement == place->lines.front() ? ended(raw) : std::string()});
      }
      return text::spliced(toml_.text(), std::move(splices));
    }
    if (place) return fail(Code::kBadShape, "the entry was rewritten since in another spelling");
    const std::string_view first = raw.substr(std::min(raw.find_first_not_of(" \t"), raw.size()));
    if (!is_inline && first.starts_with('[') && whole_value() == nullptr) return insert_lines(ended(raw));
    return insert(name, fields_of(name, raw));
  }

  std::string without(const Place& place) const {
    if (place.only != nullptr) return cut({place.only->lines});
    if (place.inline_value) return without_inline(place);
    if (const auto block = block_of(place)) return cut({*block});
    std::vector<Span> lines;
    for (const Statement* statement : place.lines) lines.push_back(statement->lines);
    return cut(lines);
  }

 private:
  // Dotted keys within an inline table: `mcp_servers = { a.command = "x" }`.
  static std::unexpected<Error> unreachable(std::string_view name) {
    return fail(Code::kBadShape,
                fmt::format("`{}` is written in a way RTT has no safe edit of; nothing was changed", name),
                {}, fmt::format("write it as [{}.{}]", kServers, text::toml_key(name)));
  }
  using Fields = std::vector<std::pair<std::string, Json>>;

  std::string nl() const { return std::string(toml_.newline()); }
  std::string ended(std::string_view lines) const {
    return std::string(lines) + (lines.empty() || lines.ends_with('\n') ? "" : nl());
  }

  // The recorded lines for the present ones. Comments stayed behind when the entry was replaced: those that
  // the record has too are not said twice, others are kept before it.
  std::string with_block(Span block, const std::string& raw) const {
    const std::string& all = toml_.text();
    const auto recorded = [&](std::string_view line) {
      const std::size_t at = raw.find(line);
      return at != std::string::npos && (at == 0 || raw[at - 1] == '\n');
    };
    const auto line_at = [&](std::size_t at) {
      const std::size_t end = std::min(all.find('\n', at), all.size() - 1) + 1;
      return std::string_view(all).substr(at, end - at);
    };
    const auto is_comment = [](std::string_view line) {
      const std::size_t first = line.find_first_not_of(" \t");
      return first != std::string_view::npos && line[first] == '#';
    };
    std::string before;
    for (const Span& comment : toml_.comments()) {
      if (comment.begin < block.begin || comment.end > block.end) continue;
      const std::size_t start = all.rfind('\n', comment.begin) + 1;
      if (is_comment(line_at(start)) && !recorded(line_at(start))) before += line_at(start);
    }
    while (block.end < all.size() && is_comment(line_at(block.end)) && recorded(line_at(block.end)))
      block.end += line_at(block.end).size();
    return text::spliced(all, {{.at = block, .with = before + raw}});
  }

  // What a recorded text says, for a place where its spelling cannot stand.
  Fields fields_of(std::string_view name, std::string_view raw) const {
    Json read;
    if (const auto alone =
            text::parse_toml(raw.starts_with('{') ? "v = " + std::string(raw) : std::string(raw))) {
      const Json* at = alone->find("v");
      if (at == nullptr) at = alone->find(kServers);
      if (at != nullptr && at->is_array() && !at->as_array().empty()) at = &at->as_array().front();
      if (at == nullptr) at = &*alone;
      if (const Json* below = at->find(name)) at = below;
      read = *at;
    }
    Fields out;
    if (form_ == ClientForm::kVibeToml) out.emplace_back("name", std::string(name));
    if (read.is_object()) {
      for (const auto& [key, value] : read.as_object()) {
        if (key != "name" || form_ != ClientForm::kVibeToml) out.emplace_back(key, value);
      }
    }
    return out;
  }

  std::string rebuilt(Span inline_value, const Fields& fields) const {
    std::string out;
    for (const auto& [key, value] : fields)
      out += (out.empty() ? "" : ", ") + text::toml_key(key) + " = " + toml_value(value);
    for (const Statement& member : toml_.inline_members(inline_value)) {
      const std::string& key = member.path.front();
      const bool set = std::ranges::find(fields, key, &Fields::value_type::first) != fields.end();
      if (set || is_launch_field(form_, key)) continue;
      out += fmt::format(", {} = {}", member.key.of(toml_.text()), member.value.of(toml_.text()));
    }
    return "{ " + out + " }";
  }

  Result<std::string> with_fields(const Place& place, const Fields& fields) const {
    std::vector<Splice> splices;
    std::vector<Span> gone;
    const std::size_t depth = place.prefix.size();
    std::vector<std::string> present;
    const Statement* header = nullptr;
    const Statement* first = nullptr;
    for (const Statement* statement : place.lines) {
      if (statement->path.size() == depth) {
        header = statement;
        continue;
      }
      const std::string& key = statement->path[depth];
      const auto field = std::ranges::find(fields, key, &Fields::value_type::first);
      if (field != fields.end() && statement->path.size() == depth + 1 &&
          statement->kind == TomlText::Kind::kValue) {
        present.push_back(key);
        if (first == nullptr) first = statement;
        splices.push_back({.at = statement->value, .with = toml_value(field->second)});
      } else if (field != fields.end() || is_launch_field(form_, key)) {
        gone.push_back(statement->lines);
      }
    }
    std::string more;
    for (const auto& [key, value] : fields) {
      if (std::ranges::find(present, key) != present.end()) continue;
      std::string name = text::toml_key(key);
      if (header == nullptr) {  // dotted keys: the same beginning
        const Statement* any = place.lines.front();
        std::string dotted;
        for (std::size_t i = any->path.size() - any->own; i < depth; ++i)
          dotted += text::toml_key(any->path[i]) + ".";
        name = dotted + name;
      }
      more += name + " = " + toml_value(value) + nl();
    }
    if (!more.empty()) {
      const std::size_t at = header != nullptr ? header->lines.end : place.lines.front()->lines.begin;
      const bool open_end = header != nullptr && !header->lines.of(toml_.text()).ends_with('\n');
      splices.insert(splices.begin(), {.at = {at, at}, .with = (open_end ? nl() : std::string()) + more});
    }
    for (const Span& lines : with_blank_before(gone)) splices.push_back({.at = lines, .with = {}});
    return text::spliced(toml_.text(), std::move(splices));
  }

  Result<std::string> insert(std::string_view name, const Fields& fields) const {
    if (const Statement* whole = whole_value()) return insert_inline(*whole, name, fields);
    std::string lines = form_ == ClientForm::kVibeToml
                            ? fmt::format("[[{}]]{}", kServers, nl())
                            : fmt::format("[{}.{}]{}", kServers, text::toml_key(name), nl());
    for (const auto& [key, value] : fields) lines += text::toml_key(key) + " = " + toml_value(value) + nl();
    return insert_lines(lines);
  }
  Result<std::string> insert_lines(const std::string& lines) const {
    const std::string& all = toml_.text();
    std::size_t at = all.size();
    for (const Statement& statement : toml_.statements()) {
      if (begins_with(statement.path, {std::string(kServers)})) at = statement.lines.end;
    }
    std::string before;
    if (at > 0 && all[at - 1] != '\n') before = nl();
    if (at > 0) before += nl();
    return text::spliced(all, {{.at = {at, at}, .with = before + lines}});
  }
  Result<std::string> insert_inline(const Statement& whole, std::string_view name,
                                    const Fields& fields) const {
    std::string table;
    for (const auto& [key, value] : fields)
      table += (table.empty() ? "{ " : ", ") + text::toml_key(key) + " = " + toml_value(value);
    table += " }";
    std::vector<Span> inside = toml_.items(whole.value);
    if (toml_.text()[whole.value.begin] == '{') {
      table = text::toml_key(name) + " = " + table;
      for (const auto& member : toml_.inline_members(whole.value)) inside.push_back(member.value);
    }
    if (inside.empty()) {
      const std::size_t at = whole.value.begin + 1;
      return text::spliced(toml_.text(), {{.at = {at, at}, .with = table}});
    }
    return text::spliced(toml_.text(),
                         {{.at = {inside.back().end, inside.back().end}, .with = ", " + table}});
  }

  std::string without_inline(const Place& place) const {
    const std::string& all = toml_.text();
    std::vector<Span> inside;
    std::size_t index = 0;
    const Statement* whole = whole_value();
    if (place.item) {
      inside = toml_.items(whole->value);
      index = *place.item;
    } else {
      for (const auto& member : toml_.inline_members(whole->value)) {
        if (member.value == *place.inline_value) index = inside.size();
        inside.push_back({member.key.begin, member.value.end});
      }
    }
    Span gone = inside[index];
    if (index > 0) {
      gone.begin = inside[index - 1].end;
    } else if (inside.size() > 1) {
      gone.end = inside[1].begin;
    } else {
      const std::size_t comma = all.find_first_not_of(" \t\r\n", gone.end);
      if (comma != std::string::npos && all[comma] == ',') gone.end = comma + 1;
    }
    return text::spliced(all, {{.at = gone, .with = {}}});
  }

  // Lines that go take the empty line before them along where another empty line, or nothing, follows.
  std::vector<Span> with_blank_before(const std::vector<Span>& lines) const {
    const std::string& all = toml_.text();
    std::vector<Span> out;
    for (const Span& one : lines) {
      if (!out.empty() && out.back().end == one.begin) {
        out.back().end = one.end;
      } else {
        out.push_back(one);
      }
    }
    for (Span& one : out) {
      const std::string_view after = std::string_view(all).substr(one.end);
      const bool blank_after = after.empty() || after.starts_with('\n') || after.starts_with("\r\n");
      const std::string_view before = std::string_view(all).substr(0, one.begin);
      if (!blank_after) continue;
      for (const std::string_view line : {"\r\n", "\n"}) {
        const std::string two = std::string(line) + std::string(line);
        if (before == line || before.ends_with(two)) {
          one.begin -= line.size();
          break;
        }
      }
    }
    return out;
  }
  std::string cut(const std::vector<Span>& lines) const {
    std::vector<Splice> splices;
    for (const Span& one : with_blank_before(lines)) splices.push_back({.at = one, .with = {}});
    return text::spliced(toml_.text(), std::move(splices));
  }

  const TomlText& toml_;
  ClientForm form_;
};

Result<TomlText> open(const std::string& text, const std::string& file = {}) {
  return TomlText::read(text, {.source_name = file, .bytes_max = limits::kClientConfigBytesMax});
}

}  // namespace

Result<std::vector<EntryText>> toml_entries(const std::string& text, const Section& section,
                                            const std::string& file) {
  RTT_TRY_SET(const TomlText toml, open(text, file));
  std::vector<EntryText> out;
  const Json* servers = toml.json().find(kServers);
  if (servers == nullptr) return out;
  const bool array = section.form == ClientForm::kVibeToml;
  if (array ? !servers->is_array() : !servers->is_object())
    return fail(Code::kBadShape,
                fmt::format("`{}` must be {}", kServers, array ? "an array of tables" : "a table"), file);
  std::vector<std::pair<std::string, Json>> named;
  if (array) {
    for (const Json& one : servers->as_array()) named.emplace_back(one.string_or("name"), one);
  } else {
    for (const auto& [name, one] : servers->as_object()) named.emplace_back(name, one);
  }
  const TomlSection in(toml, section.form);
  for (auto& [name, native] : named) {
    const auto place = in.find(name);
    out.push_back({.name = name, .native = std::move(native), .raw = place ? in.raw(*place) : std::string()});
  }
  return out;
}

Result<std::string> toml_with(const std::string& text, const Section& section, const Started& started) {
  RTT_TRY_SET(const TomlText toml, open(text));
  return TomlSection(toml, section.form).with(started);
}

Result<std::string> toml_with_raw(const std::string& text, const Section& section, std::string_view name,
                                  std::string_view raw) {
  RTT_TRY_SET(const TomlText toml, open(text));
  return TomlSection(toml, section.form).with_raw(name, raw);
}

Result<std::string> toml_without(const std::string& text, const Section& section, std::string_view name) {
  RTT_TRY_SET(const TomlText toml, open(text));
  const TomlSection in(toml, section.form);
  const auto place = in.find(name);
  return place ? in.without(*place) : text;
}

}  // namespace rtt::mcp::edit
