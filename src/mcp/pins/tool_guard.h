// SPDX-License-Identifier: Apache-2.0
// ToolGuard: what panel.yaml says a call of one tool may cost and has to look like (`mcp.tools`).
//
// A tool for which nothing is said has none, so its calls pay nothing. The schemas are those of the accepted
// pin, compiled by the first call that needs them.
//
// Owns: its schemas.   Thread: the loop's.
// Fails: check_*: kBadArgument, kTooLarge, kServerProtocol, each with the place inside the document.
// Limits: kGuardBytesMax of a document that is read to be checked.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/flat_map.h"
#include "drivers/json_schema.h"
#include "model/mcp_settings.h"

namespace rtt::mcp {

inline constexpr std::size_t kGuardBytesMax = std::size_t{16} << 20;

class ToolGuard {
 public:
  // nullptr: nothing is to be held.
  static std::shared_ptr<const ToolGuard> make(const model::ToolLimits& limits, std::string address,
                                               const text::Json& definition);

  [[nodiscard]] std::int64_t call_ms() const { return limits_.call_ms; }  // 0: none of its own
  // A fault, and whether the call or its result is to be refused for it.
  struct Finding {
    Error why;
    bool refuses = true;
  };
  [[nodiscard]] std::optional<Finding> check_params(std::string_view params) const;  // raw, of tools/call
  [[nodiscard]] std::optional<Finding> check_result(std::string_view result) const;  // raw CallToolResult

 private:
  ToolGuard(const model::ToolLimits& limits, std::string address, const text::Json& definition);
  [[nodiscard]] std::optional<Error> fault(const drivers::JsonSchema& schema, std::string_view raw,
                                           std::string_view what, Code code) const;

  model::ToolLimits limits_;
  std::string address_;
  text::Json input_, output_;  // schemas; null where nothing is checked
  mutable std::unique_ptr<drivers::JsonSchema> input_check_, output_check_;
};

using Guards = FlatMap<std::string, std::shared_ptr<const ToolGuard>>;  // by address of the tool
[[nodiscard]] std::shared_ptr<const ToolGuard> guard_of(const Guards& guards, std::string_view address);

}  // namespace rtt::mcp
