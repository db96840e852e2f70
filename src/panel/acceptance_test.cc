// SPDX-License-Identifier: Apache-2.0
// acceptance: a commit holds what is needed to go back, and what a crash leaves between its steps is the old
// state once somebody opens the journal. Which steps there are, and in which order, is TwoPhase's.
#include "panel/acceptance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "os/temp_dir.h"
#include "panel/accepted_files.h"
#include "panel/client_rules.h"
#include "panel/ledger.h"
#include "registry/identity.h"
#include "registry/snapshot.h"

namespace rtt::panel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPath = ".rtt/manifests/mcp.notes.json";

std::string manifest(const std::string& tool) {
  return R"({"$schema": "https://rtt/spec/v1", "contracts": [{"symbol": {"saddr": "rtt://notes/tool/)" +
         tool + R"(@1.0.0", "type": "tool", "direction": "provider"}}]})";
}

class Acceptance : public testing::Test {
 protected:
  Acceptance() {
    EXPECT_TRUE(registry::create_workspace(workspace_));
    EXPECT_TRUE(registry::create_own_key(workspace_.user_dir, "me"));
    key_ = registry::load_own_key(workspace_.user_dir).value();
    EXPECT_TRUE(registry::sign_items(workspace_, registry::items_to_sign(workspace_, {}).value(), *key_));
  }

  apply::AcceptedChanges take(const std::string& tool) {
    const auto changes =
        accept(workspace_, apply::Verb::kMcpAccept,
               {{.path = kPath, .text = manifest(tool), .clients = Wanted::Clients::kAllowed}});
    EXPECT_TRUE(changes) << changes.error().message;
    return changes.value_or(apply::AcceptedChanges());
  }
  // Up to its COMMIT, as one whose process is killed then.
  apply::AcceptedChanges prepare(const std::string& tool) {
    apply::AcceptedChange change{.path = kPath, .before = *accepted_now(workspace_, kPath), .after = {}};
    const auto list = registry::signatures_for(workspace_, kPath, manifest(tool), *key_);
    change.after = {.manifest = *keep_bytes(workspace_, manifest(tool)),
                    .signatures = *keep_bytes(workspace_, *list),
                    .clients = true};
    const auto opened = journal::Journal::open(workspace_.wal(), {});
    const apply::PrepareRecord record{
        .plan_id = {}, .base = model::graph_root({}), .who = "me", .accepted = {change}};
    EXPECT_TRUE(opened->journal->append_batch(
        {{.type = journal::RecordType::kPrepare, .payload = apply::to_json(record)}}));
    return {change};
  }
  std::string file() { return os::read_file(workspace_.path(kPath), 1 << 20).value_or("none"); }
  std::vector<std::string> in_force() {
    std::vector<std::string> names;
    for (const auto& contract : registry::load_snapshot(workspace_).value().in_force())
      names.push_back(contract.saddr.name);
    return names;
  }

  os::TempDir dir_ = *os::TempDir::create();
  registry::Workspace workspace_{.root = dir_.path(), .user_dir = dir_.path() + "/user"};
  std::optional<crypto::SecretKey> key_;
};

TEST_F(Acceptance, is_a_commit_and_the_same_again_is_none) {
  EXPECT_EQ(take("old").size(), 1U);
  EXPECT_EQ(take("new").size(), 1U);
  EXPECT_TRUE(take("new").empty());
  const auto view = read_ledger(workspace_);
  ASSERT_TRUE(view);
  const auto& history = view->recovered.history;
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].before, history[1].root);
  EXPECT_EQ(history[0].accepted[0].after, history[1].accepted[0].before);
  EXPECT_EQ(history[1].action, apply::Verb::kMcpAccept);
  EXPECT_THAT(in_force(), ElementsAre("new"));
}

