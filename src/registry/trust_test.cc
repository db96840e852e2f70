// SPDX-License-Identifier: Apache-2.0
// Goal: private keys stay private, and a key counts exactly where its owner's user said so.
// Method: two users over one folder; git repositories, their worktrees and impostors.
#include "registry/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/key_file.h"
#include "registry/place_test.h"
#include "registry/repository.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string publish_other(const Place& place) {
  const auto key = load_own_key(place.other_user().user_dir);
  EXPECT_TRUE(publish_key(place.workspace(), key->public_key(), "other"));
  return crypto::key_id(key->public_key());
}

TEST(Identity, a_key_is_made_kept_private_and_loaded) {
  const Place place;
  const std::string user = place.workspace().user_dir;
  EXPECT_FALSE(has_own_key(user));
  EXPECT_EQ(load_own_key(user).error().code, Code::kNoPrivateKey);
  const auto first = create_own_key(user, "laptop");
  ASSERT_TRUE(first);
  EXPECT_EQ(crypto::key_id(load_own_key(user)->public_key()), *first);
  EXPECT_EQ(fs::status(user + "/keys/" + *first + ".key").permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(user + "/keys").permissions(), fs::perms(0700));
  const auto second = create_own_key(user, "laptop 2");
  EXPECT_EQ(crypto::key_id(load_own_key(user)->public_key()), *second);
  EXPECT_EQ(own_keys(user)->size(), 2U);
  EXPECT_TRUE(load_keyring(place.workspace())->find(*first)) << "what an older own key signed still counts";
  fs::permissions(user + "/keys/" + *second + ".key", fs::perms(0640));
  EXPECT_EQ(load_own_key(user).error().code, Code::kPermission);
}

TEST(Identity, a_damaged_key_file_is_named) {
  const Place place;
  const std::string user = place.workspace().user_dir;
  const std::string id = *create_own_key(user, "x");
  const std::string file = user + "/keys/" + id + ".key";
  for (const char* junk : {"", "junk", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    ASSERT_TRUE(os::write_atomic(file, junk, {.mode = 0600}));
    EXPECT_EQ(load_own_key(user).error().code, Code::kCryptoFailed) << junk;
    EXPECT_EQ(load_own_key(user).error().where, file);
  }
}

TEST(KeyFile, lines_round_trip_and_labels_cannot_steer_a_terminal) {
  const crypto::PublicKey key = crypto::SecretKey::from_seed({}).public_key();
  const auto line = parse_public_key(print_public_key({.key = key, .label = "a b"}), "f");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->key, key);
  EXPECT_EQ(line->label, "a b");
  const std::string base = print_public_key({.key = key, .label = {}});
  EXPECT_EQ(parse_public_key(base.substr(0, base.size() - 1) + " \x1b[31mred", "f")->label, "?[31mred");
  for (const std::string& bad :
       {std::string(), std::string("ed25519"), "rsa " + base, base + base, std::string("ed25519 AAAA x\n")}) {
    EXPECT_EQ(parse_public_key(bad, "f").error().code, Code::kCryptoFailed) << bad;
  }
}

TEST(Trust, keys_are_listed_with_their_standing) {
  const Place place;
  place.init();
  const std::string own = crypto::key_id(load_own_key(place.workspace().user_dir)->public_key());
  const std::string other = publish_other(place);
  const auto info = [&](const std::string& id) {
    const auto keys = list_keys(place.workspace());
    return *std::ranges::find(*keys, id, &KeyInfo::key_id);
  };
  EXPECT_TRUE(info(own).own && info(own).accepted && info(own).file.empty());
  EXPECT_TRUE(!info(other).own && !info(other).accepted && info(other).label == "other");
  EXPECT_FALSE(load_keyring(place.workspace())->find(other));
  ASSERT_TRUE(accept_key(place.workspace(), other));
  ASSERT_TRUE(accept_key(place.workspace(), other));
  EXPECT_TRUE(info(other).accepted);
  EXPECT_FALSE(load_keyring(place.workspace())->find(other)->revoked);
  ASSERT_TRUE(revoke_key(place.workspace(), other, "left"));
  EXPECT_TRUE(info(other).revoked);
  EXPECT_TRUE(load_keyring(place.workspace())->find(other)->revoked);
  EXPECT_EQ(accept_key(place.workspace(), other).error().code, Code::kRevokedSigner);
  EXPECT_EQ(accept_key(place.workspace(), "0123456789abcdef").error().code, Code::kNotFound);
  fs::remove(place.workspace().dot("registry/trust/revoked.json"));
  EXPECT_TRUE(info(other).revoked) << "who revoked it does not forget when a branch does";
}

