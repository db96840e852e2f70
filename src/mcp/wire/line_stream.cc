// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/line_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

constexpr std::size_t kRoomMin = 4 * 1024;
constexpr std::size_t kRoomFirst = 16 * 1024;
constexpr std::size_t kRoomMax = 256 * 1024;   // one read at most
constexpr std::size_t kKeepMax = 1024 * 1024;  // a buffer grown beyond this by one line is given back

std::string_view without_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// The digits after `"id":` in `text`, which continues after them with `after`.
std::optional<std::uint64_t> id_before(std::string_view text, std::string_view after) {
  if (!text.ends_with(after)) return std::nullopt;
  text.remove_suffix(after.size());
  const std::size_t last = text.find_last_not_of("0123456789");
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(last + 1);
  std::string_view before = text.substr(0, last + 1);
  while (before.ends_with(' ')) before.remove_suffix(1);
  if (!before.ends_with("\"id\":")) return std::nullopt;
  before.remove_suffix(5);
  while (before.ends_with(' ')) before.remove_suffix(1);
  if (!before.ends_with(',')) return std::nullopt;  // `,"id":7}` can only be a last top-level member
  return own_id(digits);
}

}  // namespace

void LineStream::compact() {
  if (start_ == 0) return;
  if (start_ < filled_) std::memmove(buffer_.data(), buffer_.data() + start_, filled_ - start_);
  filled_ -= start_;
  seen_ -= start_;
  start_ = 0;
  if (filled_ == 0 && buffer_.size() > kKeepMax) {
    buffer_.clear();
    buffer_.shrink_to_fit();
  }
}

MutableBytes LineStream::room() {
  compact();
  if (buffer_.size() - filled_ < kRoomMin) {
    buffer_.resize(std::max(kRoomFirst, std::min(buffer_.size() * 2, buffer_.size() + kRoomMax)));
  }
  const std::size_t size = std::min(buffer_.size() - filled_, kRoomMax);
  return {reinterpret_cast<std::byte*>(buffer_.data() + filled_), size};
}

void LineStream::commit(std::size_t byte_count) {
  RTT_ASSERT(byte_count <= buffer_.size() - filled_);
  filled_ += byte_count;
}

void LineStream::drop(std::string_view bytes) {
  if (head_.size() < kEdgeBytes) head_.append(bytes.substr(0, kEdgeBytes - head_.size()));
  tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kEdgeBytes)));
  if (tail_.size() > kEdgeBytes) tail_.erase(0, tail_.size() - kEdgeBytes);
  dropped_ += bytes.size();
}

std::optional<LineStream::Item> LineStream::next() {
  while (start_ < filled_) {
    const std::string_view unread(buffer_.data() + start_, filled_ - start_);
    const std::size_t newline = unread.find('\n', seen_ - start_);
    if (newline == std::string_view::npos) {
      seen_ = filled_;
      if (dropped_ > 0 || unread.size() > limit_) {
        if (dropped_ == 0) head_.clear(), tail_.clear();
        drop(unread);
        start_ = filled_;
      }
      return std::nullopt;
    }
    const std::string_view line = unread.substr(0, newline);
    start_ += newline + 1;
    seen_ = start_;
    if (dropped_ > 0 || line.size() > limit_) {
      if (dropped_ == 0) head_.clear(), tail_.clear();
      drop(line);
      return Item{.overlong_bytes = std::exchange(dropped_, 0), .head = head_, .tail = without_return(tail_)};
    }
    if (!is_blank(line)) return Item{.line = without_return(line)};
  }
  return std::nullopt;
}

std::optional<LineStream::Item> LineStream::rest() {
  const std::string_view line(buffer_.data() + start_, filled_ - start_);
  start_ = seen_ = filled_;
  if (dropped_ > 0) {
    drop(line);
    return Item{.overlong_bytes = std::exchange(dropped_, 0), .head = head_, .tail = without_return(tail_)};
  }
  if (is_blank(line)) return std::nullopt;
  return Item{.line = without_return(line)};
}

std::optional<std::uint64_t> id_from_ends(std::string_view head, std::string_view tail) {
  if (auto id = id_before(tail, "}")) return id;
  if (auto id = id_before(tail, R"(,"jsonrpc":"2.0"})")) return id;
  if (auto id = id_before(tail, R"(, "jsonrpc": "2.0"})")) return id;
  for (const std::string_view start :
       {R"({"jsonrpc":"2.0","id":)", R"({"id":)", R"({"jsonrpc": "2.0", "id": )", R"({"id": )"}) {
    if (!head.starts_with(start)) continue;
    const std::string_view after = head.substr(start.size());
    const std::size_t length = after.find_first_not_of("0123456789");
    if (length != std::string_view::npos && after[length] == ',') return own_id(after.substr(0, length));
  }
  return std::nullopt;
}

}  // namespace rtt::mcp
