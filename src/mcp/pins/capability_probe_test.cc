// SPDX-License-Identifier: Apache-2.0
// Goal: from a few lists follows what a server shows to a client of any capabilities, and almost every server
// is asked twice only. Method: servers that are functions of the capabilities; the offer is held against them
// for all 256 sets.
#include "mcp/pins/capability_probe.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kRoots = 0, kSampling = 1, kSamplingTools = 2, kElicitation = 3, kUrl = 4,
                      kTaskSampling = 5, kTaskElicitation = 6, kUi = 7;

Json tool(std::string_view name, int schema = 0) {
  return Json::object({{"name", name}, {"inputSchema", schema}});
}
bool has(ClientFeatures set, std::size_t index) { return set.contains(client_feature(index)); }

using Server = std::function<Definitions(ClientFeatures)>;

struct Probed {
  Offer offer;
  std::size_t lists;
  std::vector<ClientFeatures> unexplained;
};
Probed probed(const Server& server) {
  CapabilityProbe probe;
  for (auto sets = probe.wanted(); !sets.empty(); sets = probe.wanted()) {
    for (const ClientFeatures set : sets) probe.listed(set, server(set));
  }
  return {probe.offer(), probe.lists(), probe.unexplained()};
}

std::vector<std::string> shown(const Definitions& definitions) {
  std::vector<std::string> out;
  for (const Json& one : definitions.tools) out.push_back(text::to_json(one));
  std::ranges::sort(out);
  return out;
}
std::vector<std::string> shown(const Offer& offer, ClientFeatures set) {
  Definitions out;
  for (const Offered& one : offer) {
    if (one.client.met_by(set)) out.tools.push_back(one.definition);
  }
  return shown(out);
}

std::vector<ClientFeatures> every_set() {
  std::vector<ClientFeatures> out;
  for (std::uint32_t bits = 0; bits < (1U << kClientFeatureCount); ++bits) {
    ClientFeatures set;
    for (std::size_t i = 0; i < kClientFeatureCount; ++i) {
      if ((bits & (1U << i)) != 0) set = set | client_feature(i);
    }
    out.push_back(set);
  }
  return out;
}

void expect_exact(const Server& server, std::size_t lists_max) {
  const Probed result = probed(server);
  EXPECT_LE(result.lists, lists_max);
  EXPECT_TRUE(result.unexplained.empty());
  for (const ClientFeatures set : every_set())
    EXPECT_EQ(shown(result.offer, set), shown(server(set))) << to_string(set);
}

TEST(CapabilityProbe, a_server_that_shows_everybody_the_same_is_asked_twice) {
  expect_exact([](ClientFeatures) { return Definitions{.tools = {tool("a"), tool("b")}}; }, 2);
}

TEST(CapabilityProbe, a_server_like_the_official_one_is_described_exactly) {
  expect_exact(
      [](ClientFeatures set) {
        Definitions out{.tools = {tool("echo")}};
        if (has(set, kRoots)) out.tools.push_back(tool("get-roots-list"));
        if (has(set, kSampling)) out.tools.push_back(tool("trigger-sampling"));
        if (has(set, kElicitation)) out.tools.push_back(tool("trigger-elicitation"));
        if (has(set, kUrl)) out.tools.push_back(tool("trigger-url"));
        if (has(set, kSampling) && has(set, kTaskSampling)) out.tools.push_back(tool("sampling-async"));
        if (has(set, kElicitation) && has(set, kTaskElicitation)) out.tools.push_back(tool("elicit-async"));
        return out;
      },
      16);
}

TEST(CapabilityProbe, either_of_two_is_found) {
  expect_exact(
      [](ClientFeatures set) {
        Definitions out{.tools = {tool("echo")}};
        if (has(set, kRoots) || has(set, kUi)) out.tools.push_back(tool("either"));
        return out;
      },
      20);
}

TEST(CapabilityProbe, one_name_with_another_schema_for_another_client) {
  expect_exact(
      [](ClientFeatures set) {
        const int schema = has(set, kSampling) && has(set, kRoots) ? 2 : has(set, kSampling) ? 1 : 0;
        return Definitions{.tools = {tool("t", schema), tool("u", has(set, kSamplingTools) ? 1 : 0)}};
      },
      20);
}

