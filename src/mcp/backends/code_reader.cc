// SPDX-License-Identifier: Apache-2.0
// Reading which code a command runs: a queue of short tasks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "crypto/sha256.h"
#include "mcp/backends/code_identity.h"
#include "os/dir.h"
#include "os/disk_file.h"
#include "os/file.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kFirstLineMax = 512;
constexpr std::size_t kPackageJsonMax = std::size_t{1} << 20;
constexpr std::string_view kModules = "/node_modules/";

std::string stamp_text(const os::FileStamp& stamp) {
  return fmt::format("{}:{}:{}:{}:{}", stamp.device, stamp.inode, stamp.size, stamp.mtime_ns, stamp.ctime_ns);
}
std::string stamp_of(const std::string& path) {
  const auto stamp = os::stamp_beneath("/", path.substr(1));
  return stamp ? stamp_text(*stamp) : "gone";
}

std::string variable(const os::SpawnOptions& launch, std::string_view name) {
  for (const auto& [key, value] : launch.env) {
    if (key == name) return value;
  }
  return {};
}

// A file as it is reached in the end; nothing if there is none.
std::optional<std::string> real_file(const std::string& path) {
  const auto real = os::real_path(path);
  if (!real || os::is_directory(*real)) return std::nullopt;
  return *real;
}
std::string in_folder(const os::SpawnOptions& launch, const std::string& word) {
  return word.starts_with('/') ? word : launch.directory + "/" + word;
}
std::optional<std::string> program(const std::string& word, const os::SpawnOptions& launch) {
  if (word.contains('/')) return real_file(in_folder(launch, word));
  const auto found = os::find_on_path(word, variable(launch, "PATH"));
  return found ? real_file(*found) : std::nullopt;
}

Json json_file(const std::string& path, std::size_t bytes_max) {
  const auto text = os::read_file(path, bytes_max);
  const auto json = text ? text::parse_json(*text, {.bytes_max = bytes_max}) : Result<Json>(Json());
  return json ? *json : Json();
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_interpreter(std::string_view name) {
  constexpr std::array<std::string_view, 14> kNames{"node", "nodejs", "python", "pypy", "deno", "bun", "ruby",
                                                    "perl", "bash",   "sh",     "dash", "zsh",  "tsx", "php"};
  const std::size_t end = name.find_last_not_of("0123456789.");  // python3.11 is python
  return std::ranges::find(kNames, name.substr(0, end == std::string_view::npos ? 0 : end + 1)) !=
         kNames.end();
}

// The words of a `#!` line; empty: none.
std::vector<std::string> first_line_words(const std::string& file) {
  std::array<std::byte, kFirstLineMax> head{};
  const auto opened = os::DiskFile::open(file, os::DiskFile::Access::kRead);
  const auto got = opened ? opened->read_at(0, head) : Result<std::size_t>(0);
  std::string line(as_text(ByteView(head).first(got.value_or(0))));
  std::vector<std::string> words;
  if (!line.starts_with("#!")) return words;
  line = line.substr(2, line.find('\n') - 2);
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t from = line.find_first_not_of(" \t\r", at);
    if (from == std::string::npos) break;
    at = std::min(line.find_first_of(" \t\r", from), line.size());
    words.push_back(line.substr(from, at - from));
  }
  return words;
}

// What `npx [options] SPEC …` is to run.
std::string npx_spec(const std::vector<std::string>& argv) {
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (word == "-p" || word == "--package") return i + 1 < argv.size() ? argv[i + 1] : std::string();
    if (word.starts_with("--package=")) return word.substr(word.find('=') + 1);
    if (!word.starts_with('-')) return word;
  }
  return {};
}

