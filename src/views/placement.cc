// SPDX-License-Identifier: Apache-2.0
#include "views/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace rtt::views {
namespace {

using text::Json;

// `.claude/skills/x/SKILL.md` belongs to the folder `.claude/skills` and is of its entry `x`.
struct Where {
  std::string_view folder;  // empty: a single file
  std::string_view entry;   // path of the folder's entry
};

// A folder of anything else holds files that clients write.
constexpr auto kItemFolders = std::to_array<std::string_view>(
    {"agents", "command", "commands", "instructions", "prompts", "rules", "skills", "steering", "workflows"});

Where where_is(std::string_view path) {
  const std::size_t first = path.find('/');
  const std::size_t second = first == path.npos ? path.npos : path.find('/', first + 1);
  if (second == path.npos) return {};
  const std::string_view name = path.substr(first + 1, second - first - 1);
  if (std::ranges::find(kItemFolders, name) == kItemFolders.end()) return {};
  return {.folder = path.substr(0, second),
          .entry = path.substr(0, std::min(path.find('/', second + 1), path.size()))};
}

class Placer {
 public:
  Placer(const Tree& tree, const std::function<Found(const std::string&)>& found)
      : tree_(tree), found_(found) {}

  void file(std::size_t at, Form form) {
    const TreeFile& file = tree_.files()[at];
    const Found there = found_(file.path);
    if (there.kind == Found::Kind::kOurs || there.kind == Found::Kind::kNothing) {
      out_.places.push_back(
          {.path = file.path, .form = form, .content = tree_.digests()[at], .executable = file.executable});
    } else {
      keep(file.path, there);
    }
  }
  // Whether it could be.
  bool link(const std::string& path) {
    const Found there = found_(path);
    if (there.kind != Found::Kind::kOurs && there.kind != Found::Kind::kNothing) return false;
    out_.places.push_back({.path = path, .form = Form::kLink});
    return true;
  }
  void keep(const std::string& path, const Found& there) {
    out_.kept.push_back({.path = path,
                         .why = there.kind == Found::Kind::kFolder ? "a folder of that name is there already"
                                : there.kind == Found::Kind::kBlocked
                                    ? "a folder above it is a link or no folder"
                                : there.tracked ? "git tracks a file of that name"
                                                : "a file of that name is there already"});
  }
  Placement take() && {
    std::ranges::sort(out_.places, {}, &Place::path);
    std::ranges::sort(out_.kept, {}, &Kept::path);
    return std::move(out_);
  }

 private:
  const Tree& tree_;
  const std::function<Found(const std::string&)>& found_;
  Placement out_;
};

}  // namespace

namespace {

constexpr std::array<std::string_view, 3> kForms{"link", "hardlink", "copy"};

}  // namespace

std::string_view to_string(Form form) { return kForms[static_cast<std::size_t>(form)]; }

Placement place(const Tree& tree, Wish wish, const std::function<Found(const std::string& path)>& found) {
  Placer placer(tree, found);
  std::map<std::string, std::map<std::string, std::vector<std::size_t>>> folders;  // folder, entry, files
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    const Where where = where_is(tree.files()[i].path);
    if (where.folder.empty()) {
      placer.file(i, Form::kCopy);
    } else {
      folders[std::string(where.folder)][std::string(where.entry)].push_back(i);
    }
  }
  for (const auto& [folder, entries] : folders) {
    const Found there = found(folder);
    const bool links = wish == Wish::kLinks && !there.tracked;
    const Form form = wish == Wish::kHardLinks && !there.tracked ? Form::kHardLink : Form::kCopy;
    if (links && placer.link(folder)) continue;
    if (there.kind == Found::Kind::kOther || there.kind == Found::Kind::kBlocked) {
      placer.keep(folder, there);
      continue;
    }
    for (const auto& [entry, files] : entries) {
      const bool is_folder = tree.files()[files.front()].path != entry;
      if (!links || !is_folder) {
        for (const std::size_t file : files) placer.file(file, form);
      } else if (!placer.link(entry)) {
        placer.keep(entry, found(entry));
      }
    }
  }
  return std::move(placer).take();
}

Json to_json(const std::vector<Place>& places) {
  Json list{text::JsonArray{}};
  for (const Place& place : places) {
    Json one = Json::object({{"path", place.path}, {"form", to_string(place.form)}});
    if (place.form != Form::kLink) one.set("content", to_string(place.content));
    if (place.before) one.set("before", to_string(*place.before));
    if (place.from) one.set("from", to_string(*place.from));
    if (place.executable) one.set("executable", true);
    if (!place.why.empty()) one.set("why", place.why);
    list.push(std::move(one));
  }
  return list;
}

Result<std::vector<Place>> places_from_json(const Json& json, std::string_view where) {
  const auto bad = [&](std::string_view what) {
    return fail(Code::kBadShape, fmt::format("no list of what was placed: {}", what), std::string(where),
                "rtt view unmount, then rtt view mount");
  };
  if (!json.is_array()) return bad("it is no array");
  std::vector<Place> places;
  for (const Json& one : json.as_array()) {
    Place place{.path = std::string(one.string_or("path")),
                .executable = one.bool_or("executable", false),
                .why = std::string(one.string_or("why"))};
    RTT_TRY(check_path(place.path));
    const auto form = std::ranges::find(kForms, one.string_or("form"));
    if (form == kForms.end()) return bad("a form that is neither link, hardlink nor copy");
    place.form = static_cast<Form>(form - kForms.begin());
    const auto content = parse_digest(one.string_or("content"));
    if (place.form != Form::kLink && !content) return bad("a file without its hash");
    if (content) place.content = *content;
    place.before = parse_digest(one.string_or("before"));
    place.from = parse_digest(one.string_or("from"));
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace rtt::views
