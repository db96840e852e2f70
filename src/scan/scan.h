// SPDX-License-Identifier: Apache-2.0
// scan: from folders to typed symbols. Classifies by name, opens only candidates, executes nothing it finds.
//
// Probes are a table (probes.h): each names the files it wants and turns one file's text into contracts.
// Files are opened beneath the workspace root without following symlinks (os/dir.h); FIFOs, devices and
// oversized files become problems. Two definitions of one identity are a problem naming both files; neither
// counts.
//
// Thread: one.   Fails: only if nothing could be scanned (kIo, kNoWorkspace); everything else is a listed
// problem. Limits: kScanDepthMax, kScanFilesMax, kManifestBytesMax, kProblemsMax.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"
#include "model/contract.h"
#include "os/dir.h"

namespace rtt::scan {

// A symbol as written in a file, whether or not anybody signed it.
struct FoundSymbol {
  model::Contract contract;
  std::string file;     // relative to the workspace root
  std::string pointer;  // JSON pointer inside the file ("" = the whole document)
  std::string probe;    // "manifest", "agent", "skill"
};
// An MCP server a client's configuration names (`.mcp.json`); importable, not yet a symbol anybody can call.
struct FoundServer {
  std::string name;  // as configured
  std::string file;
  text::Json entry;  // the configuration object; may hold secrets: never print or store it
};

struct Found {
  std::vector<FoundSymbol> symbols;      // sorted by canonical address
  std::vector<FoundServer> servers;      // sorted by (name, file)
  std::vector<model::Problem> problems;  // sorted, at most kProblemsMax
  std::vector<std::string> candidates;   // files a probe for symbols wanted, readable or not; sorted
  std::vector<std::string> duplicated;   // identities defined more than once; sorted
  std::size_t files_seen = 0, files_opened = 0;
};

struct ScanOptions {
  std::string root;                 // the workspace folder
  std::vector<std::string> roots;   // panel.yaml scan.roots, relative
  std::vector<std::string> ignore;  // directory names or globs
  model::Strictness strictness = model::Strictness::kStrict;
};
// `.rtt/manifests`, `agents` and `skills` of the root are always looked at; `.rtt` otherwise never.
Result<Found> scan(const ScanOptions& options);
// One file, whatever the ignore list says: empty if no probe for symbols wants that name.
Found scan_file(const std::string& root, const std::string& relative, model::Strictness strictness);

}  // namespace rtt::scan
