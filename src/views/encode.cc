// SPDX-License-Identifier: Apache-2.0
#include "views/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

#include "base/assert.h"
#include "mcp/configs/client_entry.h"
#include "model/limits.h"
#include "text/toml.h"
#include "text/toml_write.h"
#include "views/native_file.h"
#include "views/words.h"

namespace rtt::views {
namespace {

using mcp::ClientForm;
using text::Json;

constexpr std::string_view kArguments = "$ARGUMENTS";
constexpr std::size_t kSkillNameBytesMax = 64;
constexpr std::size_t kSkillDescriptionBytesMax = 1024;

// By the open standard; clients skip other skills.
bool is_skill_name(std::string_view name) {
  return name.size() <= kSkillNameBytesMax && !name.starts_with('-') && !name.ends_with('-') &&
         !name.contains("--") && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

std::string replaced(std::string_view in, std::string_view what, std::string_view with) {
  std::string out;
  for (std::size_t at = in.find(what); at != std::string_view::npos; at = in.find(what)) {
    out.append(in.substr(0, at)).append(with);
    in.remove_prefix(at + what.size());
  }
  return out.append(in);
}

class Encoder {
 public:
  explicit Encoder(const Provider& provider) : provider_(provider) {}

  Encoded run(std::span<const Item> items) {
    out_.files.reserve(items.size() + 2);
    add_all(items);
    write_servers();
    std::ranges::sort(out_.files, {}, &TreeFile::path);
    add_companion();
    return std::move(out_);
  }
  Encoded run(const Tree& before, std::span<const Item> servers) {
    std::ranges::remove_copy(before.files(), std::back_inserter(out_.files), provider_.servers.path,
                             &TreeFile::path);
    add_all(servers);
    write_servers();
    std::ranges::sort(out_.files, {}, &TreeFile::path);
    return std::move(out_);
  }

 private:
  void add_all(std::span<const Item> items) {
    std::vector<const Item*> order;
    order.reserve(items.size());
    for (const Item& item : items) order.push_back(&item);
    std::ranges::stable_sort(order, {}, [](const Item* item) { return std::tie(item->kind, item->name); });
    const Item* before = nullptr;
    for (const Item* item : order) {
      const bool again = before != nullptr && before->kind == item->kind && before->name == item->name;
      before = item;
      item_ = item;
      if (again) {
        lost("", fmt::format("another {} has this name", to_string(item->kind)));
      } else if (!is_file_name(item->name)) {
        lost("", "its name cannot be a file's: letters, digits, `.`, `_` and `-` can");
      } else if (!item->object.is_object()) {
        lost("", "is no object");
      } else {
        add();
      }
    }
  }
  void lost(std::string pointer, std::string why) {
    out_.losses.push_back({.provider = std::string(provider_.name),
                           .kind = item_->kind,
                           .item = item_->name,
                           .pointer = std::move(pointer),
                           .why = std::move(why)});
  }
  void lost_place(std::string_view member, const Json& value) {
    if (member == "name" && value == Json(item_->name)) return;
    if (member == "model" && value == Json("inherit")) return;
    const bool all_tools = item_->kind == ItemKind::kAgent && member == "tools";
    lost("/" + text::escape_pointer(member),
         fmt::format("{} has no {}", provider_.product,
                     all_tools ? "list of an agent's tools: it has all of them" : "place for it"));
  }
  void lost_to_own(std::string_view member, std::string_view key) {
    lost("/" + text::escape_pointer(member),
         fmt::format("`native.{}.{}` stands in its place", provider_.name, key));
  }
  [[nodiscard]] const Json* member(std::string_view key) const { return item_->object.find(key); }

  void add() {
    const Json* native = member("native");
    own_ = native == nullptr ? nullptr : native->find(provider_.name);
    if (own_ != nullptr && !own_->is_object()) {
      lost(fmt::format("/native/{}", provider_.name), "is no object");
      own_ = nullptr;
    }
    switch (item_->kind) {
      case ItemKind::kAgent:
        return add_file(provider_.agent);
      case ItemKind::kSkill:
        return add_skill();
      case ItemKind::kServer:
        return add_server();
      case ItemKind::kRules:
        return item_->name == "main" ? add_main_rules() : add_file(provider_.rules);
      case ItemKind::kCommand:
        return add_file(provider_.command);
    }
  }

  void add_main_rules() {
    if (provider_.main_rules.empty())
      return lost("", fmt::format("{} has no rules of a project", provider_.product));
    add_file({.syntax = Syntax::kPlain, .path = provider_.main_rules});
  }

  void add_file(const FileForm& form) {
    if (form.syntax == Syntax::kNone) return lost("", fmt::format("{} {}", provider_.product, form.none));
    add_file(form, form.path.contains('*') ? path_for(form.path, item_->name) : std::string(form.path));
  }

  // False: it was left out.
  bool add_file(const FileForm& form, std::string path) {
    const auto text = instructions(form);
    if (!text) return false;
    NativeFile file(form.syntax);
    const Field* globs_field = nullptr;
    for (const Field& field : form.fields) {
      if (field.member == "globs" && member("globs") != nullptr) globs_field = &field;
    }
    globs_ = globs_field == nullptr ? Said{} : said(*globs_field, provider_, *member("globs"));
    for (const Fixed& fixed : form.fixed) write_fixed(file, fixed);
    for (const Field& field : form.fields) write_field(file, field);
    write_own(file, form);
    if (!form.required.empty() && item_->object.string_or(form.required).empty()) {
      lost(fmt::format("/{}", form.required), fmt::format("{} skips a file without it", provider_.product));
    }
    if (!form.names.allow(item_->name))
      lost("/name",
           fmt::format("{} skips one that is not called by a name {}", provider_.product, form.names.rule));
    for (const auto& [key, value] : item_->object.as_object()) {
      if (key == "native" || key == "instructions") continue;
      if (std::ranges::find(form.fields, key, &Field::member) != form.fields.end()) continue;
      lost_place(key, value);
    }
    finish(form, std::move(file), *text, std::move(path));
    return true;
  }

  // The item's text in the client's words; nothing if it would be read otherwise.
  std::optional<std::string_view> instructions(const FileForm& form) {
    const Json* said = member("instructions");
    const Json* instead = own_text(form);
    if (instead != nullptr) {
      if (said != nullptr) lost_to_own("instructions", "instructions");
      said = instead;
    }
    if (said == nullptr) return std::string_view{};
    if (!said->is_string()) {
      lost("/instructions", "is no text");
      return std::string_view{};
    }
    const std::string_view text = said->as_string();
    if (text.size() > kPromptBytesMax) {
      lost("", fmt::format("its text has {} bytes; {} are the most that are shown", text.size(),
                           kPromptBytesMax));
      return std::nullopt;
    }
    return item_->kind == ItemKind::kCommand && instead == nullptr ? with_arguments(form, text) : text;
  }

  std::optional<std::string_view> with_arguments(const FileForm& form, std::string_view text) {
    if (form.arguments == Arguments::kDollar) return text;
    const bool braces = form.arguments == Arguments::kBraces;
    const bool taken = own_ != nullptr && !form.text_key.empty() && own_->find(form.text_key) != nullptr;
    if (!taken && ((braces && (text.contains("{{args}}") || text.contains("!{") || text.contains("@{"))) ||
                   (form.arguments == Arguments::kInput && text.contains("${input:")))) {
      lost("", fmt::format("{} would replace or run a part of its text", provider_.product));
      return std::nullopt;
    }
    if (text.contains("!`")) lost("/instructions", fmt::format("{} runs no !`…` in it", provider_.product));
    if (!text.contains(kArguments)) return text;
    if (form.arguments == Arguments::kNone) {
      lost("/instructions", fmt::format("{} puts nothing in the place of {}", provider_.product, kArguments));
      return text;
    }
    text_ = replaced(text, kArguments, braces ? "{{args}}" : "${input:arguments}");
    return text_;
  }

  [[nodiscard]] const Json* own(std::string_view key) const {
    return own_ == nullptr ? nullptr : own_->find(key);
  }
  // The text as only this provider's file has it, where no key holds it.
  [[nodiscard]] const Json* own_text(const FileForm& form) const {
    return form.text_key.empty() ? own("instructions") : nullptr;
  }

  void write_fixed(NativeFile& file, const Fixed& fixed) {
    const std::string_view value = globs_.value ? fixed.with_globs : fixed.value;
    if (value.empty() || own(fixed.key) != nullptr) return;
    const bool is_bool = value == "true" || value == "false";
    RTT_ASSERT(file.member(fixed.key, is_bool ? Json(value == "true") : Json(value)));
  }

  void write_field(NativeFile& file, const Field& field) {
    // A skill is called like its folder; everything else says its name or has its file's.
    Json name;
    const Json* value = member(field.member);
    if (field.member == "name" && (value == nullptr || item_->kind == ItemKind::kSkill)) {
      if (value != nullptr && *value != Json(item_->name)) lost("/name", "is not the name of its folder");
      name = item_->name;
      value = &name;
    }
    if (const Json* instead = own(field.key)) {
      if (value != nullptr && value != &name) lost_to_own(field.member, field.key);
      if (field.value == Value::kRawLine && instead->is_null()) return file.raw_line(field.key, "");
      return write(file, field.key, *instead, fmt::format("/native/{}/", provider_.name));
    }
    if (value == nullptr) return;
    if (field.value == Value::kAsIs || (field.value == Value::kText && value->is_string()))
      return write(file, field.key, *value, "/");
    const Said made = field.member == "globs" ? globs_ : said(field, provider_, *value);
    for (const auto& [pointer, why] : made.lost)
      lost("/" + text::escape_pointer(field.member) + pointer, why);
    if (!made.value) return;
    if (field.value == Value::kRawLine) return file.raw_line(field.key, made.value->as_string());
    write(file, field.key, *made.value, "/");
  }

  void write(NativeFile& file, std::string_view key, const Json& value, std::string_view above) {
    if (!file.member(key, value))
      lost(fmt::format("{}{}", above, text::escape_pointer(key)),
           fmt::format("a file of {} has no form for its value", provider_.product));
  }

  void write_own(NativeFile& file, const FileForm& form) {
    if (own_ == nullptr) return;
    for (const auto& [key, value] : own_->as_object()) {
      if (key == form.text_key && !key.empty()) {
        if (member("instructions") != nullptr) lost_to_own("instructions", key);
      } else if (&value == own_text(form) ||
                 std::ranges::find(form.fields, key, &Field::key) != form.fields.end()) {
        continue;
      }
      write(file, key, value, fmt::format("/native/{}/", provider_.name));
    }
  }

  void finish(const FileForm& form, NativeFile&& file, std::string_view text, std::string path) {
    if (form.text_key.empty()) {
      push(std::move(path), std::move(file).with_text(text));
      return;
    }
    if (own(form.text_key) == nullptr) {
      if (!form.text_path.empty()) {
        std::string prompt(text);
        if (!prompt.empty()) prompt += '\n';
        push(path_for(form.text_path, item_->name), std::move(prompt));
        RTT_ASSERT(file.member(form.text_key, Json(item_->name)));
      } else {
        RTT_ASSERT(file.member(form.text_key, Json(text)));
      }
    }
    push(std::move(path), std::move(file).whole());
  }

  void push(std::string path, std::string bytes, bool executable = false) {
    out_.files.push_back({.path = std::move(path), .bytes = std::move(bytes), .executable = executable});
  }

  void add_skill() {
    if (provider_.skills.empty()) return lost("", fmt::format("{} has no skills", provider_.product));
    const std::string folder = fmt::format("{}/{}/", provider_.skills, item_->name);
    if (!add_file(skill_form(), folder + "SKILL.md")) return;
    if (!is_skill_name(item_->name))
      lost("/name", "clients skip a skill not called 1 to 64 of a-z, 0-9 and -");
    if (item_->object.string_or("description").size() > kSkillDescriptionBytesMax)
      lost("/description", "clients skip a skill described in more than 1024 characters");
    if (item_->files.size() > kItemFilesMax) {
      return lost("/files", fmt::format("{} files; {} are the most", item_->files.size(), kItemFilesMax));
    }
    std::vector<const ItemFile*> files;
    for (const ItemFile& file : item_->files) files.push_back(&file);
    std::ranges::stable_sort(files, {}, &ItemFile::path);
    std::vector<std::string> shown;
    for (const ItemFile* file : files) {
      if (const auto why = why_not(*file, folder, shown)) {
        lost("/files/" + text::escape_pointer(file->path), *why);
        continue;
      }
      shown.push_back(file->path);
      push(folder + file->path, file->bytes, file->executable);
    }
  }

  // A tree is refused whole for one bad path, so it is looked at before.
  static std::optional<std::string> why_not(const ItemFile& file, std::string_view folder,
                                            const std::vector<std::string>& shown) {
    if (const auto status = check_path(fmt::format("{}{}", folder, file.path)); !status)
      return status.error().message;
    if (file.path == "SKILL.md" || file.path.starts_with("SKILL.md/")) return "is the skill's own file";
    if (file.bytes.size() > kTreeFileBytesMax) return "is too large for a view";
    if (!shown.empty() && shown.back() == file.path) return "is there twice";
    for (std::size_t slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1)) {
      if (std::ranges::binary_search(shown, std::string_view(file.path).substr(0, slash)))
        return "lies below a file";
    }
    return std::nullopt;
  }

  void add_server() {
    const ServersForm& form = provider_.servers;
    if (form.path.empty()) return lost("", fmt::format("{} {}", provider_.product, form.none));
    if (form.dialect.form == ClientForm::kCodexToml && item_->name.contains('.'))
      return lost("", "Codex gives up where a server has a dot in its name");
    if (servers_.size() >= limits::kMcpServersMax)
      return lost("", fmt::format("{} servers are the most", limits::kMcpServersMax));
    auto made = mcp::native_entry(item_->object, form.dialect);
    if (!made) return lost("", fmt::format("{}: {}", provider_.product, made.error().message));
    for (auto& [pointer, why] : made->lost) {
      if (pointer != "/name" || item_->object.string_or("name") != item_->name)
        lost(pointer, fmt::format("{}: {}", provider_.product, why));
    }
    if (own_ != nullptr) {
      for (const auto& [key, value] : own_->as_object()) {
        if (mcp::leads_elsewhere(key)) {
          lost(fmt::format("/native/{}/{}", provider_.name, text::escape_pointer(key)),
               "would say what starts the server");
          continue;
        }
        made->entry.set(key, value);
      }
    }
    servers_.emplace_back(item_, std::move(made->entry));
  }

  // Rules that the client reads only where they are named.
  [[nodiscard]] Json listed_rules() const {
    Json paths = text::JsonArray{};
    if (provider_.rules_key.empty()) return paths;
    const std::string_view start = provider_.rules.path.substr(0, provider_.rules.path.find('*'));
    for (const TreeFile& file : out_.files) {
      if (file.path.starts_with(start)) paths.push(file.path);
    }
    return paths;
  }

  void write_servers() {
    Json rules = listed_rules();
    if (servers_.empty() && rules.as_array().empty()) return;
    const ServersForm& form = provider_.servers;
    if (mcp::is_toml(form.dialect.form)) return write_toml_servers();
    Json servers = text::JsonObject{};
    for (auto& [item, entry] : servers_) servers.set(item->name, std::move(entry));
    Json root = text::JsonObject{};
    if (!form.mark.empty()) root.set(form.mark, text::parse_json(form.mark_value).value());
    if (!rules.as_array().empty()) root.set(provider_.rules_key, std::move(rules));
    if (!servers_.empty()) root.set(mcp::section_key(form.dialect.form), std::move(servers));
    push(std::string(form.path), text::to_pretty_json(root));
  }

  void write_toml_servers() {
    std::string out;
    for (const auto& [item, entry] : servers_) {
      if (!out.empty()) out += '\n';
      item_ = item;
      const bool vibe = provider_.servers.dialect.form == ClientForm::kVibeToml;
      if (vibe) {
        out += "[[mcp_servers]]\n";
        RTT_ASSERT(text::append_toml_member(out, "name", Json(item->name)));
      } else {
        out += fmt::format("[mcp_servers.{}]\n", text::toml_key(item->name));
      }
      for (const auto& [key, value] : entry.as_object()) {
        if (!text::append_toml_member(out, key, value))
          lost(fmt::format("/native/{}/{}", provider_.name, text::escape_pointer(key)),
               "TOML has no form for its value here");
      }
    }
    push(std::string(provider_.servers.path), std::move(out));
  }

  void add_companion() {
    const Companion& file = provider_.companion;
    if (file.path.empty()) return;
    const auto at = std::ranges::lower_bound(out_.files, file.folder, {}, &TreeFile::path);
    if (at == out_.files.end() || !at->path.starts_with(file.folder)) return;
    const auto place = std::ranges::lower_bound(out_.files, file.path, {}, &TreeFile::path);
    out_.files.insert(place, {.path = std::string(file.path), .bytes = std::string(file.bytes)});
  }

  const Provider& provider_;
  Encoded out_;
  std::vector<std::pair<const Item*, Json>> servers_;
  // Of the item at work.
  const Item* item_ = nullptr;
  const Json* own_ = nullptr;  // its native.PROVIDER
  Said globs_;
  std::string text_;
};

}  // namespace

Encoded encode(const Provider& provider, std::span<const Item> items) {
  RTT_ASSERT(items.size() <= kItemsMax);
  return Encoder(provider).run(items);
}

Encoded with_servers(const Provider& provider, const Tree& before, std::span<const Item> servers) {
  RTT_ASSERT(servers.size() <= kItemsMax);
  RTT_ASSERT(std::ranges::all_of(servers, [](const Item& item) { return item.kind == ItemKind::kServer; }));
  return Encoder(provider).run(before, servers);
}

}  // namespace rtt::views
