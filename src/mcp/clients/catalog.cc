// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "crypto/sha256.h"
#include "mcp/clients/exposed_names.h"
#include "mcp/clients/meta_tools.h"
#include "mcp/own/own_tools.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr const char* kShadowed = "mcp.names: plain gives this name to an earlier server";
constexpr std::size_t kNamedTools = 3;  // hidden tools a notice names

struct Listed {
  const PinnedServer* server;
  const PinnedItem* item;
  std::string exposed;
  const Equivalents::Tool* alike;  // the first of those that provide it; nullptr: the only one
};

bool is_repeatable(const Json& definition) {
  const Json* const hints = definition.find("annotations");
  return hints != nullptr && hints->is_object() &&
         (hints->bool_or("readOnlyHint", false) || hints->bool_or("idempotentHint", false));
}

bool chosen(const PinnedServer& server, const std::vector<std::string>& names) {
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return name == server.config.name || name == server.ns();
         });
}

// Items of one kind under the names a client will see, sorted by them. Resources keep their URIs: those are
// addresses already, and must come back as the server wrote them.
std::vector<Listed> named_items(const std::vector<const PinnedServer*>& servers, ItemKind kind,
                                model::NameMode names, const std::vector<std::string>& reserved,
                                const Equivalents& equivalents) {
  std::vector<Listed> out;
  for (const PinnedServer* server : servers) {
    for (const PinnedItem& item : server->items) {
      if (item.kind != kind) continue;
      const auto* const alike =
          kind == ItemKind::kTool ? equivalents.find(server->ns(), item.key()) : nullptr;
      if (alike == nullptr || alike->providers.front() == server)
        out.push_back({server, &item, std::string(item.key()), alike});
    }
  }
  if (kind == ItemKind::kTool || kind == ItemKind::kPrompt) {
    std::vector<NameClaim> claims;
    for (const Listed& listed : out) claims.push_back({listed.server->ns(), listed.exposed, {}});
    expose_names(claims, names, reserved);
    for (std::size_t i = 0; i < out.size(); ++i) out[i].exposed = std::move(claims[i].exposed);
  }
  std::sort(out.begin(), out.end(), [](const Listed& a, const Listed& b) {
    return std::tie(a.exposed, a.server->ns()) < std::tie(b.exposed, b.server->ns());
  });
  return out;
}

bool theirs(const PinnedServer& server) { return server.ns() != kOwnNamespace; }

std::string_view literal_start(std::string_view uri_template) {
  return uri_template.substr(0, uri_template.find('{'));
}

class Builder {
 public:
  explicit Builder(const CatalogInput& input) : input_(input), client_(client_address(input.client)) {}

  Catalog build() {
    catalog_.client = to_string(client_);
    for (const PinnedServer& server : input_.servers) {
      if (!chosen(server, input_.chosen) || !offers(server)) continue;
      // A server that all clients share was started for none of them.
      const bool shared = server.config.instances != Instances::kSession;
      const ClientFeatures features = shared ? ClientFeatures{} : input_.features;
      views_.push_back(
          seen_by(std::shared_ptr<const PinnedServer>(std::shared_ptr<void>(), &server), features));
      servers_.push_back(views_.back().get());
      catalog_.servers.push_back(server.ns());
    }
    equivalents_ = equivalents_of(servers_, input_.equivalents);
    catalog_.tools_result = list(ItemKind::kTool, "tools", catalog_.tools);
    catalog_.prompts_result = list(ItemKind::kPrompt, "prompts", catalog_.prompts);
    catalog_.resources_result = list(ItemKind::kResource, "resources", catalog_.resources);
    catalog_.templates_result = list(ItemKind::kTemplate, "resourceTemplates", catalog_.templates);
    const auto closer = [](const auto& a, const auto& b) {
      const std::size_t a_size = literal_start(a.exposed).size(), b_size = literal_start(b.exposed).size();
      return a_size != b_size ? a_size > b_size : a.exposed < b.exposed;
    };
    std::ranges::sort(catalog_.templates, closer);
    std::ranges::sort(catalog_.hidden_templates, closer);
    note_capabilities();
    note_digests();
    write_notice();
    write_instructions();
    return std::move(catalog_);
  }

