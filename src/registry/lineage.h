// SPDX-License-Identifier: Apache-2.0
// Lineage: which signed version of each id is live, from a set of sig files and nothing else.
//
// The live version is the one no other of the same id supersedes. Pure: index.json, the judgement of a
// changed file and the next signature's `supersedes` all come from this one function of the files.
//
// Owns: the records.   Thread: any (const).   Fails: kTampered when an id has two live versions or none.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "registry/object_store.h"

namespace rtt::registry {

class Lineage {
 public:
  Lineage() = default;
  explicit Lineage(std::vector<SigFile> records);

  // nullptr: never signed.
  [[nodiscard]] Result<const SigFile*> live(std::string_view id) const;
  [[nodiscard]] const SigFile* find(std::string_view id, const Digest& hash) const;
  [[nodiscard]] std::vector<std::string_view> ids() const;  // sorted, unique
  [[nodiscard]] const std::vector<SigFile>& records() const { return records_; }

 private:
  [[nodiscard]] std::pair<std::size_t, std::size_t> range(std::string_view id) const;
  std::vector<SigFile> records_;  // sorted by (id, hash)
};

}  // namespace rtt::registry
