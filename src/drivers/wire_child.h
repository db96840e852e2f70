// SPDX-License-Identifier: Apache-2.0
// WireChild: the process of a driver of one's own and its three pipes.
//
// Lines come in whole and bounded, lines go out as the child reads them; a child that reads nothing fills its
// queue and is refused more, it never holds the loop up. What it writes to stderr is handed on up to
// kServerLogBytesMax bytes, the rest is dropped and counted.
//
// Owns: the child (its group is killed when this is destroyed), its pipes.   Thread: the loop's.
// Fails: start: kDriverStart, kIo; write: kBusy (its queue is full), kLost (it reads no more).
// Limits: kDriverLineBytesMax a line, kDriverQueueBytesMax waiting to be read by it.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "model/connector.h"
#include "os/loop.h"
#include "os/out_queue.h"
#include "os/process.h"
#include "text/ndjson.h"

namespace rtt::drivers {

class WireChild {
 public:
  struct Events {
    std::function<void(std::string_view line)> on_line;
    std::function<void()> on_overlong;
    std::function<void(std::string_view text)> on_stderr;
    std::function<void(const Error& why)> on_ended;  // the last one; it may destroy this
  };
  static Result<std::unique_ptr<WireChild>> start(os::Loop& loop, const os::SpawnOptions& options,
                                                  Events events);
  ~WireChild();
  WireChild(const WireChild&) = delete;
  WireChild& operator=(const WireChild&) = delete;

  Status write(std::string_view line);
  void close_input();  // after what waits has been written
  void terminate() { child_.signal_group(SIGTERM); }
  [[nodiscard]] int pid() const { return child_.pid(); }

 private:
  WireChild(os::Loop& loop, Events events);
  void read_output();
  void read_errors();
  void take_lines();
  void flush();
  void child_ended();
  void end(const Error& why);
  void forget();
  void watch_input();

  os::Loop& loop_;
  Events events_;
  os::Child child_;
  text::LineReader reader_;
  os::OutQueue outbox_;
  bool closing_ = false;
  std::size_t stderr_bytes_ = 0;
  os::Loop::TimerId end_timer_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // nobody else owns it: tells that this is gone
};

// How a connector is started: in `folder`, `${driver}`, with its environment beside ours. `${workspace}` is
// `root`; a program written with a slash and no leading one lies below the folder.
os::SpawnOptions spawn_options(const model::Connector& connector, const std::string& folder,
                               const std::string& root);
// The same for a native one, which is told where and as what to attach.
os::SpawnOptions native_options(const model::Connector& connector, const std::string& folder,
                                const std::string& root, const std::vector<std::string>& symbols);

}  // namespace rtt::drivers
