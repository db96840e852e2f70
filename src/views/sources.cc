// SPDX-License-Identifier: Apache-2.0
#include "views/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "mcp/pins/contracts.h"
#include "model/prompt_file.h"
#include "model/saddr_text.h"
#include "os/dir.h"
#include "os/file.h"
#include "views/item_shape.h"
#include "views/source_text.h"
#include "views/tree.h"

namespace rtt::views {
namespace {

using registry::ConfigEntry;
using registry::SymbolEntry;
using text::Json;

// One part of an address, as it is spelt there.
Result<std::string> name_of(std::string_view written) {
  const std::string spelt = model::encode_name(written);
  RTT_TRY(model::decode_name({spelt, 1}));
  return spelt;
}

// A release before every prerelease, then the higher one.
bool comes_before(const model::Version& a, const model::Version& b) {
  if (a.prerelease.empty() != b.prerelease.empty()) return a.prerelease.empty();
  return model::precedence(a, b) > 0;
}

// Files of a skill's folder, other skills within it left out.
class SkillFolder {
 public:
  SkillFolder(const std::string& root, std::string folder) : root_(root), folder_(std::move(folder)) {}

  Result<std::vector<ItemFile>> read() {
    RTT_TRY_SET(
        const os::WalkStats stats,
        os::walk(root_ + "/" + folder_,
                 {.depth_max = static_cast<int>(kTreeDepthMax),
                  .entries_max = 2 * kItemFilesMax,
                  .unreadable = [this](std::string_view path,
                                       const Error& why) { refuse(why.code, path, "cannot be read"); }},
                 [this](const os::Entry& entry) { return visit(entry); }));
    if (!refused_ && stats.truncated)
      refuse(Code::kLimit, {},
             fmt::format("holds more than {} entries or is deeper than {} folders", 2 * kItemFilesMax,
                         kTreeDepthMax));
    if (refused_) return std::unexpected(*std::move(refused_));
    std::ranges::sort(files_, {}, &ItemFile::path);
    return std::move(files_);
  }

 private:
  os::Visit visit(const os::Entry& entry) {
    if (entry.name == ".git") return os::Visit::kSkip;
    if (entry.kind == os::EntryKind::kDirectory) {
      const bool skill = os::exists(fmt::format("{}/{}/{}/SKILL.md", root_, folder_, entry.path));
      return skill ? os::Visit::kSkip : os::Visit::kContinue;
    }
    if (entry.path == "SKILL.md" || entry.path == "SKILL.md.sig") return os::Visit::kContinue;
    add(entry);
    return refused_ ? os::Visit::kStop : os::Visit::kContinue;
  }

  void add(const os::Entry& entry) {
    if (const Status sound = check_path(entry.path); !sound)
      return refuse(sound.error().code, {}, sound.error().message);
    if (entry.kind == os::EntryKind::kSymlink)
      return refuse(Code::kEscapes, entry.path, "is a symbolic link, and none is followed");
    if (files_.size() == kItemFilesMax)
      return refuse(Code::kLimit, {}, fmt::format("holds more than {} files", kItemFilesMax));
    auto file = os::read_beneath(root_, fmt::format("{}/{}", folder_, entry.path), kSkillBytesMax - bytes_);
    if (!file && file.error().code == Code::kTooLarge)
      return refuse(Code::kTooLarge, {}, fmt::format("holds more than {} bytes", kSkillBytesMax));
    if (!file) return refuse(file.error().code, {}, file.error().message);
    bytes_ += file->content.size();
    files_.push_back(
        {.path = std::string(entry.path), .bytes = std::move(file->content), .executable = file->executable});
  }

  void refuse(Code code, std::string_view path, std::string_view why) {
    if (refused_) return;
    refused_ =
        Error{.code = code,
              .message = why.starts_with(folder_) ? fmt::format("the skill is not shown: {}", why)
                                                  : fmt::format("the skill is not shown: {}{}{} {}", folder_,
                                                                path.empty() ? "" : "/", path, why),
              .where = folder_};
  }

  const std::string& root_;
  std::string folder_;
  std::vector<ItemFile> files_;
  std::size_t bytes_ = 0;
  std::optional<Error> refused_;
};

class Gatherer {
 public:
  Gatherer(const registry::Workspace& workspace, const registry::Snapshot& snapshot)
      : workspace_(workspace), snapshot_(snapshot) {}

  Result<Sources> run() {
    for (const SymbolEntry& entry : snapshot_.symbols) add_symbol(entry);
    for (const ConfigEntry& entry : snapshot_.configs) add_config(entry);
    if (found_.size() > kItemsMax) return fail(Code::kLimit, fmt::format("more than {} items", kItemsMax));
    // Versions of one definition lie side by side, the one shown first.
    std::ranges::stable_sort(found_, [](const Found& a, const Found& b) {
      return std::tie(a.item.kind, a.item.name, a.definition) <
             std::tie(b.item.kind, b.item.name, b.definition);
    });
    for (std::size_t at = 0; at < found_.size();) at = settle(at);
    tell_of_case();
    out_.servers = mcp::pinned_servers(snapshot_.driven_by("mcp"));
    return std::move(out_);
  }

 private:
  struct Found {
    Item item;
    std::string file, definition;  // its address without version and variant; a configuration's path
    model::Version version{};
  };

