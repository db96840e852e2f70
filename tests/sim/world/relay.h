// SPDX-License-Identifier: Apache-2.0
// Relay: the way between the panel and everybody else. Each process connects to a socket of its own here;
// what it says is carried to the panel's socket and back, late, or until the way is cut. Bytes of one
// direction keep their order, as on any stream, and descriptors their place in it.
//
// Owns: its sockets, and what is under way.   Thread: its loop's.   Fails: start: as UnixListener.
// Limits: kLinksMax links, kUnderWayMax pieces of each.
#pragma once

#include <memory>
#include <string>

#include "nature.h"
#include "os/loop.h"

namespace rtt::sim {

class Relay {
 public:
  static constexpr std::size_t kLinksMax = 256, kUnderWayMax = 1 << 16;

  Relay(os::Loop& loop, Nature& nature, std::string panel_sockets);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  // Where `name` connects to, and which process that is from now on.
  Status open(const std::string& name, const std::string& directory);
  void is_process(const std::string& name, int pid);

  void cut(const std::string& name);                       // all its connections
  void cut_all();                                          // the panel died
  void delay(const std::string& name, Nanos each_piece);   // from now on
  void stall_until(const std::string& name, Instant end);  // nothing arrives before that
  void hurry();                                            // no delays any more

 private:
  struct Link;
  struct Door;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::sim
