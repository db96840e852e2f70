// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/tool_guard.h"

#include <fmt/format.h>

#include <utility>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

using model::CheckMode;

constexpr const char* kInput = "inputSchema";
constexpr const char* kOutput = "outputSchema";

const drivers::JsonSchema& compiled(std::unique_ptr<drivers::JsonSchema>& kept, const text::Json& schema) {
  if (!kept) kept = std::make_unique<drivers::JsonSchema>(schema);
  return *kept;
}

}  // namespace

ToolGuard::ToolGuard(const model::ToolLimits& limits, std::string address, const text::Json& definition)
    : limits_(limits), address_(std::move(address)) {
  if (limits_.arguments != CheckMode::kOff) input_ = *definition.find(kInput);
  if (limits_.output != CheckMode::kOff) output_ = *definition.find(kOutput);
}

std::shared_ptr<const ToolGuard> ToolGuard::make(const model::ToolLimits& limits, std::string address,
                                                 const text::Json& definition) {
  model::ToolLimits held = limits;
  if (definition.find(kInput) == nullptr) held.arguments = CheckMode::kOff;
  if (definition.find(kOutput) == nullptr) held.output = CheckMode::kOff;
  if (held == model::ToolLimits{.output = CheckMode::kOff, .arguments = CheckMode::kOff}) return nullptr;
  return std::shared_ptr<const ToolGuard>(new ToolGuard(held, std::move(address), definition));
}

std::optional<Error> ToolGuard::fault(const drivers::JsonSchema& schema, std::string_view raw,
                                      std::string_view what, Code code) const {
  const auto value = text::parse_json(raw, {.source_name = what, .bytes_max = kGuardBytesMax});
  std::string why;
  if (!value) {
    why = fmt::format("{} cannot be checked: {}", what, value.error().message);
  } else if (const auto found = schema.check(*value)) {
    why = fmt::format("{}{} {}", what, found->pointer, found->message);
  } else {
    return std::nullopt;
  }
  return Error{.code = code, .message = address_ + ": " + why, .where = address_};
}

std::optional<ToolGuard::Finding> ToolGuard::check_params(std::string_view params) const {
  if (limits_.arguments == CheckMode::kOff) return std::nullopt;
  const auto raw = sole_member(params, "arguments");
  if (!raw && member(params, "arguments")) {
    return Finding{.why = {.code = Code::kBadArgument, .message = address_ + ": arguments are there twice"}};
  }
  auto why = fault(compiled(input_check_, input_), raw.value_or("{}"), "arguments", Code::kBadArgument);
  if (!why) return std::nullopt;
  why->hint = "its inputSchema says what it takes";
  return Finding{.why = *std::move(why), .refuses = limits_.arguments == CheckMode::kRefuse};
}

std::optional<ToolGuard::Finding> ToolGuard::check_result(std::string_view result) const {
  if (limits_.result_bytes > 0 && result.size() > static_cast<std::size_t>(limits_.result_bytes)) {
    return Finding{.why = {.code = Code::kTooLarge,
                           .message = fmt::format("{} answered with {} bytes; {} are allowed here", address_,
                                                  result.size(), limits_.result_bytes),
                           .where = address_,
                           .hint = "ask it for less, or raise result_bytes in mcp.tools of .rtt/panel.yaml"}};
  }
  if (limits_.output == CheckMode::kOff) return std::nullopt;
  if (const auto failed = sole_member(result, "isError"); failed && *failed == "true") return std::nullopt;
  if (const auto kind = sole_member(result, "resultType"); kind && *kind != "\"complete\"")
    return std::nullopt;
  const auto raw = sole_member(result, "structuredContent");
  std::optional<Error> why;
  if (!raw) {
    why = Error{.code = Code::kServerProtocol,
                .message = address_ + " has an outputSchema and answered without one structuredContent",
                .where = address_};
  } else {
    why = fault(compiled(output_check_, output_), *raw, "structuredContent", Code::kServerProtocol);
  }
  if (!why) return std::nullopt;
  why->hint =
      "its result does not fit the outputSchema that was accepted; mcp.tools of .rtt/panel.yaml says "
      "whether that is refused";
  return Finding{.why = *std::move(why), .refuses = limits_.output == CheckMode::kRefuse};
}

std::shared_ptr<const ToolGuard> guard_of(const Guards& guards, std::string_view address) {
  const auto* const found = guards.find(address);
  return found != nullptr ? *found : nullptr;
}

}  // namespace rtt::mcp
