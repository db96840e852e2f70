// SPDX-License-Identifier: Apache-2.0
#include "views/git_checkout.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/file.h"
#include "os/output_of.h"
#include "registry/repository.h"

namespace rtt::views {
namespace {

constexpr std::string_view kBegin = "# shown by `rtt view`, in ";  // and the root
constexpr std::string_view kEnd = "# end of what RTT shows\n";

// The folder that holds `.git`, upward from `root`.
std::optional<std::string> top_of(std::string root) {
  for (; root.size() > 1; root.resize(root.rfind('/'))) {
    if (os::exists(root + "/.git")) return root;
  }
  return std::nullopt;
}

// Ours without what would have git look elsewhere than where it is asked.
std::vector<std::pair<std::string, std::string>> environment() {
  auto variables = os::own_environment();
  std::erase_if(variables, [](const auto& one) { return one.first.starts_with("GIT_"); });
  return variables;
}

// What git prints; nothing where it cannot be asked.
Result<std::optional<std::string>> tracked_by_git(const std::string& root) {
  auto said = os::output_of(
      {.argv = {"git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "ls-files", "-z"},
       .env = environment(),
       .directory = root,
       .pass_fds = {}},
      {.bytes_max = kTrackedBytesMax, .time_max = kGitAnswersWithin});
  // There is no git, or it hangs: on a file system that does not answer, or a lock.
  if (!said && said.error().code != Code::kLimit) return std::optional<std::string>();
  return said;
}

}  // namespace

std::string exclude_line(std::string_view path) {
  std::string line = "/";
  for (const char c : path) {
    if (std::string_view("\\*?[]! #").find(c) != std::string_view::npos) line += '\\';
    line += c;
  }
  return line;
}

std::string with_excluded(std::string_view text, std::string_view root,
                          const std::vector<std::string>& lines) {
  const std::string begin = fmt::format("{}{}\n", kBegin, root);
  std::string out(text);
  if (const std::size_t at = out.find(begin); at != std::string::npos) {
    std::size_t end =
        at + begin.size();  // a block's lines begin with a slash, whatever else somebody put there
    while (end < out.size() && out[end] == '/') end = std::min(out.find('\n', end), out.size() - 1) + 1;
    if (out.compare(end, kEnd.size(), kEnd) == 0) end += kEnd.size();
    out.erase(at, end - at);
  }
  if (lines.empty()) return out;
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  out += begin;
  for (const std::string& line : lines) out += line + "\n";
  return out += kEnd;
}

std::optional<ExcludeFile> exclude_file_of(const std::string& root) {
  const auto top = top_of(root);
  if (!top) return std::nullopt;
  ExcludeFile file;
  const std::string repository = registry::repository_of(root);
  if (repository != root) file.path = repository + "/info/exclude";
  if (root.size() > top->size()) file.prefix = root.substr(top->size() + 1) + "/";
  return file;
}

Result<std::optional<GitCheckout>> GitCheckout::of(const std::string& root) {
  const auto exclude_file = exclude_file_of(root);
  if (!exclude_file) return std::optional<GitCheckout>();
  GitCheckout checkout;
  checkout.root_ = root;
  checkout.exclude_ = *exclude_file;
  RTT_TRY_SET(const std::optional<std::string> said, tracked_by_git(root));
  checkout.asked_ = said.has_value();
  for (std::string_view rest = said ? *said : std::string_view(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    checkout.tracked_.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::ranges::sort(checkout.tracked_);
  return std::optional(std::move(checkout));
}

bool GitCheckout::tracks(std::string_view path) const {
  if (!asked_) return true;
  if (std::ranges::binary_search(tracked_, path)) return true;
  const std::string below = std::string(path) + "/";
  const auto at = std::ranges::lower_bound(tracked_, below);
  return at != tracked_.end() && at->starts_with(below);
}

Status GitCheckout::exclude(const std::vector<std::string>& paths) const {
  if (exclude_.path.empty() || os::is_symlink(exclude_.path)) return {};
  std::string text;
  if (os::exists(exclude_.path)) {
    RTT_TRY_SET(text, os::read_file(exclude_.path, kExcludeBytesMax));
  }
  std::vector<std::string> lines;
  for (const std::string& path : paths) lines.push_back(exclude_line(exclude_.prefix + path));
  const std::string wanted = with_excluded(text, root_, lines);
  if (wanted == text) return {};
  RTT_TRY(os::make_directories(exclude_.path.substr(0, exclude_.path.rfind('/'))));
  return os::write_atomic(exclude_.path, wanted);
}

}  // namespace rtt::views
