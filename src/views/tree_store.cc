// SPDX-License-Identifier: Apache-2.0
#include "views/tree_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/assert.h"
#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "text/json_canonical.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

using text::Json;

std::uint32_t mode_of(const TreeFile& file) { return file.executable ? 0555 : 0444; }

std::string blob_name(const Digest& digest, bool executable) {
  const std::string hex = bare_hex(digest);
  return hex.substr(0, 2) + "/" + hex.substr(2) + (executable ? "x" : "");
}

std::string list_path(const std::string& folder, const Digest& root) {
  return folder + "/lists/" + bare_hex(root);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

constexpr std::string_view kRecord = "/.set";  // in a set's folder; no provider's name has a dot
constexpr std::size_t kRecordBytesMax = std::size_t{8} << 20;

std::string target_of(const TreeStore::Member& member) {
  return member.at.empty() ? "../../trees/" + bare_hex(member.root) : member.at;
}

std::string record_of(const TreeStore::Set& set, const Choice& how) {
  Json members = text::JsonArray{};
  for (const TreeStore::Member& member : set) {
    members.push(
        Json::object({{"at", member.at}, {"provider", member.provider}, {"root", to_string(member.root)}}));
  }
  return text::canonical_json(Json::object({{"mechanism", to_string(how.mechanism)},
                                            {"members", std::move(members)},
                                            {"v", 1},
                                            {"why", how.why}}));
}

TreeStore::Shown read_record(const std::string& text) {
  TreeStore::Shown shown;
  const auto record = text::parse_json(text, {.source_name = kRecord, .bytes_max = kRecordBytesMax});
  const Json* const members = record ? record->find("members") : nullptr;
  const auto mechanism = record ? model::parse_mechanism(record->string_or("mechanism")) : std::nullopt;
  if (members == nullptr || !members->is_array() || !mechanism) return shown;
  for (const Json& member : members->as_array()) {
    const auto root = member.is_object() ? parse_digest(member.string_or("root")) : std::nullopt;
    if (!root) return {};
    shown.set.push_back({.provider = std::string(member.string_or("provider")),
                         .root = *root,
                         .at = std::string(member.string_or("at"))});
  }
  shown.how = {.mechanism = *mechanism, .why = std::string(record->string_or("why"))};
  return shown;
}

// Whether a set's folder is as it was made.
bool whole(const std::string& folder, const TreeStore::Set& set, const std::string& record) {
  const auto text = os::read_file(folder + std::string(kRecord), kRecordBytesMax);
  const auto names = os::list_directory(folder);
  return text && *text == record && names && names->size() == set.size() + 1 &&
         std::ranges::all_of(set, [&](const TreeStore::Member& member) {
           return os::read_symlink(folder + "/" + member.provider) == target_of(member);
         });
}

// A client that saves a file by renaming would put it into the store: its folders are closed to that.
Status set_folders(const std::string& folder, std::uint32_t mode) {
  Status done = os::set_mode(folder, mode);
  RTT_TRY_SET(const os::WalkStats stats,
              os::walk(folder, {.entries_max = kTreeFilesMax * 2}, [&](const os::Entry& entry) {
                if (done && entry.kind == os::EntryKind::kDirectory)
                  done = os::set_mode(folder + "/" + std::string(entry.path), mode);
                return done ? os::Visit::kContinue : os::Visit::kStop;
              }));
  static_cast<void>(stats);
  return done;
}

Status remove_sealed(const std::string& folder) {
  if (os::is_directory(folder)) RTT_TRY(set_folders(folder, 0755));
  return os::remove_tree(folder);
}

}  // namespace

std::string TreeStore::path_of(const Digest& root) const { return folder_ + "/trees/" + bare_hex(root); }
std::string TreeStore::shown_path(const std::string& provider) const { return folder_ + "/now/" + provider; }
bool TreeStore::has(const Digest& root) const { return os::is_directory(path_of(root)); }

std::optional<Digest> TreeStore::kept_beginning(std::string_view digits) const {
  if (digits.size() < kAsideDigits) return std::nullopt;
  const auto names = os::list_directory(folder_ + "/trees");
  if (!names) return std::nullopt;
  const auto at =
      std::ranges::find_if(*names, [&](const std::string& one) { return one.starts_with(digits); });
  return at == names->end() ? std::nullopt : parse_bare_hex(*at);
}

