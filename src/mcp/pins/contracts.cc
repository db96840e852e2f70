// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/contracts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "crypto/sha256.h"
#include "mcp/wire/hidden_text.h"
#include "mcp/wire/jsonrpc.h"
#include "model/limits.h"

namespace rtt::mcp {
namespace {

using model::SymbolType;
using text::Json;

constexpr std::string_view kSchema = "https://rtt/spec/v1";
constexpr std::string_view kNoVersion = "0.0.0";

bool is_namespace_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}
bool is_namespace_start(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

SymbolType type_of(ItemKind kind) {
  switch (kind) {
    case ItemKind::kTool:
      return SymbolType::kTool;
    case ItemKind::kResource:
    case ItemKind::kTemplate:
      return SymbolType::kResource;
    case ItemKind::kPrompt:
      break;
  }
  return SymbolType::kPrompt;
}

// The name a definition gets in its address. A resource is named by its `name` where that tells it apart on
// its server, else by its URI; what is too long for an address keeps its start and the hash of the whole.
std::string address_name(ItemKind kind, const Json& definition,
                         const FlatMap<std::string, int>& resource_names) {
  std::string name(key_of(kind, definition));
  if (kind == ItemKind::kResource || kind == ItemKind::kTemplate) {
    const std::string given(definition.string_or("name"));
    const int* const uses = resource_names.find(given);
    if (!given.empty() && uses && *uses == 1) name = given;
  }
  constexpr std::size_t kHashedPart = 17;
  if (name.size() <= limits::kNameBytesMax && name.find("..") == std::string::npos) return name;
  const std::string hash = bare_hex(crypto::sha256(name)).substr(0, kHashedPart - 1);
  std::string start;
  for (const char c : name.substr(0, limits::kNameBytesMax / 3)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    start.push_back(plain ? c : '_');
  }
  return start + "-" + hash;
}

}  // namespace

model::Saddr unlisted_resource(const model::Saddr& connector, std::string_view uri) {
  const Json definition = Json::object({{"uri", uri}});
  return {.ns = connector.ns,
          .type = SymbolType::kResource,
          .name = address_name(ItemKind::kResource, definition, {}),
          .version = connector.version};
}

namespace {

Json symbol(const model::Saddr& saddr, Json params) {
  Json driver = Json::object({{"use", "mcp"}, {"params", std::move(params)}});
  return Json::object({{"symbol", Json::object({{"saddr", to_string(saddr)},
                                                {"type", std::string(model::to_string(saddr.type))},
                                                {"direction", "provider"},
                                                {"driver", std::move(driver)}})}});
}

Json connector_params(const ServerConfig& config, const ServerInfo& info) {
  Json server = Json::object({{"name", info.name},
                              {"version", info.version},
                              {"protocol", info.protocol},
                              {"capabilities", info.capabilities},
                              {"client_capabilities", Json::object({})}});
  if (!info.instructions.empty()) server.set("instructions", info.instructions);
  Json params = Json::object({{"name", config.name}, {"transport", config.transport}});
  if (config.transport == "http") {
    params.set("url", config.url);
    params.set("headers", config.headers);
    if (!config.ca_file.empty()) params.set("ca_file", config.ca_file);
    if (config.plain_http) params.set("plain_http", true);
  } else {
    params.set("command", config.command);
    params.set("args", config.args);
    params.set("env", config.env);
  }
  params.set("server", std::move(server));
  if (!config.directory.empty()) params.set("cwd", config.directory);
  if (!config.sandbox.is_null()) params.set("sandbox", config.sandbox);
  if (config.instances != Instances::kSession) params.set("instances", to_string(config.instances));
  if (config.drift != Drift::kHold) params.set("drift", to_string(config.drift));
  if (info.package.is_object()) params.set("package", info.package);
  return params;
}

std::string hidden_message(std::string_view what, std::string_view pointer, std::uint32_t point) {
  return fmt::format("{} holds a character people cannot see, U+{:04X}, at {}", what, point,
                     pointer.empty() ? "its top" : pointer);
}

Status refuse_hidden_below(const Json& value, std::string_view what, const std::string& pointer) {
  if (value.is_string()) {
    if (const auto point = first_hidden(value.as_string())) {
      return fail(Code::kBadShape, hidden_message(what, pointer, *point), {},
                  "ask its author what it is for");
    }
  } else if (value.is_array()) {
    std::size_t index = 0;
    for (const Json& item : value.as_array()) {
      RTT_TRY(refuse_hidden_below(item, what, pointer + "/" + std::to_string(index++)));
    }
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.as_object()) {
      if (const auto point = first_hidden(key)) {
        return fail(Code::kBadShape, hidden_message(what, pointer, *point), {},
                    "ask its author what it is for");
      }
      RTT_TRY(refuse_hidden_below(item, what, pointer + "/" + text::escape_pointer(key)));
    }
  }
  return {};
}

FlatMap<std::string, int> count_resource_names(const Offer& offer) {
  FlatMap<std::string, int> uses;
  const Offered* before = nullptr;
  for (const Offered& one : offer) {
    const bool resource = one.kind == ItemKind::kResource || one.kind == ItemKind::kTemplate;
    const bool variant = before && before->kind == one.kind && before->key() == one.key();
    if (resource && !variant) ++uses[std::string(one.definition.string_or("name"))];
    before = &one;
  }
  return uses;
}

Status refuse_unusable(const Offer& offer, std::string_view server) {
  const Offered* before = nullptr;
  for (const Offered& one : offer) {
    if (one.key().empty()) {
      return fail(Code::kServerProtocol,
                  fmt::format("server '{}' lists a {} without a {}", server, to_string(one.kind),
                              one.kind == ItemKind::kResource   ? "uri"
                              : one.kind == ItemKind::kTemplate ? "uriTemplate"
                                                                : "name"));
    }
    const std::string what = fmt::format("{} '{}' of server '{}'", to_string(one.kind), one.key(), server);
    RTT_TRY(refuse_hidden_text(one.definition, what));
    const bool twice =
        before && before->kind == one.kind && before->key() == one.key() && before->client == one.client;
    if (twice)
      return fail(Code::kServerProtocol,
                  fmt::format("server '{}' lists the {} '{}' twice", server, to_string(one.kind), one.key()));
    before = &one;
  }
  return {};
}

Json manifest_of(text::JsonArray contracts) {
  return Json::object({{"$schema", kSchema}, {"contracts", std::move(contracts)}});
}

// The first thing that keeps a manifest from being signed as it would lie in its file.
std::optional<model::Problem> fault_of(const Json& manifest, std::string_view file) {
  const auto read = model::read_manifest(text::to_pretty_json(manifest), file, model::Strictness::kStrict);
  const auto error = std::ranges::find(read.problems, model::Severity::kError, &model::Problem::severity);
  return error == read.problems.end() ? std::nullopt : std::optional(*error);
}

// A manifest that is written and cannot be read back would stand in the way of every later change, so what
// makes one is refused here, by the name of the item it comes from. `contracts` are the connector and the
// offer, in order.
Status refuse_unreadable(const Json& manifest, const Offer& offer, std::string_view server) {
  const std::size_t size = text::to_pretty_json(manifest).size();
  if (size > limits::kManifestBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("what server '{}' lists makes a manifest of {} bytes; {} are the most", server,
                            size, limits::kManifestBytesMax));
  }
  const auto whole = fault_of(manifest, {});
  if (!whole) return {};
  const text::JsonArray& contracts = manifest.find("contracts")->as_array();
  std::string what = fmt::format("what server '{}' lists", server);
  for (std::size_t i = 0; i < contracts.size(); ++i) {
    if (!fault_of(manifest_of({contracts[i]}), {})) continue;
    what = i == 0 ? fmt::format("what server '{}' says of itself", server)
                  : fmt::format("{} '{}' of server '{}'", to_string(offer[i - 1].kind), offer[i - 1].key(),
                                server);
    break;
  }
  return fail(whole->code, fmt::format("{} cannot be kept in a manifest: {}", what, whole->message), {},
              "its author has to offer it in another form");
}

