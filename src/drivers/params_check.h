// SPDX-License-Identifier: Apache-2.0
// check_params: a contract's driver.params against the schema its driver states.
//
// The part of JSON Schema that parameters need: `type`, `enum`, `required`, `properties`,
// `additionalProperties: false` and `items`, to kSchemaDepthMax levels. Other keywords are not judged: the
// driver's own open has the last word.
//
// Thread: any (pure).   Fails: kBadShape with the member's JSON pointer.   Limits: kSchemaDepthMax.
#pragma once

#include "base/result.h"
#include "text/json.h"

namespace rtt::drivers {

inline constexpr int kSchemaDepthMax = 16;

Status check_params(const text::Json& params, const text::Json& schema);

}  // namespace rtt::drivers