TEST(Trust, revoking_reaches_everybody_through_the_repository_even_ones_own_key) {
  const Place place;
  place.init();
  const std::string own = crypto::key_id(load_own_key(place.workspace().user_dir)->public_key());
  place.scratch().write(".rtt/registry/trust/revoked.json",
                        R"({"revoked":[{"key_id":")" + own + R"(","reason":"r"}]})");
  EXPECT_THAT(lines(place.load()), ::testing::Each(HasSubstr("RTT0403")));
  EXPECT_TRUE(place.load().policy.allow.empty());
  place.scratch().write(".rtt/registry/trust/revoked.json", "{\"revoked\":junk");
  EXPECT_FALSE(load_snapshot(place.workspace(), {}))
      << "a list of revoked keys that cannot be read revokes nobody";
}

TEST(Trust, an_unreadable_public_key_is_a_problem_and_no_obstacle) {
  const Place place;
  place.init();
  place.scratch().write(".rtt/registry/trust/keys/x.pub", "junk");
  EXPECT_THAT(lines(place.load()), ElementsAre(HasSubstr(".rtt/registry/trust/keys/x.pub: error RTT0906")));
}

TEST(Trust, an_acceptance_binds_the_whole_key_and_one_repository) {
  const Place place;
  place.init();
  const std::string other = publish_other(place);
  ASSERT_TRUE(accept_key(place.workspace(), other));
  // The same file name with another key in it is another key.
  const auto stranger = crypto::SecretKey::from_seed({});
  ASSERT_TRUE(os::write_atomic(place.workspace().dot("registry/trust/keys/" + other + ".pub"),
                               print_public_key({.key = stranger.public_key(), .label = "other"})));
  EXPECT_FALSE(load_keyring(place.workspace())->find(other));
  EXPECT_FALSE(load_keyring(place.workspace())->find(crypto::key_id(stranger.public_key())));
  Workspace elsewhere = place.workspace();
  elsewhere.root = place.scratch().path() + "/elsewhere";
  fs::create_directories(elsewhere.root);
  ASSERT_TRUE(publish_key(elsewhere, load_own_key(place.other_user().user_dir)->public_key(), "other"));
  EXPECT_FALSE(load_keyring(elsewhere)->find(other));
}

TEST(Repository, worktrees_share_one_name_and_impostors_do_not) {
  const scan::Scratch scratch;
  const std::string base = scratch.path();
  const std::string git = "git -c user.name=t -c user.email=t@t -c init.defaultBranch=main ";
  ASSERT_EQ(std::system(("cd " + base + " && mkdir r && cd r && " + git + "init -q . && " + git +
                         "commit -q --allow-empty -m x && " + git + "worktree add -q ../w && mkdir sub")
                            .c_str()),
            0);
  EXPECT_EQ(repository_of(base + "/r"), base + "/r/.git");
  EXPECT_EQ(repository_of(base + "/r/sub"), base + "/r/.git");
  EXPECT_EQ(repository_of(base + "/w"), base + "/r/.git");
  EXPECT_EQ(repository_of(scratch.root()), scratch.root());
  // A copied worktree folder, a hand-written pointer and a linked .git all point at a repository that knows
  // nothing of them.
  fs::create_directories(base + "/copy");
  fs::copy_file(base + "/w/.git", base + "/copy/.git");
  EXPECT_EQ(repository_of(base + "/copy"), base + "/copy");
  fs::create_directories(base + "/liar");
  ASSERT_TRUE(os::write_atomic(base + "/liar/.git", "gitdir: " + base + "/r/.git\n"));
  EXPECT_EQ(repository_of(base + "/liar"), base + "/liar");
  fs::create_directories(base + "/linked");
  fs::create_directory_symlink(base + "/r/.git", base + "/linked/.git");
  EXPECT_EQ(repository_of(base + "/linked"), base + "/linked");
}

TEST(Trust, an_accepted_key_counts_in_a_worktree) {
  const Place place;
  place.init();
  const std::string other = publish_other(place);
  const std::string git = "git -c user.name=t -c user.email=t@t ";
  ASSERT_EQ(std::system(("cd " + place.scratch().root() + " && " + git + "init -q . && " + git +
                         "add -A && " + git + "commit -q -m x && " + git + "worktree add -q ../second")
                            .c_str()),
            0);
  ASSERT_TRUE(accept_key(place.workspace(), other));
  Workspace second = place.workspace();
  second.root = place.scratch().path() + "/second";
  EXPECT_TRUE(load_keyring(second)->find(other));
  const auto snapshot = load_snapshot(second, {});
  ASSERT_TRUE(snapshot);
  EXPECT_THAT(lines(*snapshot), IsEmpty());
}

}  // namespace
}  // namespace rtt::registry
