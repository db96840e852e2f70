// SPDX-License-Identifier: Apache-2.0
// JsonWire: the driver protocol as JSON-RPC 2.0, one object a line (docs/formats/driver.md).
//
// A payload is the string `payload` where its bytes are UTF-8, else the base64 string `b64`: a driver needs
// neither guess nor option to carry any bytes. A link is whatever string or integer the driver names; it is
// kept as JSON text and given back as it came.
//
// Thread: any (pure).   Fails: as wire.h says.   Limits: kDriverLineBytesMax a line.
#pragma once

#include "drivers/wire.h"

namespace rtt::drivers {

class JsonWire final : public Wire {
 public:
  [[nodiscard]] Result<std::string> encode(WireId id, const WireRequest& request) const override;
  [[nodiscard]] WireMessage decode(std::string_view line) const override;
  [[nodiscard]] Result<WireResult> result(const WireRequest& asked,
                                          const WireMessage& message) const override;
};

}  // namespace rtt::drivers