// Definitions of one name for different clients are variants of one address; the first is the plain one.
void set_variant(model::Saddr& saddr, const ClientNeeds& client,
                 const FlatMap<std::string, std::string>& owner) {
  std::string variant = client.needs.empty() ? "plain" : variant_of(client.needs.front());
  if (variant.empty()) variant = "plain";
  saddr.variant = variant;
  for (int i = 2; owner.contains(to_string(saddr)); ++i) saddr.variant = variant + "-" + std::to_string(i);
}

bool item_less(const PinnedItem& a, const PinnedItem& b) {
  if (a.kind != b.kind) return a.kind < b.kind;
  return a.key() != b.key() ? a.key() < b.key() : a.client < b.client;
}

}  // namespace

std::string_view to_string(ItemKind kind) {
  switch (kind) {
    case ItemKind::kTool:
      return "tool";
    case ItemKind::kResource:
      return "resource";
    case ItemKind::kTemplate:
      return "template";
    case ItemKind::kPrompt:
      break;
  }
  return "prompt";
}

std::string_view key_of(ItemKind kind, const Json& definition) {
  switch (kind) {
    case ItemKind::kResource:
      return definition.string_or("uri");
    case ItemKind::kTemplate:
      return definition.string_or("uriTemplate");
    case ItemKind::kTool:
    case ItemKind::kPrompt:
      break;
  }
  return definition.string_or("name");
}

