// SPDX-License-Identifier: Apache-2.0
// The processes of the world: each has a loop of its own, and ends when its object does, without a word, with
// all its descriptors.
//
// Owns: what a process owns.   Thread: one.   Fails: start: as what is started.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/peer.h"
#include "endpoint/attachment.h"
#include "nature.h"
#include "panel/panel.h"
#include "relay.h"
#include "stage.h"

namespace rtt::sim {

struct Process {
  Process(Nature& the_nature, std::string the_name);           // born now
  Process(Nature& the_nature, std::string the_name, int pid);  // or as nature said before
  virtual ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Whether its loop has anything to do, as of the last time that nature waited.
  [[nodiscard]] bool has_work() const;

  Nature& nature;
  std::string name;
  int pid = 0;
  std::unique_ptr<os::Loop> loop;
  Instant sleeps_until;  // SIGSTOP, or a busy machine
  Nanos slow{0};         // after each of its events
  bool called = false;
  os::ExitState ended_as{.code = -1, .signal = 9};  // what is said of it when it is destroyed

 protected:
  void end_loop();  // before what its handlers speak of
};

struct PanelProcess final : Process {
  PanelProcess(Nature& the_nature, const Stage& stage);
  ~PanelProcess() override;
  Result<std::unique_ptr<panel::Panel>> started;
};

// A program that attaches its symbols, answers what it is asked, and, if it asks, asks every port again and
// again.
struct EndProcess final : Process {
  EndProcess(Nature& the_nature, const Stage& stage, const Program& program);
  ~EndProcess() override;
  void ask_on();

  const Program& program;
  const std::vector<std::string>& ports;
  bool asking = true;
  bool answers_badly = false;
  std::uint64_t asked = 0, answered = 0, failed = 0;
  std::optional<std::string> wrong_answer;
  std::unique_ptr<endpoint::Board> board;
  std::unique_ptr<endpoint::Attachment> attachment;
};

// What somebody asked the panel for, and what came of it.
struct Ask {
  std::string verb;
  text::Json args;
  std::optional<Result<api::Answer>> answer;  // nothing: not answered yet
};

class ClientProcess final : public Process {
 public:
  ClientProcess(Nature& the_nature, const Stage& stage, std::string the_name);
  ~ClientProcess() override;
  // Nothing when it is still waiting for the last answer.
  void ask(std::string verb, text::Json args);
  [[nodiscard]] bool busy() const { return under_way_; }
  std::vector<Ask> done;

 private:
  void connect();
  std::string door_;
  std::shared_ptr<api::Peer> peer_;
  bool under_way_ = false;
};

struct NetworkProcess final : Process {
  NetworkProcess(Nature& the_nature, const Stage& stage);
  Relay relay;
};

}  // namespace rtt::sim
