// SPDX-License-Identifier: Apache-2.0
// Goal: exactly what a trusted person signed is in force, at its last signed version, and everything else is
// named. Method: workspaces in a scratch folder; the trust table cell by cell; changes, reverts, clones and
// damage.
#include "registry/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "crypto/sha256.h"
#include "registry/place_test.h"

namespace rtt::registry {
namespace {

namespace fs = std::filesystem;
using scan::manifest_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Snapshot, what_init_signed_is_in_force_without_a_problem) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  const Snapshot snapshot = place.load();
  EXPECT_THAT(lines(snapshot), IsEmpty());
  EXPECT_THAT(in_force(snapshot), ElementsAre("rtt://core/api/x@1.0.0 1"));
  ASSERT_EQ(snapshot.symbols.size(), 1U);
  EXPECT_EQ(snapshot.symbols[0].standing, Standing::kSigned);
  EXPECT_EQ(snapshot.symbols[0].source, kFile);
  EXPECT_EQ(snapshot.symbols[0].found_hash, snapshot.symbols[0].contract.hash);
  EXPECT_EQ(snapshot.policy.allow.size(), 1U);
  EXPECT_TRUE(snapshot.policy.deny.empty());
  ASSERT_EQ(snapshot.configs.size(), 5U);
  EXPECT_EQ(snapshot.configs[1].path, ".rtt/panel.yaml");
  EXPECT_EQ(snapshot.configs[0].hash, Digest{});
  EXPECT_EQ(text::to_json(snapshot.registry_object()),
            "{\"" + std::string(kId) + "\":\"" + to_string(snapshot.symbols[0].contract.hash) + "\"}");
}

enum class Signer { kTrusted, kNone, kUnknown, kRevoked, kDamaged };
enum class Mode { kStrict, kAllowed, kRelaxed };

// One cell of the table in judge.h: a manifest in namespace `core`, signed like this, under that panel.yaml.
Snapshot cell(const Place& place, Signer signer, Mode mode) {
  std::string panel = os::read_file(place.workspace().dot("panel.yaml"), 1 << 16).value_or("");
  panel = panel.substr(0, panel.find("security:"));
  panel += mode == Mode::kRelaxed ? "security:\n  strict_manifests: false\n"
           : mode == Mode::kAllowed
               ? "security:\n  strict_manifests: true\n  allow_unsigned: [\"core/*\"]\n"
               : "security:\n  strict_manifests: true\n  allow_unsigned: [\"other/*\"]\n";
  place.scratch().write(".rtt/panel.yaml", panel);
  place.sign({".rtt/panel.yaml"});
  place.scratch().write(kFile, with_prio(kId, 1));
  const Workspace other = place.other_user();
  if (signer == Signer::kTrusted) place.sign({std::string(kFile)});
  if (signer == Signer::kUnknown || signer == Signer::kRevoked) place.sign_as(other, {std::string(kFile)});
  if (signer == Signer::kRevoked) {
    const auto key = load_own_key(other.user_dir);
    EXPECT_TRUE(publish_key(place.workspace(), key->public_key(), "other"));
    EXPECT_TRUE(accept_key(place.workspace(), crypto::key_id(key->public_key())));
    EXPECT_TRUE(revoke_key(place.workspace(), crypto::key_id(key->public_key()), "lost"));
  }
  if (signer == Signer::kDamaged) {
    place.sign({std::string(kFile)});
    const std::string name = std::string(kFile) + ".sig";
    auto json = text::parse_json(place.scratch().read(name));
    auto record = *sig_file_from_json(json->as_array()[0], name);
    record.sign[0].signature.bytes[7] ^= std::byte{1};
    place.scratch().write(name, text::to_pretty_json(text::Json::array({to_json(record)})));
  }
  place.drop_generated();  // else the copy of an earlier, sound signature would count
  return place.load();
}

