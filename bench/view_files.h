// SPDX-License-Identifier: Apache-2.0
// What the rows of views share: trees as plain files and their reading, and 1,000 agents as everybody reads
// them.
//
// Thread: one.   Units: ns.   Fails: gives the bench up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report.h"
#include "views/tree.h"

namespace rtt::bench {

void write_files(const views::Tree& tree, const std::string& root);
std::vector<std::string> paths_below(const views::Tree& tree, const std::string& root);
// stat, open, read all and close of each file.
void read_all(const std::vector<std::string>& paths, Samples* into);

inline constexpr int kAgents = 1000;
std::string agent_name(int agent);
// Agents of 1.1 kB of words, which compress as prose does; `more`: lines of their front matter.
void write_agents(const std::string& folder, int agents, std::string_view more);
// Bytes of disk below a folder, what several names share counted once.
double disk_bytes(const std::string& folder);

}  // namespace rtt::bench