const std::vector<Json>& list_of(const Definitions& definitions, ItemKind kind) {
  switch (kind) {
    case ItemKind::kTool:
      return definitions.tools;
    case ItemKind::kResource:
      return definitions.resources;
    case ItemKind::kTemplate:
      return definitions.templates;
    case ItemKind::kPrompt:
      break;
  }
  return definitions.prompts;
}

void sort_offer(Offer& offer) {
  std::ranges::stable_sort(offer, [](const Offered& a, const Offered& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    return a.key() != b.key() ? a.key() < b.key() : a.client < b.client;
  });
}

Offer offer_of(const Definitions& definitions) {
  Offer offer;
  for (const ItemKind kind : kItemKinds) {
    for (const Json& definition : list_of(definitions, kind))
      offer.push_back({.kind = kind, .definition = definition, .client = {}});
  }
  sort_offer(offer);
  return offer;
}

std::shared_ptr<const PinnedServer> seen_by(std::shared_ptr<const PinnedServer> server,
                                            ClientFeatures client) {
  const auto sees = [client](const PinnedItem& item) { return item.client.met_by(client); };
  const auto twin = [](const PinnedItem& a, const PinnedItem& b) {
    return a.kind == b.kind && a.key() == b.key();
  };
  const bool all = std::ranges::all_of(server->items, sees) &&
                   std::ranges::adjacent_find(server->items, twin) == server->items.end();
  if (all) return server;
  auto view = std::make_shared<PinnedServer>(*server);
  std::erase_if(view->items, [&](const PinnedItem& item) { return !sees(item); });
  const auto doubled = std::ranges::unique(view->items, twin);
  view->items.erase(doubled.begin(), doubled.end());
  return view;
}

const PinnedItem* PinnedServer::find(ItemKind kind, std::string_view key) const {
  const auto at = std::lower_bound(
      items.begin(), items.end(), std::pair(kind, key),
      [](const PinnedItem& item, const auto& wanted) { return std::pair(item.kind, item.key()) < wanted; });
  return at != items.end() && at->kind == kind && at->key() == key ? &*at : nullptr;
}