std::vector<Digest> TreeStore::set_aside_from() const {
  std::vector<Digest> roots;
  const auto names = os::list_directory(folder_ + "/edited");
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    if (const auto root = kept_beginning(name.substr(0, name.find('-')))) roots.push_back(*root);
  }
  return roots;
}

Result<std::string> TreeStore::put_blob(const TreeFile& file, const Digest& digest) const {
  std::string path = folder_ + "/blobs/" + blob_name(digest, file.executable);
  if (os::exists(path)) {  // a power failure or a hand may have left other bytes
    const auto there = os::read_file(path, kTreeFileBytesMax);
    if (there && crypto::sha256(*there) == digest) return path;
    RTT_TRY(os::remove_file(path));
  }
  RTT_TRY(os::make_directories(parent_of(path)));
  RTT_TRY(os::write_once(path, file.bytes, {.mode = mode_of(file), .durable = os::Durable::kNo}));
  return path;
}

Status TreeStore::fill(const std::string& folder, const Tree& tree) const {
  RTT_TRY(os::make_directories(folder));
  std::string made = folder;
  for (std::size_t i = 0; i < tree.files().size(); ++i) {
    const TreeFile& file = tree.files()[i];
    const std::string path = folder + "/" + file.path, parent = parent_of(path);
    if (parent != made) {
      RTT_TRY(os::make_directories(parent));
      made = parent;
    }
    RTT_TRY_SET(const std::string blob, put_blob(file, tree.digests()[i]));
    RTT_TRY_SET(const os::Linked linked, os::hard_link(blob, path));
    if (linked == os::Linked::kUnsupported)
      RTT_TRY(os::write_once(path, file.bytes, {.mode = mode_of(file), .durable = os::Durable::kNo}));
  }
  return {};
}

Status TreeStore::put_list(const Tree& tree) const {
  const std::string path = list_path(folder_, tree.root());
  if (os::exists(path)) return {};
  RTT_TRY(os::make_directories(parent_of(path)));
  return os::write_once(path, tree_text(tree), {.mode = 0444, .durable = os::Durable::kNo});
}

Status TreeStore::put(const Tree& tree) const {
  if (has(tree.root())) return put_list(tree);
  RTT_TRY(os::make_directories(folder_ + "/trees"));
  const std::string beside = folder_ + "/trees/.tmp-" + os::random_hex(8);
  Status done = fill(beside, tree);
  if (done) done = set_folders(beside, 0555);
  if (done) done = put_list(tree);
  if (done) done = os::rename_path(beside, path_of(tree.root()));
  if (!done) (void)remove_sealed(beside);
  if (!done && has(tree.root())) return {};  // another was faster
  return done;
}

Result<Tree> TreeStore::read(const Digest& root) const {
  const std::string folder = path_of(root);
  if (!has(root)) return fail(Code::kNotFound, "the tree is not in the store", folder, "rtt apply");
  RTT_TRY_SET(Tree tree, read_folder(folder));
  if (tree.root() == root) return tree;
  return fail(Code::kTampered,
              fmt::format("what lies there has the root {}, not {}", to_string(tree.root()), to_string(root)),
              folder, "rtt apply");
}

Result<TreeStore::Staged> TreeStore::stage(const Set& set, const Choice& how) const {
  if (set.size() > kSetMax)
    return fail(Code::kLimit, fmt::format("{} providers in one set; {} are the most", set.size(), kSetMax));
  for (const Member& member : set) {
    const std::string path = member.at.empty() ? path_of(member.root) : member.at;
    if (!os::is_directory(path))
      return fail(Code::kNotFound, "the tree of " + member.provider + " cannot be read", path);
  }
  const std::string record = record_of(set, how);
  const std::string name = bare_hex(crypto::sha256(record)), folder = folder_ + "/sets/" + name;
  if (os::exists(folder) && !whole(folder, set, record)) RTT_TRY(os::remove_tree(folder));
  if (!os::exists(folder)) {
    const std::string beside = folder_ + "/sets/.tmp-" + os::random_hex(8);
    RTT_TRY(os::make_directories(beside));
    for (const Member& member : set)
      RTT_TRY(os::put_symlink(beside + "/" + member.provider, target_of(member)));
    RTT_TRY(os::write_atomic(beside + std::string(kRecord), record, {.durable = os::Durable::kNo}));
    RTT_TRY(os::rename_path(beside, folder));
  }
  // Among the sets, where a collector takes away what a crash left.
  std::string link = folder_ + "/sets/.now-" + os::random_hex(8);
  RTT_TRY(os::put_symlink(link, "sets/" + name));
  return Staged(folder_ + "/now", std::move(link));
}

