// SPDX-License-Identifier: Apache-2.0
// Goal: the store gives back exactly what was put, once, and no changed byte goes unnoticed.
// Method: laws over small stores; every byte of one flipped; versions promoted in random order.
#include "registry/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "crypto/sha256.h"
#include "model/limits.h"
#include "registry/lineage.h"
#include "registry/place_test.h"
#include "text/json_canonical.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

crypto::SecretKey test_key(int number) {
  std::array<std::byte, 32> seed{};
  seed[0] = static_cast<std::byte>(number);
  return crypto::SecretKey::from_seed(seed);
}

struct Store {
  scan::Scratch scratch;
  ObjectStore store{scratch.at("cas"), scratch.at("index.json")};

  Digest add(std::string_view id, int value, int signer = 1) {
    const text::Json object = text::Json::object({{"value", value}, {"padding", "0123456789"}});
    const Digest hash = *store.put(object);
    EXPECT_TRUE(store.promote({{.id = std::string(id),
                                .hash = hash,
                                .supersedes = std::nullopt,
                                .sign = {crypto::sign(test_key(signer), crypto::SignKind::kConfig, hash)}}}));
    return hash;
  }
  static crypto::Keyring keys() {
    crypto::Keyring ring;
    for (int number = 1; number <= 3; ++number) ring.add({.key = test_key(number).public_key(), .label = {}});
    return ring;
  }
};

TEST(ObjectStore, the_name_of_a_file_is_its_sha256_and_it_cannot_be_written) {
  const Store place;
  const auto hash = place.store.put(*text::parse_json(R"({"b":1,"a":[1.5,"é"],"sign":[{"x":1}]})"));
  ASSERT_TRUE(hash);
  const std::string file = "cas/" + bare_hex(*hash).substr(0, 2) + "/" + bare_hex(*hash) + ".json";
  EXPECT_EQ(place.scratch.read(file), R"({"a":[1.5,"é"],"b":1})");
  EXPECT_EQ(crypto::sha256(place.scratch.read(file)), *hash);
  EXPECT_EQ(fs::status(place.scratch.at(file)).permissions(), fs::perms(0444));
  EXPECT_EQ(text::to_json(*place.store.get(*hash)), R"({"a":[1.5,"é"],"b":1})");
}

TEST(ObjectStore, one_object_from_four_files_is_one_file) {
  const Store place;
  const std::vector<std::string> spellings{R"({"a":1,"b":2})", "{ \"b\": 2.0, \"a\": 1 }",
                                           "{\"a\":1e0,\n\"b\":2}", R"({"a":1,"b":2,"sign":[]})"};
  std::vector<Digest> hashes;
  for (const std::string& text : spellings) hashes.push_back(*place.store.put(*text::parse_json(text)));
  EXPECT_EQ(std::ranges::count(hashes, hashes[0]), 4);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(place.scratch.at("cas")))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 1U);
}

TEST(ObjectStore, what_is_absent_or_too_large_or_altered_says_so) {
  const Store place;
  EXPECT_EQ(place.store.get(crypto::sha256("x")).error().code, Code::kNotFound);
  const text::Json large = text::Json(std::string(limits::kManifestBytesMax, 'x'));
  EXPECT_EQ(place.store.put(large).error().code, Code::kTooLarge);
  const Digest hash = *place.store.put(text::Json("original"));
  const std::string file = "cas/" + bare_hex(hash).substr(0, 2) + "/" + bare_hex(hash) + ".json";
  place.scratch.write(file, "\"changed!\"");
  EXPECT_EQ(place.store.get(hash).error().code, Code::kTampered);
  EXPECT_EQ(place.store.get(hash).error().where, place.scratch.at(file));
  EXPECT_EQ(place.store.put(text::Json("original")).error().code, Code::kTampered);
}

TEST(ObjectStore, a_link_in_the_store_is_not_followed) {
  const Store place;
  const Digest hash = *place.store.put(text::Json("original"));
  const std::string file =
      place.scratch.at("cas/" + bare_hex(hash).substr(0, 2) + "/" + bare_hex(hash) + ".json");
  fs::rename(file, place.scratch.at("moved"));
  fs::create_symlink(place.scratch.at("moved"), file);
  EXPECT_FALSE(place.store.get(hash));
  EXPECT_EQ(place.store.verify_all()->bad.size(), 1U);
}

TEST(ObjectStore, every_flipped_byte_is_found) {
  Store place;
  for (int value = 0; value < 3; ++value) place.add(".rtt/policy.json", value);
  place.add(".rtt/routes.json", 2);  // shares an object
  place.add(".rtt/flags.json", 7, 2);
  ASSERT_TRUE(place.store.write_index());
  const crypto::Keyring keys = Store::keys();
  ASSERT_TRUE(place.store.verify_all(keys)->bad.empty());
  std::size_t flipped = 0;
  for (const auto& [path, content] : picture(place.scratch.root())) {
    if (content == "(folder)") continue;
    const std::string relative = path.substr(place.scratch.root().size() + 1);
    for (std::size_t at = 0; at < content.size(); ++at) {
      const auto bit = static_cast<int>(at % 8);
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      place.scratch.write(relative, changed);
      const auto report = place.store.verify_all(keys);
      ASSERT_TRUE(report) << report.error().message;
      const auto names_it = [&](const auto& bad) { return bad.file.ends_with(relative); };
      ASSERT_TRUE(std::ranges::any_of(report->bad, names_it)) << relative << " byte " << at << " bit " << bit;
      ++flipped;
    }
    place.scratch.write(relative, content.substr(0, content.size() - 1));
    EXPECT_FALSE(place.store.verify_all(keys)->bad.empty()) << relative << " cut short";
    place.scratch.write(relative, content + "\n");
    EXPECT_FALSE(place.store.verify_all(keys)->bad.empty()) << relative << " made longer";
    place.scratch.write(relative, content);
  }
  EXPECT_GT(flipped, 1000U);
  EXPECT_TRUE(place.store.verify_all(keys)->bad.empty());
}