 private:
  // nullptr: one that is hidden is refused like one that nobody has.
  std::vector<HiddenEntry>* hidden_of(ItemKind kind) {
    switch (kind) {
      case ItemKind::kTool:
        return &catalog_.hidden_tools;
      case ItemKind::kResource:
        return &catalog_.hidden_resources;
      case ItemKind::kTemplate:
        return &catalog_.hidden_templates;
      case ItemKind::kPrompt:
        break;
    }
    return nullptr;
  }

  model::AccessVerdict verdict(const model::Saddr& provider) const {
    if (!input_.policy) return {};
    return model::access(*input_.policy, client_, provider);
  }

  // One server asked for by name is served as if the client had started it.
  [[nodiscard]] model::NameMode names() const {
    return input_.chosen.size() == 1 && servers_.size() == 1 ? model::NameMode::kConflict : input_.names;
  }

  // Taken before it is known how many tools there are, so that their number does not rename any.
  [[nodiscard]] std::vector<std::string> reserved(ItemKind kind) const {
    if (kind != ItemKind::kTool || input_.view == model::ToolView::kList) return {};
    return {kMetaTools.begin(), kMetaTools.end()};
  }

  // RTT itself is among the servers only where it was asked for or a rule lets the client see something of
  // it: nobody else's view changes by its being there.
  [[nodiscard]] bool offers(const PinnedServer& server) const {
    if (theirs(server) || !input_.chosen.empty()) return true;
    return input_.policy != nullptr && std::ranges::any_of(server.items, [&](const PinnedItem& item) {
             return verdict(item.saddr).allowed;
           });
  }