TEST(Snapshot, the_trust_table_holds_in_every_cell) {
  struct Row {
    Signer signer;
    Mode mode;
    Standing standing;
    std::string problem;
  };
  const std::vector<Row> table{
      {Signer::kTrusted, Mode::kStrict, Standing::kSigned, ""},
      {Signer::kTrusted, Mode::kAllowed, Standing::kSigned, ""},
      {Signer::kTrusted, Mode::kRelaxed, Standing::kSigned, ""},
      {Signer::kNone, Mode::kStrict, Standing::kRefused, "error RTT0401"},
      {Signer::kNone, Mode::kAllowed, Standing::kAllowedUnsigned, ""},
      {Signer::kNone, Mode::kRelaxed, Standing::kAllowedUnsigned, ""},
      {Signer::kUnknown, Mode::kStrict, Standing::kRefused, "error RTT0402"},
      {Signer::kUnknown, Mode::kAllowed, Standing::kAllowedUnsigned, "warning RTT0402"},
      {Signer::kUnknown, Mode::kRelaxed, Standing::kAllowedUnsigned, "warning RTT0402"},
      {Signer::kRevoked, Mode::kStrict, Standing::kRefused, "error RTT0403"},
      {Signer::kRevoked, Mode::kAllowed, Standing::kRefused, "error RTT0403"},
      {Signer::kRevoked, Mode::kRelaxed, Standing::kRefused, "error RTT0403"},
      {Signer::kDamaged, Mode::kStrict, Standing::kRefused, "error RTT0404"},
      {Signer::kDamaged, Mode::kAllowed, Standing::kRefused, "error RTT0404"},
      {Signer::kDamaged, Mode::kRelaxed, Standing::kRefused, "error RTT0404"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(::testing::Message() << "signer " << int(row.signer) << " mode " << int(row.mode));
    const Place place;
    place.init();
    const Snapshot snapshot = cell(place, row.signer, row.mode);
    ASSERT_EQ(snapshot.symbols.size(), 1U);
    EXPECT_EQ(snapshot.symbols[0].standing, row.standing) << ::testing::PrintToString(lines(snapshot));
    if (row.problem.empty()) {
      EXPECT_THAT(lines(snapshot), IsEmpty());
    } else {
      EXPECT_THAT(lines(snapshot), ElementsAre(HasSubstr(std::string(kFile) + ": " + row.problem)));
    }
    EXPECT_EQ(snapshot.in_force().size(), row.standing == Standing::kRefused ? 0U : 1U);
  }
}

TEST(Snapshot, a_key_counts_when_published_and_accepted_and_not_longer) {
  const Place place;
  place.init();
  place.scratch().write(kFile, with_prio(kId, 1));
  const Workspace other = place.other_user();
  place.sign_as(other, {std::string(kFile)});
  const auto key = load_own_key(other.user_dir);
  const std::string id = crypto::key_id(key->public_key());
  EXPECT_THAT(lines(place.load()), ElementsAre(HasSubstr("RTT0402")));
  ASSERT_TRUE(publish_key(place.workspace(), key->public_key(), "other"));
  EXPECT_THAT(lines(place.load()), ElementsAre(HasSubstr("RTT0402")));
  ASSERT_TRUE(accept_key(place.workspace(), id));
  EXPECT_THAT(lines(place.load()), IsEmpty());
  fs::rename(place.scratch().at(".rtt/registry/trust/keys/" + id + ".pub"),
             place.scratch().path() + "/their.pub");
  EXPECT_THAT(lines(place.load()), ElementsAre(HasSubstr("RTT0402")));
  EXPECT_THAT(lines(place.load({.trust_keys = {place.scratch().path() + "/their.pub"}})), IsEmpty());
}

TEST(Snapshot, a_changed_file_leaves_its_last_signed_version_in_force_until_signed) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  place.scratch().write(kFile, with_prio(kId, 2));
  const Snapshot changed = place.load();
  EXPECT_THAT(in_force(changed), ElementsAre("rtt://core/api/x@1.0.0 1"));
  EXPECT_EQ(changed.symbols[0].standing, Standing::kLastSigned);
  EXPECT_NE(changed.symbols[0].found_hash, changed.symbols[0].contract.hash);
  EXPECT_THAT(lines(changed), ElementsAre(HasSubstr("RTT0405")));
  EXPECT_EQ(changed.problems[0].hint, "rtt sign a/rtt.manifest.json");

  const auto items = items_to_sign(place.workspace(), {"a"});
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 1U);
  EXPECT_EQ((*items)[0].id, kId);
  EXPECT_EQ((*items)[0].supersedes, changed.symbols[0].contract.hash);
  EXPECT_EQ((*items)[0].previous, changed.symbols[0].contract.object);
  place.sign();
  const Snapshot after = place.load();
  EXPECT_THAT(in_force(after), ElementsAre("rtt://core/api/x@1.0.0 2"));
  EXPECT_THAT(lines(after), IsEmpty());
  EXPECT_TRUE(items_to_sign(place.workspace(), {})->empty());
}

TEST(Snapshot, an_old_version_put_back_needs_its_signature_file_or_a_new_signature) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  const std::string old_list = place.scratch().read(std::string(kFile) + ".sig");
  place.scratch().write(kFile, with_prio(kId, 2));
  place.sign();
  place.scratch().write(kFile, with_prio(kId, 1));
  EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 2"));
  EXPECT_THAT(lines(place.load()), ElementsAre(HasSubstr("RTT0405")));
  place.scratch().write(std::string(kFile) + ".sig", old_list);  // what checking out the older commit does
  EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 1"));
  EXPECT_THAT(lines(place.load()), IsEmpty());
  EXPECT_TRUE(place.store().verify_all(*known_keys(place.workspace()))->bad.empty());
}