// The old link is swapped away and removed later: to free its inode here would take as long as the rename.
Status TreeStore::Staged::flip() {
  RTT_ASSERT(!link_.empty());
  if (os::exists(now_) && !os::is_symlink(now_))
    return fail(Code::kNotRegular, now_ + " is there already and is no link", now_, "ls -ld " + now_);
  return os::swap_paths(link_, now_);
}

TreeStore::Staged::~Staged() {
  if (!link_.empty()) (void)os::remove_file(link_);
}

Status TreeStore::show(const Set& set, const Choice& how) const {
  RTT_TRY_SET(Staged staged, stage(set, how));
  return staged.flip();
}

TreeStore::Shown TreeStore::shown() const {
  const auto now = os::read_symlink(folder_ + "/now");
  const auto text = os::read_file(folder_ + "/now" + std::string(kRecord), kRecordBytesMax);
  if (!now || !text || *now != "sets/" + bare_hex(crypto::sha256(*text))) return {};
  return read_record(*text);
}

Result<TreeList> TreeStore::list(const Digest& root) const {
  const std::string path = list_path(folder_, root);
  if (!os::exists(path)) return fail(Code::kNotFound, "what the tree was is not known", path, "rtt apply");
  RTT_TRY_SET(const std::string text, os::read_file(path, kTreeListBytesMax));
  return TreeList::parse(text, root);
}

Result<Tree> TreeStore::as_made(const Digest& root) const {
  RTT_TRY_SET(const TreeList files, list(root));
  std::vector<TreeFile> made;
  for (const ListedFile& file : files.files()) {
    const std::string blob = folder_ + "/blobs/" + blob_name(file.content, file.executable);
    RTT_TRY_SET(std::string bytes, os::read_file(blob, kTreeFileBytesMax));
    made.push_back({.path = file.path, .bytes = std::move(bytes), .executable = file.executable});
  }
  RTT_TRY_SET(Tree tree, Tree::of(std::move(made)));
  if (tree.root() == root) return tree;
  return fail(Code::kTampered, "somebody wrote into the contents of the tree", path_of(root), "rtt apply");
}

Result<std::vector<TreeStore::Edit>> TreeStore::edits(const Digest& root) const {
  const std::string folder = path_of(root);
  if (!has(root)) return fail(Code::kNotFound, "the tree is not in the store", folder, "rtt apply");
  RTT_TRY_SET(const TreeList files, list(root));
  std::vector<Edit> out;
  std::set<std::string, std::less<>> there;
  const os::WalkOptions options{.entries_max = kTreeFilesMax * 2};
  RTT_TRY_SET(
      const os::WalkStats stats, os::walk(folder, options, [&](const os::Entry& entry) {
        if (entry.kind == os::EntryKind::kDirectory) return os::Visit::kContinue;
        const std::string path(entry.path);
        const ListedFile* const was = files.find(path);
        if (was == nullptr) {
          out.push_back({path, Edit::Kind::kAdded});
          return os::Visit::kContinue;
        }
        there.insert(path);
        const auto now = os::read_beneath(folder, path, kTreeFileBytesMax);
        if (!now || now->executable != was->executable || crypto::sha256(now->content) != was->content)
          out.push_back({path, Edit::Kind::kChanged});
        return os::Visit::kContinue;
      }));
  static_cast<void>(stats);
  for (const ListedFile& file : files.files()) {
    if (!there.contains(file.path)) out.push_back({file.path, Edit::Kind::kGone});
  }
  std::ranges::sort(out, {}, &Edit::path);
  return out;
}

Result<TreeStore::Aside> TreeStore::set_aside(const Digest& root) const {
  auto found = edits(root);
  Aside aside{
      .root = root,
      .folder = folder_ + "/edited/" + bare_hex(root).substr(0, kAsideDigits) + "-" + os::random_hex(4),
      .edits = found ? *std::move(found) : std::vector<Edit>{}};
  std::erase_if(aside.edits, [](const Edit& edit) { return edit.kind == Edit::Kind::kGone; });
  RTT_TRY(os::make_directories(folder_ + "/edited"));
  RTT_TRY(set_folders(path_of(root), 0755));
  RTT_TRY(os::rename_path(path_of(root), aside.folder));
  return aside;
}

}  // namespace rtt::views
