// SPDX-License-Identifier: Apache-2.0
// A changed item is written into its file so that the file says it, and says everything else as before.
#include "views/source_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/front_matter.h"
#include "views/item_generator_for_test.h"
#include "views/item_shape.h"
#include "views/own_forms.h"

namespace rtt::views {
namespace {

using testing::HasSubstr;
using text::Json;

TEST(SourceText, what_is_written_is_read_back) {
  std::size_t written = 0;
  for (std::uint64_t seed = 0; seed < 6000 && !testing::Test::HasFailure(); ++seed) {
    Generator random(seed);
    const auto usable = [&]() -> std::optional<Item> {
      Item item = random.item();
      item.name = "x";
      if (item.object.find("name") != nullptr) item.object.set("name", "x");
      if (item.kind == ItemKind::kServer || !check_shape(item)) return std::nullopt;
      item.object.set("instructions", model::tidy_body(item.object.string_or("instructions")));
      item.files.clear();
      return item;
    };
    const auto before = usable(), after = usable();
    if (!before || !after || before->kind != after->kind) continue;
    const Encoded own = written_down(*before);
    if (own.files.empty()) continue;
    const TreeFile& file = own.files.front();
    const auto there = read_source(file.bytes, file.path, before->kind, "x");
    if (!there) continue;  // what no file of the workspace can say
    const auto text = with_item(file.bytes, file.path, *after);
    if (!text) {
      EXPECT_EQ(text.error().code, Code::kBadShape) << "seed " << seed;
      continue;
    }
    ++written;
    const auto back = read_source(*text, file.path, after->kind, "x");
    ASSERT_TRUE(back) << "seed " << seed << " " << back.error().message << "\n" << *text;
    EXPECT_EQ(text::to_json(back->object), text::to_json(after->object)) << "seed " << seed << "\n" << *text;
  }
  EXPECT_GT(written, 100U);
}

constexpr std::string_view kAgent = R"(---
# who looks at changes
name: reviewer
version: 1.2.0   # counts up
tools:
  - {to: "rtt://fs/tool/read@^1", optional: true}
  # the one for git
  - rtt://git/tool/diff
description: >-
  Reviews
  code
---

Look at it.
)";

Item agent() { return read_source(kAgent, "agents/reviewer.md", ItemKind::kAgent, "reviewer").value(); }

TEST(SourceText, all_but_the_change_stays_as_it_is_written) {
  Item item = agent();
  item.object.set("description", "Reviews: \"all\"");
  EXPECT_EQ(with_item(kAgent, "agents/reviewer.md", item).value(), R"(---
# who looks at changes
name: reviewer
version: 1.2.0   # counts up
tools:
  - {to: "rtt://fs/tool/read@^1", optional: true}
  # the one for git
  - rtt://git/tool/diff
description: "Reviews: \"all\""
---

Look at it.
)");
  item = agent();
  item.object.set("instructions", "Look twice.");
  EXPECT_THAT(with_item(kAgent, "agents/reviewer.md", item).value(), HasSubstr("code\n---\n\nLook twice.\n"));
}

TEST(SourceText, an_entry_that_stays_keeps_what_stands_with_it) {
  Item item = agent();
  item.object.set("tools", Json::array({"rtt://fs/tool/read@^1", "rtt://web/tool/get"}));
  const std::string text = with_item(kAgent, "agents/reviewer.md", item).value();
  EXPECT_THAT(text, HasSubstr("optional"));
  EXPECT_THAT(text, HasSubstr("version: 1.2.0   # counts up\n"));
}

TEST(SourceText, front_matter_in_one_line_is_written_anew) {
  const std::string_view text = "---\n{\"globs\":[\"*.ts\"]}\n---\nBe kind.\n";
  Item item = read_source(text, "rules/a.md", ItemKind::kRules, "a").value();
  item.object.set("description", "Kindness");
  const std::string after = with_item(text, "rules/a.md", item).value();
  EXPECT_EQ(read_source(after, "rules/a.md", ItemKind::kRules, "a")->object, item.object);
}

TEST(SourceText, a_text_without_front_matter_gets_it_only_where_it_is_needed) {
  Item item = read_source("Be kind.\n", "rules/a.md", ItemKind::kRules, "a").value();
  item.object.set("instructions", "Be quick.");
  EXPECT_EQ(with_item("Be kind.\n", "rules/a.md", item).value(), "Be quick.\n");
  item.object.set("description", "Speed");
  EXPECT_EQ(with_item("Be kind.\n", "rules/a.md", item).value(),
            "---\ndescription: Speed\n---\n\nBe quick.\n");
}

TEST(SourceText, of_a_manifest_one_entry_changes) {
  const std::string_view text = R"({"contracts":[
    {"$schema":"https://rtt/spec/agent/v1",
     "symbol":{"saddr":"rtt://local/agent/a@1.0.0","type":"agent","direction":"consumer"},
     "agent":{"name":"a","description":"A"},"sign":[]},
    {"$schema":"https://rtt/spec/agent/v1",
     "symbol":{"saddr":"rtt://local/agent/b@1.0.0","type":"agent","direction":"consumer"},
     "agent":{"name":"b","description":"B"}}]})";
  Item item = read_source(text, "agents/two.agent.json", ItemKind::kAgent, "b").value();
  item.object.set("description", "Better");
  const std::string after = with_item(text, "agents/two.agent.json", item).value();
  EXPECT_EQ(read_source(after, "x.json", ItemKind::kAgent, "b")->object.string_or("description"), "Better");
  EXPECT_EQ(read_source(after, "x.json", ItemKind::kAgent, "a")->object.string_or("description"), "A");
}

}  // namespace
}  // namespace rtt::views