TEST(ObjectStore, a_missing_object_and_a_foreign_file_are_found) {
  Store place;
  const Digest hash = place.add("id", 1);
  place.scratch.write("cas/" + bare_hex(hash).substr(0, 2) + "/notes.txt", "x");
  ASSERT_EQ(place.store.verify_all()->bad.size(), 1U);
  EXPECT_THAT(place.store.verify_all()->bad[0].file, HasSubstr("notes.txt"));
  fs::remove(place.scratch.at("cas/" + bare_hex(hash).substr(0, 2) + "/notes.txt"));
  fs::remove(place.scratch.at("cas/" + bare_hex(hash).substr(0, 2) + "/" + bare_hex(hash) + ".json"));
  EXPECT_EQ(place.store.verify_all()->bad.size(), 1U);
  EXPECT_EQ(place.store.index().error().code, Code::kTampered);
}

TEST(ObjectStore, the_index_is_a_function_of_the_files) {
  Store place;
  std::vector<std::pair<std::string, int>> puts;
  for (int id = 0; id < 5; ++id) {
    for (int value = 0; value < 3; ++value) puts.emplace_back("id" + std::to_string(id), 10 * id + value);
  }
  for (const auto& [id, value] : puts) place.add(id, value);
  ASSERT_TRUE(place.store.write_index());
  const std::string index = place.scratch.read("index.json");
  fs::remove(place.scratch.at("index.json"));
  ASSERT_TRUE(place.store.write_index());
  EXPECT_EQ(place.scratch.read("index.json"), index);
  EXPECT_EQ(text::canonical_json(*text::parse_json(index)), index);
  for (int id = 0; id < 5; ++id) {
    const auto live = place.store.live("id" + std::to_string(id));
    EXPECT_EQ(*live, object_hash(text::Json::object({{"value", 10 * id + 2}, {"padding", "0123456789"}})));
  }
}

TEST(ObjectStore, whatever_is_promoted_last_is_live) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Store place;
  for (int step = 0; step < 120; ++step) {
    const std::string id = "id" + std::to_string(random() % 2);
    const Digest hash = place.add(id, static_cast<int>(random() % 6), 1 + static_cast<int>(random() % 3));
    EXPECT_EQ(*place.store.live(id), hash) << step;
    ASSERT_TRUE(place.store.index()) << step;
  }
  ASSERT_TRUE(place.store.write_index());
  EXPECT_TRUE(place.store.verify_all(Store::keys())->bad.empty());
}

TEST(ObjectStore, going_back_takes_the_later_versions_away_and_is_whole_after_every_removal) {
  Store place;
  std::vector<Digest> versions;
  for (int value = 0; value < 5; ++value) versions.push_back(place.add("id", value));
  const SigFile second = **place.store.signature(versions[1]);
  // What a crash between two removals leaves behind.
  for (std::size_t gone = 4; gone > 2; --gone) {
    const std::string hex = bare_hex(versions[gone]);
    fs::remove(place.scratch.at("cas/" + hex.substr(0, 2) + "/" + hex + ".sig.json"));
    EXPECT_EQ(*place.store.live("id"), versions[gone - 1]);
  }
  ASSERT_TRUE(place.store.promote({second}));
  EXPECT_EQ(*place.store.live("id"), versions[1]);
  EXPECT_EQ((*place.store.signature(versions[1]))->supersedes, versions[0]);
  EXPECT_TRUE(place.store.contains(versions[4])) << "graphs of the past still name it";
  EXPECT_FALSE(*place.store.signature(versions[2]));
}

TEST(Lineage, two_live_versions_or_none_are_damage) {
  const Digest a = crypto::sha256("a"), b = crypto::sha256("b"), c = crypto::sha256("c");
  const auto record = [](const Digest& hash, std::optional<Digest> supersedes) {
    return SigFile{.id = "id", .hash = hash, .supersedes = supersedes, .sign = {}};
  };
  EXPECT_EQ((*Lineage({record(a, std::nullopt), record(b, a)}).live("id"))->hash, b);
  EXPECT_EQ(*Lineage({record(a, std::nullopt)}).live("other"), nullptr);
  EXPECT_EQ(Lineage({record(a, std::nullopt), record(b, a), record(c, a)}).live("id").error().code,
            Code::kTampered);
  EXPECT_EQ(Lineage({record(a, b), record(b, a)}).live("id").error().code, Code::kTampered);
}

}  // namespace
}  // namespace rtt::registry
