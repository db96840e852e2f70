// SPDX-License-Identifier: Apache-2.0
#include "scan/scan.h"

#include <iterator>
#include <utility>

#include "model/limits.h"
#include "os/parallel.h"
#include "scan/merge.h"
#include "scan/probes.h"
#include "scan/walk.h"

namespace rtt::scan {
namespace {

template <typename T>
void move_into(std::vector<T>& all, std::vector<T>& more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

ProbeOutcome read_one(const Result<os::BeneathFile>& file, const Wanted& wanted,
                      model::Strictness strictness) {
  if (file) return wanted.probe->read(file->content, wanted.path, strictness);
  ProbeOutcome refused;
  refused.problems.push_back(model::problem_from(file.error(), wanted.path));
  refused.problems.back().file = wanted.path;
  return refused;
}

}  // namespace

Result<Found> scan(const ScanOptions& options) {
  RTT_TRY_SET(Listing listing, list_candidates(options));
  ProbeOutcome all{.symbols = {}, .servers = {}, .problems = std::move(listing.problems)};
  std::vector<std::string> candidates;
  std::vector<ProbeOutcome> outcomes(listing.wanted.size());
  RTT_TRY_SET(const os::Folder root, os::Folder::open(options.root));
  os::in_parallel(outcomes.size(), [&](std::size_t i) {
    const auto file = root.read(listing.wanted[i].path, limits::kManifestBytesMax);
    outcomes[i] = read_one(file, listing.wanted[i], options.strictness);
  });
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    move_into(all.symbols, outcomes[i].symbols);
    move_into(all.servers, outcomes[i].servers);
    move_into(all.problems, outcomes[i].problems);
    const Wanted& wanted = listing.wanted[i];
    if (wanted.probe->yields == Yields::kSymbols) candidates.push_back(wanted.path);
  }
  Found found = merge(std::move(all), options.root);
  found.candidates = std::move(candidates);
  found.files_seen = listing.files_seen;
  found.files_opened = listing.wanted.size();
  return found;
}

Found scan_file(const std::string& root, const std::string& relative, model::Strictness strictness) {
  const std::size_t slash = relative.rfind('/');
  const std::string_view name =
      slash == std::string::npos ? std::string_view(relative) : std::string_view(relative).substr(slash + 1);
  const Probe* probe = probe_for({.path = relative, .name = name});
  if (probe == nullptr || probe->yields != Yields::kSymbols || !is_printable(relative)) return {};
  const auto file = os::read_beneath(root, relative, limits::kManifestBytesMax);
  Found found = merge(read_one(file, {.path = relative, .probe = probe}, strictness), root);
  found.candidates.push_back(relative);
  found.files_seen = found.files_opened = 1;
  return found;
}

}  // namespace rtt::scan
