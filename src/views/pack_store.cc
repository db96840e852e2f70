// SPDX-License-Identifier: Apache-2.0
#include "views/pack_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "os/file.h"
#include "os/symlink.h"

namespace rtt::views {
namespace {

constexpr std::string_view kEnding = ".pack";

std::optional<GenerationNumber> generation_of(std::string_view file) {
  if (!file.ends_with(kEnding)) return std::nullopt;
  return parse_generation(file.substr(0, file.size() - kEnding.size()));
}

}  // namespace

Status check_workspace_id(std::string_view workspace) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!workspace.empty() && workspace.size() <= 64 && workspace.front() != '.' &&
      std::ranges::all_of(workspace, fits))
    return {};
  return fail(Code::kBadArgument, "not the id of a workspace in a store of views",
              fmt::format("{:?}", workspace.substr(0, 64)));
}

std::optional<GenerationNumber> parse_generation(std::string_view text) {
  GenerationNumber number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || text.front() == '0')
    return std::nullopt;
  return number;
}

Status PackStore::make_workspace(const std::string& workspace, const std::string& root) const {
  RTT_TRY(check_workspace_id(workspace));
  RTT_TRY(os::make_directories(directory_ + "/" + workspace, 0700));
  return os::replace_link(fmt::format("{}/{}/of", directory_, workspace), root + "/.rtt");
}

bool PackStore::orphaned(const std::string& workspace) const {
  const auto of = os::read_link(fmt::format("{}/{}/of", directory_, workspace));
  return of && !os::exists(*of);
}

Result<PackStore::Kept> PackStore::kept(const std::string& workspace) const {
  RTT_TRY_SET(const auto files, os::list_directory(directory_ + "/" + workspace));
  Kept kept{.workspace = workspace, .generations = {}, .current = {}};
  for (const std::string& file : files) {
    if (const auto number = generation_of(file)) kept.generations.push_back(*number);
  }
  std::ranges::sort(kept.generations);
  if (const auto target = os::read_link(directory_ + "/" + workspace + "/cur")) {
    const auto number = generation_of(*target);
    if (number && std::ranges::binary_search(kept.generations, *number)) kept.current = number;
  }
  return kept;
}

Result<std::vector<PackStore::Kept>> PackStore::list() const {
  RTT_TRY_SET(const auto names, os::list_directory(directory_));
  std::vector<Kept> all;
  for (const std::string& name : names) {
    if (!check_workspace_id(name) || !os::is_directory(directory_ + "/" + name)) continue;
    if (all.size() == kWorkspacesMax)
      return fail(Code::kLimit, fmt::format("more than {} workspaces have views", kWorkspacesMax),
                  directory_);
    RTT_TRY_SET(Kept one, kept(name));
    all.push_back(std::move(one));
  }
  return all;
}

std::string PackStore::pack_path(const std::string& workspace, GenerationNumber generation) const {
  return fmt::format("{}/{}/{}{}", directory_, workspace, generation, kEnding);
}

Status PackStore::set_current(const std::string& workspace, GenerationNumber generation) const {
  return os::replace_link(fmt::format("{}/{}/cur", directory_, workspace),
                          fmt::format("{}{}", generation, kEnding));
}

Status PackStore::remove(const std::string& workspace, GenerationNumber generation) const {
  return os::remove_file(pack_path(workspace, generation));
}

Status PackStore::remove_workspace(const std::string& workspace) const {
  RTT_TRY(check_workspace_id(workspace));
  return os::remove_tree(directory_ + "/" + workspace);
}

}  // namespace rtt::views
