// SPDX-License-Identifier: Apache-2.0
// What the gateway's rows over stdio and over HTTP have in common.
//
// Thread: one.   Fails: gives the bench up.
#pragma once

#include <string>

#include "report.h"

namespace rtt::bench {

int gateway_of(const std::string& root);  // the one process that serves this workspace's clients
double cpu_ns(int pid);  // time on a processor so far (the kernel's own count, not its 10 ms ticks)
void gateway_http_rows(const Settings& settings, const std::string& root, Report& report);

}  // namespace rtt::bench
