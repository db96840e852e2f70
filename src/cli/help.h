// SPDX-License-Identifier: Apache-2.0
// Help: the overview made from the verb table, and a verb's page made from docs/cli.
//
// Thread: any (pure).   Fails: never.
#pragma once

#include <string>

#include "cli/pages.h"
#include "cli/screen.h"

namespace rtt::cli {

std::string overview(const Paint& paint);
std::string page_text(const Page& page, const Paint& paint);

}  // namespace rtt::cli
