// SPDX-License-Identifier: Apache-2.0
// Loop: level-triggered epoll, timers and a wake-up, for one thread.
//
// Written by hand rather than on Boost.Asio for one measured and one structural reason
// (docs/design/001-event-loop.md): Asio's descriptors put O_NONBLOCK on what they wait for, and that flag
// lives on the open file description, so it would leak into an AI client's own stdin and stdout, which `rtt
// mcp serve` hands over. A Loop never touches the flags of a descriptor it watches; readers use MSG_DONTWAIT
// or RWF_NOWAIT, or own the descriptor.
//
// Timers ride on epoll_pwait2's timeout (nanoseconds), so an idle loop costs no system call and no descriptor
// for them.
//
// Owns: the epoll, event and signal descriptors; not the watched ones.   Thread: the one that runs it; post()
// and stop() from any.   Fails: construction, watch and on_signal only (kIo, kLimit). Limits: watched
// descriptors as the kernel allows; kPostedMax tasks waiting (more is a runaway of ours: RTT_ASSERT).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"

namespace rtt::os {

enum Ready : std::uint32_t { kReadable = 1, kWritable = 2, kHangup = 4 };  // bits

class Loop {
 public:
  static constexpr std::size_t kPostedMax = std::size_t{1} << 20;

  using Handler = std::function<void(std::uint32_t ready)>;
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;

  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `handler` while the descriptor is ready for what `interest` asks. kHangup (also an error on the
  // descriptor) is always reported, again each round, so its handler unwatches. A regular file or /dev/null
  // (EPERM from epoll) counts as always ready. One watch a descriptor (RTT_ASSERT).
  Status watch(int fd, std::uint32_t interest, Handler handler);
  void change(int fd, std::uint32_t interest);
  void unwatch(int fd);  // before the descriptor is closed; safe inside any handler
  [[nodiscard]] bool watching(int fd) const;

  // Readable while a watched descriptor is ready or something was posted, for whoever waits for several loops
  // at once. Timers do not show, nor files that are always ready.
  [[nodiscard]] int fd() const;

  // When the event under way began: the clock is read once an event, however many ask. Outside of events:
  // now.
  [[nodiscard]] Instant now() const;

  TimerId after(Nanos delay, Task task);                    // one shot
  void cancel(TimerId timer);                               // unknown or fired: nothing
  [[nodiscard]] std::optional<Instant> next_timer() const;  // when the next one is due; nothing: none is set
  void post(Task task);                                     // any thread; runs on the loop in order
  [[nodiscard]] bool has_posted() const;                    // any thread; one load
  // Runs `handler` on the loop when the process gets the signal (signalfd; the signal is blocked from now on
  // in this thread and those it starts, so call it before starting any). A second handler for a signal
  // replaces the first.
  Status on_signal(int signal, Task handler);

  void run();                     // until stop()
  bool run_once(Nanos max_wait);  // one round, < 0: waits for ever; false if nothing happened in that time
  void stop();                    // ends run() after the round under way, or at once the next run()
  [[nodiscard]] bool stopping() const;  // stop() was called and no run() has ended by it yet
  void wake();                          // ends a wait; safe in a signal handler

 private:
  Loop();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::os
