// SPDX-License-Identifier: Apache-2.0
// MountClient: asks whoever serves a user's mount of views to show what was packed
// (docs/formats/view-mount.md).
//
// Owns: one connection.   Thread: one.   Fails: kPanelDown (nobody serves), kDeadline, kLost; what the server
// says: kTampered (the pack), kNotFound, kLimit, kBadArgument.   Limits: kAnswerMs.
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"
#include "text/ndjson.h"
#include "views/mount_words.h"

namespace rtt::views {

class MountClient {
 public:
  static Result<MountClient> connect(const std::string& store);

  // Makes a generation that lies in the store known; nothing is in force by it.
  Status add(const std::string& workspace, GenerationNumber generation);
  // Puts it in force: once this returns, whoever looks sees it.
  Status show(const std::string& workspace, GenerationNumber generation);
  Status drop(const std::string& workspace);  // its views and their packs
  // WORKSPACE/N for each generation, with `*` behind the one in force.
  Result<std::vector<std::string>> list();

 private:
  explicit MountClient(os::Fd fd) : fd_(std::move(fd)), lines_(kMountLineBytesMax) {}
  Result<std::string> ask(const MountAsk& ask);

  os::Fd fd_;
  text::LineReader lines_;
};

}  // namespace rtt::views
