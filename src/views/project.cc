// SPDX-License-Identifier: Apache-2.0
#include "views/project.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "crypto/sha256.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "os/permissions.h"
#include "os/replace.h"
#include "text/json_canonical.h"

namespace rtt::views {
namespace {

using text::Json;

std::string record_path(const TreeStore& store) { return store.folder() + "/placed.json"; }

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// From the folder of `path` below the root up to the root.
std::string up_from(const std::string& path) {
  std::string up;
  for (const char c : path) {
    if (c == '/') up += "../";
  }
  return up;
}

const Place* find(const std::vector<Place>& places, const std::string& path) {
  const auto at = std::ranges::lower_bound(places, path, {}, &Place::path);
  return at != places.end() && at->path == path ? &*at : nullptr;
}

bool is_file(const Place& place) { return place.form != Form::kLink; }

// `next`, with what `now` has besides it or in another form.
Project::Placed with_leaving(Project::Placed next, const Project::Placed& now) {
  for (const auto& [provider, places] : now) {
    std::vector<Place>& mine = next[provider];
    for (const Place& place : places) {
      const auto at = std::ranges::lower_bound(mine, place.path, {}, &Place::path);
      if (at == mine.end() || at->path != place.path) {
        mine.insert(at, place);
      } else if (is_file(*at) != is_file(place)) {
        *at = place;
      }
    }
  }
  return next;
}

bool leads_to_a_place(const Project::Placed& placed, const std::string& folder) {
  return std::ranges::any_of(placed, [begin = folder + "/"](const auto& each) {
    const auto at = std::ranges::lower_bound(each.second, begin, {}, &Place::path);
    return at != each.second.end() && at->path.starts_with(begin);
  });
}

// Whether both trees have the same files at `path` and below it.
bool same_below(const Tree& a, const Tree& b, const std::string& path) {
  const auto part = [&path](const Tree& tree) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < tree.files().size(); ++i) {
      const std::string& file = tree.files()[i].path;
      if (file == path || file.starts_with(path + "/"))
        lines.push_back(tree_line(tree.files()[i], tree.digests()[i]));
    }
    return lines;
  };
  return part(a) == part(b);
}

// The user's other programs read what is placed, whatever this process keeps to itself.
Status make_folders(const std::string& root, const std::string& folder) {
  for (std::size_t end = 0; end < folder.size();) {
    end = std::min(folder.find('/', end + 1), folder.size());
    const std::string path = root + "/" + folder.substr(0, end);
    if (os::exists(path)) continue;
    RTT_TRY(os::make_directories(path));
    RTT_TRY(os::set_permissions(path, os::users_mode(0777)));
  }
  return {};
}

// Whether one of these wrote, or was about to write, these bytes there.
bool knows(const Project::Placed& placed, const std::string& path, const Digest& content) {
  return std::ranges::any_of(placed, [&](const auto& each) {
    const Place* const place = find(each.second, path);
    return place != nullptr && is_file(*place) && (place->content == content || place->before == content);
  });
}

}  // namespace

std::string_view to_string(Drift::Kind kind) {
  switch (kind) {
    case Drift::Kind::kChanged:
      return "changed";
    case Drift::Kind::kGone:
      return "gone";
    case Drift::Kind::kOld:
      return "old";
    case Drift::Kind::kReplaced:
      break;
  }
  return "replaced";
}

Result<Project> Project::open(std::string root, TreeStore store) {
  Project project(std::move(root), std::move(store));
  RTT_TRY(project.recall());
  return project;
}

Status Project::recall() {
  placed_.clear();
  roots_.clear();
  folders_.clear();
  ejected_ = false;
  const std::string path = record_path(store_);
  if (!os::exists(path)) return {};
  RTT_TRY_SET(const std::string text, os::read_file(path, kRecordBytesMax));
  RTT_TRY_SET(const Json record, text::parse_json(text, {.source_name = path, .bytes_max = kRecordBytesMax}));
  const Json* const providers = record.find("providers");
  if (providers == nullptr || !providers->is_object())
    return fail(Code::kBadShape, "no record of what was placed", path,
                "move it away, then rtt apply: what it placed is told as in the way");
  for (const auto& [provider, list] : providers->as_object()) {
    RTT_TRY_SET(placed_[provider], places_from_json(list, path));
  }
  ejected_ = record.bool_or("ejected", false);
  if (const Json* const roots = record.find("roots"); roots != nullptr && roots->is_object()) {
    for (const auto& [provider, said] : roots->as_object()) {
      const auto root = said.is_string() ? parse_digest(said.as_string()) : std::nullopt;
      if (root) roots_[provider] = *root;
    }
  }
  const Json* const folders = record.find("folders");
  if (folders == nullptr || !folders->is_array()) return {};
  for (const Json& folder : folders->as_array()) {
    if (folder.is_string()) folders_.insert(std::string(folder.as_string()));
  }
  return {};
}

