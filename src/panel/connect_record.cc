// SPDX-License-Identifier: Apache-2.0
#include "panel/connect_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "model/limits.h"
#include "os/file.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::size_t kNameDigits = 24;

Json path_json(const text::KeyPath& path) {
  Json out = text::JsonArray{};
  for (const std::string& key : path) out.push(key);
  return out;
}

}  // namespace

std::string hash_of(std::string_view text) { return bare_hex(crypto::sha256(text)); }

std::string ConnectStore::folder_of(const std::string& client, const std::string& workspace,
                                    const std::string& file) const {
  return folder_ + "/" + client + "-" + hash_of(workspace + '\0' + file).substr(0, kNameDigits);
}

std::string ConnectStore::backup_of(const ConnectRecord& record) const {
  return folder_of(record.client, record.workspace, record.file) + "/original";
}

Result<ConnectRecord> ConnectStore::load(const std::string& folder) const {
  const std::string path = folder + "/record.json";
  RTT_TRY_SET(const std::string text, os::read_file(path, limits::kClientConfigBytesMax));
  RTT_TRY_SET(const Json json,
              text::parse_json(text, {.source_name = path, .bytes_max = limits::kClientConfigBytesMax}));
  ConnectRecord out{.client = std::string(json.string_or("client")),
                    .scope = std::string(json.string_or("scope")),
                    .workspace = std::string(json.string_or("workspace")),
                    .file = std::string(json.string_or("file")),
                    .single = json.bool_or("single", false),
                    .left_hash = std::string(json.string_or("left"))};
  const mcp::Client* client = mcp::find_client(out.client);
  const Json* section = json.find("section");
  const Json* entries = json.find("entries");
  if (client == nullptr || section == nullptr || !section->is_array() || entries == nullptr ||
      !entries->is_array()) {
    return fail(Code::kBadShape, "not a record of `rtt mcp connect`", path,
                "the client's file as it was lies beside it, in `original`");
  }
  out.section.form = client->form;
  for (const Json& key : section->as_array())
    out.section.path.emplace_back(key.is_string() ? key.as_string() : "");
  for (const Json& entry : entries->as_array()) {
    RecordedEntry one{.name = std::string(entry.string_or("name")), .raw = {}};
    if (entry.find("raw") != nullptr) one.raw = std::string(entry.string_or("raw"));
    out.entries.push_back(std::move(one));
  }
  if (json.bool_or("existed", false)) {
    RTT_TRY_SET(out.original, os::read_file(folder + "/original", limits::kClientConfigBytesMax));
  }
  return out;
}

Result<std::vector<ConnectRecord>> ConnectStore::all() const {
  std::vector<ConnectRecord> out;
  if (!os::is_directory(folder_)) return out;
  RTT_TRY_SET(const auto names, os::list_directory(folder_));
  if (names.size() > limits::kConnectRecordsMax)
    return fail(Code::kLimit,
                fmt::format("{} records; {} are the most", names.size(), limits::kConnectRecordsMax),
                folder_);
  for (const std::string& name : names) {
    if (!os::exists(folder_ + "/" + name + "/record.json")) continue;  // one that was being made
    RTT_TRY_SET(ConnectRecord record, load(folder_ + "/" + name));
    if (record.workspace == workspace_) out.push_back(std::move(record));
  }
  std::ranges::sort(out, {}, [](const ConnectRecord& one) { return std::tie(one.client, one.file); });
  return out;
}

Result<std::optional<ConnectRecord>> ConnectStore::find(const std::string& client,
                                                        const std::string& file) const {
  const std::string folder = folder_of(client, workspace_, file);
  if (!os::exists(folder + "/record.json")) return std::optional<ConnectRecord>();
  RTT_TRY_SET(ConnectRecord record, load(folder));
  return std::optional(std::move(record));
}

Status ConnectStore::save(const ConnectRecord& record) const {
  const std::string folder = folder_of(record.client, record.workspace, record.file);
  RTT_TRY(os::make_directories(folder_, 0700));
  RTT_TRY(os::make_directories(folder, 0700));
  Json entries = text::JsonArray{};
  for (const RecordedEntry& entry : record.entries) {
    Json one = Json::object({{"name", entry.name}});
    if (entry.raw) one.set("raw", *entry.raw);
    entries.push(std::move(one));
  }
  const Json json = Json::object({{"client", record.client},
                                  {"entries", std::move(entries)},
                                  {"existed", record.original.has_value()},
                                  {"file", record.file},
                                  {"left", record.left_hash},
                                  {"scope", record.scope},
                                  {"section", path_json(record.section.path)},
                                  {"single", record.single},
                                  {"workspace", record.workspace}});
  if (record.original) RTT_TRY(os::write_atomic(folder + "/original", *record.original, {.mode = 0600}));
  return os::write_atomic(folder + "/record.json", text::to_pretty_json(json), {.mode = 0600});
}

Status ConnectStore::remove(const ConnectRecord& record) const {
  const std::string folder = folder_of(record.client, record.workspace, record.file);
  RTT_TRY(os::remove_file(folder + "/record.json"));
  return os::remove_tree(folder);
}

}  // namespace rtt::panel
