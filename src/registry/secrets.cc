// SPDX-License-Identifier: Apache-2.0
#include "registry/secrets.h"

#include <algorithm>
#include <iterator>

#include "os/file.h"
#include "os/permissions.h"

namespace rtt::registry {
namespace {

constexpr std::size_t kSecretBytesMax = std::size_t{64} << 10;
constexpr std::size_t kSecretNameBytesMax = 128;
constexpr int kResolveDepthMax = 8;

bool is_word(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         byte == '_';
}

Status check_name(std::string_view name) {
  const bool known =
      std::ranges::all_of(name, [](char byte) { return is_word(byte) || byte == '.' || byte == '-'; });
  // A leading dot would hide the file, and `.` and `..` are folders.
  if (name.empty() || name.size() > kSecretNameBytesMax || !known || name.front() == '.') {
    return fail(Code::kBadArgument,
                "a secret's name is 1 to 128 letters, digits, `.`, `_` or `-`, no dot first");
  }
  return {};
}

using Environment = std::vector<std::pair<std::string, std::string>>;

const std::string* variable(const Environment& environment, std::string_view name) {
  // The last entry counts, as when a program's environment names a variable twice and a shell reads it.
  for (auto at = environment.rbegin(); at != environment.rend(); ++at) {
    if (at->first == name) return &at->second;
  }
  return nullptr;
}

Error unset(std::string_view name) {
  return Error{.code = Code::kSecretMissing,
               .message = "the variable " + std::string(name) + " is not set",
               .where = "${" + std::string(name) + "}",
               .hint = "export " + std::string(name) + "=…, or rtt mcp import to store the value"};
}

// `${NAME}` and `${NAME:-otherwise}`; anything else that begins with `${` is text.
Result<Resolved> expand(std::string_view text, const Environment& environment) {
  Resolved all;
  std::string& out = all.text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("${", at);
    out += text.substr(at, std::min(open, text.size()) - at);
    if (open == std::string_view::npos) break;
    std::size_t end = open + 2;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view name = text.substr(open + 2, end - open - 2);
    const std::size_t close = text.find('}', end);
    const std::string_view rest =
        close == std::string_view::npos ? std::string_view() : text.substr(end, close - end);
    const bool reference =
        close != std::string_view::npos && !name.empty() && (rest.empty() || rest.starts_with(":-"));
    if (!reference) {
      out += "${";
      at = open + 2;
      continue;
    }
    const std::string* value = variable(environment, name);
    if (value != nullptr && (!value->empty() || rest.empty())) {
      out += *value;
      all.taken.push_back({.variable = std::string(name), .value = *value});
    } else if (!rest.empty()) {
      out += rest.substr(2);
    } else {
      return std::unexpected(unset(name));
    }
    at = close + 1;
  }
  return all;
}

Result<Resolved> resolve_at(const SecretStore& store, const text::Json& value, const Environment& environment,
                            int depth) {
  if (depth > kResolveDepthMax) return fail(Code::kLimit, "a value with secrets is nested too deeply");
  if (value.is_string()) return expand(value.as_string(), environment);
  if (const text::Json* secret = value.find("secret"); secret != nullptr && secret->is_string()) {
    RTT_TRY_SET(std::string stored, store.get(secret->as_string()));
    return Resolved{.text = stored, .taken = {{.variable = {}, .value = std::move(stored)}}};
  }
  if (const text::Json* name = value.find("env"); name != nullptr && name->is_string()) {
    const std::string* found = variable(environment, name->as_string());
    if (found != nullptr && !found->empty())
      return Resolved{.text = *found, .taken = {{.variable = name->as_string(), .value = *found}}};
    const text::Json* otherwise = value.find("else");
    if (otherwise == nullptr) return std::unexpected(unset(name->as_string()));
    return resolve_at(store, *otherwise, environment, depth + 1);
  }
  if (const text::Json* parts = value.find("concat"); parts != nullptr && parts->is_array()) {
    Resolved all;
    for (const text::Json& part : parts->as_array()) {
      RTT_TRY_SET(Resolved one, resolve_at(store, part, environment, depth + 1));
      all.text += one.text;
      std::ranges::move(one.taken, std::back_inserter(all.taken));
    }
    return all;
  }
  return fail(Code::kBadShape,
              R"(a value is text, {"secret":NAME}, {"env":NAME,"else":…} or {"concat":[…]})");
}

}  // namespace

SecretStore::SecretStore(const std::string& user_dir, Values fresh)
    : directory_(user_dir + "/secrets"), fresh_(std::move(fresh)) {}

Status SecretStore::put(std::string_view name, std::string_view value) const {
  RTT_TRY(check_name(name));
  if (value.size() > kSecretBytesMax) {
    return fail(Code::kTooLarge, "the secret " + std::string(name) + " is larger than 64 KiB");
  }
  RTT_TRY(os::make_directories(directory_, 0700));
  RTT_TRY_SET(const std::uint32_t mode, os::permissions_of(directory_));
  if ((mode & 0077U) != 0) {
    return fail(Code::kPermission, "others may enter the folder of secrets", directory_,
                "chmod 700 " + directory_);
  }
  return os::write_atomic(directory_ + "/" + std::string(name), value, {.mode = 0600});
}

Status SecretStore::erase(std::string_view name) const {
  RTT_TRY(check_name(name));
  return os::remove_file(directory_ + "/" + std::string(name));
}

Result<std::string> SecretStore::get(std::string_view name) const {
  RTT_TRY(check_name(name));
  const auto at =
      std::ranges::find(fresh_, name, [](const auto& one) { return std::string_view(one.first); });
  if (at != fresh_.end()) return at->second;
  const std::string path = directory_ + "/" + std::string(name);
  const auto mode = os::permissions_of(path);
  if (!mode && mode.error().code == Code::kNotFound) {
    return fail(Code::kSecretMissing, "this user's secret store does not hold " + std::string(name),
                std::string(name), "rtt mcp import");
  }
  if (!mode) return std::unexpected(mode.error());
  if ((*mode & 0077U) != 0) {
    return fail(Code::kPermission, "others may read the secret " + std::string(name), path,
                "chmod 600 " + path);
  }
  return os::read_file(path, kSecretBytesMax);
}

Result<std::vector<std::string>> SecretStore::names() const {
  if (!os::exists(directory_)) return std::vector<std::string>{};
  RTT_TRY_SET(std::vector<std::string> all, os::list_directory(directory_));
  std::erase_if(all, [](const std::string& name) { return !check_name(name); });
  return all;
}

Result<std::string> SecretStore::resolve(const text::Json& value, const Environment& environment) const {
  RTT_TRY_SET(Resolved all, resolve_apart(value, environment));
  return std::move(all.text);
}

Result<Resolved> SecretStore::resolve_apart(const text::Json& value, const Environment& environment) const {
  return resolve_at(*this, value, environment, 0);
}

}  // namespace rtt::registry
