// SPDX-License-Identifier: Apache-2.0
// What tests of a mount of views stand on: a store and a mount point in a temporary folder, a keeper that
// this program is itself, as main.cc makes `rtt` one, and nothing left of either.
//
// Thread: one.   Fails: as tests fail; skips where no mount can be made.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "os/process.h"
#include "os/temp_dir.h"
#include "views/mount_client.h"
#include "views/tree.h"

namespace rtt::views {

inline constexpr std::int64_t kTime = 1'790'000'000;
inline constexpr int kWaitMs = 30'000;

void wait_for_end(int pid);
// Whose command line has these words; this program's own children among them.
std::vector<int> pids_with(const std::vector<std::string>& words);
std::vector<TreeFile> files_of(GenerationNumber generation, int count = 40);

class MountTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  std::vector<std::string> keeper_words(std::vector<std::string> more = {}) const;
  void start(std::vector<std::string> more = {});
  int server_pid() const;
  void pack(GenerationNumber generation, std::vector<TreeFile> files,
            const std::vector<std::string>& providers = {"claude"});
  void publish(GenerationNumber generation, std::vector<TreeFile> files);
  std::string current(const std::string& provider = "claude") const;

  std::unique_ptr<os::TempDir> dir_;
  std::string store_, mountpoint_;
  os::Child keeper_;
  std::unique_ptr<MountClient> client_;
  std::vector<int> servers_;
  bool can_resend_ = false;
};

}  // namespace rtt::views
