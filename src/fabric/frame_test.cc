// SPDX-License-Identifier: Apache-2.0
// The header's bytes are the published ones, every flipped bit of a frame is noticed, ids skip 0, and a
// reader cuts the same frames out of a stream however it is chopped.
#include "fabric/frame.h"

#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "base/hex.h"
#include "fabric/frame_reader.h"

namespace rtt::fabric {
namespace {

Bytes whole_frame(Header header, ByteView payload) {
  const auto encoded = encode_header(header, payload);
  Bytes bytes(kHeaderBytes + payload.size());
  std::copy(encoded.begin(), encoded.end(), bytes.begin());
  std::copy(payload.begin(), payload.end(), bytes.begin() + kHeaderBytes);
  return bytes;
}

bool accepted(ByteView bytes, std::size_t payload_bytes_max = 1000, Coverage coverage = Coverage::kFull) {
  FrameReader reader({.payload_bytes_max = payload_bytes_max, .coverage_min = coverage});
  const MutableBytes space = reader.space();
  std::copy(bytes.begin(), bytes.end(), space.begin());
  reader.filled(bytes.size());
  const auto frame = reader.next();
  return frame && frame->has_value();
}

// docs/formats/frame.md shows these bytes.
TEST(Frame, worked_bytes) {
  EXPECT_EQ(to_hex(whole_frame({.flags = 0, .route_id = 7, .frame_id = 1}, as_bytes("ping"))),
            "52545431"
            "0000"
            "0000"
            "07000000"
            "01000000"
            "04000000"
            "91f3a383"
            "70696e67");
}

TEST(Frame, checksum_covers_what_the_coverage_bits_say) {
  const Bytes payload(100, std::byte{0x33});
  for (const Flag coverage : {Flag{}, kCoverHeader, kCoverNone}) {
    const Bytes frame = whole_frame({.flags = coverage, .route_id = 1, .frame_id = 1}, payload);
    const ByteView header = ByteView(frame).first(kHeaderBytes);
    EXPECT_TRUE(crc_matches(header, payload));
    Bytes damaged = payload;
    damaged[50] ^= std::byte{1};
    EXPECT_EQ(crc_matches(header, damaged), coverage != Flag{}) << coverage;
    Bytes other_route = frame;
    other_route[8] ^= std::byte{1};
    EXPECT_EQ(crc_matches(ByteView(other_route).first(kHeaderBytes), payload), coverage == kCoverNone)
        << coverage;
    // A receiver takes its own coverage and stronger ones.
    EXPECT_EQ(accepted(frame, 1000, Coverage::kFull), coverage == Flag{});
    EXPECT_EQ(accepted(frame, 1000, Coverage::kHeader), coverage != kCoverNone);
    EXPECT_TRUE(accepted(frame, 1000, Coverage::kNone));
  }
}

TEST(Frame, every_flipped_bit_of_header_and_payload_is_noticed) {
  std::mt19937 generator(7);
  for (const std::size_t size : {0u, 1u, 7u, 40u, 300u}) {
    Bytes payload(size);
    for (std::byte& b : payload) b = static_cast<std::byte>(generator());
    const Bytes frame = whole_frame({.flags = kReply | kMore, .route_id = 9, .frame_id = 77}, payload);
    ASSERT_TRUE(accepted(frame));
    for (std::size_t at = 0; at < frame.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes damaged = frame;
        damaged[at] ^= static_cast<std::byte>(1 << bit);
        ASSERT_FALSE(accepted(damaged)) << "byte " << at << " bit " << bit << " of " << frame.size();
        // Also where the receiver would take frames without a checksum.
        ASSERT_FALSE(accepted(damaged, 1000, Coverage::kNone)) << "byte " << at << " bit " << bit;
      }
    }
  }
}

TEST(Frame, headers_that_break_a_rule_are_named_errors) {
  const auto with = [](std::size_t at, std::uint16_t value) {
    Bytes frame = whole_frame({.flags = 0, .route_id = 1, .frame_id = 1}, {});
    store_le<std::uint16_t>(frame, at, value);
    return frame;
  };
  const std::pair<Bytes, std::string_view> cases[] = {
      {with(0, 0x5453), "magic"},
      {with(4, 0x400), "unknown flag"},
      {with(4, kCoverageMask), "coverage 3"},
      {with(6, 1), "reserved"},
      {with(12, 0), "frame id 0"},
      {with(16, 0xffff), "length"},
      {Bytes(kHeaderBytes - 1), "23 bytes"},
  };
  for (const auto& [bytes, word] : cases) {
    const auto header = decode_header(bytes, 1000);
    ASSERT_FALSE(header.has_value()) << word;
    EXPECT_EQ(header.error().code, Code::kFrame);
    EXPECT_NE(header.error().message.find(word), std::string::npos) << header.error().message;
  }
}

TEST(Frame, ids_wrap_and_skip_zero) {
  EXPECT_EQ(next_frame_id(1), 2u);
  EXPECT_EQ(next_frame_id(UINT32_MAX - 1), UINT32_MAX);
  EXPECT_EQ(next_frame_id(UINT32_MAX), 1u);
}

TEST(FrameReader, same_frames_however_the_stream_is_chopped) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 generator(seed);
    const auto below = [&](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>(0, n - 1)(generator);
    };
    std::vector<Bytes> payloads;
    Bytes stream;
    for (std::uint32_t id = 1; id <= 60; ++id) {
      Bytes payload(below(8) == 0 ? below(300'000) : below(200));
      for (std::byte& b : payload) b = static_cast<std::byte>(generator());
      const Bytes frame = whole_frame({.flags = 0, .route_id = 3, .frame_id = id}, payload);
      stream.insert(stream.end(), frame.begin(), frame.end());
      payloads.push_back(std::move(payload));
    }
    FrameReader reader({.payload_bytes_max = 300'000});
    std::size_t at = 0, seen = 0;
    const std::size_t chop_max = std::size_t{1} << below(18);
    while (at < stream.size()) {
      const MutableBytes space = reader.space();
      const std::size_t take = std::min({space.size(), stream.size() - at, below(chop_max) + 1});
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), take, space.begin());
      reader.filled(take);
      at += take;
      for (;;) {
        const auto frame = reader.next();
        ASSERT_TRUE(frame.has_value()) << frame.error().message;
        if (!*frame) break;
        ASSERT_LT(seen, payloads.size());
        ASSERT_TRUE(std::equal((*frame)->payload.begin(), (*frame)->payload.end(), payloads[seen].begin(),
                               payloads[seen].end()));
        EXPECT_EQ((*frame)->header.frame_id, ++seen);
      }
    }
    EXPECT_EQ(seen, payloads.size()) << "seed " << seed;
    EXPECT_TRUE(reader.empty());
  }
}

TEST(FrameReader, holds_no_more_than_twice_what_came) {
  // A header that announces 64 MiB and a trickle behind it.
  FrameReader reader({.payload_bytes_max = std::size_t{64} << 20});
  Bytes header(kHeaderBytes);
  store_le<std::uint32_t>(header, 0, kMagic);
  store_le<std::uint32_t>(header, 12, 1);
  store_le<std::uint32_t>(header, 16, 64u << 20);
  std::copy(header.begin(), header.end(), reader.space().begin());
  reader.filled(kHeaderBytes);
  std::size_t sent = kHeaderBytes;
  while (sent < (std::size_t{2} << 20)) {
    ASSERT_FALSE(reader.next().value().has_value());
    const std::size_t room = reader.space().size();
    ASSERT_LE(room + sent, std::max(2 * sent, kReaderBytes));
    reader.filled(room);
    sent += room;
  }
}

TEST(FrameReader, stays_failed) {
  FrameReader reader({.payload_bytes_max = 10});
  const Bytes junk(kHeaderBytes, std::byte{1});
  std::copy(junk.begin(), junk.end(), reader.space().begin());
  reader.filled(junk.size());
  EXPECT_EQ(reader.next().error().code, Code::kFrame);
  EXPECT_EQ(reader.next().error().code, Code::kFrame);
}

}  // namespace
}  // namespace rtt::fabric
