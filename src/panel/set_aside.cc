// SPDX-License-Identifier: Apache-2.0
#include "panel/set_aside.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/link.h"
#include "text/json_canonical.h"
#include "views/tree.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

std::string home_of(const Workspace& workspace) { return workspace.dot("registry/views/replaced"); }

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// Every folder above these paths, the root's own as "".
std::set<std::string> folders_above(const std::vector<std::string>& paths) {
  std::set<std::string> out{""};
  for (const std::string& path : paths) {
    for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder))
      out.insert(folder);
  }
  return out;
}

// Nanoseconds since 1970 are no JSON number that every reader holds.
std::int64_t number_in(std::string_view text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// The numbers of the records there are, the newest last.
Result<std::vector<std::uint32_t>> numbers_in(const std::string& home) {
  std::vector<std::uint32_t> out;
  if (!os::exists(home)) return out;
  RTT_TRY_SET(const std::vector<std::string> names, os::list_directory(home));
  for (const std::string& name : names) {
    std::uint32_t number = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (bad == std::errc{} && end == name.data() + name.size()) out.push_back(number);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<std::optional<SetAside>> SetAside::newest(const Workspace& workspace) {
  RTT_TRY_SET(const auto numbers, numbers_in(home_of(workspace)));
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    SetAside out;
    out.root_ = workspace.root;
    out.folder_ = fmt::format("{}/{}", home_of(workspace), *number);
    const std::string path = out.folder_ + "/record.json";
    if (!os::exists(path)) continue;  // given back, with something left in it
    RTT_TRY_SET(const std::string text, os::read_file(path, kSetAsideBytesMax));
    RTT_TRY_SET(const Json record,
                text::parse_json(text, {.source_name = path, .bytes_max = kSetAsideBytesMax}));
    const auto bad = [&](std::string_view what) {
      return fail(Code::kBadShape, fmt::format("no record of a migration: {}", what), path,
                  "the files it moved lie in " + out.folder_ + "/files");
    };
    out.state_ = record.string_or("state") == "done" ? State::kDone : State::kUnfinished;
    const Json* moved = record.find("moved");
    const Json* written = record.find("written");
    const Json* folders = record.find("folders");
    if (moved == nullptr || !moved->is_array() || written == nullptr || !written->is_array() ||
        folders == nullptr || !folders->is_array())
      return bad("it lacks a list");
    for (const Json& each : moved->as_array()) {
      if (!each.is_string()) return bad("a path that is no text");
      RTT_TRY(views::check_path(each.as_string()));
      out.moved_.push_back(each.as_string());
    }
    for (const Json& each : written->as_array()) {
      const auto content = parse_digest(each.string_or("content"));
      if (!content) return bad("a written file without its hash");
      RTT_TRY(views::check_path(each.string_or("path")));
      out.written_.push_back({.path = std::string(each.string_or("path")), .content = *content});
    }
    for (const Json& each : folders->as_array()) {
      const std::string_view place = each.string_or("path");
      if (!place.empty()) RTT_TRY(views::check_path(place));
      out.folders_.push_back({.path = std::string(place),
                              .mode = static_cast<std::uint32_t>(each.int_or("mode", 0755)) & 07777U,
                              .mtime_ns = number_in(each.string_or("mtime_ns"))});
    }
    return out;
  }
  return std::nullopt;
}

Result<SetAside> SetAside::begin(const Workspace& workspace, std::vector<std::string> moved,
                                 std::vector<Written> written) {
  SetAside out;
  out.root_ = workspace.root;
  out.moved_ = std::move(moved);
  out.written_ = std::move(written);
  std::ranges::sort(out.moved_);
  std::ranges::sort(out.written_, {}, &Written::path);
  std::vector<std::string> all = out.moved_;
  for (const Written& file : out.written_) all.push_back(file.path);
  for (const std::string& folder : folders_above(all)) {
    const std::string path = out.root_ + "/" + folder;
    if (!os::exists(path)) continue;
    RTT_TRY_SET(const os::PathStamp stamp, os::stamp_of(path));
    out.folders_.push_back({.path = folder, .mode = stamp.mode, .mtime_ns = stamp.mtime_ns});
  }
  RTT_TRY_SET(const auto numbers, numbers_in(home_of(workspace)));
  if (numbers.size() >= kSetAsideMax)
    return fail(Code::kLimit, fmt::format("{} migrations are kept", kSetAsideMax), home_of(workspace),
                "move old ones away");
  out.folder_ = fmt::format("{}/{}", home_of(workspace), numbers.empty() ? 1 : numbers.back() + 1);
  RTT_TRY(os::make_directories(out.folder_, 0700));
  RTT_TRY(out.save());
  return out;
}

Status SetAside::save() const {
  Json moved = text::JsonArray{}, written = text::JsonArray{}, folders = text::JsonArray{};
  for (const std::string& path : moved_) moved.push(path);
  for (const Written& file : written_)
    written.push(Json::object({{"path", file.path}, {"content", to_string(file.content)}}));
  for (const Folder& folder : folders_) {
    folders.push(Json::object({{"path", folder.path},
                               {"mode", static_cast<std::int64_t>(folder.mode)},
                               {"mtime_ns", std::to_string(folder.mtime_ns)}}));
  }
  return os::write_atomic(
      folder_ + "/record.json",
      text::canonical_json(Json::object({{"v", 1},
                                         {"state", state_ == State::kDone ? "done" : "unfinished"},
                                         {"moved", std::move(moved)},
                                         {"written", std::move(written)},
                                         {"folders", std::move(folders)}})),
      {.mode = 0600});
}

Status SetAside::set(State state) {
  state_ = state;
  return save();
}

Status SetAside::take(const std::string& path, const Digest& content) const {
  const std::string from = root_ + "/" + path, to = kept(path);
  if (os::exists(to)) return fail(Code::kStalePlan, path + " was moved already", to);
  RTT_TRY(os::make_directories(folder_of(to), 0700));
  RTT_TRY(os::rename_path(from, to));
  // Looked at after it was moved: nobody else writes to it by its name now.
  RTT_TRY_SET(const std::string bytes, os::read_file(to, views::kTreeFileBytesMax));
  if (crypto::sha256(bytes) == content) return {};
  return fail(Code::kStalePlan, path + " was changed while it was migrated", path, "rtt migrate");
}

bool SetAside::was_there(const std::string& folder) const {
  return std::ranges::binary_search(folders_, folder, {}, &Folder::path);
}

Status SetAside::remove_emptied_folders() const {
  const std::set<std::string> above = folders_above(moved_);
  for (auto folder = above.rbegin(); folder != above.rend();
       ++folder) {  // what lies in a folder comes after it
    if (!folder->empty()) RTT_TRY(os::remove_empty_folder(root_ + "/" + *folder));
  }
  return {};
}

Result<std::vector<std::string>> SetAside::give_back() const {
  std::vector<std::string> in_the_way;
  for (const std::string& path : moved_) {
    if (!os::exists(kept(path))) continue;  // never moved, or back already
    const std::string to = root_ + "/" + path;
    if (os::exists(to)) {
      in_the_way.push_back(path);
      continue;
    }
    RTT_TRY(os::make_directories(folder_of(to)));
    RTT_TRY(os::rename_path(kept(path), to));
  }
  std::vector<std::string> written;
  for (const Written& file : written_) written.push_back(file.path);
  const std::set<std::string> made = folders_above(written);
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) {
    if (!was_there(*folder)) RTT_TRY(os::remove_empty_folder(root_ + "/" + *folder));
  }
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    const std::string path = root_ + "/" + folder->path;
    if (os::exists(path)) RTT_TRY(os::set_stamp(path, {.mode = folder->mode, .mtime_ns = folder->mtime_ns}));
  }
  return in_the_way;
}

Status SetAside::forget() const {
  RTT_TRY(os::remove_file(folder_ + "/record.json"));
  const std::set<std::string> above = folders_above(moved_);
  for (auto folder = above.rbegin(); folder != above.rend(); ++folder)
    RTT_TRY(os::remove_empty_folder(folder->empty() ? folder_ + "/files" : kept(*folder)));
  RTT_TRY(os::remove_empty_folder(folder_));
  return os::remove_empty_folder(folder_of(folder_));
}

}  // namespace rtt::panel
