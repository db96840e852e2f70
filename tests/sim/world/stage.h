// SPDX-License-Identifier: Apache-2.0
// Stage: the workspace every run begins in: signed contracts of two programs that ask and two that answer
// under the same ports, some whole graphs between them, and a signed plan from each graph to each other one.
//
// Made once a process, in a folder of its own, and swept between runs.
//
// Owns: the folder.   Thread: one.   Fails: make: as signing and planning.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/graph.h"
#include "os/temp_dir.h"
#include "registry/workspace.h"

namespace rtt::sim {

struct StagedPlan {
  Digest id;
  std::size_t from = 0, to = 0;  // in graphs
  std::size_t changes = 0;
};

struct Program {
  std::string name;
  std::vector<std::string> symbols;  // definitions
  bool asks = false;
};

// Who plays: programs of their own, or a driver host beside them that answers one of the ports too.
enum class Cast : std::uint8_t { kPrograms, kWithDriverHost };

struct Stage {
  os::TempDir folder;
  registry::Workspace workspace;
  std::vector<model::Graph> graphs;  // the first is empty
  std::vector<Digest> roots;         // beside graphs
  std::vector<StagedPlan> plans;
  std::vector<Program> programs;
  std::vector<std::string> ports;
  Cast cast = Cast::kPrograms;

  static Result<Stage> make(Cast cast = Cast::kWithDriverHost);
  [[nodiscard]] std::string door(const std::string& name) const { return folder / ("doors/" + name); }
  // What a run left goes. Fails if it changed what was there.
  Status sweep() const;

  std::map<std::string, std::filesystem::file_time_type> pristine{};  // by path
};

}  // namespace rtt::sim