Result<os::FileLock> Project::turn() {
  RTT_TRY(os::make_directories(store_.folder()));
  RTT_TRY_SET(os::FileLock mine,
              os::FileLock::take(store_.folder() + "/placed.lock", os::FileLock::Wait::kYes));
  RTT_TRY(recall());
  return mine;
}

std::string Project::target_of(const std::string& provider, const std::string& path) const {
  const std::string shown = store_.shown_path(provider) + "/" + path;
  if (!shown.starts_with(root_ + "/")) return shown;
  return up_from(path) + shown.substr(root_.size() + 1);  // a project that is moved takes its store along
}

// Whether every folder above is one, or is not there yet: what is behind a link lies elsewhere.
bool Project::way_is_clear(const std::string& path) const {
  for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
    const std::string full = root_ + "/" + folder;
    if (os::exists(full) && (os::is_symlink(full) || !os::is_directory(full))) return false;
  }
  return true;
}

Project::State Project::state_of(const std::string& provider, const Place& place) const {
  const std::string path = root_ + "/" + place.path;
  if (!os::exists(path)) return State::kNothing;
  if (!way_is_clear(place.path)) return State::kOther;
  const auto target = os::read_symlink(path);
  if (place.form == Form::kLink) {
    if (target && *target == target_of(provider, place.path)) return State::kOurs;
  } else if (!target && !os::is_directory(path)) {
    const auto bytes = os::read_file(path, kTreeFileBytesMax);
    const Digest now = bytes ? crypto::sha256(*bytes) : Digest{};
    if (bytes && (now == place.content || now == place.before)) return State::kOurs;
  }
  return os::is_directory(path) && !target ? State::kFolder : State::kOther;
}

bool Project::below_a_link(const std::string& path) const {
  for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
    for (const auto& [provider, places] : placed_) {
      const Place* const place = find(places, folder);
      if (place != nullptr && place->form == Form::kLink && state_of(provider, *place) == State::kOurs)
        return true;
    }
  }
  return false;
}

bool Project::is_ours(const std::string& path) const {
  return std::ranges::any_of(placed_, [&](const auto& each) {
    const Place* const place = find(each.second, path);
    return place != nullptr && state_of(each.first, *place) == State::kOurs;
  });
}

// A folder that we made and nobody put anything into: a link may come in its place.
bool Project::holds_only_ours(const std::string& folder) const {
  if (!folders_.contains(folder)) return false;
  bool only = true;
  const auto judge = [&](const os::Entry& entry) {
    const std::string path = folder + "/" + std::string(entry.path);
    only = entry.kind == os::EntryKind::kDirectory ? folders_.contains(path) : is_ours(path);
    return only ? os::Visit::kContinue : os::Visit::kStop;
  };
  const auto walked = os::walk(root_ + "/" + folder, {.entries_max = 2 * kPlacesMax}, judge);
  return only && walked && walked->errors == 0 && !walked->truncated;
}

Found Project::found(const std::string& path) const {
  using Kind = Found::Kind;
  const bool tracked = git_ && git_->tracks(path);
  if (below_a_link(path)) return {.kind = Kind::kNothing, .tracked = tracked};
  if (!way_is_clear(path)) return {.kind = Kind::kBlocked, .tracked = tracked};
  const std::string full = root_ + "/" + path;
  if (!os::exists(full)) return {.kind = Kind::kNothing, .tracked = tracked};
  if (is_ours(path) || holds_only_ours(path)) return {.kind = Kind::kOurs, .tracked = tracked};
  const bool folder = os::is_directory(full) && !os::is_symlink(full);
  return {.kind = folder ? Kind::kFolder : Kind::kOther, .tracked = tracked};
}

// What a file of ours has there. Where a crash left both on record, the file says which it is: the record of
// the next change has room for one of them, and what it does not know would be taken for somebody's.
std::optional<Digest> Project::present(const Place& place) const {
  if (!place.why.empty() || !place.before) return place.why.empty() ? place.content : place.before;
  const auto bytes = os::read_file(root_ + "/" + place.path, kTreeFileBytesMax);
  return bytes && crypto::sha256(*bytes) == *place.before ? place.before : place.content;
}

