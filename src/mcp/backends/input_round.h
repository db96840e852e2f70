// SPDX-License-Identifier: Apache-2.0
// InputRound: what a modern server wants to know before it goes on with a call, for a caller that cannot be
// answered `input_required`.
//
// The server's `inputRequests` are asked one by one; when all are answered the call is made again with
// `inputResponses` and the server's `requestState`, which is passed back untouched and read by nobody.
//
// Owns: its requests and answers.   Thread: one (pure).
// Fails: an unusable result is refused with why.   Limits: kInputRequestsMax requests.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace rtt::mcp {

inline constexpr std::size_t kInputRequestsMax = 64;  // in one result
inline constexpr int kInputRoundsMax = 16;            // of one call

class InputRound {
 public:
  struct Request {
    std::string name, method;
    std::string params;    // raw
    std::string response;  // raw; empty: not answered yet
  };
  static std::expected<InputRound, std::string> read(std::string_view result);

  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }
  void answer(std::size_t index, std::string_view result) { requests_[index].response = result; }
  [[nodiscard]] bool complete() const;
  // The call's params for the next try. REQUIRES: complete.
  [[nodiscard]] std::string retry(std::string_view params) const;

 private:
  std::vector<Request> requests_;
  std::string state_;  // raw; empty: none
};

}  // namespace rtt::mcp
