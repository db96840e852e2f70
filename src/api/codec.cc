// SPDX-License-Identifier: Apache-2.0
#include "api/codec.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/control_generated.h"
#include "model/limits.h"

namespace rtt::api {
namespace {

constexpr flatbuffers::uoffset_t kDepthMax = 16;
constexpr flatbuffers::uoffset_t kTablesMax = 1000;
constexpr std::size_t kAlignment = sizeof(std::uint64_t);  // of the largest field
constexpr std::size_t kBuilderKeptBytes = std::size_t{256} << 10;
constexpr std::size_t kOverheadBytesMax = 512;  // tables, lengths and padding of one message beside its texts
static_assert(kErrorCausesMax * 8 < kOverheadBytesMax / 2);

using Builder = flatbuffers::FlatBufferBuilder;
using Text = flatbuffers::Offset<flatbuffers::String>;

Text text(Builder& builder, std::string_view value) {
  return value.empty() ? Text() : builder.CreateString(value.data(), value.size());
}

std::string_view view(const flatbuffers::String* value) {
  return value == nullptr ? std::string_view() : std::string_view(value->c_str(), value->size());
}

struct Sizes {
  std::size_t operator()(const HelloMessage& m) const { return m.client.size(); }
  std::size_t operator()(const WelcomeMessage&) const { return 0; }
  std::size_t operator()(const RequestMessage& m) const {
    return m.verb.size() + m.args.size() + m.directory.size() + m.search.size();
  }
  std::size_t operator()(const AnswerMessage& m) const { return m.json.size(); }
  std::size_t operator()(const Error& m) const {
    std::size_t bytes = m.message.size() + m.where.size() + m.hint.size();
    for (const std::string& cause : m.causes) bytes += cause.size();
    return bytes;
  }
};

struct Build {
  Builder& b;
  using Made = std::pair<wire::Body, flatbuffers::Offset<void>>;