TEST(Snapshot, signing_an_old_version_again_works_any_number_of_times) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 0));
  place.init();
  for (const int prio : {1, 2, 0, 2, 1, 1, 0, 3, 0}) {
    place.scratch().write(kFile, with_prio(kId, prio));
    place.sign();
    EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 " + std::to_string(prio)));
    EXPECT_THAT(lines(place.load()), IsEmpty());
    EXPECT_TRUE(place.store().verify_all(*known_keys(place.workspace()))->bad.empty());
  }
}

TEST(Snapshot, two_branches_with_different_versions_do_not_disturb_each_other) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 0));
  place.init();
  std::map<int, std::string> lists;
  const std::string base = place.scratch().read(std::string(kFile) + ".sig");
  for (const int prio : {1, 2}) {
    place.scratch().write(kFile, with_prio(kId, 0));
    place.scratch().write(std::string(kFile) + ".sig", base);
    static_cast<void>(place.load());
    place.scratch().write(kFile, with_prio(kId, prio));
    place.sign();
    lists[prio] = place.scratch().read(std::string(kFile) + ".sig");
  }
  for (const int prio : {1, 2, 1, 1, 2}) {
    place.scratch().write(kFile, with_prio(kId, prio));
    place.scratch().write(std::string(kFile) + ".sig", lists[prio]);
    const Snapshot snapshot = place.load();
    EXPECT_THAT(lines(snapshot), IsEmpty());
    EXPECT_THAT(in_force(snapshot), ElementsAre("rtt://core/api/x@1.0.0 " + std::to_string(prio)));
    // An unsigned change on this branch falls back to this branch, whatever the store saw last.
    place.scratch().write(kFile, with_prio(kId, 9));
    EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 " + std::to_string(prio)));
  }
}

TEST(Snapshot, a_clone_rebuilds_store_and_index_byte_for_byte) {
  const Place place;
  for (int count = 0; count < 8; ++count) {
    const std::string id = "rtt://core/api/x" + std::to_string(count) + "@1.0.0";
    place.scratch().write("p" + std::to_string(count) + "/rtt.manifest.json", manifest_of(id));
  }
  place.init();
  const Snapshot before = place.load();
  const auto index = os::read_file(place.workspace().dot("registry/index.json"), 1 << 20);
  const auto store = picture(place.workspace().dot("registry"));
  ASSERT_TRUE(index);
  EXPECT_THAT(*index, HasSubstr("rtt://core/api/x7@1.0.0"));
  place.drop_generated();
  const Snapshot after = place.load();
  EXPECT_THAT(lines(after), IsEmpty());
  EXPECT_EQ(text::to_json(after.registry_object()), text::to_json(before.registry_object()));
  EXPECT_EQ(picture(place.workspace().dot("registry")), store);
  const auto written = picture(place.scratch().root());
  static_cast<void>(place.load());
  EXPECT_EQ(picture(place.scratch().root()), written);
}

TEST(Snapshot, a_signature_only_the_store_holds_does_not_count_for_a_clone) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  ASSERT_TRUE(fs::remove(place.scratch().root() + "/" + std::string(kFile) + ".sig"));
  EXPECT_EQ(place.load().symbols.at(0).standing, Standing::kSigned);
  const Snapshot alone =
      place.load({.store = LoadOptions::Store::kReadOnly, .vouch = LoadOptions::Vouch::kFilesAlone});
  EXPECT_EQ(alone.symbols.at(0).standing, Standing::kRefused);
}

TEST(Snapshot, reading_only_writes_nothing_anywhere) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  place.drop_generated();
  const auto before = picture(place.scratch().path());
  const Snapshot snapshot = place.load({.store = LoadOptions::Store::kReadOnly});
  EXPECT_THAT(in_force(snapshot), ElementsAre("rtt://core/api/x@1.0.0 1"));
  EXPECT_EQ(picture(place.scratch().path()), before);
}

