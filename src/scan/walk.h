// SPDX-License-Identifier: Apache-2.0
// list_candidates: walks the scan roots by name and returns the files a probe wants, opening none of them.
//
// Roots that overlap are walked once. Symbolic links are never followed: one where a candidate is expected,
// one that leads in a circle and one that leads to a folder outside are listed. `.rtt` is entered only for
// its manifests.
//
// Thread: one.   Fails: kIo and kNotFound when no root can be opened.   Limits: kScanDepthMax, kScanFilesMax.
#pragma once

#include <string>
#include <vector>

#include "scan/probes.h"

namespace rtt::scan {

struct Wanted {
  std::string path;  // below the workspace root
  const Probe* probe = nullptr;
};
struct Listing {
  std::vector<Wanted> wanted;  // sorted by path
  std::vector<model::Problem> problems;
  std::size_t files_seen = 0;
};
Result<Listing> list_candidates(const ScanOptions& options);

// Whether a path can be shown and written as text: UTF-8 without control bytes.
[[nodiscard]] bool is_printable(std::string_view path);
// The same path with every other byte as %XX.
std::string printable(std::string_view path);

}  // namespace rtt::scan
