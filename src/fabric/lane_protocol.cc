// SPDX-License-Identifier: Apache-2.0
#include "fabric/lane_protocol.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::fabric {
namespace {

constexpr std::uint16_t kLaneFlags =
    kErrorReply | kMore | kCongestion | kCoverageMask | kReply | kFin | kDescriptors;
constexpr std::size_t kReplyIdBytes = sizeof(std::uint32_t), kFdCountBytes = sizeof(std::uint32_t);
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;  // a larger assembly buffer is given back after use

MessageKind kind_of(std::uint16_t flags) {
  if ((flags & kFin) != 0) return MessageKind::kFin;
  if ((flags & kReply) == 0) return MessageKind::kRequest;
  return (flags & kErrorReply) != 0 ? MessageKind::kErrorReply : MessageKind::kReply;
}

std::uint16_t flags_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::kRequest:
      return 0;
    case MessageKind::kReply:
      return kReply;
    case MessageKind::kErrorReply:
      return kReply | kErrorReply;
    case MessageKind::kFin:
      return kFin;
  }
  return 0;
}

bool is_reply(MessageKind kind) { return kind == MessageKind::kReply || kind == MessageKind::kErrorReply; }

std::size_t prefix_bytes(MessageKind kind, bool with_fds) {
  return (is_reply(kind) ? kReplyIdBytes : 0) + (with_fds ? kFdCountBytes : 0);
}

}  // namespace

LaneProtocol::LaneProtocol(Options options) : options_(options), receive_id_(options.receive_id_first) {
  RTT_ASSERT(options_.route_id >= 1);
}

Status LaneProtocol::check(const Frame& frame, std::size_t arrived) const {
  const Header& header = frame.header;
  const auto bad = [&](std::string_view why) {
    return fail(Code::kFrame,
                fmt::format("bad frame: frame {} of route {}: {}", header.frame_id, header.route_id, why));
  };
  if (finished_) return bad("comes after the lane's last frame");
  if (header.route_id != options_.route_id)
    return bad(fmt::format("this lane carries route {}", options_.route_id));
  if (receive_id_ != 0 && header.frame_id != receive_id_)
    return bad(fmt::format("frame {} was due", receive_id_));
  if ((header.flags & ~kLaneFlags) != 0)
    return bad(fmt::format("flags {:#06x} of another lane", header.flags));
  const MessageKind kind = kind_of(header.flags);
  if (is_reply(kind) && frame.payload.size() < kReplyIdBytes) return bad("a reply without the request's id");
  if ((header.flags & kDescriptors) != 0) {
    if (assembling_) return bad("descriptors inside a message");
    if (frame.payload.size() < prefix_bytes(kind, true)) return bad("descriptors without their number");
    const auto count = load_le<std::uint32_t>(frame.payload, prefix_bytes(kind, false));
    if (count < 1 || count > static_cast<std::uint32_t>(options_.fds_max))
      return bad(fmt::format("{} descriptors, at most {} may come on this lane", count, options_.fds_max));
    if (count > arrived) return bad(fmt::format("{} descriptors declared, {} came", count, arrived));
  }
  if ((header.flags & kErrorReply) != 0 && kind != MessageKind::kErrorReply)
    return bad("an error without a request");
  if (kind == MessageKind::kFin &&
      ((header.flags & (kReply | kMore | kDescriptors)) != 0 || !frame.payload.empty())) {
    return bad("a last frame that carries something");
  }
  if (!assembling_) return {};
  if (kind != partial_.kind) return bad("a fragment was due");
  if (is_reply(kind) && load_le<std::uint32_t>(frame.payload, 0) != partial_.reply_to) {
    return bad("a fragment of another reply");
  }
  return {};
}

