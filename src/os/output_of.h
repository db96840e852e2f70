// SPDX-License-Identifier: Apache-2.0
// output_of: runs a program to its end and takes what it prints.
//
// Blocks until the program has ended and closed its output: for programs that answer at once, in a loop that
// others wait for only with a deadline to match.
//
// Owns: nothing.   Thread: any.
// Fails: as spawn; kIo; kLimit (it printed more), kDeadline: then it is killed, with all it started.
// Limits: the caller's.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "os/process.h"

namespace rtt::os {

// Nothing where it ends with another status than 0. The wires of `options` are set here: no input, no stderr.
struct OutputLimits {
  std::size_t bytes_max = 0;
  Nanos time_max;
};
Result<std::optional<std::string>> output_of(SpawnOptions options, const OutputLimits& limits);
// The same whatever it ends with.
struct Ended {
  ExitState state;
  std::string output;
};
Result<Ended> run_to_end(SpawnOptions options, const OutputLimits& limits);
// Of one that runs already. REQUIRES: `out` is a pipe.
Result<Ended> end_of(Child child, const OutputLimits& limits);

}  // namespace rtt::os
