// SPDX-License-Identifier: Apache-2.0
// Place: a workspace of one test with its own user, and what tests ask of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "os/file.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "registry/trust.h"
#include "scan/scratch_test.h"

namespace rtt::registry {

inline constexpr std::string_view kId = "rtt://core/api/x@1.0.0";
inline constexpr std::string_view kFile = "a/rtt.manifest.json";

inline std::string with_prio(std::string_view saddr, int prio) {
  std::string text = scan::manifest_of(saddr);
  text.insert(text.size() - 2, ",\"qos\":{\"prio\":" + std::to_string(prio) + "}");
  return text;
}

class Place {
 public:
  Place() : workspace_{.root = scratch_.root(), .user_dir = user_directory()} {}
  [[nodiscard]] const scan::Scratch& scratch() const { return scratch_; }
  [[nodiscard]] const Workspace& workspace() const { return workspace_; }
  // The same folder seen by another person, who has a key of their own.
  [[nodiscard]] Workspace other_user() const {
    Workspace other{.root = workspace_.root, .user_dir = scratch_.path() + "/other"};
    if (has_own_key(other.user_dir)) return other;
    EXPECT_TRUE(create_own_key(other.user_dir, "other"));
    return other;
  }

  void init() const {
    const auto created = create_workspace(workspace_);
    ASSERT_TRUE(created) << created.error().message;
    ASSERT_TRUE(create_own_key(workspace_.user_dir, "me"));
    sign();
  }
  void sign(const std::vector<std::string>& paths = {}) const { sign_as(workspace_, paths); }
  void sign_as(const Workspace& who, const std::vector<std::string>& paths = {}) const {
    const auto items = items_to_sign(who, paths);
    ASSERT_TRUE(items) << items.error().message;
    const auto key = load_own_key(who.user_dir);
    ASSERT_TRUE(key) << key.error().message;
    const Status done = sign_items(who, *items, *key);
    ASSERT_TRUE(done) << done.error().message;
  }
  [[nodiscard]] Snapshot load(const LoadOptions& options = {}) const {
    auto snapshot = load_snapshot(workspace_, options);
    EXPECT_TRUE(snapshot) << (snapshot ? "" : snapshot.error().message + " at " + snapshot.error().where);
    return snapshot ? std::move(*snapshot) : Snapshot{};
  }
  [[nodiscard]] ObjectStore store() const {
    return ObjectStore(workspace_.cas(), workspace_.dot("registry/index.json"));
  }
  // As after `git clone`: what .rtt/.gitignore names is gone.
  void drop_generated() const {
    std::filesystem::remove_all(workspace_.dot("registry/cas"));
    std::filesystem::remove(workspace_.dot("registry/index.json"));
  }

 private:
  scan::Scratch scratch_;
  Workspace workspace_;
};

inline std::vector<std::string> lines(const Snapshot& snapshot) {
  std::vector<std::string> all;
  for (const model::Problem& problem : snapshot.problems) all.push_back(model::to_string(problem));
  return all;
}
inline std::vector<std::string> in_force(const Snapshot& snapshot) {
  std::vector<std::string> all;
  for (const model::Contract& contract : snapshot.in_force()) {
    all.push_back(model::identity(contract.saddr) +
                  (contract.qos.prio ? " " + std::to_string(*contract.qos.prio) : std::string()));
  }
  return all;
}
// Every file below a folder with its content: two equal pictures mean nothing was written.
inline std::map<std::string, std::string> picture(const std::string& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string content = "(folder)";
    if (entry.is_regular_file())
      content = os::read_file(entry.path().string(), std::size_t{1} << 24).value_or("");
    all[entry.path().string()] = std::move(content);
  }
  return all;
}

}  // namespace rtt::registry