  void add_symbol(const SymbolEntry& entry) {
    if (entry.standing == registry::Standing::kRefused) return;
    const model::Contract& contract = entry.contract;
    const bool skill = contract.saddr.type == model::SymbolType::kSkill;
    if (!skill && contract.saddr.type != model::SymbolType::kAgent) return;
    const Json* body = contract.object.find(skill ? "skill" : "agent");
    if (body == nullptr) return;  // an address for wiring alone
    add({.item = {.kind = skill ? ItemKind::kSkill : ItemKind::kAgent,
                  .name = std::string(body->string_or("name")),
                  .object = object_of(*body)},
         .file = entry.source,
         .definition = fmt::format("{}/{}", contract.saddr.ns, contract.saddr.name),
         .version = *contract.saddr.version});
  }

  void add_config(const ConfigEntry& entry) {
    if (entry.standing == registry::Standing::kRefused) return;
    if (model::is_overlay_path(entry.path)) return add_overlay(entry);
    if (!model::is_prompt_path(entry.path)) return;
    const std::string name(model::prompt_name(entry.path));
    Found found{.item = {.kind = ItemKind::kRules, .name = name, .object = entry.object},
                .file = entry.path,
                .definition = entry.path};
    if (entry.path.starts_with("commands/")) {
      found.item.kind = ItemKind::kCommand;
      found.item.object.set("name", name);
    }
    add(std::move(found));
  }

  void add_overlay(const ConfigEntry& entry) {
    model::Overlay overlay = model::read_overlay(entry.text, entry.path);
    if (!overlay.problems.empty()) return;  // it went while it was read: the next look tells
    out_.overlays.push_back(std::move(overlay));
  }

  void add(Found found) {
    auto name = name_of(found.item.name);
    if (!name)
      return report(found.file, {.code = name.error().code,
                                 .message = fmt::format("'{}' can be no name of an item ({}): {}",
                                                        found.item.name.substr(0, 64),
                                                        to_string(found.item.kind), name.error().message),
                                 .hint = "choose a shorter name without '..'"});
    found.item.name = *std::move(name);
    found_.push_back(std::move(found));
  }

  // Those of one kind and name, from `first`: shows one of them or none. Returns the place after them.
  std::size_t settle(std::size_t first) {
    std::size_t end = first + 1;
    std::size_t best = first;
    bool clash = false;
    for (; end < found_.size() && found_[end].item.kind == found_[first].item.kind &&
           found_[end].item.name == found_[first].item.name;
         ++end) {
      clash = clash || found_[end].definition != found_[first].definition;
      if (comes_before(found_[end].version, found_[best].version)) best = end;
    }
    if (!clash) {
      show(std::move(found_[best]));
      return end;
    }
    for (std::size_t at = first; at < end; ++at) {
      const Found& other = found_[at == first ? end - 1 : first];
      report(found_[at].file,
             {.code = Code::kNameClash,
              .message = fmt::format("a second {} is called {}: {}; neither is shown",
                                     to_string(other.item.kind), other.item.name, other.file),
              .hint = "give one of them another name"});
    }
    return end;
  }

  void show(Found found) {
    if (found.item.kind == ItemKind::kSkill && found.file.ends_with("/SKILL.md")) {
      auto files = SkillFolder(workspace_.root, found.file.substr(0, found.file.rfind('/'))).read();
      if (!files) return report(found.file, std::move(files).error());
      found.item.files = *std::move(files);
    }
    if (Status sound = check_shape(found.item); !sound) return report(found.file, sound.error());
    out_.items.push_back(std::move(found.item));
    out_.files.push_back(std::move(found.file));
  }

  // Both are shown; where file systems take them for one name, clients find one of them.
  void tell_of_case() {
    std::map<std::pair<ItemKind, std::string>, std::size_t> first;
    for (std::size_t at = 0; at < out_.items.size(); ++at) {
      std::string folded = out_.items[at].name;
      std::ranges::transform(folded, folded.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
      const auto [other, is_new] = first.try_emplace({out_.items[at].kind, std::move(folded)}, at);
      if (is_new) continue;
      report(out_.files[at],
             {.code = Code::kNameClash,
              .message =
                  fmt::format("{} differs from {} ({}) only by case: where names have none, "
                              "clients find one of the two",
                              out_.items[at].name, out_.items[other->second].name, out_.files[other->second]),
              .hint = "give one of them another name"});
      out_.problems.back().severity = model::Severity::kWarning;
    }
  }

  void report(const std::string& file, const Error& error) {
    model::Problem problem = model::problem_from(error, file);
    problem.file = file;
    problem.line = problem.column = 0;
    out_.problems.push_back(std::move(problem));
  }

  const registry::Workspace& workspace_;
  const registry::Snapshot& snapshot_;
  std::vector<Found> found_;
  Sources out_;
};

}  // namespace

Result<Sources> gather_sources(const registry::Workspace& workspace, const registry::Snapshot& snapshot) {
  return Gatherer(workspace, snapshot).run();
}

std::vector<Item> server_items(const std::vector<mcp::PinnedServer>& servers, const Door& door) {
  std::vector<Item> items;
  for (const mcp::PinnedServer& server : servers) {
    Json args = Json::array({"mcp", "serve", server.config.name, "--as", door.client});
    for (const std::string& word : door.more) args.push(word);
    items.push_back(
        {.kind = ItemKind::kServer,
         .name = server.ns(),
         .object = Json::object({{"args", std::move(args)}, {"command", door.program}, {"type", "stdio"}})});
  }
  std::ranges::sort(items, {}, &Item::name);
  return items;
}

}  // namespace rtt::views
