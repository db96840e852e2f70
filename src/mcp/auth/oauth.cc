// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/oauth.h"

#include <algorithm>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "mcp/wire/jsonrpc.h"
#include "mcp/wire/protocol.h"
#include "text/json.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::int64_t kLifeMsMax = std::int64_t{10} * 365 * 24 * 3600 * 1000;

std::unexpected<Error> wrong(std::string_view document, const std::string& what) {
  return fail(Code::kServerProtocol, std::string(document) + ' ' + what);
}

std::string shown(std::string_view text) { return clean_text(text.substr(0, 200)); }

std::vector<std::string> strings(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const Json* const list = object.find(key);
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : list->as_array()) {
    if (item.is_string()) out.push_back(item.as_string());
  }
  return out;
}

Result<Json> read_object(std::string_view text, std::string_view document) {
  auto value = text::parse_json(text);
  if (!value || !value->is_object()) return wrong(document, "is no JSON object");
  return *std::move(value);
}

// An address credentials may be sent to.
Status check_address(std::string_view address, std::string_view document, std::string_view field) {
  const auto url = web::parse_url(address);
  if (url && (url->scheme == "https" || web::is_loopback(url->host))) return {};
  return wrong(document,
               "has a `" + std::string(field) + "` that is no https address: '" + shown(address) + "'");
}

std::string without_last_slash(std::string text) {
  if (text.ends_with('/')) text.pop_back();
  return text;
}

bool is_token_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// The value at the start of `rest`, quoted or not, taken off it.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of(", "), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    value.push_back(rest[at]);
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return value;
}

}  // namespace

BearerChallenge parse_challenge(std::string_view rest) {
  BearerChallenge out;
  while (!rest.empty()) {
    const std::size_t start = std::min(rest.find_first_not_of(", \t"), rest.size());
    rest.remove_prefix(start);
    const auto stop = std::ranges::find_if_not(rest, is_token_byte);
    const std::string_view name = rest.substr(0, static_cast<std::size_t>(stop - rest.begin()));
    rest.remove_prefix(name.size());
    if (!rest.starts_with('=')) {  // a scheme, or something unreadable: one byte on
      if (name.empty() && !rest.empty()) rest.remove_prefix(1);
      continue;
    }
    rest.remove_prefix(1);
    std::string value = take_value(rest);
    if (name == "error")
      out.error = std::move(value);
    else if (name == "scope")
      out.scope = std::move(value);
    else if (name == "resource_metadata")
      out.resource_metadata = std::move(value);
  }
  return out;
}

std::vector<std::string> resource_metadata_places(const web::Url& resource,
                                                  const BearerChallenge& challenge) {
  constexpr std::string_view kPlace = "/.well-known/oauth-protected-resource";
  std::vector<std::string> out;
  if (!challenge.resource_metadata.empty() &&
      check_address(challenge.resource_metadata, "the challenge", "resource_metadata"))
    out.push_back(challenge.resource_metadata);
  const std::string origin = web::origin_of(resource);
  if (resource.path != "/") out.push_back(origin + std::string(kPlace) + without_last_slash(resource.path));
  out.push_back(origin + std::string(kPlace));
  return out;
}

std::vector<std::string> issuer_metadata_places(const web::Url& issuer) {
  constexpr std::string_view kOAuth = "/.well-known/oauth-authorization-server";
  constexpr std::string_view kOpenId = "/.well-known/openid-configuration";
  const std::string origin = web::origin_of(issuer), path = without_last_slash(issuer.path);
  std::vector<std::string> out{origin + std::string(kOAuth) + path, origin + std::string(kOpenId) + path};
  if (!path.empty()) out.push_back(origin + path + std::string(kOpenId));
  return out;
}

