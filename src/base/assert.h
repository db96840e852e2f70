// SPDX-License-Identifier: Apache-2.0
// RTT_ASSERT: always-on check of what the program promises itself. A failed one is a bug of ours, never bad
// input: it prints the place and aborts, so that no wrong state is ever written.
//
// Thread: any.   Fails: by aborting.
#pragma once

namespace rtt {
[[noreturn]] void assert_failed(const char* expression, const char* file, int line);
}

#define RTT_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::rtt::assert_failed(#condition, __FILE__, __LINE__))
