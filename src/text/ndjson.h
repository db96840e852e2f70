// SPDX-License-Identifier: Apache-2.0
// LineReader: splits a byte stream into lines without ever holding more than its limit.
//
// Used for NDJSON, stdio MCP servers and driver wires, where a peer may send anything: a line over the limit
// is dropped as a whole and reported once, when its end is seen, and reading goes on after it; so one bad
// line costs one error.
//
// Owns: its buffer.   Thread: one.
// Limits: holds line_bytes_max and what one feed() brought, if next() is asked until it has nothing.
//
// Fails: never; an over-long line is an item.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rtt::text {

class LineReader {
 public:
  enum class Kind : std::uint8_t { kLine, kTooLong };
  struct Item {
    Kind kind = Kind::kLine;
    std::string_view line;  // without \n and a \r before it; valid until the next feed() or next()
    std::size_t dropped_bytes = 0;
  };

  explicit LineReader(std::size_t line_bytes_max) : limit_(line_bytes_max) {}
  void feed(std::string_view bytes);
  // The next whole line, or nothing until more bytes are fed.
  std::optional<Item> next();
  // What came after the last newline (for a stream that ended without one); empty in a line being dropped.
  // REQUIRES: next() had nothing.
  [[nodiscard]] std::string_view rest() const;

 private:
  std::string buffer_;
  std::size_t start_ = 0;  // first unread byte of buffer_
  std::size_t seen_ = 0;   // bytes of buffer_ already searched for a newline
  std::size_t limit_;
  std::size_t dropped_ = 0;  // bytes of the over-long line thrown away so far
  bool dropping_ = false;
};

}  // namespace rtt::text