Result<ResourceMetadata> read_resource_metadata(std::string_view text, const web::Url& resource) {
  constexpr std::string_view kDocument = "the server's protected-resource metadata";
  RTT_TRY_SET(const Json value, read_object(text, kDocument));
  ResourceMetadata out{.resource = std::string(value.string_or("resource")),
                       .issuers = strings(value, "authorization_servers"),
                       .scopes = strings(value, "scopes_supported")};
  const auto named = web::parse_url(out.resource);
  const std::string path = named ? without_last_slash(named->path) : "";
  const bool covers = named && web::origin_of(*named) == web::origin_of(resource) &&
                      (path.empty() || resource.path == path || resource.path.starts_with(path + "/"));
  if (!covers) return wrong(kDocument, "is of another resource: '" + shown(out.resource) + "'");
  if (out.issuers.empty()) return wrong(kDocument, "names no authorization server");
  RTT_TRY(check_address(out.issuers.front(), kDocument, "authorization_servers"));
  return out;
}

namespace {
bool has(const std::vector<std::string>& words, std::string_view wanted) {
  return std::ranges::find(words, wanted) != words.end();
}
}  // namespace

Result<IssuerMetadata> read_issuer_metadata(std::string_view text, const std::string& issuer) {
  constexpr std::string_view kDocument = "the authorization server's metadata";
  RTT_TRY_SET(const Json value, read_object(text, kDocument));
  IssuerMetadata out{.issuer = std::string(value.string_or("issuer")),
                     .authorize = std::string(value.string_or("authorization_endpoint")),
                     .token = std::string(value.string_or("token_endpoint")),
                     .registration = std::string(value.string_or("registration_endpoint")),
                     .scopes = strings(value, "scopes_supported")};
  out.says_issuer = value.bool_or("authorization_response_iss_parameter_supported", false);
  out.client_document = value.bool_or("client_id_metadata_document_supported", false);
  if (without_last_slash(out.issuer) != without_last_slash(issuer))
    return wrong(kDocument, "is of another issuer: '" + shown(out.issuer) + "'");
  RTT_TRY(check_address(out.authorize, kDocument, "authorization_endpoint"));
  RTT_TRY(check_address(out.token, kDocument, "token_endpoint"));
  if (!out.registration.empty()) RTT_TRY(check_address(out.registration, kDocument, "registration_endpoint"));
  // Not said means HTTP Basic (RFC 8414, 2); where both are taken, the form needs no second encoding.
  if (has(strings(value, "token_endpoint_auth_methods_supported"), "client_secret_post"))
    out.secret_in = SecretIn::kForm;
  const auto methods = strings(value, "code_challenge_methods_supported");
  if (!has(methods, "S256"))
    return wrong(kDocument,
                 "does not offer PKCE with S256, without which a login could be stolen on its way");
  return out;
}