TEST_F(Acceptance, goes_back_without_a_key_to_what_was_signed_then) {
  take("old");
  const std::string signatures = os::read_file(workspace_.path(kPath + ".sig"), 1 << 20).value();
  take("new");
  const auto view = read_ledger(workspace_);
  ASSERT_TRUE(view);
  const Seq first = view->recovered.history.front().seq;
  registry::Workspace keyless = workspace_;
  ASSERT_TRUE(put_accepted(keyless, apply::accepted_back_to(view->recovered, first)));
  EXPECT_EQ(file(), manifest("old"));
  EXPECT_EQ(os::read_file(workspace_.path(kPath + ".sig"), 1 << 20).value(), signatures);
  EXPECT_THAT(in_force(), ElementsAre("old"));
  ASSERT_TRUE(put_accepted(workspace_, apply::accepted_back_to(view->recovered, Seq{0})));
  EXPECT_EQ(file(), "none");
  EXPECT_FALSE(*clients_allowed(workspace_, "notes"));
}

TEST_F(Acceptance, killed_before_its_commit_everything_is_as_before) {
  take("old");
  const auto changes = prepare("new");
  ASSERT_TRUE(put_accepted(workspace_, changes));
  EXPECT_EQ(file(), manifest("new"));
  {
    const auto open = open_journal(workspace_);
    ASSERT_TRUE(open) << open.error().message;
    EXPECT_FALSE(open->fold.state().prepare);
  }
  EXPECT_EQ(file(), manifest("old"));
  EXPECT_THAT(in_force(), ElementsAre("old"));
  EXPECT_EQ(take("new").size(), 1U);
}

TEST_F(Acceptance, killed_between_the_policy_and_its_signature_it_still_goes_back) {
  const auto changes = prepare("new");
  const auto policy = allow_clients(workspace_, {"notes"});
  ASSERT_TRUE(os::write_atomic(workspace_.path(kPolicyPath), policy->text));  // and not signed
  const auto open = open_journal(workspace_);
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_FALSE(*clients_allowed(workspace_, "notes"));
  EXPECT_TRUE(policy_is_signed(workspace_));
  EXPECT_EQ(file(), "none");
}

TEST_F(Acceptance, bytes_that_are_not_what_they_are_kept_as_are_not_put_back) {
  const auto changes = take("old");
  take("new");
  const std::string kept = workspace_.dot("wal/accepted/" + bare_hex(*changes[0].after.manifest));
  ASSERT_TRUE(os::remove_file(kept));
  ASSERT_TRUE(os::write_atomic(kept, manifest("evil")));
  const Status put = put_accepted(workspace_, changes);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kTampered);
  EXPECT_EQ(file(), manifest("new"));
}

TEST_F(Acceptance, a_stranger_s_manifest_is_not_signed_by_going_back) {
  ASSERT_TRUE(os::make_directories(workspace_.dot("manifests")));
  ASSERT_TRUE(os::write_atomic(workspace_.path(kPath), manifest("evil")));
  const auto changes = take("new");
  EXPECT_FALSE(changes.at(0).before.manifest);
  ASSERT_TRUE(put_accepted(workspace_, apply::inverse(changes)));
  EXPECT_EQ(file(), "none");
}

TEST_F(Acceptance, an_edit_nobody_signed_is_in_the_way_of_a_change_and_not_of_a_removal) {
  take("old");
  ASSERT_TRUE(os::write_atomic(workspace_.path(kPath), manifest("old") + "\n\n"));
  EXPECT_EQ(take("new").size(), 1U);  // other spelling is no edit
  std::string changed = manifest("new");
  changed.replace(changed.find("provider"), 8, "consumer");
  ASSERT_TRUE(os::write_atomic(workspace_.path(kPath), changed));
  const auto refused = accept(workspace_, apply::Verb::kMcpAccept, {{.path = kPath, .text = manifest("x")}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kChangedUnsigned);
  EXPECT_THAT(refused.error().hint, HasSubstr("rtt sign"));
  const auto gone = accept(workspace_, apply::Verb::kMcpRm,
                           {{.path = kPath, .text = {}, .clients = Wanted::Clients::kWithdrawn}});
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_FALSE(*clients_allowed(workspace_, "notes"));
}

}  // namespace
}  // namespace rtt::panel