Project::Placed Project::with_present(Placed next) const {
  for (auto& [provider, places] : next) {
    const auto mine = placed_.find(provider);
    if (mine == placed_.end()) continue;
    for (Place& place : places) {
      const Place* const was = find(mine->second, place.path);
      if (was == nullptr || !is_file(*was) || !is_file(place)) continue;
      if (const auto there = present(*was); there != place.content) place.before = there;
    }
  }
  return next;
}

// An apply takes its time, and what clients write meanwhile is theirs.
bool Project::may_go(const std::string& path, const std::string& file, const Placed& before) const {
  if (os::is_symlink(file) || os::is_directory(file)) return false;
  const auto bytes = os::read_file(file, kTreeFileBytesMax);
  if (!bytes) return false;
  const Digest content = crypto::sha256(*bytes);
  return knows(placed_, path, content) || knows(before, path, content);
}

Result<Form> Project::put(const std::string& provider, const Place& place, const Tree& tree,
                          const Placed& before) {
  const std::string path = root_ + "/" + place.path;
  const auto written_meanwhile = [&] {
    return fail(Code::kBusy, "somebody wrote it while it was to be shown: it stays as it is", path,
                "rtt view pull");
  };
  RTT_TRY(make_folders(root_, folder_of(place.path)));
  if (place.form == Form::kLink) {
    const Status done = os::put_symlink(path, target_of(provider, place.path));
    if (!done && state_of(provider, place) != State::kOurs)  // else nobody is woken, which is all
      return std::unexpected(done.error());
    return Form::kLink;
  }
  const std::string kept = store_.shown_path(provider) + "/" + place.path;
  const bool linked = os::same_file(kept, path);
  if (place.form == Form::kHardLink) {
    if (linked) return Form::kHardLink;
    if (os::exists(path) && !may_go(place.path, path, before)) return written_meanwhile();
    RTT_TRY_SET(const os::Linked done, os::put_hard_link(kept, path));
    if (done == os::Linked::kDone) return Form::kHardLink;
  }
  const TreeFile* const file = tree.find(place.path);
  const Place copy{.path = place.path, .form = Form::kCopy, .content = place.content};
  if (!linked && state_of(provider, copy) == State::kOurs && os::is_executable(path) == file->executable)
    return Form::kCopy;
  RTT_TRY_SET(
      const bool put,
      os::replace_file(path, file->bytes,
                       {.mode = file->executable ? 0777U : 0666U,
                        .by_way_of = store_.folder(),
                        .may_go = [&](const std::string& was) { return may_go(place.path, was, before); }}));
  if (!put) return written_meanwhile();
  return Form::kCopy;
}

Status Project::take_away(const std::string& provider, const Place& place) {
  if (below_a_link(place.path)) return {};
  if (state_of(provider, place) == State::kOurs) RTT_TRY(os::remove_file(root_ + "/" + place.path));
  for (std::string folder = folder_of(place.path); folders_.contains(folder); folder = folder_of(folder))
    RTT_TRY(os::remove_empty_folder(root_ + "/" + folder));
  return {};
}

// A path that several want goes to the first, and is nobody else's loss where they would show the same there.
void Project::share(std::vector<Part>& all, const Trees& trees) {
  std::map<std::string, std::string> owner;
  for (Part& one : all) {
    std::erase_if(one.placement.places, [&](const Place& place) {
      const auto [at, first] = owner.try_emplace(place.path, one.provider);
      if (first) return false;
      if (!same_below(trees.at(one.provider), trees.at(at->second), place.path))
        one.placement.kept.push_back({.path = place.path, .why = "the view of " + at->second + " is there"});
      return true;
    });
  }
}

std::vector<Project::Part> Project::placements(const Trees& trees, Wish wish) const {
  const std::vector<Drift> drifted = drift();
  std::vector<Part> all;
  for (const auto& [provider, tree] : trees) {
    const auto look = [this](const std::string& path) { return found(path); };
    Part one{.provider = provider, .placement = place(tree, wish, look), .drift = {}};
    std::ranges::copy_if(drifted, std::back_inserter(one.drift),
                         [&](const Drift& each) { return each.provider == one.provider; });
    all.push_back(std::move(one));
  }
  share(all, trees);
  return all;
}

Status Project::ask_git() {
  if (!asked_git_) {
    RTT_TRY_SET(git_, GitCheckout::of(root_));
  }
  asked_git_ = true;
  return {};
}

Result<std::vector<Project::Part>> Project::look(const Trees& trees, Wish wish) {
  RTT_TRY(ask_git());
  return placements(trees, wish);
}

