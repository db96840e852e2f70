// SPDX-License-Identifier: Apache-2.0
#include "registry/repository.h"

#include <optional>
#include <string_view>

#include "os/file.h"

namespace rtt::registry {
namespace {

constexpr std::size_t kPointerBytesMax = 4096;

std::string_view line_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::string> resolved(std::string_view path, const std::string& folder) {
  const auto real =
      os::real_path(path.starts_with('/') ? std::string(path) : folder + "/" + std::string(path));
  return real ? std::optional(*real) : std::nullopt;
}

// `file` is a `.git` file in `folder`.
std::optional<std::string> common_directory(const std::string& folder, const std::string& file) {
  const auto pointer = os::read_file(file, kPointerBytesMax);
  if (!pointer || !pointer->starts_with("gitdir: ")) return std::nullopt;
  const auto own = resolved(line_of(*pointer).substr(8), folder);
  if (!own) return std::nullopt;
  const auto common = os::read_file(*own + "/commondir", kPointerBytesMax);
  const auto back = os::read_file(*own + "/gitdir", kPointerBytesMax);
  if (!common || !back) return std::nullopt;
  const auto points_to = resolved(line_of(*back), *own);
  const auto here = os::real_path(file);
  if (!points_to || !here || *points_to != *here) return std::nullopt;
  return resolved(line_of(*common), *own);
}

}  // namespace

std::string repository_of(const std::string& root) {
  const auto real = os::real_path(root);
  const std::string start = real ? *real : root;
  for (std::string folder = start; folder.size() > 1; folder.resize(folder.rfind('/'))) {
    const std::string git = folder + "/.git";
    if (!os::exists(git)) continue;
    const auto path = os::real_path(git);
    if (!path) break;
    if (os::is_directory(*path)) {
      // A linked `.git` folder is somebody else's repository unless it lies here.
      if (*path == git) return git;
      break;
    }
    if (const auto common = common_directory(folder, git)) return *common;
    break;
  }
  return start;
}

}  // namespace rtt::registry
