// SPDX-License-Identifier: Apache-2.0
#include "registry/store_names.h"

#include <algorithm>
#include <iterator>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "model/limits.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/parallel.h"

namespace rtt::registry {
namespace {

constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kIdDigits = 16;

StoredName classify(std::string_view path, std::string_view name) {
  StoredName stored{.kind = StoredName::Kind::kForeign, .name = std::string(path), .hash = {}};
  if (name.size() < kHexDigits) return stored;
  const auto hash = parse_bare_hex(name.substr(0, kHexDigits));
  if (!hash || path.size() != name.size() + 3 || !path.starts_with(name.substr(0, 2))) return stored;
  stored.hash = *hash;
  const std::string_view rest = name.substr(kHexDigits);
  if (rest == ".json") {
    stored.kind = StoredName::Kind::kObject;
  } else if (rest == ".sig.json" || (rest.size() == kIdDigits + 10 && rest.starts_with('.') &&
                                     from_hex(rest.substr(1, kIdDigits)) && rest.ends_with(".sig.json"))) {
    stored.kind = StoredName::Kind::kSignature;
  }
  return stored;
}

// What lies below `directory`/`folder`, by its path from `directory`; of `directory` itself where `folder` is
// empty, and then no folder is entered.
struct Part {
  std::string folder;
  std::vector<StoredName> names;
  std::vector<std::string> folders;
  Status done;
};

void list_part(const std::string& directory, Part& part) {
  const std::string prefix = part.folder.empty() ? "" : part.folder + "/";
  const os::WalkOptions options{.depth_max = part.folder.empty() ? 1 : 3,
                                .entries_max = limits::kScanFilesMax};
  const auto stats = os::walk(directory + "/" + part.folder, options, [&](const os::Entry& entry) {
    if (entry.kind == os::EntryKind::kDirectory) {
      if (part.folder.empty()) part.folders.emplace_back(entry.name);
      return os::Visit::kContinue;
    }
    if (entry.name.starts_with(".tmp-")) return os::Visit::kContinue;
    StoredName stored = classify(prefix + std::string(entry.path), entry.name);
    if (entry.kind != os::EntryKind::kFile) stored.kind = StoredName::Kind::kForeign;
    part.names.push_back(std::move(stored));
    return os::Visit::kContinue;
  });
  if (!stats) {
    part.done = std::unexpected(stats.error());
  } else if (stats->errors > 0) {
    part.done =
        fail(Code::kPermission, "a folder of the store cannot be read", directory + "/" + part.folder);
  }
}

}  // namespace

std::string store_name_of_object(const Digest& hash) {
  const std::string hex = bare_hex(hash);
  return hex.substr(0, 2) + "/" + hex + ".json";
}
std::string store_name_of_signature(const Digest& hash) {
  const std::string hex = bare_hex(hash);
  return hex.substr(0, 2) + "/" + hex + ".sig.json";
}
std::string store_name_of_signature(const Digest& hash, std::string_view id) {
  const std::string hex = bare_hex(hash);
  return hex.substr(0, 2) + "/" + hex + "." + bare_hex(crypto::sha256(id)).substr(0, kIdDigits) + ".sig.json";
}

Result<std::vector<StoredName>> list_store(const std::string& directory) {
  std::vector<StoredName> names;
  if (!os::exists(directory)) return names;
  Part top;
  list_part(directory, top);
  RTT_TRY(top.done);
  std::vector<Part> parts(top.folders.size());
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].folder = std::move(top.folders[i]);
  os::in_parallel(parts.size(), [&](std::size_t i) { list_part(directory, parts[i]); });
  names = std::move(top.names);
  for (Part& part : parts) {
    RTT_TRY(part.done);
    std::ranges::move(part.names, std::back_inserter(names));
  }
  std::ranges::sort(names, {}, &StoredName::name);
  return names;
}

Result<std::vector<std::string>> list_store_folders(const std::string& directory) {
  Part top;
  if (!os::exists(directory)) return std::move(top.folders);
  list_part(directory, top);
  RTT_TRY(top.done);
  return std::move(top.folders);
}

}  // namespace rtt::registry