// Where node finds `name` from a package at `place` (both relative to the lock's folder): the nearest
// node_modules.
std::optional<std::string> resolved(const Json& packages, std::string place, const std::string& name) {
  while (true) {
    std::string candidate = (place.empty() ? "" : place + "/") + "node_modules/" + name;
    if (packages.find(candidate)) return candidate;
    const std::size_t up = place.rfind("node_modules/");
    if (up == std::string::npos) return std::nullopt;
    place = place.substr(0, up == 0 ? 0 : up - 1);
  }
}

// Name, version and integrity of all that the package at `place` depends on, in a fixed order.
Digest dependencies_digest(const Json& packages, const std::string& place) {
  std::set<std::string> seen{place};
  std::deque<std::string> left{place};
  while (!left.empty() && seen.size() <= CodeReader::kPackageFilesMax) {
    const std::string from = std::move(left.front());
    left.pop_front();
    const Json* const entry = packages.find(from);
    for (const char* kind : {"dependencies", "optionalDependencies", "peerDependencies"}) {
      const Json* const wanted = entry ? entry->find(kind) : nullptr;
      if (!wanted || !wanted->is_object()) continue;
      for (const auto& [name, range] : wanted->as_object()) {
        auto at = resolved(packages, from, name);
        if (at && seen.insert(*at).second) left.push_back(*std::move(at));
      }
    }
  }
  seen.erase(place);
  crypto::Sha256 hash;
  for (const std::string& one : seen) {
    const Json& entry = *packages.find(one);
    hash.update(
        as_bytes(fmt::format("{}\n{}\n{}\n", one, entry.string_or("version"), entry.string_or("integrity"))));
  }
  return hash.finish();
}

}  // namespace

struct CodeReader::Hashing {
  os::DiskFile file;
  OnDigest done;
  crypto::Sha256 hash{};
  std::uint64_t offset = 0;
  std::vector<std::byte> buffer = std::vector<std::byte>(kStepBytes);
};

struct CodeReader::Tree {
  std::string folder;
  std::vector<std::string> folders{""}, files{};  // relative; folders not listed yet
  std::size_t at = 0;                             // files stamped, then hashed
  crypto::Sha256 stamps{}, whole{};
  std::string stamp{};
};

CodeReader::CodeReader(os::SpawnOptions launch, CodeDigests& known)
    : launch_(std::move(launch)), known_(known) {
  next([this] { find_parts(); });
}

bool CodeReader::step() {
  if (work_.empty()) return false;
  const auto task = std::move(work_.front());
  work_.pop_front();
  task();
  return !work_.empty();
}

CodeIdentity code_of(os::SpawnOptions launch, CodeDigests& known) {
  CodeReader reader(std::move(launch), known);
  while (reader.step()) {
  }
  return reader.take();
}

void CodeReader::find_parts() {
  const auto executable = launch_.argv.empty() ? std::nullopt : program(launch_.argv.front(), launch_);
  if (!executable) {  // the start says so
    out_.whole = false;
    return;
  }
  const std::string name = name_of(*executable), called = name_of(launch_.argv.front());
  // What is put in front of the queue last is done first.
  if (called == "npx" || name.starts_with("npx")) {
    add_npx_package();
  } else if (is_interpreter(called) || is_interpreter(name)) {
    add_script();
  } else {
    add_package_of(*executable);
  }
  add_interpreter(*executable);
  add_file("executable", *executable);
}

void CodeReader::add(CodePart part) {
  known_.keep(part);
  out_.parts.push_back(std::move(part));
}

void CodeReader::add_file(const std::string& role, const std::string& path) {
  next([this, role, path] {
    const std::string stamp = stamp_of(path);
    if (const auto digest = known_.find(path, stamp))
      return add({.role = role, .path = path, .digest = *digest, .stamp = stamp});
    hash_file(path, [this, role, path, stamp](std::optional<Digest> digest) {
      if (digest) add({.role = role, .path = path, .digest = *digest, .stamp = stamp});
    });
  });
}

