// SPDX-License-Identifier: Apache-2.0
// What lies in a workspace's cache is believed only where this user's RTT wrote it there.
#include "registry/own_cache.h"

#include "registry/place_test.h"

namespace rtt::registry {
namespace {

std::string cached(const Place& place, std::string_view name) {
  return place.workspace().path(".rtt/cache/" + std::string(name));
}

TEST(OwnCache, what_was_written_is_read) {
  const Place place;
  place.init();
  for (const std::string& content : {std::string(), std::string("a"), std::string(5000, '\0')}) {
    ASSERT_TRUE(write_own_cache(place.workspace(), "x", content));
    EXPECT_EQ(read_own_cache(place.workspace(), "x", 5000).value_or("?"), content);
  }
  EXPECT_FALSE(read_own_cache(place.workspace(), "x", 4999));
  EXPECT_FALSE(read_own_cache(place.workspace(), "y", 5000));
}

TEST(OwnCache, every_changed_byte_every_cut_and_every_other_place_is_told) {
  const Place place;
  place.init();
  ASSERT_TRUE(write_own_cache(place.workspace(), "x", "content"));
  const std::string whole = os::read_file(cached(place, "x"), 4096).value();
  const auto put = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::write_atomic(cached(place, name), text));
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put("x", changed);
    EXPECT_FALSE(read_own_cache(place.workspace(), "x", 4096)) << at;
    put("x", whole.substr(0, at));
    EXPECT_FALSE(read_own_cache(place.workspace(), "x", 4096)) << at;
  }
  put("y", whole);
  EXPECT_FALSE(read_own_cache(place.workspace(), "y", 4096)) << "under another name";
  put("x", whole);
  EXPECT_TRUE(read_own_cache(place.workspace(), "x", 4096));
  const Workspace other = place.other_user();
  ASSERT_TRUE(write_own_cache(other, "z", "content"));
  EXPECT_TRUE(read_own_cache(other, "z", 4096));
  EXPECT_FALSE(read_own_cache(place.workspace(), "z", 4096)) << "of another user";
}

// A false entry would have an unsigned agent count.
TEST(OwnCache, signatures_of_somebody_elses_list_are_verified) {
  const Place place;
  place.init();
  const Workspace other = place.other_user();
  const auto key = load_own_key(place.workspace().user_dir);
  ASSERT_TRUE(key);
  const std::string message = "never signed";
  VerifiedSignatures theirs;
  const crypto::Signature signature = key->sign(as_bytes(message));
  ASSERT_TRUE(theirs.verify(key->public_key(), as_bytes(message), signature));
  keep_verified(other, theirs);
  EXPECT_EQ(load_verified(other).met().size(), 0U);
  auto mine = load_verified(place.workspace());
  ASSERT_TRUE(mine.verify(key->public_key(), as_bytes(message), signature));
  EXPECT_TRUE(mine.grown()) << "it was verified, not believed";
  keep_verified(place.workspace(), mine);
  auto again = load_verified(place.workspace());
  ASSERT_TRUE(again.verify(key->public_key(), as_bytes(message), signature));
  EXPECT_FALSE(again.grown());
}

TEST(OwnCache, what_is_signed_here_is_not_verified_again_nor_is_what_was_known_forgotten) {
  const Place place;
  place.scratch().write(std::string(kFile), with_prio(kId, 3));
  place.init();  // signs
  ASSERT_TRUE(os::exists(cached(place, "verified")));
  const std::string at_signing = os::read_file(cached(place, "verified"), 4096).value();
  (void)place.load();
  EXPECT_EQ(os::read_file(cached(place, "verified"), 4096).value(), at_signing) << "it had to be verified";
  place.scratch().write(std::string(kFile), with_prio(kId, 4));
  place.sign();
  const std::string both = os::read_file(cached(place, "verified"), 4096).value();
  EXPECT_GT(both.size(), at_signing.size());
}

TEST(OwnCache, a_workspace_loads_the_same_with_and_without_it) {
  const Place place;
  place.scratch().write(std::string(kFile), with_prio(kId, 3));
  place.init();
  const auto told = [&] {
    const Snapshot snapshot = place.load();
    return std::pair(in_force(snapshot), lines(snapshot));
  };
  const auto first = told();
  EXPECT_TRUE(os::exists(cached(place, "verified")));
  EXPECT_EQ(told(), first);
  ASSERT_TRUE(os::remove_file(cached(place, "verified")));
  EXPECT_EQ(told(), first);
}

}  // namespace
}  // namespace rtt::registry
