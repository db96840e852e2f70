// SPDX-License-Identifier: Apache-2.0
// IgnoreList: which files and folders a scan passes over.
//
// One rule, so that nobody has to guess: a pattern without `/` is a wildcard over the last name, one with `/`
// over the whole path below the workspace. `./x`, `x/` and `**/x` are read as what their writers mean.
//
// Owns: its patterns.   Thread: any (const).   Fails: never.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rtt::scan {

class IgnoreList {
 public:
  explicit IgnoreList(const std::vector<std::string>& patterns);
  [[nodiscard]] bool matches(std::string_view path, std::string_view name) const;

 private:
  std::vector<std::string> literal_names_;  // sorted: the usual list is five plain names
  std::vector<std::string> names_;
  std::vector<std::string> paths_;
};

}  // namespace rtt::scan
