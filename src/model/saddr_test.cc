// SPDX-License-Identifier: Apache-2.0
// Addresses: one canonical spelling, every refusal with its column, and parse(print(x)) == x.
#include "model/saddr.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/random_for_test.h"

namespace rtt::model {
namespace {

std::string canonical(std::string_view text) {
  const auto parsed = parse_reference(text);
  return parsed ? to_string(*parsed) : "error: " + parsed.error().message;
}

TEST(Saddr, reads_every_part) {
  const auto parsed = parse_definition("rtt://core/api/metrics@1.2.0-rc.1+b#prom?caps=push,pull&io=stream");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->ns, "core");
  EXPECT_EQ(parsed->type, SymbolType::kApi);
  EXPECT_EQ(parsed->name, "metrics");
  EXPECT_EQ(to_string(*parsed->version), "1.2.0-rc.1+b");
  EXPECT_EQ(parsed->variant, "prom");
  EXPECT_EQ(parsed->caps, (std::vector<std::string>{"pull", "push"}));
  EXPECT_EQ(parsed->io, IoMode::kStream);
  EXPECT_EQ(identity(*parsed), "rtt://core/api/metrics@1.2.0-rc.1+b#prom");
  EXPECT_EQ(to_string(identity_only(*parsed)), identity(*parsed));
}

TEST(Saddr, one_canonical_spelling) {
  EXPECT_EQ(canonical("rtt://a/tool/x?io=req&caps=b,a,b#v"), "rtt://a/tool/x#v?caps=a,b&io=req");
  EXPECT_EQ(canonical("rtt://a/tool/x#v?caps=b,a"), "rtt://a/tool/x#v?caps=a,b");
  EXPECT_EQ(canonical("rtt://a/tool/x@*"), "rtt://a/tool/x");
  EXPECT_EQ(canonical("rtt://a/tool/x@x#v"), "rtt://a/tool/x#v");
  EXPECT_EQ(canonical("rtt://a/tool/x@>= 1.2   <2"), "rtt://a/tool/x@>=1.2 <2");
  EXPECT_EQ(canonical("rtt://a/tool/x@1.2.0"), "rtt://a/tool/x@1.2.0");
  EXPECT_EQ(canonical("rtt://a/tool/x@^1||2.x"), "rtt://a/tool/x@^1 || 2.x");
  EXPECT_EQ(canonical("rtt://a/tool/%41%2f%c3%A9"), "rtt://a/tool/A%2F%C3%A9");
  EXPECT_EQ(canonical("rtt://a/tool/%2Dx%2Ey"), "rtt://a/tool/%2Dx.y");
  EXPECT_EQ(canonical("rtt://idp/api/auth@2"), "rtt://idp/api/auth@2");
}

TEST(Saddr, exact_version_of_a_reference_is_a_range) {
  const auto parsed = parse_reference("rtt://a/api/x@1.2.0");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->version);
  ASSERT_TRUE(parsed->range);
  EXPECT_TRUE(parsed->range->contains(*parse_version("1.2.0")));
  EXPECT_FALSE(parsed->range->contains(*parse_version("1.2.1")));
}

