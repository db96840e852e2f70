// SPDX-License-Identifier: Apache-2.0
// Names of the files in an object store, and the list of them.
//
// Thread: any.   Fails: kIo.   Limits: kScanFilesMax entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace rtt::registry {

std::string store_name_of_object(const Digest& hash);                          // "ab/ab….json"
std::string store_name_of_signature(const Digest& hash);                       // "ab/ab….sig.json"
std::string store_name_of_signature(const Digest& hash, std::string_view id);  // of a second id of one object

struct StoredName {
  enum class Kind : std::uint8_t { kObject, kSignature, kForeign } kind = Kind::kForeign;
  std::string name;  // below the store
  Digest hash;
};
// Sorted by name; an absent store is an empty one. Unfinished temporary files (`.tmp-…`) are left out.
Result<std::vector<StoredName>> list_store(const std::string& directory);
// The folders the files lie in, below the store, sorted: each file's coming and going changes its folder's
// time.
Result<std::vector<std::string>> list_store_folders(const std::string& directory);

}  // namespace rtt::registry
