// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 of both sides: requests and responses written, and read byte by byte by step machines.
//
// Strict where laxness lets two parsers differ: a length and chunks together, two lengths, folded headers,
// bare CR and an unknown transfer coding are refused. Interim answers (1xx) are passed over, trailers and
// chunk extensions read and dropped. Why not Boost.Beast: docs/design/004-http-client.md.
//
// Owns: the message read so far.   Thread: one (pure).
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

// What both directions share: header lines and framed bodies.
class HttpMessageReader {
 public:
  [[nodiscard]] bool begun() const { return begun_; }

 protected:
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
  enum class More : std::uint8_t { kNo, kYes };
  struct Words {
    std::string_view broken;  // what the message is not
    std::string_view whole;   // the message, in a sentence on its size
  };
  HttpMessageReader(Words words, std::size_t body_bytes_max)
      : words_(words), body_bytes_max_(body_bytes_max) {}
  ~HttpMessageReader() = default;

  // The text of a head, its last line's end included; nothing while it is not whole.
  Result<std::optional<std::string>> take_head();
  Status read_headers(std::string_view lines);
  // What a message without a length and a coding has: no body, or one that the connection's end ends.
  enum class Framing : std::uint8_t { kByHeaders, kUntilClose, kNoBody };
  Status choose_body(Framing framing);
  Result<More> body_step();  // of every phase but kHead
  void add(std::string_view bytes);
  void start_over();  // keeps what is behind the message
  [[nodiscard]] const std::string* header(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] std::unexpected<Error> bad(std::string_view why) const;

  Phase phase_ = Phase::kHead;
  std::string buffer_;
  HttpHeaders headers_;  // names in lower case
  std::string body_;
  bool begun_ = false, http10_ = false;

 private:
  Status read_header(std::string_view line);
  Result<More> chunk_size();
  Result<More> trailer();
  std::optional<std::string> line();
  Status take_body(std::size_t count);
  [[nodiscard]] std::unexpected<Error> too_large(std::uint64_t bytes) const;

  Words words_;
  std::size_t body_bytes_max_;
  std::uint64_t left_ = 0;    // of the body or chunk
  std::size_t searched_ = 0;  // of the buffer for a head's end
  std::size_t trailer_bytes_ = 0;
};

class HttpReader : public HttpMessageReader {
 public:
  enum class Body : std::uint8_t { kPossible, kNone };  // kNone: the answer to HEAD
  HttpReader(std::size_t body_bytes_max, Body body);

  // False until the response is whole.
  Result<bool> feed(std::string_view bytes);
  // The connection's end, which ends a body that has no other end.
  Result<bool> close();
  // Whether the connection may carry another request: whole, framed, nothing behind it, not said to close.
  [[nodiscard]] bool reusable() const;
  HttpResponse take();

 private:
  Status read_head(std::string_view head);
  Result<More> step();

  Body expects_;
  int status_ = 0;
};

// Requests of one connection, one after the other; those behind the one at hand wait in the buffer.
class HttpRequestReader : public HttpMessageReader {
 public:
  explicit HttpRequestReader(std::size_t body_bytes_max);

  enum class Progress : std::uint8_t { kNothing, kHead, kWhole };
  // Bytes of the connection. REQUIRES: a call of read() has said kNothing, or none was made.
  void feed(std::string_view bytes);
  // kHead is said once a request, when its head is there: before its body, which may never come.
  Result<Progress> read();
  // REQUIRES: kHead or kWhole was said. Names in lower case; the body is whole with kWhole.
  [[nodiscard]] const HttpHeaders& headers() const { return headers_; }
  [[nodiscard]] const std::string& method() const { return method_; }
  [[nodiscard]] const std::string& target() const { return target_; }
  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] const std::string* header(std::string_view name) const {
    return HttpMessageReader::header(name);
  }
  [[nodiscard]] bool http10() const { return http10_; }
  [[nodiscard]] bool keeps_alive() const;     // as the client wants it
  [[nodiscard]] bool wants_continue() const;  // it sends its body only when told to
  [[nodiscard]] bool waiting() const { return buffer_.empty() && phase_ == Phase::kHead; }
  void next();  // done with this one. REQUIRES: kWhole was said

 private:
  Status read_head(std::string_view head);

  std::string method_, target_;
  bool said_head_ = false;
};

struct HttpAnswer {
  int status = 200;
  HttpHeaders headers;  // without those of the framing
  enum class Frame : std::uint8_t { kLength, kChunked, kUntilClose } frame = Frame::kLength;
  enum class After : std::uint8_t { kKeep, kClose } after = After::kKeep;
  std::string_view body;  // of kLength
};
// REQUIRES: headers that hold no line ends.
std::string write_answer(const HttpAnswer& answer);
std::string http_chunk(std::string_view bytes);  // REQUIRES: not empty
inline constexpr std::string_view kHttpLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kHttpContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace rtt::drivers