std::optional<Digest> Project::base_of(const std::string& provider, const std::string& path) const {
  const auto mine = placed_.find(provider);
  if (mine == placed_.end()) return std::nullopt;
  for (std::string at = path; !at.empty(); at = folder_of(at)) {
    if (const Place* const place = find(mine->second, at)) return left_as_it_is(provider, *place).from;
  }
  return std::nullopt;
}

std::vector<Digest> Project::older_bases() const {
  std::set<Digest> roots;
  for (const auto& [provider, places] : placed_) {
    for (const Place& place : places) {
      if (place.from) roots.insert(*place.from);
    }
  }
  return {roots.begin(), roots.end()};
}

Place Project::left_as_it_is(const std::string& provider, Place place) const {
  const auto root = roots_.find(provider);
  if (!place.from && root != roots_.end()) place.from = root->second;
  return place;
}

Project::Placed Project::to_place(const std::vector<Part>& parts) const {
  Placed next;
  for (const Part& one : parts) {
    std::vector<Place>& mine = next[one.provider];
    mine = one.placement.places;
    for (const Drift& each : one.drift) {
      const bool kept =
          std::ranges::find(one.placement.kept, each.path, &Kept::path) != one.placement.kept.end();
      const bool given = std::ranges::any_of(
          parts, [&](const Part& other) { return find(other.placement.places, each.path) != nullptr; });
      // What we wrote there is still what drift is told from, if it is not another's place now.
      if (kept && !given)
        mine.push_back(left_as_it_is(one.provider, *find(placed_.at(one.provider), each.path)));
    }
    std::ranges::sort(mine, {}, &Place::path);
  }
  return next;
}

// Those that will be made for `next` are ours too.
void Project::count_folders(const Placed& next) {
  for (const auto& [provider, places] : next) {
    for (const Place& place : places) {
      for (std::string folder = folder_of(place.path); !folder.empty(); folder = folder_of(folder)) {
        const std::string full = root_ + "/" + folder;
        if (!os::is_directory(full) || os::is_symlink(full) || !way_is_clear(folder)) folders_.insert(folder);
      }
    }
  }
}

Status Project::take_away_all(const Placed& before, const Placed& next, std::vector<Part>& parts) {
  for (const auto& [provider, places] : before) {
    const auto mine = next.find(provider);
    for (const Place& place : places) {
      const Place* const stays = mine == next.end() ? nullptr : find(mine->second, place.path);
      if (stays != nullptr && is_file(*stays) == is_file(place)) continue;
      RTT_TRY(take_away(provider, place));
      const bool given = std::ranges::any_of(
          next, [&](const auto& other) { return find(other.second, place.path) != nullptr; });
      if (given || below_a_link(place.path) || state_of(provider, place) == State::kNothing) continue;
      auto part = std::ranges::find(parts, provider, &Part::provider);
      if (part == parts.end())
        part = parts.insert(part, {.provider = provider, .placement = {}, .drift = {}});
      part->left.push_back({.path = place.path, .why = "it was changed here, and is yours now"});
    }
  }
  return {};
}

void Project::put_all(std::vector<Part>& parts, const Trees& trees, const Placed& before, Placed& next) {
  for (Part& one : parts) {
    std::vector<Place>& mine = next[one.provider];
    for (Place& place : one.placement.places) {
      const auto form = put(one.provider, place, trees.at(one.provider), before);
      const auto at = std::ranges::lower_bound(mine, place.path, {}, &Place::path);
      if (form) {
        place.form = at->form = *form;
        continue;
      }
      at->why = form.error().message;
      one.failed.push_back({.path = place.path, .why = at->why});
      const auto was = before.find(one.provider);
      const Place* const old = was == before.end() ? nullptr : find(was->second, place.path);
      if (old == nullptr) continue;
      if (is_file(*old) && is_file(*at)) at->before = present(*old);
      at->from = left_as_it_is(one.provider, *old).from;
    }
  }
}

Result<std::vector<Project::Part>> Project::refresh(const Trees& trees, Wish wish) {
  RTT_TRY_SET(const os::FileLock mine, turn());
  return refresh_now(trees, wish);
}

