// SPDX-License-Identifier: Apache-2.0
// What the rows of views share: trees as plain files, and their reading.
//
// Thread: one.   Units: ns.   Fails: gives the bench up.
#pragma once

#include <string>
#include <vector>

#include "report.h"
#include "views/tree.h"

namespace rtt::bench {

void write_files(const views::Tree& tree, const std::string& root);
std::vector<std::string> paths_below(const views::Tree& tree, const std::string& root);
// stat, open, read all and close of each file.
void read_all(const std::vector<std::string>& paths, Samples* into);

}  // namespace rtt::bench
