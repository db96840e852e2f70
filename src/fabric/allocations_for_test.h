// SPDX-License-Identifier: Apache-2.0
// How often this test program has asked the heap for memory (lane_test.cc replaces operator new).
//
// Thread: any.   Fails: never.
#pragma once

#include <cstddef>

namespace rtt::fabric {

std::size_t allocations_for_test();

}  // namespace rtt::fabric
