// SPDX-License-Identifier: Apache-2.0
// Goal: whatever single leaf of a definition changes, it is seen, and classed as
// docs/formats/mcp-manifest.md says.
// Method: every definition of the four official servers (tests/golden/mcp, their words replaced) and of our
// own demo server; each leaf changed, each member and element taken away, each container given one more; all
// of it against a manifest as it is written and read back. The class expected is decided here, from the
// member alone.
#include <gtest/gtest.h>

#include <functional>

#include "mcp/demo_workspace_for_test.h"
#include "mcp/pins/change_words.h"
#include "mcp/pins/pin.h"
#include "os/file.h"

namespace rtt::mcp {
namespace {

using text::Json;

struct Mutant {
  std::string member;  // of the definition that it is in
  std::string what;
  Json definition;
};

Json changed(const Json& leaf) {
  if (leaf.is_string()) return leaf.as_string() + "x";
  if (leaf.is_bool()) return !leaf.as_bool();
  if (leaf.is_number()) return leaf.as_double() + 1;
  return 1;
}

// `put` builds the whole definition with this part of it replaced.
using Put = std::function<Json(Json)>;

void mutate(const Json& part, const std::string& pointer, const std::string& top, const Put& put,
            std::vector<Mutant>& out) {
  const auto add = [&](const std::string& member, const std::string& what, Json with) {
    out.push_back({member, what, put(std::move(with))});
  };
  if (part.is_object()) {
    Json more = part;
    more.set("zz", 1);
    add(top.empty() ? "zz" : top, "one more in " + pointer, std::move(more));
    for (const auto& [key, value] : part.as_object()) {
      const std::string below = top.empty() ? key : top;
      Json less = Json::object({});
      for (const auto& [other, kept] : part.as_object()) {
        if (other != key) less.set(other, kept);
      }
      add(below, pointer + "/" + key + " gone", std::move(less));
      mutate(
          value, pointer + "/" + key, below,
          [&put, &part, name = key](Json with) {
            Json whole = part;
            whole.set(name, std::move(with));
            return put(std::move(whole));
          },
          out);
    }
  } else if (part.is_array()) {
    Json more = part;
    more.push("zz");
    add(top, "one more in " + pointer, std::move(more));
    for (std::size_t i = 0; i < part.as_array().size(); ++i) {
      Json less = part;
      less.as_array().erase(less.as_array().begin() + static_cast<std::ptrdiff_t>(i));
      add(top, pointer + "/" + std::to_string(i) + " gone", std::move(less));
      mutate(
          part.as_array()[i], pointer + "/" + std::to_string(i), top,
          [&put, &part, i](Json with) {
            Json whole = part;
            whole.as_array()[i] = std::move(with);
            return put(std::move(whole));
          },
          out);
    }
  } else {
    add(top, pointer + " changed", changed(part));
  }
}

bool only_words(ItemKind kind, const std::string& member) {
  if (member == "title" || member == "description" || member == "icons" || member == "_meta") return true;
  const bool resource = kind == ItemKind::kResource || kind == ItemKind::kTemplate;
  return resource && (member == "size" || member == "annotations");
}
bool is_key(ItemKind kind, const std::string& member) {
  return member == (kind == ItemKind::kResource   ? "uri"
                    : kind == ItemKind::kTemplate ? "uriTemplate"
                                                  : "name");
}

std::vector<Json>& list_in(Definitions& definitions, ItemKind kind) {
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

PinnedServer accepted(const Definitions& definitions) {
  const Json manifest = *manifest_from(
      {.name = "s", .command = "x", .args = Json(text::JsonArray{}), .env = Json::object({})},
      {.name = "s", .version = "1.0.0", .protocol = "2025-11-25", .capabilities = Json::object({})},
      offer_of(definitions));
  auto read = model::read_manifest(text::to_pretty_json(manifest), "mcp.s.json", model::Strictness::kStrict);
  EXPECT_TRUE(read.problems.empty());
  return pinned_servers(read.contracts)->front();
}

// The number of mutants tried.
std::size_t every_leaf_is_seen(const Definitions& definitions) {
  const PinnedServer server = accepted(definitions);
  for (const PinVerdict& verdict : compare_server(server, definitions))
    EXPECT_EQ(verdict.state, PinState::kSame) << verdict.key;
  std::size_t tried = 0;
  for (const PinnedItem& item : server.items) {
    std::vector<Mutant> mutants;
    mutate(item.definition, "", "", [](Json whole) { return whole; }, mutants);
    Definitions live = definitions;
    std::vector<Json>& list = list_in(live, item.kind);
    const auto at = std::find(list.begin(), list.end(), item.definition);
    for (Mutant& mutant : mutants) {
      ++tried;
      const std::string said = std::string(item.key()) + " " + mutant.what;
      *at = mutant.definition;
      std::string states;
      const PinVerdict* own = nullptr;
      const auto verdicts = compare_server(server, live);
      for (const PinVerdict& verdict : verdicts) {
        if (verdict.state == PinState::kSame) continue;
        states += std::string(to_string(verdict.state)) + " ";
        if (verdict.kind == item.kind && verdict.key == item.key()) own = &verdict;
      }
      if (own == nullptr) {
        ADD_FAILURE() << said << " is not seen";
        continue;
      }
      if (is_key(item.kind, mutant.member)) {  // it is another one now
        EXPECT_EQ(own->state, PinState::kRemoved) << said;
        EXPECT_NE(states.find("new "), std::string::npos) << said;
      } else if (only_words(item.kind, mutant.member)) {
        EXPECT_EQ(states, "text ") << said;
        EXPECT_TRUE(admit(*own, server.config)) << said;
        EXPECT_FALSE(admit(*own, {.name = "s", .drift = Drift::kRefuse})) << said;
      } else {
        EXPECT_EQ(states, "contract ") << said;
        EXPECT_FALSE(admit(*own, server.config)) << said;
      }
      for (const PinChange& change : own->changes) EXPECT_FALSE(words_of(change).text.empty()) << said;
    }
    *at = item.definition;
  }
  return tried;
}

Definitions recorded(const std::string& name) {
  const Json golden =
      *text::parse_json(*os::read_file(RTT_SOURCE_DIR "/tests/golden/mcp/" + name + ".json", 1 << 20));
  return {.tools = golden.find("tools")->as_array(),
          .resources = golden.find("resources")->as_array(),
          .templates = golden.find("resourceTemplates")->as_array(),
          .prompts = golden.find("prompts")->as_array()};
}

TEST(PinLeaves, every_leaf_of_the_official_servers_is_detected_and_treated_as_its_class_says) {
  std::size_t tried = 0;
  for (const char* name : {"everything", "filesystem", "memory", "sequential-thinking"})
    tried += every_leaf_is_seen(recorded(name));
  EXPECT_GT(tried, 2500U);
  RecordProperty("mutants", static_cast<int>(tried));
}

TEST(PinLeaves, so_is_every_leaf_of_a_real_server_of_ours) {
  DemoWorkspace demo;
  Definitions definitions;
  for (const PinnedItem& item : demo.pinned("demo").items)
    list_in(definitions, item.kind).push_back(item.definition);
  EXPECT_GT(every_leaf_is_seen(definitions), 300U);
}

}  // namespace
}  // namespace rtt::mcp
