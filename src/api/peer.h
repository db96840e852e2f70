// SPDX-License-Identifier: Apache-2.0
// Peer: one end of a control connection, for either side (docs/formats/control.md).
//
// Both ends may ask and answer: a client asks the panel, the panel asks a driver host, a host reports to the
// panel. A message is one RTT1 frame (fabric/frame.h, bit2 control, route_id 0) whose payload is a verified
// FlatBuffer (identifier RTTC): Hello, Welcome, Request{verb, args}, Answer{json}, Error. `args` and `json`
// are the documented JSON of the verb, so there is one representation of every answer, on the socket and on
// stdout. frame_id is the request id, chosen by the asker and echoed; what kind of message it is tells a
// request from its answer. Streamed answers set bit1 until the last. Descriptors ride on the frame's first
// byte.
//
// Owns: the socket.   Thread: the loop's, which outlives it.   Units: milliseconds.
// Fails: on_closed, once, later from the loop, whatever ended the connection (not when the Peer was destroyed
// before): kFrame, kPanelProtocol (the other end broke the rules), kNotOwner, kLost, kDeadline (no
// handshake), kBusy (it does not read its answers), kCancelled (close() on this side). Requests under way
// fail first, with kLost; each on_answer is called exactly once, later from the loop. ask: kDeadline, kBusy
// (its queue is full), kTooLarge, kPanelProtocol.
// Limits: kControlBytesMax a message, kControlInFlightMax requests under way each way (more from the other
// end are answered kBusy, more from here wait: kWaitingAsksMax of them), a bounded output queue, kHandshakeMs
// for the first messages.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/unix_socket.h"
#include "text/json.h"

namespace rtt::api {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kWaitingAsksMax = 1024;
inline constexpr std::int64_t kHandshakeMs = 5000;

struct Answer {
  text::Json body;
  std::vector<os::Fd> fds;
  std::string
      text;  // the body as JSON text, sent as it is instead of `body`; for answers that are kept as bytes
};

struct Request {
  std::string verb;
  text::Json args;  // an object
  std::vector<os::Fd> fds;
  std::string directory;  // as in Ask (service.h); empty between panel and hosts
  std::string search;     // "upward" | "exactly"
  std::int64_t deadline_ms = 30'000;
};

// How a handler answers: any number of part(), then exactly one finish(). Copyable; dropping the last copy
// without finish() answers kInternal. Safe to keep past the handler and after the peer is gone.
class Responder {
 public:
  void part(const text::Json& body) const;
  void finish(Result<Answer> answer) const;

  struct State;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

class Peer {
 public:
  using OnRequest = std::function<void(Request, Responder)>;
  using OnClosed = std::function<void(const Error& why)>;
  using OnAnswer = std::function<void(Result<Answer>)>;
  using OnPart = std::function<void(text::Json)>;

  enum class Role : std::uint8_t { kConnecting, kAccepting };
  struct Options {
    Role role = Role::kConnecting;
    std::string client_name;            // Hello.client
    std::uint64_t generation = 0;       // Welcome.generation (accepting side)
    std::optional<unsigned> owner_uid;  // who may be at the other end; absent = the user of this process
    std::uint32_t proto_min = kProtocolVersion, proto_max = kProtocolVersion;
  };
  // Connecting side sends Hello at once; requests may be queued before Welcome arrives. Calls back only
  // later.
  static std::shared_ptr<Peer> start(os::Loop& loop, os::Fd socket, Options options, OnRequest on_request,
                                     OnClosed on_closed);
  ~Peer();  // requests under way still fail, with kLost

  void ask(std::string verb, const text::Json& args, OnAnswer on_answer, std::vector<os::Fd> fds = {},
           std::int64_t deadline_ms = 30'000, OnPart on_part = nullptr);  // deadline_ms < 0: none
  void close();

  [[nodiscard]] bool open() const;  // until closed, the handshake included
  [[nodiscard]] const os::PeerIdentity& identity() const;
  [[nodiscard]] std::uint64_t generation() const;        // the other side's, after Welcome
  [[nodiscard]] const std::string& client_name() const;  // Hello.client, on the accepting side after Hello

 private:
  friend class Responder;
  friend struct Responder::State;
  Peer();
  struct State;
  std::shared_ptr<State> state_;  // shared with the message being handled, whose handler may destroy the Peer
};

}  // namespace rtt::api
