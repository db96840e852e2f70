// SPDX-License-Identifier: Apache-2.0
// Codec: control messages to bytes and back (control.fbs; docs/formats/control.md).
//
// Bytes from the other end are verified whole (FlatBuffers verifier: every offset, length and union inside
// the buffer, kDepthMax levels, kTablesMax tables) before one field is read, so the accessors need no checks
// of their own. Texts come out as views: a request whose args are empty is read without an allocation.
//
// Owns: Encoder its builder's memory, Decoder a copy of an unaligned message.   Thread: one each.
// Units: bytes.
// Fails: decode: kPanelProtocol.   Limits: kControlBytesMax a message (encode: kTooLarge).
#pragma once

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "fabric/frame.h"

namespace rtt::api {

struct HelloMessage {
  std::uint32_t proto_min = 0, proto_max = 0;
  std::string_view client;
};
struct WelcomeMessage {
  std::uint32_t proto = 0, panel_pid = 0;
  std::uint64_t generation = 0;
};
struct RequestMessage {
  std::string_view verb, args, directory, search;
  std::int64_t deadline_ms = 30'000;
};
struct AnswerMessage {
  std::string_view json;
};
using MessageBody = std::variant<HelloMessage, WelcomeMessage, RequestMessage, AnswerMessage, Error>;

struct Message {
  MessageBody body;
  std::uint8_t fds = 0;
};

class Encoder {
 public:
  Encoder();
  ~Encoder();
  // Valid until the next call. A body over the limit is kTooLarge.
  Result<ByteView> encode(const MessageBody& body, std::size_t fds = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A whole control frame behind what `out` holds, for senders without a FrameSocket.
Status append_frame(Bytes& out, Encoder& encoder, std::uint32_t id, const MessageBody& body,
                    std::size_t fds = 0);
// What the frame of a control message may look like: kFrame.
Status check_header(const fabric::Header& header);
// Whether `id` is `last` or was given out before it; ids wrap.
inline bool was_asked(std::uint32_t id, std::uint32_t last) { return last - id < UINT32_MAX / 2; }

class Decoder {
 public:
  // Views in the message are valid until the next call, and no longer than `bytes`.
  Result<Message> decode(ByteView bytes);

 private:
  std::vector<std::uint64_t> aligned_;  // a message that came at an odd place of the stream
};

}  // namespace rtt::api
