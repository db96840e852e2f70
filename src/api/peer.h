// SPDX-License-Identifier: Apache-2.0
// Peer: one end of a control connection, for either side (docs/formats/control.md).
//
// Both ends may ask and answer: a client asks the panel, the panel asks a driver host, a host reports to the panel. A
// message is one RTT1 frame (fabric/frame.h, bit2 control, route_id 0) whose payload is a verified FlatBuffer
// (identifier RTTC): Hello, Welcome, Request{verb, args}, Answer{json}, Failure. `args` and `json` are the documented
// JSON of the verb, so there is one representation of every answer, on the socket and on stdout. frame_id is the
// request id, chosen by the asker and echoed; replies set bit7; streamed answers set bit1 until the last. Descriptors
// ride on the frame's first byte.
//
// Owns: the socket.   Thread: the loop's.   Fails: kPanelProtocol, kFrame (connection dropped), kLost for requests
// under way when the other end goes, kDeadline, kBusy (over kControlInFlightMax).
// Limits: kControlBytesMax a message, kControlInFlightMax requests each way, a bounded output queue.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/unix_socket.h"
#include "text/json.h"

namespace rtt::api {

inline constexpr std::uint32_t kProtocolVersion = 1;

struct Answer {
  text::Json body;
  std::vector<os::Fd> fds;
};

struct Request {
  std::string verb;
  text::Json args;
  std::vector<os::Fd> fds;
};

// How a handler answers: any number of part(), then exactly one finish(). Copyable; dropping the last copy without
// finish() answers kInternal. Safe to keep past the handler and after the peer is gone.
class Responder {
 public:
  void part(text::Json body) const;
  void finish(Result<Answer> answer) const;

  struct State;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

class Peer : public std::enable_shared_from_this<Peer> {
 public:
  using OnRequest = std::function<void(Request, Responder)>;
  using OnClosed = std::function<void(const Error& why)>;
  using OnAnswer = std::function<void(Result<Answer>)>;
  using OnPart = std::function<void(text::Json)>;

  enum class Role : std::uint8_t { kConnecting, kAccepting };
  struct Options {
    Role role = Role::kConnecting;
    std::string client_name;           // Hello.client
    std::uint64_t generation = 0;      // Welcome.generation (accepting side)
  };
  // Connecting side sends Hello at once; requests may be queued before Welcome arrives.
  static std::shared_ptr<Peer> start(os::Loop& loop, os::Fd socket, Options options, OnRequest on_request,
                                     OnClosed on_closed);
  ~Peer();

  void ask(std::string verb, text::Json args, OnAnswer on_answer, std::vector<os::Fd> fds = {},
           std::int64_t deadline_ms = 30'000, OnPart on_part = nullptr);
  void close();
  [[nodiscard]] const os::PeerIdentity& identity() const;
  [[nodiscard]] std::uint64_t generation() const;  // the other side's, after Welcome

 private:
  Peer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::api
