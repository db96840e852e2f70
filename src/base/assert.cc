// SPDX-License-Identifier: Apache-2.0
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace rtt {

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "rtt: internal error: %s is false at %s:%d (this is a bug in rtt)\n", expression, file,
               line);
  std::abort();
}

}  // namespace rtt
