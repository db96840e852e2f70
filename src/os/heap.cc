// SPDX-License-Identifier: Apache-2.0
#include "os/heap.h"

#include <malloc.h>

namespace rtt::os {

void keep_freed_memory() {
  (void)::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most there is
  (void)::mallopt(M_TRIM_THRESHOLD, 256 << 20);
  (void)::mallopt(M_TOP_PAD, 4 << 20);
}

}  // namespace rtt::os
