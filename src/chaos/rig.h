// SPDX-License-Identifier: Apache-2.0
// Rig: the live copy of a workspace that a chaos run works on, and the real rtt run in it.
//
// The copy is a folder of its own with a home, an identity and a panel of its own, so nothing that is killed,
// stopped or filled is the user's: not the running panel, the journal, the keys or the files of the
// workspace. What the copy holds is what is in force, no more: a workspace with unsigned or changed files is
// refused, since the copy is signed anew. Agents, skills, views and MCP servers stay out, so no tool of the
// user is called; authored drivers are in, since they are what breaks.
//
// To the user's routes the rig adds its own (rtt://chaos/…): calls over a lane, events over a lane, an http
// service, and pairs without processes that make a change large enough to be half applied. Two graphs, A and
// B, differ in half of them; going from one to the other and back is the load on the journal.
//
// Owns: the folder, and what runs in it (ended when destroyed).   Thread: one, blocking.
// Fails: kUnsigned, kChangedUnsigned (sign first), kTooLarge, kIo, and what the copy's own init, plan and
// apply say.   Limits: kChaosCopyBytesMax, kChaosCopyFilesMax, kRttMs a command.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "chaos/verdict.h"
#include "model/contract.h"
#include "os/process.h"
#include "os/temp_dir.h"
#include "registry/workspace.h"
#include "text/json.h"

namespace rtt::chaos {

inline constexpr std::size_t kChaosCopyBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kChaosCopyFilesMax = 20'000;
inline constexpr std::int64_t kRttMs = 60'000;
inline constexpr std::string_view kCaller = "rtt://chaos/hook/caller";
inline constexpr std::string_view kHostile = "rtt://chaos/hook/hostile";
inline constexpr std::string_view kEcho = "rtt://chaos/api/echo";  // #a and #b
inline constexpr std::string_view kBus = "rtt://chaos/bus/events";
inline constexpr std::string_view kSink = "rtt://chaos/extension/sink";
inline constexpr std::string_view kHttp = "rtt://chaos/api/http";

struct Answer {
  int status = 0;
  text::Json document;  // null where it printed no JSON
  [[nodiscard]] const text::Json* error() const { return document.find("error"); }
};

class Rig {
 public:
  // `http_port`: where the run's own http service listens, for `connector:http`.
  static Result<std::unique_ptr<Rig>> make(const registry::Workspace& original, std::uint16_t http_port);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Runs the real rtt in the copy and waits for its end.
  [[nodiscard]] Result<Answer> rtt(std::vector<std::string> words) const;
  // The same, as NDJSON lines.
  [[nodiscard]] Result<std::vector<text::Json>> lines(std::vector<std::string> words) const;
  // How a command, or an end of the load, is started in it.
  [[nodiscard]] os::SpawnOptions command(std::vector<std::string> words) const;

  [[nodiscard]] const registry::Workspace& workspace() const { return workspace_; }
  [[nodiscard]] const std::vector<model::Contract>& contracts() const { return contracts_; }
  [[nodiscard]] const model::Contract* contract(const std::string& identity) const;
  // The two graphs: the commit that stands for each, and the routes that make it.
  struct Wiring {
    Commit commit;
    std::vector<std::string> edges;
  };
  [[nodiscard]] const Wiring& wiring(std::size_t which) const { return wirings_[which]; }
  // A newer commit of it: one can only go back to the last some (apply::kHistoryCommitsMax).
  void went_to(std::size_t which, std::int64_t seq) { wirings_[which].commit.seq = seq; }
  Status shift_clock(std::int64_t ms) const;
  [[nodiscard]] std::vector<int> processes() const;  // of the copy, ends of the load left out

 private:
  Rig(os::TempDir folder, registry::Workspace workspace)
      : folder_(std::move(folder)), workspace_(std::move(workspace)) {}
  Status copy(const registry::Workspace& original) const;
  Status add_own(std::uint16_t http_port);
  Status begin();
  Result<Wiring> apply_wiring(std::size_t which);
  [[nodiscard]] Result<text::Json> asked(std::vector<std::string> words) const;

  os::TempDir folder_;
  registry::Workspace workspace_;
  std::vector<model::Contract> contracts_;
  text::Json routes_;  // of the user
  std::array<Wiring, 2> wirings_;
};

// "from -> to" of each row of `ls routes`, sorted.
std::vector<std::string> edges_of(const text::Json& routes);

}  // namespace rtt::chaos
