// SPDX-License-Identifier: Apache-2.0
#include "fabric/frame_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::fabric {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{512} << 10;  // a larger buffer is given back once it is empty

std::uint16_t weakest_flag(Coverage coverage) {
  switch (coverage) {
    case Coverage::kFull:
      return 0;
    case Coverage::kHeader:
      return kCoverHeader;
    case Coverage::kNone:
      return kCoverNone;
  }
  return 0;
}

}  // namespace

MutableBytes FrameReader::space() {
  const std::size_t whole = std::max(kReaderBytes, kHeaderBytes + options_.payload_bytes_max);
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.empty() || buffer_.size() > kKeptBytes) Bytes(kReaderBytes).swap(buffer_);
  } else if (end_ == buffer_.size() || begin_ > buffer_.size() / 2) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(whole, buffer_.size() * 2));
  RTT_ASSERT(end_ < buffer_.size());  // next() takes a frame before it can fill the whole buffer
  return MutableBytes(buffer_).subspan(end_);
}

void FrameReader::filled(std::size_t bytes) {
  RTT_ASSERT(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

Result<std::optional<Frame>> FrameReader::next() {
  const ByteView held = ByteView(buffer_).subspan(begin_, end_ - begin_);
  if (held.size() < kHeaderBytes) return std::nullopt;
  RTT_TRY_SET(const Header header, decode_header(held, options_.payload_bytes_max));
  if ((header.flags & kCoverageMask) > weakest_flag(options_.coverage_min)) {
    return fail(Code::kFrame,
                fmt::format("bad frame: frame {} of route {} has a weaker checksum than this lane takes",
                            header.frame_id, header.route_id));
  }
  if (held.size() - kHeaderBytes < header.len) return std::nullopt;
  const ByteView payload = held.subspan(kHeaderBytes, header.len);
  if (!crc_matches(held.first(kHeaderBytes), payload)) {
    return fail(Code::kFrame, fmt::format("bad frame: checksum of frame {} of route {} does not match",
                                          header.frame_id, header.route_id));
  }
  begin_ += kHeaderBytes + header.len;
  return Frame{.header = header, .payload = payload};
}

}  // namespace rtt::fabric
