// SPDX-License-Identifier: Apache-2.0
#include "fabric/frame.h"

#include <fmt/format.h>

#include "base/crc32c.h"

namespace rtt::fabric {
namespace {

constexpr std::size_t kMagicAt = 0, kFlagsAt = 4, kReservedAt = 6, kRouteAt = 8, kFrameIdAt = 12, kLenAt = 16,
                      kCrcAt = 20;
static_assert(kCrcAt + sizeof(std::uint32_t) == kHeaderBytes);

std::uint32_t checksum(ByteView header, ByteView payload) {
  std::array<std::byte, kHeaderBytes> zeroed{};
  std::memcpy(zeroed.data(), header.data(), kHeaderBytes);
  store_le<std::uint32_t>(zeroed, kCrcAt, 0);
  switch (load_le<std::uint16_t>(header, kFlagsAt) & kCoverageMask) {
    case 0:
      return crc32c(payload, crc32c(zeroed));
    case kCoverHeader:
      return crc32c(zeroed);
    default:
      return 0;
  }
}

std::unexpected<Error> bad(std::string why) { return fail(Code::kFrame, "bad frame: " + std::move(why)); }

}  // namespace

std::array<std::byte, kHeaderBytes> encode_header(Header header, ByteView payload) {
  RTT_ASSERT(payload.size() <= UINT32_MAX);
  RTT_ASSERT((header.flags & ~kKnownFlags) == 0 && (header.flags & kCoverageMask) != kCoverageMask);
  std::array<std::byte, kHeaderBytes> bytes{};
  store_le<std::uint32_t>(bytes, kMagicAt, kMagic);
  store_le<std::uint16_t>(bytes, kFlagsAt, header.flags);
  store_le<std::uint32_t>(bytes, kRouteAt, header.route_id);
  store_le<std::uint32_t>(bytes, kFrameIdAt, header.frame_id);
  store_le<std::uint32_t>(bytes, kLenAt, static_cast<std::uint32_t>(payload.size()));
  store_le<std::uint32_t>(bytes, kCrcAt, checksum(bytes, payload));
  return bytes;
}

Result<Header> decode_header(ByteView bytes, std::size_t payload_bytes_max) {
  if (bytes.size() < kHeaderBytes) {
    return bad(fmt::format("{} bytes where a header takes {}", bytes.size(), kHeaderBytes));
  }
  const auto magic = load_le<std::uint32_t>(bytes, kMagicAt);
  if (magic != kMagic) return bad(fmt::format("magic {:08x}, expected {:08x}", magic, kMagic));
  Header header;
  header.flags = load_le<std::uint16_t>(bytes, kFlagsAt);
  if ((header.flags & ~kKnownFlags) != 0) return bad(fmt::format("unknown flag bits {:#06x}", header.flags));
  if ((header.flags & kCoverageMask) == kCoverageMask) return bad("checksum coverage 3 does not exist");
  if (load_le<std::uint16_t>(bytes, kReservedAt) != 0) return bad("reserved field is not zero");
  header.route_id = load_le<std::uint32_t>(bytes, kRouteAt);
  header.frame_id = load_le<std::uint32_t>(bytes, kFrameIdAt);
  if (header.frame_id == 0) return bad("frame id 0 does not exist");
  header.len = load_le<std::uint32_t>(bytes, kLenAt);
  if (header.len > payload_bytes_max) {
    return bad(fmt::format("length {} over the limit of {} bytes", header.len, payload_bytes_max));
  }
  header.crc = load_le<std::uint32_t>(bytes, kCrcAt);
  return header;
}

bool crc_matches(ByteView header, ByteView payload) {
  return header.size() >= kHeaderBytes && load_le<std::uint32_t>(header, kCrcAt) == checksum(header, payload);
}

std::uint32_t next_frame_id(std::uint32_t id) { return id == UINT32_MAX ? 1 : id + 1; }

}  // namespace rtt::fabric
