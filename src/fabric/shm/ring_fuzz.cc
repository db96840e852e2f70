// SPDX-License-Identifier: Apache-2.0
// Any bytes as lane memory end as frames within it, as no frame, or as one typed error; any index and wait
// word leave the writer with room, without, or broken. The first bytes choose the policy and what the
// consumer's page says.
#include <algorithm>
#include <vector>

#include "fabric/shm/ring_consumer.h"
#include "fabric/shm/ring_producer.h"

int fuzz_one(std::span<const std::byte> input);

namespace {

using namespace rtt;
using namespace rtt::fabric;
using namespace rtt::fabric::shm;

// Whole words, aligned as a mapping is.
struct Memory {
  explicit Memory(std::size_t bytes) : words(bytes / 8) {}
  MutableBytes bytes() { return std::as_writable_bytes(std::span(words)); }
  std::vector<std::uint64_t> words;
};

void read_frames(const RingOptions& options, ByteView lane, MutableBytes into) {
  Memory index(kIndexBytes);
  RingConsumer consumer(options, {.lane = lane, .index = index.bytes()});
  for (int i = 0; i < 200; ++i) {
    const Poll polled = consumer.poll();
    if (polled != Poll::kFrame) {
      RTT_ASSERT((polled == Poll::kBroken) == (consumer.fault() != Fault::kNone));
      break;
    }
    const ByteView payload = consumer.payload();
    RTT_ASSERT(payload.size() == consumer.header().len);
    RTT_ASSERT(payload.data() >= lane.data() + kPageBytes);
    RTT_ASSERT(payload.data() + payload.size() <= lane.data() + lane.size());
    if (!(i % 2 == 0 ? consumer.verify() : consumer.copy_out(into))) break;
    consumer.release();
  }
  RingConsumer whole(options, {.lane = lane, .index = index.bytes()});
  for (int i = 0; i < 200; ++i) {
    Incoming message{.into = into};
    const Pulled pulled = whole.pull(message);
    RTT_ASSERT(message.size <= into.size());
    if (pulled == Pulled::kBroken) RTT_ASSERT(whole.error().code == Code::kFrame);
    if (pulled == Pulled::kBroken || pulled == Pulled::kEmpty) break;
  }
}

void write_frames(const RingOptions& options, std::span<const std::byte> said) {
  Memory lane(lane_bytes(options.size)), index(kIndexBytes);
  RingProducer producer(options, {.lane = lane.bytes(), .index = index.bytes()});
  const Bytes payload(3000);
  for (std::size_t at = 0; at + 13 <= said.size() && at < 13 * 200; at += 13) {
    std::ranges::copy(said.subspan(at, 4), index.bytes().begin());
    if ((said[at + 12] & std::byte{3}) == std::byte{3})
      std::ranges::copy(said.subspan(at + 4, 8), index.bytes().begin() + offsetof(IndexPage, wait_word));
    const std::size_t size = std::to_integer<std::size_t>(said[at + 12]) * 11;
    const std::uint32_t before = producer.position();
    const Sent sent = producer.send(0, ByteView(payload).first(size));
    if (producer.position() != before) RTT_ASSERT(sent == Sent::kDone || sent == Sent::kDoneClosing);
    if (const auto cut = producer.cut()) {
      RTT_ASSERT(producer.position() - *cut <= options.size.slots);
      for (std::uint32_t p = *cut; p != producer.position(); ++p) (void)producer.sent_frame(p);
    }
    if (sent == Sent::kBroken) RTT_ASSERT(producer.error().code == Code::kFrame);
    if (sent == Sent::kBroken) break;
  }
}

}  // namespace

int fuzz_one(std::span<const std::byte> input) {
  if (input.empty()) return 0;
  const RingOptions options{.size = {64, 4096},
                            .route_id = 7,
                            .crc = static_cast<CrcPolicy>(std::to_integer<unsigned>(input[0]) & 3),
                            .sample_every = 3};
  Memory lane(lane_bytes(options.size));
  const MutableBytes bytes = lane.bytes();
  const auto slots = input.subspan(1);
  std::ranges::copy(slots.first(std::min(slots.size(), bytes.size() - kPageBytes)),
                    bytes.begin() + kPageBytes);
  Bytes into(6000);
  read_frames(options, bytes, into);
  write_frames(options, slots);
  return 0;
}