std::string base64url(ByteView bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

std::string s256(std::string_view verifier) {
  const Digest digest = crypto::sha256(verifier);
  return base64url(digest.bytes);
}

std::string form_text(const Form& form) {
  std::string out;
  for (const auto& [name, value] : form) {
    if (value.empty()) continue;
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(web::percent_encoded(value));
  }
  return out;
}

TokenAsk token_ask(const OAuthClient& client, Form form) {
  if (client.secret.empty() || client.secret_in == SecretIn::kForm) {
    form.emplace_back("client_id", client.id);
    form.emplace_back("client_secret", client.secret);
    return {.body = form_text(form), .authorization = {}};
  }
  const std::string pair = web::percent_encoded(client.id) + ":" + web::percent_encoded(client.secret);
  return {.body = form_text(form), .authorization = "Basic " + to_base64(as_bytes(std::string_view(pair)))};
}

std::string authorization_url(const AuthorizationAsk& ask) {
  const std::string query = form_text({{"response_type", "code"},
                                       {"client_id", ask.client_id},
                                       {"redirect_uri", ask.redirect},
                                       {"state", ask.state},
                                       {"code_challenge", ask.challenge},
                                       {"code_challenge_method", "S256"},
                                       {"scope", ask.scope},
                                       {"resource", ask.resource}});
  return ask.authorize + (ask.authorize.contains('?') ? "&" : "?") + query;
}

Result<std::string> code_of(std::string_view query, const std::string& state, const IssuerMetadata& issuer) {
  constexpr std::string_view kDocument = "the browser's answer";
  if (web::query_value(query, "state") != state) return wrong(kDocument, "belongs to another login");
  const std::string iss = web::query_value(query, "iss");
  if (iss.empty() ? issuer.says_issuer : without_last_slash(iss) != without_last_slash(issuer.issuer))
    return wrong(kDocument, "comes from another issuer than was asked");
  if (const std::string error = web::query_value(query, "error"); !error.empty()) {
    const std::string words = web::query_value(query, "error_description");
    return fail(Code::kPermission, "the authorization server refused the login: " + shown(error) +
                                       (words.empty() ? "" : " (" + shown(words) + ")"));
  }
  std::string code = web::query_value(query, "code");
  if (code.empty()) return wrong(kDocument, "has no code");
  return code;
}

Result<TokenOutcome> read_token_answer(int status, std::string_view text, std::int64_t now_unix_ms) {
  constexpr std::string_view kDocument = "the authorization server's token answer";
  TokenOutcome out;
  if (status >= 500) return wrong(kDocument, "is HTTP " + std::to_string(status));
  RTT_TRY_SET(const Json value, read_object(text, kDocument));
  if (status >= 300) {
    out.refusal = {.error = shown(value.string_or("error", "HTTP " + std::to_string(status))),
                   .words = shown(value.string_or("error_description"))};
    return out;
  }
  TokenAnswer token{.access_token = std::string(value.string_or("access_token")),
                    .refresh_token = std::string(value.string_or("refresh_token")),
                    .scope = std::string(value.string_or("scope"))};
  const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (token.access_token.empty() || !std::ranges::all_of(token.access_token, visible))
    return wrong(kDocument, "has no access token that a header can carry");
  std::string type(value.string_or("token_type"));
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (type != "bearer") return wrong(kDocument, "is for a token that is no bearer token");
  const std::int64_t seconds = value.int_or("expires_in", 0);
  if (seconds > 0) token.ends_unix_ms = now_unix_ms + std::min(seconds, kLifeMsMax / 1000) * 1000;
  out.token = std::move(token);
  return out;
}

std::string registration_request(std::string_view redirect, std::string_view scope) {
  Json uris{text::JsonArray{}}, grants{text::JsonArray{}}, types{text::JsonArray{}};
  uris.push(redirect);
  grants.push("authorization_code");
  grants.push("refresh_token");
  types.push("code");
  Json request = Json::object({{"client_name", "RTT"},
                               {"redirect_uris", std::move(uris)},
                               {"grant_types", std::move(grants)},
                               {"response_types", std::move(types)},
                               {"application_type", "native"},
                               {"token_endpoint_auth_method", "none"}});
  if (!scope.empty()) request.set("scope", scope);
  return text::to_json(request);
}

Result<OAuthClient> read_registration(int status, std::string_view text, const std::string& issuer) {
  constexpr std::string_view kDocument = "the authorization server's registration answer";
  const auto value = text::parse_json(text);
  if (status != 200 && status != 201) {
    const std::string error = value && value->is_object() ? shown(value->string_or("error")) : "";
    return wrong(kDocument, "is HTTP " + std::to_string(status) + (error.empty() ? "" : ": " + error));
  }
  OAuthClient client{.issuer = issuer};
  if (value && value->is_object()) {
    client.id = value->string_or("client_id");
    client.secret = value->string_or("client_secret");
    if (value->string_or("token_endpoint_auth_method", "client_secret_basic") == "client_secret_basic")
      client.secret_in = SecretIn::kHeader;
  }
  if (client.id.empty()) return wrong(kDocument, "has no client id");
  return client;
}

}  // namespace rtt::mcp