Result<std::optional<LaneMessage>> LaneProtocol::take(const Frame& frame, std::vector<os::Fd>* arrived) {
  RTT_TRY(check(frame, arrived != nullptr ? arrived->size() : 0));
  receive_id_ = next_frame_id(frame.header.frame_id);
  LaneMessage message{
      .kind = kind_of(frame.header.flags), .id = frame.header.frame_id, .payload = frame.payload};
  if (is_reply(message.kind)) {
    message.reply_to = load_le<std::uint32_t>(frame.payload, 0);
    message.payload = frame.payload.subspan(kReplyIdBytes);
  }
  if (!assembling_) fds_.clear();
  if ((frame.header.flags & kDescriptors) != 0) {
    const auto end = arrived->begin() + load_le<std::uint32_t>(message.payload, 0);
    fds_.assign(std::make_move_iterator(arrived->begin()), std::make_move_iterator(end));
    arrived->erase(arrived->begin(), end);
    message.payload = message.payload.subspan(kFdCountBytes);
    message.fds = fds_;
  }
  finished_ = message.kind == MessageKind::kFin;
  const bool more = (frame.header.flags & kMore) != 0;
  if (message.payload.size() > options_.message_bytes_max - (assembling_ ? parts_.size() : 0)) {
    return fail(Code::kTooLarge, fmt::format("a message of route {} is over the limit of {} bytes",
                                             options_.route_id, options_.message_bytes_max));
  }
  if (!assembling_ && !more) return message;
  if (!assembling_) {
    if (parts_.capacity() > kKeptBytes) parts_ = Bytes();
    parts_.clear();
    partial_ = message;
    assembling_ = true;
  }
  parts_.insert(parts_.end(), message.payload.begin(), message.payload.end());
  if (more) return std::nullopt;
  assembling_ = false;
  partial_.payload = parts_;
  return partial_;
}

Status LaneProtocol::fits(const LaneMessage& message) const {
  if (message.payload.size() > options_.message_bytes_max)
    return fail(Code::kTooLarge, fmt::format("a message of {} bytes is over the limit of {} bytes",
                                             message.payload.size(), options_.message_bytes_max));
  if (message.fds.size() <= static_cast<std::size_t>(options_.fds_max)) return {};
  return fail(Code::kBadArgument, fmt::format("{} descriptors are over the limit of {} a message",
                                              message.fds.size(), options_.fds_max));
}

std::size_t LaneProtocol::split_bytes(const LaneMessage& message) {
  const std::size_t prefix = prefix_bytes(message.kind, false), room = kFragmentBytesMax - prefix;
  const std::size_t count = message.fds.empty() ? 0 : kFdCountBytes, bytes = message.payload.size() + count;
  const std::size_t frames = std::max<std::size_t>(1, (bytes + room - 1) / room);
  return bytes + frames * (kHeaderBytes + prefix);
}

std::uint32_t LaneProtocol::split(const LaneMessage& message, const std::function<void(const Piece&)>& emit) {
  const std::uint32_t first = send_id_;
  std::array<std::byte, kReplyIdBytes + kFdCountBytes> prefix{};
  if (is_reply(message.kind)) store_le<std::uint32_t>(prefix, 0, message.reply_to);
  store_le<std::uint32_t>(prefix, prefix_bytes(message.kind, false),
                          static_cast<std::uint32_t>(message.fds.size()));
  std::span<os::Fd> fds = message.fds;
  ByteView rest = message.payload;
  do {
    const std::size_t before = prefix_bytes(message.kind, !fds.empty());
    const ByteView part = rest.first(std::min(kFragmentBytesMax - before, rest.size()));
    rest = rest.subspan(part.size());
    std::uint16_t flags = flags_of(message.kind);
    if (!rest.empty()) flags |= kMore;
    if (!fds.empty()) flags |= kDescriptors;
    const Header header{.flags = flags, .route_id = options_.route_id, .frame_id = send_id_};
    send_id_ = next_frame_id(send_id_);
    emit({.header = header, .prefix = ByteView(prefix).first(before), .payload = part, .fds = fds});
    fds = {};
  } while (!rest.empty());
  return first;
}

}  // namespace rtt::fabric
