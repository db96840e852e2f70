// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/input_round.h"

#include <algorithm>

#include "mcp/wire/era.h"

namespace rtt::mcp {

std::expected<InputRound, std::string> InputRound::read(std::string_view result) {
  InputRound out;
  if (const auto state = member(result, "requestState")) {
    if (!decode_string(*state)) return std::unexpected("its requestState is no string");
    out.state_ = *state;
  }
  const auto wanted = member(result, "inputRequests");
  if (wanted) {
    for (const RawMember& one : members(*wanted)) {
      if (out.requests_.size() >= kInputRequestsMax) {
        return std::unexpected("it wants more than " + std::to_string(kInputRequestsMax) + " inputs at once");
      }
      const auto raw = member(one.value, "method");
      auto method = raw ? decode_string(*raw) : std::nullopt;
      if (!method) return std::unexpected("an input request of it has no method");
      const auto params = member(one.value, "params");
      out.requests_.push_back({one.key, *std::move(method), std::string(params.value_or("")), {}});
    }
  }
  if (out.requests_.empty() && out.state_.empty())
    return std::unexpected("it wants input, and says neither which nor gives a requestState");
  return out;
}

bool InputRound::complete() const {
  return std::ranges::none_of(requests_, [](const Request& one) { return one.response.empty(); });
}

std::string InputRound::retry(std::string_view params) const {
  std::string added;
  for (const Request& one : requests_) {
    added += (added.empty() ? "" : ",") + json_quoted(one.name) + ":" + one.response;
  }
  added = added.empty() ? "" : R"("inputResponses":{)" + added + "}";
  if (!state_.empty()) added += (added.empty() ? "" : ",") + (R"("requestState":)" + state_);
  return edited(params, {"inputResponses", "requestState"}, added);
}

}  // namespace rtt::mcp
