// SPDX-License-Identifier: Apache-2.0
// output_of: runs a program to its end and takes what it prints.
//
// Blocks until the program has ended and closed its output: for programs that answer at once.
//
// Owns: nothing.   Thread: any.   Fails: as spawn; kIo; kLimit (it printed more; then it is killed).
// Limits: the caller's.
#pragma once

#include <optional>
#include <string>

#include "os/process.h"

namespace rtt::os {

// Nothing where it ends with another status than 0. The wires of `options` are set here: no input, no stderr.
Result<std::optional<std::string>> output_of(SpawnOptions options, std::size_t bytes_max);

}  // namespace rtt::os
