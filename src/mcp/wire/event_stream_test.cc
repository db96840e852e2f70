// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/event_stream.h"

#include <gtest/gtest.h>

#include "mcp/wire/line_stream.h"

namespace rtt::mcp {
namespace {

using Events = std::vector<EventStream::Event>;

std::vector<std::string> data_of(const Events& events) {
  std::vector<std::string> out;
  for (const auto& event : events) out.push_back(event.type + "|" + event.data);
  return out;
}
std::vector<std::string> read(std::string_view text) { return data_of(EventStream(1000).take(text)); }

TEST(EventStream, reads_what_browsers_read) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(read("data: a\n\n"), Texts{"|a"});
  EXPECT_EQ(read("data:a\r\n\r\ndata:  b\r\rdata\n\n"), (Texts{"|a", "| b", "|"}));
  EXPECT_EQ(read("event: x\ndata: 1\ndata: 2\ndata:\n\n"), Texts{"x|1\n2\n"});
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "data: a\n\n"),
            Texts{"|a"});
  EXPECT_EQ(read(": comment\nfoo: bar\ndatax: no\nevent: y\n\ndata: a\n\n"), Texts{"|a"});
  EXPECT_EQ(read("data: cut off\n"), Texts{});
}

TEST(EventStream, ids_count_when_their_event_is_whole_and_retry_is_a_number) {
  EventStream stream(1000);
  stream.take("id: 1\ndata: a\n");
  EXPECT_EQ(stream.last_id(), "");
  stream.take("\n");
  EXPECT_EQ(stream.last_id(), "1");
  stream.take("data: b\n\nid: 2\n\nretry: 10x\n\n");
  EXPECT_EQ(stream.last_id(), "2");
  EXPECT_FALSE(stream.retry_ms());
  stream.take("retry: 250\n");
  EXPECT_EQ(stream.retry_ms(), 250);
}

TEST(EventStream, of_an_overlong_event_the_ends_are_kept) {
  EventStream stream(1000);
  const std::string body = R"({"jsonrpc":"2.0","id":7,"result":")" + std::string(5000, 'x') + "\"}";
  const Events events = stream.take("data: " + body + "\n\ndata: next\n\n");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].overlong_bytes, body.size());
  EXPECT_EQ(events[0].head, body.substr(0, LineStream::kEdgeBytes));
  EXPECT_EQ(events[0].tail, body.substr(body.size() - LineStream::kEdgeBytes));
  EXPECT_EQ(id_from_ends(events[0].head, events[0].tail), "7");
  EXPECT_EQ(events[1].data, "next");
}

TEST(EventStream, cutting_the_bytes_anywhere_changes_nothing) {
  const std::string text =
      "\xEF\xBB\xBFid: 4\r\nevent: m\r\ndata: one\r\ndata:two\r\n\r\n:c\rdata: \rdata\r\r" +
      std::string(3000, 'z') + "\ndata: " + std::string(1500, 'y') + "\n\nretry: 7\ndata: end\n\n";
  EventStream whole(1000);
  const auto expected = data_of(whole.take(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EventStream stream(1000);
    Events events = stream.take(std::string_view(text).substr(0, cut));
    for (auto& event : stream.take(std::string_view(text).substr(cut))) events.push_back(std::move(event));
    ASSERT_EQ(data_of(events), expected) << cut;
    ASSERT_EQ(stream.last_id(), whole.last_id());
    ASSERT_EQ(stream.retry_ms(), whole.retry_ms());
  }
  EventStream bytewise(1000);
  Events events;
  for (const char c : text) {
    for (auto& event : bytewise.take({&c, 1})) events.push_back(std::move(event));
  }
  EXPECT_EQ(data_of(events), expected);
}

}  // namespace
}  // namespace rtt::mcp
