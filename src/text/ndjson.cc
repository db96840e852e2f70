// SPDX-License-Identifier: Apache-2.0
#include "text/ndjson.h"

namespace rtt::text {
namespace {

// An idle reader gives back a buffer larger than this; there may be hundreds of readers, one for each server.
constexpr std::size_t kIdleBytesMax = std::size_t{256} << 10;

}  // namespace

void LineReader::feed(std::string_view bytes) {
  if (start_ == buffer_.size() && buffer_.capacity() > kIdleBytesMax) {
    buffer_ = std::string();
  } else {
    buffer_.erase(0, start_);
  }
  seen_ -= start_;
  start_ = 0;
  buffer_ += bytes;
}

std::optional<LineReader::Item> LineReader::next() {
  const std::size_t end = buffer_.find('\n', seen_);
  if (end == std::string::npos) {
    const std::size_t pending = buffer_.size() - start_;
    if (dropping_ || pending > limit_ + 1) {  // + 1: the last byte may be the \r of a line that just fits
      dropping_ = true;
      dropped_ += pending;
      buffer_.clear();
      start_ = 0;
    }
    seen_ = buffer_.size();
    return std::nullopt;
  }
  std::string_view line = std::string_view(buffer_).substr(start_, end - start_);
  start_ = end + 1;
  seen_ = start_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (dropping_ || line.size() > limit_) {
    const Item item{.kind = Kind::kTooLong, .line = {}, .dropped_bytes = dropped_ + line.size()};
    dropping_ = false;
    dropped_ = 0;
    return item;
  }
  return Item{.kind = Kind::kLine, .line = line, .dropped_bytes = 0};
}

std::string_view LineReader::rest() const { return std::string_view(buffer_).substr(start_); }

}  // namespace rtt::text
