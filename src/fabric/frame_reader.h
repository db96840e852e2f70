// SPDX-License-Identifier: Apache-2.0
// FrameReader: cuts a byte stream into checked frames.
//
// It never touches a descriptor: the caller receives into space(), says how much came with filled(), and
// takes frames with next(). So the same code reads for the event loop, for blocking clients and for the
// fuzzer. One receive brings header and payload of a small frame together; a frame is never copied, its
// payload is a view into the buffer. The buffer starts at kReaderBytes and doubles only when it is full, so a
// peer that announces a large frame makes us hold no more than twice what it really sent.
//
// Owns: its buffer.   Thread: one.   Units: bytes.   Fails: kFrame (bad header, checksum, coverage); the
// stream is then unusable, next() keeps failing.   Limits: header + payload_bytes_max, and kReaderBytes at
// least.
#pragma once

#include <optional>

#include "fabric/frame.h"

namespace rtt::fabric {

inline constexpr std::size_t kReaderBytes = std::size_t{64} << 10;

// How much of a frame its checksum must cover for a receiver to take it.
enum class Coverage : std::uint8_t { kFull, kHeader, kNone };

struct Frame {
  Header header;
  ByteView payload;  // valid until the next space()
};

class FrameReader {
 public:
  struct Options {
    std::size_t payload_bytes_max = 0;
    Coverage coverage_min = Coverage::kFull;
  };
  explicit FrameReader(Options options) : options_(options) {}

  [[nodiscard]] MutableBytes space();   // never empty; invalidates views of earlier frames
  void filled(std::size_t bytes);       // REQUIRES: bytes <= the size of the last space()
  Result<std::optional<Frame>> next();  // nothing: more bytes are needed

  [[nodiscard]] bool empty() const { return begin_ == end_; }  // no part of a frame is held

 private:
  Options options_;
  Bytes buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what is held and not yet taken
};

}  // namespace rtt::fabric