  std::string list(ItemKind kind, std::string_view member, std::vector<CatalogEntry>& entries) {
    text::JsonArray definitions;  // of entries
    std::vector<HiddenEntry> shadowed;
    for (const Listed& listed : named_items(servers_, kind, names(), reserved(kind), equivalents_)) {
      const std::string& exposed = listed.exposed;
      const std::string address = to_string(listed.item->saddr);
      if (exposed.empty()) {  // sorted to the front: no entry of its name is there yet
        if (kind == ItemKind::kTool)
          shadowed.push_back({std::string(listed.item->key()), address, kShadowed});
        continue;
      }
      std::vector<Alternative> providers = allowed_of(listed);
      if (providers.empty()) {
        if (auto* const hidden = hidden_of(kind))
          hidden->push_back({exposed, address, verdict(listed.item->saddr).rule});
        continue;
      }
      if (!entries.empty() && entries.back().exposed == exposed)
        continue;  // one URI, two servers: the first has it
      const Json* const schema =
          kind == ItemKind::kTool ? listed.item->definition.find("inputSchema") : nullptr;
      entries.push_back({exposed, std::string(listed.item->key()), providers.front().ns,
                         std::move(providers.front().address), std::move(providers.front().guard)});
      if (schema != nullptr) entries.back().mirrored = mirrored_arguments(*schema);
      entries.back().repeatable = is_repeatable(listed.item->definition);
      entries.back().others.assign(std::make_move_iterator(providers.begin() + 1),
                                   std::make_move_iterator(providers.end()));
      Json definition = listed.item->definition;
      if (exposed != listed.item->key()) definition.set("name", exposed);
      definitions.push_back(std::move(definition));
    }
    if (kind == ItemKind::kTool && wants_meta(entries.size())) {
      index_tools(definitions);
      return meta_tools_result(entries.size());
    }
    Json array(text::JsonArray{});
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!is_down(entries[i])) array.push(std::move(definitions[i]));
    }
    auto& hidden = catalog_.hidden_tools;
    hidden.insert(hidden.end(), shadowed.begin(), shadowed.end());
    std::ranges::stable_sort(hidden, {}, &HiddenEntry::exposed);  // of one name, policy's word comes first
    return text::canonical_json(Json::object({{member, std::move(array)}}));
  }

  // Those that the client may reach, of all that provide it.
  [[nodiscard]] std::vector<Alternative> allowed_of(const Listed& listed) const {
    std::vector<Alternative> out;
    const auto add = [&](const PinnedServer& server, const PinnedItem& item) {
      if (!verdict(item.saddr).allowed) return;
      out.push_back({server.ns(), to_string(item.saddr)});
      if (input_.guards != nullptr) out.back().guard = guard_of(*input_.guards, out.back().address);
    };
    if (listed.alike == nullptr) {
      add(*listed.server, *listed.item);
    } else {
      for (const PinnedServer* const server : listed.alike->providers)
        add(*server, *server->find(ItemKind::kTool, listed.alike->key));
    }
    return out;
  }

  [[nodiscard]] bool is_down(const CatalogEntry& entry) const {
    const auto down = [this](std::string_view ns) {
      return std::ranges::find(input_.down, ns) != input_.down.end();
    };
    return down(entry.ns) && std::ranges::all_of(entry.others, down, &Alternative::ns);
  }

  [[nodiscard]] bool wants_meta(std::size_t tool_count) const {
    using model::ToolView;
    if (tool_count == 0 || input_.view == ToolView::kList) return false;
    return input_.view == ToolView::kMeta || tool_count > static_cast<std::size_t>(input_.meta_above);
  }

  // REQUIRES: definitions are those of catalog_.tools, in its order.
  void index_tools(const text::JsonArray& definitions) {
    std::vector<ToolIndex::Tool> tools;
    for (std::size_t i = 0; i < definitions.size(); ++i) {
      const CatalogEntry& tool = catalog_.tools[i];
      if (!is_down(tool)) tools.push_back({tool.exposed, tool.ns, definitions[i]});
    }
    catalog_.index = std::make_shared<const ToolIndex>(std::move(tools));
  }

  void note_capabilities() {
    std::vector<const PinnedServer*> with_resources;
    for (const PinnedServer* server : servers_) {
      const Json& capabilities = server->info.capabilities;
      catalog_.offers_prompts = catalog_.offers_prompts || capabilities.find("prompts");
      catalog_.offers_completions = catalog_.offers_completions || capabilities.find("completions");
      catalog_.offers_logging = catalog_.offers_logging || capabilities.find("logging");
      const Json* const resources = capabilities.find("resources");
      if (resources) with_resources.push_back(server);
      if (resources && resources->bool_or("subscribe", false)) catalog_.offers_subscriptions = true;
    }
    // RTT's own tools beside one server do not make it one of several.
    const auto not_ours = [](const PinnedServer* server) { return theirs(*server); };
    const auto one = std::ranges::find_if(servers_, not_ours);
    const bool alone = std::ranges::count_if(servers_, not_ours) == 1;
    if (alone && verdict((*one)->connector).allowed) {
      const PinnedServer& sole = **one;
      catalog_.sole = CatalogEntry{.ns = sole.ns(), .address = to_string(sole.connector)};
      if (sole.info.capabilities.is_object()) catalog_.sole_capabilities = sole.info.capabilities;
    }
    catalog_.offers_resources = !with_resources.empty();
    if (with_resources.size() != 1) return;
    const PinnedServer& only = *with_resources.front();
    if (input_.policy != nullptr && verdict(only.connector).allowed)
      catalog_.unlisted = Unlisted{.client = client_,
                                   .connector = only.connector,
                                   .rules = {.allow = input_.policy->allow, .deny = input_.policy->deny}};
  }

  void note_digests() {
    CatalogDigests& out = catalog_.digests;
    out.tools = crypto::sha256(catalog_.tools_result);
    if (catalog_.offers_prompts) out.prompts = crypto::sha256(catalog_.prompts_result);
    if (catalog_.offers_resources)
      out.resources = crypto::sha256(catalog_.resources_result + catalog_.templates_result);
  }

  void write_notice() {
    const std::string who = to_string(client_);
    const bool empty = catalog_.tools.empty() && catalog_.prompts.empty() && catalog_.resources.empty() &&
                       catalog_.templates.empty();
    if (!input_.trouble.empty()) {
      catalog_.notice = "RTT cannot serve this workspace: " + input_.trouble;
    } else if (!empty) {
      return;
    } else if (std::ranges::none_of(input_.servers, theirs)) {
      catalog_.notice =
          "RTT offers no tools: no MCP server is accepted in this workspace. Run: rtt mcp import";
    } else if (servers_.empty()) {
      std::string known;
      for (const PinnedServer& server : input_.servers)
        known += (known.empty() ? "" : ", ") + server.config.name;
      catalog_.notice = fmt::format(
          "RTT offers no tools: none of the servers asked for ({}) is accepted in this "
          "workspace, which has {}. Run: rtt mcp ls",
          fmt::join(input_.chosen, ", "), known);
    } else if (!catalog_.hidden_tools.empty()) {
      std::string named;
      for (std::size_t i = 0; i < catalog_.hidden_tools.size() && i < kNamedTools; ++i) {
        const HiddenEntry& hidden = catalog_.hidden_tools[i];
        named += fmt::format("{}{} ({})", i > 0 ? ", " : "", hidden.exposed, hidden.rule);
      }
      catalog_.notice = fmt::format(
          "RTT offers no tools: the policy hides all {} from {}: {}{}. Run: rtt policy why "
          "{} {}",
          catalog_.hidden_tools.size(), who, named, catalog_.hidden_tools.size() > kNamedTools ? ", …" : "",
          who, catalog_.hidden_tools.front().address);
    } else {
      catalog_.notice = "RTT offers no tools: the accepted servers have none.";
    }
  }

  void write_instructions() {
    if (!catalog_.notice.empty()) {
      catalog_.instructions = catalog_.notice;
      return;
    }
    for (const PinnedServer* server : servers_) {
      if (server->info.instructions.empty()) continue;
      if (servers_.size() == 1) {
        catalog_.instructions = server->info.instructions;
      } else {
        if (!catalog_.instructions.empty()) catalog_.instructions += "\n\n";
        catalog_.instructions += "# " + server->config.name + "\n\n" + server->info.instructions;
      }
    }
  }

  const CatalogInput& input_;
  model::Saddr client_;
  std::vector<std::shared_ptr<const PinnedServer>> views_;
  std::vector<const PinnedServer*> servers_;  // into views_
  Equivalents equivalents_;
  Catalog catalog_;
};

}  // namespace

