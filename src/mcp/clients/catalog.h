// SPDX-License-Identifier: Apache-2.0
// Catalog: what one AI client sees of the accepted servers, with every list already rendered.
//
// A function of (accepted servers, policy, client and its capabilities, chosen servers) and nothing else, so
// a list is byte-identical on every machine and after every restart, and a client's prompt cache survives.
// Names (exposed_names.h) are given before policy hides anything, so a rule that changes does not rename
// tools. What is hidden is kept with the rule, to tell the caller why.
//
// Owns: its text.   Thread: any (a value; share as const).   Fails: never.   Limits: those of the servers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/clients/tool_index.h"
#include "mcp/pins/contracts.h"
#include "mcp/pins/equivalents.h"
#include "mcp/pins/tool_guard.h"
#include "mcp/wire/mirrored.h"
#include "model/mcp_settings.h"
#include "model/policy.h"

namespace rtt::mcp {

// Another server's tool that may be called in an entry's place.
struct Alternative {
  std::string ns, address;
  std::shared_ptr<const ToolGuard> guard{};
};
struct CatalogEntry {
  std::string exposed;   // the name the client uses: tool or prompt name, uri, uriTemplate
  std::string original;  // the server's own
  std::string ns;
  std::string address;                       // of the provider
  std::shared_ptr<const ToolGuard> guard{};  // nullptr: nothing is held of its calls
  std::vector<MirroredArgument> mirrored{};  // of a tool: what HTTP headers repeat of its arguments
  std::vector<Alternative> others{};         // by preference
  bool repeatable = false;                   // called twice it does what it does called once
};
struct HiddenEntry {
  std::string exposed, address, rule;
};

// Of what the lists say; zero: the client is not told of such things.
struct CatalogDigests {
  Digest tools, prompts, resources;
  friend bool operator==(const CatalogDigests&, const CatalogDigests&) = default;
};

// The one server that has resources: what no list names goes to it, if the policy lets the client reach the
// address that resource would have if it were listed without a name.
struct Unlisted {
  model::Saddr client, connector;
  model::Policy rules;  // those of access alone
};

struct Catalog {
  std::string client;                                   // its address
  std::vector<std::string> servers;                     // namespaces served, sorted
  std::vector<CatalogEntry> tools, prompts, resources;  // sorted by exposed
  std::vector<CatalogEntry> templates;                  // longest literal start first
  std::vector<HiddenEntry> hidden_tools;                // sorted by exposed
  std::vector<HiddenEntry> hidden_resources;            // sorted by exposed
  std::vector<HiddenEntry> hidden_templates;            // longest literal start first
  std::string tools_result, prompts_result, resources_result, templates_result;  // raw JSON results
  CatalogDigests digests;
  std::shared_ptr<const ToolIndex> index;  // the meta view: tools_result names search, describe and call
  std::string instructions;
  std::string notice;  // why nothing is offered; empty if something is
  bool offers_prompts = false, offers_resources = false, offers_completions = false;
  bool offers_subscriptions = false, offers_logging = false;
  // The one server chosen: what RTT does not know goes to it as it is, and it says what it can.
  std::optional<CatalogEntry> sole;
  text::Json sole_capabilities;  // object
  std::optional<Unlisted> unlisted;
};

struct CatalogInput {
  std::span<const PinnedServer> servers;
  const model::Policy* policy = nullptr;
  std::string client;               // the label in rtt://client/agent/<label>@0.0.0
  ClientFeatures features = {};     // what it declared
  std::vector<std::string> chosen;  // names or namespaces; empty = all
  model::NameMode names = model::NameMode::kConflict;
  const Guards* guards = nullptr;
  std::span<const model::Equivalent> equivalents{};
  model::ToolView view = model::ToolView::kList;
  std::int64_t meta_above = 100;
  std::vector<std::string>
      down{};           // namespaces set aside: called, they say why, and no list names what is theirs
  std::string trouble;  // why the workspace itself cannot be served; empty if it can
};
Catalog build_catalog(const CatalogInput& input);

model::Saddr client_address(std::string_view label);
const CatalogEntry* find_exposed(const std::vector<CatalogEntry>& entries, std::string_view exposed);
// The resource or template that serves `uri`, be it an unlisted one; or why the policy says no; or neither.
struct ResourceRoute {
  std::optional<CatalogEntry> entry{};
  std::optional<HiddenEntry> denied{};
};
ResourceRoute find_resource(const Catalog& catalog, std::string_view uri);
// Whether `uri` could come from `uri_template` (RFC 6570: each expression stands for one or more bytes).
bool template_matches(std::string_view uri_template, std::string_view uri);

}  // namespace rtt::mcp
