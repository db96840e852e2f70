// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/login_store.h"

#include "crypto/sha256.h"
#include "text/json.h"

namespace rtt::mcp {
namespace {

using text::Json;

std::string entry_name(std::string_view kind, std::string_view of) {
  return "oauth." + std::string(kind) + "." + bare_hex(crypto::sha256(of)).substr(0, 32);
}

Result<std::optional<Json>> read(const registry::SecretStore& secrets, const std::string& name) {
  const auto text = secrets.get(name);
  if (!text && text.error().code == Code::kSecretMissing) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  auto value = text::parse_json(*text);
  if (!value || !value->is_object())  // the reader's words could show what stands there
    return fail(Code::kBadShape, "a stored login is damaged", name, "rtt mcp login NAME");
  return *std::move(value);
}

std::string field(const Json& value, std::string_view key) { return std::string(value.string_or(key)); }

constexpr std::string_view kHeader = "header", kForm = "form";
std::string_view secret_in(const OAuthClient& client) {
  return client.secret_in == SecretIn::kHeader ? kHeader : kForm;
}
OAuthClient client_in(const Json& value) {
  return {.issuer = field(value, "issuer"),
          .id = field(value, "client_id"),
          .secret = field(value, "client_secret"),
          .secret_in = value.string_or("secret_in") == kHeader ? SecretIn::kHeader : SecretIn::kForm};
}

}  // namespace

Result<std::optional<Login>> LoginStore::login(const std::string& resource) const {
  RTT_TRY_SET(const std::optional<Json> value, read(secrets_, entry_name("login", resource)));
  if (!value || value->string_or("resource") != resource) return std::nullopt;
  return Login{.resource = resource,
               .client = client_in(*value),
               .token_endpoint = field(*value, "token_endpoint"),
               .access_token = field(*value, "access_token"),
               .refresh_token = field(*value, "refresh_token"),
               .scope = field(*value, "scope"),
               .ends_unix_ms = value->int_or("ends_unix_ms", 0)};
}

Status LoginStore::put(const Login& login) const {
  const Json value = Json::object({{"resource", login.resource},
                                   {"issuer", login.client.issuer},
                                   {"client_id", login.client.id},
                                   {"client_secret", login.client.secret},
                                   {"secret_in", secret_in(login.client)},
                                   {"token_endpoint", login.token_endpoint},
                                   {"access_token", login.access_token},
                                   {"refresh_token", login.refresh_token},
                                   {"scope", login.scope},
                                   {"ends_unix_ms", login.ends_unix_ms}});
  return secrets_.put(entry_name("login", login.resource), text::to_json(value));
}

Result<os::FileLock> LoginStore::lock_renewal(const std::string& resource) const {
  return os::FileLock::take(user_dir_ + "/lock." + entry_name("login", resource), os::FileLock::Wait::kNo);
}

Result<std::optional<OAuthClient>> LoginStore::client(const std::string& issuer) const {
  RTT_TRY_SET(const std::optional<Json> value, read(secrets_, entry_name("client", issuer)));
  if (!value || value->string_or("issuer") != issuer) return std::nullopt;
  return client_in(*value);
}

Status LoginStore::put(const OAuthClient& client) const {
  const Json value = Json::object({{"issuer", client.issuer},
                                   {"client_id", client.id},
                                   {"client_secret", client.secret},
                                   {"secret_in", secret_in(client)}});
  return secrets_.put(entry_name("client", client.issuer), text::to_json(value));
}

}  // namespace rtt::mcp
