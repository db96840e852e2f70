// SPDX-License-Identifier: Apache-2.0
// merge: one sorted list of symbols out of many files, with every identity defined at most once.
//
// The result depends on the set of outcomes only, never on the order the files were met in.
//
// Thread: one.   Fails: never; duplicates become problems.   Limits: kProblemsMax.
#pragma once

#include <string>

#include "scan/probes.h"

namespace rtt::scan {

// Drops every symbol whose identity occurs more than once and says so for each place, naming another. `root`
// is read again only to tell the line of a duplicate.
Found merge(ProbeOutcome all, const std::string& root);
// Sorted by place, without repetition, at most kProblemsMax of which the last then says how many are missing.
std::vector<model::Problem> in_order(std::vector<model::Problem> problems);

}  // namespace rtt::scan
