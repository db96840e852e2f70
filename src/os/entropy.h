// SPDX-License-Identifier: Apache-2.0
// Random bytes from the kernel (getrandom). The only source of randomness in the program.
//
// Thread: any.   Fails: by aborting.
#pragma once

#include "base/bytes.h"

namespace rtt::os {

void fill_random(MutableBytes out);  // a kernel without entropy is a broken machine: RTT_ASSERT
std::string random_hex(std::size_t byte_count);

}  // namespace rtt::os