  Made operator()(const HelloMessage& m) const {
    const Text client = text(b, m.client);
    return {wire::Body::Hello, wire::CreateHello(b, m.proto_min, m.proto_max, client).Union()};
  }
  Made operator()(const WelcomeMessage& m) const {
    return {wire::Body::Welcome, wire::CreateWelcome(b, m.proto, m.panel_pid, m.generation).Union()};
  }
  Made operator()(const RequestMessage& m) const {
    const Text verb = b.CreateString(m.verb.data(), m.verb.size());
    const Text args = text(b, m.args), directory = text(b, m.directory), search = text(b, m.search);
    return {wire::Body::Request,
            wire::CreateRequest(b, verb, args, directory, search, m.deadline_ms).Union()};
  }
  Made operator()(const AnswerMessage& m) const {
    const Text json = text(b, m.json);
    return {wire::Body::Answer, wire::CreateAnswer(b, json).Union()};
  }
  Made operator()(const Error& m) const {
    const Text message = text(b, m.message), where = text(b, m.where), hint = text(b, m.hint);
    flatbuffers::Offset<flatbuffers::Vector<Text>> causes;
    if (!m.causes.empty()) {
      std::vector<Text> texts;
      for (std::size_t i = 0; i < std::min(m.causes.size(), kErrorCausesMax); ++i) {
        texts.push_back(b.CreateString(m.causes[i].data(), m.causes[i].size()));
      }
      causes = b.CreateVector(texts);
    }
    return {wire::Body::Error,
            wire::CreateError(b, static_cast<std::uint16_t>(m.code), message, where, hint, causes).Union()};
  }
};

// A code of a newer RTT than this one keeps its words and becomes an internal error here.
Code known_code(std::uint16_t number) {
  const auto codes = all_codes();
  const auto at =
      std::lower_bound(codes.begin(), codes.end(), number, [](const CodeInfo& info, std::uint16_t wanted) {
        return static_cast<std::uint16_t>(info.code) < wanted;
      });
  const bool known = at != codes.end() && static_cast<std::uint16_t>(at->code) == number;
  return known ? at->code : Code::kInternal;
}

Error error_of(const wire::Error& table) {
  Error error{.code = known_code(table.code()),
              .message = std::string(view(table.message())),
              .where = std::string(view(table.where())),
              .hint = std::string(view(table.hint()))};
  if (table.causes() == nullptr) return error;
  const std::size_t count = std::min<std::size_t>(table.causes()->size(), kErrorCausesMax);
  for (std::size_t i = 0; i < count; ++i) {
    error.causes.emplace_back(view(table.causes()->Get(static_cast<flatbuffers::uoffset_t>(i))));
  }
  return error;
}

std::unexpected<Error> bad(std::string_view why) {
  return fail(Code::kPanelProtocol, fmt::format("bad control message: {}", why));
}

Result<MessageBody> body_of(const wire::Message& message) {
  switch (message.body_type()) {
    case wire::Body::Hello: {
      const auto& m = *message.body_as_Hello();
      return HelloMessage{.proto_min = m.proto_min(), .proto_max = m.proto_max(), .client = view(m.client())};
    }
    case wire::Body::Welcome: {
      const auto& m = *message.body_as_Welcome();
      return WelcomeMessage{.proto = m.proto(), .panel_pid = m.panel_pid(), .generation = m.generation()};
    }
    case wire::Body::Request: {
      const auto& m = *message.body_as_Request();
      return RequestMessage{.verb = view(m.verb()),
                            .args = view(m.args()),
                            .directory = view(m.directory()),
                            .search = view(m.search()),
                            .deadline_ms = m.deadline_ms()};
    }
    case wire::Body::Answer:
      return AnswerMessage{.json = view(message.body_as_Answer()->json())};
    case wire::Body::Error:
      return error_of(*message.body_as_Error());
    case wire::Body::NONE:
      break;
  }
  return bad(fmt::format("unknown kind {}", static_cast<int>(message.body_type())));
}

}  // namespace

struct Encoder::State {
  Builder builder{4096};
};

Encoder::Encoder() : state_(std::make_unique<State>()) {}
Encoder::~Encoder() = default;

Result<ByteView> Encoder::encode(const MessageBody& body, std::size_t fds) {
  RTT_ASSERT(fds <= static_cast<std::size_t>(limits::kFdsPerFrameMax));
  const std::size_t bytes = std::visit(Sizes{}, body);
  if (bytes > limits::kControlBytesMax - kOverheadBytesMax) {
    return fail(Code::kTooLarge, fmt::format("a control message of {} bytes is over the limit of {} bytes",
                                             bytes, limits::kControlBytesMax - kOverheadBytesMax));
  }
  Builder& builder = state_->builder;
  if (builder.GetSize() > kBuilderKeptBytes) {
    builder.Reset();  // gives the memory back
  } else {
    builder.Clear();
  }
  const auto [kind, made] = std::visit(Build{builder}, body);
  wire::FinishMessageBuffer(builder,
                            wire::CreateMessage(builder, kind, made, static_cast<std::uint8_t>(fds)));
  const ByteView encoded(reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize());
  RTT_ASSERT(encoded.size() <= limits::kControlBytesMax);
  return encoded;
}

Status append_frame(Bytes& out, Encoder& encoder, std::uint32_t id, const MessageBody& body,
                    std::size_t fds) {
  RTT_TRY_SET(const ByteView payload, encoder.encode(body, fds));
  const auto header =
      fabric::encode_header({.flags = fabric::kControl, .route_id = 0, .frame_id = id}, payload);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), payload.begin(), payload.end());
  return {};
}

Status check_header(const fabric::Header& header) {
  if ((header.flags & ~fabric::kMore) == fabric::kControl && header.route_id == 0) return {};
  return fail(Code::kFrame, fmt::format("bad frame: flags {:#06x} and route {} on a control connection",
                                        header.flags, header.route_id));
}

Result<Message> Decoder::decode(ByteView bytes) {
  if (bytes.size() > limits::kControlBytesMax) return bad("over the size limit");
  // Smaller than root offset, identifier and one table: the identifier check reads them unasked.
  if (bytes.size() < 2 * sizeof(flatbuffers::uoffset_t)) return bad("too short");
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment != 0) {
    aligned_.resize((bytes.size() + kAlignment - 1) / kAlignment);
    std::memcpy(aligned_.data(), bytes.data(), bytes.size());
    bytes = std::as_bytes(std::span(aligned_)).first(bytes.size());
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(), kDepthMax, kTablesMax);
  if (!wire::VerifyMessageBuffer(verifier)) return bad("it does not verify");
  const wire::Message& message = *wire::GetMessage(data);
  RTT_TRY_SET(MessageBody body, body_of(message));
  if (message.fds() > limits::kFdsPerFrameMax) return bad("it declares too many descriptors");
  return Message{.body = std::move(body), .fds = message.fds()};
}

}  // namespace rtt::api
