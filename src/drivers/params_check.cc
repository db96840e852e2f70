// SPDX-License-Identifier: Apache-2.0
#include "drivers/params_check.h"

#include "drivers/json_schema.h"

namespace rtt::drivers {

Status check_params(const text::Json& params, const text::Json& schema) {
  const auto fault = JsonSchema(schema).check(params);
  if (!fault) return {};
  return fail(Code::kBadShape, "driver.params" + fault->pointer + " " + fault->message, {},
              "rtt explain RTT0211");
}

}  // namespace rtt::drivers
