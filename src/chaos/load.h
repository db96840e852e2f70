// SPDX-License-Identifier: Apache-2.0
// Load: what goes on in the copy while a fault strikes: ends that call and publish over real lanes, changes
// of the graph from A to B and back, calls of the http connector by the command line.
//
// Ends are processes of their own (load_end.h); changes and calls are the real command line, one of each at a
// time, so that a kill finds them at any step.
//
// Owns: the processes it starts.   Thread: one; tick() never blocks, end() waits for what is owed.
// Fails: start: as spawn.   Limits: kLoadEndMs for the counts of an end, kRttMs for a command.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "chaos/rig.h"

namespace rtt::chaos {

// One end of the load, while it runs.
class End {
 public:
  static Result<End> start(const Rig& rig, std::string role, std::string symbol, std::string port = {});
  [[nodiscard]] int pid() const { return child_.pid(); }
  // Closes its input and waits for its counts; null if it says none.
  text::Json finish();
  void go();  // tells a feeder that it may begin
  void kill() { child_.kill(); }

 private:
  os::Child child_;
};

// A command under way.
class Job {
 public:
  static Result<Job> start(const Rig& rig, std::vector<std::string> words);
  // Its answer once it has ended, and only once.
  std::optional<Answer> poll();
  [[nodiscard]] bool overdue() const;
  void kill() { child_.kill(); }

 private:
  os::Child child_;
  Instant began_;
  std::string output_;
};

// Where a user's route ends in a file: its lines are counted.
struct Landing {
  std::string route, publisher, file;
};

class Load {
 public:
  struct Options {
    bool calls_http = false;
    std::optional<Landing> landing;
  };
  static Result<Load> start(Rig& rig, Options options);
  // Takes what came and keeps one change and one call under way. `Begin::kNo`: only takes.
  enum class Begin : std::uint8_t { kNo, kYes };
  void tick(Begin begin);
  // Since the last time it was asked: whether a change, and a call if there are any, came to a good end.
  [[nodiscard]] bool went_well_since_mark() const { return changed_ && (called_ || !options_.calls_http); }
  // The route that ends in the file, "FROM -> TO"; empty: none. Once it is up, feed() begins with it.
  [[nodiscard]] std::string lands_by() const {
    return options_.landing ? options_.landing->route : std::string();
  }
  void feed();
  void mark() { changed_ = called_ = false; }
  [[nodiscard]] bool idle() const { return !change_ && !call_; }
  // Ends everything and writes the counts down. `pause` lets a moment pass while events are on their way to a
  // file.
  void end(Observed& into, const std::function<void()>& pause);
  [[nodiscard]] int pid_of(const std::string& symbol) const;  // 0: no end of the load is that symbol

 private:
  explicit Load(Rig& rig) : rig_(&rig) {}
  void take_change(const Answer& answer);
  void take_call(const Answer& answer);
  void refused(const Answer& answer);

  Rig* rig_;
  Options options_;
  std::map<std::string, End> ends_;  // by symbol
  std::optional<Job> change_, call_;
  std::size_t next_ = 1;  // wiring that the next change leads to
  bool changed_ = false, called_ = false;
  Observed seen_;
};

}  // namespace rtt::chaos
