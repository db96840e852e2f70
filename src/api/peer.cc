// SPDX-License-Identifier: Apache-2.0
#include "api/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "api/codec.h"
#include "base/units.h"
#include "fabric/uds/frame_socket.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/process.h"

namespace rtt::api {
namespace {

constexpr std::size_t kInFlightMax = limits::kControlInFlightMax;
constexpr std::size_t kWaitingBytesMax = limits::kClientQueueBytesMax;
constexpr std::int64_t kNever = INT64_MAX;

bool is_empty(const text::Json& args) {
  return args.is_null() || (args.is_object() && args.as_object().empty());
}

std::unexpected<Error> broken(std::string_view why) {
  return fail(Code::kPanelProtocol, fmt::format("the other end broke the control protocol: {}", why), {},
              "rtt panel stop, if two versions of RTT are installed");
}

}  // namespace

struct Peer::State : std::enable_shared_from_this<Peer::State> {
  enum class Phase : std::uint8_t { kHandshake, kOpen, kClosed };

  struct Ask {
    std::uint32_t id = 0;  // 0 while waiting
    std::int64_t due_ns = kNever;
    OnAnswer on_answer;
    OnPart on_part;
    // While waiting:
    std::string verb, args;
    std::vector<os::Fd> fds;
    std::int64_t deadline_ms = 0;
    [[nodiscard]] std::size_t bytes() const { return verb.size() + args.size(); }
  };

  State(os::Loop& the_loop, Options the_options, OnRequest request, OnClosed closed)
      : loop(the_loop),
        options(std::move(the_options)),
        on_request(std::move(request)),
        on_closed(std::move(closed)) {}

  void begin(os::Fd socket);
  Status on_frame(const fabric::Frame& frame, std::vector<os::Fd>& arrived);
  Status handshake(std::uint32_t id, const MessageBody& body);
  Status welcome(std::uint32_t id, const HelloMessage& hello);
  Status take_request(std::uint32_t id, const RequestMessage& message, std::vector<os::Fd> fds);
  Status take_answer(std::uint32_t id, const MessageBody& body, fabric::Flag more, std::vector<os::Fd> fds);

  Status send(std::uint32_t id, const MessageBody& body, std::uint16_t more, std::vector<os::Fd> fds);
  void respond_part(std::uint32_t id, const text::Json& body);
  void respond(std::uint32_t id, Result<Answer> answer);
  void add(Ask ask);
  void pump();
  void fail_later(OnAnswer on_answer, Error why);
  void arm(std::int64_t due_ns);
  void expire();
  void fail_all(const Error& why);
  void closed(const Error& why);
  void close(Error why);

  os::Loop& loop;
  Options options;
  OnRequest on_request;
  OnClosed on_closed;
  std::shared_ptr<fabric::FrameSocket> socket;
  Encoder encoder;
  Decoder decoder;
  os::PeerIdentity identity;
  std::string client_name;
  std::uint64_t generation = 0;
  Phase phase = Phase::kHandshake;
  os::Loop::TimerId handshake_timer = 0, deadline_timer = 0;
  std::int64_t armed_ns = kNever;
  std::uint32_t last_id = 0;
  std::vector<Ask> asked;   // by us and not answered; at most kInFlightMax, so searched in line
  std::deque<Ask> waiting;  // for the handshake or for a place among them
  std::size_t waiting_bytes = 0;
  std::vector<std::uint32_t> answering;  // requests of the other end
  bool given_up = false;                 // the Peer was destroyed
};

struct Responder::State {
  std::weak_ptr<Peer::State> peer;
  std::uint32_t id = 0;
  bool finished = false;

