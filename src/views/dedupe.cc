// SPDX-License-Identifier: Apache-2.0
#include "views/dedupe.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "text/json_canonical.h"
#include "views/overlay.h"

namespace rtt::views {
namespace {

using text::Json;
using State = Copy::State;

std::string target_of(const Item& item) { return fmt::format("{}/{}", to_string(item.kind), item.name); }

std::string overlay_path(const Item& item, std::string_view provider) {
  const std::string kind =
      item.kind == ItemKind::kAgent ? std::string() : fmt::format(".{}", to_string(item.kind));
  return fmt::format("overlays/provider/{}/{}{}.patch.json", provider, item.name, kind);
}

std::vector<TreeFile> written(const Provider& provider, const Item& item) {
  return encode(provider, std::span(&item, 1)).files;
}

// As its client reads it, `native` of others left out.
Item as_read(const Provider& provider, const Item& item) {
  Decoded back = decode(provider, written(provider, item));
  for (Item& one : back.items) {
    if (one.kind == item.kind && one.name == item.name) return std::move(one);
  }
  return {.kind = item.kind, .name = item.name, .object = text::JsonObject{}};
}

// Two versions with one of these are one version in all that every client may have.
std::string key_of(const Item& item) {
  Item bare = item;
  bare.object.as_object().erase("native");
  return to_string(digest_of(bare));
}

void add_native(Item& item, std::string_view provider, const Json& object) {
  const Json* native = object.find("native");
  const Json* own = native == nullptr ? nullptr : native->find(provider);
  if (own == nullptr) return;
  const Json* mine = item.object.find("native");
  Json all = mine != nullptr ? *mine : Json(text::JsonObject{});
  all.set(provider, *own);
  item.object.set("native", std::move(all));
}

bool holds_null_or_object(const Json& value) {
  if (value.is_null() || value.is_object()) return true;
  return value.is_array() && std::ranges::any_of(value.as_array(), holds_null_or_object);
}

// What makes `from` say of `members` what `to` says, in the form that is easiest to read.
std::string patch_text(const Item& from, const Item& to, const std::vector<std::string>& members) {
  const bool plain = std::ranges::none_of(members, [&](const std::string& member) {
    const Json* value = to.object.find(member);
    return value != nullptr && holds_null_or_object(*value);
  });
  Json merge = text::JsonObject{}, patch = text::JsonArray{};
  for (const std::string& member : members) {
    const Json* value = to.object.find(member);
    merge.set(member, value != nullptr ? *value : Json());
    const std::string pointer = "/" + text::escape_pointer(member);
    if (value != nullptr) {
      patch.push(Json::object({{"op", "add"}, {"path", pointer}, {"value", *value}}));
    } else {
      patch.push(Json::object({{"op", "remove"}, {"path", pointer}}));
    }
  }
  Json document = Json::object({{"target", target_of(from)}});
  document.set(plain ? "merge" : "patch", plain ? std::move(merge) : std::move(patch));
  return text::to_pretty_json(document);
}

// One item's versions on their way to one.
class Group {
 public:
  Group(std::span<Version> versions, const DedupeOptions& options) : versions_(versions), options_(options) {}

  Shared run() {
    choose_base();
    if (!out_.from.empty()) gather();
    for (Version& version : versions_) settle(version);
    std::ranges::sort(out_.overlays, {}, &NewOverlay::path);
    return std::move(out_);
  }

 private:
  void choose_base() {
    const Version& any = versions_.front();
    for (const Item& item : options_.there) {
      if (item.kind != any.item.kind || item.name != any.item.name) continue;
      out_.item = item;
      return;
    }
    std::map<std::string, std::size_t> votes;
    for (const Version& version : versions_) ++votes[key_of(version.item)];
    const Version* best = nullptr;
    std::size_t most = 0;
    for (const Version& version : versions_) {
      const bool preferred = version.provider->name == options_.prefer;
      const std::size_t count = preferred ? versions_.size() + 1 : votes[key_of(version.item)];
      if (count > most) best = &version;
      most = std::max(most, count);
    }
    out_.item = best->item;
    out_.from = best->provider->name;
  }

