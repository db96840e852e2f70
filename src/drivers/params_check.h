// SPDX-License-Identifier: Apache-2.0
// check_params: a contract's driver.params against the JSON Schema its driver states (json_schema.h).
//
// Thread: any (pure).   Fails: kBadShape with the member's JSON pointer.   Limits: those of JsonSchema.
#pragma once

#include "base/result.h"
#include "text/json.h"

namespace rtt::drivers {

Status check_params(const text::Json& params, const text::Json& schema);

}  // namespace rtt::drivers