void CodeReader::hash_file(const std::string& path, OnDigest done) {
  auto file = os::DiskFile::open(path, os::DiskFile::Access::kRead);
  if (!file) return done(std::nullopt);
  const auto hashing = std::make_shared<Hashing>(Hashing{.file = *std::move(file), .done = std::move(done)});
  next([this, hashing] { hash_piece(hashing); });
}

void CodeReader::hash_piece(const std::shared_ptr<Hashing>& hashing) {
  const auto got = hashing->file.read_at(hashing->offset, hashing->buffer);
  if (!got || hashing->offset + *got > kFileBytesMax) return hashing->done(std::nullopt);
  hashing->hash.update(ByteView(hashing->buffer).first(*got));
  hashing->offset += *got;
  if (*got < kStepBytes) return hashing->done(hashing->hash.finish());
  next([this, hashing] { hash_piece(hashing); });
}

// What a `#!` line starts.
void CodeReader::add_interpreter(const std::string& file) {
  const std::vector<std::string> words = first_line_words(file);
  std::size_t first = 0;
  if (!words.empty() && name_of(words[0]) == "env") {
    do ++first;
    while (first < words.size() && (words[first].starts_with('-') || words[first].contains('=')));
  }
  if (first >= words.size()) return;
  if (const auto found = program(words[first], launch_)) add_file("interpreter", *found);
}

// The first word that is no option and a file. `-m module` and `-c code` have none.
void CodeReader::add_script() {
  for (std::size_t i = 1; i < launch_.argv.size(); ++i) {
    const std::string& word = launch_.argv[i];
    if (word == "-m" || word == "-c" || word == "-e" || word == "--eval" || word == "-p") return;
    if (word.starts_with('-')) continue;
    const auto file = real_file(in_folder(launch_, word));
    if (!file) continue;
    add_package_of(*file);
    add_file("script", *file);
    return;
  }
}

// Of a file below a node_modules: its package.
void CodeReader::add_package_of(const std::string& file) {
  const std::size_t last = file.rfind(kModules);
  if (last == std::string::npos) return;
  const std::size_t from = last + kModules.size();
  std::size_t end = file.find('/', from);
  if (end != std::string::npos && file[from] == '@') end = file.find('/', end + 1);
  if (end != std::string::npos) add_package_at(file.substr(0, end));
}

// npx runs what the folder has installed, else what it keeps for these words.
void CodeReader::add_npx_package() {
  const std::string spec = npx_spec(launch_.argv);
  if (spec.empty()) return;
  const std::string name = spec.substr(0, spec.find('@', 1));
  if (const auto local = os::real_path(launch_.directory + std::string(kModules) + name))
    return add_package_at(*local);
  std::string cache = variable(launch_, "npm_config_cache");
  if (cache.empty()) cache = variable(launch_, "HOME") + "/.npm";
  const auto folders = os::list_directory(cache + "/_npx");
  for (std::size_t i = 0; folders && i < folders->size() && i < kNpxFoldersMax; ++i) {
    const std::string folder = cache + "/_npx/" + (*folders)[i];
    const Json about = json_file(folder + "/package.json", kPackageJsonMax);
    const Json* const npx = about.find("_npx");
    const Json* const packages = npx ? npx->find("packages") : nullptr;
    if (!packages || *packages != Json::array({spec})) continue;
    if (const auto real = os::real_path(folder + std::string(kModules) + name)) return add_package_at(*real);
  }
  out_.whole = false;
}

// Every file of the package's folder, names and contents, and what its lock says. Packages below it are
// among its dependencies.
void CodeReader::add_package_at(const std::string& folder) {
  const auto tree = std::make_shared<Tree>(Tree{.folder = folder});
  next([this, tree] { list_tree(tree); });
}

