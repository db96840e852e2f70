// SPDX-License-Identifier: Apache-2.0
#include "api/client.h"

#include <fmt/format.h>

#include "api/codec.h"
#include "api/peer.h"
#include "fabric/uds/blocking_stream.h"
#include "model/limits.h"
#include "os/process.h"
#include "os/unix_socket.h"

namespace rtt::api {
namespace {

// The other end enforces the deadline too and knows better what it was waiting for: its word is given time to
// arrive.
constexpr std::int64_t kGraceMs = 500;
constexpr std::int64_t kDeadlineMsMax = 1'000'000'000;
constexpr std::size_t kKeptBytes = std::size_t{512} << 10;

std::unexpected<Error> broken(std::string_view why) {
  return fail(Code::kPanelProtocol, fmt::format("the panel broke the control protocol: {}", why), {},
              "rtt panel stop, then repeat");
}

}  // namespace

struct Client::State {
  explicit State(os::Fd socket)
      : stream(std::move(socket),
               {.payload_bytes_max = limits::kControlBytesMax, .fds_max = limits::kFdsPerFrameMax}) {}

  struct Incoming {
    std::uint32_t id = 0;
    bool more = false;
    Message message;
    std::vector<os::Fd> fds;
  };
  Status send(const MessageBody& body, const fabric::Deadline& deadline);
  Result<Incoming> next(const fabric::Deadline& deadline);
  Status shake_hands(std::string_view client_name);
  Result<TextReply> await_answer(const fabric::Deadline& deadline, const OnPart& on_part);

  fabric::BlockingStream stream;
  Encoder encoder;
  Decoder decoder;
  Bytes out;
  std::uint32_t last_id = 0;
  std::uint64_t generation = 0;
  int panel_pid = 0;
};

Client::Client() = default;
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
std::uint64_t Client::generation() const { return state_->generation; }
int Client::panel_pid() const { return state_->panel_pid; }

Result<Client> Client::connect(const std::string& sockets_dir, std::string_view client_name) {
  auto socket = os::connect_unix(sockets_dir, "panel.sock");
  if (!socket) return std::unexpected(std::move(socket).error().hinting("rtt panel start"));
  return over(std::move(*socket), client_name);
}

Result<Client> Client::over(os::Fd socket, std::string_view client_name) {
  RTT_TRY_SET(const os::PeerIdentity who, os::peer_identity(socket.get()));
  if (who.uid != os::own_uid()) {
    return fail(Code::kNotOwner,
                fmt::format("the panel (process {}) belongs to user {}, not to you", who.pid, who.uid), {},
                "run rtt as the user whose workspace this is");
  }
  Client client;
  client.state_ = std::make_unique<State>(std::move(socket));
  RTT_TRY(client.state_->shake_hands(client_name));
  return client;
}

Status Client::State::send(const MessageBody& body, const fabric::Deadline& deadline) {
  if (out.capacity() > kKeptBytes) out = Bytes();
  out.clear();
  const std::uint32_t id = fabric::next_frame_id(last_id);
  RTT_TRY(append_frame(out, encoder, id, body));
  last_id = id;
  return stream.send(out, {}, deadline);
}

Result<Client::State::Incoming> Client::State::next(const fabric::Deadline& deadline) {
  RTT_TRY_SET(const fabric::Frame frame, stream.next(deadline));
  RTT_TRY(check_header(frame.header));
  RTT_TRY_SET(Message message, decoder.decode(frame.payload));
  if (message.fds > stream.fds_arrived())
    return fail(Code::kFrame, "bad frame: declared descriptors did not come");
  std::vector<os::Fd> fds = stream.take_fds(message.fds);
  return Incoming{.id = frame.header.frame_id,
                  .more = (frame.header.flags & fabric::kMore) != 0,
                  .message = std::move(message),
                  .fds = std::move(fds)};
}

Status Client::State::shake_hands(std::string_view client_name) {
  const fabric::Deadline deadline = fabric::deadline_in(kHandshakeMs);
  const HelloMessage hello{
      .proto_min = kProtocolVersion, .proto_max = kProtocolVersion, .client = client_name};
  // One that turned us away says why before it closes, so a lost connection is not the last word yet.
  if (Status sent = send(hello, deadline); !sent && sent.error().code != Code::kLost) return sent;
  RTT_TRY_SET(const Incoming answer, next(deadline));
  if (const auto* error = std::get_if<Error>(&answer.message.body)) return std::unexpected(*error);
  const auto* welcome = std::get_if<WelcomeMessage>(&answer.message.body);
  if (welcome == nullptr || answer.id != last_id) return broken("Hello was not answered with Welcome");
  if (welcome->proto != kProtocolVersion) return broken(fmt::format("it chose version {}", welcome->proto));
  generation = welcome->generation;
  panel_pid = static_cast<int>(welcome->panel_pid);
  return {};
}

Result<Client::TextReply> Client::ask(const Ask& ask, const OnPart& on_part) {
  State& state = *state_;
  if (!state.stream.open()) return fail(Code::kLost, "the connection to the panel is closed");
  const bool no_args = ask.args.is_null() || (ask.args.is_object() && ask.args.as_object().empty());
  const std::string args = no_args ? std::string() : text::to_json(ask.args);
  const std::int64_t limit_ms = std::min(ask.deadline_ms, kDeadlineMsMax);
  const fabric::Deadline deadline = fabric::deadline_in(limit_ms < 0 ? -1 : limit_ms + kGraceMs);
  RTT_TRY(state.send(RequestMessage{.verb = ask.verb,
                                    .args = args,
                                    .directory = ask.directory,
                                    .search = ask.search,
                                    .deadline_ms = ask.deadline_ms},
                     deadline));
  return state.await_answer(deadline, on_part);
}

Result<Client::TextReply> Client::State::await_answer(const fabric::Deadline& deadline,
                                                      const OnPart& on_part) {
  const auto give_up = [this](Error why) -> std::unexpected<Error> {
    if (why.code != Code::kDeadline) stream.close();
    return std::unexpected(std::move(why));
  };
  for (;;) {  // ends with the answer, the deadline or the panel
    Result<Incoming> incoming = next(deadline);
    if (!incoming) return give_up(std::move(incoming).error());
    MessageBody& body = incoming->message.body;
    auto* error = std::get_if<Error>(&body);
    const auto* answer = std::get_if<AnswerMessage>(&body);
    if (error == nullptr && answer == nullptr) {
      return give_up(broken("something other than an answer came").error());
    }
    if (incoming->id != last_id) {
      if (was_asked(incoming->id, last_id)) continue;  // the late answer to a request that gave up
      return give_up(broken("an answer to a request that nobody asked").error());
    }
    if (error != nullptr) return std::unexpected(std::move(*error));
    if (!incoming->more) return TextReply{.json = answer->json, .fds = std::move(incoming->fds)};
    if (on_part) on_part(answer->json);
  }
}

}  // namespace rtt::api
