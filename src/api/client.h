// SPDX-License-Identifier: Apache-2.0
// Client: asks a panel over its socket and waits for the answer, without an event loop.
//
// What connect_service() and programs that only ask are made of. Answers are handed over as the JSON text
// they came in, so who only prints or forwards them does not pay for parsing. One request is one send, a
// small answer one receive.
//
// Owns: the socket and its buffers.   Thread: one.   Units: milliseconds.
// Fails: connect: kPanelDown (nobody listens), kNotOwner, kPanelProtocol (versions), kBusy (too many
// clients), kDeadline. ask: the other end's error unchanged, kDeadline (the connection stays usable),
// kTooLarge; kLost, kFrame, kPanelProtocol (the connection is closed, every later ask is kLost).
// Limits: kControlBytesMax, kFdsPerFrameMax.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/service.h"
#include "base/result.h"
#include "os/fd.h"

namespace rtt::api {

class Client {
 public:
  struct TextReply {
    std::string_view json;  // valid until the next ask
    std::vector<os::Fd> fds;
  };
  using OnPart = std::function<void(std::string_view json)>;

  static Result<Client> connect(const std::string& sockets_dir, std::string_view client_name);
  static Result<Client> over(os::Fd socket, std::string_view client_name);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  Result<TextReply> ask(const Ask& ask, const OnPart& on_part);
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] int panel_pid() const;

 private:
  Client();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::api
