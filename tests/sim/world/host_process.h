// SPDX-License-Identifier: Apache-2.0
// HostProcess: a driver host that the panel started: the real Host and its real lock, around a driver that
// answers from memory. What the real one does besides (start.h) is the kernel's part of being a process.
//
// Owns: its lock, driver and host.   Thread: one.   Fails: serves() is false where another holds the lock.
#pragma once

#include <map>
#include <set>

#include "actors.h"
#include "drivers/host.h"
#include "panel/process_lock.h"

namespace rtt::sim {

// Answers `host <what was asked>`, in a later turn, as a driver with a child of its own does.
class Answerer final : public drivers::Driver {
 public:
  Answerer(os::Loop& loop, const Nature& nature) : loop_(loop), nature_(nature) {}
  ~Answerer() override;
  void prepare(const model::Contract& provider, OnDone done) override;
  drivers::CallId call(drivers::CallRequest request, OnReply reply) override;
  void cancel(drivers::CallId call) override;
  [[nodiscard]] text::Json health() const override;
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

  Instant ill_until;  // before that it says that its child was given up

 private:
  void later(std::function<void()> what);
  os::Loop& loop_;
  const Nature& nature_;
  std::map<drivers::CallId, OnReply> under_way_;
  std::set<os::Loop::TimerId> timers_;
  drivers::CallId last_call_ = 0;
};

struct HostProcess final : Process {
  HostProcess(Nature& the_nature, const Stage& stage, const Birth& birth);
  ~HostProcess() override;
  [[nodiscard]] bool serves() const { return host != nullptr; }

  std::string instance;
  std::optional<panel::ProcessLock> lock;
  std::unique_ptr<Answerer> driver;
  std::unique_ptr<drivers::Host> host;
};

}  // namespace rtt::sim
