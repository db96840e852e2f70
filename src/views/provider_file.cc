// SPDX-License-Identifier: Apache-2.0
#include "views/provider_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/document.h"
#include "model/limits.h"
#include "text/yaml.h"
#include "views/tree.h"

namespace rtt::views {
namespace {

using model::Document;
using model::Key;
using model::Need;
using text::Json;

constexpr std::string_view kNowhere = "has none of a project";

// A file's place: where the row has it, and whether `*` stands in it for a name.
struct PlaceKey {
  std::string_view key;
  std::string_view& (*of)(Provider&);
  bool star = false;
};
constexpr auto kPlaces = std::to_array<PlaceKey>({
    {"agents", [](Provider& row) -> std::string_view& { return row.agent.path; }, true},
    {"prompts", [](Provider& row) -> std::string_view& { return row.agent.text_path; }, true},
    {"skills", [](Provider& row) -> std::string_view& { return row.skills; }},
    {"main_rules", [](Provider& row) -> std::string_view& { return row.main_rules; }},
    {"rules", [](Provider& row) -> std::string_view& { return row.rules.path; }, true},
    {"commands", [](Provider& row) -> std::string_view& { return row.command.path; }, true},
    {"servers", [](Provider& row) -> std::string_view& { return row.servers.path; }},
});
// What lies there is the workspace's: what is shown below it would be read as its own.
constexpr auto kOwnFolders = std::to_array<std::string_view>(
    {".rtt", "agents", "commands", "overlays", "providers", "rules", "skills", "views"});
constexpr auto kRowKeys = std::to_array<Key>({{"like", model::Shape::kText, Need::kRequired},
                                              {"product", model::Shape::kText},
                                              {"agents"},
                                              {"prompts"},
                                              {"skills"},
                                              {"main_rules"},
                                              {"rules"},
                                              {"commands"},
                                              {"servers"}});
constexpr auto kFileKeys = std::to_array<Key>({{"providers", model::Shape::kObject, Need::kRequired}});

bool is_provider_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytesMax && name[0] != '-' &&
         std::ranges::all_of(
             name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// Why it is no place; empty if it is one.
std::string why_not(std::string_view path, bool star) {
  if (std::ranges::count(path, '*') != (star ? 1 : 0))
    return star ? "one `*` stands in it for the name" : "no name stands in it, so no `*`";
  if (const auto status = check_path(path); !status) return status.error().message;
  const std::string_view top = path.substr(0, path.find('/'));
  if (std::ranges::find(kOwnFolders, top) != kOwnFolders.end())
    return fmt::format("`{}` is the workspace's own folder", top);
  return {};
}

// Whether a file can be meant by both; of one `*` at most in each.
bool meet(std::string_view a, std::string_view b) {
  const auto cut = [](std::string_view path) {
    const std::size_t star = path.find('*');
    return std::pair(path.substr(0, star), star == path.npos ? std::string_view{} : path.substr(star + 1));
  };
  const bool star_a = a.contains('*'), star_b = b.contains('*');
  if (!star_a && !star_b) return a == b;
  if (!star_a) return meet(b, a);
  const auto [before, after] = cut(a);
  if (star_b) {
    const auto [other_before, other_after] = cut(b);
    return before.substr(0, before.rfind('/') + 1) == other_before.substr(0, other_before.rfind('/') + 1) &&
           (before.starts_with(other_before) || other_before.starts_with(before)) &&
           (after.ends_with(other_after) || other_after.ends_with(after));
  }
  if (b.size() <= before.size() + after.size() || !b.starts_with(before) || !b.ends_with(after)) return false;
  return !b.substr(before.size(), b.size() - before.size() - after.size()).contains('/');
}

// Two kinds of items in one place; empty if there are none.
std::string colliding(Provider row) {
  for (const PlaceKey& a : kPlaces) {
    for (const PlaceKey& b : kPlaces) {
      const std::string_view one = a.of(row), other = b.of(row);
      if (&a == &b || one.empty() || other.empty()) continue;
      const bool folder = a.key == "skills";
      const bool hit =
          folder ? other.starts_with(fmt::format("{}/", one)) : b.key != "skills" && meet(one, other);
      if (hit) return fmt::format("`{}` and `{}` lie in one place: {} and {}", a.key, b.key, one, other);
    }
  }
  return {};
}

// Why what is said of a place of `row` cannot be; empty if it can.
std::string why_no_place(const Json& path, const PlaceKey& place, Provider& row, std::string_view like) {
  if (path.is_null()) return {};
  if (!path.is_string()) return "a path, or null for none";
  if (place.of(row).empty()) return fmt::format("`{}` has none of these, so their form is not known", like);
  return why_not(path.as_string(), place.star);
}

// The client has none of these.
void take_away(Provider& row, std::string_view key) {
  if (key == "agents") row.agent = {.none = kNowhere};
  if (key == "skills") row.skills = {};
  if (key == "main_rules") row.main_rules = {};
  if (key == "rules") row.rules = {.none = kNowhere};
  if (key == "commands") row.command = {.none = kNowhere};
  if (key == "servers") row.servers = {.none = kNowhere};
}

}  // namespace

ProviderTable::ProviderTable() : rows_(providers().begin(), providers().end()) {}

const Provider* ProviderTable::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(rows_, name, {}, &Provider::name);
  return at != rows_.end() && at->name == name ? &*at : nullptr;
}

std::vector<model::Problem> ProviderTable::add(std::string_view yaml, std::string_view file) {
  const auto read = text::parse_yaml(yaml, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!read) return {model::problem_from(read.error(), file)};
  if (read->is_null()) return {};
  Document document({.text = yaml, .file = file, .syntax = Document::Syntax::kYaml});
  if (!document.check(*read, "", kFileKeys) || document.errors() != 0) return document.take_problems();
  std::vector<Provider> added;
  for (const auto& [name, said] : read->find("providers")->as_object()) {
    const std::string at = "/providers/" + text::escape_pointer(name);
    const auto wrong = [&](std::string_view below, std::string message, std::string hint = {}) {
      document.error(fmt::format("{}{}", at, below),
                     {.message = std::move(message), .hint = std::move(hint)});
    };
    const std::size_t before = document.errors();
    if (!is_provider_name(name)) wrong("", "a provider's name is made of a-z, 0-9 and -");
    if (find(name) != nullptr) wrong("", fmt::format("`{}` is built in", name), "give it another name");
    if (rows_.size() + added.size() >= kProvidersMax) {
      wrong("", fmt::format("more than {} providers", kProvidersMax));
      break;
    }
    if (!document.check(said, at, kRowKeys) || document.errors() != before) continue;
    const Provider* like = find_provider(said.string_or("like"));
    if (like == nullptr) {
      wrong("/like", "no built-in provider has this name", "rtt view ls --all lists them");
      continue;
    }
    Provider row = *like;
    row.companion = {};
    row.programs = {};
    row.agent.also = row.command.also = {};
    row.name = keep(name);
    row.product = keep(said.string_or("product", name));
    for (const PlaceKey& place : kPlaces) {
      const Json* path = said.find(place.key);
      if (path == nullptr) continue;
      if (const std::string why = why_no_place(*path, place, row, like->name); !why.empty()) {
        wrong(fmt::format("/{}", place.key), why);
      } else if (path->is_null()) {
        take_away(row, place.key);
      } else {
        place.of(row) = keep(path->as_string());
      }
    }
    if (document.errors() == before) {
      if (const std::string why = colliding(row); !why.empty()) wrong("", why);
    }
    if (document.errors() == before) added.push_back(row);
  }
  rows_.insert(rows_.end(), added.begin(), added.end());
  std::ranges::sort(rows_, {}, &Provider::name);
  return document.take_problems();
}

}  // namespace rtt::views
