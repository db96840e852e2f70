// SPDX-License-Identifier: Apache-2.0
// LineStream: a byte stream cut into lines, read in place, that stays bounded whatever the peer sends.
//
// Differs from text/ndjson.h in two ways a gateway needs: the reader hands out its own buffer to read into
// (no second copy of a result), and of a line over the limit it keeps the first and last bytes, because the
// id of a reply that is too large stands at one of its ends and lets that one call fail at once instead of at
// its deadline.
//
// Owns: its buffer.   Thread: one.   Fails: never.
// Limits: line_bytes_max; kEdgeBytes of each end of an over-long line.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rtt::mcp {

class LineStream {
 public:
  static constexpr std::size_t kEdgeBytes = 256;

  struct Item {
    std::string_view line;           // whole line without its end; empty for an over-long one
    std::size_t overlong_bytes = 0;  // > 0: the line was this long and was dropped
    std::string_view head, tail;     // its first and last kEdgeBytes
  };

  explicit LineStream(std::size_t line_bytes_max) : limit_(line_bytes_max) {}

  // Room to read into (never empty). Invalidates views handed out before.
  MutableBytes room();
  void commit(std::size_t byte_count);  // how much of room() was filled
  // The next non-empty line. Views stay valid until the next room() or next().
  std::optional<Item> next();
  // What an ended stream left after its last newline, as a line.
  std::optional<Item> rest();
  [[nodiscard]] std::size_t buffered() const { return filled_ - start_; }

 private:
  void compact();
  void drop(std::string_view bytes);

  std::string buffer_;
  std::size_t limit_;
  std::size_t start_ = 0;    // first unread byte
  std::size_t seen_ = 0;     // bytes already searched for a newline
  std::size_t filled_ = 0;   // end of data in buffer_
  std::size_t dropped_ = 0;  // bytes of the over-long line thrown away so far
  std::string head_, tail_;
};

// The raw id of a message that cannot be read, from its ends: first members (`{"jsonrpc":"2.0","id":7,…`) or
// last ones
// (`…,"id":7}`, `…,"id":7,"jsonrpc":"2.0"}`).
std::optional<std::string_view> id_from_ends(std::string_view head, std::string_view tail);

}  // namespace rtt::mcp
