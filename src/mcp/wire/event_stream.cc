// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/event_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mcp/wire/line_stream.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr std::string_view kData = "data:";
constexpr std::size_t kLineBytesMax = EventStream::kFieldBytesMax + 16;

}  // namespace

std::vector<EventStream::Event> EventStream::take(std::string_view bytes) {
  std::vector<Event> out;
  while (!bytes.empty()) {
    if (std::exchange(after_return_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    take_part(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    after_return_ = bytes[end] == '\r';
    end_line(out);
    bytes.remove_prefix(end + 1);
  }
  return out;
}

void EventStream::take_part(std::string_view part) {
  while (!part.empty() && !in_data_ && !line_too_long_) {
    // Until the line shows what it is, it is gathered a little at a time.
    const std::size_t room = line_.size() < kMark.size() + kData.size() ? 1 : part.size();
    line_ += part.substr(0, room);
    part.remove_prefix(std::min(room, part.size()));
    if (!begun_ && line_.size() >= kMark.size()) {
      begun_ = true;
      if (line_.starts_with(kMark)) line_.erase(0, kMark.size());
    }
    if (begun_ && line_ == kData) {
      in_data_ = data_blank_ = true;
      if (std::exchange(has_data_, true)) add_data("\n");
      line_.clear();
    }
    if (line_.size() > kLineBytesMax) {
      line_too_long_ = true;
      line_.clear();
    }
  }
  if (!in_data_ || part.empty()) return;
  if (std::exchange(data_blank_, false) && part.front() == ' ') part.remove_prefix(1);
  add_data(part);
}

void EventStream::add_data(std::string_view part) {
  constexpr std::size_t kEdge = LineStream::kEdgeBytes;
  if (event_.overlong_bytes == 0 && event_.data.size() + part.size() <= limit_) {
    event_.data += part;
    return;
  }
  if (event_.overlong_bytes == 0) {
    event_.overlong_bytes = event_.data.size();
    event_.head = event_.data.substr(0, kEdge);
    event_.tail = event_.data.substr(event_.data.size() - std::min(kEdge, event_.data.size()));
    event_.data = {};
  }
  event_.overlong_bytes += part.size();
  if (event_.head.size() < kEdge) event_.head += part.substr(0, kEdge - event_.head.size());
  event_.tail += part.substr(part.size() - std::min(kEdge, part.size()));
  event_.tail.erase(0, event_.tail.size() - std::min(kEdge, event_.tail.size()));
}

void EventStream::end_line(std::vector<Event>& out) {
  begun_ = true;
  if (std::exchange(in_data_, false) || std::exchange(line_too_long_, false)) return;
  const std::string line = std::exchange(line_, {});
  if (!line.empty()) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = std::string_view(line).substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    field(std::string_view(line).substr(0, colon), value);
    return;
  }
  last_id_ = id_;
  Event event = std::exchange(event_, {});
  if (std::exchange(has_data_, false)) out.push_back(std::move(event));
}

void EventStream::field(std::string_view name, std::string_view value) {
  if (name == "event") {
    event_.type = value;
  } else if (name == "data") {  // without a colon
    if (std::exchange(has_data_, true)) add_data("\n");
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  } else if (name == "retry") {
    std::int64_t ms = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc() && stop == value.data() + value.size() && ms >= 0)
      retry_ms_ = std::min(ms, kRetryMsMax);
  }
}

}  // namespace rtt::mcp