void CodeReader::list_tree(const std::shared_ptr<Tree>& tree) {
  const std::string below = std::move(tree->folders.back());
  tree->folders.pop_back();
  const auto listed = os::walk(
      tree->folder + (below.empty() ? "" : "/" + below), {.depth_max = 1, .entries_max = kPackageFilesMax},
      [&](const os::Entry& entry) {
        std::string path = below.empty() ? std::string(entry.name) : below + "/" + std::string(entry.name);
        if (entry.kind == os::EntryKind::kFile)
          tree->files.push_back(std::move(path));
        else if (entry.kind == os::EntryKind::kDirectory && entry.name != "node_modules")
          tree->folders.push_back(std::move(path));
        return os::Visit::kContinue;
      });
  if (!listed || tree->files.size() + tree->folders.size() > kPackageFilesMax) return;
  if (!tree->folders.empty()) return next([this, tree] { list_tree(tree); });
  std::ranges::sort(tree->files);
  next([this, tree] { stamp_tree(tree); });
}

void CodeReader::stamp_tree(const std::shared_ptr<Tree>& tree) {
  for (std::size_t i = 0; i < kStepFiles && tree->at < tree->files.size(); ++i, ++tree->at) {
    const std::string& file = tree->files[tree->at];
    tree->stamps.update(as_bytes(file + '\0' + stamp_of(tree->folder + "/" + file) + '\0'));
  }
  if (tree->at < tree->files.size()) return next([this, tree] { stamp_tree(tree); });
  tree->stamp = bare_hex(tree->stamps.finish());
  tree->at = 0;
  next([this, tree] { describe_package(tree); });
  if (const auto digest = known_.find(tree->folder, tree->stamp))
    return add({.role = "package", .path = tree->folder, .digest = *digest, .stamp = tree->stamp});
  next([this, tree] { hash_tree(tree); });
}

void CodeReader::hash_tree(const std::shared_ptr<Tree>& tree) {
  if (tree->at == tree->files.size()) {
    return add(
        {.role = "package", .path = tree->folder, .digest = tree->whole.finish(), .stamp = tree->stamp});
  }
  const std::string& file = tree->files[tree->at++];
  hash_file(tree->folder + "/" + file, [this, tree, file](std::optional<Digest> digest) {
    if (!digest) return;  // gone meanwhile: there is no such package
    tree->whole.update(as_bytes(file + '\0' + bare_hex(*digest) + '\0'));
    next([this, tree] { hash_tree(tree); });
  });
}

// Its name, version and integrity, and what it depends on, as npm's lock of what is installed says.
void CodeReader::describe_package(const std::shared_ptr<Tree>& tree) {
  const std::size_t top = tree->folder.find(kModules);
  const std::string lock = tree->folder.substr(0, top) + std::string(kModules) + ".package-lock.json";
  const std::string lock_stamp = stamp_of(lock), stamps = tree->stamp + " " + lock_stamp;
  const auto depends = known_.find(tree->folder + " dependencies", stamps);
  const auto add_depends = [&](const Digest& digest) {
    add({.role = "dependencies", .path = tree->folder + " dependencies", .digest = digest, .stamp = stamps});
  };
  if (const Json* const known = known_.package(tree->folder, stamps)) {
    out_.package = *known;
    if (depends) add_depends(*depends);
    return;
  }
  const Json about = json_file(tree->folder + "/package.json", kPackageJsonMax);
  const std::string name(about.string_or("name")), version(about.string_or("version"));
  if (name.empty() || version.empty()) return;
  Json package = Json::object({{"manager", "npm"}, {"name", name}, {"version", version}});
  const Json locked = json_file(lock, kLockBytesMax);
  const Json* const packages = locked.find("packages");
  const std::string place = top == std::string::npos ? "" : tree->folder.substr(top + 1);
  const Json* const entry = packages && !place.empty() ? packages->find(place) : nullptr;
  if (entry) {
    if (!entry->string_or("integrity").empty()) package.set("integrity", entry->string_or("integrity"));
    add_depends(dependencies_digest(*packages, place));
  }
  known_.keep_package(tree->folder, stamps, package);
  out_.package = std::move(package);
}

}  // namespace rtt::mcp
