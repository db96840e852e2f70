// SPDX-License-Identifier: Apache-2.0
// Goal: cutting a stream of events anywhere changes nothing of what is read, and no more is kept than
// allowed.
#include <cstddef>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"
#include "mcp/wire/event_stream.h"
#include "mcp/wire/line_stream.h"

using namespace rtt::mcp;  // NOLINT: a fuzz target is one function

int fuzz_one(std::span<const std::byte> input_bytes);
int fuzz_one(std::span<const std::byte> input_bytes) {
  constexpr std::size_t kLimit = 64;
  const std::string_view text = rtt::as_text(input_bytes);
  EventStream whole(kLimit);
  const auto events = whole.take(text);
  EventStream cut(kLimit);
  std::vector<EventStream::Event> again;
  for (std::size_t at = 0, step = 1; at < text.size(); at += step, step = step % 7 + 1) {
    for (auto& event : cut.take(text.substr(at, step))) again.push_back(std::move(event));
  }
  RTT_ASSERT(events.size() == again.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    RTT_ASSERT(events[i].type == again[i].type && events[i].data == again[i].data);
    RTT_ASSERT(events[i].overlong_bytes == again[i].overlong_bytes);
    RTT_ASSERT(events[i].head == again[i].head && events[i].tail == again[i].tail);
    RTT_ASSERT(events[i].data.size() <= kLimit && events[i].type.size() <= EventStream::kFieldBytesMax + 16);
    RTT_ASSERT(events[i].head.size() <= LineStream::kEdgeBytes &&
               events[i].tail.size() <= LineStream::kEdgeBytes);
  }
  RTT_ASSERT(whole.last_id() == cut.last_id() && whole.retry_ms() == cut.retry_ms());
  return 0;
}
