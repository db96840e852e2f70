// SPDX-License-Identifier: Apache-2.0
// LineWire: the driver protocol as lines of TAB-separated fields, `rtt-stub/1`, for languages without a JSON
// parser (docs/formats/driver.md).
//
// Four bytes are escaped inside a field: TAB, LF, CR and %, as %09 %0A %0D %25, and nothing else, so a driver
// that only passes payloads on need not unescape them. Any other % in an answer is junk: two spellings of one
// field would be two meanings. Payloads that a language cannot hold (NUL in awk) go through a link opened
// with enc=b64.
//
// Thread: any (pure).   Fails: as wire.h says.   Limits: kDriverLineBytesMax a line, kLineFieldsMax fields.
#pragma once

#include "drivers/wire.h"

namespace rtt::drivers {

inline constexpr std::size_t kLineFieldsMax = 8192;

class LineWire final : public Wire {
 public:
  [[nodiscard]] Result<std::string> encode(WireId id, const WireRequest& request) const override;
  [[nodiscard]] WireMessage decode(std::string_view line) const override;
  [[nodiscard]] Result<WireResult> result(const WireRequest& asked,
                                          const WireMessage& message) const override;
};

std::string escape_field(std::string_view field);
std::optional<std::string> unescape_field(std::string_view field);  // nothing for a % of another kind

}  // namespace rtt::drivers
