// SPDX-License-Identifier: Apache-2.0
// An edit of any member that a client is shown, in the client's own form, becomes that very change of the
// item and no other; the client is then shown what it has. For every provider over random items.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "text/glob.h"
#include "text/json_patch.h"
#include "views/decode.h"
#include "views/item_generator_for_test.h"
#include "views/overlay.h"
#include "views/pull.h"

namespace rtt::views {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using text::Json;

std::optional<Item> as_read(const Provider& provider, const Item& item) {
  const Decoded read = decode(provider, encode(provider, std::span(&item, 1)).files);
  for (const Item& one : read.items) {
    if (one.kind == item.kind && one.name == item.name) return one;
  }
  return std::nullopt;
}

Result<Item> nothing_over_it(const Item& item) { return item; }

// Another value for a member, of its own kind.
Json other(Generator& random, const Provider& provider, std::string_view member, const Json& value) {
  if (member == "model") {
    for (const std::string_view model : {"haiku", "opus", "gpt-5", "gemini-2.5-flash", "qwen3", "o/m"}) {
      const bool known = std::ranges::any_of(
          provider.models, [&](std::string_view one) { return text::glob_match(one, model); });
      if (known && Json(model) != value) return model;
    }
    return "none of theirs";  // as if it were taken away
  }
  if (value.is_string()) return random.text() + "x";
  if (!value.is_array()) return random.value(2);
  Json out = value;
  if (random.below(2) == 0 && out.as_array().size() > 1) {
    out.as_array().erase(out.as_array().begin() +
                         static_cast<std::ptrdiff_t>(random.below(out.as_array().size())));
  } else {
    out.push(member == "tools"    ? Json("rtt://added/tool/" + random.word())
             : member == "skills" ? Json("rtt://local/skill/added-" + random.word())
                                  : Json("added/" + random.word()));
  }
  return out;
}

// `ours` with what went from `before` to `after`: the order of what stays is ours.
bool is_this_change(const Json& ours, const Json& before, const Json& after, const Json& result) {
  if (!ours.is_array()) return result == after;
  std::vector<Json> added, kept;
  for (const Json& entry : after.as_array()) {
    if (std::ranges::find(before.as_array(), entry) == before.as_array().end()) added.push_back(entry);
  }
  for (const Json& entry : result.as_array()) {
    if (std::ranges::find(added, entry) == added.end()) kept.push_back(entry);
  }
  const auto gone = static_cast<std::ptrdiff_t>(ours.as_array().size() - kept.size());
  const auto said = std::ranges::ssize(before.as_array()) + std::ranges::ssize(added) -
                    std::ranges::ssize(after.as_array());
  auto at = ours.as_array().begin();
  for (const Json& entry : kept) {
    at = std::find(at, ours.as_array().end(), entry);
    if (at == ours.as_array().end()) return false;
    ++at;
  }
  return gone == said;
}

struct Counts {
  std::size_t pulled = 0, refused = 0;
};

void check(const Provider& provider, const Item& item, Generator& random, std::uint64_t seed,
           Counts& counts) {
  const auto shown = as_read(provider, item);
  if (!shown || item.kind == ItemKind::kServer) return;
  for (const auto& [member, value] : shown->object.as_object()) {
    if (member == "name" || member == "native") continue;
    Item changed = *shown;
    changed.object.set(member, other(random, provider, member, value));
    const auto edited = as_read(provider, changed);  // what a file can say
    if (!edited || *edited == *shown) continue;
    Item rest = *edited;
    rest.object.set(member, value);
    if (rest != *shown) continue;  // it came to be about another member too
    const auto pulled = pull({.provider = provider,
                              .source = &item,
                              .shown = &*shown,
                              .edited = *edited,
                              .overlaid = nothing_over_it});
    const std::string what = std::string(provider.name) + " seed " + std::to_string(seed) + " " +
                             std::string(to_string(item.kind)) + " " + item.name + " " + member;
    if (!pulled) {
      ++counts.refused;
      EXPECT_EQ(pulled.error().code, Code::kEditConflict) << what;
      continue;
    }
    ++counts.pulled;
    EXPECT_THAT(pulled->members, ElementsAre("/" + text::escape_pointer(member))) << what;
    EXPECT_EQ(as_read(provider, pulled->item), *edited) << what;
    const Json* ours = item.object.find(member);
    const Json* result = pulled->item.object.find(member);
    const Json* after = edited->object.find(member);
    ASSERT_EQ(result == nullptr, after == nullptr) << what;
    ASSERT_NE(ours, nullptr) << what;
    if (after != nullptr) {
      EXPECT_TRUE(is_this_change(*ours, value, *after, *result)) << what << "\n"
                                                                 << text::to_json(*ours) << "\n"
                                                                 << text::to_json(*after) << "\n"
                                                                 << text::to_json(*result);
    }
    Item back = pulled->item;
    back.object.set(member, *ours);
    EXPECT_EQ(back, item) << what;
  }
}

TEST(PullLaw, an_edit_of_what_is_shown_changes_that_and_nothing_else) {
  Counts counts;
  for (std::uint64_t seed = 0; seed < 500 && !testing::Test::HasFailure(); ++seed) {
    Generator random(seed);
    const Item item = random.item();
    for (const Provider& provider : providers()) check(provider, item, random, seed, counts);
  }
  // Refused is what has no one meaning: lists whose order the client turns round, texts it cannot say twice.
  EXPECT_GT(counts.pulled, 20 * counts.refused) << counts.refused;
  EXPECT_GT(counts.pulled, 1500U);
}

// ---- Each way it can go, by hand.

Item reviewer() {
  return {.kind = ItemKind::kAgent,
          .name = "reviewer",
          .object = Json::object(
              {{"name", "reviewer"},
               {"description", "Reviews"},
               {"instructions", "Look."},
               {"model", "sonnet"},
               {"tools", Json::array({"Other", "rtt://fs/tool/read@^1", "rtt://git/tool/diff"})},
               {"permissions", Json::object({{"edit", "deny"}})},
               {"native", Json::object({{"codex", Json::object({{"sandbox_mode", "read-only"}})}})}})};
}

class PullTest : public testing::Test {
 protected:
  Result<Pulled> edit(std::string_view from, std::string_view to) {
    Encoded made = encode(*provider_, std::span(&shown_, 1));
    const Decoded shown = decode(*provider_, made.files);
    for (TreeFile& file : made.files) {
      for (std::size_t at = file.bytes.find(from); at != std::string::npos; at = std::string::npos)
        file.bytes.replace(at, from.size(), to);
    }
    const Decoded edited = decode(*provider_, made.files);
    return pull({.provider = *provider_,
                 .source = &source_,
                 .shown = shown.items.data(),
                 .edited = edited.items.front(),
                 .others = others_,
                 .overlaid = overlaid_});
  }

