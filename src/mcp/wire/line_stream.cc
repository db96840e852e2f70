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

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// A number without sign or a string without escapes.
bool is_plain_id(std::string_view raw) {
  constexpr std::string_view kDigits = "0123456789";
  if (raw.starts_with('"'))
    return raw.size() >= 2 && raw.find_first_of("\"\\", 1) == raw.size() - 1 && raw.ends_with('"');
  return !raw.empty() && raw.find_first_not_of(kDigits) == std::string_view::npos;
}

// The value of a last member `id` of `text`, which continues after it with `after`.
std::optional<std::string_view> id_before(std::string_view text, std::string_view after) {
  constexpr std::string_view kKey = "\"id\":";
  if (!text.ends_with(after)) return std::nullopt;
  text.remove_suffix(after.size());
  const std::size_t key = text.rfind(kKey);
  if (key == std::string_view::npos) return std::nullopt;
  const std::string_view raw = trimmed(text.substr(key + kKey.size()));
  if (!is_plain_id(raw) || !trimmed(text.substr(0, key)).ends_with(',')) return std::nullopt;
  return raw;  // `,"id":7}` can only be a last top-level member
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

std::optional<std::string_view> id_from_ends(std::string_view head, std::string_view tail) {
  for (const std::string_view after : {"}", R"(,"jsonrpc":"2.0"})", R"(, "jsonrpc": "2.0"})"}) {
    if (const auto id = id_before(tail, after)) return id;
  }
  for (const std::string_view start :
       {R"({"jsonrpc":"2.0","id":)", R"({"id":)", R"({"jsonrpc": "2.0", "id": )", R"({"id": )"}) {
    if (!head.starts_with(start)) continue;
    const std::string_view after = head.substr(start.size());
    const std::size_t end = after.starts_with('"') ? after.find('"', 1) + 1 : after.find(',');
    if (end >= after.size() || after[end] != ',') continue;
    if (is_plain_id(after.substr(0, end))) return after.substr(0, end);
  }
  return std::nullopt;
}

}  // namespace rtt::mcp
