// SPDX-License-Identifier: Apache-2.0
// Problem: something wrong (or odd) in a file, found while everything else goes on. A scan lists problems; it
// does not stop at the first.
//
// Thread: any (values).   Fails: never.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/json.h"

namespace rtt::model {

enum class Severity : std::uint8_t { kError, kWarning };

struct Problem {
  Severity severity = Severity::kError;
  std::string file;        // relative to the workspace
  std::uint32_t line = 0;  // 0 = the file as a whole
  std::uint32_t column = 0;
  Code code = Code::kInternal;
  std::string message;
  std::string hint;

  friend auto operator<=>(const Problem&, const Problem&) = default;
};

// {file,line,column,code:"RTT0202",message,hint,severity}
text::Json to_json(const Problem& problem);
// "file:line:column: error RTT0202: message"
std::string to_string(const Problem& problem);
// From an error whose `where` is "file:line:column", "file", or empty (then `file` is used).
Problem problem_from(const Error& error, std::string_view file);

}  // namespace rtt::model
