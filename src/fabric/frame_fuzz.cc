// SPDX-License-Identifier: Apache-2.0
// Any bytes, in any chops, end as frames, messages or one typed error; what a lane writes it reads back.
#include <algorithm>

#include "fabric/lane_protocol.h"

int fuzz_one(std::span<const std::byte> input);

namespace {

using namespace rtt;
using namespace rtt::fabric;

// The first byte says how the rest is chopped.
void read_stream(std::span<const std::byte> input) {
  if (input.empty()) return;
  const std::size_t chop = std::to_integer<std::size_t>(input[0]) + 1;
  ByteView rest = input.subspan(1);
  FrameReader reader({.payload_bytes_max = 1000});
  LaneProtocol protocol({.route_id = 7, .message_bytes_max = 4000, .fds_max = 2});
  std::vector<os::Fd> arrived(3);  // none of them open: only their number counts
  while (!rest.empty()) {
    const MutableBytes space = reader.space();
    const std::size_t take = std::min({chop, space.size(), rest.size()});
    std::copy_n(rest.begin(), take, space.begin());
    reader.filled(take);
    rest = rest.subspan(take);
    for (;;) {
      const auto frame = reader.next();
      if (!frame) {
        RTT_ASSERT(frame.error().code == Code::kFrame && !frame.error().message.empty());
        return;
      }
      if (!*frame) break;
      RTT_ASSERT((*frame)->payload.size() <= 1000);
      const auto message = protocol.take(**frame, &arrived);
      if (!message) {
        RTT_ASSERT(message.error().code == Code::kFrame || message.error().code == Code::kTooLarge);
        return;
      }
      if (*message) RTT_ASSERT((*message)->payload.size() <= 4000 && (*message)->fds.size() <= 2);
    }
  }
}

void round_trip(std::span<const std::byte> input) {
  LaneProtocol sender({.route_id = 7}), receiver({.route_id = 7, .fds_max = 2});
  std::vector<os::Fd> fds(input.size() % 3), arrived;
  const LaneMessage sent{.kind = input.size() % 2 == 0 ? MessageKind::kReply : MessageKind::kRequest,
                         .id = 0,
                         .reply_to = input.size() % 2 == 0 ? 9u : 0u,
                         .payload = input,
                         .fds = fds};
  Bytes stream;
  (void)sender.split(sent, [&](const LaneProtocol::Piece& piece) {
    Bytes payload(piece.prefix.begin(), piece.prefix.end());
    payload.insert(payload.end(), piece.payload.begin(), piece.payload.end());
    const auto header = encode_header(piece.header, payload);
    stream.insert(stream.end(), header.begin(), header.end());
    stream.insert(stream.end(), payload.begin(), payload.end());
    for (std::size_t i = 0; i < piece.fds.size(); ++i) arrived.emplace_back();
  });
  FrameReader reader({.payload_bytes_max = kLaneFrameBytesMax});
  ByteView rest = stream;
  while (!rest.empty()) {
    const MutableBytes space = reader.space();
    const std::size_t take = std::min(space.size(), rest.size());
    std::copy_n(rest.begin(), take, space.begin());
    reader.filled(take);
    rest = rest.subspan(take);
    const auto frame = reader.next();
    RTT_ASSERT(frame.has_value());
    if (!*frame) continue;
    const auto message = receiver.take(**frame, &arrived);
    RTT_ASSERT(message.has_value());
    if (!*message) continue;
    RTT_ASSERT(rest.empty() && (*message)->kind == sent.kind && (*message)->reply_to == sent.reply_to);
    RTT_ASSERT(std::ranges::equal((*message)->payload, input));
    RTT_ASSERT((*message)->fds.size() == fds.size() && arrived.empty());
  }
}

}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  read_stream(input);
  round_trip(input);
  return 0;
}