Result<std::string> namespace_of(std::string_view configured_name) {
  std::string ns;
  for (char c : configured_name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool keep = is_namespace_byte(c) && !(c == '.' && ns.ends_with('.'));
    if (keep) {
      ns.push_back(c);
    } else if (!ns.ends_with('-')) {
      ns.push_back('-');
    }
  }
  const auto start = std::find_if(ns.begin(), ns.end(), is_namespace_start);
  ns.erase(ns.begin(), start);
  if (ns.empty()) {
    return fail(
        Code::kBadShape,
        fmt::format("the server name '{}' has no letter or digit to make a namespace of", configured_name),
        {}, "rename the server in its configuration");
  }
  if (ns.size() > limits::kNameBytesMax) {
    return fail(Code::kTooLarge, fmt::format("the server name '{}…' is longer than {} bytes",
                                             ns.substr(0, 32), limits::kNameBytesMax));
  }
  return ns;
}

Result<std::vector<std::string>> namespaces_of(std::span<const std::string> configured_names) {
  std::vector<std::string> out;
  FlatMap<std::string, std::string> owner;
  for (const std::string& name : configured_names) {
    RTT_TRY_SET(std::string ns, namespace_of(name));
    if (const std::string* other = owner.find(ns)) {
      return fail(Code::kNameClash,
                  fmt::format("servers '{}' and '{}' both become the namespace '{}'", *other, name, ns), {},
                  "rename one of them in its configuration");
    }
    owner.set(ns, name);
    out.push_back(std::move(ns));
  }
  return out;
}

std::string manifest_path(std::string_view ns) { return fmt::format(".rtt/manifests/mcp.{}.json", ns); }

model::Version version_of(const ServerInfo& info) {
  auto version = model::parse_version(info.version);
  if (version && info.version.size() <= limits::kNameBytesMax) return *std::move(version);
  return *model::parse_version(kNoVersion);
}

Result<Json> manifest_from(const ServerConfig& config, const ServerInfo& info, const Offer& offer) {
  RTT_TRY_SET(const std::string ns, namespace_of(config.name));
  RTT_TRY(refuse_hidden_text(Json(info.instructions),
                             fmt::format("the instructions of server '{}'", config.name)));
  RTT_TRY(refuse_hidden_text(
      Json::object({{"name", info.name}, {"version", info.version}, {"capabilities", info.capabilities}}),
      fmt::format("what server '{}' says of itself", config.name)));
  const model::Version version = version_of(info);
  const model::Saddr connector{.ns = ns, .type = SymbolType::kConnector, .name = ns, .version = version};
  text::JsonArray contracts;
  contracts.push_back(symbol(connector, connector_params(config, info)));
  const std::string server = to_string(connector);
  RTT_TRY(refuse_unusable(offer, config.name));
  const FlatMap<std::string, int> resource_names = count_resource_names(offer);
  FlatMap<std::string, std::string> owner;  // address -> key
  for (const Offered& one : offer) {
    model::Saddr saddr{.ns = ns,
                       .type = type_of(one.kind),
                       .name = address_name(one.kind, one.definition, resource_names),
                       .version = version};
    const std::string* const other = owner.find(to_string(saddr));
    if (other && *other == one.key()) {
      set_variant(saddr, one.client, owner);
    } else if (other) {
      saddr.name = "r-" + bare_hex(crypto::sha256(one.key())).substr(0, 32);
    }
    owner.set(to_string(saddr), std::string(one.key()));
    Json params = Json::object({{"server", server}, {"definition", one.definition}});
    if (!one.client.everybody()) params.set("client", to_json(one.client));
    contracts.push_back(symbol(saddr, std::move(params)));
  }
  Json manifest = manifest_of(std::move(contracts));
  RTT_TRY(refuse_unreadable(manifest, offer, config.name));
  return manifest;
}