  // Adds what others have besides, where it changes nothing for those who do without.
  void gather() {
    for (const Version& version : versions_) {
      add_native(out_.item, version.provider->name, version.item.object);
      for (const auto& [member, value] : version.item.object.as_object()) {
        if (member == "native" || out_.item.object.find(member) != nullptr) continue;
        Item more = out_.item;
        more.object.set(member, value);
        if (std::ranges::all_of(versions_, [&](const Version& other) {
              const Json* own = other.item.object.find(member);
              return (own != nullptr && *own == value) ||
                     written(*other.provider, more) == written(*other.provider, out_.item);
            }))
          out_.item = std::move(more);
      }
    }
  }

  // With the overlays the workspace has and `more`.
  Result<Item> shown_to(const Provider& provider, const NewOverlay* more) const {
    std::vector<model::Overlay> overlays(options_.overlays_there.begin(), options_.overlays_there.end());
    if (more != nullptr) overlays.push_back(model::read_overlay(more->text, more->path));
    if (more != nullptr && !overlays.back().problems.empty())
      return fail(Code::kPatchFailed, overlays.back().problems.front().message, more->path);
    if (overlays.empty()) return out_.item;
    RTT_TRY_SET(Merged merged,
                merge_overlays({out_.item}, {.overlays = overlays, .provider = provider.name}));
    return std::move(merged.items.front());
  }

  Copy& copy_of(const Version& version) {
    for (Copy& copy : out_.copies) {
      if (copy.files != version.files) continue;
      copy.providers.emplace_back(version.provider->name);
      return copy;
    }
    out_.copies.push_back({.providers = {std::string(version.provider->name)},
                           .files = version.files,
                           .differs = {},
                           .lacks = {}});
    return out_.copies.back();
  }

  void settle(const Version& version) {
    Copy& copy = copy_of(version);
    const auto shown = shown_to(*version.provider, nullptr);
    if (!shown) return leave(copy, shown.error().message);
    Encoded now = encode(*version.provider, std::span(&*shown, 1));
    std::ranges::move(now.losses, std::back_inserter(copy.lacks));
    const std::vector<TreeFile> wanted = written(*version.provider, version.item);
    if (now.files == wanted) return;
    const Item is = as_read(*version.provider, *shown), was = as_read(*version.provider, version.item);
    const std::vector<std::string> members = compare(copy, is.object, was.object);
    if (compare_files(copy, is, was) && options_.prefer.empty())
      return leave(copy,
                   "what lies beside it differs, and no overlay can say that: --prefer PROVIDER takes one "
                   "client's for all");
    if (!members.empty()) add_overlay(copy, version, *shown, members);
  }

  static void differ(Copy& copy, std::string pointer, State state) {
    copy.state = std::max(copy.state, state);
    if (std::ranges::find(copy.differs, pointer) == copy.differs.end())
      copy.differs.push_back(std::move(pointer));
    std::ranges::sort(copy.differs);
  }
  static void leave(Copy& copy, std::string why) {
    copy.state = State::kDrifted;
    if (copy.stays.empty()) copy.stays = std::move(why);
  }

  // The members in which they differ.
  static std::vector<std::string> compare(Copy& copy, const Json& is, const Json& was) {
    std::vector<std::string> members;
    const auto add = [&](const std::string& member, State state) {
      members.push_back(member);
      differ(copy, "/" + text::escape_pointer(member), state);
    };
    for (const auto& [member, value] : is.as_object()) {
      const Json* other = was.find(member);
      if (other == nullptr || *other != value) add(member, State::kDrifted);
    }
    for (const auto& [member, value] : was.as_object()) {
      if (is.find(member) == nullptr) add(member, State::kMore);
    }
    return members;
  }

