// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 as a client needs it: a request written, a response read byte by byte by a step machine.
//
// Strict where laxness lets two parsers differ: a length and chunks together, two lengths, folded headers,
// bare CR and an unknown transfer coding are refused. Interim answers (1xx) are passed over, trailers and
// chunk extensions read and dropped. Why not Boost.Beast: docs/design/004-http-client.md.
//
// Owns: the response read so far.   Thread: one (pure).
// Fails: kDriverProtocol, kTooLarge.   Limits: kHttpHeadBytesMax a head, the caller's body_bytes_max.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rtt::drivers {

inline constexpr std::size_t kHttpHeadBytesMax = std::size_t{64} << 10;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method, target, host;
  HttpHeaders headers;
  std::string body;
};
// Fails: kBadArgument: a byte that would end a line or a name where none may.
Result<std::string> write_request(const HttpRequest& request);

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;
};

class HttpReader {
 public:
  enum class Body : std::uint8_t { kPossible, kNone };  // kNone: the answer to HEAD
  HttpReader(std::size_t body_bytes_max, Body body) : body_bytes_max_(body_bytes_max), expects_(body) {}

  // False until the response is whole.
  Result<bool> feed(std::string_view bytes);
  // The connection's end, which ends a body that has no other end.
  Result<bool> close();
  [[nodiscard]] bool begun() const { return begun_; }
  // Whether the connection may carry another request: whole, framed, nothing behind it, not said to close.
  [[nodiscard]] bool reusable() const;
  HttpResponse take() { return std::move(response_); }

 private:
  enum class Phase : std::uint8_t {
    kHead,
    kLength,
    kUntilClose,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kDone
  };
  Status read_head(std::string_view head);
  Status choose_body();
  Status read_header(std::string_view line);
  enum class More : std::uint8_t { kNo, kYes };
  Result<More> step();
  Result<More> head();
  Result<More> chunk_size();
  Result<More> trailer();
  std::optional<std::string> line();
  Status take_body(std::size_t count);
  [[nodiscard]] const std::string* header(std::string_view name) const;

  std::size_t body_bytes_max_;
  Body expects_;
  Phase phase_ = Phase::kHead;
  std::string buffer_;
  std::uint64_t left_ = 0;  // of the body or chunk
  std::size_t trailer_bytes_ = 0;
  bool begun_ = false, http10_ = false;
  HttpResponse response_;
};

}  // namespace rtt::drivers