Result<model::Saddr> connector_of(const model::Contract& contract) {
  const std::string where = to_string(contract.saddr);
  if (!contract.driver || contract.driver->use != "mcp")
    return fail(Code::kBadShape, "not an MCP contract", where);
  if (contract.saddr.type == SymbolType::kConnector) return contract.saddr;
  auto connector = model::parse_definition(contract.driver->params.string_or("server"));
  if (!connector) {
    return std::unexpected(
        std::move(connector).error().in("driver.params.server names no connector").at(where));
  }
  return connector;
}

Result<PinnedItem> item_from_contract(const model::Contract& contract) {
  const std::string where = to_string(contract.saddr);
  const Json* const definition = contract.driver ? contract.driver->params.find("definition") : nullptr;
  if (!definition || !definition->is_object() || contract.driver->use != "mcp") {
    return fail(Code::kBadShape, "not a tool, resource or prompt of an MCP server", where);
  }
  PinnedItem item{.saddr = contract.saddr, .hash = contract.hash, .definition = *definition};
  if (contract.saddr.type == SymbolType::kTool) {
    item.kind = ItemKind::kTool;
  } else if (contract.saddr.type == SymbolType::kPrompt) {
    item.kind = ItemKind::kPrompt;
  } else if (contract.saddr.type == SymbolType::kResource) {
    item.kind = definition->find("uriTemplate") ? ItemKind::kTemplate : ItemKind::kResource;
  } else {
    return fail(Code::kBadShape, "MCP servers have tools, resources and prompts only", where);
  }
  if (item.key().empty()) return fail(Code::kBadShape, "its definition has no name", where);
  if (const Json* const client = contract.driver->params.find("client")) {
    auto needs = client_needs_from(*client);
    if (!needs) return std::unexpected(std::move(needs).error().at(where));
    item.client = *std::move(needs);
  }
  return item;
}

Result<std::vector<PinnedServer>> pinned_servers(std::span<const model::Contract> contracts) {
  FlatMap<std::string, PinnedServer> by_connector;
  FlatMap<std::string, std::string> by_namespace;  // the newest connector of each
  for (const model::Contract& contract : contracts) {
    if (contract.saddr.type != SymbolType::kConnector) continue;
    auto config = config_from_connector(contract);
    if (!config) continue;  // somebody else's connector, or one of a later version
    PinnedServer server{.connector = contract.saddr, .hash = contract.hash, .config = *std::move(config)};
    if (const Json* said = contract.driver->params.find("server")) {
      server.info = {
          .name = std::string(said->string_or("name")),
          .version = std::string(said->string_or("version")),
          .protocol = std::string(said->string_or("protocol")),
          .instructions = std::string(said->string_or("instructions")),
          .capabilities = said->find("capabilities") ? *said->find("capabilities") : Json::object({})};
      if (const Json* const package = contract.driver->params.find("package")) server.info.package = *package;
    }
    const std::string id = identity(contract.saddr);
    const std::string* const other = by_namespace.find(contract.saddr.ns);
    if (!other || canonical_order(by_connector.find(*other)->connector, contract.saddr) < 0) {
      by_namespace.set(contract.saddr.ns, id);
    }
    by_connector.set(id, std::move(server));
  }
  for (const model::Contract& contract : contracts) {
    auto item = item_from_contract(contract);
    if (!item) continue;
    const auto connector = connector_of(contract);
    PinnedServer* const server = connector ? by_connector.find(identity(*connector)) : nullptr;
    if (server) server->items.push_back(*std::move(item));
  }
  std::vector<PinnedServer> out;
  for (const auto& [ns, id] : by_namespace) {
    out.push_back(std::move(*by_connector.find(id)));
    std::sort(out.back().items.begin(), out.back().items.end(), item_less);
  }
  if (out.size() > limits::kMcpServersMax) {
    return fail(Code::kLimit,
                fmt::format("{} MCP servers; {} are the most", out.size(), limits::kMcpServersMax));
  }
  return out;
}

Status refuse_hidden_text(const Json& value, std::string_view what) {
  return refuse_hidden_below(value, what, "");
}

}  // namespace rtt::mcp
