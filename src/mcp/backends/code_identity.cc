// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/code_identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/file.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kRecordBytesMax = std::size_t{1} << 20;

std::string record_path(const registry::Workspace& workspace, std::string_view ns) {
  constexpr std::size_t kIdDigits = 16;
  return fmt::format("{}/code/{}.{}.json", workspace.user_dir,
                     bare_hex(crypto::sha256(workspace.root)).substr(0, kIdDigits), ns);
}

std::string text_of(const CodeRecord& record) {
  Json parts(text::JsonArray{});
  for (const CodePart& part : record.code.parts) {
    parts.push(Json::object({{"role", part.role},
                             {"path", part.path},
                             {"digest", to_string(part.digest)},
                             {"stamp", part.stamp}}));
  }
  return text::to_pretty_json(Json::object(
      {{"package", record.code.package}, {"parts", std::move(parts)}, {"pin", to_string(record.pin)}}));
}

}  // namespace

Digest CodeIdentity::digest() const {
  std::string all;
  for (const CodePart& part : parts) all += part.role + " " + to_string(part.digest) + "\n";
  return crypto::sha256(all);
}

void CodeDigests::know(const CodeIdentity& code) {
  for (const CodePart& part : code.parts) {
    keep(part);
    if (part.role == "dependencies" && code.package.is_object())
      keep_package(part.path.substr(0, part.path.rfind(' ')), part.stamp, code.package);
  }
}

std::optional<Digest> CodeDigests::find(const std::string& path, const std::string& stamp) const {
  const auto at = digests_.find({path, stamp});
  return at == digests_.end() ? std::nullopt : std::optional(at->second);
}

const Json* CodeDigests::package(const std::string& folder, const std::string& stamps) const {
  const auto at = packages_.find({folder, stamps});
  return at == packages_.end() ? nullptr : &at->second;
}

void CodeDigests::keep(const CodePart& part) {
  if (digests_.size() >= kKnownMax) digests_.clear();  // files that change all the time
  digests_.insert_or_assign({part.path, part.stamp}, part.digest);
}

void CodeDigests::keep_package(const std::string& folder, const std::string& stamps, const Json& package) {
  if (packages_.size() >= kKnownMax) packages_.clear();
  packages_.insert_or_assign({folder, stamps}, package);
}

Digest code_pin(const ServerConfig& config, const ServerInfo& info) {
  return crypto::sha256(text::canonical_json(Json::object({{"args", config.args},
                                                           {"command", config.command},
                                                           {"cwd", config.directory},
                                                           {"package", info.package},
                                                           {"version", info.version}})));
}

std::optional<CodeRecord> code_record_from(std::string_view text) {
  const auto json = text::parse_json(text);
  if (!json) return std::nullopt;
  const auto pin = parse_digest(json->string_or("pin"));
  const Json* const parts = json->find("parts");
  if (!pin || !parts || !parts->is_array()) return std::nullopt;
  CodeRecord record{.pin = *pin, .code = {}};
  if (const Json* package = json->find("package")) record.code.package = *package;
  for (const Json& row : parts->as_array()) {
    const auto digest = parse_digest(row.string_or("digest"));
    if (!digest) return std::nullopt;
    record.code.parts.push_back({.role = std::string(row.string_or("role")),
                                 .path = std::string(row.string_or("path")),
                                 .digest = *digest,
                                 .stamp = std::string(row.string_or("stamp"))});
  }
  return record;
}

std::string code_record_text(CodeRecord record) {
  for (CodePart& part : record.code.parts) part.stamp.clear();
  return text_of(record);
}

std::optional<CodeRecord> read_code_record(const registry::Workspace& workspace, std::string_view ns) {
  const auto text = os::read_file(record_path(workspace, ns), kRecordBytesMax);
  return text ? code_record_from(*text) : std::nullopt;
}

Status write_code_record(const registry::Workspace& workspace, std::string_view ns,
                         const CodeRecord& record) {
  RTT_TRY(os::make_directories(workspace.user_dir + "/code", 0700));
  return os::write_atomic(record_path(workspace, ns), text_of(record),
                          {.mode = 0600, .durable = os::Durable::kNo});
}

Status remove_code_record(const registry::Workspace& workspace, std::string_view ns) {
  return os::remove_file(record_path(workspace, ns));
}

std::vector<PinChange> compare_code(const CodeIdentity& accepted, const CodeIdentity& live) {
  std::vector<PinChange> changes;
  const auto find = [](const CodeIdentity& code, std::string_view role) -> const CodePart* {
    const auto at = std::ranges::find(code.parts, role, &CodePart::role);
    return at == code.parts.end() ? nullptr : &*at;
  };
  for (const char* role : {"executable", "interpreter", "script", "package", "dependencies"}) {
    const CodePart* const before = find(accepted, role);
    const CodePart* const after = find(live, role);
    if ((!before && !after) || (before && after && before->digest == after->digest)) continue;
    PinChange change{.pointer = std::string("/code/") + role, .before = {}, .after = {}};
    if (before) change.before = to_string(before->digest);
    if (after) change.after = to_string(after->digest);
    const std::string& path = after ? after->path : before->path;
    change.why = fmt::format("the {} {} is {}", role, path.substr(0, path.rfind(" dependencies")),
                             !after    ? "gone"
                             : !before ? "new in what is run"
                                       : "other code than what was accepted");
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace rtt::mcp
