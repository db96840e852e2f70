// SPDX-License-Identifier: Apache-2.0
#include "drivers/wire.h"

#include <fmt/format.h>

#include <array>

#include "base/assert.h"
#include "drivers/json_wire.h"
#include "drivers/line_wire.h"
#include "model/limits.h"

namespace rtt::drivers {

std::string_view to_string(WireVerb verb) {
  static constexpr std::array<std::string_view, 8> kNames{"hello", "probe",  "open",  "tx",
                                                          "rx",    "health", "close", "bye"};
  return kNames[static_cast<std::size_t>(verb)];
}

std::unique_ptr<Wire> make_wire(model::DriverWire wire) {
  RTT_ASSERT(wire != model::DriverWire::kNative);
  if (wire == model::DriverWire::kLine) return std::make_unique<LineWire>();
  return std::make_unique<JsonWire>();
}

Result<std::string> within_line_limit(std::string line) {
  if (line.size() <= limits::kDriverLineBytesMax) return line;
  return fail(Code::kTooLarge,
              fmt::format("the request is a line of {} bytes; a driver's line has at most {}", line.size(),
                          limits::kDriverLineBytesMax),
              {}, "send less in one call");
}

WireMessage junk_line(std::string why) {
  WireMessage message;
  message.junk = std::move(why);
  return message;
}

}  // namespace rtt::drivers