Result<std::vector<Project::Part>> Project::refresh_now(const Trees& trees, Wish wish) {
  if (ejected_) {
    std::erase_if(placed_, [&](const auto& each) { return !trees.contains(each.first); });
    RTT_TRY(remember());
    return std::vector<Part>{};
  }
  RTT_TRY(ask_git());
  std::vector<Part> all = placements(trees, wish);
  Placed next = to_place(all);
  count_folders(next);
  // Remembered before it is done, so that whatever ends this halfway leaves nothing of ours unknown: first
  // what goes with what comes, then what comes alone, for a path may be given up in one form for another.
  Placed coming = with_present(next);
  const Placed before = std::exchange(placed_, with_leaving(coming, placed_));
  RTT_TRY(remember());
  RTT_TRY(take_away_all(before, next, all));
  if (placed_ != coming) {
    placed_ = std::move(coming);
    RTT_TRY(remember());
  }
  put_all(all, trees, before, next);
  std::erase_if(next, [](const auto& each) { return each.second.empty(); });
  placed_ = std::move(next);
  roots_.clear();
  for (const auto& [provider, tree] : trees) roots_[provider] = tree.root();
  std::erase_if(folders_, [&](const std::string& folder) { return !leads_to_a_place(placed_, folder); });
  RTT_TRY(remember());
  return all;
}

Result<std::vector<Project::Part>> Project::eject(const Trees& trees) {
  RTT_TRY_SET(const os::FileLock mine, turn());
  ejected_ = false;
  RTT_TRY_SET(std::vector<Part> all, refresh_now(trees, Wish::kCopies));
  ejected_ = true;
  RTT_TRY(remember());
  return all;
}

Status Project::take_up() {
  RTT_TRY_SET(const os::FileLock mine, turn());
  if (!std::exchange(ejected_, false)) return {};
  return remember();
}

Status Project::adopt(const std::vector<Taken>& taken) {
  if (taken.empty()) return {};
  RTT_TRY_SET(const os::FileLock mine, turn());
  for (const Taken& one : taken) {
    std::vector<Place>& places = placed_[one.provider];
    const Place now = left_as_it_is(one.provider, {.path = one.path,
                                                   .form = Form::kCopy,
                                                   .content = one.content,
                                                   .from = base_of(one.provider, one.path)});
    // A link that became a folder is none of ours any more; what is in the folder is.
    std::erase_if(places, [&](const Place& place) { return one.path.starts_with(place.path + "/"); });
    const auto at = std::ranges::lower_bound(places, one.path, {}, &Place::path);
    if (at != places.end() && at->path == one.path) {
      *at = now;
    } else {
      places.insert(at, now);
    }
  }
  return remember();
}

bool Project::misses_something(Failed failed) const {
  if (ejected_) return false;
  return std::ranges::any_of(placed_, [&](const auto& one) {
    return std::ranges::any_of(one.second, [&](const Place& place) {
      return place.why.empty() ? !os::exists(root_ + "/" + place.path) : failed == Failed::kCount;
    });
  });
}

std::vector<Drift> Project::drift() const {
  std::vector<Drift> out;
  if (ejected_) return out;
  for (const auto& [provider, places] : placed_) {
    for (const Place& place : places) {
      const State state = state_of(provider, place);
      if (state == State::kOurs && place.why.empty()) continue;
      const bool changed =
          is_file(place) && state == State::kOther && !os::is_symlink(root_ + "/" + place.path);
      out.push_back({.provider = provider,
                     .path = place.path,
                     .kind = state == State::kNothing ? Drift::Kind::kGone
                             : state == State::kOurs  ? Drift::Kind::kOld
                             : changed                ? Drift::Kind::kChanged
                                                      : Drift::Kind::kReplaced,
                     .why = place.why});
    }
  }
  return out;
}

Status Project::remember() {
  Json providers{text::JsonObject{}}, roots{text::JsonObject{}}, folders{text::JsonArray{}};
  for (const auto& [provider, root] : roots_) roots.set(provider, to_string(root));
  for (const std::string& folder : folders_) folders.push(folder);
  std::size_t count = 0;
  for (const auto& [provider, places] : placed_) {
    providers.set(provider, to_json(places));
    count += places.size();
  }
  if (count > kPlacesMax)
    return fail(Code::kLimit, fmt::format("{} places; {} are the most", count, kPlacesMax));
  RTT_TRY(os::make_directories(store_.folder()));
  Json record = Json::object({{"folders", std::move(folders)},
                              {"providers", std::move(providers)},
                              {"roots", std::move(roots)},
                              {"v", 1}});
  if (ejected_) record.set("ejected", true);
  RTT_TRY(os::write_atomic(record_path(store_), text::canonical_json(record)));
  static_cast<void>(exclude());  // where it cannot be, git shows what is there, and whoever asks is told
  return {};
}

Status Project::exclude() {
  RTT_TRY(ask_git());
  if (!git_) return {};
  std::vector<std::string> paths;
  for (const auto& [provider, places] : placed_) {
    for (const Place& place : places) {
      if (!git_->asked() || !git_->tracks(place.path)) paths.push_back(place.path);
    }
  }
  std::ranges::sort(paths);
  return git_->exclude(paths);
}

}  // namespace rtt::views