TEST(Saddr, all_types_by_name) {
  std::size_t count = 0;
  for (std::string_view name :
       {"api", "hook", "plugin", "extension", "stub", "flag", "tag", "queue", "bus", "file", "proc",
        "service", "agent", "tool", "skill", "prompt", "resource", "connector"}) {
    const auto type = parse_symbol_type(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(to_string(*type), name);
    ++count;
  }
  EXPECT_EQ(count, kSymbolTypeCount);
}

struct Refusal {
  std::string_view text;
  int column;
  std::string_view hint;  // a part of it
};

TEST(Saddr, refusals_name_the_column) {
  const std::string long_part(129, 'a');
  const std::string long_ns = "rtt://" + long_part + "/api/x", long_name = "rtt://a/api/" + long_part;
  const std::string long_variant = "rtt://a/api/x#" + long_part;
  for (const Refusal& refusal : std::initializer_list<Refusal>{
           {"", 1, "rtt://"},
           {"http://a/api/x", 1, "rtt://"},
           {"rtt:/a/api/x", 6, "rtt://"},
           {"rtt://", 7, ""},
           {"rtt://a", 8, "<type>"},
           {"rtt:///api/x", 7, ""},
           {"rtt://a/api", 12, "<name>"},
           {"rtt://a//x", 9, ""},
           {"rtt://a/api/", 13, ""},
           {"rtt://a/api/x/y", 14, "%2F"},
           {"rtt://A/api/x", 7, "upper case"},
           {"rtt://-a/api/x", 7, "letter"},
           {"rtt://a_b /api/x", 10, "spaces"},
           {"rtt://a..b/api/x", 8, ""},
           {"rtt://*/api/x", 7, "pattern"},
           {"rtt://a/apo/x", 9, "'api'"},
           {"rtt://a/tol/x", 9, "'tool'"},
           {"rtt://a/API/x", 9, "'api'"},
           {"rtt://a/stream/x", 9, "one of"},
           {"rtt://a/api/-x", 13, "%2D"},
           {"rtt://a/api/.x", 13, "%2E"},
           {"rtt://a/api/..", 13, ""},
           {"rtt://a/api/x..y", 14, ""},
           {"rtt://a/api/%2E%2E", 13, ""},
           {"rtt://a/api/x%2", 14, "%25"},
           {"rtt://a/api/x%zz", 14, "%25"},
           {"rtt://a/api/x y", 14, "%20"},
           {"rtt://a/api/x\xc3\xa9", 14, "%C3"},
           {"rtt://a/api/x@", 15, ""},
           {"rtt://a/api/x@1.2.3.4", 15, "versions look like"},
           {"rtt://a/api/x@1@2", 16, ""},
           {"rtt://a/api/x#v@1", 16, "right after"},
           {"rtt://a/api/x#", 15, ""},
           {"rtt://a/api/x#V", 15, "upper case"},
           {"rtt://a/api/x#v#w", 16, ""},
           {"rtt://a/api/x?", 15, "parameters"},
           {"rtt://a/api/x?caps", 15, "parameters"},
           {"rtt://a/api/x?caps=", 20, ""},
           {"rtt://a/api/x?caps=a,,b", 22, ""},
           {"rtt://a/api/x?caps=A", 20, "upper case"},
           {"rtt://a/api/x?caps=a&caps=b", 22, ""},
           {"rtt://a/api/x?cap=a", 15, "'caps'"},
           {"rtt://a/api/x?io=rep", 18, "'req'"},
           {"rtt://a/api/x?io=req&io=req", 22, ""},
           {"rtt://a/api/x?io=req?io=req", 21, ""},
           {long_ns, 7, ""},
           {long_name, 13, ""},
           {long_variant, 15, ""},
       }) {
    const auto parsed = parse_reference(refusal.text);
    ASSERT_FALSE(parsed) << refusal.text;
    EXPECT_EQ(parsed.error().code, Code::kBadAddress) << refusal.text;
    EXPECT_EQ(parsed.error().where, "column " + std::to_string(refusal.column)) << refusal.text;
    EXPECT_NE(parsed.error().hint.find(refusal.hint), std::string::npos)
        << refusal.text << " hint: " << parsed.error().hint;
  }
  EXPECT_FALSE(parse_definition("rtt://a/api/x"));
  EXPECT_FALSE(parse_definition("rtt://a/api/x@^1"));
  EXPECT_FALSE(parse_definition("rtt://a/api/x@1.2"));
}

TEST(Saddr, more_capabilities_than_allowed) {
  std::string text = "rtt://a/api/x?caps=c0";
  for (int i = 1; i < 64; ++i) text += ",c" + std::to_string(i);
  EXPECT_TRUE(parse_reference(text));
  EXPECT_FALSE(parse_reference(text + ",c64"));
}

Saddr random_saddr(TestRandom& random) {
  constexpr std::string_view kFirst = "abz019", kWord = "abz019._-";
  const auto word = [&] {
    for (;;) {
      std::string text = random.from_bytes(kFirst, 1) + random.from_bytes(kWord, random.below(6));
      if (text.find("..") == std::string::npos) return text;
    }
  };
  Saddr out;
  out.ns = word();
  out.type = static_cast<SymbolType>(random.below(kSymbolTypeCount));
  do {
    out.name.clear();
    const std::size_t length = 1 + random.below(8);
    while (out.name.size() < length) {
      out.name.push_back(random.below(3) > 0 ? "azAZ09._-%/@#?"[random.below(14)]
                                             : static_cast<char>(random.below(256)));
    }
  } while (out.name.find("..") != std::string::npos);
  if (random.below(2) > 0) out.variant = word();
  for (std::size_t n = random.below(4); n > 0; --n) out.caps.push_back(word());
  std::ranges::sort(out.caps);
  out.caps.erase(std::ranges::unique(out.caps).begin(), out.caps.end());
  if (random.below(3) == 0) out.io = static_cast<IoMode>(random.below(3));
  const auto number = [&] { return std::to_string(random.below(30)); };
  const std::string version =
      number() + "." + number() + "." + number() + std::string(random.pick({"", "-a.1", "-0"}));
  if (random.below(2) > 0) {
    out.version = *parse_version(version + std::string(random.pick({"", "+b-1.x"})));
  } else if (random.below(3) > 0) {
    out.range = *parse_range(std::string(random.pick({"", "^", "~", ">=", "1 - ", "1.x || ", ">0.1.0 <="})) +
                             version);
  }
  return out;
}

TEST(Saddr, parse_of_print_is_the_value) {
  TestRandom random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const Saddr saddr = random_saddr(random);
    const std::string text = to_string(saddr);
    const auto again = saddr.version ? parse_definition(text) : parse_reference(text);
    ASSERT_TRUE(again) << text << ": " << again.error().message;
    ASSERT_EQ(*again, saddr) << text;
    ASSERT_EQ(to_string(*again), text);
  }
}