TEST(Snapshot, a_file_that_cannot_be_read_any_more_keeps_its_signed_definitions) {
  const Place place;
  place.scratch().write(
      kFile, "{\"contracts\":[" + with_prio(kId, 1) + "," + with_prio("rtt://core/api/y@1.0.0", 2) + "]}");
  place.init();
  place.scratch().write(kFile, "{\"contracts\":[" + with_prio(kId, 1) + ",");
  const Snapshot snapshot = place.load();
  EXPECT_THAT(in_force(snapshot), ElementsAre("rtt://core/api/x@1.0.0 1", "rtt://core/api/y@1.0.0 2"));
  EXPECT_EQ(snapshot.symbols[0].standing, Standing::kLastSigned);
  EXPECT_THAT(lines(snapshot), Contains(HasSubstr("RTT0201")));
  // A definition taken out of a sound file is gone.
  place.scratch().write(kFile, "{\"contracts\":[" + with_prio(kId, 1) + "]}");
  EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 1"));
}

TEST(Snapshot, a_definition_in_two_files_counts_in_neither_even_if_signed) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  place.scratch().write("b/rtt.manifest.json", with_prio(kId, 1));
  const Snapshot snapshot = place.load();
  EXPECT_THAT(in_force(snapshot), IsEmpty());
  EXPECT_THAT(lines(snapshot), ElementsAre(HasSubstr("RTT0303"), HasSubstr("RTT0303")));
}

TEST(Snapshot, an_altered_stored_object_is_refused_by_name) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  const Digest hash = place.load().symbols[0].contract.hash;
  const std::string stored =
      ".rtt/registry/cas/sha256/" + bare_hex(hash).substr(0, 2) + "/" + bare_hex(hash) + ".json";
  std::string bytes = place.scratch().read(stored);
  EXPECT_EQ(crypto::sha256(bytes), hash);
  bytes[bytes.size() / 2] ^= 1;
  place.scratch().write(stored, bytes);
  const Snapshot snapshot = place.load();
  EXPECT_THAT(in_force(snapshot), IsEmpty());
  ASSERT_EQ(snapshot.problems.size(), 1U);
  EXPECT_EQ(snapshot.problems[0].code, Code::kTampered);
  EXPECT_THAT(snapshot.problems[0].message, HasSubstr(bare_hex(hash)));
}

TEST(Snapshot, a_damaged_signature_file_of_the_store_is_named_and_brings_nothing_old_back) {
  const Place place;
  place.scratch().write(kFile, with_prio(kId, 1));
  place.init();
  place.scratch().write(kFile, with_prio(kId, 2));
  place.sign();
  const Digest hash = place.load().symbols[0].contract.hash;
  const std::string stored =
      ".rtt/registry/cas/sha256/" + bare_hex(hash).substr(0, 2) + "/" + bare_hex(hash) + ".sig.json";
  place.scratch().write(stored, "junk");
  place.scratch().write(kFile, with_prio(kId, 3));
  const Snapshot snapshot = place.load();
  EXPECT_THAT(in_force(snapshot), ElementsAre("rtt://core/api/x@1.0.0 2"));
  EXPECT_THAT(lines(snapshot), Contains(HasSubstr("error RTT0406")));
}

TEST(Snapshot, a_signature_list_that_is_junk_is_a_problem_of_that_file) {
  for (const char* junk : {"", "{}", "[{}]", "[1]", "[[", "\xff",
                           "[{\"id\":\"a\",\"hash\":\"x\",\"supersedes\":null,\"sign\":[]}]"}) {
    const Place place;
    place.scratch().write(kFile, with_prio(kId, 1));
    place.init();
    place.drop_generated();
    place.scratch().write(std::string(kFile) + ".sig", junk);
    const Snapshot snapshot = place.load();
    EXPECT_THAT(in_force(snapshot), IsEmpty()) << junk;
    EXPECT_THAT(lines(snapshot), Contains(HasSubstr(std::string(kFile) + ".sig"))) << junk;
    place.sign();  // and signing heals it
    EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 1"));
    EXPECT_THAT(lines(place.load()), IsEmpty());
  }
}

TEST(Snapshot, an_inline_signature_counts) {
  const Place place;
  place.init();
  place.scratch().write(kFile, with_prio(kId, 1));
  const auto found = scan::scan_file(place.scratch().root(), std::string(kFile), model::Strictness::kStrict);
  const auto key = load_own_key(place.workspace().user_dir);
  const auto record = crypto::sign(*key, crypto::SignKind::kManifest, found.symbols.at(0).contract.hash);
  auto json = *text::parse_json(with_prio(kId, 1));
  json.set("sign", model::sign_records_to_json({record}));
  place.scratch().write(kFile, text::to_pretty_json(json));
  EXPECT_THAT(lines(place.load()), IsEmpty());
  EXPECT_THAT(in_force(place.load()), ElementsAre("rtt://core/api/x@1.0.0 1"));
  EXPECT_TRUE(items_to_sign(place.workspace(), {})->empty());
}

}  // namespace
}  // namespace rtt::registry