TEST(CapabilityProbe, a_tool_that_goes_where_the_client_can_do_it_itself) {
  expect_exact(
      [](ClientFeatures set) {
        Definitions out{.tools = {tool("echo")}};
        if (!has(set, kElicitation)) out.tools.push_back(tool("ask-by-mail"));
        if (!(has(set, kRoots) && has(set, kUi))) out.tools.push_back(tool("show-text"));
        return out;
      },
      20);
}

TEST(CapabilityProbe, any_mixture_of_conjunctions_is_described_exactly) {
  std::random_device device;
  const auto seed = device();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<ClientFeatures> needs, blocks;
    for (int i = 0; i < 5; ++i) {
      ClientFeatures need, block;
      for (std::size_t k = 0; k < random() % 3; ++k)
        need = need | client_feature(random() % kClientFeatureCount);
      for (std::size_t k = 0; k < random() % 3; ++k)
        block = block | client_feature(random() % kClientFeatureCount);
      needs.push_back(need);
      blocks.push_back(block);
    }
    expect_exact(
        [&](ClientFeatures set) {
          Definitions out;
          for (std::size_t i = 0; i < needs.size(); ++i) {
            const std::string name = "t" + std::to_string(i);
            // Half of them come with a capability, half go with one, some say something else.
            if (i % 2 == 0 && set.contains(needs[i])) out.tools.push_back(tool(name));
            if (i % 2 == 1 && (blocks[i].empty() || !set.contains(blocks[i])))
              out.tools.push_back(tool(name));
            if (i == 3 && !blocks[i].empty() && set.contains(blocks[i])) out.tools.push_back(tool(name, 1));
          }
          return out;
        },
        CapabilityProbe::kListsMax);
  }
}

TEST(CapabilityProbe, a_server_without_a_rule_ends_and_says_so) {
  std::mt19937 random(7);
  const Probed result = probed([&](ClientFeatures) {
    Definitions out;
    for (int i = 0; i < 30; ++i) {
      if (random() % 2 == 0) out.tools.push_back(tool("t" + std::to_string(i)));
    }
    return out;
  });
  EXPECT_LE(result.lists, CapabilityProbe::kListsMax);
}

TEST(CapabilityProbe, a_set_under_which_it_does_not_start_is_unexplained_and_the_rest_stands) {
  CapabilityProbe probe;
  EXPECT_EQ(probe.wanted(), (std::vector{ClientFeatures{}, all_client_features()}));
  probe.listed({}, {.tools = {tool("a")}});
  probe.failed(all_client_features());
  EXPECT_TRUE(probe.wanted().empty());
  ASSERT_EQ(probe.offer().size(), 1U);
  EXPECT_TRUE(probe.offer()[0].client.everybody());
  EXPECT_EQ(probe.unexplained(), std::vector{all_client_features()});
}

TEST(ClientNeeds, capabilities_and_json_come_back_as_they_were) {
  for (const ClientFeatures set : every_set()) {
    EXPECT_EQ(features_of(capabilities_of(set)), set) << capabilities_of(set);
    const ClientNeeds needs{.needs = {set}, .unless = {client_feature(kUi)}};
    EXPECT_EQ(client_needs_from(to_json(needs)), needs) << text::to_json(to_json(needs));
  }
  EXPECT_EQ(features_of(R"({"elicitation":{"url":{}}})"), client_feature(kUrl));
  EXPECT_EQ(features_of(R"({"elicitation":{}})"), client_feature(kElicitation));
  EXPECT_TRUE(features_of(R"({"experimental":{},"roots":null,"sampling":false})").empty());
  EXPECT_TRUE(features_of("junk").empty());
  EXPECT_EQ(variant_of(client_feature(kTaskSampling) | client_feature(kUrl)),
            "elicitation-elicitation.url-tasks.sampling");
  for (const char* bad : {R"([])", R"({"needs":1})", R"({"needs":["roots"]})", R"({"needs":[["root"]]})",
                          R"({"when":[]})", R"({"unless":[[1]]})"})
    EXPECT_EQ(client_needs_from(*text::parse_json(bad)).error().code, Code::kBadShape) << bad;
}

}  // namespace
}  // namespace rtt::mcp
