// SPDX-License-Identifier: Apache-2.0
#include "views/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "mcp/configs/client_edit.h"
#include "mcp/configs/client_entry.h"
#include "model/limits.h"
#include "text/toml.h"
#include "text/utf8.h"
#include "text/yaml.h"
#include "views/front_repair.h"
#include "views/native_file.h"
#include "views/words.h"

namespace rtt::views {
namespace {

using text::Json;
using text::JsonObject;
using Weight = DecodeProblem::Weight;

// What a path is to a provider.
struct Place {
  enum class What : std::uint8_t { kNothing, kItem, kMainRules, kSkill, kServers, kText, kNested };
  What what = What::kNothing;
  ItemKind kind = ItemKind::kAgent;
  const FileForm* form = nullptr;
  std::string_view name{};  // of the item
  std::string_view rest{};  // kSkill: below its folder
};

// What stands for the `*` of a pattern.
std::optional<std::string_view> star_of(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  return path.substr(before.size(), path.size() - before.size() - after.size());
}

Place place_of(const Provider& provider, std::string_view path) {
  using enum Place::What;
  if (path == provider.servers.path && !path.empty()) return {.what = kServers};
  if (path == provider.main_rules && !path.empty()) return {.what = kMainRules, .kind = ItemKind::kRules};
  const std::pair<const FileForm*, ItemKind> forms[] = {{&provider.agent, ItemKind::kAgent},
                                                        {&provider.rules, ItemKind::kRules},
                                                        {&provider.command, ItemKind::kCommand}};
  Place nested;
  for (const auto& [form, kind] : forms) {
    if (form->syntax == Syntax::kNone) continue;
    for (const std::string_view pattern : {form->path, form->also}) {
      const auto name = star_of(pattern, path);
      if (!name) continue;
      const Place found{.what = kItem, .kind = kind, .form = form, .name = *name};
      if (!name->contains('/')) return found;
      nested = found;
      nested.what = kNested;
    }
    if (star_of(form->text_path, path)) return {.what = kText};
  }
  if (!provider.skills.empty() && path.starts_with(provider.skills) &&
      path.substr(provider.skills.size(), 1) == "/") {
    const std::string_view below = path.substr(provider.skills.size() + 1);
    const std::size_t slash = below.find('/');
    if (slash == std::string_view::npos) return {};
    return {.what = kSkill,
            .kind = ItemKind::kSkill,
            .form = &skill_form(),
            .name = below.substr(0, slash),
            .rest = below.substr(slash + 1)};
  }
  return nested;
}

// "FILE:3:7" is line 3.
std::uint32_t line_of(std::string_view where) {
  const std::size_t last = where.rfind(':');
  const std::size_t before = last == std::string_view::npos ? last : where.rfind(':', last - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  std::uint32_t line = 0;
  std::from_chars(where.data() + begin, where.data() + where.size(), line);
  return line;
}

std::string in_words(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  return std::string(value.is_string() ? std::string_view(value.as_string()) : std::string_view{});
}
Json from_words(std::string_view word) {
  if (word == "true" || word == "false") return word == "true";
  return word;
}

class Decoder {
 public:
  Decoder(const Provider& provider, std::span<const TreeFile> files) : provider_(provider) {
    for (const TreeFile& file : files) files_.push_back(&file);
    std::ranges::stable_sort(files_, {}, &TreeFile::path);
  }

  Decoded run() {
    using enum Place::What;
    // First, so that of two files called `main` the project's own counts.
    const auto own = std::ranges::lower_bound(files_, provider_.main_rules, {}, &TreeFile::path);
    if (own != files_.end() && (*own)->path == provider_.main_rules && !provider_.main_rules.empty()) {
      file_ = *own;
      add_item({.what = kItem, .kind = ItemKind::kRules, .form = &kMainRulesForm, .name = "main"});
    }
    for (std::size_t at = 0; at < files_.size(); ++at) {
      file_ = files_[at];
      const Place place = place_of(provider_, file_->path);
      if (place.what == kNested) {
        problem("lies in a folder of its own; an item has one name",
                "move it up, the folder's name before its own");
      } else if (place.what == kServers) {
        servers();
      } else if (place.what == kItem) {
        add_item(place);
      } else if (place.what == kSkill) {
        at = skill(at, place.name) - 1;
      }
    }
    settle();
    return std::move(out_);
  }

 private:
  static constexpr FileForm kMainRulesForm{.syntax = Syntax::kPlain};

  void problem(std::string why, std::string hint = {}, Weight weight = Weight::kLeftOut,
               std::uint32_t line = 0) {
    if (out_.problems.size() >= kDecodeProblemsMax) return;
    if (out_.problems.size() + 1 == kDecodeProblemsMax) {
      why = fmt::format("more problems than {}; what follows is not told", kDecodeProblemsMax);
      hint.clear();
    }
    out_.problems.push_back({.file = file_->path,
                             .line = line,
                             .weight = weight,
                             .why = std::move(why),
                             .hint = std::move(hint)});
  }
  void problem(const Error& error, std::uint32_t lines_before) {
    const std::uint32_t line = line_of(error.where);
    problem(error.message, error.hint, Weight::kLeftOut, line == 0 ? 0 : line + lines_before);
  }

  bool has_room() {
    if (read_.size() < kItemsMax) return true;
    problem(fmt::format("more than {} items", kItemsMax));
    return false;
  }

  bool readable(std::size_t bytes_max) {
    if (file_->bytes.size() > bytes_max) {
      problem(fmt::format("{} bytes; at most {} are read", file_->bytes.size(), bytes_max));
      return false;
    }
    const std::size_t bad = text::find_invalid_utf8(file_->bytes);
    if (bad == std::string_view::npos) return true;
    const auto line = std::ranges::count(std::string_view(file_->bytes).substr(0, bad), '\n') + 1;
    problem("not UTF-8", "save the file as UTF-8", Weight::kLeftOut, static_cast<std::uint32_t>(line));
    return false;
  }

  void add_item(const Place& place) {
    if (auto item = read_item(place); item && has_room()) keep(*std::move(item), {file_->path});
  }

  void keep(Item item, std::vector<std::string> files) {
    if (!text_file_.empty()) files.push_back(std::exchange(text_file_, {}));
    read_.push_back({std::move(item), std::move(files)});
  }

  std::optional<Item> read_item(const Place& place) {
    text_file_.clear();
    if (!is_file_name(place.name)) {
      problem("its name cannot be an item's",
              "letters, digits, `.`, `_` and `-` make a name; rename the file");
      return std::nullopt;
    }
    if (!readable(kPromptBytesMax)) return std::nullopt;
    std::string_view text;
    auto members = read_members(*place.form, text);
    if (!members) return std::nullopt;
    Item item{.kind = place.kind, .name = std::string(place.name), .object = JsonObject{}};
    native_ = JsonObject{};
    if (!place.form->text_key.empty()) text = text_under_key(*place.form, *members);
    take_text(item, *place.form, text);
    take_members(item, *place.form, *std::move(members));
    const bool named = item.kind != ItemKind::kRules && item.kind != ItemKind::kServer;
    if (named && item.object.find("name") == nullptr) item.object.set("name", item.name);
    keep_native(item);
    return item;
  }

  void keep_native(Item& item) {
    if (!native_.as_object().empty())
      item.object.set("native", Json::object({{provider_.name, std::move(native_)}}));
  }

  // The file's members; `text` is what stands after them.
  std::optional<Json> read_members(const FileForm& form, std::string_view& text) {
    const std::string_view bytes = file_->bytes;
    Result<Json> read = Json(JsonObject{});
    std::uint32_t lines_before = 0;
    if (form.syntax == Syntax::kPlain) {
      text = without_last_line_end(bytes);
    } else if (form.syntax == Syntax::kFront) {
      const auto parts = split_front(bytes);
      if (!parts) {
        problem("the front matter has no closing line ---", "end it with a line ---", Weight::kLeftOut, 1);
        return std::nullopt;
      }
      text = parts->text;
      lines_before = 1;
      if (parts->present) read = read_front(form, parts->front);
    } else if (form.syntax == Syntax::kToml) {
      read = text::parse_toml(bytes, {.source_name = file_->path, .bytes_max = kPromptBytesMax});
    } else {
      read = text::parse_json(bytes, {.source_name = file_->path, .bytes_max = kPromptBytesMax});
    }
    if (read && read->is_null() && form.syntax == Syntax::kFront) read = Json(JsonObject{});
    if (read && !read->is_object()) read = fail(Code::kBadShape, "it holds no members", "1:1");
    if (read) return *std::move(read);
    problem(read.error(), lines_before);
    return std::nullopt;
  }

  Result<Json> read_front(const FileForm& form, std::string_view front) {
    const text::ParseOptions options{.source_name = file_->path, .bytes_max = 2 * kPromptBytesMax};
    std::string raw;
    for (const Field& field : form.fields) {
      if (field.value == Value::kRawLine) {
        raw = with_quoted_line(front, field.key);
        front = raw;
      }
    }
    auto read = text::parse_yaml(front, options);
    // What is too deep or grows too large is meant to be YAML.
    if (read || read.error().code == Code::kTooLarge || read.error().code == Code::kJsonDepth) return read;
    auto repaired = text::parse_yaml(with_quoted_lines(front), options);
    if (!repaired) return read;
    problem("is no YAML as it stands; it was read line by line", "put texts with `: ` in them in quotes",
            Weight::kNote, line_of(read.error().where) + 1);
    return repaired;
  }

  // Takes the member that holds the text, or names the file that does.
  std::string_view text_under_key(const FileForm& form, Json& members) {
    const Json* value = members.find(form.text_key);
    if (value == nullptr || !value->is_string()) return {};
    if (!form.text_path.empty()) {
      if (!is_file_name(value->as_string())) return {};
      const std::string path = path_for(form.text_path, value->as_string());
      const auto at = std::ranges::lower_bound(files_, path, {}, &TreeFile::path);
      if (at == files_.end() || (*at)->path != path) return {};
      const TreeFile* agent = std::exchange(file_, *at);
      const bool good = readable(kPromptBytesMax);
      file_ = agent;
      if (!good) return {};
      members.as_object().erase(form.text_key);
      text_file_ = path;
      return without_last_line_end((*at)->bytes);
    }
    text_ = value->as_string();
    members.as_object().erase(form.text_key);
    return text_;
  }

  void take_text(Item& item, const FileForm& form, std::string_view text) {
    if (text.empty()) return;
    const std::string_view native = form.arguments == Arguments::kBraces  ? "{{args}}"
                                    : form.arguments == Arguments::kInput ? "${input:arguments}"
                                                                          : "";
    if (item.kind != ItemKind::kCommand || native.empty()) {
      item.object.set("instructions", Json(text));
      return;
    }
    std::string ours;
    std::string_view rest = text;
    for (std::size_t at = rest.find(native); at != std::string_view::npos; at = rest.find(native)) {
      ours.append(rest.substr(0, at)).append("$ARGUMENTS");
      rest.remove_prefix(at + native.size());
    }
    ours += rest;
    const bool braces = form.arguments == Arguments::kBraces;
    const bool more = text.contains("$ARGUMENTS") ||
                      (braces ? ours.contains("!{") || ours.contains("@{") : ours.contains("${input:"));
    if (more) native_.set(form.text_key.empty() ? "instructions" : form.text_key, Json(text));
    item.object.set("instructions", std::move(ours));
  }

  void take_members(Item& item, const FileForm& form, Json members) {
    JsonObject& left = members.as_object();
    for (const Fixed& fixed : form.fixed) {
      const Json* value = left.find(fixed.key);
      const bool shared = std::ranges::find(form.fields, fixed.key, &Field::key) != form.fields.end();
      if (shared && value != nullptr && in_words(*value) == fixed.value) left.erase(fixed.key);
    }
    for (const Field& field : form.fields) {
      const Json* value = left.find(field.key);
      if (value == nullptr) continue;
      auto ours = understood(field, provider_, *value);
      if (!ours) continue;
      item.object.set(field.member, *std::move(ours));
      left.erase(field.key);
    }
    const bool globs = item.object.find("globs") != nullptr;
    for (const Fixed& fixed : form.fixed) {
      const std::string_view expected = globs ? fixed.with_globs : fixed.value;
      const Json* value = left.find(fixed.key);
      if (value != nullptr && !expected.empty() && in_words(*value) == expected) {
        left.erase(fixed.key);
      } else if (value == nullptr && !fixed.absent.empty() && fixed.absent != expected) {
        native_.set(fixed.key, from_words(fixed.absent));
      }
    }
    for (auto& [key, value] : left) native_.set(key, std::move(value));
  }

  // The files of one skill from `at` on; the first after them.
  std::size_t skill(std::size_t at, std::string_view name) {
    const std::string folder = fmt::format("{}/{}/", provider_.skills, name);
    std::optional<Item> item;
    std::vector<ItemFile> beside;
    std::vector<std::string> paths;
    std::size_t too_many = 0;
    const std::size_t first = at;
    for (; at < files_.size() && files_[at]->path.starts_with(folder); ++at) {
      file_ = files_[at];
      paths.push_back(file_->path);
      const std::string_view rest = std::string_view(file_->path).substr(folder.size());
      if (rest == "SKILL.md") {
        item = read_item({.kind = ItemKind::kSkill, .form = &skill_form(), .name = name});
      } else if (beside.size() < kItemFilesMax) {
        beside.push_back({.path = std::string(rest), .bytes = file_->bytes, .executable = file_->executable});
      } else {
        ++too_many;
      }
    }
    file_ = files_[first];
    if (too_many > 0) {
      problem(
          fmt::format("{} files beside a skill; {} are the most", kItemFilesMax + too_many, kItemFilesMax));
      return at;
    }
    const bool is_there = std::ranges::binary_search(files_, folder + "SKILL.md", {}, &TreeFile::path);
    if (!is_there) problem("its folder has no SKILL.md", "a skill is a folder with a SKILL.md right in it");
    if (item && has_room()) {
      item->files = std::move(beside);
      keep(*std::move(item), std::move(paths));
    }
    return at;
  }

  void servers() {
    if (!readable(limits::kClientConfigBytesMax)) return;
    const mcp::Dialect& dialect = provider_.servers.dialect;
    const std::string key(mcp::section_key(dialect.form));
    auto text = mcp::ClientText::read(file_->bytes, {.form = dialect.form, .path = {key}}, file_->path);
    if (!text) return problem(text.error(), 0);
    const Json inputs = note_settings(key);
    for (const mcp::EntryText& entry : text->entries()) server(entry, inputs);
  }

  // Whether it names rules of the client's own folder and nothing else: those are read where they lie.
  [[nodiscard]] bool lists_our_rules(std::string_view key, const Json& value) const {
    if (provider_.rules_key.empty() || key != provider_.rules_key || !value.is_array()) return false;
    const std::string_view start = provider_.rules.path.substr(0, provider_.rules.path.find('*'));
    return std::ranges::all_of(value.as_array(), [&](const Json& path) {
      return path.is_string() && path.as_string().starts_with(start) &&
             std::ranges::binary_search(files_, path.as_string(), {}, &TreeFile::path);
    });
  }

  // Tells of what else the file holds. VS Code's inputs.
  Json note_settings(std::string_view section) {
    std::string others;
    const auto other = [&](std::string_view key) {
      if (key != section && key != "$schema" && key != "inputs" && key != provider_.servers.mark)
        others += fmt::format("{}{}", others.empty() ? "" : ", ", key.substr(0, 40));
    };
    Json inputs;
    if (mcp::is_toml(provider_.servers.dialect.form)) {
      const auto toml = text::parse_toml(file_->bytes, {.bytes_max = limits::kClientConfigBytesMax});
      if (toml) {
        for (const auto& [key, value] : toml->as_object()) other(key);
      }
    } else if (const auto json =
                   text::JsoncText::read(file_->bytes, {.bytes_max = limits::kClientConfigBytesMax})) {
      const auto root = json->find({});
      if (root && *root && (*root)->of(file_->bytes).starts_with('{')) {
        for (const auto& member : json->members(**root)) {
          if (!lists_our_rules(member.name, json->value(member.value).value_or(Json()))) other(member.name);
          if (member.name == "inputs") inputs = json->value(member.value).value_or(Json());
        }
      }
    }
    if (others.size() > 200) others = others.substr(0, others.rfind(',', 200)) + ", …";
    if (!others.empty())
      problem(fmt::format("holds settings besides its servers ({}); they stay the client's own", others), {},
              Weight::kNote);
    return inputs;
  }

  void server(const mcp::EntryText& entry, const Json& inputs) {
    if (!is_file_name(entry.name))
      return problem("a server's name cannot be an item's", "letters, digits, `.`, `_` and `-` make a name");
    const mcp::Dialect& dialect = provider_.servers.dialect;
    mcp::ReadEntry read =
        mcp::read_entry(entry.native, {.form = dialect.form,
                                       .name = entry.name,
                                       .inputs = inputs,
                                       .bare_variables = dialect.variables == mcp::Variables::kDollar});
    if (!read.enabled)
      return problem(fmt::format("server '{}' is switched off there", entry.name), "switch it on to take it");
    if (read.why) return problem(read.why->message, read.why->hint);
    Item item{.kind = ItemKind::kServer, .name = entry.name, .object = std::move(read.entry)};
    if (const auto again = mcp::native_entry(item.object, dialect); !again)
      problem(fmt::format("server '{}' is none {} would be shown: {}", entry.name, provider_.product,
                          again.error().message),
              {}, Weight::kNote);
    native_ = JsonObject{};
    for (const auto& [key, value] : entry.native.as_object()) {
      if (!mcp::is_read_key(dialect.form, key)) native_.set(key, value);
    }
    keep_native(item);
    if (has_room()) keep(std::move(item), {file_->path});
  }

  // One name, one item: the first stays.
  void settle() {
    std::ranges::stable_sort(read_, {},
                             [](const Read& read) { return std::tie(read.item.kind, read.item.name); });
    for (auto& [item, files] : read_) {
      if (!out_.items.empty() && out_.items.back().kind == item.kind && out_.items.back().name == item.name) {
        if (out_.problems.size() < kDecodeProblemsMax) {
          out_.problems.push_back({.why = fmt::format("two files make the {} '{}'; the first counts",
                                                      to_string(item.kind), item.name),
                                   .hint = "remove or rename one"});
        }
        continue;
      }
      out_.items.push_back(std::move(item));
      out_.files.push_back(std::move(files));
    }
  }

  const Provider& provider_;
  std::vector<const TreeFile*> files_;  // sorted by path
  struct Read {
    Item item;
    std::vector<std::string> files;
  };
  std::vector<Read> read_;
  Decoded out_;
  // Of the file at work.
  const TreeFile* file_ = nullptr;
  Json native_;
  std::string text_, text_file_;
};

}  // namespace

Decoded decode(const Provider& provider, std::span<const TreeFile> files) {
  return Decoder(provider, files).run();
}

bool reads(const Provider& provider, std::string_view path) {
  return place_of(provider, path).what != Place::What::kNothing;
}

bool reads_below(const Provider& provider, std::string_view folder) {
  const std::string below = fmt::format("{}/", folder);
  // What lies in a folder of items is read however deep, be it only to be told.
  const auto meets = [&](std::string_view path) {
    const std::string_view start = path.substr(0, path.find('*'));
    return start.starts_with(below) || (start.size() < path.size() && below.starts_with(start));
  };
  for (const FileForm* form : {&provider.agent, &provider.rules, &provider.command}) {
    if (form->syntax == Syntax::kNone) continue;
    if (meets(form->path) || meets(form->also) || meets(form->text_path)) return true;
  }
  return meets(provider.main_rules) || meets(provider.servers.path) ||
         (!provider.skills.empty() && meets(fmt::format("{}/*", provider.skills)));
}

}  // namespace rtt::views
