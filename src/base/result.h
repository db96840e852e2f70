// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, and the two macros that pass errors up.
//
//   RTT_TRY(check(x));                    returns the error from the calling function
//   RTT_TRY_SET(auto plan, solve(x));     declares plan, or returns the error
//
// Thread: any.   Fails: never.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace rtt {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message, std::string where = {},
                                                 std::string hint = {}) {
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .where = std::move(where), .hint = std::move(hint)});
}

}  // namespace rtt

#define RTT_JOIN_INNER(a, b) a##b
#define RTT_JOIN(a, b) RTT_JOIN_INNER(a, b)

#define RTT_TRY(expression)                                      \
  do {                                                           \
    if (auto rtt_status = (expression); !rtt_status)             \
      return ::std::unexpected(::std::move(rtt_status).error()); \
  } while (false)

#define RTT_TRY_SET_INNER(temporary, declaration, expression)               \
  auto temporary = (expression);                                            \
  if (!temporary) return ::std::unexpected(::std::move(temporary).error()); \
  declaration = *::std::move(temporary)

#define RTT_TRY_SET(declaration, expression) \
  RTT_TRY_SET_INNER(RTT_JOIN(rtt_result_, __LINE__), declaration, expression)