TEST(Saddr, whatever_parses_prints_to_itself_and_what_does_not_names_a_column) {
  TestRandom random(2);
  std::size_t accepted = 0;
  for (int i = 0; i < 500'000; ++i) {
    std::string text = to_string(random_saddr(random));
    for (std::size_t n = random.below(3); n > 0; --n) {  // a mutation or two: replace, remove, repeat a byte
      const std::size_t at = random.below(text.size());
      const char byte = "rt:/@#?%.=&,* -aZ0^|"[random.below(20)];
      const std::size_t way = random.below(3);
      if (way == 0) text[at] = byte;
      if (way == 1 && text.size() > 1) text.erase(at, 1);
      if (way == 2) text.insert(at, 1, byte);
    }
    const auto parsed = parse_reference(text);
    if (!parsed) {
      ASSERT_TRUE(parsed.error().where.starts_with("column ")) << text;
      ASSERT_LE(std::stoul(parsed.error().where.substr(7)), text.size() + 1) << text;
      continue;
    }
    ++accepted;
    const std::string printed = to_string(*parsed);
    const auto again = parse_reference(printed);
    ASSERT_TRUE(again) << printed;
    ASSERT_EQ(*again, *parsed) << text;
    ASSERT_EQ(to_string(*again), printed);
  }
  EXPECT_GT(accepted, 20'000u);
}

TEST(Saddr, canonical_order_is_total) {
  TestRandom random(3);
  std::vector<Saddr> all;
  for (int i = 0; i < 300; ++i) all.push_back(random_saddr(random));
  for (const Saddr& a : all) {
    for (const Saddr& b : all) {
      ASSERT_EQ(canonical_order(a, b) == 0, a == b) << to_string(a) << " " << to_string(b);
      ASSERT_EQ(canonical_order(a, b) < 0, canonical_order(b, a) > 0);
    }
  }
  std::ranges::sort(all, [](const Saddr& a, const Saddr& b) { return canonical_order(a, b) < 0; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i; j < all.size(); ++j) ASSERT_TRUE(canonical_order(all[i], all[j]) <= 0);
  }
}

TEST(Saddr, versions_order_by_precedence_not_by_text) {
  EXPECT_TRUE(canonical_order(*parse_definition("rtt://a/api/x@1.9.0"),
                              *parse_definition("rtt://a/api/x@1.10.0")) < 0);
  EXPECT_TRUE(canonical_order(*parse_definition("rtt://a/api/x@1.0.0-a"),
                              *parse_definition("rtt://a/api/x@1.0.0")) < 0);
}

TEST(Route, splits_at_the_first_arrow) {
  const auto route = split_route("rtt://a/api/x@1.0 - 2 -> rtt://b/api/y");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->from, "rtt://a/api/x@1.0 - 2");
  EXPECT_EQ(route->to, "rtt://b/api/y");
  EXPECT_EQ(split_route("a -> b -> c")->to, "b -> c");
  for (const char* text : {"", "a", "a->b", "a ->b", " -> b", "a -> "}) {
    const auto bad = split_route(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().code, Code::kBadRoute);
  }
  EXPECT_NE(split_route("rtt://a/api/x -").error().message.find("redirection"), std::string::npos);
}

TEST(ShortForm, resolves_where_unique) {
  const std::vector<Saddr> known{*parse_definition("rtt://github/tool/create_issue@1.0.0"),
                                 *parse_definition("rtt://github/tool/create_issue@1.1.0"),
                                 *parse_definition("rtt://gitlab/tool/create_issue@1.0.0"),
                                 *parse_definition("rtt://github/tool/list%20all@1.0.0#v")};
  EXPECT_EQ(to_string(*resolve_short("github/create_issue", known)), "rtt://github/tool/create_issue");
  EXPECT_EQ(to_string(*resolve_short("github/create_issue@^1#v", known)),
            "rtt://github/tool/create_issue@^1#v");
  EXPECT_EQ(to_string(*resolve_short("gitlab/tool/create_issue", known)), "rtt://gitlab/tool/create_issue");
  EXPECT_EQ(to_string(*resolve_short("list%20all", known)), "rtt://github/tool/list%20all");
  EXPECT_EQ(to_string(*resolve_short("rtt://x/api/y@^1", known)), "rtt://x/api/y@^1");
  const auto several = resolve_short("create_issue", known);
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, Code::kAmbiguous);
  EXPECT_NE(several.error().message.find("rtt://gitlab/tool/create_issue"), std::string::npos);
  const auto none = resolve_short("github/creat_issue", known);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_NE(none.error().hint.find("github/create_issue"), std::string::npos);
}

TEST(Nearest, within_two_or_a_third) {
  EXPECT_EQ(nearest("statsu", {"start", "status", "stop"}), "status");
  EXPECT_EQ(nearest("PLAN", {"apply", "plan"}), "plan");
  EXPECT_EQ(nearest("directoin", {"direction"}), "direction");
  EXPECT_EQ(nearest("zzz", {"api", "hook"}), std::nullopt);
  EXPECT_EQ(nearest("x", {"y"}), std::nullopt);
  EXPECT_EQ(nearest("", {"a"}), std::nullopt);
  EXPECT_EQ(nearest(std::string(10'000, 'a'), {"a"}), std::nullopt);
}

}  // namespace
}  // namespace rtt::model
