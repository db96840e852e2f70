// SPDX-License-Identifier: Apache-2.0
// An MCP server as contracts, and back (docs/formats/mcp-manifest.md).
//
// One server becomes one connector (how to start or reach it, what it said of itself) and one contract per
// tool, prompt, resource and resource template, each holding the whole definition as the server gave it: that
// is the pin. All of them go into one file, `.rtt/manifests/mcp.<namespace>.json`, which people review and
// git keeps. Nothing of the machine enters it: paths are written as ${workspace}/… and ${home}/…, secrets as
// {"secret":NAME}.
//
// Text that cannot be seen (bidi controls, tags, zero-width characters outside emoji) is refused: what a
// model reads and a reviewer does not see is an attack.
//
// Thread: any (pure).
// Fails: kBadShape, kNameClash, kServerProtocol, kTooLarge, and what keeps a manifest from being read back.
// Limits: kMcpToolsPerServerMax definitions of a kind, kManifestBytesMax a manifest.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/pins/client_needs.h"
#include "mcp/pins/server_config.h"
#include "model/contract.h"

namespace rtt::mcp {

// What a server said in `initialize`, and the package that its command runs.
struct ServerInfo {
  std::string name, version, protocol, instructions;
  text::Json capabilities;
  text::Json package{};  // {"manager","name","version","integrity"?}; null: not known
  friend bool operator==(const ServerInfo&, const ServerInfo&) = default;
};
// What it listed, as it gave it.
struct Definitions {
  std::vector<text::Json> tools, resources, templates, prompts;
  friend bool operator==(const Definitions&, const Definitions&) = default;
};

enum class ItemKind : std::uint8_t { kTool, kResource, kTemplate, kPrompt };
std::string_view to_string(ItemKind kind);  // tool resource template prompt
inline constexpr std::array kItemKinds{ItemKind::kTool, ItemKind::kResource, ItemKind::kTemplate,
                                       ItemKind::kPrompt};
const std::vector<text::Json>& list_of(const Definitions& definitions, ItemKind kind);
// What tells one definition of a kind from another: name, uri or uriTemplate.
std::string_view key_of(ItemKind kind, const text::Json& definition);

// What a server offers to all its clients taken together, each definition once.
struct Offered {
  ItemKind kind = ItemKind::kTool;
  text::Json definition;
  ClientNeeds client;
  [[nodiscard]] std::string_view key() const { return key_of(kind, definition); }
};
using Offer = std::vector<Offered>;  // sorted by (kind, key, client)
void sort_offer(Offer& offer);
Offer offer_of(const Definitions& definitions);  // to every client the same

struct PinnedItem {
  ItemKind kind = ItemKind::kTool;
  model::Saddr saddr;
  Digest hash;  // of the contract in force
  text::Json definition;
  ClientNeeds client;
  [[nodiscard]] std::string_view key() const { return key_of(kind, definition); }
};
struct PinnedServer {
  model::Saddr connector;  // rtt://<ns>/connector/<ns>@<version>
  Digest hash;
  ServerConfig config;
  ServerInfo info;
  std::vector<PinnedItem> items;  // sorted by (kind, key, client)
  std::string root;  // of the workspace whose it is, where that is not the one served: the user's own
  [[nodiscard]] const std::string& ns() const { return connector.ns; }
  [[nodiscard]] const PinnedItem* find(ItemKind kind, std::string_view key) const;
};

// What a client with these capabilities is shown of it: each (kind, key) at most once. The same object if
// that is all.
std::shared_ptr<const PinnedServer> seen_by(std::shared_ptr<const PinnedServer> server,
                                            ClientFeatures client);

// "My Server" -> "my-server". Fails kBadShape if nothing usable is left.
Result<std::string> namespace_of(std::string_view configured_name);
// The same for all; two names that become one are kNameClash naming both.
Result<std::vector<std::string>> namespaces_of(std::span<const std::string> configured_names);
std::string manifest_path(std::string_view ns);     // .rtt/manifests/mcp.<ns>.json
model::Version version_of(const ServerInfo& info);  // serverInfo.version if SemVer, else 0.0.0

// {"$schema":…,"contracts":[…]}
Result<text::Json> manifest_from(const ServerConfig& config, const ServerInfo& info, const Offer& offer);
// The servers among these contracts; tools whose connector is not among them are left out. Sorted by
// namespace.
Result<std::vector<PinnedServer>> pinned_servers(std::span<const model::Contract> contracts);
Result<PinnedItem> item_from_contract(const model::Contract& contract);
// The address that a resource of the server would have if it were listed without a name.
model::Saddr unlisted_resource(const model::Saddr& connector, std::string_view uri);
// The connector's address that a tool, prompt or resource names.
Result<model::Saddr> connector_of(const model::Contract& contract);

// kBadShape naming the place and code point of the first character that cannot be seen.
Status refuse_hidden_text(const text::Json& value, std::string_view what);

}  // namespace rtt::mcp