  // Whether files beside a skill differ.
  static bool compare_files(Copy& copy, const Item& is, const Item& was) {
    std::map<std::string, std::pair<const ItemFile*, const ItemFile*>> files;
    for (const ItemFile& file : is.files) files[file.path].first = &file;
    for (const ItemFile& file : was.files) files[file.path].second = &file;
    bool any = false;
    for (const auto& [path, both] : files) {
      if (both.first != nullptr && both.second != nullptr && *both.first == *both.second) continue;
      differ(copy, "/files/" + text::escape_pointer(path), State::kDrifted);
      any = true;
    }
    return any;
  }

  void add_overlay(Copy& copy, const Version& version, const Item& shown,
                   const std::vector<std::string>& members) {
    Item wanted = version.item;
    // What other clients alone know is not this overlay's to take away.
    wanted.object.as_object().erase("native");
    if (const Json* native = shown.object.find("native")) wanted.object.set("native", *native);
    add_native(wanted, version.provider->name, version.item.object);
    const NewOverlay overlay{.path = overlay_path(shown, version.provider->name),
                             .text = patch_text(shown, wanted, members)};
    for (const model::Overlay& there : options_.overlays_there) {
      if (there.path == overlay.path) return leave(copy, overlay.path + " is there already");
    }
    wanted.files = shown.files;
    const auto then = shown_to(*version.provider, &overlay);
    if (!then) return leave(copy, then.error().message);
    if (written(*version.provider, *then) != written(*version.provider, wanted))
      return leave(copy, "no overlay says what it says");
    out_.overlays.push_back(overlay);
  }

  std::span<Version> versions_;
  const DedupeOptions& options_;
  Shared out_;
};

int kinds_of(const Provider& provider) {
  return (provider.agent.syntax != Syntax::kNone) + (provider.rules.syntax != Syntax::kNone) +
         (provider.command.syntax != Syntax::kNone) + !provider.main_rules.empty() + !provider.skills.empty();
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::kSame:
      return "same";
    case State::kMore:
      return "more";
    case State::kDrifted:
      break;
  }
  return "drifted";
}

std::vector<Shared> dedupe(std::vector<Version> versions, const DedupeOptions& options) {
  const auto key = [](const Version& version) {
    return std::tie(version.item.kind, version.item.name, version.provider->name);
  };
  std::ranges::stable_sort(versions, {}, key);
  std::vector<Shared> out;
  for (std::size_t first = 0; first < versions.size();) {
    std::size_t end = first + 1;
    while (end < versions.size() && versions[end].item.kind == versions[first].item.kind &&
           versions[end].item.name == versions[first].item.name)
      ++end;
    out.push_back(Group(std::span(versions).subspan(first, end - first), options).run());
    first = end;
  }
  return out;
}

std::vector<bool> in_use(std::span<const Provider> providers, std::span<const Decoded> read) {
  std::map<std::string, std::set<std::size_t>> readers;
  for (std::size_t i = 0; i < read.size(); ++i) {
    for (const auto& files : read[i].files) {
      for (const std::string& file : files) readers[file].insert(i);
    }
  }
  std::vector<bool> used(providers.size());
  for (const auto& [file, who] : readers) {
    if (who.size() == 1) used[*who.begin()] = true;
  }
  while (true) {
    std::map<std::size_t, std::size_t> open;  // client, how many files nobody chosen reads
    for (const auto& [file, who] : readers) {
      if (std::ranges::none_of(who, [&](std::size_t one) { return used[one]; })) {
        for (const std::size_t one : who) ++open[one];
      }
    }
    if (open.empty()) return used;
    const auto best = std::ranges::min_element(open, {}, [&](const auto& each) {
      return std::tuple(-static_cast<std::int64_t>(each.second), kinds_of(providers[each.first]), each.first);
    });
    used[best->first] = true;
  }
}

}  // namespace rtt::views
