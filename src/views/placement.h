// SPDX-License-Identifier: Apache-2.0
// Placement: how a tree comes into a project, decided from what lies there.
//
// A tree's parts are folders of items (`.claude/agents`) and single files (`CLAUDE.md`, `opencode.json`). A
// provider's own folder (`.claude`) is never a link, for clients write into it. A folder of items is one link
// into the store where nothing is in its place, so a flip changes all of it at once. Where a folder is there
// already its entries are put beside what it holds, and where git tracks something in it they are copies: a
// commit of links into the store would be broken everywhere else. A single file is never a link but a copy,
// looked at for drift: clients and people edit those, Gemini CLI does not see an agent's file that is a link,
// Codex lists and then refuses one, and reads no such SKILL.md. What is there and not ours is kept, and told.
//
// Where links are not wanted, items are files: hard links of the store's, or copies.
//
// Thread: any (pure).   Fails: never.   Limits: the tree's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"
#include "views/tree.h"

namespace rtt::views {

enum class Form : std::uint8_t { kLink, kHardLink, kCopy };
std::string_view to_string(Form form);  // link hardlink copy

struct Place {
  std::string path;  // in the project and in the tree alike; of a link: a folder
  Form form = Form::kLink;
  Digest content{};                // of a file
  std::optional<Digest> before{};  // of a file that is being placed anew: either is ours
  std::optional<Digest> from{};    // the tree it was placed from, where another is shown by now
  bool executable = false;
  std::string why{};  // it could not be put the last time; empty: it was
  friend bool operator==(const Place&, const Place&) = default;
};
struct Kept {  // of the tree and not shown, for something else is in its place
  std::string path, why;
  friend bool operator==(const Kept&, const Kept&) = default;
};
struct Placement {
  std::vector<Place> places;  // sorted by path
  std::vector<Kept> kept;
  friend bool operator==(const Placement&, const Placement&) = default;
};

struct Found {  // what lies at a path of the project
  // kBlocked: a folder above it is none, or is a link to elsewhere.
  enum class Kind : std::uint8_t { kNothing, kOurs, kFolder, kOther, kBlocked } kind = Kind::kNothing;
  bool tracked = false;  // by git: it, or something below
};
enum class Wish : std::uint8_t { kLinks, kHardLinks, kCopies };  // of items' folders
Placement place(const Tree& tree, Wish wish, const std::function<Found(const std::string& path)>& found);

// What was placed for a provider, as it is remembered:
// [{"path","form","content"?,"before"?,"from"?,"executable"?,"why"?}].
text::Json to_json(const std::vector<Place>& places);
Result<std::vector<Place>> places_from_json(const text::Json& json, std::string_view where);

}  // namespace rtt::views
