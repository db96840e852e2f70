// SPDX-License-Identifier: Apache-2.0
// SignedWrite: authored files of a workspace changed and signed together, or left as they were.
//
// A file that is written and then cannot be signed would be in nobody's force and in everybody's way: the
// next change of it would sign a stranger's half. So the key is loaded before anything is touched, and
// whatever fails after that puts every file back, its signature list and its mode included.
//
// Owns: the new texts.   Thread: one, blocking.
// Fails: kNoPrivateKey, kIo, kEscapes (a link on the way), and whatever makes a file unfit to be signed.
// Limits: kTreeFileBytesMax a file.
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
  void write(std::string path, std::string text) {
    changes_.push_back({.path = std::move(path), .text = std::move(text)});
  }
  void remove(std::string path) { changes_.push_back({.path = std::move(path)}); }
  // A file that nobody signs by itself: it belongs to one that is.
  void lay(std::string path, std::string text, std::uint32_t mode) {
    changes_.push_back({.path = std::move(path), .text = std::move(text), .mode = mode, .sign = Sign::kNo});
  }
  void sign_as_it_is(std::string path) { signed_too_.push_back(std::move(path)); }  // it may lack a signature
  // Returns how many objects were signed.
  Result<std::size_t> commit();
  // After a commit() whose change came to nothing: every file and its signature list as they were before it.
  Status put_back() const;

 private:
  Result<std::size_t> write_and_sign();

  enum class Sign : std::uint8_t { kYes, kNo };
  struct Change {
    std::string path;                     // relative to the root
    std::optional<std::string> text{};    // nothing: the file goes
    std::optional<std::uint32_t> mode{};  // nothing: as it is, 0644 for a new one
    Sign sign = Sign::kYes;
  };
  struct Before {
    std::string path;                 // absolute
    std::optional<std::string> text;  // nothing: there was no file
    std::uint32_t mode = 0;
  };
  static Result<Before> as_it_is(std::string path);

  const registry::Workspace& workspace_;
  std::vector<Before> before_;
  std::vector<Change> changes_;
  std::vector<std::string> signed_too_;
};

}  // namespace rtt::panel
