// SPDX-License-Identifier: Apache-2.0
// Placeholders: the names a private view needs in a project while it is looked at, and their way out.
//
// Runs of one workspace share them. All that hold one lock together are at work; who comes and finds nobody
// there first takes away what a crash left, and who goes last takes away everything. A name is on record
// before it is made, so none is forgotten. The one who takes away is a process outside of the run's
// namespaces (guard_placeholders): it waits for the run's end, however it ends, and is neither child nor
// session of it. Where it is killed too, what stays is empty: folders, sockets, files of no bytes; the next
// run takes them.
//
// Owns: two locks.   Thread: one.   Fails: as os/placeholder.h; kBadShape (the record).
// Limits: kPlaceholdersMax.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/file.h"
#include "os/placeholder.h"

namespace rtt::views {

inline constexpr std::size_t kPlaceholdersMax = 10'000;

struct Held {
  std::string path;  // below the project's root
  os::Placeholder kind = os::Placeholder::kFolder;
  friend bool operator==(const Held&, const Held&) = default;
};

struct HeldWhere {
  std::string root;     // the project
  std::string records;  // a folder of the workspace's own
};

class Placeholders {
 public:
  // Waits for its turn, and has it as long as it is there.
  static Result<Placeholders> open(HeldWhere where);
  static Result<Placeholders> look(HeldWhere where);  // takes no turn: to say what would be

  // Whether it is one of ours, still empty or covered by a mount.
  [[nodiscard]] bool holds(const std::string& path) const;
  // While it is open somewhere, this run is at work.
  [[nodiscard]] int at_work() const { return at_work_->descriptor(); }

  // Starts the one who takes away, for this process and what it becomes. Before its mounts are its own, for a
  // name cannot be taken from under a mount that is seen; and early, for the guard keeps the memory it begins
  // with.
  Status start_guard();
  Status make(const std::vector<Held>& wanted);  // parents before what is in them
  Status take_away();                            // all but what is something else by now

 private:
  explicit Placeholders(HeldWhere where) : where_(std::move(where)) {}
  Status read();
  [[nodiscard]] Status write() const;

  HeldWhere where_;
  std::vector<Held> held_;
  std::optional<os::FileLock> turn_, at_work_;

  friend int guard_placeholders(HeldWhere where, int run, int at_work);
};

// The guard's life. `run`: a descriptor that is readable once the run has ended. An exit status.
int guard_placeholders(HeldWhere where, int run, int at_work);

}  // namespace rtt::views
