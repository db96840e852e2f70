// SPDX-License-Identifier: Apache-2.0
// decode(encode(items)) has every member that was not told as lost, for every provider, over random items of
// hostile texts. Failures print the seed.
#include <gtest/gtest.h>

#include <algorithm>

#include "views/decode.h"
#include "views/item_generator_for_test.h"

namespace rtt::views {
namespace {

using text::Json;

// `/tools/0/x` is of the member `tools`; of native only the named key is lost.
void drop_lost(Json& object, const std::vector<Loss>& losses, const Item& item, std::string_view provider) {
  Json* own = nullptr;
  if (Json* native = object.as_object().find("native")) {
    own = native->as_object().find(provider);
  }
  for (const Loss& loss : losses) {
    if (loss.kind != item.kind || loss.item != item.name) continue;
    const std::string above = "/native/" + std::string(provider) + "/";
    if (loss.pointer.starts_with(above)) {
      if (own == nullptr) continue;
      text::JsonObject kept;
      for (auto& [key, value] : own->as_object()) {
        if (above + text::escape_pointer(key) != loss.pointer) kept.set(key, value);
      }
      own->as_object() = kept;
      continue;
    }
    const std::size_t end = std::min(loss.pointer.find('/', 1), loss.pointer.size());
    if (end > 1) object.as_object().erase(loss.pointer.substr(1, end - 1));
  }
}

// What the provider is to keep of it.
Json kept(Json object, const Encoded& made, const Item& item, const Provider& provider) {
  drop_lost(object, made.losses, item, provider.name);
  if (Json* native = object.as_object().find("native")) {
    const Json* own = native->find(provider.name);
    Json only = text::JsonObject{};
    if (own != nullptr && !own->as_object().empty()) only.set(provider.name, *own);
    if (only.as_object().empty()) {
      object.as_object().erase("native");
    } else {
      *native = only;
    }
  }
  if (object.string_or("model") == "inherit") object.as_object().erase("model");
  const bool map = std::ranges::any_of(provider.agent.fields,
                                       [](const Field& field) { return field.value == Value::kToolsMap; });
  if (Json* tools = object.as_object().find("tools"); tools != nullptr && map) {
    std::ranges::sort(tools->as_array(), {}, [](const Json& tool) { return text::to_json(tool); });
    tools->as_array().erase(std::unique(tools->as_array().begin(), tools->as_array().end()),
                            tools->as_array().end());
  }
  return object;
}

void check(const Provider& provider, const std::vector<Item>& items, std::uint64_t seed) {
  const Encoded made = encode(provider, items);
  ASSERT_TRUE(Tree::of(made.files)) << provider.name << " seed " << seed;
  const Decoded read = decode(provider, made.files);
  for (const DecodeProblem& problem : read.problems)
    ADD_FAILURE() << provider.name << " seed " << seed << " " << problem.file << ":" << problem.line << " "
                  << problem.why;
  std::size_t shown = 0;
  for (const Item& item : items) {
    const bool out = std::ranges::any_of(made.losses, [&](const Loss& loss) {
      return loss.kind == item.kind && loss.item == item.name && loss.pointer.empty();
    });
    const auto back = std::ranges::find_if(
        read.items, [&](const Item& one) { return one.kind == item.kind && one.name == item.name; });
    ASSERT_EQ(out, back == read.items.end()) << provider.name << " seed " << seed << " " << item.name;
    if (out) continue;
    ++shown;
    EXPECT_EQ(text::to_json(kept(back->object, made, item, provider)),
              text::to_json(kept(item.object, made, item, provider)))
        << provider.name << " seed " << seed << " " << to_string(item.kind) << " " << item.name;
    EXPECT_EQ(back->files, item.files) << provider.name << " seed " << seed;
  }
  EXPECT_EQ(shown, read.items.size()) << provider.name << " seed " << seed;
  // Every member that does not come back was told.
  EXPECT_EQ(encode(provider, read.items).files, made.files) << provider.name << " seed " << seed;
}

TEST(EncodeLaw, what_is_not_lost_comes_back) {
  for (std::uint64_t seed = 0; seed < 1500 && !testing::Test::HasFailure(); ++seed) {
    Generator generator(seed);
    std::vector<Item> items;
    for (std::size_t i = 1 + generator.below(4); i > 0; --i) {
      Item item = generator.item();
      const bool known = std::ranges::any_of(
          items, [&](const Item& one) { return one.kind == item.kind && one.name == item.name; });
      if (!known) items.push_back(std::move(item));
    }
    for (const Provider& provider : providers()) check(provider, items, seed);
  }
}

}  // namespace
}  // namespace rtt::views
