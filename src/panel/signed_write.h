// SPDX-License-Identifier: Apache-2.0
// SignedWrite: authored files of a workspace changed and signed together, or left as they were.
//
// A file that is written and then cannot be signed would be in nobody's force and in everybody's way: the
// next change of it would sign a stranger's half. So the key is loaded before anything is touched, and
// whatever fails after that puts every file back, its signature list included.
//
// Owns: the new texts.   Thread: one, blocking.
// Fails: kNoPrivateKey, kIo, and whatever makes a file unfit to be signed.   Limits: kManifestBytesMax a
// file.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/workspace.h"

namespace rtt::panel {

class SignedWrite {
 public:
  explicit SignedWrite(const registry::Workspace& workspace) : workspace_(workspace) {}
  void write(std::string path, std::string text) { changes_.emplace_back(std::move(path), std::move(text)); }
  void remove(std::string path) { changes_.emplace_back(std::move(path), std::nullopt); }
  void sign_as_it_is(std::string path) { signed_too_.push_back(std::move(path)); }  // it may lack a signature
  // Returns how many objects were signed.
  Result<std::size_t> commit();

 private:
  Result<std::size_t> write_and_sign();

  const registry::Workspace& workspace_;
  std::vector<std::pair<std::string, std::optional<std::string>>> changes_;  // relative to the root
  std::vector<std::string> signed_too_;
};

}  // namespace rtt::panel
