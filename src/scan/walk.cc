// SPDX-License-Identifier: Apache-2.0
#include "scan/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "os/file.h"
#include "os/symlink.h"
#include "scan/ignore.h"
#include "text/utf8.h"

namespace rtt::scan {
namespace {

constexpr std::string_view kManifestFolder = ".rtt/manifests";
constexpr std::string_view kPanelFile = ".rtt/panel.yaml";

struct Root {
  std::string path;  // below the workspace, "" = all of it
  enum class Kind : std::uint8_t { kNamed, kAlways } kind = Kind::kNamed;
};

// "./services/" as "services"; nothing if it leads out of the workspace.
std::optional<std::string> normal_root(std::string_view written) {
  if (written.starts_with('/')) return std::nullopt;
  std::string normal;
  while (!written.empty()) {
    const std::size_t slash = std::min(written.find('/'), written.size());
    const std::string_view part = written.substr(0, slash);
    written.remove_prefix(std::min(slash + 1, written.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!normal.empty()) normal += '/';
    normal += part;
  }
  return normal;
}

bool covers(const std::string& above, const std::string& below) {
  return above.empty() || below == above || below.starts_with(above + "/");
}

class Lister {
 public:
  explicit Lister(const ScanOptions& options) : options_(options), ignore_(options.ignore) {}

  Result<Listing> run() {
    RTT_TRY_SET(real_root_, os::real_path(options_.root));
    const std::vector<Root> all = roots();
    for (const Root& root : all) RTT_TRY(list_root(root));
    if (!all.front().path.empty()) see_top_servers();  // else the walk met it
    // Overlap is removed above, but two spellings of one file must never count as two definitions.
    std::ranges::sort(listing_.wanted, {}, &Wanted::path);
    const auto rest = std::ranges::unique(listing_.wanted, {}, &Wanted::path);
    listing_.wanted.erase(rest.begin(), rest.end());
    return std::move(listing_);
  }

 private:
  std::vector<Root> roots() {
    std::vector<Root> named;
    for (const std::string& written : options_.roots) {
      auto normal = normal_root(written);
      if (!normal || *normal == ".rtt" || normal->starts_with(".rtt/")) {
        report(kPanelFile, Code::kEscapes,
               fmt::format("scan root `{}` is not a folder below the workspace", printable(written)),
               "name folders of this workspace in scan.roots");
        continue;
      }
      server_roots_.push_back(*normal);
      named.push_back({.path = std::move(*normal), .kind = Root::Kind::kNamed});
    }
    server_roots_.emplace_back();
    for (const char* always : {"agents", "skills"})
      named.push_back({.path = always, .kind = Root::Kind::kAlways});
    std::ranges::stable_sort(named, {}, &Root::path);
    std::vector<Root> kept;
    for (Root& root : named) {
      const auto above = [&root](const Root& other) { return covers(other.path, root.path); };
      if (std::ranges::none_of(kept, above)) kept.push_back(std::move(root));
    }
    kept.push_back({.path = std::string(kManifestFolder), .kind = Root::Kind::kAlways});
    return kept;
  }

  Status list_root(const Root& root) {
    const std::string folder = root.path.empty() ? real_root_ : real_root_ + "/" + root.path;
    if (!root.path.empty()) {
      const auto real = os::real_path(folder);
      if (!real) {
        if (root.kind == Root::Kind::kNamed) {
          warn(kPanelFile, Code::kNotFound,
               fmt::format("scan root `{}` does not exist", printable(root.path)));
        }
        return {};
      }
      if (*real != folder) {
        report(root.path, Code::kEscapes,
               fmt::format("`{}` is reached through a symbolic link; not scanned", printable(root.path)),
               "name the real folder in scan.roots");
        return {};
      }
      if (!os::is_directory(folder)) {
        report(root.path, Code::kNotRegular, fmt::format("`{}` is not a folder", printable(root.path)), {});
        return {};
      }
    }
    const std::string prefix = root.path.empty() ? std::string() : root.path + "/";
    const auto walked =
        os::walk(folder,
                 {.depth_max = static_cast<int>(limits::kScanDepthMax),
                  .entries_max = limits::kScanFilesMax - std::min(entries_, limits::kScanFilesMax),
                  .unreadable = [this, &prefix](std::string_view path,
                                                const Error& why) { see_unreadable(prefix, path, why); }},
                 [this, &prefix](const os::Entry& entry) { return visit(entry, prefix); });
    if (!walked) {
      if (root.path.empty()) return std::unexpected(walked.error());
      listing_.problems.push_back(model::problem_from(walked.error(), printable(root.path)));
      return {};
    }
    entries_ += walked->entries;
    if (walked->truncated) {
      report(root.path, Code::kLimit,
             fmt::format("deeper than {} folders or more than {} entries; the rest was not scanned",
                         limits::kScanDepthMax, limits::kScanFilesMax),
             "narrow scan.roots or add to scan.ignore");
    }
    return {};
  }

  // What lies in it is unknown, so it is said where; one removed during the walk is simply not there.
  void see_unreadable(const std::string& prefix, std::string_view path, const Error& why) {
    if (why.code == Code::kNotFound) return;
    std::string folder = prefix + std::string(path);
    if (folder.ends_with('/')) folder.pop_back();
    const std::string_view shown = folder.empty() ? std::string_view(".") : std::string_view(folder);
    warn(shown, why.code,
         fmt::format("the folder cannot be read, so nothing in it was scanned ({})",
                     why.code == Code::kPermission ? "permission denied" : "input error"));
  }

  // `.mcp.json` at the top counts whatever the roots are.
  void see_top_servers() {
    if (!os::exists(real_root_ + "/.mcp.json")) return;
    const Candidate candidate{.path = ".mcp.json", .name = ".mcp.json"};
    listing_.wanted.push_back({.path = ".mcp.json", .probe = probe_for(candidate)});
    ++listing_.files_seen;
  }

  os::Visit visit(const os::Entry& entry, const std::string& prefix) {
    if (entry.kind == os::EntryKind::kDirectory) {
      if (entry.name == ".rtt") return os::Visit::kSkip;
      if (prefix.empty())
        return ignore_.matches(entry.path, entry.name) ? os::Visit::kSkip : os::Visit::kContinue;
      const std::string path = prefix + std::string(entry.path);
      return ignore_.matches(path, entry.name) ? os::Visit::kSkip : os::Visit::kContinue;
    }
    if (entry.kind == os::EntryKind::kFile) ++listing_.files_seen;
    if (prefix.empty()) {
      see_file(entry, entry.path);
    } else {
      see_file(entry, prefix + std::string(entry.path));
    }
    return os::Visit::kContinue;
  }

  void see_file(const os::Entry& entry, std::string_view path) {
    const Probe* probe = probe_for({.path = path, .name = entry.name});
    if (probe != nullptr && probe->yields == Yields::kServers && !is_server_place(path)) probe = nullptr;
    if (probe == nullptr) {
      if (entry.kind == os::EntryKind::kSymlink) see_link(path, entry.name);
      return;
    }
    if (ignore_.matches(path, entry.name)) return;
    if (!is_printable(path)) {
      report(path, Code::kJsonEncoding,
             "the file's name is not text (UTF-8 without control characters); not read", "rename the file");
    } else if (entry.kind == os::EntryKind::kSymlink) {
      report(path, Code::kEscapes, "a symbolic link stands where a definition is expected; not followed",
             "put the file itself here");
    } else if (entry.kind == os::EntryKind::kOther) {
      report(path, Code::kNotRegular, "not a regular file (a FIFO, socket or device); not opened",
             "remove it");
    } else {
      listing_.wanted.push_back({.path = std::string(path), .probe = probe});
    }
  }

  bool is_server_place(std::string_view path) const {
    const std::size_t slash = path.rfind('/');
    const std::string_view folder =
        slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
    return std::ranges::find(server_roots_, folder) != server_roots_.end();
  }

  // Whether RTT put it there for a client: by its own text it leads to what is shown of this workspace, which
  // may lie in a mount.
  static bool is_shown(std::string_view path, const std::string& link) {
    std::string shown;
    for (const char c : path) shown += c == '/' ? "../" : "";
    shown += ".rtt/registry/views/now/";
    const auto target = os::read_link(link);
    return target && target->starts_with(shown);
  }

  void see_link(std::string_view path, std::string_view name) {
    if (listing_.problems.size() >= limits::kProblemsMax || ignore_.matches(path, name)) return;
    const std::string link = real_root_ + "/" + std::string(path);
    if (is_shown(path, link)) return;
    const auto real = os::real_path(link);
    if (!real) {  // one that leads nowhere (kNotFound) is everyday; one that never ends is not
      if (real.error().code == Code::kIo)
        warn(path, Code::kEscapes, "a symbolic link that leads in a circle");
      return;
    }
    if (link.starts_with(*real + "/")) {
      warn(path, Code::kEscapes, "a symbolic link to a folder it lies in; not followed");
    } else if (*real != real_root_ && !real->starts_with(real_root_ + "/") && os::is_directory(*real)) {
      warn(path, Code::kEscapes, "a symbolic link to a folder outside the workspace; not followed");
    }
  }

  void add(model::Problem problem) {
    if (listing_.problems.size() < limits::kProblemsMax) listing_.problems.push_back(std::move(problem));
  }
  void report(std::string_view file, Code code, std::string message, std::string hint) {
    add({.severity = model::Severity::kError,
         .file = printable(file),
         .code = code,
         .message = std::move(message),
         .hint = std::move(hint)});
  }
  void warn(std::string_view file, Code code, std::string message) {
    add({.severity = model::Severity::kWarning,
         .file = printable(file),
         .code = code,
         .message = std::move(message)});
  }

  const ScanOptions& options_;
  IgnoreList ignore_;
  std::string real_root_;
  std::vector<std::string> server_roots_;
  Listing listing_;
  std::size_t entries_ = 0;
};

}  // namespace

bool is_printable(std::string_view path) {
  for (const char byte : path) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) return false;
  }
  return text::find_invalid_utf8(path) == std::string_view::npos;
}

std::string printable(std::string_view path) {
  if (is_printable(path)) return std::string(path);
  std::string shown;
  for (const char byte : path) {
    const auto value = static_cast<unsigned char>(byte);
    if (value < 0x20 || value >= 0x7f) {
      shown += fmt::format("%{:02X}", value);
    } else {
      shown += byte;
    }
  }
  return shown;
}

Result<Listing> list_candidates(const ScanOptions& options) { return Lister(options).run(); }

}  // namespace rtt::scan