  const Provider* provider_ = find_provider("claude");
  Item source_ = reviewer(), shown_ = reviewer();
  std::map<std::string, std::string> others_;
  std::function<Result<Item>(const Item&)> overlaid_ = nothing_over_it;
};

TEST_F(PullTest, entries_keep_what_the_client_is_not_told) {
  const auto pulled = edit("mcp__git__diff", "mcp__web__get");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(text::to_json(*pulled->item.object.find("tools")),
            R"(["Other","rtt://fs/tool/read@^1","rtt://web/tool/get"])");
  EXPECT_EQ(*pulled->item.object.find("permissions"), *source_.object.find("permissions"));
}

TEST_F(PullTest, a_list_that_became_the_clients_own_stays_for_the_others) {
  const auto pulled = edit("mcp__git__diff", "mcp__git__diff, Read");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(*pulled->item.object.find("tools"), *source_.object.find("tools"));
  EXPECT_EQ(text::to_json(*pulled->item.object.find("native")->find("claude")),
            R"({"tools":"mcp__fs__read, mcp__git__diff, Read"})");
  EXPECT_NE(pulled->item.object.find("native")->find("codex"), nullptr);
}

TEST_F(PullTest, both_changed_is_refused_and_the_same_change_is_none) {
  source_.object.set("description", "Reviews well");
  const auto both = edit("Reviews", "Reviews badly");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().where, "/description");
  const auto same = edit("Reviews", "Reviews well");
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_TRUE(same->members.empty());
  const auto beside = edit("Look.", "Look twice.");
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_THAT(beside->members, ElementsAre("/instructions"));
  EXPECT_EQ(beside->item.object.string_or("description"), "Reviews well");
}

TEST_F(PullTest, what_another_clients_edit_changed_is_not_laid_to_the_workspace) {
  source_.object.set("description", "Reviews well");
  others_["/description"] = ".gemini/agents/reviewer.md";
  const auto both = edit("Reviews", "Reviews badly");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr(".gemini/agents/reviewer.md was edited too"));
  EXPECT_THAT(both.error().hint, HasSubstr("rtt view pull .gemini/agents/reviewer.md"));
  EXPECT_TRUE(edit("Reviews", "Reviews well"));
  EXPECT_TRUE(edit("Look.", "Look twice."));
}

TEST_F(PullTest, what_an_overlay_says_is_refused) {
  overlaid_ = [](const Item& item) -> Result<Item> {
    Item out = item;
    RTT_TRY_SET(out.object, text::merge_patch(item.object, Json::object({{"model", "haiku"}})));
    return out;
  };
  shown_ = *overlaid_(source_);
  const auto refused = edit("haiku", "opus");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, "/model");
  EXPECT_THAT(refused.error().message, HasSubstr("overlay"));
  const auto beside = edit("Look.", "Look twice.");
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_EQ(beside->item.object.string_or("model"), "sonnet");
}

TEST_F(PullTest, what_the_client_is_not_told_of_is_not_overwritten) {
  source_.object.set("model", "gpt-5");
  shown_ = source_;
  const auto refused = edit("description: Reviews", "description: Reviews\nmodel: opus");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, "/model");
  source_.object.as_object().erase(std::string_view("model"));
  shown_ = source_;
  const auto added = edit("description: Reviews", "description: Reviews\nmodel: opus");
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->item.object.string_or("model"), "opus");
}

TEST_F(PullTest, a_rename_is_refused_and_a_key_of_the_clients_is_its_own) {
  const auto renamed = edit("name: reviewer", "name: critic");
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().where, "/name");
  const auto pulled = edit("description: Reviews", "description: Reviews\ncolor: red");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_THAT(pulled->members, ElementsAre("/native/claude/color"));
}

TEST_F(PullTest, a_file_nobody_was_shown_is_a_new_item_unless_one_is_called_so) {
  const Item edited = reviewer();
  EXPECT_EQ(pull({.provider = *provider_, .edited = edited, .overlaid = overlaid_})->item, edited);
  EXPECT_FALSE(pull({.provider = *provider_, .source = &source_, .edited = edited, .overlaid = overlaid_}));
  EXPECT_FALSE(pull({.provider = *provider_, .shown = &shown_, .edited = edited, .overlaid = overlaid_}));
}

}  // namespace
}  // namespace rtt::views
