// SPDX-License-Identifier: Apache-2.0
// Sandbox: what a child may reach beyond what no_new_privs leaves it, held by the kernel.
//
// Files by Landlock: with any folder listed, the child and all it starts read and run only what is listed and
// what programs need to run at all (kSystem, the program itself with the `lib` beside its `bin`), and write
// only below `write` and to /dev/null and its like. Landlock 3 (Linux 6.2) is asked for: before it a file
// that may only be read could be cut to nothing. Where the kernel has less, the child does not start.
//
// Network by seccomp: no socket of any family, unix sockets included (a container daemon's or an agent's
// socket leads out as well), and no io_uring, which makes sockets of its own. Pipes and socketpair() stay.
//
// Not held: what is asked of the machine itself (time, processor, memory), the names and sizes of files that
// are not listed (stat), their mode, owner and times where the user may change them (Landlock knows no rule
// for it), and signals to the user's other processes before Landlock 6 (Linux 6.12).
//
// Owns: Rules: the ruleset's descriptor and the filter.   Thread: any; enter() only between fork and exec.
// Fails: prepare: kServerStart with what is missing.   Limits: kSandboxFoldersMax folders of each kind.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "os/fd.h"

namespace rtt::os {

inline constexpr std::size_t kSandboxFoldersMax = 64;

struct Sandbox {
  enum class Network : unsigned char { kOpen, kNone } network = Network::kOpen;
  std::vector<std::string> read, write;  // absolute; both empty: files as the user's
  [[nodiscard]] bool holds_files() const { return !read.empty() || !write.empty(); }
  [[nodiscard]] bool holds() const { return holds_files() || network == Network::kNone; }
  friend bool operator==(const Sandbox&, const Sandbox&) = default;
};

class SandboxRules {
 public:
  // `program` as it will be run: absolute, or of a search path.
  static Result<SandboxRules> prepare(const Sandbox& sandbox, const std::string& program);
  // For this thread and what it becomes; async-signal-safe. False with errno.
  [[nodiscard]] bool enter() const;
  // Neither this process nor what it starts has any capability again, root or not. False with errno.
  [[nodiscard]] static bool drop_capabilities();

 private:
  Fd ruleset_;
  std::vector<sock_filter> filter_;
};

}  // namespace rtt::os