Catalog build_catalog(const CatalogInput& input) { return Builder(input).build(); }

model::Saddr client_address(std::string_view label) {
  std::string name(label.substr(0, limits::kNameBytesMax));
  for (std::size_t at = name.find(".."); at != std::string::npos; at = name.find("..", at)) name[at] = '-';
  if (name.empty()) name = "unnamed";
  return {.ns = "client",
          .type = model::SymbolType::kAgent,
          .name = std::move(name),
          .version = model::Version{}};
}

const CatalogEntry* find_exposed(const std::vector<CatalogEntry>& entries, std::string_view exposed) {
  const auto at =
      std::lower_bound(entries.begin(), entries.end(), exposed,
                       [](const CatalogEntry& entry, std::string_view name) { return entry.exposed < name; });
  return at != entries.end() && at->exposed == exposed ? &*at : nullptr;
}

ResourceRoute find_resource(const Catalog& catalog, std::string_view uri) {
  if (const CatalogEntry* exact = find_exposed(catalog.resources, uri)) return {.entry = *exact};
  const auto hidden = std::ranges::lower_bound(catalog.hidden_resources, uri, {}, &HiddenEntry::exposed);
  if (hidden != catalog.hidden_resources.end() && hidden->exposed == uri) return {.denied = *hidden};
  const auto matches = [uri](const auto& entry) { return template_matches(entry.exposed, uri); };
  const auto open = std::ranges::find_if(catalog.templates, matches);
  const auto closed = std::ranges::find_if(catalog.hidden_templates, matches);
  const bool is_open = open != catalog.templates.end();
  if (closed != catalog.hidden_templates.end() &&
      !(is_open && literal_start(open->exposed).size() > literal_start(closed->exposed).size())) {
    return {.denied = *closed};
  }
  if (is_open) return {.entry = *open};
  if (!catalog.unlisted) return {};
  const model::Saddr address = unlisted_resource(catalog.unlisted->connector, uri);
  const auto access = model::access(catalog.unlisted->rules, catalog.unlisted->client, address);
  if (!access.allowed) return {.denied = HiddenEntry{std::string(uri), to_string(address), access.rule}};
  return {.entry = CatalogEntry{.ns = address.ns, .address = to_string(address)}};
}

bool template_matches(std::string_view uri_template, std::string_view uri) {
  std::size_t brace = uri_template.find('{');
  if (brace == std::string_view::npos) return uri_template == uri;
  if (!uri.starts_with(uri_template.substr(0, brace))) return false;
  uri.remove_prefix(brace);
  while (brace != std::string_view::npos) {
    const std::size_t close = uri_template.find('}', brace);
    if (close == std::string_view::npos || uri.empty()) return false;
    const std::size_t next = uri_template.find('{', close);
    const std::string_view literal =
        uri_template.substr(close + 1, next == std::string_view::npos ? next : next - close - 1);
    if (next == std::string_view::npos) return uri.size() > literal.size() && uri.ends_with(literal);
    const std::size_t at = uri.find(literal, 1);
    if (at == std::string_view::npos) return false;
    uri.remove_prefix(at + literal.size());
    brace = next;
  }
  return uri.empty();
}

}  // namespace rtt::mcp
