// SPDX-License-Identifier: Apache-2.0
// CodeIdentity: which code a server's command runs on this machine.
//
// A version string is what a server says; this is what is there. The portable part, an npm package's name,
// version and integrity as its lock file has them, enters the manifest. The machine part enters nothing that
// is shared: the executable, the interpreter its first line names, the script an interpreter is given, every
// file in a package's folder, and versions and integrity of all that the package depends on.
//
// A digest is taken again only where the stamp (device, inode, size, time of change of content and of
// anything) of a file changed, so an ordinary look costs a few stat calls; and it is taken in steps of at
// most kStepBytes or kStepFiles, so that a loop that serves others is not held up by a large program.
//
// Not covered: what a script outside of a package imports, files of the packages that a package depends on,
// `python -m`, and what a wrapper (uvx, docker, a shell script) starts in turn.
//
// Thread: one; reads files.   Fails: never; what cannot be read is left out, and is missed when it was
// pinned. Limits: kFileBytesMax a file, kPackageFilesMax files of a package, kNpxFoldersMax folders of npx
// looked at, kLockBytesMax of lock file.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "mcp/pins/contracts.h"
#include "mcp/pins/pin.h"
#include "os/process.h"
#include "registry/workspace.h"

namespace rtt::mcp {

struct CodePart {
  std::string role;  // executable interpreter script package dependencies
  std::string path;
  Digest digest;
  std::string stamp;  // as long as it stays, so does the digest
  friend bool operator==(const CodePart&, const CodePart&) = default;
};
struct CodeIdentity {
  text::Json package;  // {"manager":"npm","name","version","integrity"?}; null: none found
  std::vector<CodePart> parts;
  bool whole = true;  // false: what is to be run is not there (npx fetches it)
  // Of what all parts hold, wherever they are.
  [[nodiscard]] Digest digest() const;
};

// Digests of files whose stamps may still hold, of all servers together.
class CodeDigests {
 public:
  static constexpr std::size_t kKnownMax = 4096;
  void know(const CodeIdentity& code);
  [[nodiscard]] std::optional<Digest> find(const std::string& path, const std::string& stamp) const;
  // What a folder's package was called when its files and its lock file had these stamps.
  [[nodiscard]] const text::Json* package(const std::string& folder, const std::string& stamps) const;
  void keep(const CodePart& part);
  void keep_package(const std::string& folder, const std::string& stamps, const text::Json& package);

 private:
  std::map<std::pair<std::string, std::string>, Digest> digests_;       // by path and stamp
  std::map<std::pair<std::string, std::string>, text::Json> packages_;  // by folder and stamps
};

class CodeReader {
 public:
  static constexpr std::uint64_t kFileBytesMax = std::uint64_t{512} << 20;
  static constexpr std::size_t kPackageFilesMax = 20'000, kNpxFoldersMax = 1'000;
  static constexpr std::size_t kLockBytesMax = std::size_t{8} << 20;
  static constexpr std::size_t kStepBytes = std::size_t{256} << 10, kStepFiles = 32;

  CodeReader(os::SpawnOptions launch, CodeDigests& known);  // `known` outlives this
  CodeReader(const CodeReader&) = delete;
  CodeReader& operator=(const CodeReader&) = delete;

  bool step();  // false: that was all
  CodeIdentity take() { return std::move(out_); }

 private:
  using OnDigest = std::function<void(std::optional<Digest>)>;
  struct Hashing;
  struct Tree;

  void next(std::function<void()> task) { work_.push_front(std::move(task)); }
  void find_parts();
  void add_file(const std::string& role, const std::string& path);
  void add_interpreter(const std::string& file);
  void add_script();
  void add_npx_package();
  void add_package_of(const std::string& file);
  void add_package_at(const std::string& folder);
  void add(CodePart part);
  void hash_file(const std::string& path, OnDigest done);
  void hash_piece(const std::shared_ptr<Hashing>& hashing);
  void list_tree(const std::shared_ptr<Tree>& tree);
  void stamp_tree(const std::shared_ptr<Tree>& tree);
  void hash_tree(const std::shared_ptr<Tree>& tree);
  void describe_package(const std::shared_ptr<Tree>& tree);

  os::SpawnOptions launch_;
  CodeDigests& known_;
  std::deque<std::function<void()>> work_;  // the next first
  CodeIdentity out_;
};
// All steps at once.
CodeIdentity code_of(os::SpawnOptions launch, CodeDigests& known);

// What was accepted here, kept under the user's folder, for one server of one workspace.
struct CodeRecord {
  Digest pin;  // code_pin
  CodeIdentity code;
};
// Of what says which code is meant: command, arguments, folder, package, and the version the server had.
Digest code_pin(const ServerConfig& config, const ServerInfo& info);
std::optional<CodeRecord> read_code_record(const registry::Workspace& workspace, std::string_view ns);
Status write_code_record(const registry::Workspace& workspace, std::string_view ns, const CodeRecord& record);
Status remove_code_record(const registry::Workspace& workspace, std::string_view ns);
// A record as text, and back; the stamps of its files, which say when to hash them again, are left out.
std::string code_record_text(CodeRecord record);
std::optional<CodeRecord> code_record_from(std::string_view text);

// Where what is there now is other code than was accepted: pointers /code/<role>.
std::vector<PinChange> compare_code(const CodeIdentity& accepted, const CodeIdentity& live);

}  // namespace rtt::mcp