  State(std::weak_ptr<Peer::State> the_peer, std::uint32_t the_id) : peer(std::move(the_peer)), id(the_id) {}
  ~State() {
    if (finished) return;
    if (const auto alive = peer.lock()) {
      alive->respond(id, fail(Code::kInternal, "the request was dropped without an answer"));
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

void Responder::part(const text::Json& body) const {
  if (state_->finished) return;
  if (const auto alive = state_->peer.lock()) alive->respond_part(state_->id, body);
}

void Responder::finish(Result<Answer> answer) const {
  if (std::exchange(state_->finished, true)) return;
  if (const auto alive = state_->peer.lock()) alive->respond(state_->id, std::move(answer));
}

// ---- beginning and end

std::shared_ptr<Peer> Peer::start(os::Loop& loop, os::Fd socket, Options options, OnRequest on_request,
                                  OnClosed on_closed) {
  std::shared_ptr<Peer> peer(new Peer);
  peer->state_ =
      std::make_shared<State>(loop, std::move(options), std::move(on_request), std::move(on_closed));
  peer->state_->begin(std::move(socket));
  return peer;
}

void Peer::State::begin(os::Fd fd) {
  const auto weak = weak_from_this();
  const auto not_started = [this, weak](Error why) {
    phase = Phase::kClosed;
    loop.post([weak, why = std::move(why)] {
      if (const auto self = weak.lock()) self->on_closed(why);
    });
  };
  const auto who = os::peer_identity(fd.get());
  if (!who) return not_started(who.error());
  identity = *who;
  if (identity.uid != options.owner_uid.value_or(os::own_uid())) {
    return not_started(
        Error{.code = Code::kNotOwner,
              .message = fmt::format("process {} at the other end belongs to user {}, not to the owner",
                                     identity.pid, identity.uid),
              .where = {},
              .hint = "run rtt as the user whose workspace this is"});
  }
  auto started = fabric::FrameSocket::start(
      loop, std::move(fd),
      {.payload_bytes_max = limits::kControlBytesMax,
       .queue_bytes_max = limits::kClientQueueBytesMax,
       .fds_max = limits::kFdsPerFrameMax},
      [weak](const fabric::Frame& frame, std::vector<os::Fd>& arrived) -> Status {
        const auto self = weak.lock();
        return self ? self->on_frame(frame, arrived) : Status{};
      },
      [weak](const Error& why) {
        if (const auto self = weak.lock()) self->closed(why);
      });
  if (!started) return not_started(started.error());
  socket = std::move(*started);
  handshake_timer = loop.after(nanos_from_ms(kHandshakeMs), [weak] {
    const auto self = weak.lock();
    if (self && self->phase == Phase::kHandshake) {
      self->close({.code = Code::kDeadline, .message = "the other end did not say hello in time"});
    }
  });
  if (options.role == Role::kConnecting) {
    const HelloMessage hello{
        .proto_min = options.proto_min, .proto_max = options.proto_max, .client = options.client_name};
    (void)send(++last_id, hello, 0, {});  // a failure reaches on_closed
  }
}

Peer::Peer() = default;

Peer::~Peer() {
  State& state = *state_;
  state.phase = State::Phase::kClosed;
  state.given_up = true;
  if (state.socket) state.socket->close();
  state.loop.cancel(state.handshake_timer);
  state.loop.cancel(state.deadline_timer);
  const Error why{.code = Code::kLost, .message = "the connection was given up"};
  for (State::Ask& ask : state.asked) state.fail_later(std::move(ask.on_answer), why);
  for (State::Ask& ask : state.waiting) state.fail_later(std::move(ask.on_answer), why);
}

void Peer::close() {
  state_->close({.code = Code::kCancelled, .message = "the connection was closed on this side"});
}
bool Peer::open() const { return state_->phase != State::Phase::kClosed; }
const os::PeerIdentity& Peer::identity() const { return state_->identity; }
std::uint64_t Peer::generation() const { return state_->generation; }
const std::string& Peer::client_name() const { return state_->client_name; }

void Peer::State::close(Error why) {
  if (phase == Phase::kClosed) return;
  phase = Phase::kClosed;
  socket->close_because(std::move(why));
}

void Peer::State::closed(const Error& why) {
  const auto self = shared_from_this();
  phase = Phase::kClosed;
  loop.cancel(std::exchange(handshake_timer, 0));
  loop.cancel(std::exchange(deadline_timer, 0));
  fail_all(why);
  if (!given_up) on_closed(why);
}

void Peer::State::fail_all(const Error& why) {
  std::vector<Ask> lost = std::move(asked);
  asked.clear();
  for (Ask& ask : waiting) lost.push_back(std::move(ask));
  waiting.clear();
  waiting_bytes = 0;
  answering.clear();
  for (Ask& ask : lost) {
    ask.on_answer(std::unexpected(Error{.code = Code::kLost,
                                        .message = "the connection ended before the answer came",
                                        .where = why.where,
                                        .hint = why.hint,
                                        .causes = {why.message}}));
  }
}

// ---- messages in

Status Peer::State::on_frame(const fabric::Frame& frame, std::vector<os::Fd>& arrived) {
  const fabric::Header& header = frame.header;
  if (phase == Phase::kClosed) return {};
  RTT_TRY(check_header(header));
  RTT_TRY_SET(const Message message, decoder.decode(frame.payload));
  if (message.fds > arrived.size()) return fail(Code::kFrame, "bad frame: declared descriptors did not come");
  const auto own = arrived.begin() + message.fds;
  std::vector<os::Fd> fds(std::make_move_iterator(arrived.begin()), std::make_move_iterator(own));
  arrived.erase(arrived.begin(), own);

  const bool more = (header.flags & fabric::kMore) != 0;
  if (more && !std::holds_alternative<AnswerMessage>(message.body))
    return broken("only an answer comes in parts");
  if (phase == Phase::kHandshake) return handshake(header.frame_id, message.body);
  if (const auto* request = std::get_if<RequestMessage>(&message.body)) {
    return take_request(header.frame_id, *request, std::move(fds));
  }
  if (std::holds_alternative<HelloMessage>(message.body) ||
      std::holds_alternative<WelcomeMessage>(message.body)) {
    return broken("a second handshake");
  }
  return take_answer(header.frame_id, message.body, more ? fabric::kMore : fabric::Flag{}, std::move(fds));
}

Status Peer::State::handshake(std::uint32_t id, const MessageBody& body) {
  if (options.role == Role::kAccepting) {
    const auto* hello = std::get_if<HelloMessage>(&body);
    if (hello == nullptr) {
      Error error = broken("the first message must be Hello").error();
      (void)send(id, error, 0, {});  // the connection ends either way; the error returned says why
      return std::unexpected(std::move(error));
    }
    RTT_TRY(welcome(id, *hello));
  } else {
    if (const auto* error = std::get_if<Error>(&body)) return std::unexpected(*error);
    const auto* answer = std::get_if<WelcomeMessage>(&body);
    if (answer == nullptr || id != 1) return broken("Hello was not answered with Welcome");
    if (answer->proto < options.proto_min || answer->proto > options.proto_max) {
      return broken(fmt::format("it chose version {} of the protocol", answer->proto));
    }
    generation = answer->generation;
  }
  phase = Phase::kOpen;
  loop.cancel(std::exchange(handshake_timer, 0));
  pump();
  return {};
}

Status Peer::State::welcome(std::uint32_t id, const HelloMessage& hello) {
  const std::uint32_t proto = std::min(hello.proto_max, options.proto_max);
  if (proto < std::max(hello.proto_min, options.proto_min)) {
    Error error{
        .code = Code::kPanelProtocol,
        .message = fmt::format("no common version of the control protocol: here {} to {}, there {} to {}",
                               options.proto_min, options.proto_max, hello.proto_min, hello.proto_max),
        .where = {},
        .hint = "rtt panel stop, then repeat: the panel was started by another version of rtt"};
    (void)send(id, error, 0, {});  // the connection ends either way; the error returned says why
    return std::unexpected(std::move(error));
  }
  client_name = hello.client;
  return send(id,
              WelcomeMessage{.proto = proto,
                             .panel_pid = static_cast<std::uint32_t>(os::own_pid()),
                             .generation = options.generation},
              0, {});
}

Status Peer::State::take_request(std::uint32_t id, const RequestMessage& message, std::vector<os::Fd> fds) {
  if (std::find(answering.begin(), answering.end(), id) != answering.end()) {
    return broken(fmt::format("request id {} is in use", id));
  }
  if (answering.size() >= kInFlightMax) {
    return send(id,
                Error{.code = Code::kBusy, .message = fmt::format("{} requests are under way", kInFlightMax)},
                0, {});
  }
  Request request{.verb = std::string(message.verb),
                  .args = text::Json::object({}),
                  .fds = std::move(fds),
                  .directory = std::string(message.directory),
                  .search = std::string(message.search.empty() ? "upward" : message.search),
                  .deadline_ms = message.deadline_ms};
  if (!message.args.empty()) {
    auto args = text::parse_json(message.args, {.source_name = "args"});
    if (args && !args->is_object()) args = fail(Code::kBadShape, "the arguments are no JSON object", "args");
    if (!args)
      return send(id, std::move(args).error().in(fmt::format("bad request `{}`", message.verb)), 0, {});
    request.args = std::move(*args);
  }
  answering.push_back(id);
  on_request(std::move(request), Responder(std::make_shared<Responder::State>(weak_from_this(), id)));
  return {};
}

Status Peer::State::take_answer(std::uint32_t id, const MessageBody& body, fabric::Flag more,
                                std::vector<os::Fd> fds) {
  const auto at = std::find_if(asked.begin(), asked.end(), [id](const Ask& ask) { return ask.id == id; });
  if (at == asked.end()) {
    if (!was_asked(id, last_id))
      return broken(fmt::format("an answer to request {}, which nobody asked", id));
    return {};  // late: its deadline passed
  }
  Result<Answer> answer = std::unexpected(Error{});
  if (const auto* error = std::get_if<Error>(&body)) {
    answer = std::unexpected(*error);
  } else {
    const std::string_view json = std::get<AnswerMessage>(body).json;
    auto parsed = json.empty() ? Result<text::Json>(text::Json::object({})) : text::parse_json(json);
    if (parsed) {
      answer = Answer{.body = std::move(*parsed), .fds = std::move(fds)};
    } else {
      answer = std::unexpected(
          broken("an answer is no JSON").error().in("unreadable answer: " + parsed.error().message));
    }
  }
  if (more != 0 && answer) {
    if (at->on_part) {
      const OnPart on_part = at->on_part;  // a copy: the handler may ask more and so move the table
      on_part(std::move(answer->body));
    }
    return {};
  }
  const OnAnswer on_answer = std::move(at->on_answer);
  if (&*at != &asked.back()) *at = std::move(asked.back());
  asked.pop_back();
  pump();
  on_answer(std::move(answer));
  return {};
}

// ---- messages out

Status Peer::State::send(std::uint32_t id, const MessageBody& body, std::uint16_t more,
                         std::vector<os::Fd> fds) {
  RTT_TRY_SET(const ByteView payload, encoder.encode(body, fds.size()));
  RTT_TRY(socket->room_for(fabric::kHeaderBytes + payload.size()));
  return socket->send(
      {.flags = static_cast<std::uint16_t>(fabric::kControl | more), .route_id = 0, .frame_id = id},
      {payload}, std::move(fds));
}

void Peer::State::respond_part(std::uint32_t id, const text::Json& body) {
  if (phase != Phase::kOpen) return;
  const Status sent = send(id, AnswerMessage{.json = text::to_json(body)}, fabric::kMore, {});
  if (sent) return;
  if (sent.error().code == Code::kTooLarge) {
    respond(id, std::unexpected(sent.error()));
  } else {
    close(sent.error());
  }
}

void Peer::State::respond(std::uint32_t id, Result<Answer> answer) {
  const auto at = std::find(answering.begin(), answering.end(), id);
  if (at == answering.end()) return;
  *at = answering.back();
  answering.pop_back();
  if (phase != Phase::kOpen) return;
  Status sent;
  if (answer) {
    const std::string text = answer->text.empty() ? text::to_json(answer->body) : std::move(answer->text);
    sent = send(id, AnswerMessage{.json = text}, 0, std::move(answer->fds));
  } else {
    sent = send(id, std::move(answer).error(), 0, {});
  }
  if (!sent && sent.error().code == Code::kTooLarge) sent = send(id, sent.error(), 0, {});
  // An answer that cannot be kept ends the connection: the asker does not read, and must not wait for it.
  if (!sent) close(sent.error());
}

void Peer::ask(std::string verb, const text::Json& args, OnAnswer on_answer, std::vector<os::Fd> fds,
               std::int64_t deadline_ms, OnPart on_part) {
  State::Ask ask{.due_ns = kNever,
                 .on_answer = std::move(on_answer),
                 .on_part = std::move(on_part),
                 .verb = std::move(verb),
                 .args = is_empty(args) ? std::string() : text::to_json(args),
                 .fds = std::move(fds),
                 .deadline_ms = deadline_ms};
  if (deadline_ms >= 0)
    ask.due_ns = (os::now() + nanos_from_ms(std::min<std::int64_t>(deadline_ms, 1'000'000'000))).ns;
  state_->add(std::move(ask));
}

void Peer::State::add(Ask ask) {
  if (phase == Phase::kClosed) {
    return fail_later(std::move(ask.on_answer), {.code = Code::kLost, .message = "the connection is closed"});
  }
  if (ask.fds.size() > static_cast<std::size_t>(limits::kFdsPerFrameMax)) {
    return fail_later(
        std::move(ask.on_answer),
        {.code = Code::kLimit,
         .message = fmt::format("more than {} descriptors in one request", limits::kFdsPerFrameMax)});
  }
  if (waiting.size() >= kWaitingAsksMax ||
      (!waiting.empty() && waiting_bytes + ask.bytes() > kWaitingBytesMax)) {
    return fail_later(std::move(ask.on_answer),
                      {.code = Code::kBusy, .message = "too many requests wait already"});
  }
  const std::int64_t due_ns = ask.due_ns;
  waiting_bytes += ask.bytes();
  waiting.push_back(std::move(ask));
  if (due_ns < armed_ns) arm(due_ns);
  pump();
}

void Peer::State::pump() {
  while (phase == Phase::kOpen && !waiting.empty() && asked.size() < kInFlightMax) {
    Ask ask = std::move(waiting.front());
    waiting.pop_front();
    waiting_bytes -= ask.bytes();
    last_id = fabric::next_frame_id(last_id);
    ask.id = last_id;
    const RequestMessage message{
        .verb = ask.verb, .args = ask.args, .directory = {}, .search = {}, .deadline_ms = ask.deadline_ms};
    if (const Status sent = send(ask.id, message, 0, std::move(ask.fds)); !sent) {
      fail_later(std::move(ask.on_answer), sent.error());
      continue;
    }
    ask.verb.clear();
    ask.args.clear();
    asked.push_back(std::move(ask));
  }
}

void Peer::State::fail_later(OnAnswer on_answer, Error why) {
  loop.post([on_answer = std::move(on_answer), why = std::move(why)] { on_answer(std::unexpected(why)); });
}

// One timer for all deadlines, set for the earliest. An answer does not touch it: it fires in vain at most
// once a deadline's length, where a timer of each request's own would cost two more operations per request.
void Peer::State::arm(std::int64_t due_ns) {
  loop.cancel(std::exchange(deadline_timer, 0));
  armed_ns = due_ns;
  if (due_ns == kNever) return;
  deadline_timer = loop.after(Instant{due_ns} - os::now(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->expire();
  });
}

void Peer::State::expire() {
  if (phase == Phase::kClosed) return;
  const std::int64_t now_ns = os::now().ns;
  std::vector<OnAnswer> late;
  std::int64_t next_ns = kNever;
  const auto is_late = [&](Ask& ask) {
    if (ask.due_ns > now_ns) {
      next_ns = std::min(next_ns, ask.due_ns);
      return false;
    }
    late.push_back(std::move(ask.on_answer));
    if (ask.id == 0) waiting_bytes -= ask.bytes();
    return true;
  };
  std::erase_if(asked, is_late);
  std::erase_if(waiting, is_late);
  deadline_timer = 0;
  arm(next_ns);
  pump();
  for (const OnAnswer& on_answer : late) {
    on_answer(fail(Code::kDeadline, "no answer came within the deadline"));
  }
}

}  // namespace rtt::api
