// SPDX-License-Identifier: Apache-2.0
// LaneProtocol: which frame may come next on a route's lane, and which message the frames make.
//
// The rules of docs/formats/frame.md without a descriptor, so that the event loop's lane, the blocking lane
// and the fuzzer run the same ones: one route a lane; ids of each direction count from 1 by one and skip 0; a
// payload over kFragmentBytesMax travels as fragments (bit1 on all but the last), which nothing interrupts;
// each frame of a reply begins with the request's id, which is the id of the request's first frame. A message
// in one frame is not copied. Descriptors belong to a message's first frame, which says how many they are.
//
// Owns: the message being put together, its descriptors.   Thread: one.   Units: bytes.
// Fails: kFrame (another route, an id out of turn, a fragment out of place, a reply without its id, flags of
// another kind of lane, other descriptors than declared), kTooLarge (message over message_bytes_max). After a
// failure the lane is unusable. Limits: message_bytes_max.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "fabric/frame_reader.h"
#include "model/limits.h"
#include "os/fd.h"

namespace rtt::fabric {

// 256 KiB stays in a core's second-level cache while it is checked and copied, and bounds a reader's buffer.
inline constexpr std::size_t kFragmentBytesMax = std::size_t{256} << 10;
// What a lane takes in one frame; other writers may choose larger fragments than ours.
inline constexpr std::size_t kLaneFrameBytesMax = std::size_t{1} << 20;

enum class MessageKind : std::uint8_t { kRequest, kReply, kErrorReply, kFin };

struct LaneMessage {
  MessageKind kind = MessageKind::kRequest;
  std::uint32_t id = 0;        // of its first frame
  std::uint32_t reply_to = 0;  // the request's id; 0 for a request
  ByteView payload;            // without the request's id; valid during the call that hands it over
  std::span<os::Fd> fds;       // likewise; whoever wants one moves it out, the others are closed
};

class LaneProtocol {
 public:
  struct Options {
    std::uint32_t route_id = 0;  // REQUIRES: >= 1
    std::size_t message_bytes_max = limits::kFramePayloadBytesMax;
    // A receiver that has not seen the lane this one takes over from (another provider has) does not know
    // where it ended: 0 takes the first frame's id.
    std::uint32_t receive_id_first = 1;
    int fds_max = 0;  // with one message; 0: this kind of lane carries none
  };
  explicit LaneProtocol(Options options);

  // Nothing: a fragment was kept, the message is not whole yet. What the frame declares is moved out of
  // `arrived`, from its front.
  Result<std::optional<LaneMessage>> take(const Frame& frame, std::vector<os::Fd>* arrived = nullptr);

  // One frame to send: header without len and crc, and the two parts of its payload.
  struct Piece {
    Header header;
    ByteView prefix, payload;
    std::span<os::Fd> fds;  // to ride on its first byte
  };
  // Cuts `message` (its id is ignored) into frames and hands each to `emit`; returns the first frame's id.
  std::uint32_t split(const LaneMessage& message, const std::function<void(const Piece&)>& emit);
  // What split() will emit, headers included.
  [[nodiscard]] static std::size_t split_bytes(const LaneMessage& message);
  [[nodiscard]] Status fits(const LaneMessage& message) const;  // kTooLarge; kBadArgument: descriptors
  [[nodiscard]] std::uint32_t next_send_id() const { return send_id_; }
  // REQUIRES: nothing was sent yet.
  void continue_from(std::uint32_t send_id) { send_id_ = send_id; }

 private:
  [[nodiscard]] Status check(const Frame& frame, std::size_t arrived) const;

  Options options_;
  std::uint32_t send_id_ = 1, receive_id_;
  bool finished_ = false;
  bool assembling_ = false;
  LaneMessage partial_;  // its payload is parts_
  Bytes parts_;
  std::vector<os::Fd> fds_;  // of the message handed over last, or being put together
};

}  // namespace rtt::fabric
